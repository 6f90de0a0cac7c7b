//! The classes of Lucky Thirteen (AlFardan and Paterson 2013): records of one length with wrong MACs, whose padding
//! says how long a content the MAC is over.
use crate::door::{Bank, Door, Kind, timed};
use premaster::{
    Error,
    crypto::{
        cbc::{CbcOpenKey, CbcSealKey},
        hash::{HashAlgorithm, HmacKey},
    },
    error::Misbehaved,
    record::{CbcAlgorithm, CbcOrder, Opener},
};

const CIPHER: CbcAlgorithm = CbcAlgorithm::Aes128Cbc;
const KEY: [u8; 16] = [0x4b; 16];
const MAC_KEY: [u8; 48] = [0x4d; 48];
const HEADER_LEN: usize = 5;
const BLOCK_LEN: usize = 16;

/// Bytes of what is encrypted: content, MAC and padding.
const PLAINTEXT_LEN: usize = 320;

/// What the end of the plaintext looks like.
#[derive(Clone, Copy)]
enum Padding {
    /// Right, with this `padding_length`.
    Right(u8),
    /// `padding_length`, and one byte that differs, so far from the end.
    Wrong(u8, usize),
}

impl Padding {
    fn name(self) -> String {
        match self {
            Self::Right(length) => format!("padding_length {length}"),
            Self::Wrong(length, distance) => format!("padding_length {length}, the byte {distance} before it wrong"),
        }
    }

    fn write(self, plaintext: &mut [u8]) {
        let end = plaintext.len() - 1;
        let (Self::Right(length) | Self::Wrong(length, _)) = self;
        plaintext[end - usize::from(length)..].fill(length);
        if let Self::Wrong(_, distance) = self {
            plaintext[end - distance] ^= 0x80;
        }
    }
}

/// Both ends, what lies on either side of where the hash takes a block more, and bad padding.
fn classes(hash: HashAlgorithm) -> Vec<Padding> {
    let (block, length_len) = (hash.block_len(), hash.block_len() / 8);
    let blocks = |padding: u8| {
        let content = PLAINTEXT_LEN - hash.output_len() - 1 - usize::from(padding);
        (13 + content + 1 + length_len).div_ceil(block)
    };
    let borders =
        (1..=254).filter(|&padding| blocks(padding - 1) != blocks(padding) || blocks(padding) != blocks(padding + 1));
    let mut all: Vec<u8> = [0, 255].into_iter().chain(borders).collect();
    all.sort_unstable();
    let wrong = [Padding::Wrong(1, 1), Padding::Wrong(255, 255)];
    all.into_iter().map(Padding::Right).chain(wrong).collect()
}

/// Records that nobody can have made who knows the keys.
fn bank(classes: &[Padding]) -> Bank {
    let key = CbcSealKey::new(CIPHER, &KEY).unwrap();
    Bank::new(classes.len(), |class, random| {
        let iv: [u8; BLOCK_LEN] = std::array::from_fn(|_| random.u8(..));
        let mut blocks: Vec<u8> = (0..PLAINTEXT_LEN).map(|_| random.u8(..)).collect();
        classes[class].write(&mut blocks);
        key.encrypt(&iv, &mut blocks).unwrap();
        let length = (BLOCK_LEN + PLAINTEXT_LEN) as u16;
        [&[23, 3, 3], &length.to_be_bytes()[..], &iv, &blocks].concat()
    })
}

fn opener(name: &'static str, hash: HashAlgorithm) -> Door {
    let classes = classes(hash);
    let mut bank = bank(&classes);
    let mac_key = &MAC_KEY[..hash.output_len()];
    let mut opener = Opener::tls12_cbc(CIPHER, hash, &KEY, mac_key, CbcOrder::MacThenEncrypt).unwrap();
    Door {
        name,
        kind: Kind::Real,
        classes: classes.into_iter().map(Padding::name).collect(),
        measure: Box::new(move |class| {
            let record = bank.draw(class);
            // The number that is due stays so.
            timed(|| match opener.open(record) {
                Err(error @ Error::Misbehaved(Misbehaved::BadRecordMac)) => error,
                other => panic!("{other:?}"),
            })
        }),
    }
}

/// CBC suites that end in `_SHA`.
pub fn sha1() -> Door {
    opener(
        "CBC records, MAC-then-encrypt, Opener::open, SHA-1",
        HashAlgorithm::Sha1,
    )
}

/// Those that end in `_SHA256`.
pub fn sha256() -> Door {
    opener(
        "CBC records, MAC-then-encrypt, Opener::open, SHA-256",
        HashAlgorithm::Sha256,
    )
}

/// Those that end in `_SHA384`.
pub fn sha384() -> Door {
    opener(
        "CBC records, MAC-then-encrypt, Opener::open, SHA-384",
        HashAlgorithm::Sha384,
    )
}

/// What they must not be: what RFC 5246 section 6.2.3.2 gives as its advice, where bad padding counts as none, and
/// the MAC is over as much as there is.
pub fn twin() -> Door {
    let hash = HashAlgorithm::Sha256;
    let classes = classes(hash);
    let mut bank = bank(&classes);
    let key = CbcOpenKey::new(CIPHER, &KEY).unwrap();
    let mac = HmacKey::new(hash, &MAC_KEY[..hash.output_len()]);
    Door {
        name: "CBC records, a twin whose MAC is over as much as the padding leaves",
        kind: Kind::Control,
        classes: classes.into_iter().map(Padding::name).collect(),
        measure: Box::new(move |class| {
            let record = bank.draw(class);
            timed(|| {
                let (iv, blocks) = record[HEADER_LEN..].split_first_chunk_mut().unwrap();
                key.decrypt(iv, blocks).unwrap();
                let last = blocks[blocks.len() - 1];
                let from = blocks.len() - 1 - usize::from(last);
                let padding = match blocks[from..].iter().all(|&byte| byte == last) {
                    true => usize::from(last) + 1,
                    false => 0,
                };
                let (content, tag) =
                    blocks[..blocks.len() - padding].split_at(blocks.len() - padding - hash.output_len());
                assert!(!mac.verify(&[&[0; 13], content], tag));
            })
        }),
    }
}
