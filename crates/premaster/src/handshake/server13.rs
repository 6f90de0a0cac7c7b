//! The server's side of the TLS 1.3 handshake (RFC 9846 section 2; the figure is in `client13`).
use super::{
    Established, Secrets, authenticate,
    established::Info,
    negotiate::{self, Chosen, Share},
    peer::{Message, Peer},
    record_keys::{opener13, sealer13},
    server,
};
use crate::{
    Error,
    config::ServerConfig,
    crypto::sign::SchemeUse,
    error::Misbehaved,
    exchange::Group,
    observe::{Choice, Epoch, Event},
    schedule::{Kdf, tls13::EarlySecret},
    suite::Suite,
    wire::{
        ExtensionType, HandshakeType, ProtocolVersion, Side,
        extension::{self, Extensions, KeyShareEntry, ProtocolName, push},
        message::{ClientHello, EncryptedExtensions, Finished, HELLO_RETRY_REQUEST_RANDOM, ServerHello},
    },
};
use std::sync::Arc;

pub(super) async fn handshake(
    peer: Peer,
    config: Arc<ServerConfig>,
    mut message: Message,
) -> Result<Established, Error> {
    let hello = ClientHello::decode(message.body())?;
    let suite = suite(&peer, &config, &hello)?;
    peer.start_hash(suite.hash);
    let mut chosen = choose_share(&config, &hello)?;
    let mut info = Info { extended_master_secret: true, ..Info::new(suite) };

    if let Share::Retry(group) = chosen.value {
        info.hello_retry = true;
        let because = chosen.because;
        peer.tap().emit(|| Event::Chose { what: Choice::HelloRetryRequest, because });
        let second = retry(&peer, suite, group, &message).await?;
        check_second_hello(&message, &second, group)?;
        message = second;
        chosen = choose_share(&config, &ClientHello::decode(message.body())?)?;
    }
    peer.forget_messages();
    let hello = ClientHello::decode(message.body())?;
    let Share::Use(group, share) = chosen_again(chosen, &config, &hello)? else {
        return Err(Misbehaved::SecondHelloDiffers.into());
    };
    info.group = Some(group.code);
    peer.tap().emit(|| Event::Chose { what: Choice::Group(group.code), because: chosen.because });

    // What is answered: a name, a protocol, a certificate.
    info.server_name = server::server_name(&hello)?;
    info.alpn = negotiate::alpn(&config.alpn, config.ignore_unknown_alpn, &hello)?;
    let schemes = hello
        .extensions
        .get::<extension::SignatureAlgorithms<'_>>()?
        .ok_or(Misbehaved::NoSignatureAlgorithms)?
        .supported_signature_algorithms;
    let credential =
        server::credential(&peer, &config, &hello, info.server_name.as_deref(), schemes, None).await?;
    let scheme = negotiate::scheme(credential.schemes(), credential.key_kind(), SchemeUse::Tls13, schemes)?;
    peer.tap().emit(|| Event::Chose { what: Choice::SignatureScheme(scheme.value), because: scheme.because });
    info.own_scheme = Some(scheme.value);

    // Key exchange: a key made for this handshake meets the client's share, and is gone.
    let (reply, shared) = group.encapsulate(share, &*config.random)?;
    authenticate::made_and_spent(&peer, Some(group.code), &reply);
    send_hello(&peer, &config, suite, &hello, group, &reply)?;
    let handshake = EarlySecret::without_psk(Kdf::new(suite.hash, peer.tap())).into_handshake(shared);
    let handshake_traffic = handshake.traffic(&peer.transcript_hash());
    if !hello.session_id.is_empty() && !info.hello_retry {
        peer.send_change_cipher_spec()?;
    }
    peer.install_write(sealer13(suite, &handshake_traffic.server)?, Epoch::Handshake)?;
    peer.install_read(opener13(suite, &handshake_traffic.client)?, Epoch::Handshake);
    let main = handshake.into_main();

    // Server parameters and authentication.
    send_encrypted_extensions(&peer, &info, &hello);
    let verifier = config.client_authentication.verifier();
    if let Some(verifier) = verifier {
        authenticate::request_certificate13(&peer, &config, verifier);
    }
    authenticate::send_certificate13(&peer, &credential, &hello.extensions, &[]);
    authenticate::sign13(&peer, Side::Server, &credential, scheme.value).await?;
    let verify_data = handshake_traffic.server.verify_data(&peer.transcript_hash());
    peer.send(&Finished { verify_data: verify_data.as_ref() });
    let transcript = peer.transcript_hash();
    let application_traffic = main.application_traffic(&transcript);
    let exporter = main.exporter(&transcript);
    peer.install_write(sealer13(suite, &application_traffic.server)?, Epoch::Application(0))?;
    if verifier.is_none() {
        // A client that has to show a certificate gets no data before it has.
        peer.allow_sending();
    }

    // Authentication of the client.
    if let Some(verifier) = verifier {
        let message = peer.expect(HandshakeType::CERTIFICATE).await?;
        let required = config.client_authentication.is_required();
        if let Some(client) =
            authenticate::client_certificate13(&peer, &config, verifier, required, &message).await?
        {
            let signed = peer.transcript_hash();
            let message = peer.expect(HandshakeType::CERTIFICATE_VERIFY).await?;
            let schemes = &config.policy.signature_schemes;
            info.peer_scheme =
                Some(authenticate::verify13(&peer, Side::Client, schemes, &client, &signed, &message)?);
            info.peer = Some(Arc::new(client.into_parts().0));
        }
    }
    let transcript = peer.transcript_hash();
    let message = peer.expect(HandshakeType::FINISHED).await?;
    let finished = Finished::decode(message.body())?;
    if !handshake_traffic.client.verify(&transcript, finished.verify_data) {
        return Err(Misbehaved::WrongFinished.into());
    }
    peer.install_read(opener13(suite, &application_traffic.client)?, Epoch::Application(0));
    drop(main);
    Ok(Established {
        info: Box::new(info),
        secrets: Secrets::Tls13 { traffic: application_traffic, exporter },
    })
}

fn suite(peer: &Peer, config: &ServerConfig, hello: &ClientHello<'_>) -> Result<&'static Suite, Error> {
    // RFC 9846 section 4.1.2: one byte, zero.
    if hello.compression_methods != [0] {
        return Err(Misbehaved::BadCompression.into());
    }
    if hello.extensions.find(ExtensionType::PRE_SHARED_KEY).is_some()
        && hello.extensions.last() != Some(ExtensionType::PRE_SHARED_KEY)
    {
        return Err(Misbehaved::PreSharedKeyNotLast.into());
    }
    let suite = negotiate::suite13(&config.policy, hello.cipher_suites)?;
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.value.code), because: suite.because });
    Ok(suite.value)
}

fn choose_share<'a>(config: &ServerConfig, hello: &ClientHello<'a>) -> Result<Chosen<Share<'a>>, Error> {
    let supported = hello
        .extensions
        .get::<extension::SupportedGroups<'_>>()?
        .ok_or(Misbehaved::MissingExtension)?
        .named_group_list;
    let shares =
        hello.extensions.get::<extension::KeyShareClientHello<'a>>()?.ok_or(Misbehaved::MissingExtension)?;
    let shares: Vec<KeyShareEntry<'a>> = shares.client_shares.to_vec();
    for (index, share) in shares.iter().enumerate() {
        // RFC 9846 section 4.2.8: each group once, and only groups that are supported.
        if shares.iter().take(index).any(|other| other.group == share.group) {
            return Err(Misbehaved::DuplicateKeyShare.into());
        }
        if !supported.contains(share.group) {
            return Err(Misbehaved::ShareOfUnsupportedGroup.into());
        }
    }
    negotiate::share(&config.policy, supported, &shares)
}

/// Asks for a second ClientHello (RFC 9846 section 4.1.4).
async fn retry(
    peer: &Peer,
    suite: &'static Suite,
    group: &'static Group,
    first: &Message,
) -> Result<Message, Error> {
    let hello = ClientHello::decode(first.body())?;
    let mut extensions = Vec::new();
    push(
        &mut extensions,
        &extension::SupportedVersionsServerHello { selected_version: ProtocolVersion::TLS_1_3 },
    );
    push(&mut extensions, &extension::KeyShareHelloRetryRequest { selected_group: group.code });
    peer.restart_transcript(suite.hash, first.bytes(), None);
    peer.send(&ServerHello {
        legacy_version: ProtocolVersion::TLS_1_2,
        random: &HELLO_RETRY_REQUEST_RANDOM,
        session_id: hello.session_id,
        cipher_suite: suite.code,
        compression_method: 0,
        extensions: Extensions::from_encoded(&extensions),
    });
    if !hello.session_id.is_empty() {
        peer.send_change_cipher_spec()?;
    }
    peer.mailbox().flush()?;
    peer.expect(HandshakeType::CLIENT_HELLO).await
}

/// What a second ClientHello may change (RFC 9846 section 4.1.2): the key shares, to the one that was asked
/// for; early_data, cookie, pre_shared_key and padding. Nothing else.
fn check_second_hello(first: &Message, second: &Message, group: &'static Group) -> Result<(), Error> {
    let first = ClientHello::decode(first.body())?;
    let second = ClientHello::decode(second.body())?;
    let shares =
        second.extensions.get::<extension::KeyShareClientHello<'_>>()?.ok_or(Misbehaved::MissingExtension)?;
    let mut shares = shares.client_shares.iter();
    let asked_for =
        matches!((shares.next(), shares.next()), (Some(share), None) if share.group == group.code);
    const MAY_CHANGE: [ExtensionType; 5] = [
        ExtensionType::KEY_SHARE,
        ExtensionType::EARLY_DATA,
        ExtensionType::COOKIE,
        ExtensionType::PRE_SHARED_KEY,
        ExtensionType::PADDING,
    ];
    let fixed = |hello: &ClientHello<'_>| -> Vec<(ExtensionType, Vec<u8>)> {
        let fixed = hello.extensions.iter().filter(|(extension, _)| !MAY_CHANGE.contains(extension));
        fixed.map(|(extension, data)| (extension, data.to_vec())).collect()
    };
    let same = first.legacy_version == second.legacy_version
        && first.random == second.random
        && first.session_id == second.session_id
        && first.cipher_suites == second.cipher_suites
        && first.compression_methods == second.compression_methods
        && fixed(&first) == fixed(&second);
    match same && asked_for {
        true => Ok(()),
        false => Err(Misbehaved::SecondHelloDiffers.into()),
    }
}

/// The share in the hello that is answered in the end.
fn chosen_again<'a>(
    chosen: Chosen<Share<'_>>,
    config: &ServerConfig,
    hello: &ClientHello<'a>,
) -> Result<Share<'a>, Error> {
    match (chosen.value, choose_share(config, hello)?.value) {
        (Share::Use(group, _), Share::Use(again, share)) if group == again => Ok(Share::Use(group, share)),
        _ => Err(Misbehaved::SecondHelloDiffers.into()),
    }
}

fn send_hello(
    peer: &Peer,
    config: &ServerConfig,
    suite: &'static Suite,
    hello: &ClientHello<'_>,
    group: &'static Group,
    reply: &[u8],
) -> Result<(), Error> {
    let random = server::random(config)?;
    let mut extensions = Vec::with_capacity(16 + reply.len());
    push(
        &mut extensions,
        &extension::KeyShareServerHello {
            server_share: KeyShareEntry { group: group.code, key_exchange: reply },
        },
    );
    push(
        &mut extensions,
        &extension::SupportedVersionsServerHello { selected_version: ProtocolVersion::TLS_1_3 },
    );
    peer.send(&ServerHello {
        legacy_version: ProtocolVersion::TLS_1_2,
        random: &random,
        session_id: hello.session_id,
        cipher_suite: suite.code,
        compression_method: 0,
        extensions: Extensions::from_encoded(&extensions),
    });
    Ok(())
}

fn send_encrypted_extensions(peer: &Peer, info: &Info, hello: &ClientHello<'_>) {
    let mut extensions = Vec::new();
    if info.server_name.is_some() && hello.extensions.find(ExtensionType::SERVER_NAME).is_some() {
        push(&mut extensions, &extension::ServerNameAcknowledged);
    }
    if let Some(protocol) = &info.alpn {
        push(&mut extensions, &extension::SelectedProtocolName { protocol_name: ProtocolName(protocol) });
    }
    peer.send(&EncryptedExtensions { extensions: Extensions::from_encoded(&extensions) });
}
