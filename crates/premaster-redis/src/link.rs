//! One connection for all, which comes back by itself.
use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);

/// The first pause after a failed attempt to connect, and the longest: each is twice as long as the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// So many calls in a row that are not answered in time make a connection a dead one.
const PATIENCE: u32 = 4;

/// One connection for all, which comes back by itself.
///
/// As long as there is none, calls fail at once instead of waiting: a store that is gone must not cost every
/// handshake its deadline. Only the very first connection is waited for.
pub(crate) struct Link {
    client: Client,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

enum State {
    /// Nothing was tried yet, or the first attempt is under way.
    New {
        is_connecting: bool,
    },
    Up {
        connection: MultiplexedConnection,
        number: u64,
        unanswered: u32,
    },
    Down {
        number: u64,
        pause: Duration,
        retry_at: Instant,
        is_connecting: bool,
    },
}

/// A connection, and which one it is, so that an old one's failure is not held against its successor.
pub(crate) struct Connected {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) number: u64,
}

/// There is no connection.
pub(crate) struct Disconnected;

impl Link {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        let state = Mutex::new(State::New { is_connecting: false });
        Arc::new(Self { client, state, changed: watch::Sender::new(()) })
    }

    /// The connection. If there is none, one is made in the background, however soon the caller loses interest.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Connected, Disconnected> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(answer) = self.look() {
                return answer;
            }
            changed.changed().await.map_err(|_| Disconnected)?;
        }
    }

    /// None while the first attempt is under way.
    fn look(self: &Arc<Self>) -> Option<Result<Connected, Disconnected>> {
        let mut state = self.state();
        match &mut *state {
            State::Up { connection, number, .. } => {
                Some(Ok(Connected { connection: connection.clone(), number: *number }))
            }
            State::New { is_connecting } => {
                if !std::mem::replace(is_connecting, true) {
                    self.connect();
                }
                None
            }
            State::Down { retry_at, is_connecting, .. } => {
                if !*is_connecting && Instant::now() >= *retry_at {
                    *is_connecting = true;
                    self.connect();
                }
                Some(Err(Disconnected))
            }
        }
    }

    fn connect(self: &Arc<Self>) {
        let link = Arc::clone(self);
        tokio::spawn(async move {
            let made = tokio::time::timeout(CONNECT, link.new_connection()).await;
            link.connected(made.ok().and_then(Result::ok));
        });
    }

    /// A connection beside the one for all.
    pub(crate) async fn new_connection(&self) -> Result<MultiplexedConnection, RedisError> {
        // The caller's deadline is shorter, or it has gone already.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Where it leads, without user and password.
    pub(crate) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    fn connected(&self, made: Option<MultiplexedConnection>) {
        let mut state = self.state();
        let (number, pause) = match &*state {
            State::New { .. } => (0, FIRST_PAUSE),
            State::Up { number, .. } => (*number, FIRST_PAUSE),
            State::Down { number, pause, .. } => (*number, (*pause * 2).min(LONGEST_PAUSE)),
        };
        *state = match made {
            Some(connection) => State::Up { connection, number: number + 1, unanswered: 0 },
            None => {
                let retry_at = Instant::now() + pause;
                State::Down { number, pause, retry_at, is_connecting: false }
            }
        };
        drop(state);
        self.changed.send_replace(());
    }

    /// A call over this connection was answered.
    pub(crate) fn answered(&self, used: u64) {
        if let State::Up { number, unanswered, .. } = &mut *self.state()
            && *number == used
        {
            *unanswered = 0;
        }
    }

    /// A call over this connection was not answered in time.
    pub(crate) fn unanswered(&self, used: u64) {
        let mut state = self.state();
        if let State::Up { number, unanswered, .. } = &mut *state
            && *number == used
        {
            *unanswered += 1;
            if *unanswered >= PATIENCE {
                *state = down(used);
            }
        }
    }

    /// A call over this connection failed.
    pub(crate) fn failed(&self, used: u64, error: &RedisError) {
        // A replica that was a master once, or that took over: who it is has to be asked again.
        let is_replica =
            error.code().is_some_and(|code| matches!(code, "READONLY" | "LOADING" | "MASTERDOWN"));
        let is_dead = error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error();
        let mut state = self.state();
        if (is_dead || is_replica) && matches!(&*state, State::Up { number, .. } if *number == used) {
            *state = down(used);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first attempt to come back is made with the next call.
fn down(number: u64) -> State {
    State::Down { number, pause: FIRST_PAUSE / 2, retry_at: Instant::now(), is_connecting: false }
}
