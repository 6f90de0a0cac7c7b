//! RSA without padding: what it takes to open an RSA key exchange without telling anybody what the padding
//! was.
use crate::Refused;
use aws_lc_sys::{
    BN_bn2bin_padded, BN_num_bytes, CBS, CBS_init, EVP_PKEY, EVP_PKEY_RSA, EVP_PKEY_free, EVP_PKEY_get1_RSA,
    EVP_PKEY_id, EVP_parse_private_key, EVP_parse_public_key, RSA, RSA_NO_PADDING, RSA_bits, RSA_decrypt,
    RSA_encrypt, RSA_free, RSA_get0_e, RSA_get0_n, RSA_private_key_from_bytes, RSA_size,
};
use std::{mem::MaybeUninit, ptr::NonNull};

/// An `RSA`; AWS-LC wipes it when it is freed.
struct Key(NonNull<RSA>);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC, this is an owner of one reference, and it is not used
        // afterwards.
        unsafe { RSA_free(self.0.as_ptr()) }
    }
}

// SAFETY: an RSA has no ties to the thread that made it.
unsafe impl Send for Key {}
// SAFETY: AWS-LC guards what it caches in a key, which the functions called here use, with a lock of the
// key's own.
unsafe impl Sync for Key {}

type Parse = unsafe extern "C" fn(*mut CBS) -> *mut EVP_PKEY;

impl Key {
    /// What `parse` finds in `der`, all of it, if it is a plain RSA key.
    fn parse(der: &[u8], parse: Parse) -> Result<Self, Refused> {
        let mut cbs = MaybeUninit::uninit();
        // SAFETY: CBS_init sets every field; `der` outlives the parser, which copies what it keeps.
        let (key, rest) = unsafe {
            CBS_init(cbs.as_mut_ptr(), der.as_ptr(), der.len());
            let mut cbs = cbs.assume_init();
            (parse(&mut cbs), cbs.len)
        };
        let key = NonNull::new(key).ok_or(Refused)?;
        // SAFETY: the key is valid until it is freed, here; `get1` takes a reference of its own. A key that
        // is restricted to PSS has another id, and must not decrypt.
        let rsa = unsafe {
            let rsa = match EVP_PKEY_id(key.as_ptr()) {
                EVP_PKEY_RSA => NonNull::new(EVP_PKEY_get1_RSA(key.as_ptr())).map(Self),
                _ => None,
            };
            EVP_PKEY_free(key.as_ptr());
            rsa
        };
        rsa.filter(|_| rest == 0).ok_or(Refused)
    }

    fn bits(&self) -> usize {
        // SAFETY: the key is valid.
        unsafe { RSA_bits(self.0.as_ptr()) as usize }
    }

    fn len(&self) -> usize {
        // SAFETY: the key is valid.
        unsafe { RSA_size(self.0.as_ptr()) as usize }
    }

    /// Modulus and public exponent, big endian.
    fn public(&self) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        // SAFETY: the key is valid, and outlives the two numbers, which it owns.
        let numbers = unsafe { [RSA_get0_n(self.0.as_ptr()), RSA_get0_e(self.0.as_ptr())] };
        let [n, e] = numbers.map(|number| {
            if number.is_null() {
                return Err(Refused);
            }
            // SAFETY: the number is valid.
            let mut bytes = vec![0; unsafe { BN_num_bytes(number) } as usize];
            // SAFETY: the number is valid, and `bytes` can be written for the length that is passed.
            let done = unsafe { BN_bn2bin_padded(bytes.as_mut_ptr(), bytes.len(), number) };
            (done == 1 && !bytes.is_empty()).then_some(bytes).ok_or(Refused)
        });
        Ok((n?, e?))
    }
}

/// A private key.
pub struct PrivateKey(Key);

impl PrivateKey {
    /// From PKCS#8 or PKCS#1, in DER. AWS-LC checks that its numbers belong together.
    pub fn from_der(der: &[u8]) -> Result<Self, Refused> {
        let key = Key::parse(der, EVP_parse_private_key).or_else(|Refused| {
            // SAFETY: `der` can be read for the length that is passed; AWS-LC copies what it keeps.
            let key = unsafe { RSA_private_key_from_bytes(der.as_ptr(), der.len()) };
            NonNull::new(key).map(Key).ok_or(Refused)
        })?;
        // Without the public exponent AWS-LC would neither blind nor check what it computes.
        key.public()?;
        Ok(Self(key))
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        self.0.bits()
    }

    /// Bytes of the modulus, and of every ciphertext.
    #[allow(clippy::len_without_is_empty, reason = "no modulus is empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Modulus and public exponent, big endian.
    pub fn public(&self) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        self.0.public()
    }

    /// RSADP of RFC 8017 section 5.1.2, blinded, with its result left padded and checked against faults;
    /// `out` must have [`len`](Self::len) bytes.
    ///
    /// # Errors
    /// For reasons that whoever made `ciphertext` knows: it has another length, or is 0, 1, or not less than
    /// the modulus minus 1.
    pub fn decrypt_raw(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        let mut len = 0;
        // SAFETY: the key is valid, `out` can be written and `ciphertext` read for the lengths that are
        // passed, and AWS-LC refuses lengths that do not fit the key.
        let done = unsafe {
            RSA_decrypt(
                self.0.0.as_ptr(),
                &mut len,
                out.as_mut_ptr(),
                out.len(),
                ciphertext.as_ptr(),
                ciphertext.len(),
                RSA_NO_PADDING,
            )
        };
        (done == 1 && len == out.len()).then_some(()).ok_or(Refused)
    }
}

/// A public key.
pub struct PublicKey(Key);

impl PublicKey {
    /// From a SubjectPublicKeyInfo, in DER.
    pub fn from_spki(der: &[u8]) -> Result<Self, Refused> {
        Key::parse(der, EVP_parse_public_key).map(Self)
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        self.0.bits()
    }

    /// Bytes of the modulus, and of every ciphertext.
    #[allow(clippy::len_without_is_empty, reason = "no modulus is empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Modulus and public exponent, big endian.
    pub fn public(&self) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        self.0.public()
    }

    /// RSAEP of RFC 8017 section 5.1.1; `message` and `out` must have [`len`](Self::len) bytes.
    ///
    /// # Errors
    /// If a length is wrong, or `message` is not less than the modulus.
    pub fn encrypt_raw(&self, message: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        let mut len = 0;
        // SAFETY: the key is valid, `out` can be written and `message` read for the lengths that are passed,
        // and AWS-LC refuses lengths that do not fit the key.
        let done = unsafe {
            RSA_encrypt(
                self.0.0.as_ptr(),
                &mut len,
                out.as_mut_ptr(),
                out.len(),
                message.as_ptr(),
                message.len(),
                RSA_NO_PADDING,
            )
        };
        (done == 1 && len == out.len()).then_some(()).ok_or(Refused)
    }
}
