//! The SHA family over its bare compression functions (FIPS 180-4).
//!
//! Nothing here allocates, a running hash is forked by copying it, and a keyed state can be kept: three
//! things that make a key schedule cheap and that the usual hash objects do not offer together.
use super::constant_time::{equal, hide, less};
use zeroize::{Zeroize, optimization_barrier};

/// The length of the longest hash, in bytes.
pub const MAX_OUTPUT: usize = 64;

/// A compression function and what belongs to it.
pub(super) trait Compression {
    /// The chaining value.
    type State: Copy + Zeroize;
    /// One block of input.
    type Block: Copy + AsRef<[u8]> + AsMut<[u8]>;
    /// A block of zeros.
    const ZERO: Self::Block;
    /// Length of a block, in bytes.
    const BLOCK_LEN: usize;
    /// Length of the message length that ends the last block, in bytes.
    const LENGTH_LEN: usize;

    /// Mixes `blocks` into `state`.
    fn compress(state: &mut Self::State, blocks: &[Self::Block]);

    /// The whole blocks of `bytes`, and what is left.
    fn blocks(bytes: &[u8]) -> (&[Self::Block], &[u8]);

    /// Writes the chaining value as bytes; what is shorter than a hash gets its front.
    fn write(state: &Self::State, out: &mut [u8]);
}

macro_rules! compression {
    ($(#[$doc:meta])* $name:ident: [$word:ty; $words:literal], $block:literal, $length:literal, $compress:path) => {
        $(#[$doc])*
        pub(super) enum $name {}

        impl Compression for $name {
            type State = [$word; $words];
            type Block = [u8; $block];
            const ZERO: [u8; $block] = [0; $block];
            const BLOCK_LEN: usize = $block;
            const LENGTH_LEN: usize = $length;

            fn compress(state: &mut [$word; $words], blocks: &[[u8; $block]]) {
                $compress(state, blocks);
            }

            fn blocks(bytes: &[u8]) -> (&[[u8; $block]], &[u8]) {
                bytes.as_chunks()
            }

            fn write(state: &[$word; $words], out: &mut [u8]) {
                // Whole words first: a copy whose length is known is no call.
                let (words, rest) = out.as_chunks_mut();
                for (word, bytes) in state.iter().zip(&mut *words) {
                    *bytes = word.to_be_bytes();
                }
                if let Some(word) = state.get(words.len()) {
                    rest.iter_mut().zip(word.to_be_bytes()).for_each(|(byte, of_word)| *byte = of_word);
                }
            }
        }
    };
}

compression! {
    /// SHA-1.
    Sha1: [u32; 5], 64, 8, sha1::block_api::compress
}
compression! {
    /// SHA-256.
    Sha256: [u32; 8], 64, 8, sha2::block_api::compress256
}
compression! {
    /// SHA-384 and SHA-512, which differ in where they start and where they are cut off.
    Sha512: [u64; 8], 128, 16, sha2::block_api::compress512
}

/// Where SHA-1 starts (FIPS 180-4 section 5.3.1).
pub(super) const SHA1_START: [u32; 5] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

/// Where SHA-256 starts (FIPS 180-4 section 5.3.3).
pub(super) const SHA256_START: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// Where SHA-384 starts (FIPS 180-4 section 5.3.4).
pub(super) const SHA384_START: [u64; 8] = [
    0xcbbb9d5dc1059ed8,
    0x629a292a367cd507,
    0x9159015a3070dd17,
    0x152fecd8f70e5939,
    0x67332667ffc00b31,
    0x8eb44a8768581511,
    0xdb0c2e0d64f98fa7,
    0x47b5481dbefa4fa4,
];

/// Where SHA-512 starts (FIPS 180-4 section 5.3.5).
pub(super) const SHA512_START: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

/// A hash in the middle of its input.
pub(super) struct Running<C: Compression> {
    state: C::State,
    /// The start of a block that is not full yet.
    block: C::Block,
    /// How much of `block` is used: less than a block.
    filled: usize,
    /// How many bytes went in so far.
    total: u64,
}

impl<C: Compression> Clone for Running<C> {
    fn clone(&self) -> Self {
        Self { state: self.state, block: self.block, filled: self.filled, total: self.total }
    }
}

impl<C: Compression> Running<C> {
    /// Goes on from `state`, which has taken in `total` bytes, whole blocks.
    pub(super) fn from_state(state: C::State, total: u64) -> Self {
        debug_assert!(total.is_multiple_of(C::BLOCK_LEN as u64));
        Self { state, block: C::ZERO, filled: 0, total }
    }

    /// Takes in `bytes`.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.total = self.total.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(C::BLOCK_LEN - self.filled));
            self.block.as_mut()[self.filled..][..now.len()].copy_from_slice(now);
            self.filled += now.len();
            if self.filled < C::BLOCK_LEN {
                return;
            }
            C::compress(&mut self.state, std::slice::from_ref(&self.block));
            self.filled = 0;
            bytes = later;
        }
        let (blocks, rest) = C::blocks(bytes);
        if !blocks.is_empty() {
            C::compress(&mut self.state, blocks);
        }
        self.block.as_mut()[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// Ends the input (FIPS 180-4 section 5.1) and writes the hash, or its front, to `out`.
    pub(super) fn finish_into(&mut self, out: &mut [u8]) {
        let block = self.block.as_mut();
        block[self.filled] = 0x80;
        block[self.filled + 1..].fill(0);
        if self.filled + 1 > C::BLOCK_LEN - C::LENGTH_LEN {
            C::compress(&mut self.state, std::slice::from_ref(&self.block));
            self.block = C::ZERO;
        }
        let bits = self.total.wrapping_mul(8).to_be_bytes();
        self.block.as_mut()[C::BLOCK_LEN - bits.len()..].copy_from_slice(&bits);
        C::compress(&mut self.state, std::slice::from_ref(&self.block));
        C::write(&self.state, out);
    }

    /// Takes in `suffix[..len]`, ends the input and returns the hash, in time that depends on all lengths but
    /// `len`: it compresses as often as the whole `suffix` may need, and keeps the hash of the right moment.
    pub(super) fn finish_hiding(&mut self, suffix: &[u8], len: usize) -> [u8; MAX_OUTPUT] {
        let len = hide(len);
        let filled = self.filled;
        let blocks = (filled + suffix.len() + C::LENGTH_LEN) / C::BLOCK_LEN + 1;
        let last = (filled + len + C::LENGTH_LEN) / C::BLOCK_LEN;
        let bits = self.total.wrapping_add(len as u64).wrapping_mul(8).to_be_bytes();
        let mut hash = [0; MAX_OUTPUT];
        for index in 0..blocks {
            let mut block = C::ZERO;
            for (offset, byte) in block.as_mut().iter_mut().enumerate() {
                let position = index * C::BLOCK_LEN + offset;
                *byte = match position.checked_sub(filled) {
                    None => self.block.as_ref()[position],
                    Some(at) => {
                        let inside = suffix.get(at).copied().unwrap_or(0) & less(at, len) as u8;
                        inside | 0x80 & equal(at, len) as u8
                    }
                };
            }
            let is_last = equal(index, last) as u8;
            for (byte, bits) in block.as_mut()[C::BLOCK_LEN - bits.len()..].iter_mut().zip(bits) {
                *byte |= bits & is_last;
            }
            C::compress(&mut self.state, std::slice::from_ref(&block));
            let mut now = [0; MAX_OUTPUT];
            C::write(&self.state, &mut now);
            hash.iter_mut().zip(now).for_each(|(hash, now)| *hash |= now & is_last);
        }
        hash
    }

    /// Overwrites the state and the block, which may hold secrets.
    pub(super) fn wipe(&mut self, start: &C::State) {
        self.state = *start;
        self.block = C::ZERO;
        optimization_barrier(&self.state);
        optimization_barrier(&self.block);
    }
}

/// The chaining values that HMAC starts its two hashes from: each has taken in one block, which is the key
/// (RFC 2104 section 4 recommends to keep them).
pub(super) struct Keyed<C: Compression> {
    inner: C::State,
    outer: C::State,
}

impl<C: Compression> Keyed<C> {
    /// Keyed with nothing yet: both hashes are at `start`.
    pub(super) const fn unkeyed(start: C::State) -> Self {
        Self { inner: start, outer: start }
    }

    /// Keys both hashes where they are. A key longer than a block is hashed first to `output_len` bytes (RFC 2104
    /// section 2).
    pub(super) fn take_in(&mut self, start: &C::State, output_len: usize, key: &[u8]) {
        let mut block = C::ZERO;
        if key.len() <= C::BLOCK_LEN {
            block.as_mut()[..key.len()].copy_from_slice(key);
        } else {
            let mut hash = Running::<C>::from_state(*start, 0);
            hash.update(key);
            hash.finish_into(&mut block.as_mut()[..output_len]);
            hash.wipe(start);
        }
        self.take_in_block(start, &mut block);
    }

    /// As [`take_in`](Self::take_in) with `key[..len]`, in time that depends on the length of `key`, but not on `len`,
    /// which is more than a block.
    pub(super) fn take_in_hiding(&mut self, start: &C::State, output_len: usize, key: &[u8], len: usize) {
        let mut block = C::ZERO;
        let (known, suffix) = key.split_at(C::BLOCK_LEN);
        let mut hash = Running::<C>::from_state(*start, 0);
        hash.update(known);
        let mut digest = hash.finish_hiding(suffix, len - C::BLOCK_LEN);
        hash.wipe(start);
        block.as_mut()[..output_len].copy_from_slice(&digest[..output_len]);
        digest = [0; MAX_OUTPUT];
        optimization_barrier(&digest);
        self.take_in_block(start, &mut block);
    }

    /// Keys both hashes with a block, which is wiped.
    fn take_in_block(&mut self, start: &C::State, block: &mut C::Block) {
        (self.inner, self.outer) = (*start, *start);
        block.as_mut().iter_mut().for_each(|byte| *byte ^= 0x36);
        C::compress(&mut self.inner, std::slice::from_ref(block));
        block.as_mut().iter_mut().for_each(|byte| *byte ^= 0x36 ^ 0x5c);
        C::compress(&mut self.outer, std::slice::from_ref(block));
        *block = C::ZERO;
        optimization_barrier(block);
    }

    /// HMAC of `parts` one after another, or its front, to `out`.
    pub(super) fn sign(&self, start: &C::State, output_len: usize, parts: &[&[u8]], out: &mut [u8]) {
        let mut between = [0; MAX_OUTPUT];
        let mut hash = Running::<C>::from_state(self.inner, C::BLOCK_LEN as u64);
        for part in parts {
            hash.update(part);
        }
        hash.finish_into(&mut between[..output_len]);
        hash.wipe(start);
        self.sign_inner(start, &mut between, output_len, out);
    }

    /// HMAC of `prefix` and `data[..len]`, in time that depends on `from` and the lengths of the slices, but not
    /// on `len`, which is at least `from`.
    pub(super) fn sign_hiding(
        &self,
        start: &C::State,
        output_len: usize,
        prefix: &[u8],
        (data, from, len): (&[u8], usize, usize),
        out: &mut [u8],
    ) {
        let mut hash = Running::<C>::from_state(self.inner, C::BLOCK_LEN as u64);
        let (known, suffix) = data.split_at(from);
        hash.update(prefix);
        hash.update(known);
        let mut between = hash.finish_hiding(suffix, len - from);
        self.sign_inner(start, &mut between, output_len, out);
    }

    /// The second half of HMAC: hashes the inner hash, which is wiped.
    fn sign_inner(&self, start: &C::State, inner: &mut [u8; MAX_OUTPUT], output_len: usize, out: &mut [u8]) {
        let mut hash = Running::<C>::from_state(self.outer, C::BLOCK_LEN as u64);
        hash.update(&inner[..output_len]);
        hash.finish_into(out);
        hash.wipe(start);
        *inner = [0; MAX_OUTPUT];
        optimization_barrier(inner);
    }
}

impl<C: Compression> Drop for Keyed<C> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// SHA-256 that counts.
    enum Counting {}

    thread_local!(static COMPRESSED: Cell<usize> = const { Cell::new(0) });

    impl Compression for Counting {
        type State = [u32; 8];
        type Block = [u8; 64];
        const ZERO: [u8; 64] = [0; 64];
        const BLOCK_LEN: usize = 64;
        const LENGTH_LEN: usize = 8;

        fn compress(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
            COMPRESSED.set(COMPRESSED.get() + blocks.len());
            Sha256::compress(state, blocks);
        }

        fn blocks(bytes: &[u8]) -> (&[[u8; 64]], &[u8]) {
            Sha256::blocks(bytes)
        }

        fn write(state: &[u32; 8], out: &mut [u8]) {
            Sha256::write(state, out);
        }
    }

    /// Lucky Thirteen told lengths apart by the number of compressions.
    #[test]
    fn a_hidden_length_does_not_show_in_the_number_of_compressions() {
        let data = [0x5c; 700];
        let mut key = Keyed::<Counting>::unkeyed(SHA256_START);
        key.take_in(&SHA256_START, 32, b"key");
        for max in [0, 1, 20, 255, 256, 257, 300, 700] {
            let from = usize::saturating_sub(max, 256);
            let mut counts = Vec::new();
            for len in from..=max {
                let (mut plain, mut hidden) = ([0; 32], [1; 32]);
                COMPRESSED.set(0);
                key.sign_hiding(&SHA256_START, 32, &[1; 13], (&data[..max], from, len), &mut hidden);
                counts.push(COMPRESSED.get());
                key.sign(&SHA256_START, 32, &[&[1; 13], &data[..len]], &mut plain);
                assert_eq!(plain, hidden, "{len} of {max}");
            }
            assert!(counts.iter().all(|&count| count == counts[0]), "{max}: {counts:?}");
        }
    }

    /// Raccoon tells by them how many zeros were stripped off a key.
    #[test]
    fn nor_does_the_hidden_length_of_a_key() {
        let bytes = [0x5c; 300];
        let mut counts = Vec::new();
        for len in 65..=bytes.len() {
            COMPRESSED.set(0);
            let [mut hidden, mut plain] = [0; 2].map(|_| Keyed::<Counting>::unkeyed(SHA256_START));
            hidden.take_in_hiding(&SHA256_START, 32, &bytes, len);
            counts.push(COMPRESSED.get());
            plain.take_in(&SHA256_START, 32, &bytes[..len]);
            assert_eq!((hidden.inner, hidden.outer), (plain.inner, plain.outer), "{len}");
        }
        assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
    }

    /// HMAC with a kept key costs two compressions for what fits one block, not four.
    #[test]
    fn a_kept_key_saves_two_compressions() {
        let mut key = Keyed::<Counting>::unkeyed(SHA256_START);
        key.take_in(&SHA256_START, 32, b"key");
        COMPRESSED.set(0);
        key.sign(&SHA256_START, 32, &[&[1; 55]], &mut [0; 32]);
        assert_eq!(COMPRESSED.get(), 2);
    }
}
