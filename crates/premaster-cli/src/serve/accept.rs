//! Many connections at once: accepted, bounded, and brought to an end.
use super::content::{Content, Ended, Session};
use crate::{
    diagnosis,
    exit::ExitCode,
    failure::Failure,
    link::Link,
    parameters,
    terminal::{Io, safe},
};
use premaster::{Connection, Output, ServerConfig};
use premaster_trace::Recorder;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How many connections, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many are served at once.
    pub at_once: u32,
    /// After how many the server ends.
    pub connections: Option<u64>,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a client may be silent.
    pub idle: Duration,
}

/// How long the connections that are left have when the server is told to end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until it is told to end, or has served as many as it should.
pub async fn serve(
    address: SocketAddr,
    config: Arc<ServerConfig>,
    content: Arc<Content>,
    limits: Limits,
    io: &mut Io,
) -> Result<ExitCode, Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
    let mut stop = Stop::new()?;
    let bound = listener.local_addr().unwrap_or(address);
    io.say(format!("listening on {bound}"));
    let (ending, end) = watch::channel(false);
    let places = Arc::new(Semaphore::new(limits.at_once as usize));
    let mut sessions = JoinSet::new();
    let mut left = limits.connections;
    let mut bugs = false;
    while left != Some(0) {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = stop.requested() => break,
            Some(done) = sessions.join_next(), if !sessions.is_empty() => bugs |= is_bug(&done),
            (place, accepted) = next => match accepted {
                Ok((socket, client)) => {
                    left = left.map(|left| left - 1);
                    let server = Served { config: Arc::clone(&config), content: Arc::clone(&content), limits, quiet: io.quiet };
                    let end = end.clone();
                    sessions.spawn(async move {
                        server.session(socket, client, end).await;
                        drop(place);
                    });
                }
                Err(error) => recover(&error, io).await,
            },
        }
    }
    drop(listener);
    let all_served = left == Some(0);
    if !all_served {
        io.say("closing");
        let _ = ending.send(true);
    }
    let rest = async {
        while let Some(done) = sessions.join_next().await {
            bugs |= is_bug(&done);
        }
    };
    match all_served {
        true => tokio::select! { () = rest => {} () = stop.requested() => {} },
        false => {
            let _ = timeout(GRACE, async {
                tokio::select! { () = rest => {} () = stop.requested() => {} }
            })
            .await;
        }
    }
    Ok(if bugs { ExitCode::Bug } else { ExitCode::Ok })
}

fn is_bug(done: &Result<(), tokio::task::JoinError>) -> bool {
    done.as_ref().is_err_and(tokio::task::JoinError::is_panic)
}

/// A connection that vanished before it was accepted is nothing; for the lack of file descriptors only time helps.
async fn recover(error: &io::Error, io: &mut Io) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        io.say(format!("cannot accept: {error}"));
        sleep(Duration::from_millis(100)).await;
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    let failure = Failure::new(ExitCode::Network, format!("cannot listen on {address}")).why(error);
    failure.remedy(match error.kind() {
        io::ErrorKind::AddrInUse => {
            "end the program that has the port, or take another: --listen ADDRESS:PORT"
        }
        io::ErrorKind::PermissionDenied => "take a port above 1023: --listen ADDRESS:PORT",
        _ => "name an address of this machine: --listen ADDRESS:PORT",
    })
}

/// SIGINT and SIGTERM.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error| Failure::new(ExitCode::Bug, "signals cannot be caught").why(error);
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt()).map_err(failed)? })
    }

    #[cfg(unix)]
    async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, Failure> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn requested(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// What every session shares.
struct Served {
    config: Arc<ServerConfig>,
    content: Arc<Content>,
    limits: Limits,
    quiet: bool,
}

impl Served {
    /// One connection from hello to close, and a line about it.
    async fn session(self, socket: TcpStream, client: SocketAddr, end: watch::Receiver<bool>) {
        let _ = socket.set_nodelay(true);
        let recorder = Arc::new(Recorder::for_diagnosis());
        let config = Arc::new((*self.config).clone().with_observer(recorder.clone()));
        let mut link = Link::new(socket, Connection::server(config), Output::new());
        let deadline = Instant::now() + self.limits.handshake;
        let mut stop = end.clone();
        let shaken = tokio::select! {
            shaken = link.handshake(deadline) => shaken,
            _ = stop.wait_for(|end| *end) => return,
        };
        if let Err(broken) = shaken {
            let diagnosis = diagnosis::of_server(&recorder, diagnosis::lost(&broken));
            let lines = diagnosis.as_ref().map(diagnosis::lines).unwrap_or_default();
            self.say(client, &format!("handshake failed: {}", broken.brief()), &lines);
            return link.farewell().await;
        }
        if let Some(info) = link.connection().info() {
            self.say(client, &parameters::server_line(info), &[]);
        }
        let mut session = Session { link, idle: self.limits.idle, end };
        match self.content.serve(&mut session).await {
            Ok(()) => session.link.close(),
            // Without close_notify, so that the client does not take half an answer for a whole one.
            Err(Ended::CutOff(why)) => self.say(client, &format!("cut off: {why}"), &[]),
            Err(Ended::Broken(broken)) => {
                // An alert that only comes now, in TLS 1.3, is about the handshake all the same.
                let diagnosis = diagnosis::of_server(&recorder, diagnosis::lost(&broken));
                let lines = diagnosis.as_ref().map(diagnosis::lines).unwrap_or_default();
                self.say(client, &format!("connection broke: {}", broken.brief()), &lines);
            }
        }
        session.link.farewell().await;
    }

    /// A line about a connection, and what explains it, in one write so that lines of several do not mix.
    fn say(&self, client: SocketAddr, text: &str, more: &[(&str, String)]) {
        use std::io::Write;
        if !self.quiet {
            let mut line = format!("{client}: {}\n", safe(text));
            for (label, text) in more {
                let colon = if label.is_empty() { ' ' } else { ':' };
                line.push_str(&format!("  {label:>10}{colon} {}\n", safe(text)));
            }
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }
}
