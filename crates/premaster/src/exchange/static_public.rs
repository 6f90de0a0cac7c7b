//! The server's long-lived key, as its certificate publishes it.
use super::{
    DhParameters, Group, KeyLimits, SharedSecret,
    der::{Der, OBJECT_IDENTIFIER},
    limits::Size,
    rsa,
};
use crate::{
    Error,
    crypto::{Random, rsa::PublicKey},
    error::Misbehaved,
    wire::{NamedGroup, ProtocolVersion},
};

/// `rsaEncryption` (RFC 3279 section 2.3.1).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `dhpublicnumber` of X9.42 (RFC 3279 section 2.3.3).
const DH_PUBLIC_NUMBER: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3e, 0x02, 0x01];
/// `dhKeyAgreement` of PKCS #3, which OpenSSL writes.
const DH_KEY_AGREEMENT: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01];
/// The named curves (RFC 5480 section 2.1.1.1).
const CURVES: [(&[u8], NamedGroup); 3] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], NamedGroup::secp256r1),
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], NamedGroup::secp384r1),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], NamedGroup::secp521r1),
];

/// What exchanges keys with a certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticKind {
    /// RSA key transport: `TLS_RSA_*`.
    Rsa,
    /// Static ECDH on this curve: `TLS_ECDH_*`.
    Ecdh(NamedGroup),
    /// Static finite-field Diffie-Hellman: `TLS_DH_*`.
    Dh,
}

/// What an AlgorithmIdentifier says (RFC 5280 section 4.1.1.2).
pub(super) enum Identified<'a> {
    Rsa,
    Ec(&'static Group),
    /// The prime and the generator. What X9.42 adds, the order and how the prime came to be, is not needed
    /// where only safe primes are accepted.
    Dh(&'a [u8], &'a [u8]),
}

/// Reads an AlgorithmIdentifier.
pub(super) fn identify<'a>(der: &mut Der<'a>) -> Option<Identified<'a>> {
    let mut algorithm = der.sequence()?;
    let oid = algorithm.element(OBJECT_IDENTIFIER)?;
    match oid {
        RSA_ENCRYPTION => Some(Identified::Rsa),
        EC_PUBLIC_KEY => {
            let curve = algorithm.element(OBJECT_IDENTIFIER)?;
            let (_, code) = CURVES.into_iter().find(|&(known, _)| known == curve)?;
            Group::find(code).map(Identified::Ec)
        }
        DH_PUBLIC_NUMBER | DH_KEY_AGREEMENT => {
            let mut parameters = algorithm.sequence()?;
            Some(Identified::Dh(parameters.positive()?, parameters.positive()?))
        }
        _ => None,
    }
}

/// The public key of a certificate, ready for a reply.
pub struct StaticPublicKey(Public);

enum Public {
    Rsa(PublicKey),
    Curve(&'static Group, Vec<u8>),
    FiniteField(DhParameters, Vec<u8>),
}

impl std::fmt::Debug for StaticPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StaticPublicKey({:?}, {} bits)", self.kind(), self.bits())
    }
}

impl StaticPublicKey {
    /// From a certificate's SubjectPublicKeyInfo, in DER (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`Misbehaved::WrongCertificateForSuite`] if it is no key that keys can be exchanged with;
    /// [`Misbehaved::WeakRsaKey`], [`Misbehaved::WeakDhParameters`] or [`Misbehaved::BadDhParameters`] if it
    /// is not within the limits.
    pub fn from_spki(spki: &[u8], limits: &KeyLimits) -> Result<Self, Misbehaved> {
        let unfit = Misbehaved::WrongCertificateForSuite;
        let mut outer = Der(spki);
        let mut info = outer.sequence().filter(|_| outer.is_empty()).ok_or(unfit)?;
        let identified = identify(&mut info).ok_or(unfit)?;
        let bytes = info.bytes().filter(|_| info.is_empty()).ok_or(unfit)?;
        let public = match identified {
            Identified::Rsa => {
                let key = PublicKey::from_spki(spki).map_err(|_| unfit)?;
                match limits.rsa(key.bits()) {
                    Size::Fits => Public::Rsa(key),
                    Size::TooSmall => return Err(Misbehaved::WeakRsaKey),
                    Size::TooLarge => return Err(unfit),
                }
            }
            Identified::Ec(group) => Public::Curve(group, bytes.into()),
            Identified::Dh(p, g) => {
                let y = Der(bytes).positive().ok_or(unfit)?;
                Public::FiniteField(DhParameters::accept(p, g, limits)?, y.into())
            }
        };
        Ok(Self(public))
    }

    /// What exchanges keys with it.
    pub const fn kind(&self) -> StaticKind {
        match &self.0 {
            Public::Rsa(_) => StaticKind::Rsa,
            Public::Curve(group, _) => StaticKind::Ecdh(group.code),
            Public::FiniteField(..) => StaticKind::Dh,
        }
    }

    /// Bits of its modulus, its curve's coordinates, or its prime.
    pub fn bits(&self) -> usize {
        match &self.0 {
            Public::Rsa(key) => key.bits(),
            Public::Curve(group, _) if group.code == NamedGroup::secp521r1 => 521,
            Public::Curve(group, _) => group.secret_len * 8,
            Public::FiniteField(parameters, _) => parameters.bits(),
        }
    }

    /// Replies to it: the reply, without the length that goes before it in ClientKeyExchange, and the secret
    /// that it carries. `offered` is the version that ClientHello offered, which RSA takes along.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the certificate holds no valid public key; [`Error::Failed`] if no randomness
    /// can be had.
    pub fn encapsulate(
        &self,
        offered: ProtocolVersion,
        random: &dyn Random,
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        match &self.0 {
            Public::Rsa(key) => rsa::encapsulate(key, offered, random),
            Public::Curve(group, point) => group.encapsulate(point, random),
            Public::FiniteField(parameters, y) => parameters.encapsulate(y, random),
        }
    }

    /// What the two halves of a key pair have in common.
    pub(super) fn fingerprint(&self) -> Option<(StaticKind, Vec<Vec<u8>>)> {
        let numbers = match &self.0 {
            Public::Rsa(key) => key.public().ok().map(|(n, e)| vec![n, e])?,
            Public::Curve(_, point) => vec![point.clone()],
            Public::FiniteField(parameters, y) => {
                vec![parameters.p().into(), parameters.g().into(), y.clone()]
            }
        };
        Some((self.kind(), numbers))
    }
}
