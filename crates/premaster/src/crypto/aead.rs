//! Authenticated encryption with additional data (RFC 5116): GCM, CCM, and ChaCha20-Poly1305.
use super::wipe;
use aes::{Aes128Enc, Aes256Enc};
use aws_lc_rs::aead as aws;
use aws_lc_rs::error::Unspecified;
use ccm::aead::{AeadInOut, KeyInit, Tag};
use ccm::{
    Ccm,
    consts::{U8, U12, U16},
};
use std::fmt;

/// Length of a nonce, in bytes, of every algorithm here.
pub const NONCE_LEN: usize = 12;

/// The length of the longest tag, in bytes.
pub const MAX_TAG: usize = 16;

/// An algorithm that encrypts and authenticates at once.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub enum AeadAlgorithm {
    /// AES-128-GCM (RFC 5116 section 5.1).
    Aes128Gcm,
    /// AES-256-GCM (RFC 5116 section 5.2).
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
    /// AES-128-CCM with a tag of 16 bytes (RFC 6655 section 3).
    Aes128Ccm,
    /// AES-256-CCM with a tag of 16 bytes (RFC 6655 section 3).
    Aes256Ccm,
    /// AES-128-CCM with a tag of 8 bytes only (RFC 6655 section 4).
    Aes128Ccm8,
    /// AES-256-CCM with a tag of 8 bytes only (RFC 6655 section 4).
    Aes256Ccm8,
}

impl AeadAlgorithm {
    /// Length of a key, in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ccm | Self::Aes128Ccm8 => 16,
            Self::Aes256Gcm | Self::Aes256Ccm | Self::Aes256Ccm8 | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Length of a tag, in bytes: how much longer the ciphertext is than the plaintext.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes256Ccm8 => 8,
            _ => 16,
        }
    }

    /// The name, such as `AES-128-GCM`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "AES-128-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
            Self::Aes128Ccm => "AES-128-CCM",
            Self::Aes256Ccm => "AES-256-CCM",
            Self::Aes128Ccm8 => "AES-128-CCM-8",
            Self::Aes256Ccm8 => "AES-256-CCM-8",
        }
    }
}

impl fmt::Display for AeadAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A key does not have the algorithm's length.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BadKeyLength;

impl fmt::Display for BadKeyLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key does not have the algorithm's length")
    }
}

impl std::error::Error for BadKeyLength {}

/// The buffers' lengths do not fit each other, or the primitive refused to work: nothing was sealed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SealFailed;

impl fmt::Display for SealFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was sealed")
    }
}

impl std::error::Error for SealFailed {}

/// Someone else made this ciphertext, or its additional data, or under another key or nonce.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct OpenFailed;

impl fmt::Display for OpenFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ciphertext is not authentic")
    }
}

impl std::error::Error for OpenFailed {}

/// A key, expanded on the heap and wiped when dropped.
///
/// Which nonce was used is the caller's to remember, so this belongs into hands that count; and there is no
/// second one:
/// ```compile_fail,E0599
/// # use premaster::crypto::aead::{AeadAlgorithm, AeadKey};
/// let copy = AeadKey::new(AeadAlgorithm::Aes128Gcm, &[0; 16]).unwrap().clone();
/// ```
pub struct AeadKey {
    algorithm: AeadAlgorithm,
    cipher: Cipher,
}

enum Cipher {
    Aws(aws::LessSafeKey),
    Ccm128(Box<Ccm<Aes128Enc, U16, U12>>),
    Ccm256(Box<Ccm<Aes256Enc, U16, U12>>),
    Ccm128Short(Box<Ccm<Aes128Enc, U8, U12>>),
    Ccm256Short(Box<Ccm<Aes256Enc, U8, U12>>),
}

impl AeadKey {
    /// Expands `key`.
    ///
    /// # Errors
    /// It does not have the algorithm's length.
    pub fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Result<Self, BadKeyLength> {
        let cipher = match algorithm {
            AeadAlgorithm::Aes128Gcm => aws_key(&aws::AES_128_GCM, key)?,
            AeadAlgorithm::Aes256Gcm => aws_key(&aws::AES_256_GCM, key)?,
            AeadAlgorithm::ChaCha20Poly1305 => aws_key(&aws::CHACHA20_POLY1305, key)?,
            AeadAlgorithm::Aes128Ccm => Cipher::Ccm128(ccm_key(key)?),
            AeadAlgorithm::Aes256Ccm => Cipher::Ccm256(ccm_key(key)?),
            AeadAlgorithm::Aes128Ccm8 => Cipher::Ccm128Short(ccm_key(key)?),
            AeadAlgorithm::Aes256Ccm8 => Cipher::Ccm256Short(ccm_key(key)?),
        };
        wipe::after_record();
        Ok(Self { algorithm, cipher })
    }

    /// Which algorithm it is for.
    pub const fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    /// Encrypts `in_out` where it stands and writes the tag to `tag`, which has the algorithm's length.
    ///
    /// # Errors
    /// `tag` has another length, or the primitive failed.
    pub fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), SealFailed> {
        match &self.cipher {
            Cipher::Aws(key) => key
                .seal_in_place_scatter(aws_nonce(nonce), aws::Aad::from(aad), in_out, &[], tag)
                .map_err(|Unspecified| SealFailed),
            Cipher::Ccm128(key) => ccm_seal(&**key, nonce, aad, in_out, tag),
            Cipher::Ccm256(key) => ccm_seal(&**key, nonce, aad, in_out, tag),
            Cipher::Ccm128Short(key) => ccm_seal(&**key, nonce, aad, in_out, tag),
            Cipher::Ccm256Short(key) => ccm_seal(&**key, nonce, aad, in_out, tag),
        }
    }

    /// Encrypts `plaintext` and `extra`, one after the other, to `out`, followed by the tag.
    ///
    /// # Errors
    /// `out` is not as long as the three together, or the primitive failed.
    pub fn seal_to(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        extra: &[u8],
        out: &mut [u8],
    ) -> Result<(), SealFailed> {
        let Some((start, rest)) = out.split_at_mut_checked(plaintext.len()) else {
            return Err(SealFailed);
        };
        if rest.len() != extra.len() + self.algorithm.tag_len() {
            return Err(SealFailed);
        }
        if let Cipher::Aws(key) = &self.cipher {
            let aad = aws::Aad::from(aad);
            return key
                .seal_out_of_place_scatter(aws_nonce(nonce), aad, plaintext, start, extra, rest)
                .map_err(|Unspecified| SealFailed);
        }
        start.copy_from_slice(plaintext);
        rest[..extra.len()].copy_from_slice(extra);
        let (in_out, tag) = out.split_at_mut(plaintext.len() + extra.len());
        self.seal_in_place(nonce, aad, in_out, tag)
    }

    /// Checks and decrypts `in_out`, a ciphertext and its tag, where it stands, and says how long the plaintext
    /// at its front is.
    ///
    /// # Errors
    /// It is not authentic. What `in_out` holds then is no plaintext.
    pub fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        let len = in_out.len().checked_sub(self.algorithm.tag_len()).ok_or(OpenFailed)?;
        let (in_out, tag) = in_out.split_at_mut(len);
        self.open_detached(nonce, aad, in_out, tag)
    }

    /// Checks `ciphertext_and_tag`, decrypts it to the front of `out`, and says how long the plaintext is.
    ///
    /// # Errors
    /// It is not authentic, or `out` is too short for the plaintext. What `out` holds then is no plaintext.
    pub fn open_to(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        ciphertext_and_tag: &[u8],
        out: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        let len = ciphertext_and_tag.len().checked_sub(self.algorithm.tag_len()).ok_or(OpenFailed)?;
        let (ciphertext, tag) = ciphertext_and_tag.split_at(len);
        let out = out.get_mut(..len).ok_or(OpenFailed)?;
        if let Cipher::Aws(key) = &self.cipher {
            return key
                .open_separate_gather(aws_nonce(nonce), aws::Aad::from(aad), ciphertext, tag, out)
                .map(|()| len)
                .map_err(|Unspecified| OpenFailed);
        }
        out.copy_from_slice(ciphertext);
        self.open_detached(nonce, aad, out, tag)
    }

    fn open_detached(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8],
    ) -> Result<usize, OpenFailed> {
        match &self.cipher {
            Cipher::Aws(key) => key
                .open_in_place_separate_tag(aws_nonce(nonce), aws::Aad::from(aad), tag, in_out)
                .map(|plaintext| plaintext.len())
                .map_err(|Unspecified| OpenFailed),
            Cipher::Ccm128(key) => ccm_open(&**key, nonce, aad, in_out, tag),
            Cipher::Ccm256(key) => ccm_open(&**key, nonce, aad, in_out, tag),
            Cipher::Ccm128Short(key) => ccm_open(&**key, nonce, aad, in_out, tag),
            Cipher::Ccm256Short(key) => ccm_open(&**key, nonce, aad, in_out, tag),
        }
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AeadKey({})", self.algorithm)
    }
}

fn aws_key(algorithm: &'static aws::Algorithm, key: &[u8]) -> Result<Cipher, BadKeyLength> {
    let key = aws::UnboundKey::new(algorithm, key).map_err(|Unspecified| BadKeyLength)?;
    Ok(Cipher::Aws(aws::LessSafeKey::new(key)))
}

fn aws_nonce(nonce: &[u8; NONCE_LEN]) -> aws::Nonce {
    aws::Nonce::assume_unique_for_key(*nonce)
}

fn ccm_key<K: KeyInit>(key: &[u8]) -> Result<Box<K>, BadKeyLength> {
    K::new_from_slice(key).map(Box::new).map_err(|_| BadKeyLength)
}

// Not inlined: the round keys are to stay below the frame that wipes the stack afterwards.
#[inline(never)]
fn ccm_encrypt<K: AeadInOut<NonceSize = U12>>(
    key: &K,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    in_out: &mut [u8],
) -> Result<Tag<K>, SealFailed> {
    key.encrypt_inout_detached(nonce.into(), aad, in_out.into()).map_err(|_| SealFailed)
}

#[inline(never)]
fn ccm_decrypt<K: AeadInOut<NonceSize = U12>>(
    key: &K,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    in_out: &mut [u8],
    tag: &Tag<K>,
) -> Result<(), OpenFailed> {
    key.decrypt_inout_detached(nonce.into(), aad, in_out.into(), tag).map_err(|_| OpenFailed)
}

fn ccm_seal<K>(
    key: &K,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    in_out: &mut [u8],
    tag: &mut [u8],
) -> Result<(), SealFailed>
where
    K: AeadInOut<NonceSize = U12>,
{
    let whole = ccm_encrypt(key, nonce, aad, in_out);
    wipe::after_ccm();
    let whole = whole?;
    if tag.len() != whole.len() {
        return Err(SealFailed);
    }
    tag.copy_from_slice(&whole);
    Ok(())
}

fn ccm_open<K>(
    key: &K,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    in_out: &mut [u8],
    tag: &[u8],
) -> Result<usize, OpenFailed>
where
    K: AeadInOut<NonceSize = U12>,
{
    let len = in_out.len();
    let tag = tag.try_into().map_err(|_| OpenFailed)?;
    let opened = ccm_decrypt(key, nonce, aad, in_out, tag);
    wipe::after_ccm();
    opened.map(|()| len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AeadAlgorithm::*;

    const ALL: [AeadAlgorithm; 7] =
        [Aes128Gcm, Aes256Gcm, ChaCha20Poly1305, Aes128Ccm, Aes256Ccm, Aes128Ccm8, Aes256Ccm8];

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
        digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    #[track_caller]
    fn check(algorithm: AeadAlgorithm, key: &str, nonce: &str, aad: &str, plaintext: &[u8], sealed: &str) {
        let key = AeadKey::new(algorithm, &unhex(key)).unwrap();
        let nonce: [u8; NONCE_LEN] = unhex(nonce).try_into().unwrap();
        let (aad, sealed) = (unhex(aad), unhex(sealed));
        let mut out = vec![0xee; sealed.len()];
        for split in [0, 1, plaintext.len()] {
            let (front, extra) = plaintext.split_at(split);
            key.seal_to(&nonce, &aad, front, extra, &mut out).unwrap();
            assert_eq!(out, sealed);
        }
        assert_eq!(key.open_in_place(&nonce, &aad, &mut out), Ok(plaintext.len()));
        assert_eq!(&out[..plaintext.len()], plaintext);
        let (in_out, tag) = out.split_at_mut(plaintext.len());
        key.seal_in_place(&nonce, &aad, in_out, tag).unwrap();
        assert_eq!(out, sealed);
        let mut opened = vec![0; plaintext.len()];
        assert_eq!(key.open_to(&nonce, &aad, &sealed, &mut opened), Ok(plaintext.len()));
        assert_eq!(opened, plaintext);
    }

    /// The GCM specification (McGrew, Viega), test cases 4 and 16.
    #[test]
    fn gcm() {
        let nonce = "cafebabefacedbaddecaf888";
        let aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
        let plaintext = unhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        check(
            Aes128Gcm,
            "feffe9928665731c6d6a8f9467308308",
            nonce,
            aad,
            &plaintext,
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
             21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
             5bc94fbc3221a5db94fae95ae7121a47",
        );
        check(
            Aes256Gcm,
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce,
            aad,
            &plaintext,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
             76fc6ece0f4e1768cddf8853bb2d551b",
        );
    }

    /// RFC 8439 section 2.8.2.
    #[test]
    fn chacha20_poly1305() {
        check(
            ChaCha20Poly1305,
            "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
            "070000004041424344454647",
            "50515253c0c1c2c3c4c5c6c7",
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
              sunscreen would be it.",
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
             3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
             92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
             3ff4def08e4b7a9de576d26586cec64b6116
             1ae10b594f09e26a7e902ecbd0600691",
        );
    }

    /// NIST SP 800-38C, example 3.
    #[test]
    fn ccm_8() {
        check(
            Aes128Ccm8,
            "404142434445464748494a4b4c4d4e4f",
            "101112131415161718191a1b",
            "000102030405060708090a0b0c0d0e0f10111213",
            &unhex("202122232425262728292a2b2c2d2e2f3031323334353637"),
            "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5 484392fbc1b09951",
        );
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        for algorithm in ALL {
            let key = AeadKey::new(algorithm, &vec![7; algorithm.key_len()]).unwrap();
            let (nonce, aad) = ([9; NONCE_LEN], b"additional data");
            for len in [0, 1, 15, 16, 17, 1 << 14] {
                let plaintext = vec![0xa5; len];
                let mut sealed = vec![0; len + 1 + algorithm.tag_len()];
                key.seal_to(&nonce, aad, &plaintext, &[23], &mut sealed).unwrap();
                let mut opened = sealed.clone();
                assert_eq!(key.open_in_place(&nonce, aad, &mut opened), Ok(len + 1), "{algorithm}");
                assert_eq!((&opened[..len], opened[len]), (&plaintext[..], 23));
                let bad = Err(OpenFailed);
                for position in [0, len / 2, len, len + 1, sealed.len() - 1] {
                    let mut flipped = sealed.clone();
                    flipped[position] ^= 0x10;
                    assert_eq!(key.open_to(&nonce, aad, &flipped, &mut opened), bad);
                    assert_eq!(key.open_in_place(&nonce, aad, &mut flipped), bad);
                    assert_ne!(flipped[..len + 1], [&plaintext[..], &[23]].concat());
                }
                assert_eq!(key.open_in_place(&nonce, b"additional dat", &mut sealed.clone()), bad);
                assert_eq!(key.open_in_place(&[8; NONCE_LEN], aad, &mut sealed.clone()), bad);
                assert_eq!(key.open_to(&nonce, aad, &sealed, &mut opened[..len]), bad);
                sealed.pop();
                assert_eq!(key.open_in_place(&nonce, aad, &mut sealed), bad);
            }
            let mut short = vec![0; algorithm.tag_len() - 1];
            assert_eq!(key.open_in_place(&nonce, aad, &mut short), Err(OpenFailed));
        }
    }

    #[test]
    fn lengths_are_checked() {
        for algorithm in ALL {
            assert_eq!(AeadKey::new(algorithm, &vec![0; algorithm.key_len() - 1]).err(), Some(BadKeyLength));
            assert_eq!(AeadKey::new(algorithm, &vec![0; algorithm.key_len() + 1]).err(), Some(BadKeyLength));
            let key = AeadKey::new(algorithm, &vec![0; algorithm.key_len()]).unwrap();
            let mut out = vec![0; 3 + algorithm.tag_len()];
            let nonce = [0; NONCE_LEN];
            assert_eq!(key.seal_to(&nonce, &[], b"four", &[], &mut out), Err(SealFailed));
            assert_eq!(key.seal_to(&nonce, &[], b"aa", &[], &mut out), Err(SealFailed));
            assert_eq!(key.seal_in_place(&nonce, &[], &mut out, &mut [0; 7]), Err(SealFailed));
        }
    }
}
