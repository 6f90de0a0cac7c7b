//! Plaintext to ciphertext and back: the record layer (RFC 9846 section 5, RFC 5246 section 6).
//!
//! ```text
//!          data, messages                                 data, messages
//!                |                                               ^
//!    split: Sealer::seal_all                               join: Joiner
//!                |                                               |
//!           Sealer::seal  --->  Output ... wire ... input ---> Opener::open
//! ```
//!
//! A [`Sealer`] and an [`Opener`] are born with a key and its sequence number and dropped with them. Neither can
//! be cloned or set back, so that a key meets each nonce once.
mod aead12;
mod cbc12;
mod expanded;
mod joiner;
mod nonce;
mod opener;
mod output;
mod padding12;
mod plaintext;
mod sealer;
mod sequence;
#[cfg(test)]
mod tests;
mod tls13;

pub use crate::crypto::{aead::AeadAlgorithm, cbc::CbcAlgorithm, hash::HashAlgorithm};
pub use cbc12::CbcOrder;
pub use joiner::{DEFAULT_MAX_MESSAGE, Joiner};
pub use opener::Opener;
pub use output::Output;
pub use sealer::Sealer;

use crate::wire::ContentType;

/// The additional data of TLS 1.2, which is also what its MAC starts with (RFC 5246 sections 6.2.3.1 and
/// 6.2.3.3): sequence number, type, version, and a length.
fn additional_data12(sequence: u64, content_type: ContentType, len: usize) -> [u8; 13] {
    let mut data = [0; 13];
    data[..8].copy_from_slice(&sequence.to_be_bytes());
    data[8] = content_type.0;
    data[9..11].copy_from_slice(&[3, 3]);
    set_length12(&mut data, len);
    data
}

/// Puts another length into [`additional_data12`].
fn set_length12(data: &mut [u8; 13], len: usize) {
    data[11..].copy_from_slice(&(len as u16).to_be_bytes());
}
