//! What a certificate lets its key be used for.
use crate::crypto::sign::der;

/// The key usage extension (RFC 5280 section 4.2.1.3). Without the extension every use is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// Whether the certificate has the extension.
    pub present: bool,
    /// To sign a handshake: TLS 1.3, and the ephemeral exchanges of TLS 1.2.
    pub digital_signature: bool,
    /// To decrypt a premaster secret: the RSA key exchange.
    pub key_encipherment: bool,
    /// To agree on a secret: the static (elliptic curve) Diffie-Hellman exchanges.
    pub key_agreement: bool,
    /// To sign certificates.
    pub key_cert_sign: bool,
}

impl KeyUsage {
    /// What a certificate without the extension allows.
    pub const ANY: Self = Self {
        present: false,
        digital_signature: true,
        key_encipherment: true,
        key_agreement: true,
        key_cert_sign: true,
    };

    /// Reads the extension's value. None if it is not DER.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (&unused, bits) = der::only(value, der::BIT_STRING)?.split_first()?;
        if unused > 7 || (bits.is_empty() && unused != 0) {
            return None;
        }
        let bit = |at: usize| bits.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
        Some(Self {
            present: true,
            digital_signature: bit(0),
            key_encipherment: bit(2),
            key_agreement: bit(4),
            key_cert_sign: bit(5),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_left() {
        let usage = KeyUsage::decode(&[3, 2, 5, 0xa0]).unwrap();
        assert!(usage.present && usage.digital_signature && usage.key_encipherment);
        assert!(!usage.key_agreement && !usage.key_cert_sign);
        // decipherOnly is the ninth bit, in a second byte.
        let usage = KeyUsage::decode(&[3, 3, 7, 0x08, 0x80]).unwrap();
        assert!(usage.key_agreement && !usage.digital_signature);
        assert_eq!(KeyUsage::decode(&[3, 1, 0]).map(|usage| usage.digital_signature), Some(false));
        for bad in [&[][..], &[3, 0], &[3, 2, 8, 0], &[3, 1, 1], &[4, 2, 5, 0xa0], &[3, 2, 5, 0xa0, 0]] {
            assert!(KeyUsage::decode(bad).is_none(), "{bad:02x?}");
        }
    }
}
