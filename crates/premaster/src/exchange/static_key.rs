//! The server's long-lived key.
use super::{
    DhParameters, KeyLimits, SharedSecret, StaticKind, StaticPublicKey,
    der::{Der, INTEGER, OCTET_STRING},
    finite_field::{field, is_public_value, stripped},
    limits::Size,
    rsa,
    static_public::{Identified, identify},
};
use crate::{
    Error, Secret,
    crypto::{
        Random,
        agreement::{Curve, CurveKey},
        ffdh::FieldKey,
        rsa::PrivateKey,
    },
    error::{Failure, Misbehaved},
    wire::{NamedGroup, ProtocolVersion},
};
use std::{fmt, sync::Arc};

/// The private key of a certificate. It opens replies for as long as the certificate lives: whoever records
/// the traffic today and steals the key tomorrow reads what was said today.
///
/// The clones share one key, which is wiped when the last of them is dropped.
#[derive(Clone)]
pub struct StaticKey(Arc<Private>);

enum Private {
    Rsa(PrivateKey),
    Curve(CurveKey),
    FiniteField { key: FieldKey, parameters: DhParameters, y: Vec<u8> },
}

impl fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticKey({:?})", self.kind())
    }
}

impl StaticKey {
    /// From a private key in DER: PKCS#8 for any (Diffie-Hellman as PKCS #3 or X9.42 describe it), PKCS#1 for
    /// RSA, or SEC 1 for EC.
    ///
    /// # Errors
    /// [`Failure::Configuration`] if it is no key that keys can be exchanged with, or not within the limits.
    pub fn from_der(der: &[u8], limits: &KeyLimits) -> Result<Self, Failure> {
        let curves = [Curve::P256, Curve::P384, Curve::P521];
        let private = if let Ok(key) = PrivateKey::from_der(der) {
            match limits.rsa(key.bits()) {
                Size::Fits => Private::Rsa(key),
                Size::TooSmall | Size::TooLarge => return Err(Failure::Configuration),
            }
        } else if let Some(key) = curves.into_iter().find_map(|curve| CurveKey::from_der(curve, der)) {
            Private::Curve(key)
        } else {
            finite_field(der, limits).ok_or(Failure::Configuration)?
        };
        Ok(Self(Arc::new(private)))
    }

    /// What exchanges keys with it.
    pub fn kind(&self) -> StaticKind {
        match &*self.0 {
            Private::Rsa(_) => StaticKind::Rsa,
            Private::Curve(key) => StaticKind::Ecdh(match key.curve() {
                Curve::X25519 => NamedGroup::x25519,
                Curve::P256 => NamedGroup::secp256r1,
                Curve::P384 => NamedGroup::secp384r1,
                Curve::P521 => NamedGroup::secp521r1,
            }),
            Private::FiniteField { .. } => StaticKind::Dh,
        }
    }

    /// Whether it is the private half of this key.
    pub fn matches(&self, public: &StaticPublicKey) -> bool {
        self.fingerprint().is_some_and(|own| public.fingerprint() == Some(own))
    }

    fn fingerprint(&self) -> Option<(StaticKind, Vec<Vec<u8>>)> {
        let numbers = match &*self.0 {
            Private::Rsa(key) => key.public().ok().map(|(n, e)| vec![n, e])?,
            Private::Curve(key) => {
                let mut point = vec![0; key.curve().public_len()];
                key.public(&mut point).ok()?;
                vec![point]
            }
            Private::FiniteField { parameters, y, .. } => {
                vec![parameters.p().into(), parameters.g().into(), y.clone()]
            }
        };
        Some((self.kind(), numbers))
    }

    /// Opens the reply of a ClientKeyExchange, without the length that goes before it. `offered` is the
    /// version that ClientHello offered, which RSA checks.
    ///
    /// # Errors
    /// For a curve or a finite field, [`Error::Misbehaved`] if the reply is not a valid public key. For RSA
    /// never: a reply that is not valid opens to a random secret (RFC 5246 section 7.4.7.1).
    /// [`Error::Failed`] if no randomness can be had, which RSA needs.
    pub fn open(
        &self,
        reply: &[u8],
        offered: ProtocolVersion,
        random: &dyn Random,
    ) -> Result<SharedSecret, Error> {
        match &*self.0 {
            Private::Rsa(key) => Ok(rsa::open(key, reply, offered, random)?),
            Private::Curve(key) => {
                let secret = Secret::try_fill(key.curve().secret_len(), |secret| {
                    key.agree(reply, secret).map_err(|_| Misbehaved::BadPoint)
                })?;
                Ok(SharedSecret::whole(secret))
            }
            Private::FiniteField { key, parameters, .. } => {
                if !is_public_value(reply, parameters.p()) {
                    return Err(Misbehaved::BadDhPublic.into());
                }
                let secret = Secret::try_fill(key.len(), |secret| {
                    key.agree(stripped(reply), secret).map_err(|_| Misbehaved::BadDhPublic)
                })?;
                Ok(SharedSecret::finite_field(secret))
            }
        }
    }
}

/// A Diffie-Hellman key in PKCS#8 (RFC 5958 section 2): version, AlgorithmIdentifier, and an INTEGER inside
/// an OCTET STRING.
fn finite_field(der: &[u8], limits: &KeyLimits) -> Option<Private> {
    let mut info = Der(der).sequence()?;
    info.element(INTEGER)?;
    let Identified::Dh(p, g) = identify(&mut info)? else { return None };
    let x = Der(info.element(OCTET_STRING)?).positive()?;
    let parameters = DhParameters::accept(p, g, limits).ok()?;
    if !is_public_value(x, parameters.p()) {
        return None;
    }
    let key = FieldKey::new(field(parameters.p(), parameters.g()).ok()?, x);
    let mut y = vec![0; key.len()];
    key.public(&mut y).ok()?;
    let y = stripped(&y).into();
    Some(Private::FiniteField { key, parameters, y })
}
