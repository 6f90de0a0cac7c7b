//! The server's side up to the choice of version.
use super::{
    Established,
    check_extensions::check_extensions,
    negotiate::{self, Keys12},
    peer::Peer,
    server12, server13,
};
use crate::{
    Error,
    config::ServerConfig,
    crypto::sign::SchemeUse,
    error::{Failure, Incompatible, Misbehaved},
    identity::{Ask, Credential},
    observe::{Choice, Event},
    wire::{
        CertificateType, HandshakeType, List, ProtocolVersion, SignatureScheme,
        extension::{self, Place},
        message::ClientHello,
    },
};
use smallvec::SmallVec;
use std::sync::Arc;

/// A server's handshake (RFC 9846 section 2, RFC 5246 section 7.3).
pub(crate) async fn handshake(peer: Peer, config: Arc<ServerConfig>) -> Result<Established, Error> {
    let message = peer.expect(HandshakeType::CLIENT_HELLO).await?;
    let hello = ClientHello::decode(message.body())?;
    config.limits.check_extensions(&hello.extensions)?;
    check_extensions(Place::ClientHello, &hello.extensions)?;
    peer.tap().identify(hello.random);
    let config = effective(config);
    let version = negotiate::version(&config.policy, &hello)?;
    peer.set_version(version.value);
    peer.tap().emit(|| Event::Chose { what: Choice::Version(version.value), because: version.because });
    match version.value {
        ProtocolVersion::TLS_1_3 => server13::handshake(peer, config, message).await,
        _ => server12::handshake(peer, config, message).await,
    }
}

/// The name that the client asks for (RFC 6066 section 3).
pub(crate) fn server_name(hello: &ClientHello<'_>) -> Result<Option<String>, Error> {
    let Some(asked) = hello.extensions.get::<extension::ServerName<'_>>()? else { return Ok(None) };
    let name = std::str::from_utf8(asked.host_name).map_err(|_| Misbehaved::BadServerName)?;
    pki_types::DnsName::try_from(name).map_err(|_| Misbehaved::BadServerName)?;
    Ok(Some(name.to_ascii_lowercase()))
}

/// What a client wants of a server's credential, in either version.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) certificate_types: &'a [CertificateType],
    pub(super) schemes: List<'a, SignatureScheme>,
}

/// The credential for this client, by name and by what the client can verify.
pub(super) async fn credential(
    peer: &Peer,
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    wanted: &Wanted<'_>,
    keys12: Option<&Keys12>,
) -> Result<Arc<Credential>, Error> {
    let &Wanted { name, certificate_types, schemes } = wanted;
    let schemes: SmallVec<[SignatureScheme; 24]> = schemes.iter().collect();
    let authorities = hello.extensions.get::<extension::CertificateAuthorities<'_>>()?;
    let authorities: Vec<&[u8]> =
        authorities.iter().flat_map(|list| list.authorities).map(|name| name.0).collect();
    let alpn = hello.extensions.get::<extension::ProtocolNameList<'_>>()?;
    let alpn: Vec<&[u8]> = alpn.iter().flat_map(|list| list.protocol_name_list).map(|name| name.0).collect();
    let ask = Ask {
        server_name: name,
        certificate_types,
        schemes: &schemes,
        usage: if keys12.is_some() { SchemeUse::Tls12 } else { SchemeUse::Tls13 },
        authorities: &authorities,
        key_kinds: keys12.map(|keys| &*keys.signing_kinds),
        static_kinds: keys12.map_or(&[], |keys| &*keys.static_kinds),
        alpn: &alpn,
    };
    let Some(credential) = config.credentials.choose(&ask).await else {
        return Err(match config.credentials.choose_whatever_the_schemes(&ask) {
            Some(own) => {
                Incompatible::SignatureScheme { ours: own.schemes().to_vec(), theirs: schemes.into_vec() }
            }
            None if config.credentials.has_other_types(&ask) => Incompatible::CertificateType,
            None => Incompatible::Certificate { name: name.map(str::to_owned) },
        }
        .into());
    };
    let because = "chosen by the name and by what the client can verify";
    peer.tap().emit(|| Event::Chose { what: Choice::Certificate(credential.leaf()), because });
    Ok(credential)
}

/// Hands out 32 bytes for ServerHello.random.
pub(super) fn random(config: &ServerConfig) -> Result<[u8; 32], Error> {
    let mut random = [0; 32];
    config.random.fill(&mut random).map_err(|_| Failure::Random)?;
    Ok(random)
}

/// The configuration without what is fenced, if its opt-ins have lapsed.
fn effective(config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    if !config.policy.has_fenced()
        || config.legacy.iter().any(|opt_in| opt_in.holds(None, config.clock.now()))
    {
        return config;
    }
    let mut narrowed = (*config).clone();
    narrowed.policy = Arc::new((*narrowed.policy).clone().without_fenced());
    Arc::new(narrowed)
}
