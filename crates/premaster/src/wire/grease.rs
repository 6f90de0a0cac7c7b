//! GREASE (RFC 8701): code points that mean nothing and never will. Whoever sees one has to look away, as it would
//! from a code point of the future; peers that do not are found out before the future comes.

/// One of the sixteen values for cipher suites, extensions, groups and versions (RFC 8701 section 2): 0x0a0a, 0x1a1a,
/// to 0xfafa. The upper half of `seed` says which.
pub const fn grease(seed: u8) -> u16 {
    let byte = (seed & 0xf0) | 0x0a;
    u16::from_be_bytes([byte, byte])
}

/// Whether it is one of them.
pub const fn is_grease(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && high & 0x0f == 0x0a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_values_and_no_other() {
        let values: Vec<u16> = (0..=u16::MAX).filter(|code| is_grease(*code)).collect();
        assert_eq!(values.len(), 16);
        assert_eq!((values[0], values[15]), (0x0a0a, 0xfafa));
        for seed in 0..=u8::MAX {
            assert_eq!(grease(seed), values[usize::from(seed >> 4)]);
        }
    }
}
