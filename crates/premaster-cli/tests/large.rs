//! Captures far larger than the memory that reading them takes.
#![cfg(target_os = "linux")]
#[path = "../../premaster/tests/common/mod.rs"]
mod common;
#[path = "../../premaster-capture/tests/recording/mod.rs"]
mod recording;
#[path = "../../premaster-capture/tests/tape/mod.rs"]
mod tape;

use common::Pair;
use premaster::wire::ProtocolVersion;
use recording::{Modern, carry, connect, end};
use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
};
use tape::{Link, Tape};

/// What a process may take, the command itself included, however long the capture is.
const CEILING: u64 = 48 << 20;

/// `premaster decrypt` that reads from this process, so that no capture has to lie anywhere.
struct Reader {
    child: Child,
    written: u64,
}

impl Reader {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_premaster"));
        command.args(["decrypt", "-"]).args(arguments);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut reader = Self { child, written: 0 };
        reader.write(&Tape::new(Link::Ethernet).pcap());
        reader
    }

    fn write(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
        self.written += bytes.len() as u64;
    }

    /// Hands over what is on the tape, without the header that is there already.
    fn take(&mut self, tape: &mut Tape) {
        self.write(&tape.pcap()[24..]);
        tape.packets.clear();
    }

    /// The most memory that it ever had, in bytes; it has read all but what a pipe holds.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(self.child.wait().unwrap().success());
        out
    }
}

#[test]
fn one_long_connection() {
    const CHUNK: usize = 1 << 20;
    const CHUNKS: usize = 96;
    let modern = Modern::new();
    let mut pair = Pair::new(modern.client(|builder| builder), modern.server(|builder| builder));
    let mut tape = Tape::new(Link::Ethernet);
    tape.open();
    carry(&mut pair, &mut tape);
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    std::fs::write(&keys, &*modern.log.0.lock().unwrap()).unwrap();
    let mut reader = Reader::start(&["--keylog", keys.to_str().unwrap()]);
    let chunk = vec![b'x'; CHUNK];
    for _ in 0..CHUNKS {
        pair.server.connection.send(&chunk, &mut pair.server.output).unwrap();
        carry(&mut pair, &mut tape);
        pair.client.received.clear();
        reader.take(&mut tape);
    }
    end(&mut pair, &mut tape);
    reader.take(&mut tape);
    let (written, peak) = (reader.written, reader.peak());
    let out = reader.finish();
    assert!(out.contains("✓ decrypted: ") && out.contains(", 100.7 MB"), "{out}");
    assert!(written > (CHUNK * CHUNKS) as u64 && peak < CEILING, "{peak} bytes for {written}");
}

#[test]
fn many_short_connections_and_one_that_never_opens() {
    let modern = Modern::new();
    let (client, server) = modern.resuming(ProtocolVersion::TLS_1_2, false);
    let mut tape = Tape::new(Link::Ethernet);
    connect(&client, &server, &mut tape);
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    std::fs::write(&keys, &*modern.log.0.lock().unwrap()).unwrap();
    let mut reader = Reader::start(&["--keylog", keys.to_str().unwrap(), "--quiet"]);
    reader.take(&mut tape);
    let resumed = 300;
    for _ in 0..resumed {
        connect(&client, &server, &mut tape);
        reader.take(&mut tape);
    }
    // Its first segment is missing, so that all the others wait for it, as long as there is room.
    tape.open();
    tape.packet(true, tape::ACK, &[22; 1400]);
    tape.packets.pop();
    for _ in 0..20_000 {
        tape.packet(true, tape::ACK, &[22; 1400]);
        reader.take(&mut tape);
    }
    let (written, peak) = (reader.written, reader.peak());
    let out = reader.finish();
    assert_eq!(out.matches("✓ decrypted: ").count(), 1 + resumed, "{out}");
    assert!(written > 40_000_000 && peak < CEILING, "{peak} bytes for {written}");
}
