//! The only place where a nonce is made.
use crate::crypto::aead::NONCE_LEN;
use crate::error::Failure;
use zeroize::Zeroize;

/// The part of a nonce that comes from the key schedule, wiped when dropped.
pub(super) struct Iv([u8; NONCE_LEN]);

impl Iv {
    /// `client_write_iv` or `server_write_iv` where it is as long as the nonce: TLS 1.3, and ChaCha20-Poly1305
    /// in TLS 1.2.
    pub(super) fn whole(iv: &[u8]) -> Result<Self, Failure> {
        iv.try_into().map(Self).map_err(|_| Failure::Crypto)
    }

    /// The 4 bytes of `salt` that GCM and CCM have in TLS 1.2.
    pub(super) fn salt(salt: &[u8]) -> Result<Self, Failure> {
        let mut iv = [0; NONCE_LEN];
        let salt: [u8; 4] = salt.try_into().map_err(|_| Failure::Crypto)?;
        iv[..4].copy_from_slice(&salt);
        Ok(Self(iv))
    }

    /// The last 8 bytes xored with the number of the record (RFC 9846 section 5.3, RFC 7905 section 2). Behind a
    /// [salt](Self::salt) this is `nonce_explicit`, for which the number is a good choice (RFC 5288 section 3).
    pub(super) fn nonce(&self, number: u64) -> [u8; NONCE_LEN] {
        let mut nonce = self.0;
        nonce[4..].iter_mut().zip(number.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
        nonce
    }
}

impl Drop for Iv {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces() {
        let iv = Iv::whole(&[0xff; 12]).unwrap();
        assert_eq!(iv.nonce(0), [0xff; 12]);
        assert_eq!(iv.nonce(0x0102), [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xfe, 0xfd]);
        assert_eq!(Iv::salt(&[1, 2, 3, 4]).unwrap().nonce(5), [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
        assert!(Iv::whole(&[0; 11]).is_err() && Iv::salt(&[0; 12]).is_err());
    }

    #[test]
    fn nonces_never_repeat() {
        let iv = Iv::whole(&[0x5a; 12]).unwrap();
        let numbers = (0..70_000).chain((0..64).map(|bit| 1 << bit).filter(|&number| number >= 70_000));
        let mut seen = HashSet::new();
        assert!(numbers.into_iter().all(|number| seen.insert(iv.nonce(number))));
    }
}
