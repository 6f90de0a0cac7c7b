//! Diffie-Hellman on curves: X25519 (RFC 7748) and the NIST curves (SP 800-56A, RFC 8422).
use super::{
    constant_time::verdict,
    random::{Random, RandomFailed},
};
use crate::Secret;
use aws_lc_rs::{
    agreement::{self, Algorithm, PrivateKey},
    encoding::{AsBigEndian, EcPrivateKeyBin},
};
use premaster_ffi::{Refused, curve as ffi};
use subtle::{Choice, ConstantTimeEq};

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    X25519,
    P256,
    P384,
    P521,
}

/// The peer's public key is not a valid point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidPoint;

/// How often a scalar is drawn. Already the second draw is a rarity, at worst one in 2^32 (the orders begin
/// with 32 one bits or more), so that a source that needs all of these is broken, and must not stall the
/// handshake.
const MAX_DRAWS: usize = 16;

/// The orders of the NIST curves (SP 800-186 section 3.2.1), big endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const P384_ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a,
    0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];
const P521_ORDER: [u8; 66] = [
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa,
    0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b,
    0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09,
];

impl Curve {
    /// Bytes of a public key: a u coordinate, or an uncompressed point.
    pub(crate) const fn public_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::P256 => 65,
            Self::P384 => 97,
            Self::P521 => 133,
        }
    }

    /// Bytes of a shared secret: a coordinate; also bytes of a private key.
    pub(crate) const fn secret_len(self) -> usize {
        match self {
            Self::X25519 | Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// As the NIST curves are known below; none for X25519.
    const fn nist(self) -> Option<ffi::Curve> {
        match self {
            Self::X25519 => None,
            Self::P256 => Some(ffi::Curve::P256),
            Self::P384 => Some(ffi::Curve::P384),
            Self::P521 => Some(ffi::Curve::P521),
        }
    }

    const fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::X25519 => &agreement::X25519,
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
            Self::P521 => &agreement::ECDH_P521,
        }
    }

    /// The order of the NIST curves; none for X25519, where every string of 32 bytes is a scalar.
    const fn order(self) -> Option<&'static [u8]> {
        match self {
            Self::X25519 => None,
            Self::P256 => Some(&P256_ORDER),
            Self::P384 => Some(&P384_ORDER),
            Self::P521 => Some(&P521_ORDER),
        }
    }
}

/// Whether `1 <= scalar < order`, in time that depends on the length only.
fn in_range(scalar: &[u8], order: &[u8]) -> bool {
    let mut borrow = 0;
    let mut bits = 0;
    for (&a, &b) in scalar.iter().zip(order).rev() {
        borrow = (u16::from(a).wrapping_sub(u16::from(b)).wrapping_sub(borrow) >> 8) & 1;
        bits |= a;
    }
    let below: Choice = borrow.ct_eq(&1);
    let zero: Choice = bits.ct_eq(&0);
    // A scalar that is refused is never used.
    verdict(below & !zero)
}

/// Draws a private key: 32 bytes as they come for X25519, a uniform scalar in `[1, n-1]` by rejection for the
/// NIST curves (SP 800-56A section 5.6.1.2.2).
fn draw_scalar(curve: Curve, random: &dyn Random) -> Result<Secret, RandomFailed> {
    let mut scalar = Secret::try_fill(curve.secret_len(), |bytes| random.fill(bytes))?;
    let Some(order) = curve.order() else { return Ok(scalar) };
    for _ in 0..MAX_DRAWS {
        if let (Some(first), Curve::P521) = (scalar.expose_mut().first_mut(), curve) {
            *first &= 1;
        }
        if in_range(scalar.expose(), order) {
            return Ok(scalar);
        }
        random.fill(scalar.expose_mut())?;
    }
    Err(RandomFailed)
}

/// A private key on a curve; wiped when dropped.
pub(crate) struct CurveKey(Private);

enum Private {
    X25519(Secret),
    Nist(Curve, ffi::Scalar),
}

impl CurveKey {
    /// A fresh one.
    pub(crate) fn generate(curve: Curve, random: &dyn Random) -> Result<Self, RandomFailed> {
        // A scalar in range cannot be refused, and memory that cannot be had aborts the process elsewhere.
        Self::new(curve, draw_scalar(curve, random)?).map_err(|InvalidPoint| RandomFailed)
    }

    fn new(curve: Curve, scalar: Secret) -> Result<Self, InvalidPoint> {
        Ok(Self(match curve.nist() {
            None => Private::X25519(scalar),
            Some(nist) => {
                let scalar = ffi::Scalar::new(nist, scalar.expose()).map_err(|Refused| InvalidPoint)?;
                Private::Nist(curve, scalar)
            }
        }))
    }

    /// From PKCS#8 or SEC 1, in DER, if it is a key of this curve.
    pub(crate) fn from_der(curve: Curve, der: &[u8]) -> Option<Self> {
        let key = PrivateKey::from_private_key_der(curve.algorithm(), der).ok()?;
        let scalar: EcPrivateKeyBin<'_> = key.as_be_bytes().ok()?;
        Self::new(curve, Secret::from(scalar.as_ref())).ok()
    }

    /// The curve.
    pub(crate) const fn curve(&self) -> Curve {
        match &self.0 {
            Private::X25519(_) => Curve::X25519,
            Private::Nist(curve, _) => *curve,
        }
    }

    /// Writes the public half; `out` must have `public_len` bytes.
    pub(crate) fn public(&self, out: &mut [u8]) -> Result<(), InvalidPoint> {
        match &self.0 {
            Private::X25519(scalar) => {
                let scalar = scalar.expose().try_into().map_err(|_| InvalidPoint)?;
                ffi::x25519_public(scalar, out.try_into().map_err(|_| InvalidPoint)?);
                Ok(())
            }
            Private::Nist(_, scalar) => scalar.public(out).map_err(|Refused| InvalidPoint),
        }
    }

    /// Writes the secret shared with `peer`; `out` must have `secret_len` bytes.
    ///
    /// Refused are wrong lengths, points that are not on the curve, every encoding but the uncompressed one
    /// (RFC 8422 section 5.1.2), and, on X25519, points of small order, whose secret would be all zero (RFC
    /// 7748 section 6.1, RFC 9846 section 7.4.2).
    pub(crate) fn agree(&self, peer: &[u8], out: &mut [u8]) -> Result<(), InvalidPoint> {
        let curve = self.curve();
        if peer.len() != curve.public_len() || out.len() != curve.secret_len() {
            return Err(InvalidPoint);
        }
        // AWS-LC would take a hybrid encoding (6 or 7), which has the same length.
        if curve != Curve::X25519 && peer.first() != Some(&4) {
            return Err(InvalidPoint);
        }
        match &self.0 {
            Private::X25519(scalar) => {
                let scalar = scalar.expose().try_into().map_err(|_| InvalidPoint)?;
                let peer = peer.try_into().map_err(|_| InvalidPoint)?;
                let secret = out.try_into().map_err(|_| InvalidPoint)?;
                ffi::x25519(scalar, peer, secret).map_err(|Refused| InvalidPoint)?;
            }
            Private::Nist(_, scalar) => scalar.agree(peer, out).map_err(|Refused| InvalidPoint)?,
        }
        match bool::from(is_zero(out)) && curve == Curve::X25519 {
            true => Err(InvalidPoint),
            false => Ok(()),
        }
    }
}

fn is_zero(bytes: &[u8]) -> Choice {
    bytes.iter().fold(0, |bits, byte| bits | byte).ct_eq(&0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::test::Dealt;

    #[test]
    fn scalars_lie_between_one_and_the_order() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let order = curve.order().unwrap();
            let with_last = |bytes: &[u8], last: u8| [&bytes[..bytes.len() - 1], &[last]].concat();
            let zero = vec![0; order.len()];
            let last = order[order.len() - 1];
            assert!(!in_range(&zero, order));
            assert!(in_range(&with_last(&zero, 1), order));
            assert!(in_range(&with_last(order, last - 1), order));
            assert!(!in_range(order, order));
            assert!(!in_range(&with_last(order, last + 1), order));
            assert!(!in_range(&vec![0xff; order.len()], order));

            // What is out of range is drawn anew, not reduced, which would favour the small ones.
            let good = with_last(&zero, 5);
            let dealt = Dealt::new([order, &zero, &good].concat());
            assert_eq!(draw_scalar(curve, &dealt).unwrap().expose(), good);
        }
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, secret};

    #[test]
    fn scalars_are_compared_in_constant_time() {
        constant_time(|| {
            for (scalar, expected) in [([0x11; 32], true), ([0; 32], false), ([0xff; 32], false)] {
                assert_eq!(in_range(&secret(scalar), &P256_ORDER), expected);
            }
        });
    }
}
