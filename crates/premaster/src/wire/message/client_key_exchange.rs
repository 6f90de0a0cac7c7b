//! ClientKeyExchange of TLS 1.2 (RFC 5246 section 7.4.7, RFC 8422 section 5.7, RFC 4279, RFC 5489).
use super::Body;
use crate::wire::{
    DecodeError, HandshakeType, Reader,
    codec::{put_vec8, put_vec16},
};

/// Which kind of keys a cipher suite's ClientKeyExchange has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysShape {
    /// None: PSK.
    None,
    /// [`ExchangeKeys::Rsa`]: RSA and RSA_PSK.
    Rsa,
    /// [`ExchangeKeys::Dh`]: DH, DHE and DHE_PSK.
    Dh,
    /// [`ExchangeKeys::Ec`]: ECDH, ECDHE and ECDHE_PSK.
    Ec,
}

/// What a cipher suite's ClientKeyExchange consists of, which its bytes do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyExchangeShape {
    /// Whether a psk_identity comes first.
    pub psk: bool,
    /// What comes then.
    pub keys: KeysShape,
}

/// The client's half of a key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKeys<'a> {
    /// EncryptedPreMasterSecret: encrypted_pre_master_secret `<0..2^16-1>`.
    Rsa(&'a [u8]),
    /// ClientDiffieHellmanPublic, explicit: dh_Yc `<1..2^16-1>`, big-endian.
    Dh(&'a [u8]),
    /// ClientECDiffieHellmanPublic, explicit: ecdh_Yc, an `ECPoint<1..2^8-1>`.
    Ec(&'a [u8]),
}

/// The client's half of the key exchange.
///
/// The empty form, in which the client's certificate holds its Diffie-Hellman key (`implicit`), has neither
/// field; no suite here uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// The name of the key, in suites with PSK. At most 2^16-1 bytes.
    pub psk_identity: Option<&'a [u8]>,
    /// In all other suites, and in those that add an exchange to a PSK.
    pub exchange_keys: Option<ExchangeKeys<'a>>,
}

impl<'a> ClientKeyExchange<'a> {
    /// Reads the body that a cipher suite gives this shape.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8], shape: ClientKeyExchangeShape) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "ClientKeyExchange");
        let psk_identity = shape.psk.then(|| reader.vec16()).transpose()?;
        let exchange_keys = match shape.keys {
            KeysShape::None => None,
            KeysShape::Rsa => Some(ExchangeKeys::Rsa(reader.vec16()?)),
            KeysShape::Dh => Some(ExchangeKeys::Dh(reader.some16()?)),
            KeysShape::Ec => Some(ExchangeKeys::Ec(reader.some8()?)),
        };
        reader.finish()?;
        Ok(Self { psk_identity, exchange_keys })
    }
}

impl Body for ClientKeyExchange<'_> {
    const TYPE: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;

    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(identity) = self.psk_identity {
            put_vec16(out, identity);
        }
        match self.exchange_keys {
            Some(ExchangeKeys::Rsa(bytes) | ExchangeKeys::Dh(bytes)) => put_vec16(out, bytes),
            Some(ExchangeKeys::Ec(point)) => put_vec8(out, point),
            None => {}
        }
    }
}
