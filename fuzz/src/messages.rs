//! Handshake messages: what decodes encodes to the same bytes, and can be shown.
use crate::{pair, script::Script};
use premaster::wire::{
    HandshakeType,
    message::{
        Body, Certificate12, Certificate13, CertificateRequest12, CertificateRequest13, CertificateStatus,
        CertificateVerify, ClientHello, ClientKeyExchange, ClientKeyExchangeShape, CompressedCertificate,
        EncryptedExtensions, EndOfEarlyData, Finished, HelloRequest, KeyUpdate, KeysShape,
        NewSessionTicket12, NewSessionTicket13, ParamsShape, RawPublicKey12, ServerHello, ServerHelloDone,
        ServerKeyExchange, ServerKeyExchangeShape, handshake,
    },
};
use std::fmt::Debug;

fn round<B: Body + Debug, E>(decoded: Result<B, E>, body: &[u8]) {
    let Ok(decoded) = decoded else { return };
    let mut again = Vec::new();
    decoded.encode(&mut again);
    assert_eq!(again, body, "{decoded:?}");
}

fn params(shape: u8) -> ParamsShape {
    [ParamsShape::None, ParamsShape::Ec, ParamsShape::Dh][usize::from(shape) % 3]
}

fn keys(shape: u8) -> KeysShape {
    [KeysShape::None, KeysShape::Rsa, KeysShape::Dh, KeysShape::Ec][usize::from(shape) % 4]
}

/// Decodes the rest as the message that the first byte names; the second says which form of it.
pub fn run(data: &[u8]) {
    if let Ok((kind, body)) = handshake::decode(data) {
        assert!(kind == HandshakeType(data[0]) && body.len() + 4 == data.len());
    }
    let mut script = Script::new(data);
    let (which, shape) = (script.below(22), script.byte());
    let body = script.rest();
    match which {
        0 => round(ClientHello::decode(body), body),
        1 => round(ServerHello::decode(body), body),
        2 => round(EncryptedExtensions::decode(body), body),
        3 => round(Certificate12::decode(body), body),
        4 => round(Certificate13::decode(body), body),
        5 => round(CertificateRequest12::decode(body), body),
        6 => round(CertificateRequest13::decode(body), body),
        7 => round(CertificateStatus::decode(body), body),
        8 => round(CertificateVerify::decode(body), body),
        9 => round(CompressedCertificate::decode(body), body),
        10 => round(EndOfEarlyData::decode(body), body),
        11 => round(Finished::decode(body), body),
        12 => round(HelloRequest::decode(body), body),
        13 => round(KeyUpdate::decode(body), body),
        14 => round(NewSessionTicket12::decode(body), body),
        15 => round(NewSessionTicket13::decode(body), body),
        16 => round(RawPublicKey12::decode(body), body),
        17 => round(ServerHelloDone::decode(body), body),
        18 | 19 => {
            let shape = ClientKeyExchangeShape { psk: shape & 4 != 0, keys: keys(shape) };
            round(ClientKeyExchange::decode(body, shape), body);
        }
        _ => {
            let (psk_hint, signed) = (shape & 4 != 0, shape & 8 != 0);
            let shape = ServerKeyExchangeShape { psk_hint, params: params(shape), signed };
            round(ServerKeyExchange::decode(body, shape), body);
        }
    }
}

/// The messages of real handshakes.
pub fn seeds() -> Vec<Vec<u8>> {
    let form = |kind: HandshakeType, tls13: bool| match (kind, tls13) {
        (HandshakeType::CLIENT_HELLO, _) => Some((0, 0)),
        (HandshakeType::SERVER_HELLO, _) => Some((1, 0)),
        (HandshakeType::ENCRYPTED_EXTENSIONS, _) => Some((2, 0)),
        (HandshakeType::CERTIFICATE, tls13) => Some((3 + u8::from(tls13), 0)),
        (HandshakeType::CERTIFICATE_REQUEST, tls13) => Some((5 + u8::from(tls13), 0)),
        (HandshakeType::CERTIFICATE_VERIFY, _) => Some((8, 0)),
        (HandshakeType::FINISHED, _) => Some((11, 0)),
        (HandshakeType::NEW_SESSION_TICKET, tls13) => Some((14 + u8::from(tls13), 0)),
        (HandshakeType::CLIENT_KEY_EXCHANGE, _) => Some((18, 3)),
        (HandshakeType::SERVER_KEY_EXCHANGE, _) => Some((20, 1 | 8)),
        _ => None,
    };
    let mut seeds = Vec::new();
    for (tls13, messages) in pair::messages() {
        for message in messages {
            if let Some((which, shape)) = form(HandshakeType(message[0]), tls13) {
                seeds.push([&[which, shape], &message[4..]].concat());
            }
        }
    }
    seeds
}
