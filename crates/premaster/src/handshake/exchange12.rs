//! TLS 1.2 key exchange on the wire: ServerKeyExchange and ClientKeyExchange, around an exchange that knows
//! nothing of messages.
//!
//! | exchange | the server publishes its key in | the client replies in |
//! |---|---|---|
//! | static | Certificate | ClientKeyExchange |
//! | ephemeral | ServerKeyExchange | ClientKeyExchange |
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
    exchange::{EphemeralKey, Group, GroupKind},
    identity::{Credential, Signed, VerifiedChain, server_key_exchange_content},
    observe::{Choice, Event, KeyLife},
    record::CbcOrder,
    schedule::tls12::PremasterSecret,
    suite::{KeyExchange, Protection, Suite},
    wire::{
        HandshakeType, PerSide, extension,
        message::{
            ClientHello, ClientKeyExchange, ClientKeyExchangeShape, EcdheParams, ExchangeKeys, KeysShape,
            Params, ParamsShape, ServerKeyExchange, ServerKeyExchangeShape,
        },
    },
};
use std::sync::Arc;

/// The server's key, as a client knows it.
pub(super) enum ServerPublic {
    /// From ServerKeyExchange, a point of a named curve.
    Curve(&'static Group, Vec<u8>),
}

/// The server's key, as the server knows it.
pub(super) enum ServerPrivate {
    /// Made for this handshake.
    Ephemeral(EphemeralKey),
}

/// The key that the server agrees with: read from ServerKeyExchange, and believed only when its signature holds.
pub(super) async fn server_key(
    peer: &Peer,
    offer: &Offer,
    suite: &'static Suite,
    randoms: &PerSide<[u8; 32]>,
    certificate: Option<&VerifiedChain>,
    info: &mut Info,
) -> Result<ServerPublic, Error> {
    let message = peer.expect(HandshakeType::SERVER_KEY_EXCHANGE).await?;
    let exchange = ServerKeyExchange::decode(message.body(), server_shape(suite.key_exchange))?;
    let params = exchange.params.as_ref().ok_or(Failure::Configuration)?;
    if let Some(signed) = exchange.signed {
        let mut encoded = Vec::with_capacity(256);
        params.encode(&mut encoded);
        let content = server_key_exchange_content(&randoms.client, &randoms.server, &encoded);
        let chain = certificate.ok_or(Misbehaved::NoCertificate)?;
        let offered = &offer.config.policy.signature_schemes;
        let signed = Signed {
            scheme: signed.scheme,
            usage: SchemeUse::Tls12,
            content: &content,
            signature: signed.signature,
        };
        chain.verify_signature(&signed, offered, &peer.tap())?;
        info.peer_scheme = Some(signed.scheme);
    }
    match params {
        Params::Ecdhe(EcdheParams { group, public }) => {
            let allowed = offer.config.policy.groups.contains(group);
            let row = Group::find(*group).filter(|row| allowed && row.kind == GroupKind::Curve);
            let row = row.ok_or(Misbehaved::UnofferedGroup)?;
            info.group = Some(*group);
            let because = "the server chose it from those offered";
            peer.tap().emit(|| Event::Chose { what: Choice::Group(*group), because });
            Ok(ServerPublic::Curve(row, public.to_vec()))
        }
        Params::Dhe(_) => Err(Failure::Configuration.into()),
    }
}

/// The client's half: encapsulates to the server's key, and sends the reply in ClientKeyExchange.
pub(super) fn encapsulate(peer: &Peer, offer: &Offer, key: ServerPublic) -> Result<PremasterSecret, Error> {
    let random = &*offer.config.random;
    match key {
        ServerPublic::Curve(group, public) => {
            let (reply, shared) = group.encapsulate(&public, random)?;
            authenticate::made_and_spent(peer, group, &reply);
            let exchange_keys = Some(ExchangeKeys::Ec(&reply));
            peer.send(&ClientKeyExchange { psk_identity: None, exchange_keys });
            Ok(shared.into())
        }
    }
}

/// The server's half: a key made for this handshake, sent in ServerKeyExchange, signed with the long-term key.
pub(super) async fn publish(
    peer: &Peer,
    config: &ServerConfig,
    suite: &'static Suite,
    group: Option<&'static Group>,
    hello: &ClientHello<'_>,
    randoms: &PerSide<[u8; 32]>,
    credential: Option<&Arc<Credential>>,
    info: &mut Info,
) -> Result<ServerPrivate, Error> {
    let group = group.ok_or(Failure::Configuration)?;
    let key = EphemeralKey::generate(group, &*config.random)?;
    peer.tap().emit(|| Event::EphemeralKey {
        group: Some(group.code),
        public: key.public(),
        life: KeyLife::Made,
    });
    let params = Params::Ecdhe(EcdheParams { group: group.code, public: key.public() });
    let mut signature = None;
    if suite.key_exchange.is_signed() {
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
    let signed = signature
        .as_ref()
        .map(|(scheme, signature)| crate::wire::message::Signed { scheme: *scheme, signature });
    peer.send(&ServerKeyExchange { psk_identity_hint: None, params: Some(params), signed });
    Ok(ServerPrivate::Ephemeral(key))
}

/// Opens the client's reply. An ephemeral key is spent by it.
pub(super) fn open(
    peer: &Peer,
    suite: &Suite,
    key: ServerPrivate,
    message: &Message,
) -> Result<PremasterSecret, Error> {
    let exchange = ClientKeyExchange::decode(message.body(), client_shape(suite.key_exchange))?;
    match (key, exchange.exchange_keys) {
        (ServerPrivate::Ephemeral(key), Some(ExchangeKeys::Ec(reply) | ExchangeKeys::Dh(reply))) => {
            let group = Some(key.group().code);
            let public = peer.tap().is_on().then(|| key.public().to_vec()).unwrap_or_default();
            let shared = key.open(reply)?;
            let life = KeyLife::SpentAndErased;
            peer.tap().emit(|| Event::EphemeralKey { group, public: &public, life });
            Ok(shared.into())
        }
        _ => Err(Failure::Configuration.into()),
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
