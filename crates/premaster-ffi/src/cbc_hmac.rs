//! AES-CBC over HMAC as one pass, for what TLS 1.2 sends (RFC 5246 section 6.2.3.2): half the time of the two one
//! after the other.
use crate::Refused;
use aws_lc_sys::{
    EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_ctrl, EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new,
    EVP_CTRL_AEAD_SET_MAC_KEY, EVP_CTRL_AEAD_TLS1_AAD, EVP_Cipher, EVP_CipherInit_ex,
    EVP_aes_128_cbc_hmac_sha1, EVP_aes_128_cbc_hmac_sha256, EVP_aes_256_cbc_hmac_sha1,
    EVP_aes_256_cbc_hmac_sha256,
};
use std::ptr::{NonNull, null_mut};

/// Length of a block and of an initialization vector, in bytes.
pub const BLOCK_LEN: usize = 16;

/// The hash of the MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mac {
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
}

impl Mac {
    /// Length of a MAC and of its key, in bytes.
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// None is empty.
    pub const fn is_empty(self) -> bool {
        false
    }
}

/// A key that seals TLS 1.2 records; AWS-LC wipes it when it is freed.
pub struct SealKey {
    context: NonNull<EVP_CIPHER_CTX>,
    mac: Mac,
}

// SAFETY: the context has no ties to the thread that made it.
unsafe impl Send for SealKey {}
// SAFETY: nothing is done through `&SealKey`.
unsafe impl Sync for SealKey {}

impl Drop for SealKey {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is its only owner, and it is not used afterwards.
        unsafe { EVP_CIPHER_CTX_free(self.context.as_ptr()) }
    }
}

impl SealKey {
    /// With these keys. `mask` is random, and goes into the first record's IV.
    ///
    /// # Errors
    /// If a key does not have its length, or this processor or build has no such implementation.
    pub fn new(mac: Mac, key: &[u8], mac_key: &[u8], mask: &[u8; BLOCK_LEN]) -> Result<Self, Refused> {
        // SAFETY: nothing is passed; what is returned lives for ever, or is null.
        let cipher: *const EVP_CIPHER = unsafe {
            match (key.len(), mac) {
                (16, Mac::Sha1) => EVP_aes_128_cbc_hmac_sha1(),
                (32, Mac::Sha1) => EVP_aes_256_cbc_hmac_sha1(),
                (16, Mac::Sha256) => EVP_aes_128_cbc_hmac_sha256(),
                (32, Mac::Sha256) => EVP_aes_256_cbc_hmac_sha256(),
                _ => return Err(Refused),
            }
        };
        if cipher.is_null() || mac_key.len() != mac.len() {
            return Err(Refused);
        }
        // SAFETY: nothing is passed.
        let context = NonNull::new(unsafe { EVP_CIPHER_CTX_new() }).ok_or(Refused)?;
        let sealer = Self { context, mac };
        // SAFETY: context and cipher are valid, and `key` and `mask` have the lengths that the cipher reads.
        let ready = unsafe {
            EVP_CipherInit_ex(context.as_ptr(), cipher, null_mut(), key.as_ptr(), mask.as_ptr(), 1)
        };
        let (control, len) = (EVP_CTRL_AEAD_SET_MAC_KEY, mac_key.len() as i32);
        // SAFETY: the context is valid; the MAC key is only read, for the length that is passed.
        let keyed = unsafe {
            EVP_CIPHER_CTX_ctrl(context.as_ptr(), control, len, mac_key.as_ptr().cast_mut().cast())
        };
        (ready == 1 && keyed == 1).then_some(sealer).ok_or(Refused)
    }

    /// How long a record's fragment is that holds `content` bytes.
    pub const fn sealed_len(&self, content: usize) -> usize {
        BLOCK_LEN + (content + self.mac.len() + 1).next_multiple_of(BLOCK_LEN)
    }

    /// Seals `in_out`, where a fresh random block is followed by `content` bytes of plaintext and as much room as
    /// [`sealed_len`](Self::sealed_len) says. On the wire the first block is the record's IV: the random block
    /// encrypted. `header` is the sequence number, type and version that the MAC begins with.
    ///
    /// # Errors
    /// If the lengths do not fit, or AWS-LC fails. What `in_out` holds then must not be sent.
    pub fn seal(&mut self, header: &[u8; 11], content: usize, in_out: &mut [u8]) -> Result<(), Refused> {
        if content > 1 << 14 || in_out.len() != self.sealed_len(content) {
            return Err(Refused);
        }
        let mut aad = [0; 13];
        aad[..11].copy_from_slice(header);
        aad[11..].copy_from_slice(&((BLOCK_LEN + content) as u16).to_be_bytes());
        let (context, control) = (self.context.as_ptr(), EVP_CTRL_AEAD_TLS1_AAD);
        // SAFETY: the context is valid and has its keys; AWS-LC reads and writes the 13 bytes.
        let padding = unsafe { EVP_CIPHER_CTX_ctrl(context, control, 13, aad.as_mut_ptr().cast()) };
        let data = in_out.as_mut_ptr();
        // SAFETY: the context is valid; `in_out` can be read and written for the length that is passed, which is the
        // one that AWS-LC asks for. It allows input and output to be the same.
        let done = unsafe { EVP_Cipher(context, data, data, in_out.len() as _) };
        (padding > 0 && done == 1).then_some(()).ok_or(Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_lengths_are_refused() {
        let mask = [0; BLOCK_LEN];
        assert!(SealKey::new(Mac::Sha1, &[1; 17], &[2; 20], &mask).is_err());
        assert!(SealKey::new(Mac::Sha1, &[1; 16], &[2; 32], &mask).is_err());
        let Ok(mut key) = SealKey::new(Mac::Sha1, &[1; 16], &[2; 20], &mask) else { return };
        assert_eq!(key.sealed_len(0), 16 + 32);
        assert_eq!(key.sealed_len(11), 16 + 32);
        assert_eq!(key.sealed_len(12), 16 + 48);
        for len in [0, 47, 49, 64] {
            assert_eq!(key.seal(&[0; 11], 0, &mut vec![0; len]), Err(Refused));
        }
        assert_eq!(
            key.seal(&[0; 11], (1 << 14) + 1, &mut vec![0; key.sealed_len((1 << 14) + 1)]),
            Err(Refused)
        );
        assert_eq!(key.seal(&[0; 11], 0, &mut [0; 48]), Ok(()));
    }
}
