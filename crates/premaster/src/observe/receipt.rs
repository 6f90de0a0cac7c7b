//! A receipt: which secrets a connection had, when each was made, and when it was erased.
use super::{At, Direction, Event, KeyLife, Observer};
use crate::wire::{HandshakeType, Side};
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Before the first message.
const START: &str = "the start";

/// The life of one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretLife {
    /// Whose it was.
    pub side: Side,
    /// Its name in the RFC; an ephemeral key's is that of its group.
    pub secret: String,
    /// After which message it was made; none before the first.
    pub made: Option<&'static str>,
    /// After which message it was erased; none as long as it is not.
    pub erased: Option<&'static str>,
}

#[derive(Default)]
struct State {
    lives: Vec<SecretLife>,
    /// The last message that this end sent or received.
    last: [Option<&'static str>; 2],
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
pub struct Receipt(Mutex<State>);

impl Receipt {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every secret so far, in the order in which they were made.
    pub fn lives(&self) -> Vec<SecretLife> {
        self.state().lives.clone()
    }
}

impl Observer for Receipt {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let mut state = self.state();
        let last = state.last[usize::from(at.side == Side::Server)];
        let made =
            |secret: &str| SecretLife { side: at.side, secret: secret.into(), made: last, erased: None };
        match event {
            Event::Message { direction: Direction::Sent | Direction::Received, bytes } => {
                let name = bytes.first().and_then(|code| HandshakeType(*code).name());
                state.last[usize::from(at.side == Side::Server)] = name.or(last);
            }
            // Whoever has it is told of its end as `application_traffic_secret_N`.
            Event::Derived { secret: "application_traffic_secret_N+1", .. } => {
                state.lives.push(made("application_traffic_secret_N"));
            }
            // Slices of others, installed at once, and what is sent to the peer.
            Event::Derived { secret, .. } if !is_told_of_at_its_end(secret) => {}
            Event::Derived { secret, .. } => state.lives.push(made(secret)),
            Event::EphemeralKey { group, life, .. } => {
                let name = match group {
                    Some(group) => format!("ephemeral key, {group}"),
                    None => "ephemeral key".to_owned(),
                };
                match life {
                    KeyLife::Made => state.lives.push(made(&name)),
                    KeyLife::SpentAndErased | KeyLife::DiscardedAndErased => {
                        state.erase(at.side, &name, last)
                    }
                }
            }
            Event::Erased { secret } => state.erase(at.side, secret, last),
            _ => {}
        }
    }
}

impl State {
    /// The oldest of this name that is not erased yet: secrets of one name follow each other.
    fn erase(&mut self, side: Side, secret: &str, last: Option<&'static str>) {
        let of = |life: &&mut SecretLife| life.side == side && life.secret == secret && life.erased.is_none();
        if let Some(life) = self.lives.iter_mut().find(of) {
            life.erased = Some(last.unwrap_or(START));
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
        for life in &self.state().lives {
            let (made, erased) = (life.made.unwrap_or(START), life.erased.unwrap_or("-"));
            writeln!(f, "{}  {:36}  {made:20}  {erased}", life.side.name(), life.secret)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({} secrets)", self.state().lives.len())
    }
}
