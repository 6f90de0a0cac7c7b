//! What a client gets once the handshake is done.
use super::{ContentOptions, files::Files, http, page};
use crate::{
    failure::Failure,
    link::{Broken, Heard, Link},
};
use std::{io::Write, time::Duration};
use tokio::{sync::watch, time::sleep};

/// What a client gets.
pub enum Content {
    /// A page about the connection.
    Page,
    /// Files.
    Files(Files),
    /// What it sent.
    Echo,
    /// Nothing; what it sends goes to stdout.
    Sink,
}

/// A connection after its handshake.
pub struct Session {
    /// The connection.
    pub link: Link,
    /// How long the client may be silent.
    pub idle: Duration,
    /// Whether the server is told to end.
    pub end: watch::Receiver<bool>,
}

/// Why a session did not come to its proper end.
pub enum Ended {
    /// The connection broke.
    Broken(Broken),
    /// This side cannot send the rest of what it promised.
    CutOff(String),
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Session {
    /// Waits for more from the client. [`Heard::Closed`] also if the server is told to end.
    pub async fn read(&mut self, data: &mut Vec<u8>) -> Result<Heard, Ended> {
        tokio::select! {
            heard = self.link.read(data) => Ok(heard?),
            _ = self.end.wait_for(|end| *end) => Ok(Heard::Closed),
            () = sleep(self.idle) => Err(Broken::Silent("data").into()),
        }
    }

    /// Sends, and waits until all is on its way. A client that does not read is silent too.
    pub async fn write(&mut self, data: &[u8]) -> Result<(), Ended> {
        self.link.send(data)?;
        tokio::select! {
            sent = self.link.flush() => Ok(sent?),
            () = sleep(self.idle) => Err(Ended::CutOff("the client does not read".into())),
        }
    }
}

impl Content {
    /// What the options ask for.
    pub fn new(options: &ContentOptions) -> Result<Self, Failure> {
        Ok(match &options.root {
            Some(root) => Self::Files(Files::new(root)?),
            None if options.www => Self::Page,
            None if options.echo => Self::Echo,
            None => Self::Sink,
        })
    }

    /// Serves one client.
    pub async fn serve(&self, session: &mut Session) -> Result<(), Ended> {
        match self {
            Self::Page => match http::request(session).await? {
                http::Asked::Nothing => Ok(()),
                http::Asked::Refused(refusal) => http::refuse(session, refusal).await,
                http::Asked::For(request) => page::respond(session, &request).await,
            },
            Self::Files(files) => match http::request(session).await? {
                http::Asked::Nothing => Ok(()),
                http::Asked::Refused(refusal) => http::refuse(session, refusal).await,
                http::Asked::For(request) => files.respond(session, &request).await,
            },
            Self::Echo => echo(session).await,
            Self::Sink => sink(session).await,
        }
    }
}

async fn echo(session: &mut Session) -> Result<(), Ended> {
    let mut data = Vec::new();
    loop {
        let heard = session.read(&mut data).await?;
        if !data.is_empty() {
            session.write(&data).await?;
            data.clear();
        }
        if heard == Heard::Closed {
            return Ok(());
        }
    }
}

async fn sink(session: &mut Session) -> Result<(), Ended> {
    let mut data = Vec::new();
    loop {
        let heard = session.read(&mut data).await?;
        // That nobody reads stdout any more is no reason to stop serving.
        let mut out = std::io::stdout();
        let _ = out.write_all(&data).and_then(|()| out.flush());
        data.clear();
        if heard == Heard::Closed {
            return Ok(());
        }
    }
}
