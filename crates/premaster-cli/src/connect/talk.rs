//! stdin to the server and the server to stdout, at the same time, to the end of both.
use crate::{
    exit::ExitCode,
    failure::Failure,
    link::{Broken, Heard, Link, within},
    terminal::{Io, safe_text},
};
use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep_until},
};

/// Why the talk stopped before its end.
pub enum Stopped {
    /// The connection broke.
    Broken(Broken),
    /// stdout cannot be written.
    Output(Failure),
}

impl From<Broken> for Stopped {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Output(failure)
    }
}

/// stdin is not read while so much of it waits to be sent.
const MOST_PENDING: usize = 1 << 18;

/// Carries both directions until the server says close_notify. When stdin ends, this side says close_notify, and
/// `limit` of silence from then on is the end too.
pub async fn converse(link: &mut Link, limit: Duration, io: &mut Io) -> Result<ExitCode, Stopped> {
    let mut stdin = tokio::io::stdin();
    let mut typed = vec![0; 1 << 15];
    let mut data = Vec::new();
    let mut stdin_ended = false;
    let to_terminal = stdout().is_terminal();
    loop {
        let heard = link.hear(&mut data).await;
        // What came before an error is the server's all the same.
        show(&mut data, to_terminal, io)?;
        if heard? == Heard::Closed {
            link.close();
            return Ok(ExitCode::Ok);
        }
        let silence = Instant::now() + limit;
        tokio::select! {
            read = stdin.read(&mut typed), if !stdin_ended && link.pending() < MOST_PENDING => {
                // A stdin that cannot be read has ended.
                match typed.get(..read.unwrap_or_default()) {
                    Some([]) | None => {
                        stdin_ended = true;
                        link.close();
                    }
                    Some(typed) => link.send(typed)?,
                }
            }
            moved = link.transfer() => moved?,
            () = sleep_until(silence), if stdin_ended => {
                io.say("note: the server has not closed the connection; leaving it");
                return Ok(ExitCode::Ok);
            }
        }
    }
}

/// Says goodbye, and listens to what the server still says: it may be why it refuses this client.
pub async fn part(link: &mut Link, limit: Duration) -> Result<ExitCode, Stopped> {
    link.close();
    let rest = async {
        let mut ignored = Vec::new();
        while link.read(&mut ignored).await? != Heard::Closed {
            ignored.clear();
        }
        Ok(())
    };
    match within(limit, "close_notify", rest).await {
        // Many servers just close the socket; nothing was asked for that could have been cut off.
        Ok(()) | Err(Broken::Silent(_) | Broken::Socket(_) | Broken::Tls(premaster::Error::Truncated)) => {
            Ok(ExitCode::Ok)
        }
        Err(broken) => Err(broken.into()),
    }
}

/// The server's bytes, as they are; a terminal gets nothing that it would obey.
pub fn show(data: &mut Vec<u8>, to_terminal: bool, io: &mut Io) -> Result<(), Failure> {
    if data.is_empty() {
        return Ok(());
    }
    let shown = match to_terminal {
        true => io.print(&safe_text(data)),
        false => io.write(data),
    };
    data.clear();
    shown
}
