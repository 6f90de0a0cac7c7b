//! A test's connections, one after another.
use crate::{
    configure, expect,
    failure::Failure,
    flags::Run,
    sessions::Shared,
    settings::Settings,
    state::State,
    transport::{self, Step, Transport},
};
use premaster::{Error, observe::Resumed, wire::Side};
use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// All connections of a test.
pub(crate) fn all(run: &Run) -> Result<(), Failure> {
    let shared = Shared::new();
    let resumptions = run.initial.number("-resume-count")?.unwrap_or(0);
    for number in 0..=resumptions {
        let is_resumption = number > 0;
        let settings = if is_resumption { &run.resume } else { &run.initial };
        if is_resumption && !settings.has("-server") && shared.kept.count() == 0 {
            return Err(Failure::expected("there should be a session to offer"));
        }
        one(&Part { settings, retry: &run.retry, shared: &shared, is_resumption })?;
        shared.clock.advance(settings.number("-resumption-delay")?.unwrap_or(0));
    }
    Ok(())
}

/// One connection's part in a test.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) settings: &'a Settings,
    /// What holds after early data was rejected.
    retry: &'a Settings,
    pub(crate) shared: &'a Shared,
    /// Whether it is to build upon the one before.
    pub(crate) is_resumption: bool,
}

fn one(part: &Part<'_>) -> Result<(), Failure> {
    let settings = part.settings;
    let state = Arc::new(State::new());
    let kept_before = part.shared.kept.count();
    // The configuration first: what it refuses, it refuses before there is a peer.
    let (connection, output) = configure::connection(settings, part.shared, &state)?;
    let socket = transport::socket(settings)?;
    let mut transport = Transport::new(socket, connection, output, settings, state);
    if transport.connection.is_waiting() {
        transport.wait()?;
    }
    let offered = transport.connection.early_data_left() > 0;
    if settings.has("-expect-no-offer-early-data") && offered {
        return Err(Failure::expected("no early data should be offered"));
    }
    let first = first_write(settings)?;
    transport.flush()?;
    // One byte of the record for now: the rest goes out with what comes next.
    transport.allowance = settings.has("-read-with-unfinished-write").then_some(1);
    let mut written = 0;
    for piece in first.chunks(settings.bytes("-shim-initial-write").unwrap_or(b"hello").len().max(1)) {
        written += transport.connection.send_early(piece, &mut transport.output)?;
    }
    transport.flush()?;
    transport.allowance = None;
    handshake(settings, &mut transport)?;
    if settings.has("-handshake-never-done") {
        return Err(Failure::expected("the handshake was not to finish"));
    }
    if settings.has("-no-op-extra-handshake") {
        let waits = transport.connection.poll(&mut Context::from_waker(Waker::noop()), &mut transport.output);
        if waits != Poll::Ready(Ok(())) || !transport.output.is_empty() {
            return Err(Failure::expected("a handshake that is finished should have nothing left to do"));
        }
    }
    let accepted = transport.connection.info().is_some_and(|info| info.resumed == Resumed::EarlyData);
    let rejected = offered && !accepted && !settings.has("-server");
    if rejected != (settings.has("-expect-reject-early-data") && !settings.has("-server")) {
        return Err(Failure::expected(format!("early data rejected: {rejected}")));
    }
    // What was rejected is done again, under the settings for that.
    let part = &Part { settings: if rejected { part.retry } else { settings }, ..*part };
    expect::after_handshake(part, &transport, kept_before)?;
    let rest = match accepted {
        true => first.get(written..).unwrap_or_default().to_vec(),
        false => first_write(part.settings)?,
    };
    talk(part.settings, &mut transport, &rest)?;
    expect::at_the_end(part, &transport, kept_before)
}

fn handshake(settings: &Settings, transport: &mut Transport) -> Result<(), Failure> {
    while transport.connection.is_handshaking() {
        match transport.step()? {
            Step::Progress => {}
            // Early data, which is answered before the client's Finished.
            Step::Data(data) => {
                let most = read_size(settings)?;
                for chunk in data.chunks(most) {
                    transport.write(&turned(chunk))?;
                }
            }
            Step::Closed | Step::EndOfFile => {
                let error = transport.connection.end_of_input().err().unwrap_or(Error::Truncated);
                return Err(transport.failed(error));
            }
        }
    }
    Ok(transport.flush()?)
}

/// What the runner wants to hear, then an echo with every bit turned around.
fn talk(settings: &Settings, transport: &mut Transport, first: &[u8]) -> Result<(), Failure> {
    exports(settings, transport)?;
    if settings.has("-write-different-record-sizes") {
        let data = [0x42; 32769];
        for len in [1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769] {
            transport.write(&data[..len])?;
        }
    } else if !first.is_empty() {
        transport.allowance = settings.has("-read-with-unfinished-write").then_some(1);
        transport.write(first)?;
    }
    if !settings.has("-shim-shuts-down") && !settings.has("-write-different-record-sizes") {
        echo(settings, transport)?;
    }
    shut_down(settings, transport)
}

/// What is written before anything is read.
fn first_write(settings: &Settings) -> Result<Vec<u8>, Failure> {
    let write = settings.bytes("-shim-initial-write").unwrap_or(b"hello");
    let times = settings.number("-repeat-shim-initial-write")?.unwrap_or(1);
    let wanted = settings.has("-shim-writes-first") || settings.has("-read-with-unfinished-write");
    Ok(write.repeat(if wanted { usize::try_from(times).unwrap_or_default() } else { 0 }))
}

fn echo(settings: &Settings, transport: &mut Transport) -> Result<(), Failure> {
    let most = read_size(settings)?;
    loop {
        if settings.has("-key-update-before-read") {
            update_keys(transport)?;
        }
        let (data, step) = transport.read(most)?;
        if step != Step::Progress {
            return Ok(());
        }
        // Whatever was left unfinished goes on before anything new.
        transport.allowance = None;
        transport.flush()?;
        if settings.has("-key-update") {
            update_keys(transport)?;
        }
        transport.write(&turned(&data))?;
    }
}

fn read_size(settings: &Settings) -> Result<usize, Failure> {
    Ok(settings.number("-read-size")?.and_then(|size| usize::try_from(size).ok()).unwrap_or(512).max(1))
}

fn turned(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| byte ^ 0xff).collect()
}

fn update_keys(transport: &mut Transport) -> Result<(), Failure> {
    transport.connection.update_keys(false, &mut transport.output)?;
    Ok(transport.flush()?)
}

fn shut_down(settings: &Settings, transport: &mut Transport) -> Result<(), Failure> {
    if !settings.has("-check-close-notify") {
        return Ok(());
    }
    transport.connection.close(&mut transport.output);
    transport.flush()?;
    if settings.has("-shim-shuts-down") {
        while !transport.connection.is_closed_by_peer() {
            match transport.step()? {
                // This side has finished sending, not listening: what still comes is the application's.
                Step::Progress | Step::Data(_) => {}
                Step::Closed | Step::EndOfFile => break,
            }
        }
    }
    match transport.connection.end_of_input() {
        Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn exports(settings: &Settings, transport: &mut Transport) -> Result<(), Failure> {
    if let Some(length) = settings.number("-export-keying-material")? {
        let mut material = vec![0; usize::try_from(length).unwrap_or_default()];
        let label = settings.text("-export-label")?.unwrap_or_default();
        let context = settings.bytes("-export-context").unwrap_or_default();
        let context = settings.has("-use-export-context").then_some(context);
        transport.connection.export(label, context, &mut material)?;
        transport.write(&material)?;
    }
    if settings.has("-export-traffic-secrets") {
        let names = ["client_application_traffic_secret_0", "server_application_traffic_secret_0"];
        let secret = |name| transport.state.lock().secrets.get(name).cloned().unwrap_or_default();
        let [client, server] = names.map(secret);
        let (read, write) = match transport.connection.side() {
            Side::Client => (server, client),
            Side::Server => (client, server),
        };
        let length = u16::try_from(read.len()).unwrap_or_default().to_le_bytes();
        transport.write(&[&length[..], &read, &write].concat())?;
    }
    Ok(())
}
