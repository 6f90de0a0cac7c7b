//! Diffie-Hellman with parameters that the server spells out, as TLS 1.2 does (RFC 5246 section 7.4.3).
use super::{
    Group, KeyLimits, SharedSecret,
    limits::Size,
    safe_primes::{self, GENERATOR, SafePrime},
};
use crate::{
    Error, Secret,
    crypto::{
        Random,
        ffdh::{self, Field, FieldKey},
    },
    error::{Failure, Misbehaved},
};
use std::{cmp::Ordering, sync::Arc};

/// Without its leading zeros.
pub(super) fn stripped(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|&&byte| byte == 0).count();
    integer.get(zeros..).unwrap_or_default()
}

/// Bits of an integer without leading zeros.
fn bits(integer: &[u8]) -> usize {
    integer.len() * 8 - integer.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// Compares two integers without leading zeros.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether `1 < y < p - 1`, where `p` is odd and without leading zeros. That leaves out the elements of order
/// 1 and 2, the only ones of small order modulo a safe prime (RFC 7919 section 5.1, RFC 9846 section
/// 4.2.8.1).
pub(super) fn is_public_value(y: &[u8], p: &[u8]) -> bool {
    let y = stripped(y);
    let Some((last, rest)) = p.split_last() else { return false };
    let below = match y.split_last() {
        // Only the last byte of p - 1 differs from p's.
        Some((y_last, y_rest)) => compare(y_rest, rest).then_with(|| y_last.cmp(&(last & !1))),
        None => return false,
    };
    y != [1] && below == Ordering::Less
}

/// The field of a prime and a generator that have been examined.
pub(super) fn field(p: &[u8], g: &[u8]) -> Result<Arc<Field>, Failure> {
    match safe_primes::find(p) {
        Some(known) if g == GENERATOR => known.field(),
        _ => Field::new(p, g).map(Arc::new),
    }
    .map_err(|_| Failure::Crypto)
}

/// Makes an exponent for this one reply: writes the public value, and the secret shared with `peer`, both
/// left padded to the length of `p`.
pub(super) fn reply_in_field(
    (p, g): (&[u8], &[u8]),
    peer: &[u8],
    random: &dyn Random,
    reply: &mut [u8],
    secret: &mut [u8],
) -> Result<(), Error> {
    if !is_public_value(peer, p) {
        return Err(Misbehaved::BadDhPublic.into());
    }
    let key = FieldKey::generate(field(p, g)?, safe_primes::exponent_len(p.len()), random)?;
    key.public(reply).map_err(|_| Failure::Crypto)?;
    key.agree(stripped(peer), secret).map_err(|_| Failure::Crypto)?;
    Ok(())
}

/// A prime and a generator that have been examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhParameters {
    p: Vec<u8>,
    g: Vec<u8>,
}

impl DhParameters {
    /// Examines the parameters of a ServerKeyExchange or a certificate.
    ///
    /// Whoever chose the prime could have chosen one that makes logarithms easy. So it has to be one that is
    /// known, of RFC 7919 or RFC 3526, or is proved here to be a safe prime.
    ///
    /// The proof takes a tenth of a second at 2048 bits and half a second at 4096: check the server's signature
    /// first, so that only the server itself can ask for it.
    ///
    /// # Errors
    /// [`Misbehaved::WeakDhParameters`] if the prime is smaller than the limit;
    /// [`Misbehaved::BadDhParameters`] if it is larger, is not a safe prime, or if not `1 < g < p - 1`.
    pub fn accept(p: &[u8], g: &[u8], limits: &KeyLimits) -> Result<Self, Misbehaved> {
        let (p, g) = (stripped(p), stripped(g));
        // Sizes before anything that takes time.
        match limits.dh(bits(p)) {
            Size::TooSmall => return Err(Misbehaved::WeakDhParameters),
            Size::Fits if p.len() <= ffdh::MAX_LEN => {}
            Size::Fits | Size::TooLarge => return Err(Misbehaved::BadDhParameters),
        }
        let odd = p.last().is_some_and(|last| last & 1 == 1);
        if !odd || !is_public_value(g, p) {
            return Err(Misbehaved::BadDhParameters);
        }
        let safe = safe_primes::find(p).is_some()
            || (bits(p) <= limits.max_unknown_dh_bits && ffdh::is_safe_prime(p) == Ok(true));
        match safe {
            true => Ok(Self { p: p.into(), g: g.into() }),
            false => Err(Misbehaved::BadDhParameters),
        }
    }

    /// The prime, big endian, without leading zeros.
    pub fn p(&self) -> &[u8] {
        &self.p
    }

    /// The generator, big endian, without leading zeros.
    pub fn g(&self) -> &[u8] {
        &self.g
    }

    /// Bits of the prime.
    pub fn bits(&self) -> usize {
        bits(&self.p)
    }

    /// The prime's name, if it is one of RFC 7919 or RFC 3526.
    pub fn name(&self) -> Option<&'static str> {
        safe_primes::find(&self.p).map(|&SafePrime { name, .. }| name)
    }

    /// The named group that they are, if they are one's.
    pub(super) fn group(&self) -> Option<&'static Group> {
        Group::ALL.iter().find(|group| group.dh_parameters() == Some((self.p(), self.g())))
    }

    /// Replies to a public value: the reply, left padded to the length of the prime, and the secret that it
    /// carries. The public value may come with or without its leading zeros, as TLS 1.2 lets it.
    ///
    /// # Errors
    /// [`Misbehaved::BadDhPublic`] if not `1 < Y < p - 1`; [`Error::Failed`] if no randomness can be had.
    pub fn encapsulate(&self, public: &[u8], random: &dyn Random) -> Result<(Vec<u8>, SharedSecret), Error> {
        let len = self.p.len();
        let mut reply = vec![0; len];
        let secret = Secret::try_fill(len, |secret| {
            reply_in_field((&self.p, &self.g), public, random, &mut reply, secret)
        })?;
        Ok((reply, SharedSecret::finite_field(secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::{SystemRandom, random::test::hex},
        exchange::EphemeralKey,
        wire::NamedGroup,
    };

    /// A safe prime of 2048 bits that no RFC knows: 2^2048 - 1942289.
    fn unknown_prime() -> Vec<u8> {
        let mut p = vec![0xff; 256];
        p[252..].copy_from_slice(&(u32::MAX - 1_942_288).to_be_bytes());
        p
    }

    #[test]
    fn public_values_in_and_out_of_range() {
        let p = [0x03, 0xfb];
        for y in 0..0x500_u16 {
            let expected = (2..0x3fa).contains(&y);
            assert_eq!(is_public_value(&y.to_be_bytes(), &p), expected, "{y}");
            assert_eq!(is_public_value(stripped(&y.to_be_bytes()), &p), expected, "{y}");
            assert_eq!(is_public_value(&u32::from(y).to_be_bytes(), &p), expected, "{y}");
        }
        assert!(!is_public_value(&[1, 0, 0], &p));
    }

    #[test]
    fn known_and_proven_primes_are_accepted() {
        let limits = KeyLimits::default();
        let known = DhParameters::accept(safe_primes::FFDHE3072.p, &[2], &limits).unwrap();
        assert_eq!((known.name(), known.bits()), (Some("ffdhe3072"), 3072));
        // As some peers write integers.
        let padded = [&[0, 0][..], safe_primes::MODP2048.p].concat();
        assert!(DhParameters::accept(&padded, &[0, 2], &limits).unwrap().name().is_some());

        let unknown = unknown_prime();
        assert_eq!(DhParameters::accept(&unknown, &[5], &limits).unwrap().name(), None);
        let known_only = KeyLimits { max_unknown_dh_bits: 0, ..limits };
        assert_eq!(DhParameters::accept(&unknown, &[5], &known_only), Err(Misbehaved::BadDhParameters));
    }

    #[test]
    fn small_primes_are_refused_whatever_the_limits() {
        let limits = KeyLimits::default();
        let lax = KeyLimits { min_dh_bits: 0, ..limits.clone() };
        for len in [0, 1, 64, 96, 127] {
            let p = vec![0xff; len];
            assert_eq!(DhParameters::accept(&p, &[2], &limits), Err(Misbehaved::WeakDhParameters));
            assert_eq!(DhParameters::accept(&p, &[2], &lax), Err(Misbehaved::WeakDhParameters));
        }
        // The Second Oakley Group, RFC 2409 section 6.2: a safe prime of 1024 bits.
        let oakley = hex("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74
                          020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437
                          4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED
                          EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF");
        assert_eq!(DhParameters::accept(&oakley, &[2], &limits), Err(Misbehaved::WeakDhParameters));
        DhParameters::accept(&oakley, &[2], &lax).unwrap();
    }

    #[test]
    fn primes_that_are_none_or_not_safe_are_refused() {
        let limits = KeyLimits::default();
        let p = safe_primes::FFDHE2048.p;
        let refused = |p: &[u8], g: &[u8]| {
            assert_eq!(DhParameters::accept(p, g, &limits), Err(Misbehaved::BadDhParameters));
        };
        let mut even = p.to_vec();
        *even.last_mut().unwrap() ^= 1;
        refused(&even, &[2]);
        let mut composite = p.to_vec();
        composite[100] ^= 1;
        refused(&composite, &[2]);
        // 2^2048 - 1557: prime, but not safe.
        let mut unsafe_prime = vec![0xff; 256];
        unsafe_prime[254..].copy_from_slice(&(u16::MAX - 1556).to_be_bytes());
        refused(&unsafe_prime, &[2]);
        refused(&vec![0xff; 1025], &[2]);
        let lax = KeyLimits { max_dh_bits: usize::MAX, max_unknown_dh_bits: usize::MAX, ..limits.clone() };
        assert_eq!(DhParameters::accept(&vec![0xff; 1025], &[2], &lax), Err(Misbehaved::BadDhParameters));

        let mut minus_one = p.to_vec();
        *minus_one.last_mut().unwrap() -= 1;
        let mut beyond = p.to_vec();
        beyond.insert(0, 1);
        for g in [&[][..], &[0], &[1], &minus_one, p, &beyond] {
            refused(p, g);
        }
    }

    #[test]
    fn public_values_out_of_range_are_refused_on_both_sides() {
        let group = Group::find(NamedGroup::ffdhe2048).unwrap();
        let p = safe_primes::FFDHE2048.p;
        let last = |last: u8| [&p[..255], &[last]].concat();
        let small = |value: u8| [&[0; 255][..], &[value]].concat();
        let parameters = DhParameters::accept(p, &[2], &KeyLimits::default()).unwrap();
        for public in [small(0), small(1), last(0xfe), last(0xff), vec![0xff; 257]] {
            let bad = Misbehaved::BadDhPublic;
            assert_eq!(parameters.encapsulate(&public, &SystemRandom).unwrap_err(), bad.into());
            assert_eq!(group.encapsulate(&public, &SystemRandom).unwrap_err(), bad.into());
            let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
            assert_eq!(key.open(&public).unwrap_err(), bad);
        }
        for public in [small(2), last(0xfd)] {
            parameters.encapsulate(&public, &SystemRandom).unwrap();
            group.encapsulate(&public, &SystemRandom).unwrap();
        }
    }
}
