//! How weak, and how large, a peer's key may be.

/// The sizes of keys that are accepted in TLS 1.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// The least bits of an RSA modulus, 2048 unless changed (RFC 9325 section 4.5); never below 1024.
    pub min_rsa_bits: usize,
    /// The most bits of an RSA modulus, 8192 unless changed: the work grows with its third power.
    pub max_rsa_bits: usize,
    /// The least bits of a Diffie-Hellman prime, 2048 unless changed (RFC 9325 section 4.2.1); never below
    /// 1024.
    pub min_dh_bits: usize,
    /// The most bits of a Diffie-Hellman prime, 8192 unless changed; never above.
    pub max_dh_bits: usize,
    /// The most bits of a Diffie-Hellman prime that is not one of RFC 7919 or RFC 3526, 4096 unless changed:
    /// to prove it safe takes some twenty exponentiations. 0 accepts the known ones only.
    pub max_unknown_dh_bits: usize,
}

impl KeyLimits {
    /// What RFC 9325 asks for.
    pub const STANDARD: Self = Self {
        min_rsa_bits: 2048,
        max_rsa_bits: 8192,
        min_dh_bits: 2048,
        max_dh_bits: 8192,
        max_unknown_dh_bits: 4096,
    };
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// What has been within reach of universities since 2015 (the Logjam paper) is not accepted, whatever the
/// limits.
const FLOOR: usize = 1024;

/// Where a size lies.
pub(super) enum Size {
    TooSmall,
    Fits,
    TooLarge,
}

impl KeyLimits {
    pub(super) fn rsa(&self, bits: usize) -> Size {
        within(bits, self.min_rsa_bits, self.max_rsa_bits)
    }

    pub(super) fn dh(&self, bits: usize) -> Size {
        within(bits, self.min_dh_bits, self.max_dh_bits)
    }
}

fn within(bits: usize, min: usize, max: usize) -> Size {
    match bits {
        bits if bits < min.max(FLOOR) => Size::TooSmall,
        bits if bits > max => Size::TooLarge,
        _ => Size::Fits,
    }
}
