//! Hashes and HMAC (FIPS 180-4, RFC 2104): the transcript, the key schedules and the MAC of CBC records.
use super::constant_time::{declassify, less, verdict};
pub use super::sha::MAX_OUTPUT;
use super::sha::{
    Compression, Keyed, Running, SHA1_START, SHA256_START, SHA384_START, SHA512_START, Sha1, Sha256, Sha512,
};
use super::wipe;
use std::fmt;
use subtle::ConstantTimeEq;

/// A hash function.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub enum HashAlgorithm {
    /// SHA-1, only as the HMAC of the CBC suites that end in `_SHA` (RFC 5246 appendix A.5). No collision
    /// helps against HMAC; nothing else may use it.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Length of a hash, in bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Length of a block of input, in bytes.
    pub const fn block_len(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    /// The name in the words of FIPS 180-4, such as `SHA-256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The hash of something public. What is derived from a secret belongs into [`Secret`](crate::Secret).
#[derive(Copy, Clone)]
pub struct Digest {
    bytes: [u8; MAX_OUTPUT],
    len: usize,
}

impl Digest {
    /// Whether `tag` is the same, in time that does not depend on where they differ.
    pub(crate) fn verify(&self, tag: &[u8]) -> bool {
        verdict(self.as_ref().ct_eq(tag))
    }

    /// One of `len` bytes, at most [`MAX_OUTPUT`], written by `fill`.
    pub(crate) fn fill(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut digest = Self { bytes: [0; MAX_OUTPUT], len };
        fill(&mut digest.bytes[..len]);
        digest
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(")?;
        self.as_ref().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[derive(Clone)]
enum Hash {
    Sha1(Running<Sha1>),
    Sha256(Running<Sha256>),
    Sha512(Running<Sha512>),
}

/// A hash of something that comes in pieces, such as the transcript.
#[derive(Clone)]
pub struct Hasher {
    algorithm: HashAlgorithm,
    hash: Hash,
}

impl Hasher {
    /// A hash of nothing yet.
    pub fn new(algorithm: HashAlgorithm) -> Self {
        let hash = match algorithm {
            HashAlgorithm::Sha1 => Hash::Sha1(Running::from_state(SHA1_START, 0)),
            HashAlgorithm::Sha256 => Hash::Sha256(Running::from_state(SHA256_START, 0)),
            HashAlgorithm::Sha384 => Hash::Sha512(Running::from_state(SHA384_START, 0)),
            HashAlgorithm::Sha512 => Hash::Sha512(Running::from_state(SHA512_START, 0)),
        };
        Self { algorithm, hash }
    }

    /// Which hash it is.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Takes in `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.hash {
            Hash::Sha1(hash) => hash.update(bytes),
            Hash::Sha256(hash) => hash.update(bytes),
            Hash::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The hash of what came so far; more may come.
    pub fn fork(&self) -> Digest {
        self.clone().finish()
    }

    /// The hash.
    pub fn finish(mut self) -> Digest {
        Digest::fill(self.algorithm.output_len(), |out| match &mut self.hash {
            Hash::Sha1(hash) => hash.finish_into(out),
            Hash::Sha256(hash) => hash.finish_into(out),
            Hash::Sha512(hash) => hash.finish_into(out),
        })
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm)
    }
}

/// The hash of `parts` one after another.
pub fn digest(algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

enum Mac {
    Sha1(Box<Keyed<Sha1>>),
    Sha256(Box<Keyed<Sha256>>),
    Sha384(Box<Keyed<Sha512>>),
    Sha512(Box<Keyed<Sha512>>),
}

/// A key for HMAC (RFC 2104), already taken in by both hashes, so that each use saves two compressions.
///
/// It is on the heap, where it was made, so that a move leaves no copy. It is wiped when dropped, and there is no
/// second one:
/// ```compile_fail,E0599
/// # use premaster::crypto::hash::{HashAlgorithm, HmacKey};
/// let copy = HmacKey::new(HashAlgorithm::Sha256, b"key").clone();
/// ```
pub struct HmacKey(Mac);

impl HmacKey {
    /// Takes in `key`, of any length.
    pub fn new(algorithm: HashAlgorithm, key: &[u8]) -> Self {
        let keyed = Self::new_unwiped(algorithm, key);
        wipe::after_hmac();
        keyed
    }

    /// The same for a caller who wipes what is left on the stack.
    pub(crate) fn new_unwiped(algorithm: HashAlgorithm, key: &[u8]) -> Self {
        let mut keyed = Self::unkeyed(algorithm);
        keyed.replace_unwiped(key);
        keyed
    }

    /// Where a key will stand.
    fn unkeyed(algorithm: HashAlgorithm) -> Self {
        Self(match algorithm {
            HashAlgorithm::Sha1 => Mac::Sha1(Box::new(Keyed::unkeyed(SHA1_START))),
            HashAlgorithm::Sha256 => Mac::Sha256(Box::new(Keyed::unkeyed(SHA256_START))),
            HashAlgorithm::Sha384 => Mac::Sha384(Box::new(Keyed::unkeyed(SHA384_START))),
            HashAlgorithm::Sha512 => Mac::Sha512(Box::new(Keyed::unkeyed(SHA512_START))),
        })
    }

    /// Takes in `key` in place of the one before, for a caller who wipes what is left on the stack.
    pub(crate) fn replace_unwiped(&mut self, key: &[u8]) {
        let len = self.algorithm().output_len();
        match &mut self.0 {
            Mac::Sha1(keyed) => keyed.take_in(&SHA1_START, len, key),
            Mac::Sha256(keyed) => keyed.take_in(&SHA256_START, len, key),
            Mac::Sha384(keyed) => keyed.take_in(&SHA384_START, len, key),
            Mac::Sha512(keyed) => keyed.take_in(&SHA512_START, len, key),
        }
    }

    /// Takes in `key[..len]`, in time that depends on the length of `key` but not on `len`, which is a secret.
    ///
    /// Unless it is no longer than a block, which shows: of a secret that is much longer than a block, and uniform,
    /// nobody will ever see that.
    pub(crate) fn new_hiding(algorithm: HashAlgorithm, key: &[u8], len: usize) -> Self {
        let (block, size) = (algorithm.block_len(), algorithm.output_len());
        if key.len() <= block || declassify(less(block, len)) == 0 {
            return Self::new(algorithm, &key[..declassify(len)]);
        }
        let mut keyed = Self::unkeyed(algorithm);
        match &mut keyed.0 {
            Mac::Sha1(keyed) => keyed.take_in_hiding(&SHA1_START, size, key, len),
            Mac::Sha256(keyed) => keyed.take_in_hiding(&SHA256_START, size, key, len),
            Mac::Sha384(keyed) => keyed.take_in_hiding(&SHA384_START, size, key, len),
            Mac::Sha512(keyed) => keyed.take_in_hiding(&SHA512_START, size, key, len),
        }
        wipe::after_hmac();
        keyed
    }

    /// The hash inside.
    pub const fn algorithm(&self) -> HashAlgorithm {
        match self.0 {
            Mac::Sha1(_) => HashAlgorithm::Sha1,
            Mac::Sha256(_) => HashAlgorithm::Sha256,
            Mac::Sha384(_) => HashAlgorithm::Sha384,
            Mac::Sha512(_) => HashAlgorithm::Sha512,
        }
    }

    /// Writes the HMAC of `parts`, one after another, to `out`. A shorter `out` gets the front of it; a longer
    /// one is a mistake of the caller's, whose end stays as it was.
    pub fn sign(&self, parts: &[&[u8]], out: &mut [u8]) {
        self.sign_unwiped(parts, out);
        wipe::after_hmac();
    }

    /// The same for a caller who wipes what is left on the stack.
    pub(crate) fn sign_unwiped(&self, parts: &[&[u8]], out: &mut [u8]) {
        let len = self.algorithm().output_len();
        debug_assert!(out.len() <= len, "an HMAC is not longer than its hash");
        let end = out.len().min(len);
        let out = &mut out[..end];
        match &self.0 {
            Mac::Sha1(keyed) => keyed.sign(&SHA1_START, len, parts, out),
            Mac::Sha256(keyed) => keyed.sign(&SHA256_START, len, parts, out),
            Mac::Sha384(keyed) => keyed.sign(&SHA384_START, len, parts, out),
            Mac::Sha512(keyed) => keyed.sign(&SHA512_START, len, parts, out),
        }
    }

    /// Writes the HMAC of `prefix` and `data[..len]` to `out`, as long as the hash, in time that depends on `from`
    /// and on the lengths of the slices but not on `len`, which is a secret between `from` and `data.len()`.
    ///
    /// This is what keeps the length of CBC padding hidden until it is authenticated (RFC 5246 section 6.2.3.2,
    /// and the attack Lucky Thirteen).
    pub(crate) fn sign_hiding(&self, prefix: &[u8], data: &[u8], from: usize, len: usize, out: &mut [u8]) {
        let size = self.algorithm().output_len();
        let data = (data, from, len);
        match &self.0 {
            Mac::Sha1(keyed) => keyed.sign_hiding(&SHA1_START, size, prefix, data, out),
            Mac::Sha256(keyed) => keyed.sign_hiding(&SHA256_START, size, prefix, data, out),
            Mac::Sha384(keyed) => keyed.sign_hiding(&SHA384_START, size, prefix, data, out),
            Mac::Sha512(keyed) => keyed.sign_hiding(&SHA512_START, size, prefix, data, out),
        }
        wipe::after_hmac();
    }

    /// Whether `tag` is the whole HMAC of `parts`, in time that does not depend on where they differ.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let mut own = [0; MAX_OUTPUT];
        let own = &mut own[..self.algorithm().output_len()];
        self.sign(parts, own);
        verdict(own.ct_eq(tag))
    }
}

/// Writes the HMAC of `parts` under a `key` that is used once, to `out`, for a caller who wipes what is left on the
/// stack.
pub(crate) fn hmac_unwiped(algorithm: HashAlgorithm, key: &[u8], parts: &[&[u8]], out: &mut [u8]) {
    fn once<C: Compression>(start: &C::State, len: usize, key: &[u8], parts: &[&[u8]], out: &mut [u8]) {
        let mut keyed = Keyed::<C>::unkeyed(*start);
        keyed.take_in(start, len, key);
        keyed.sign(start, len, parts, out);
    }
    let len = algorithm.output_len();
    match algorithm {
        HashAlgorithm::Sha1 => once::<Sha1>(&SHA1_START, len, key, parts, out),
        HashAlgorithm::Sha256 => once::<Sha256>(&SHA256_START, len, key, parts, out),
        HashAlgorithm::Sha384 => once::<Sha512>(&SHA384_START, len, key, parts, out),
        HashAlgorithm::Sha512 => once::<Sha512>(&SHA512_START, len, key, parts, out),
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HmacKey({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn fips_180_examples() {
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (algorithm, message, expected) in [
            (HashAlgorithm::Sha1, &b"abc"[..], "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (HashAlgorithm::Sha1, long, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (HashAlgorithm::Sha256, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                HashAlgorithm::Sha256,
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (HashAlgorithm::Sha256, long, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
            (
                HashAlgorithm::Sha384,
                b"abc",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                HashAlgorithm::Sha512,
                b"abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(hex(digest(algorithm, &[message]).as_ref()), expected, "{algorithm} of {message:?}");
        }
    }

    /// Every length around the edges of the blocks, in pieces of every length, against the other library.
    #[test]
    fn agrees_with_another_implementation_at_every_length() {
        use aws_lc_rs::digest as other;
        let message: Vec<u8> = (0..=u8::MAX).cycle().take(300).collect();
        for (algorithm, theirs) in [
            (HashAlgorithm::Sha1, &other::SHA1_FOR_LEGACY_USE_ONLY),
            (HashAlgorithm::Sha256, &other::SHA256),
            (HashAlgorithm::Sha384, &other::SHA384),
            (HashAlgorithm::Sha512, &other::SHA512),
        ] {
            for len in 0..message.len() {
                let expected = other::digest(theirs, &message[..len]);
                assert_eq!(digest(algorithm, &[&message[..len]]).as_ref(), expected.as_ref());
                let mut hasher = Hasher::new(algorithm);
                for piece in message[..len].chunks(1 + len % 70) {
                    hasher.update(piece);
                    hasher.update(&[]);
                }
                assert_eq!(hasher.finish().as_ref(), expected.as_ref(), "{algorithm}, {len} bytes");
            }
        }
    }

    #[test]
    fn a_fork_does_not_end_the_hash() {
        let mut hasher = Hasher::new(HashAlgorithm::Sha384);
        hasher.update(b"ab");
        assert_eq!(hasher.fork(), digest(HashAlgorithm::Sha384, &[b"a", b"b"]));
        hasher.update(b"c");
        assert_eq!(hasher.finish(), digest(HashAlgorithm::Sha384, &[b"abc"]));
    }

    #[track_caller]
    fn check_hmac(algorithm: HashAlgorithm, key: &[u8], data: &[u8], expected: &str) {
        let key = HmacKey::new(algorithm, key);
        let mut tag = vec![0; algorithm.output_len()];
        let (front, back) = data.split_at(data.len() / 3);
        key.sign(&[front, back], &mut tag);
        assert_eq!(hex(&tag), expected);
        assert!(key.verify(&[data], &tag));
        assert!(!key.verify(&[data], &tag[..tag.len() - 1]));
        let mut short = [0; 12];
        key.sign(&[data], &mut short);
        assert_eq!(short, tag[..12]);
        tag[7] ^= 1;
        assert!(!key.verify(&[data], &tag));
    }

    #[test]
    fn a_hidden_length_gives_the_same_hmac() {
        let data: Vec<u8> = (0..=u8::MAX).cycle().take(420).collect();
        for algorithm in
            [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512]
        {
            let key = HmacKey::new(algorithm, b"a key");
            for from in [0, 1, 51, 163, 164] {
                for len in from..=from + 256 {
                    let (mut plain, mut hidden) = ([0; MAX_OUTPUT], [0; MAX_OUTPUT]);
                    let size = algorithm.output_len();
                    key.sign(&[&[3; 13], &data[..len]], &mut plain[..size]);
                    key.sign_hiding(&[3; 13], &data[..from + 256], from, len, &mut hidden[..size]);
                    assert_eq!(plain, hidden, "{algorithm}, {len}");
                }
            }
        }
    }

    #[test]
    fn a_key_of_hidden_length_is_the_same_key() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(260).collect();
        for algorithm in
            [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512]
        {
            let size = algorithm.output_len();
            for len in 0..=bytes.len() {
                let (mut plain, mut hidden) = ([0; MAX_OUTPUT], [0; MAX_OUTPUT]);
                HmacKey::new(algorithm, &bytes[..len]).sign(&[b"data"], &mut plain[..size]);
                HmacKey::new_hiding(algorithm, &bytes, len).sign(&[b"data"], &mut hidden[..size]);
                assert_eq!(plain, hidden, "{algorithm}, {len}");
            }
            let short = HmacKey::new_hiding(algorithm, &bytes[..9], 7);
            let (mut plain, mut hidden) = ([0; MAX_OUTPUT], [0; MAX_OUTPUT]);
            HmacKey::new(algorithm, &bytes[..7]).sign(&[], &mut plain[..size]);
            short.sign(&[], &mut hidden[..size]);
            assert_eq!(plain, hidden, "{algorithm}");
        }
    }

    #[test]
    fn rfc_2202() {
        let check = |key, data, expected| check_hmac(HashAlgorithm::Sha1, key, data, expected);
        check(&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00");
        check(b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        check(&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
        check(
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        );
    }

    #[test]
    fn rfc_4231() {
        let check = |key: &[u8], data: &[u8], sha256, sha384, sha512| {
            check_hmac(HashAlgorithm::Sha256, key, data, sha256);
            check_hmac(HashAlgorithm::Sha384, key, data, sha384);
            check_hmac(HashAlgorithm::Sha512, key, data, sha512);
        };
        check(
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        );
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        );
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        );
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, secret};

    /// Finished and binders go through here, and the MAC of encrypt-then-MAC.
    #[test]
    fn a_mac_is_verified_in_constant_time() {
        constant_time(|| {
            for algorithm in [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let mut tag = vec![0; algorithm.output_len()];
                HmacKey::new(algorithm, &[9; 32]).sign(&[b"data"], &mut tag);
                let key = HmacKey::new(algorithm, &secret([9; 32]));
                assert!(key.verify(&[b"data"], &tag));
                for wrong in [0, 1, algorithm.output_len() - 1] {
                    let mut tag = tag.clone();
                    tag[wrong] ^= 0x10;
                    assert!(!key.verify(&[b"data"], &tag));
                }
            }
        });
    }
}
