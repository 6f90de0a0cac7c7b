//! How much a peer may ask of us before it has shown who it is. Every limit is checked before memory is taken.
use crate::{error::Misbehaved, wire::extension::Extensions};
use std::time::Duration;

/// Limits on what a peer may send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest handshake message, in bytes. Default 64 KiB.
    pub handshake_message: usize,
    /// All handshake messages of one handshake together, in bytes. Default 256 KiB.
    pub handshake_total: usize,
    /// How many certificates a chain may have. Default 16.
    pub chain_length: usize,
    /// How many extensions a message may have where unknown ones are ignored: ClientHello, CertificateRequest,
    /// NewSessionTicket. Default 128.
    pub extensions: usize,
    /// How many key shares a ClientHello may have. Default 16.
    pub key_shares: usize,
    /// How many pre-shared keys of a ClientHello are looked up, the first ones: each may cost a decryption or a
    /// question to a store. Default 5.
    pub pre_shared_keys: usize,
    /// Records in a row that bring nothing: empty ones. Default 32.
    pub empty_records: u32,
    /// Warning alerts in a row. Default 4.
    pub warnings: u32,
    /// KeyUpdates in a row, without data between them. Default 32.
    pub key_updates: u32,
    /// change_cipher_spec records that TLS 1.3 skips. Default 32.
    pub change_cipher_specs: u32,
    /// Tickets that a client takes from one connection. Default 8.
    pub tickets: u32,
    /// A decompressed Certificate message, in bytes. Default 64 KiB.
    pub decompressed_certificate: usize,
    /// Early data that cannot be opened and is skipped, in bytes. Default 16 KiB more than what was allowed.
    pub skipped_early_data: usize,
    /// How long a handshake may take. The sans-I/O core has no clock: `premaster-tokio` enforces it, and whoever
    /// drives a connection in another way calls [`Connection::time_out`](crate::Connection::time_out). Default 30 s.
    pub handshake_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_message: 1 << 16,
            handshake_total: 1 << 18,
            chain_length: 16,
            extensions: 128,
            key_shares: 16,
            pre_shared_keys: 5,
            empty_records: 32,
            warnings: 4,
            key_updates: 32,
            change_cipher_specs: 32,
            tickets: 8,
            decompressed_certificate: 1 << 16,
            skipped_early_data: 1 << 15,
            handshake_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Whether there are not too many extensions in a message that may bear unknown ones.
    pub(crate) fn check_extensions(&self, extensions: &Extensions<'_>) -> Result<(), Misbehaved> {
        match extensions.iter().nth(self.extensions) {
            Some(_) => Err(Misbehaved::TooManyExtensions),
            None => Ok(()),
        }
    }
}
