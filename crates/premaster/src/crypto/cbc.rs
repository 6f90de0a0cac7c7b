//! AES in cipher block chaining mode (NIST SP 800-38A section 6.2), for the CBC suites of TLS 1.2.
//!
//! It authenticates nothing. `record` puts the MAC around it or inside it.
use super::aead::BadKeyLength;
use super::hash::HashAlgorithm;
use super::wipe;
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use premaster_ffi::cbc_hmac;
use std::fmt;

/// Length of a block and of an initialization vector, in bytes.
pub const BLOCK_LEN: usize = 16;

/// A block cipher in this mode.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub enum CbcAlgorithm {
    /// AES-128 (RFC 3268).
    Aes128Cbc,
    /// AES-256 (RFC 3268).
    Aes256Cbc,
}

impl CbcAlgorithm {
    /// Length of a key, in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Cbc => 16,
            Self::Aes256Cbc => 32,
        }
    }

    /// The name, such as `AES-128-CBC`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "AES-128-CBC",
            Self::Aes256Cbc => "AES-256-CBC",
        }
    }

    fn unbound(self, key: &[u8]) -> Result<UnboundCipherKey, BadKeyLength> {
        let algorithm = match self {
            Self::Aes128Cbc => &AES_128,
            Self::Aes256Cbc => &AES_256,
        };
        UnboundCipherKey::new(algorithm, key).map_err(|Unspecified| BadKeyLength)
    }
}

impl fmt::Display for CbcAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The data is not whole blocks, or the primitive or the random generator failed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct CbcFailed;

impl fmt::Display for CbcFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the block cipher failed")
    }
}

impl std::error::Error for CbcFailed {}

/// A key that encrypts, expanded on the heap and wiped when dropped.
pub struct CbcSealKey(Box<EncryptingKey>);

impl CbcSealKey {
    /// Expands `key`.
    ///
    /// # Errors
    /// It does not have the algorithm's length.
    pub fn new(algorithm: CbcAlgorithm, key: &[u8]) -> Result<Self, BadKeyLength> {
        let key = Self::expanded(algorithm, key);
        // What is made next, the MAC's key, has unused bytes, and would take along to the heap what is left here.
        wipe::after_record();
        key
    }

    #[inline(never)]
    fn expanded(algorithm: CbcAlgorithm, key: &[u8]) -> Result<Self, BadKeyLength> {
        let key = EncryptingKey::cbc(algorithm.unbound(key)?).map_err(|Unspecified| BadKeyLength)?;
        Ok(Self(Box::new(key)))
    }

    /// Encrypts `in_out`, whole blocks, where they stand.
    ///
    /// # Errors
    /// They are not whole blocks.
    #[inline(never)]
    pub fn encrypt(&self, iv: &[u8; BLOCK_LEN], in_out: &mut [u8]) -> Result<(), CbcFailed> {
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        self.0.less_safe_encrypt(in_out, context).map(|_| ()).map_err(|Unspecified| CbcFailed)
    }

    /// A fresh initialization vector, which nobody can predict (RFC 5246 section 6.2.3.2).
    ///
    /// # Errors
    /// The random generator failed.
    pub fn fresh_iv(&self) -> Result<[u8; BLOCK_LEN], CbcFailed> {
        fresh_block()
    }
}

impl fmt::Debug for CbcSealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CbcSealKey(..)")
    }
}

/// Keys that MAC and encrypt in one pass, on the processors that can; wiped when dropped.
pub(crate) struct StitchedSealKey(cbc_hmac::SealKey);

impl StitchedSealKey {
    /// None if the hash, the processor or the build has no such thing, and the two have to go one after the other.
    pub(crate) fn new(hash: HashAlgorithm, key: &[u8], mac_key: &[u8]) -> Option<Self> {
        let mac = match hash {
            HashAlgorithm::Sha1 => cbc_hmac::Mac::Sha1,
            HashAlgorithm::Sha256 => cbc_hmac::Mac::Sha256,
            _ => return None,
        };
        let mask = fresh_block().ok()?;
        cbc_hmac::SealKey::new(mac, key, mac_key, &mask).ok().map(Self)
    }

    /// How long the fragment of a record is that holds `content` bytes.
    pub(crate) const fn sealed_len(&self, content: usize) -> usize {
        self.0.sealed_len(content)
    }

    /// Seals `out`, where `content` bytes of plaintext stand behind the first block, which becomes the IV.
    ///
    /// # Errors
    /// There is no randomness, or the lengths do not fit. What `out` holds then must not be sent.
    pub(crate) fn seal_in_place(
        &mut self,
        header: &[u8; 11],
        content: usize,
        out: &mut [u8],
    ) -> Result<(), CbcFailed> {
        // Nobody can predict what it is encrypted to (RFC 5246 section 6.2.3.2).
        let iv = fresh_block()?;
        out.get_mut(..BLOCK_LEN).ok_or(CbcFailed)?.copy_from_slice(&iv);
        self.0.seal(header, content, out).map_err(|_| CbcFailed)
    }
}

fn fresh_block() -> Result<[u8; BLOCK_LEN], CbcFailed> {
    let mut block = [0; BLOCK_LEN];
    aws_lc_rs::rand::fill(&mut block).map_err(|Unspecified| CbcFailed)?;
    Ok(block)
}

/// A key that decrypts, expanded on the heap and wiped when dropped.
pub struct CbcOpenKey(Box<DecryptingKey>);

impl CbcOpenKey {
    /// Expands `key`.
    ///
    /// # Errors
    /// It does not have the algorithm's length.
    pub fn new(algorithm: CbcAlgorithm, key: &[u8]) -> Result<Self, BadKeyLength> {
        let key = Self::expanded(algorithm, key);
        // What is made next, the MAC's key, has unused bytes, and would take along to the heap what is left here.
        wipe::after_record();
        key
    }

    #[inline(never)]
    fn expanded(algorithm: CbcAlgorithm, key: &[u8]) -> Result<Self, BadKeyLength> {
        let key = DecryptingKey::cbc(algorithm.unbound(key)?).map_err(|Unspecified| BadKeyLength)?;
        Ok(Self(Box::new(key)))
    }

    /// Decrypts `in_out`, whole blocks, where they stand.
    ///
    /// # Errors
    /// They are not whole blocks.
    #[inline(never)]
    pub fn decrypt(&self, iv: &[u8; BLOCK_LEN], in_out: &mut [u8]) -> Result<(), CbcFailed> {
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        self.0.decrypt(in_out, context).map(|_| ()).map_err(|Unspecified| CbcFailed)
    }
}

impl fmt::Debug for CbcOpenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CbcOpenKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3602 section 4, case 1.
    #[test]
    fn rfc_3602() {
        let key = 0x06a9214036b8a15b512e03d534120006_u128.to_be_bytes();
        let iv = 0x3dafba429d9eb430b422da802c9fac41_u128.to_be_bytes();
        let mut block = *b"Single block msg";
        CbcSealKey::new(CbcAlgorithm::Aes128Cbc, &key).unwrap().encrypt(&iv, &mut block).unwrap();
        assert_eq!(block, 0xe353779c1079aeb82708942dbe77181a_u128.to_be_bytes());
        CbcOpenKey::new(CbcAlgorithm::Aes128Cbc, &key).unwrap().decrypt(&iv, &mut block).unwrap();
        assert_eq!(&block, b"Single block msg");
    }

    /// NIST SP 800-38A section F.2.5: the first two blocks.
    #[test]
    fn sp_800_38a() {
        let key: [u8; 32] = [
            0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
            0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
        ];
        let iv = 0x000102030405060708090a0b0c0d0e0f_u128.to_be_bytes();
        let plaintext = [0x6bc1bee22e409f96e93d7e117393172a_u128, 0xae2d8a571e03ac9c9eb76fac45af8e51];
        let ciphertext = [0xf58c4c04d6e5f1ba779eabfb5f7bfbd6_u128, 0x9cfc4e967edb808d679f777bc6702c7d];
        let bytes = |blocks: [u128; 2]| blocks.map(u128::to_be_bytes).concat();
        let mut blocks = bytes(plaintext);
        CbcSealKey::new(CbcAlgorithm::Aes256Cbc, &key).unwrap().encrypt(&iv, &mut blocks).unwrap();
        assert_eq!(blocks, bytes(ciphertext));
        CbcOpenKey::new(CbcAlgorithm::Aes256Cbc, &key).unwrap().decrypt(&iv, &mut blocks).unwrap();
        assert_eq!(blocks, bytes(plaintext));
    }

    #[test]
    fn lengths_are_checked_and_vectors_fresh() {
        let seal = CbcSealKey::new(CbcAlgorithm::Aes128Cbc, &[0; 16]).unwrap();
        let open = CbcOpenKey::new(CbcAlgorithm::Aes128Cbc, &[0; 16]).unwrap();
        assert_eq!(seal.encrypt(&[0; 16], &mut [0; 17]), Err(CbcFailed));
        assert_eq!(open.decrypt(&[0; 16], &mut [0; 17]), Err(CbcFailed));
        assert_ne!(seal.fresh_iv(), seal.fresh_iv());
        assert!(CbcSealKey::new(CbcAlgorithm::Aes256Cbc, &[0; 16]).is_err());
        assert!(CbcOpenKey::new(CbcAlgorithm::Aes128Cbc, &[0; 32]).is_err());
    }
}
