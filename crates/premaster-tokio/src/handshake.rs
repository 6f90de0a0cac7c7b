//! A handshake under way, with its deadline.
use crate::{error::wrap, input::Input, session::Session};
use premaster::{Connection, Error, Output};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};

/// A handshake under way, and the transport that comes back whatever its end.
#[derive(Debug)]
pub(crate) struct MidHandshake<IO> {
    state: State<IO>,
    deadline: Deadline,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is nearly always the large one, and moves out in one piece"
)]
enum State<IO> {
    Handshaking(Session<IO>),
    /// It could not even begin.
    Failed(IO, Error),
    Finished,
}

impl<IO> MidHandshake<IO> {
    pub(crate) fn client(
        io: IO,
        connection: Result<Connection, Error>,
        output: Output,
        early: &[u8],
        limit: Duration,
    ) -> Self {
        let state = match connection {
            Ok(connection) => {
                let mut session = Session::new(io, connection, Input::default(), output);
                if !early.is_empty() {
                    session.send_early(early);
                }
                State::Handshaking(session)
            }
            Err(error) => State::Failed(io, error),
        };
        Self { state, deadline: Deadline::new(Instant::now(), limit) }
    }

    pub(crate) const fn server(session: Session<IO>, deadline: Deadline) -> Self {
        Self { state: State::Handshaking(session), deadline }
    }

    pub(crate) const fn io(&self) -> Option<&IO> {
        match &self.state {
            State::Handshaking(Session { io, .. }) | State::Failed(io, _) => Some(io),
            State::Finished => None,
        }
    }

    pub(crate) const fn io_mut(&mut self) -> Option<&mut IO> {
        match &mut self.state {
            State::Handshaking(Session { io, .. }) | State::Failed(io, _) => Some(io),
            State::Finished => None,
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> MidHandshake<IO> {
    /// # Panics
    /// It was ready before.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Session<IO>, (io::Error, IO)>> {
        let handshake = match &mut self.state {
            State::Handshaking(session) => match session.poll_handshake(context) {
                Poll::Pending => {
                    ready!(self.deadline.poll(context));
                    let error = session.connection.time_out(&mut session.output);
                    Err(session.refuse(error, context))
                }
                Poll::Ready(handshake) => handshake,
            },
            State::Failed(_, error) => Err(wrap(error.clone())),
            State::Finished => Ok(()),
        };
        Poll::Ready(match (std::mem::replace(&mut self.state, State::Finished), handshake) {
            (State::Handshaking(session), Ok(())) => Ok(session),
            (State::Handshaking(Session { io, .. }) | State::Failed(io, _), Err(error)) => Err((error, io)),
            _ => panic!("a handshake was polled after it was ready"),
        })
    }
}

/// When a handshake has taken too long.
#[derive(Debug)]
pub(crate) struct Deadline {
    started: Instant,
    /// None: never.
    at: Option<Instant>,
    /// Made when there is something to wait for: most handshakes over fast networks never need a timer.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(started: Instant, limit: Duration) -> Self {
        Self { started, at: started.checked_add(limit), sleep: None }
    }

    /// When the handshake began.
    pub(crate) const fn started(&self) -> Instant {
        self.started
    }

    /// Ready when it has passed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.at {
            Some(at) => self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at))).as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// A handshake as a future, and the same with the transport in its error.
macro_rules! future {
    (
        $(#[$attribute:meta])* $name:ident,
        $(#[$fallible_attribute:meta])* $fallible:ident,
        $stream:ident
    ) => {
        $(#[$attribute])*
        #[derive(Debug)]
        #[must_use = "a handshake does nothing until it is awaited"]
        pub struct $name<IO>(pub(crate) $crate::handshake::MidHandshake<IO>);

        $(#[$fallible_attribute])*
        #[derive(Debug)]
        #[must_use = "a handshake does nothing until it is awaited"]
        pub struct $fallible<IO>($crate::handshake::MidHandshake<IO>);

        impl<IO> $name<IO> {
            /// The same handshake, which gives the transport back when it fails.
            pub fn into_fallible(self) -> $fallible<IO> {
                $fallible(self.0)
            }

            /// The transport; none when the handshake is over.
            pub const fn get_ref(&self) -> Option<&IO> {
                self.0.io()
            }

            /// The transport; none when the handshake is over.
            pub const fn get_mut(&mut self) -> Option<&mut IO> {
                self.0.io_mut()
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> Future for $name<IO> {
            type Output = io::Result<$stream<IO>>;

            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                self.get_mut().0.poll(context).map_ok($stream).map_err(|(error, _)| error)
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> Future for $fallible<IO> {
            type Output = Result<$stream<IO>, (io::Error, IO)>;

            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                self.get_mut().0.poll(context).map_ok($stream)
            }
        }
    };
}

pub(crate) use future;
