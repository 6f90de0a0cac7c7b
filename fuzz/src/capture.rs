//! Captures: packets of any link, TCP, records, and sessions with secrets inside; in bounded memory.
use crate::{
    common::{Authority, Key, Pair, client_config, server_config},
    tape::{Link, Tape},
};
use premaster::{Policy, observe::KeyLog, wire::ProtocolVersion};
use premaster_capture::{Capture, Export, KeyStore, Limits, Options, Record, embedded_secrets};
use premaster_trace::{Recorder, Reveal};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.reassembly, limits.waiting, limits.total) = (1 << 14, 1 << 14, 1 << 16);
    (limits.streams, limits.plaintext, limits.alerts) = (16, 1 << 12, 4);
    limits
}

/// Reads the bytes as a capture, with the secrets that are in it.
pub fn run(data: &[u8]) {
    let mut keys = KeyStore::new();
    let _ = embedded_secrets(data, &mut keys);
    let recorder = Arc::new(Recorder::with_limit(1 << 14));
    let mut shown = 0;
    let sink = |record: &Record<'_>| shown += record.plaintext.map_or(0, <[u8]>::len);
    let options = Options::default().limits(limits()).sink(sink).observer(recorder.clone());
    let Ok(mut capture) = Capture::read(data, &keys, options.export(Export::new(io::sink()))) else { return };
    while let Some(session) = capture.next() {
        assert!(capture.held() <= 2 * limits().total, "{} bytes held", capture.held());
        match session {
            Ok(session) => drop(session.key_exchange()),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                break;
            }
        }
    }
    assert!(capture.next().is_none(), "it stays at its end");
    drop(capture);
    let _ = recorder.trace("fuzz", Reveal::Nothing);
    // A packet of a few bytes does not become much plaintext, except through gzip.
    assert!(shown <= 1024 * data.len());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Connections of both versions over every link; the same with the secrets inside, in IP fragments, and with a hole.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    for (index, link) in Link::ALL.into_iter().enumerate() {
        let version = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2][index % 2];
        let log = Log::default();
        let client = client_config(&authority, |builder| {
            builder
                .policy(Policy::MODERN.with_versions(&[version]))
                .observer(Arc::new(KeyLog::new(log.clone())))
        });
        let mut pair = Pair::new(client, server_config(credential.clone(), |builder| builder));
        let mut tape = Tape::new(link);
        tape.open();
        for round in 0..6 {
            let (to_server, to_client) = carry(&mut pair);
            tape.say(true, &to_server);
            tape.say(false, &to_client);
            if round == 3 {
                let _ = pair.client.connection.send(b"GET / HTTP/1.1\r\n\r\n", &mut pair.client.output);
                pair.server.connection.close(&mut pair.server.output);
            }
        }
        tape.close();
        let mut keys = KeyStore::new();
        keys.add_key_log(&log.0.lock().map(|log| log.clone()).unwrap_or_default());
        let mut pieces = tape.clone();
        pieces.fragment(200);
        let mut holes = tape.clone();
        holes.packets.remove(tape.packets.len() * 2 / 3);
        for tape in [&tape, &pieces, &holes] {
            let mut exported = Vec::new();
            let options = Options::default().export(Export::new(&mut exported));
            if let Ok(capture) = Capture::read(&tape.pcapng()[..], &keys, options) {
                capture.for_each(drop);
            }
            seeds.push(exported);
        }
        seeds.extend([tape.pcap(), tape.pcapng()]);
    }
    seeds
}

/// Delivers what each end has to say, and returns it.
fn carry(pair: &mut Pair) -> (Vec<u8>, Vec<u8>) {
    let to_server = pair.client.output.as_slice().to_vec();
    pair.client.output.clear();
    pair.server.take(&to_server).expect("a good link");
    let to_client = pair.server.output.as_slice().to_vec();
    pair.server.output.clear();
    pair.client.take(&to_client).expect("a good link");
    (to_server, to_client)
}
