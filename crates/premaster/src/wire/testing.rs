//! What the tests of this room share: numbers that look random and are the same each time, and the property
//! that every structure has.
use super::{
    Element, List,
    codec::{put_vec8, put_vec16},
    extension::{Extensions, push_encoded},
};

/// Bytes from hexadecimal digits.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// SplitMix64. What it makes lives as long as the test, which leaks it.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn u8(&mut self) -> u8 {
        self.number() as u8
    }

    pub(super) fn u16(&mut self) -> u16 {
        self.number() as u16
    }

    pub(super) fn u32(&mut self) -> u32 {
        self.number() as u32
    }

    pub(super) fn within(&mut self, min: usize, max: usize) -> usize {
        min + self.number() as usize % (max + 1 - min)
    }

    pub(super) fn bytes(&mut self, min: usize, max: usize) -> &'static [u8] {
        let len = self.within(min, max);
        (0..len).map(|_| self.u8()).collect::<Vec<u8>>().leak()
    }

    pub(super) fn array<const N: usize>(&mut self) -> &'static [u8; N] {
        self.bytes(N, N).try_into().unwrap()
    }

    pub(super) fn list<T: Element<'static>>(
        &mut self,
        min: usize,
        mut make: impl FnMut(&mut Self) -> T,
    ) -> List<'static, T> {
        let len = self.within(min, min + 4);
        let values: &'static [T] = (0..len).map(|_| make(self)).collect::<Vec<T>>().leak();
        List::from(values)
    }

    /// A block of opaque extensions, each of a type of its own.
    pub(super) fn extensions(&mut self) -> Extensions<'static> {
        let mut out = Vec::new();
        let first = self.u16();
        for step in 0..self.within(0, 12) as u16 {
            push_encoded(&mut out, first.wrapping_add(step * 7).into(), self.bytes(0, 20));
        }
        Extensions::from_encoded(out.leak())
    }

    /// These bytes, with something wrong.
    pub(super) fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let at = self.within(0, bytes.len());
        match self.number() % 5 {
            0 => bytes.truncate(at),
            1 => put_vec8(&mut bytes, self.bytes(0, 3)),
            2 => put_vec16(&mut bytes, self.bytes(0, 3)),
            3 => bytes.insert(at, self.u8()),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = byte.wrapping_add(self.u8() | 1);
                }
            }
        }
        bytes
    }
}

/// What was encoded is decoded to the same value; and whatever decodes, be it damaged, encodes to the same
/// bytes, so that no structure has two encodings.
macro_rules! round_trips {
    ($name:ident, $decode:expr, $encode:expr, |$rng:ident| $make:expr) => {
        #[test]
        fn $name() {
            let $rng = &mut Rng(stringify!($name).len() as u64);
            for _ in 0..200 {
                let value = $make;
                let mut bytes = Vec::new();
                $encode(&value, &mut bytes);
                assert_eq!($decode(&bytes[..]), Ok(value), "{bytes:02x?}");
                for _ in 0..30 {
                    let damaged = $rng.damage(&bytes);
                    if let Ok(value) = $decode(&damaged[..]) {
                        let mut again = Vec::new();
                        $encode(&value, &mut again);
                        assert_eq!(again, damaged, "{value:?}");
                    }
                }
            }
        }
    };
}
pub(super) use round_trips;
