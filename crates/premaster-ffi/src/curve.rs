//! Elliptic curves without the objects that AWS-LC's generic interface puts around them: X25519, and the scalars,
//! points and signatures of the NIST curves.
use crate::{Refused, bn::Number};
use aws_lc_sys::{
    BIGNUM, BN_FLG_STATIC_DATA, BN_ULONG, BN_bin2bn, BN_cmp, BN_is_zero, EC_GROUP, EC_GROUP_get0_order,
    EC_KEY, EC_KEY_free, EC_KEY_new, EC_KEY_set_group, EC_KEY_set_private_key, EC_KEY_set_public_key,
    EC_POINT, EC_POINT_free, EC_POINT_is_at_infinity, EC_POINT_mul, EC_POINT_new, EC_POINT_oct2point,
    EC_POINT_point2oct, EC_group_p256, EC_group_p384, EC_group_p521, ECDSA_SIG, ECDSA_do_verify, ECDSA_sign,
    ECDSA_size, X25519, X25519_public_from_private, point_conversion_form_t,
};
use std::ptr::{NonNull, null, null_mut};
use zeroize::Zeroizing;

/// The public value of an X25519 scalar (RFC 7748 section 6.1).
pub fn x25519_public(scalar: &[u8; 32], out: &mut [u8; 32]) {
    // SAFETY: both arrays have the 32 bytes that are read and written.
    unsafe { X25519_public_from_private(out.as_mut_ptr(), scalar.as_ptr()) }
}

/// Writes the secret shared with the owner of `peer` (RFC 7748 section 6.1).
///
/// # Errors
/// If `peer` is of small order, so that the secret would be zero.
pub fn x25519(scalar: &[u8; 32], peer: &[u8; 32], out: &mut [u8; 32]) -> Result<(), Refused> {
    // SAFETY: all three arrays have the 32 bytes that are read and written.
    match unsafe { X25519(out.as_mut_ptr(), scalar.as_ptr(), peer.as_ptr()) } {
        1 => Ok(()),
        _ => Err(Refused),
    }
}

/// A NIST curve (SP 800-186 section 3.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

/// Bytes of the longest coordinate.
const MAX_COORDINATE: usize = 66;

impl Curve {
    fn group(self) -> *const EC_GROUP {
        // SAFETY: nothing is passed, and what is returned lives for ever.
        unsafe {
            match self {
                Self::P256 => EC_group_p256(),
                Self::P384 => EC_group_p384(),
                Self::P521 => EC_group_p521(),
            }
        }
    }

    /// Bytes of a coordinate, which are those of a scalar too.
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A point; its memory is wiped when it is freed, as all of AWS-LC's.
struct Point(NonNull<EC_POINT>, Curve);

impl Drop for Point {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { EC_POINT_free(self.0.as_ptr()) }
    }
}

impl Point {
    fn infinity(curve: Curve) -> Result<Self, Refused> {
        // SAFETY: the group is valid.
        NonNull::new(unsafe { EC_POINT_new(curve.group()) }).map(|point| Self(point, curve)).ok_or(Refused)
    }

    /// As SEC 1 section 2.3.4 writes it, if it is on the curve and not at infinity.
    fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, Refused> {
        let point = Self::infinity(curve)?;
        let group = curve.group();
        // SAFETY: group and point are valid and belong together, and `bytes` can be read for the length that is
        // passed. No context is needed.
        let done = unsafe {
            EC_POINT_oct2point(group, point.0.as_ptr(), bytes.as_ptr(), bytes.len(), null_mut()) == 1
                && EC_POINT_is_at_infinity(group, point.0.as_ptr()) == 0
        };
        done.then_some(point).ok_or(Refused)
    }

    /// Writes it uncompressed.
    fn write(&self, out: &mut [u8]) -> Result<(), Refused> {
        let form = point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED;
        // SAFETY: group and point are valid and belong together, and `out` can be written for the length that is
        // passed. No context is needed.
        let written = unsafe {
            let group = self.1.group();
            EC_POINT_point2oct(group, self.0.as_ptr(), form, out.as_mut_ptr(), out.len(), null_mut())
        };
        (written == out.len()).then_some(()).ok_or(Refused)
    }
}

/// A private scalar; wiped when dropped.
pub struct Scalar {
    number: Number,
    curve: Curve,
}

// SAFETY: a number has no ties to the thread that made it.
unsafe impl Send for Scalar {}
// SAFETY: through `&Scalar` the number is only read.
unsafe impl Sync for Scalar {}

impl Scalar {
    /// From bytes, big endian, as many as a coordinate has.
    ///
    /// # Errors
    /// If it is zero, or not less than the order of the curve, or has another length.
    pub fn new(curve: Curve, bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() != curve.coordinate_len() {
            return Err(Refused);
        }
        let number = Number::from_bytes(bytes)?;
        // SAFETY: the numbers and the group are valid. AWS-LC compares in constant time.
        let in_range = unsafe {
            BN_is_zero(number.as_ptr()) == 0
                && BN_cmp(number.as_ptr(), EC_GROUP_get0_order(curve.group())) < 0
        };
        in_range.then_some(Self { number, curve }).ok_or(Refused)
    }

    /// Writes the public point, uncompressed: 1 byte and two coordinates.
    pub fn public(&self, out: &mut [u8]) -> Result<(), Refused> {
        let point = Point::infinity(self.curve)?;
        // SAFETY: all pointers are valid, and null where nothing is to be added. In constant time.
        let done = unsafe {
            let (group, number) = (self.curve.group(), self.number.as_ptr());
            EC_POINT_mul(group, point.0.as_ptr(), number, null(), null(), null_mut())
        };
        if done != 1 {
            return Err(Refused);
        }
        point.write(out)
    }

    /// Writes the secret shared with the owner of `peer`, an uncompressed point: the first coordinate of the
    /// product (SP 800-56A section 5.7.1.2).
    ///
    /// # Errors
    /// If `peer` is not on the curve, or the product is at infinity, or `out` does not have a coordinate's length.
    pub fn agree(&self, peer: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        let len = self.curve.coordinate_len();
        if out.len() != len {
            return Err(Refused);
        }
        let peer = Point::from_bytes(self.curve, peer)?;
        let product = Point::infinity(self.curve)?;
        // SAFETY: all pointers are valid, and null where nothing is to be added. In constant time.
        let done = unsafe {
            let (group, number) = (self.curve.group(), self.number.as_ptr());
            EC_POINT_mul(group, product.0.as_ptr(), null(), peer.0.as_ptr(), number, null_mut())
        };
        if done != 1 {
            return Err(Refused);
        }
        let mut point = Zeroizing::new([0; 1 + 2 * MAX_COORDINATE]);
        let point = &mut point[..=2 * len];
        // The point at infinity has no such form, and is refused.
        product.write(point)?;
        out.copy_from_slice(&point[1..=len]);
        Ok(())
    }
}

/// An `EC_KEY`; AWS-LC wipes it when it is freed.
struct Key(NonNull<EC_KEY>);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { EC_KEY_free(self.0.as_ptr()) }
    }
}

impl Key {
    fn new(curve: Curve) -> Result<Self, Refused> {
        // SAFETY: nothing is passed.
        let key = NonNull::new(unsafe { EC_KEY_new() }).map(Self).ok_or(Refused)?;
        // SAFETY: both pointers are valid, and the group lives for ever.
        match unsafe { EC_KEY_set_group(key.0.as_ptr(), curve.group()) } {
            1 => Ok(key),
            _ => Err(Refused),
        }
    }
}

/// A private key that signs with ECDSA (FIPS 186-5 section 6.4), in constant time, with a nonce that also depends on
/// the key and the message.
pub struct EcdsaSigner(Key);

// SAFETY: an EC_KEY has no ties to the thread that made it.
unsafe impl Send for EcdsaSigner {}
// SAFETY: through `&EcdsaSigner` the key is only read.
unsafe impl Sync for EcdsaSigner {}

impl EcdsaSigner {
    /// With this scalar, big endian, as long as a coordinate.
    pub fn new(curve: Curve, scalar: &[u8]) -> Result<Self, Refused> {
        let scalar = Scalar::new(curve, scalar)?;
        let key = Key::new(curve)?;
        // SAFETY: both pointers are valid; the number is copied, and refused if it is out of range.
        match unsafe { EC_KEY_set_private_key(key.0.as_ptr(), scalar.number.as_ptr()) } {
            1 => Ok(Self(key)),
            _ => Err(Refused),
        }
    }

    /// A signature of a message with this hash, in DER.
    pub fn sign(&self, hash: &[u8]) -> Result<Vec<u8>, Refused> {
        let key = self.0.0.as_ptr();
        // SAFETY: the key is valid.
        let mut signature = vec![0; unsafe { ECDSA_size(key) }];
        let mut len = 0;
        // SAFETY: the key is valid, `hash` can be read for the length that is passed, and `signature` has the length
        // that AWS-LC asks for. The type is ignored.
        let done = unsafe { ECDSA_sign(0, hash.as_ptr(), hash.len(), signature.as_mut_ptr(), &mut len, key) };
        signature.truncate(len as usize);
        (done == 1 && len > 0).then_some(signature).ok_or(Refused)
    }
}

/// Words of the longest number of a signature.
const MAX_WORDS: usize = MAX_COORDINATE.div_ceil(size_of::<BN_ULONG>());

/// A public number, in memory of its own: nothing is allocated for it, and nothing has to be freed.
struct Borrowed([BN_ULONG; MAX_WORDS]);

impl Borrowed {
    const fn new() -> Self {
        Self([0; MAX_WORDS])
    }

    /// From bytes, big endian. None if they are too many for any curve.
    fn read(&mut self, bytes: &[u8]) -> Option<BIGNUM> {
        if bytes.len() > MAX_COORDINATE {
            return None;
        }
        let mut number = BIGNUM {
            d: self.0.as_mut_ptr(),
            width: 0,
            dmax: MAX_WORDS as i32,
            neg: 0,
            flags: BN_FLG_STATIC_DATA,
        };
        // SAFETY: `bytes` can be read for the length that is passed, which fits into the number's memory; AWS-LC writes
        // there and, the memory being marked as static, neither frees nor moves it.
        NonNull::new(unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), &mut number) }).map(|_| number)
    }
}

/// Verifies an ECDSA signature `(r, s)` of a message with this hash, by the owner of `point`, as SEC 1 section 2.3.4
/// writes it. The numbers are big endian.
///
/// # Errors
/// If the signature is wrong, or the point or a number is not what it should be.
pub fn ecdsa_verify(curve: Curve, point: &[u8], hash: &[u8], (r, s): (&[u8], &[u8])) -> Result<(), Refused> {
    let point = Point::from_bytes(curve, point)?;
    let key = Key::new(curve)?;
    let (mut r_words, mut s_words) = (Borrowed::new(), Borrowed::new());
    let mut r = r_words.read(r).ok_or(Refused)?;
    let mut s = s_words.read(s).ok_or(Refused)?;
    let signature = ECDSA_SIG { r: &mut r, s: &mut s };
    // SAFETY: all pointers are valid, the point is copied, the numbers are only read, and `hash` can be read for the
    // length that is passed.
    let done = unsafe {
        EC_KEY_set_public_key(key.0.as_ptr(), point.0.as_ptr()) == 1
            && ECDSA_do_verify(hash.as_ptr(), hash.len(), &signature, key.0.as_ptr()) == 1
    };
    done.then_some(()).ok_or(Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVES: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    fn public(scalar: &Scalar) -> Vec<u8> {
        let mut public = vec![0; 1 + 2 * scalar.curve.coordinate_len()];
        scalar.public(&mut public).unwrap();
        public
    }

    fn scalar(curve: Curve, last: u8) -> Vec<u8> {
        let mut bytes = vec![0; curve.coordinate_len()];
        bytes[3..].fill(0x35);
        *bytes.last_mut().unwrap() = last;
        bytes
    }

    #[test]
    fn both_sides_come_to_the_same_secret() {
        for curve in CURVES {
            let [a, b] = [1, 2].map(|last| Scalar::new(curve, &scalar(curve, last)).unwrap());
            let mut secrets = [vec![0; curve.coordinate_len()], vec![0; curve.coordinate_len()]];
            a.agree(&public(&b), &mut secrets[0]).unwrap();
            b.agree(&public(&a), &mut secrets[1]).unwrap();
            assert_eq!(secrets[0], secrets[1]);
            assert!(secrets[0].iter().any(|&byte| byte != 0));
            assert_eq!(a.agree(&public(&b), &mut [0; 5]), Err(Refused));
        }
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        for curve in CURVES {
            let key = Scalar::new(curve, &scalar(curve, 1)).unwrap();
            let mut out = vec![0; curve.coordinate_len()];
            let mut off = public(&key);
            *off.last_mut().unwrap() ^= 1;
            for wrong in [&off[..], &[0], &[], &public(&key)[1..]] {
                assert_eq!(key.agree(wrong, &mut out), Err(Refused));
                assert_eq!(ecdsa_verify(curve, wrong, &[1; 32], (&[1], &[1])), Err(Refused));
            }
        }
    }

    #[test]
    fn scalars_out_of_range_are_refused() {
        for curve in CURVES {
            let len = curve.coordinate_len();
            assert!(Scalar::new(curve, &[1]).is_err());
            assert!(EcdsaSigner::new(curve, &vec![0; len]).is_err());
            assert!(EcdsaSigner::new(curve, &vec![0xff; len]).is_err());
            assert!(Scalar::new(curve, &vec![0; len]).is_err());
            assert!(Scalar::new(curve, &vec![0xff; len]).is_err());
        }
    }

    /// The numbers of a signature in DER, all of whose lengths are short, or as P-521 has them.
    fn numbers(der: &[u8]) -> (&[u8], &[u8]) {
        let skip = if der[1] == 0x81 { 3 } else { 2 };
        let (r, rest) = der[skip + 2..].split_at(der[skip + 1].into());
        (r, &rest[2..])
    }

    #[test]
    fn signatures_verify_and_nothing_else_does() {
        for curve in CURVES {
            let scalar = scalar(curve, 9);
            let point = public(&Scalar::new(curve, &scalar).unwrap());
            let signer = EcdsaSigner::new(curve, &scalar).unwrap();
            for hash in [&[3; 32][..], &[4; 48], &[5; 64]] {
                let signature = signer.sign(hash).unwrap();
                let (r, s) = numbers(&signature);
                let stripped = |number: &'_ [u8]| number[usize::from(number[0] == 0)..].to_vec();
                let (r, s) = (stripped(r), stripped(s));
                assert_eq!(ecdsa_verify(curve, &point, hash, (&r, &s)), Ok(()));
                let mut other = hash.to_vec();
                other[0] ^= 1;
                assert_eq!(ecdsa_verify(curve, &point, &other, (&r, &s)), Err(Refused));
                let mut changed = r.clone();
                changed[0] ^= 1;
                let long = [1; MAX_COORDINATE + 1];
                let whole = [0xff; MAX_COORDINATE];
                for wrong in [&[][..], &[0], &changed, &long, &whole, &s] {
                    assert_eq!(ecdsa_verify(curve, &point, hash, (wrong, &s)), Err(Refused));
                }
                for wrong in [&[][..], &[0], &changed, &long, &whole] {
                    assert_eq!(ecdsa_verify(curve, &point, hash, (&r, wrong)), Err(Refused));
                }
            }
        }
    }

    /// The second key pair of RFC 7748 section 6.1.
    #[test]
    fn x25519_as_in_the_rfc() {
        let hex = |text: &str| -> [u8; 32] {
            std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        };
        let alice = [0x77; 32];
        let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let (mut a, mut b, mut one, mut other) = ([0; 32], [0; 32], [0; 32], [0; 32]);
        x25519_public(&alice, &mut a);
        x25519_public(&bob, &mut b);
        assert_eq!(b, hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        x25519(&alice, &b, &mut one).unwrap();
        x25519(&bob, &a, &mut other).unwrap();
        assert_eq!(one, other);
        assert_eq!(x25519(&alice, &[0; 32], &mut one), Err(Refused));
    }
}
