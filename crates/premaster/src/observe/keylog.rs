//! The key log: a connection's secrets as lines of text (RFC 9850), for Wireshark and its kin.
use super::{At, Direction, Epoch, Event, Observer, SecretRef};
use crate::{Secret, wire::Side};
use std::{
    collections::HashMap,
    fmt,
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// An observer that writes the secrets of every connection to `W`, a line each.
///
/// Who reads the log reads the connections. Each line goes out in one write, so that several connections, and
/// several processes that append to one file, do not tear each other's lines.
///
/// ```
/// use premaster::{ClientConfig, identity::{ChainVerifier, Roots}, observe::KeyLog};
/// use std::sync::Arc;
///
/// let config = ClientConfig::builder()
///     .verifier(ChainVerifier::new(Roots::mozilla()))
///     .observer(Arc::new(KeyLog::new(std::io::sink())))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyLog<W>(Mutex<State<W>>);

struct State<W> {
    writer: W,
    /// Secrets that a KeyUpdate made, until the connection says which direction and number they are for.
    updated: HashMap<(Side, [u8; 32]), Secret>,
    failure: Option<io::ErrorKind>,
}

impl<W: Write + Send> KeyLog<W> {
    /// Writes to `writer`: a file opened for appending, as a rule.
    pub fn new(writer: W) -> Self {
        Self(Mutex::new(State { writer, updated: HashMap::new(), failure: None }))
    }

    /// Why the first line that could not be written could not be. A connection does not fail because its log
    /// does.
    pub fn failure(&self) -> Option<io::ErrorKind> {
        self.state().failure
    }

    /// A panic in the middle of a write leaves at worst half a line.
    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write + Send> Observer for KeyLog<W> {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let Some(random) = at.client_random else { return };
        match event {
            Event::Derived { secret: "application_traffic_secret_N+1", value, .. } => {
                self.state().updated.insert((at.side, *random), Secret::from(value.expose()));
            }
            Event::Derived { secret, value, .. } => {
                if let Some(label) = label(secret) {
                    self.state().write(label, random, value);
                }
            }
            Event::KeysInstalled { direction, epoch: Epoch::Application(number @ 1..) } => {
                let mut state = self.state();
                if let Some(secret) = state.updated.remove(&(at.side, *random)) {
                    let sender = match direction {
                        Direction::Sent => at.side,
                        Direction::Received => at.side.peer(),
                    };
                    let label = format!("{}_TRAFFIC_SECRET_{number}", sender.name().to_ascii_uppercase());
                    state.write(&label, random, SecretRef::from(&secret));
                }
            }
            Event::Failed(_) => {
                self.state().updated.remove(&(at.side, *random));
            }
            _ => {}
        }
    }
}

impl<W: Write> State<W> {
    fn write(&mut self, label: &str, random: &[u8; 32], secret: SecretRef<'_>) {
        let secret = secret.expose();
        // Of its final size from the start: growing would leave copies behind.
        let mut line = Zeroizing::new(Vec::with_capacity(label.len() + 2 * (32 + secret.len()) + 3));
        line.extend_from_slice(label.as_bytes());
        line.push(b' ');
        hex(random, &mut line);
        line.push(b' ');
        hex(secret, &mut line);
        line.push(b'\n');
        if let Err(error) = self.writer.write_all(&line).and_then(|()| self.writer.flush()) {
            self.failure.get_or_insert(error.kind());
        }
    }
}

impl<W> fmt::Debug for KeyLog<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

/// The label of RFC 9850 section 2.2, for the secrets that have one.
fn label(secret: &str) -> Option<&'static str> {
    Some(match secret {
        "master_secret" => "CLIENT_RANDOM",
        "client_early_traffic_secret" => "CLIENT_EARLY_TRAFFIC_SECRET",
        "early_exporter_secret" => "EARLY_EXPORTER_SECRET",
        "client_handshake_traffic_secret" => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "server_handshake_traffic_secret" => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "client_application_traffic_secret_0" => "CLIENT_TRAFFIC_SECRET_0",
        "server_application_traffic_secret_0" => "SERVER_TRAFFIC_SECRET_0",
        "exporter_secret" => "EXPORTER_SECRET",
        _ => return None,
    })
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: [u8; 32] = [0xc1; 32];

    fn derived(log: &KeyLog<Vec<u8>>, side: Side, secret: &'static str, value: &[u8]) {
        let at = At { side, client_random: Some(&RANDOM) };
        log.observe(at, Event::Derived { secret, how: "", inputs: &[], value: SecretRef(value) });
    }

    fn installed(log: &KeyLog<Vec<u8>>, side: Side, direction: Direction, number: u64) {
        let at = At { side, client_random: Some(&RANDOM) };
        log.observe(at, Event::KeysInstalled { direction, epoch: Epoch::Application(number) });
    }

    fn lines(log: KeyLog<Vec<u8>>) -> Vec<String> {
        let written = log.0.into_inner().unwrap().writer;
        String::from_utf8(written).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_has_label_random_and_secret() {
        let log = KeyLog::new(Vec::new());
        derived(&log, Side::Client, "master_secret", &[0x0f, 0xa0]);
        derived(&log, Side::Client, "key_block", &[1]);
        assert_eq!(lines(log), [format!("CLIENT_RANDOM {} 0fa0", "c1".repeat(32))]);
    }

    #[test]
    fn a_key_update_is_logged_for_the_direction_it_is_for() {
        let log = KeyLog::new(Vec::new());
        let update = "application_traffic_secret_N+1";
        derived(&log, Side::Client, "client_application_traffic_secret_0", &[1]);
        installed(&log, Side::Client, Direction::Sent, 0);
        derived(&log, Side::Client, update, &[2]);
        installed(&log, Side::Client, Direction::Sent, 1);
        derived(&log, Side::Client, update, &[3]);
        installed(&log, Side::Client, Direction::Received, 7);
        // Both ends in one process do not mix.
        derived(&log, Side::Server, update, &[4]);
        installed(&log, Side::Client, Direction::Sent, 2);
        installed(&log, Side::Server, Direction::Sent, 1);
        let expected = [("CLIENT", 0, "01"), ("CLIENT", 1, "02"), ("SERVER", 7, "03"), ("SERVER", 1, "04")]
            .map(|(side, number, value)| {
                format!("{side}_TRAFFIC_SECRET_{number} {} {value}", "c1".repeat(32))
            });
        assert_eq!(lines(log), expected);
    }

    #[test]
    fn a_log_that_cannot_be_written_says_so() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = KeyLog::new(Full);
        assert_eq!(log.failure(), None);
        let at = At { side: Side::Client, client_random: Some(&RANDOM) };
        let value = SecretRef(&[1]);
        log.observe(at, Event::Derived { secret: "exporter_secret", how: "", inputs: &[], value });
        assert_eq!(log.failure(), Some(io::ErrorKind::StorageFull));
    }
}
