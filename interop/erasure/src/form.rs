//! The shapes in which a secret may stand in memory.
use sha2::{
    Digest, Sha256, Sha384,
    block_api::{compress256, compress512},
};

/// How many bytes in a row have to be those of a secret.
pub const WINDOW: usize = 16;

/// FIPS 180-4 section 5.3.3.
const SHA256: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// FIPS 180-4 section 5.3.4.
const SHA384: [u64; 8] = [
    0xcbbb9d5dc1059ed8,
    0x629a292a367cd507,
    0x9159015a3070dd17,
    0x152fecd8f70e5939,
    0x67332667ffc00b31,
    0x8eb44a8768581511,
    0xdb0c2e0d64f98fa7,
    0x47b5481dbefa4fa4,
];

/// A secret in one of its shapes.
pub struct Form {
    /// What the shape is called; empty for the plain bytes.
    pub name: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The secret as it is, as big numbers and hashes hold it, and as HMAC does.
pub fn forms(secret: &[u8], hmac: bool) -> Vec<Form> {
    let form = |name, bytes| Form { name, bytes };
    let mut all = vec![
        form("", secret.to_vec()),
        form("backwards", secret.iter().rev().copied().collect()),
        form("words", swapped(secret, 4)),
        form("long words", swapped(secret, 8)),
    ];
    if hmac {
        // RFC 2104 section 2: a key that is longer than the block is hashed first.
        let (short, shorter) = (hashed::<Sha256>(secret, 64), hashed::<Sha384>(secret, 128));
        for pad in [0x36, 0x5c] {
            for key in [&short, &shorter] {
                let keyed: Vec<u8> = key.iter().map(|byte| byte ^ pad).collect();
                all.push(form("HMAC pad", swapped(&keyed, 4)));
                all.push(form("HMAC pad", swapped(&keyed, 8)));
                all.push(form("HMAC pad", keyed));
            }
            all.push(form("HMAC state", state256(&short, pad)));
            all.push(form("HMAC state", state384(&shorter, pad)));
        }
        for hash in [&short, &shorter].into_iter().filter(|hash| hash.len() != secret.len()) {
            all.push(form("HMAC key", hash.clone()));
            all.push(form("HMAC key", swapped(hash, 4)));
            all.push(form("HMAC key", swapped(hash, 8)));
        }
    }
    all
}

/// What HMAC takes for the key.
fn hashed<D: Digest>(key: &[u8], block: usize) -> Vec<u8> {
    if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() }
}

/// With the bytes of each whole word turned round, as a little-endian machine holds big-endian words.
fn swapped(bytes: &[u8], word: usize) -> Vec<u8> {
    bytes.chunks_exact(word).flat_map(|word| word.iter().rev().copied()).collect()
}

/// The chaining value of SHA-256 after the padded key (RFC 2104), as words in memory.
fn state256(key: &[u8], pad: u8) -> Vec<u8> {
    let mut block = [pad; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = SHA256;
    compress256(&mut state, &[block]);
    state.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The same for SHA-384.
fn state384(key: &[u8], pad: u8) -> Vec<u8> {
    let mut block = [pad; 128];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = SHA384;
    compress512(&mut state, &[block]);
    state.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use premaster::crypto::hash::{HashAlgorithm, HmacKey};

    /// From the two states the HMAC of nothing can be finished by hand, and is the library's.
    #[test]
    fn the_states_are_those_of_hmac() {
        let words = |bytes: Vec<u8>| -> [u32; 8] {
            std::array::from_fn(|at| u32::from_ne_bytes(*bytes[4 * at..].first_chunk().unwrap()))
        };
        let finish = |mut state: [u32; 8], message: &[u8]| {
            let mut block = [0; 64];
            block[..message.len()].copy_from_slice(message);
            block[message.len()] = 0x80;
            block[56..].copy_from_slice(&(8 * (64 + message.len() as u64)).to_be_bytes());
            compress256(&mut state, &[block]);
            state.map(u32::to_be_bytes).concat()
        };
        let inner = finish(words(state256(b"a key", 0x36)), b"");
        let mut expected = [0; 32];
        HmacKey::new(HashAlgorithm::Sha256, b"a key").sign(&[], &mut expected);
        assert_eq!(finish(words(state256(b"a key", 0x5c)), &inner), expected);
    }

    /// The key that takes the place of a long one is found, and keys the same states.
    #[test]
    fn a_long_key_is_looked_for_by_its_hash() {
        let long = [7; 100];
        let short = Sha256::digest(long);
        let has = |bytes: &[u8]| forms(&long, true).iter().any(|form| form.bytes == bytes);
        assert!(has(&short) && has(&state256(&short, 0x36)) && has(&state384(&long, 0x5c)));
        let (mut by_long, mut by_short) = ([0; 32], [0; 32]);
        HmacKey::new(HashAlgorithm::Sha256, &long).sign(&[], &mut by_long);
        HmacKey::new(HashAlgorithm::Sha256, &short).sign(&[], &mut by_short);
        assert_eq!(by_long, by_short);
    }

    #[test]
    fn words_are_turned_round() {
        assert_eq!(swapped(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [4, 3, 2, 1, 8, 7, 6, 5]);
        assert_eq!(swapped(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 8), [8, 7, 6, 5, 4, 3, 2, 1]);
    }
}
