//! A receipt: which secrets a connection had, when each was made, and when it was erased.
use super::{At, Direction, Event, KeyLife, Observer};
use crate::wire::{AlertDescription, HandshakeType, Side};
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Before the first message.
const START: &str = "the start";

/// How many lives are told at most. A handshake has some twenty at each end, and each KeyUpdate makes one more.
const MAX_LIVES: usize = 1024;

/// The life of one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretLife {
    /// Whose it was.
    pub side: Side,
    /// Its name in the RFC; an ephemeral key's is that of its group.
    pub secret: String,
    /// When it was made.
    pub made: Moment,
    /// When it was erased; none as long as it is not.
    pub erased: Option<Moment>,
}

/// When something happened, as one end sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// After which message; none before the first.
    pub after: Option<After>,
    /// How long after the first event of either end; none if the receipt has no clock.
    pub elapsed: Option<Duration>,
}

/// The last message that an end had sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct After {
    /// Its name in the RFC: a handshake message's, or an alert's.
    pub message: &'static str,
    /// Whether it is an alert.
    pub is_alert: bool,
    /// Who sent it.
    pub sender: Side,
    /// Which of its sender's handshake messages, or alerts, it is, counted from 1.
    pub number: usize,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after.map_or(START, |after| after.message);
        match self.elapsed {
            Some(elapsed) => f.pad(&format!("{after} +{:.3} ms", elapsed.as_secs_f64() * 1e3)),
            None => f.pad(after),
        }
    }
}

#[derive(Default)]
struct State {
    lives: Vec<SecretLife>,
    omitted: usize,
    ends: [End; 2],
    /// What the clock said at the first event.
    start: Option<Duration>,
}

/// What one end has sent and received: the last of it, and how many of a sender's handshake messages and alerts.
#[derive(Default)]
struct End {
    last: Option<After>,
    messages: [usize; 2],
    alerts: [usize; 2],
}

/// An observer that keeps account of secrets, without their values: for one connection, seen from one end or from
/// both.
///
/// ```
/// use premaster::{ClientConfig, identity::{ChainVerifier, Roots}, observe::Receipt};
/// use std::sync::Arc;
///
/// let receipt = Arc::new(Receipt::default());
/// let config = ClientConfig::builder()
///     .verifier(ChainVerifier::new(Roots::mozilla()))
///     .observer(receipt.clone())
///     .build()?;
/// // After the connection:
/// println!("{receipt}");
/// assert!(receipt.lives().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Receipt {
    state: Mutex<State>,
    clock: Option<Box<dyn Fn() -> Duration + Send + Sync>>,
}

impl Receipt {
    /// One that tells times as well, counted from the first event. `clock` says how much time has passed since
    /// whatever it likes.
    ///
    /// ```
    /// use premaster::observe::Receipt;
    /// use std::time::Instant;
    ///
    /// let start = Instant::now();
    /// let receipt = Receipt::timed(move || start.elapsed());
    /// # assert!(receipt.lives().is_empty());
    /// ```
    pub fn timed(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Some(Box::new(clock)), ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every secret so far, in the order in which they were made; of very many the first.
    pub fn lives(&self) -> Vec<SecretLife> {
        self.state().lives.clone()
    }

    /// How many secrets there were beyond those that [`lives`](Self::lives) tells of.
    pub fn omitted(&self) -> usize {
        self.state().omitted
    }
}

impl Observer for Receipt {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let mut state = self.state();
        let elapsed = self.clock.as_ref().map(|clock| {
            let now = clock();
            now.saturating_sub(*state.start.get_or_insert(now))
        });
        let end = &mut state.ends[usize::from(at.side == Side::Server)];
        let now = Moment { after: end.last, elapsed };
        match event {
            Event::Message { direction, bytes } => {
                let name = bytes.first().and_then(|code| HandshakeType(*code).name());
                end.saw(name.unwrap_or("a message"), false, sender(at.side, direction));
            }
            Event::Alert { direction, description, .. } => {
                let name = AlertDescription::name(description).unwrap_or("an alert");
                end.saw(name, true, sender(at.side, direction));
            }
            // Whoever has it is told of its end as `application_traffic_secret_N`.
            Event::Derived { secret: "application_traffic_secret_N+1", .. } => {
                state.make(at.side, "application_traffic_secret_N", now);
            }
            // Slices of others, installed at once, and what is sent to the peer.
            Event::Derived { secret, .. } if !is_told_of_at_its_end(secret) => {}
            Event::Derived { secret, .. } => state.make(at.side, secret, now),
            Event::EphemeralKey { group, life, .. } => {
                let name = match group {
                    Some(group) => format!("ephemeral key, {group}"),
                    None => "ephemeral key".to_owned(),
                };
                match life {
                    KeyLife::Made => state.make(at.side, &name, now),
                    KeyLife::SpentAndErased | KeyLife::DiscardedAndErased => state.erase(at.side, &name, now),
                }
            }
            Event::Erased { secret } => state.erase(at.side, secret, now),
            _ => {}
        }
    }
}

const fn sender(side: Side, direction: Direction) -> Side {
    match direction {
        Direction::Sent => side,
        Direction::Received => side.peer(),
    }
}

impl End {
    fn saw(&mut self, message: &'static str, is_alert: bool, sender: Side) {
        let counts = if is_alert { &mut self.alerts } else { &mut self.messages };
        let number = &mut counts[usize::from(sender == Side::Server)];
        *number += 1;
        self.last = Some(After { message, is_alert, sender, number: *number });
    }
}

impl State {
    fn make(&mut self, side: Side, secret: &str, made: Moment) {
        match self.lives.len() < MAX_LIVES {
            true => self.lives.push(SecretLife { side, secret: secret.into(), made, erased: None }),
            false => self.omitted += 1,
        }
    }

    /// The oldest of this name that is not erased yet: secrets of one name follow each other.
    fn erase(&mut self, side: Side, secret: &str, erased: Moment) {
        let of = |life: &&mut SecretLife| life.side == side && life.secret == secret && life.erased.is_none();
        if let Some(life) = self.lives.iter_mut().find(of) {
            life.erased = Some(erased);
        }
    }
}

/// Whether [`Event::Erased`] follows for a secret of this name.
fn is_told_of_at_its_end(secret: &str) -> bool {
    !matches!(
        secret,
        "key"
            | "iv"
            | "PSK"
            | "client verify_data"
            | "server verify_data"
            | "client_write_MAC_key"
            | "server_write_MAC_key"
            | "client_write_key"
            | "server_write_key"
            | "client_write_IV"
            | "server_write_IV"
    )
}

/// A table: secret, made, erased.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        for life in &state.lives {
            let erased = life.erased.map_or_else(|| "-".to_owned(), |erased| erased.to_string());
            writeln!(f, "{}  {:36}  {:20}  {erased}", life.side.name(), life.secret, life.made)?;
        }
        match state.omitted {
            0 => Ok(()),
            omitted => writeln!(f, "and {omitted} more"),
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({} secrets)", self.state().lives.len())
    }
}
