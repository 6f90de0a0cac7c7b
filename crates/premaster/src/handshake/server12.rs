//! The server's side of the TLS 1.2 handshake (RFC 5246 section 7.3; the figure is in `client12`).
//!
//! The server has two key pairs: the long-term one of its certificate signs, the ephemeral one agrees and is
//! erased. With static exchanges the long-term one does both, and forward secrecy is gone.
use super::{
    Established, Secrets, authenticate,
    client12::{check_extended_master_secret, expect_finished, master_secret},
    established::Info,
    exchange12,
    negotiate::{self, Means},
    peer::{Message, Peer},
    record_keys::{opener12, sealer12},
    server,
};
use crate::{
    Error,
    config::ServerConfig,
    crypto::sign::SchemeUse,
    error::{Incompatible, Misbehaved},
    identity::{Credential, KeyUsage},
    observe::{Choice, Epoch, Event, Warning},
    record::CbcOrder,
    suite::Suite,
    wire::{
        CipherSuite, EcPointFormat, ExtensionType, HandshakeType, List, PerSide, ProtocolVersion, Side,
        SignatureScheme,
        extension::{self, Extensions, ProtocolName, push},
        message::{CertificateStatus, ClientHello, DOWNGRADE_TLS12, Finished, ServerHello, ServerHelloDone},
    },
};
use std::sync::Arc;

pub(super) async fn handshake(
    peer: Peer,
    config: Arc<ServerConfig>,
    message: Message,
) -> Result<Established, Error> {
    let hello = ClientHello::decode(message.body())?;
    if !hello.compression_methods.contains(&0) {
        return Err(Misbehaved::BadCompression.into());
    }
    let name = server::server_name(&hello)?;
    let Choice12 { suite, credential, means_group } = choose(&peer, &config, &hello, name.as_deref()).await?;
    peer.start_hash(suite.hash);
    let mut info = Info { server_name: name, group: means_group.map(|group| group.code), ..Info::new(suite) };
    let order = read_extensions(&peer, &config, &hello, &mut info)?;

    // The server's flight: hello, certificate, and the key that it agrees with.
    let randoms = PerSide { client: *hello.random, server: random(&config)? };
    let staple = credential
        .as_ref()
        .and_then(|credential| credential.ocsp())
        .filter(|_| hello.extensions.find(ExtensionType::STATUS_REQUEST).is_some());
    send_hello(&peer, &info, &hello, &randoms, order, credential.as_deref(), staple.is_some());
    if let Some(credential) = credential.as_ref().filter(|_| suite.key_exchange.has_certificate()) {
        authenticate::send_certificate12(&peer, Some(credential));
        if let Some(response) = staple {
            peer.send(&CertificateStatus { ocsp_response: response });
        }
    }
    let server_key =
        exchange12::publish(&peer, &config, means_group, &hello, &randoms, credential.as_ref(), &mut info)
            .await?;
    let verifier = config.client_authentication.verifier().filter(|_| suite.key_exchange.has_certificate());
    if let Some(verifier) = verifier {
        authenticate::request_certificate12(&peer, &config, verifier);
    } else {
        peer.forget_messages();
    }
    peer.send(&ServerHelloDone);
    peer.mailbox().flush()?;

    // The client's flight.
    let mut client = None;
    if let Some(verifier) = verifier {
        let message = peer.expect(HandshakeType::CERTIFICATE).await?;
        let required = config.client_authentication.is_required();
        client = authenticate::client_certificate12(&peer, &config, verifier, required, &message).await?;
    }
    let message = peer.expect(HandshakeType::CLIENT_KEY_EXCHANGE).await?;
    let premaster = exchange12::open(&peer, &config, suite, &hello, server_key, &message).await?;
    let master = master_secret(&peer, &info, suite, premaster, &randoms);
    if let Some(client) = client {
        let signed = peer.messages();
        let message = peer.expect(HandshakeType::CERTIFICATE_VERIFY).await?;
        let schemes = &config.policy.signature_schemes;
        info.peer_scheme = Some(authenticate::verify12(&peer, schemes, &client, &signed, &message)?);
        info.peer = Some(Arc::new(client.into_parts().0));
    }
    peer.forget_messages();
    let block = master.key_block(suite.key_block_layout(), &randoms.client, &randoms.server);
    peer.expect_change_cipher_spec().await?;
    peer.install_read(opener12(suite, &block, Side::Client, order)?, Epoch::Application(0));
    expect_finished(&peer, &master, Side::Client).await?;

    peer.send_change_cipher_spec()?;
    peer.install_write(sealer12(suite, &block, Side::Server, order)?, Epoch::Application(0))?;
    drop(block);
    let verify_data = master.verify_data(Side::Server, &peer.transcript_hash());
    peer.send(&Finished { verify_data: &verify_data });
    let secrets = Secrets::Tls12 { master, randoms: Box::new(randoms) };
    Ok(Established { info: Box::new(info), secrets })
}

struct Choice12 {
    suite: &'static Suite,
    credential: Option<Arc<Credential>>,
    means_group: Option<&'static crate::exchange::Group>,
}

/// The suite and the certificate, which depend on each other: the suite needs a key of its kind, and which keys
/// the client can use shows in the suites that it offers.
async fn choose(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    name: Option<&str>,
) -> Result<Choice12, Error> {
    let policy = &config.policy;
    // RFC 5246 section 7.4.1.4.1: without the extension the client accepts SHA-1, which this side never makes.
    let schemes = hello
        .extensions
        .get::<extension::SignatureAlgorithms<'_>>()?
        .map(|sent| sent.supported_signature_algorithms);
    let schemes: List<'_, SignatureScheme> = schemes.unwrap_or_default();
    let supported =
        hello.extensions.get::<extension::SupportedGroups<'_>>()?.map(|sent| sent.named_group_list);
    let keys = negotiate::keys12(policy, hello.cipher_suites, supported);
    let credential = match keys.is_empty() {
        true => None,
        false => Some(server::credential(peer, config, hello, name, schemes, Some(&keys)).await),
    };
    // No certificate may be just what a pre-shared key is for; if nothing else fits either, say why.
    let (credential, missing) = match credential {
        Some(Ok(credential)) => (Some(credential), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let usage = credential.as_ref().map(|credential| credential.key_usage());
    let allows = |use_of: fn(KeyUsage) -> bool| usage.is_some_and(use_of);
    let signs = credential.as_ref().is_some_and(|credential| {
        negotiate::scheme(credential.schemes(), credential.key_kind(), SchemeUse::Tls12, schemes).is_ok()
    });
    let means = Means {
        key: credential.as_ref().map(|credential| credential.key_kind()),
        may_sign: signs && allows(|usage| usage.digital_signature),
        may_encipher: credential.as_ref().is_some_and(|credential| credential.may_be_static()),
        may_agree: credential.as_ref().is_some_and(|credential| credential.may_be_static()),
        curve: negotiate::curve12(policy, supported),
        finite_field: negotiate::finite_field12(policy, supported),
        psk: !config.external_psks.is_none(),
    };
    let chosen = negotiate::suite12(policy, hello.cipher_suites, &means);
    let suite = match (chosen, missing) {
        (Ok(suite), _) => suite,
        (Err(Error::Incompatible(incompatible)), None) => {
            return Err(why_none(&incompatible, credential.as_deref(), &means, supported, policy, schemes));
        }
        (Err(_), Some(missing)) => return Err(missing),
        (Err(error), None) => return Err(error),
    };
    peer.tap().emit(|| Event::Chose { what: Choice::CipherSuite(suite.value.code), because: suite.because });
    if suite.value.is_deprecated() {
        peer.tap().emit(|| Event::Warning(Warning::DeprecatedKeyExchange(suite.value.code)));
    }
    let means_group = match suite.value.key_exchange {
        exchange if exchange.is_elliptic() && exchange.is_ephemeral() => means.curve,
        exchange if exchange.is_finite_field() && exchange.is_ephemeral() => means.finite_field,
        _ => None,
    };
    if let Some(group) = means_group {
        let because = "the first of this server's list that the client supports";
        peer.tap().emit(|| Event::Chose { what: Choice::Group(group.code), because });
    }
    Ok(Choice12 { suite: suite.value, credential, means_group })
}

/// No suite was possible: names the one thing that was missing, if it was one thing.
fn why_none(
    incompatible: &Incompatible,
    credential: Option<&Credential>,
    means: &Means,
    supported: Option<List<'_, crate::wire::NamedGroup>>,
    policy: &crate::Policy,
    schemes: List<'_, SignatureScheme>,
) -> Error {
    let common = |code: &CipherSuite| matches!(incompatible, Incompatible::CipherSuite { theirs, .. } if theirs.contains(code));
    let any_common = policy.cipher_suites.iter().any(common);
    if any_common
        && means.curve.is_none()
        && means.finite_field.is_none()
        && let Some(supported) = supported
    {
        return negotiate::no_group(policy, supported);
    }
    if any_common
        && !means.may_sign
        && let Some(credential) = credential
    {
        let ours = credential.schemes().to_vec();
        return Incompatible::SignatureScheme { ours, theirs: schemes.iter().collect() }.into();
    }
    incompatible.clone().into()
}

fn read_extensions(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    info: &mut Info,
) -> Result<CbcOrder, Error> {
    let extensions = &hello.extensions;
    let scsv = hello.cipher_suites.iter().any(|code| code == CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
    match extensions.get::<extension::RenegotiationInfo<'_>>()? {
        Some(renegotiation) if !renegotiation.renegotiated_connection.is_empty() => {
            return Err(Misbehaved::BadRenegotiationInfo.into());
        }
        Some(_) => info.secure_renegotiation = true,
        None => info.secure_renegotiation = scsv,
    }
    if !info.secure_renegotiation && config.policy.require_renegotiation_info {
        return Err(Misbehaved::RenegotiationInfoMissing.into());
    }
    info.extended_master_secret = extensions.get::<extension::ExtendedMasterSecret>()?.is_some();
    check_extended_master_secret(peer, config.policy.require_extended_master_secret, info)?;
    if let Some(points) = extensions.get::<extension::EcPointFormats<'_>>()?
        && !points.ec_point_format_list.contains(EcPointFormat::uncompressed)
    {
        return Err(Misbehaved::UncompressedPointsMissing.into());
    }
    info.alpn = negotiate::alpn(&config.alpn, config.ignore_unknown_alpn, hello)?;
    let offered = extensions.get::<extension::EncryptThenMac>()?.is_some();
    // RFC 7366 section 3: only with CBC; a client may well offer it beside AEAD suites.
    exchange12::cbc_order(
        info.suite,
        offered && config.policy.encrypt_then_mac && exchange12::is_cbc(info.suite),
    )
}

/// RFC 9846 section 4.1.3: a server that could have spoken TLS 1.3 says so.
fn random(config: &ServerConfig) -> Result<[u8; 32], Error> {
    let mut random = server::random(config)?;
    if config.policy.allows(ProtocolVersion::TLS_1_3) {
        random[24..].copy_from_slice(&DOWNGRADE_TLS12);
    }
    Ok(random)
}

fn send_hello(
    peer: &Peer,
    info: &Info,
    hello: &ClientHello<'_>,
    randoms: &PerSide<[u8; 32]>,
    order: CbcOrder,
    credential: Option<&Credential>,
    staple: bool,
) {
    let mut extensions = Vec::with_capacity(64);
    if info.secure_renegotiation {
        push(&mut extensions, &extension::RenegotiationInfo { renegotiated_connection: &[] });
    }
    if info.extended_master_secret {
        push(&mut extensions, &extension::ExtendedMasterSecret);
    }
    if info.server_name.is_some() {
        push(&mut extensions, &extension::ServerNameAcknowledged);
    }
    if info.suite.key_exchange.is_elliptic()
        && hello.extensions.find(ExtensionType::EC_POINT_FORMATS).is_some()
    {
        let uncompressed = List::from(&[EcPointFormat::uncompressed]);
        push(&mut extensions, &extension::EcPointFormats { ec_point_format_list: uncompressed });
    }
    if staple {
        push(&mut extensions, &extension::StatusRequestEmpty);
    }
    if let Some(list) = credential.and_then(Credential::scts)
        && hello.extensions.find(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP).is_some()
    {
        extension::push_encoded(&mut extensions, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, list);
    }
    if let Some(protocol) = &info.alpn {
        push(&mut extensions, &extension::SelectedProtocolName { protocol_name: ProtocolName(protocol) });
    }
    if order == CbcOrder::EncryptThenMac && exchange12::is_cbc(info.suite) {
        push(&mut extensions, &extension::EncryptThenMac);
    }
    peer.send(&ServerHello {
        legacy_version: ProtocolVersion::TLS_1_2,
        random: &randoms.server,
        session_id: &[],
        cipher_suite: info.suite.code,
        compression_method: 0,
        extensions: Extensions::from_encoded(&extensions),
    });
}
