//! TLS 1.2 key exchange on the wire: ServerKeyExchange and ClientKeyExchange, around an exchange that knows
//! nothing of messages.
//!
//! | exchange | the server publishes its key in | the client replies in |
//! |---|---|---|
//! | static: RSA, DH, ECDH | Certificate | ClientKeyExchange |
//! | ephemeral: DHE, ECDHE | ServerKeyExchange, signed | ClientKeyExchange |
//! | PSK alone | | ClientKeyExchange (the key's name) |
//!
//! DHE_PSK, ECDHE_PSK and RSA_PSK put a pre-shared key beside the exchange; the anonymous ones leave the
//! signature out.
use super::{
    authenticate,
    client::Offer,
    established::Info,
    negotiate,
    peer::{Message, Peer},
};
use crate::{
    Error,
    config::ServerConfig,
    crypto::sign::SchemeUse,
    error::{Failure, Misbehaved},
    exchange::{
        DhParameters, Group, GroupKind, PublishedKey, ServerKey, SharedSecret, StaticKind, StaticPublicKey,
        psk_premaster,
    },
    identity::{
        Credential, ExternalPsk, SignatureVerified, Signed, VerifiedChain, server_key_exchange_content,
    },
    observe::{Choice, Event, KeyLife, Tap, Warning},
    record::CbcOrder,
    schedule::tls12::PremasterSecret,
    suite::{KeyExchange, Protection, Suite},
    wire::{
        HandshakeType, NamedGroup, PerSide, extension,
        message::{
            self, ClientHello, ClientKeyExchange, ClientKeyExchangeShape, DheParams, EcdheParams,
            ExchangeKeys, KeysShape, Params, ParamsShape, ServerKeyExchange, ServerKeyExchangeShape,
        },
    },
};
use std::sync::Arc;

/// The key that the server agrees with, as the client learns it: from the certificate, or from
/// ServerKeyExchange, where it is believed only when its signature holds. None if only a PSK is used.
pub(super) async fn server_key(
    peer: &Peer,
    offer: &Offer,
    suite: &'static Suite,
    randoms: &PerSide<[u8; 32]>,
    certificate: Option<&VerifiedChain>,
    info: &mut Info,
) -> Result<(Option<PublishedKey>, Option<SignatureVerified>), Error> {
    let shape = server_shape(suite.key_exchange);
    let message = match (shape.params, shape.psk_hint) {
        // RFC 5246 section 7.4.3: with a static exchange this message is illegal, and the next `expect` says so.
        (ParamsShape::None, false) => None,
        // RFC 4279 section 2: it carries only a hint here, and may be left out.
        (ParamsShape::None, true) => peer.accept(HandshakeType::SERVER_KEY_EXCHANGE).await?,
        _ => Some(peer.expect(HandshakeType::SERVER_KEY_EXCHANGE).await?),
    };
    let exchange =
        message.as_ref().map(|message| ServerKeyExchange::decode(message.body(), shape)).transpose()?;
    let Some(params) = exchange.as_ref().and_then(|exchange| exchange.params) else {
        // Nothing is signed: who computes Finished has the key that the premaster secret went to.
        let proof = certificate.map(SignatureVerified::left_to_finished);
        return Ok((certified_key(offer, suite, certificate, info)?, proof));
    };
    let mut proof = None;
    if let Some(signed) = exchange.and_then(|exchange| exchange.signed) {
        let mut encoded = Vec::with_capacity(256);
        params.encode(&mut encoded);
        let content = server_key_exchange_content(&randoms.client, &randoms.server, &encoded);
        let chain = certificate.ok_or(Misbehaved::NoCertificate)?;
        let message::Signed { scheme, signature } = signed;
        let signed = Signed { scheme, usage: SchemeUse::Tls12, content: &content, signature };
        proof = Some(chain.verify_signature(&signed, &offer.policy.signature_schemes, &peer.tap())?);
        info.peer_scheme = Some(scheme);
    }
    let published = match params {
        Params::Ecdhe(EcdheParams { group, public }) => {
            PublishedKey::Named(offered_curve(offer, group)?, public.to_vec())
        }
        Params::Dhe(DheParams { p, g, ys }) => {
            PublishedKey::Explicit(DhParameters::accept(p, g, &offer.policy.key_limits)?, ys.to_vec())
        }
    };
    info.group = match &published {
        PublishedKey::Named(group, _) => Some(group.code),
        PublishedKey::Explicit(parameters, _) => parameters.name().and_then(NamedGroup::from_name),
        PublishedKey::Static(_) => None,
    };
    if let Some(group) = info.group {
        let because = "the server chose it";
        peer.tap().emit(|| Event::Chose { what: Choice::Group(group), because });
    }
    Ok((Some(published), proof))
}

fn offered_curve(offer: &Offer, code: NamedGroup) -> Result<&'static Group, Misbehaved> {
    let offered = offer.policy.groups.contains(&code);
    let group = Group::find(code).filter(|group| offered && group.kind == GroupKind::Curve);
    group.ok_or(Misbehaved::UnofferedGroup)
}

/// The certificate's key, in a static exchange.
fn certified_key(
    offer: &Offer,
    suite: &Suite,
    certificate: Option<&VerifiedChain>,
    info: &mut Info,
) -> Result<Option<PublishedKey>, Error> {
    if !suite.key_exchange.is_static() {
        return Ok(None);
    }
    let chain = certificate.ok_or(Misbehaved::NoCertificate)?;
    let spki = chain.identity().spki().ok_or(Misbehaved::WrongCertificateForSuite)?;
    let key = StaticPublicKey::from_spki(spki, &offer.policy.key_limits)?;
    let fits = match key.kind() {
        StaticKind::Rsa => matches!(suite.key_exchange, KeyExchange::Rsa | KeyExchange::RsaPsk),
        StaticKind::Dh => suite.key_exchange == KeyExchange::Dh,
        StaticKind::Ecdh(group) => {
            // RFC 8422 section 5.3: the certificate's curve must be one that was offered.
            info.group = Some(offered_curve(offer, group)?.code);
            suite.key_exchange == KeyExchange::Ecdh
        }
    };
    match fits {
        true => Ok(Some(PublishedKey::Static(key))),
        false => Err(Misbehaved::WrongCertificateForSuite.into()),
    }
}

/// The client's half: replies to the server's key, in ClientKeyExchange, and names the PSK if there is one.
pub(super) fn encapsulate(
    peer: &Peer,
    offer: &Offer,
    suite: &Suite,
    key: Option<PublishedKey>,
) -> Result<PremasterSecret, Error> {
    let psk = match suite.key_exchange.has_psk() {
        true => Some(offer.config.external_psks.first().ok_or(Failure::Configuration)?),
        false => None,
    };
    let offered = crate::wire::ProtocolVersion::TLS_1_2;
    let replied = key.as_ref().map(|key| offer.config.keys().reply_to(key, offered)).transpose()?;
    let (reply, shared) = replied.unzip();
    let exchange_keys = reply.as_ref().map(|reply| match client_shape(suite.key_exchange).keys {
        KeysShape::Rsa => ExchangeKeys::Rsa(reply),
        KeysShape::Ec => ExchangeKeys::Ec(reply),
        KeysShape::Dh | KeysShape::None => ExchangeKeys::Dh(reply),
    });
    if let Some(ExchangeKeys::Ec(public) | ExchangeKeys::Dh(public)) = exchange_keys {
        // Even against a static key the client's half is made for this handshake alone.
        authenticate::made_and_spent(peer, peer_group(key.as_ref()), public);
    }
    peer.send(&ClientKeyExchange { psk_identity: psk.map(|psk| psk.identity()), exchange_keys });
    premaster(shared, psk.map(|psk| &**psk))
}

const fn peer_group(key: Option<&PublishedKey>) -> Option<NamedGroup> {
    match key {
        Some(PublishedKey::Named(group, _)) => Some(group.code),
        _ => None,
    }
}

/// The server's half: a key made for this handshake, sent in ServerKeyExchange and signed with the long-term
/// key; or the long-term key itself.
pub(super) async fn publish(
    peer: &Peer,
    config: &ServerConfig,
    group: Option<&'static Group>,
    hello: &ClientHello<'_>,
    randoms: &PerSide<[u8; 32]>,
    credential: Option<&Arc<Credential>>,
    info: &mut Info,
) -> Result<Option<ServerKey>, Error> {
    let exchange = info.suite.key_exchange;
    if !exchange.is_ephemeral() {
        return match exchange.is_static() {
            true => {
                let key = credential.and_then(|credential| credential.static_key());
                Ok(Some(ServerKey::Static(key.ok_or(Failure::Configuration)?)))
            }
            false => {
                // RFC 4279 section 2: no hint, no message.
                let hint = &*config.psk_identity_hint;
                if !hint.is_empty() {
                    let psk_identity_hint = Some(hint);
                    peer.send(&ServerKeyExchange { psk_identity_hint, params: None, signed: None });
                }
                Ok(None)
            }
        };
    }
    let group = group.ok_or(Failure::Configuration)?;
    let key = config.keys().ephemeral(group)?;
    peer.tap().emit(|| Event::EphemeralKey {
        group: Some(group.code),
        public: key.public(),
        life: KeyLife::Made,
    });
    let params = match group.dh_parameters() {
        Some((p, g)) => Params::Dhe(DheParams { p, g, ys: key.public() }),
        None => Params::Ecdhe(EcdheParams { group: group.code, public: key.public() }),
    };
    let mut signature = None;
    if exchange.is_signed() {
        let mut encoded = Vec::with_capacity(256);
        params.encode(&mut encoded);
        let content = server_key_exchange_content(&randoms.client, &randoms.server, &encoded);
        let credential = credential.ok_or(Failure::Configuration)?;
        let theirs = hello.extensions.get::<extension::SignatureAlgorithms<'_>>()?;
        let theirs = theirs.ok_or(Misbehaved::NoSignatureAlgorithms)?.supported_signature_algorithms;
        let scheme =
            negotiate::scheme(credential.schemes(), credential.key_kind(), SchemeUse::Tls12, theirs)?;
        peer.tap()
            .emit(|| Event::Chose { what: Choice::SignatureScheme(scheme.value), because: scheme.because });
        let signed =
            authenticate::sign(&peer.tap(), credential, scheme.value, SchemeUse::Tls12, &content).await?;
        info.own_scheme = Some(scheme.value);
        signature = Some((scheme.value, signed));
    }
    let signed = signature.as_ref().map(|(scheme, signature)| message::Signed { scheme: *scheme, signature });
    let psk_identity_hint = exchange.has_psk().then_some(&*config.psk_identity_hint);
    peer.send(&ServerKeyExchange { psk_identity_hint, params: Some(params), signed });
    Ok(Some(ServerKey::Ephemeral(key)))
}

/// Opens the client's reply. An ephemeral key is spent by it.
pub(super) async fn open(
    peer: &Peer,
    config: &ServerConfig,
    suite: &Suite,
    hello: &ClientHello<'_>,
    key: Option<ServerKey>,
    message: &Message,
) -> Result<PremasterSecret, Error> {
    let exchange = ClientKeyExchange::decode(message.body(), client_shape(suite.key_exchange))?;
    let psk = match exchange.psk_identity {
        Some(identity) => {
            Some(config.external_psks.find(identity).await.ok_or(Misbehaved::PskIdentityUnknown)?)
        }
        None => None,
    };
    let shared = match (key, exchange.exchange_keys) {
        (Some(key), Some(ExchangeKeys::Rsa(reply) | ExchangeKeys::Dh(reply) | ExchangeKeys::Ec(reply))) => {
            Some(spend(peer, key, reply, hello, config)?)
        }
        _ => None,
    };
    premaster(shared, psk.as_deref())
}

fn spend(
    peer: &Peer,
    key: ServerKey,
    reply: &[u8],
    hello: &ClientHello<'_>,
    config: &ServerConfig,
) -> Result<SharedSecret, Error> {
    let tap = peer.tap();
    let ephemeral = match &key {
        ServerKey::Ephemeral(key) if tap.is_on() => Some((key.group().code, key.public().to_vec())),
        _ => None,
    };
    let shared = key.open(reply, hello.legacy_version, &*config.random)?;
    if let Some((group, public)) = ephemeral {
        tap.emit(|| Event::EphemeralKey {
            group: Some(group),
            public: &public,
            life: KeyLife::SpentAndErased,
        });
    }
    Ok(shared)
}

fn premaster(shared: Option<SharedSecret>, psk: Option<&ExternalPsk>) -> Result<PremasterSecret, Error> {
    match (shared, psk) {
        (shared, Some(psk)) => Ok(PremasterSecret::new(psk_premaster(shared, psk.key().expose())?)),
        (Some(shared), None) => Ok(shared.into()),
        (None, None) => Err(Failure::Configuration.into()),
    }
}

const fn server_shape(exchange: KeyExchange) -> ServerKeyExchangeShape {
    let params = match (exchange.is_ephemeral(), exchange.is_elliptic()) {
        (true, true) => ParamsShape::Ec,
        (true, false) => ParamsShape::Dh,
        (false, _) => ParamsShape::None,
    };
    ServerKeyExchangeShape { psk_hint: exchange.has_psk(), params, signed: exchange.is_signed() }
}

const fn client_shape(exchange: KeyExchange) -> ClientKeyExchangeShape {
    let keys = match exchange {
        KeyExchange::Rsa | KeyExchange::RsaPsk => KeysShape::Rsa,
        KeyExchange::Psk => KeysShape::None,
        exchange if exchange.is_elliptic() => KeysShape::Ec,
        _ => KeysShape::Dh,
    };
    ClientKeyExchangeShape { psk: exchange.has_psk(), keys }
}

/// Tells the observer what is weak in the suite that was chosen.
pub(super) fn warn_of(tap: &Tap, suite: &Suite) {
    let exchange = suite.key_exchange;
    if exchange.is_deprecated() {
        tap.emit(|| Event::Warning(Warning::DeprecatedKeyExchange(suite.code)));
    } else if !exchange.is_ephemeral() {
        tap.emit(|| Event::Warning(Warning::NotForwardSecret(suite.code)));
    }
    if is_cbc(suite) {
        tap.emit(|| Event::Warning(Warning::DiscouragedRecordProtection(suite.code)));
    }
}

/// Whether a suite has a MAC apart from its cipher.
pub(super) const fn is_cbc(suite: &Suite) -> bool {
    matches!(suite.protection, Protection::Cbc { .. })
}

/// Whether the MAC is made over the plaintext or over the ciphertext (RFC 7366).
pub(super) fn cbc_order(suite: &Suite, encrypt_then_mac: bool) -> Result<CbcOrder, Error> {
    match encrypt_then_mac {
        true if is_cbc(suite) => Ok(CbcOrder::EncryptThenMac),
        true => Err(Misbehaved::EncryptThenMacWithoutCbc.into()),
        false => Ok(CbcOrder::MacThenEncrypt),
    }
}
