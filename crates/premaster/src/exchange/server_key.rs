//! The server's key in a TLS 1.2 handshake, as the server and as the client see it.
use super::{DhParameters, EphemeralKey, Group, SharedSecret, StaticKey, StaticPublicKey};
use crate::{Error, crypto::Random, wire::ProtocolVersion};

/// The server's key in a TLS 1.2 handshake, as the server sees it.
#[derive(Debug)]
pub enum ServerKey {
    /// RSA, DH or ECDH, from the certificate.
    Static(StaticKey),
    /// DHE or ECDHE, from ServerKeyExchange.
    Ephemeral(EphemeralKey),
}

impl ServerKey {
    /// Whether today's traffic survives tomorrow's theft of the certificate's key.
    pub const fn is_forward_secret(&self) -> bool {
        matches!(self, Self::Ephemeral(_))
    }

    /// Opens the reply of a ClientKeyExchange, without the length that goes before it. `offered` is the
    /// version that ClientHello offered.
    ///
    /// # Errors
    /// As [`StaticKey::open`] and [`EphemeralKey::open`], but that leading zeros of a finite-field value may
    /// be missing.
    pub fn open(
        self,
        reply: &[u8],
        offered: ProtocolVersion,
        random: &dyn Random,
    ) -> Result<SharedSecret, Error> {
        match self {
            Self::Static(key) => key.open(reply, offered, random),
            Self::Ephemeral(key) => Ok(key.open_unpadded(reply)?),
        }
    }
}

/// The server's key in a TLS 1.2 handshake, as the client sees it.
#[derive(Debug)]
pub enum PublishedKey {
    /// RSA, DH or ECDH: the certificate's.
    Static(StaticPublicKey),
    /// ECDHE: the group, and the point of ServerKeyExchange.
    Named(&'static Group, Vec<u8>),
    /// DHE: the parameters, and the public value of ServerKeyExchange.
    Explicit(DhParameters, Vec<u8>),
}

impl PublishedKey {
    /// Whether today's traffic survives tomorrow's theft of the certificate's key.
    pub const fn is_forward_secret(&self) -> bool {
        !matches!(self, Self::Static(_))
    }

    /// Replies to it: the reply, without the length that goes before it in ClientKeyExchange, and the secret
    /// that it carries. `offered` is the version that ClientHello offered.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if it is not a valid public key; [`Error::Failed`] if no randomness can be had.
    pub fn encapsulate(
        &self,
        offered: ProtocolVersion,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        match self {
            Self::Static(key) => key.encapsulate(offered, random),
            Self::Named(group, point) => group.encapsulate(point, random),
            Self::Explicit(parameters, public) => parameters.encapsulate(public, random),
        }
    }
}
