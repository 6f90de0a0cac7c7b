//! The functions that both schedules are made of, with their steps written down.
use clap::ValueEnum;
use premaster::{
    crypto::hash::{HashAlgorithm, HmacKey},
    schedule::tls12,
};
use premaster_trace::hex;
use zeroize::Zeroizing;

/// A hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Hash {
    #[default]
    Sha256,
    Sha384,
    Sha512,
}

impl From<Hash> for HashAlgorithm {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

pub(super) type Bytes = Zeroizing<Vec<u8>>;

fn hmac(hash: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Bytes {
    let mut out = Zeroizing::new(vec![0; hash.output_len()]);
    HmacKey::new(hash, key).sign(parts, &mut out);
    out
}

/// PRF(secret, label, seed), and its steps: each A(i) and each block.
pub(super) fn prf(
    hash: HashAlgorithm,
    secret: &[u8],
    label: &str,
    seed: &[u8],
    length: usize,
) -> (Bytes, Vec<String>) {
    let mut out = Zeroizing::new(vec![0; length]);
    tls12::prf(&HmacKey::new(hash, secret), label, &[seed], &mut out);
    let mut steps = vec![format!("label + seed = {}", hex::encode(&[label.as_bytes(), seed].concat()))];
    let mut a = hmac(hash, secret, &[label.as_bytes(), seed]);
    for (nth, block) in out.chunks(hash.output_len()).enumerate() {
        let i = nth + 1;
        let from = if i == 1 { "label + seed".to_owned() } else { format!("A({nth})") };
        steps.push(format!("A({i}) = HMAC(secret, {from}) = {}", hex::encode(&a)));
        steps.push(format!(
            "P({i}) = HMAC(secret, A({i}) + label + seed), of which {} bytes = {}",
            block.len(),
            hex::encode(block)
        ));
        a = hmac(hash, secret, &[&a]);
    }
    (out, steps)
}

/// HKDF-Extract(salt, input).
pub(super) fn extract(hash: HashAlgorithm, salt: &[u8], input: &[u8]) -> (Bytes, Vec<String>) {
    let steps = vec![
        format!("salt = {}", hex::encode(salt)),
        format!("input = {}", hex::encode(input)),
        "HMAC(salt, input)".to_owned(),
    ];
    (hmac(hash, salt, &[input]), steps)
}

/// HKDF-Expand-Label(secret, label, context, length): the label's encoding and each block are its steps.
pub(super) fn expand_label(
    hash: HashAlgorithm,
    secret: &[u8],
    label: &str,
    context: &[u8],
    length: usize,
) -> (Bytes, Vec<String>) {
    let info = hkdf_label(label, context, length);
    let mut steps = vec![format!("HkdfLabel = {}", hex::encode(&info))];
    let mut out = Zeroizing::new(Vec::with_capacity(length + hash.output_len()));
    let mut previous: Bytes = Zeroizing::new(Vec::new());
    let mut counter = 0u8;
    while out.len() < length && counter < u8::MAX {
        counter += 1;
        let block = hmac(hash, secret, &[&previous, &info, &[counter]]);
        steps.push(format!(
            "T({counter}) = HMAC(secret, T({}) + HkdfLabel + {counter:02x}) = {}",
            counter - 1,
            hex::encode(&block)
        ));
        out.extend_from_slice(&block);
        previous = block;
    }
    out.truncate(length);
    (out, steps)
}

/// `struct { uint16 length; opaque label<7..255>; opaque context<0..255>; } HkdfLabel;`
fn hkdf_label(label: &str, context: &[u8], length: usize) -> Vec<u8> {
    let label = [b"tls13 ", label.as_bytes()].concat();
    let mut info = (length as u16).to_be_bytes().to_vec();
    info.push(label.len() as u8);
    info.extend_from_slice(&label);
    info.push(context.len() as u8);
    info.extend_from_slice(context);
    info
}
