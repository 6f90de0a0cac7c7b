//! The capture once more, with the secrets of its sessions inside: Wireshark opens it decrypted.
//!
//! Secrets are written in a Decryption Secrets Block (draft-ietf-opsawg-pcapng section 4.7) right before the first
//! packet that needs them, in one pass.
use crate::{
    CaptureError,
    input::{Item, Kind, PacketInfo},
};
use premaster::observe::{At, Event, Observer};
use std::{
    io::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// The option that says that times count nanoseconds: code 9, one byte, the value 9, padding; and the end.
const NANOSECONDS: [u8; 12] = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];

/// Writes a copy of the capture, with the secrets that opened its sessions.
pub struct Export<'a> {
    out: Box<dyn Write + 'a>,
    secrets: Arc<Secrets>,
    big_endian: bool,
    /// The capture is a classic one, and is converted.
    classic: bool,
}

/// Collects secrets as lines of a key log (RFC 9850).
#[derive(Default)]
struct Secrets(Mutex<Zeroizing<String>>);

impl Secrets {
    /// One more line. The buffer never grows by itself, which would leave a copy behind.
    fn add(&self, label: &str, random: &[u8; 32], secret: &[u8]) {
        let mut lines = self.lines();
        let needed = lines.len() + label.len() + 2 * (random.len() + secret.len()) + 3;
        if needed > lines.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(2 * needed));
            larger.push_str(&lines);
            *lines = larger;
        }
        lines.push_str(label);
        for bytes in [&random[..], secret] {
            lines.push(' ');
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            lines.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
        }
        lines.push('\n');
    }

    fn lines(&self) -> MutexGuard<'_, Zeroizing<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears secrets for the copy, and hands every event on.
struct Ear {
    secrets: Arc<Secrets>,
    next: Option<Arc<dyn Observer>>,
}

impl Observer for Ear {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        if let (Event::Derived { secret, value, .. }, Some(random)) = (&event, at.client_random)
            && let Some(label) = label(secret)
        {
            self.secrets.add(label, random, value.expose());
        }
        if let Some(next) = &self.next {
            next.observe(at, event);
        }
    }
}

/// The label of a secret in key logs.
fn label(secret: &str) -> Option<&'static str> {
    Some(match secret {
        "master_secret" => "CLIENT_RANDOM",
        "client_early_traffic_secret" => "CLIENT_EARLY_TRAFFIC_SECRET",
        "client_handshake_traffic_secret" => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "server_handshake_traffic_secret" => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "client_application_traffic_secret_0" => "CLIENT_TRAFFIC_SECRET_0",
        "server_application_traffic_secret_0" => "SERVER_TRAFFIC_SECRET_0",
        _ => return None,
    })
}

impl<'a> Export<'a> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: impl Write + 'a) -> Self {
        Self { out: Box::new(out), secrets: Arc::default(), big_endian: false, classic: false }
    }

    pub(crate) fn observer(&self, next: Option<&Arc<dyn Observer>>) -> Arc<dyn Observer> {
        Arc::new(Ear { secrets: Arc::clone(&self.secrets), next: next.cloned() })
    }

    /// Copies a block, after what it takes to open it.
    pub(crate) fn copy(&mut self, item: &Item<'_>) -> Result<(), CaptureError> {
        if let [0x0a, 0x0d, 0x0d, 0x0a, _, _, _, _, first, ..] = item.raw {
            self.big_endian = *first == 0x1a;
        }
        match item.kind {
            Kind::PcapHeader { link } => {
                self.classic = true;
                self.block(SECTION_HEADER, &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0], &[0xff; 8]])?;
                self.block(INTERFACE_DESCRIPTION, &[&link.to_le_bytes(), &[0; 4], &NANOSECONDS])
            }
            Kind::Packet(info) => {
                self.write_secrets()?;
                match self.classic {
                    true => self.packet(&info, item.data),
                    false => self.write(item.raw),
                }
            }
            Kind::Secrets | Kind::Other => self.write(item.raw),
        }
    }

    fn packet(&mut self, info: &PacketInfo, data: &[u8]) -> Result<(), CaptureError> {
        let [high, low] = [(info.time.as_nanos() >> 32) as u32, info.time.as_nanos() as u32];
        let fields = [0, high, low, data.len() as u32, info.original_len];
        let head: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
        self.block(ENHANCED_PACKET, &[&head, data])
    }

    fn write_secrets(&mut self) -> Result<(), CaptureError> {
        let lines = std::mem::take(&mut *self.secrets.lines());
        if lines.is_empty() {
            return Ok(());
        }
        let (kind, len) = (self.number(TLS_KEY_LOG), self.number(lines.len() as u32));
        self.block(DECRYPTION_SECRETS, &[&kind, &len, lines.as_bytes()])
    }

    /// A block: type, length, body with padding, length again.
    fn block(&mut self, block_type: u32, body: &[&[u8]]) -> Result<(), CaptureError> {
        let len: usize = body.iter().map(|part| part.len()).sum();
        let padded = len.next_multiple_of(4);
        let total = self.number(12 + padded as u32);
        let block_type = self.number(block_type);
        self.write(&block_type)?;
        self.write(&total)?;
        body.iter().try_for_each(|part| self.write(part))?;
        self.write([0; 3].get(..padded - len).unwrap_or_default())?;
        self.write(&total)
    }

    /// In the byte order of the section.
    const fn number(&self, number: u32) -> [u8; 4] {
        match self.big_endian {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.out.write_all(bytes).map_err(|error| CaptureError::Write { kind: error.kind() })
    }

    /// Hands the rest on to the disk.
    pub(crate) fn flush(&mut self) -> Result<(), CaptureError> {
        self.out.flush().map_err(|error| CaptureError::Write { kind: error.kind() })
    }
}
