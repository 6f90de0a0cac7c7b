//! Sits between a client and a server: changes what passes, and remembers it.
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

/// What passed, in order: whether the client sent it, and the bytes.
pub(super) type Passed = Arc<Mutex<Vec<(bool, Vec<u8>)>>>;

/// A relay of one connection to this port of loopback.
pub(super) struct Relay {
    pub(super) port: u16,
    passed: Passed,
    thread: JoinHandle<()>,
}

impl Relay {
    /// `change` is applied to what the client sends.
    pub(super) fn to(server: u16, change: fn(&mut [u8])) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let passed = Passed::default();
        let remembers = passed.clone();
        let thread = std::thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
            let back = {
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let remembers = remembers.clone();
                std::thread::spawn(move || pass(from, to, false, |_| (), &remembers))
            };
            pass(client, server, true, change, &remembers);
            back.join().unwrap();
        });
        Self { port, passed, thread }
    }

    /// What passed, once both ends are gone.
    pub(super) fn end(self) -> Vec<(bool, Vec<u8>)> {
        self.thread.join().unwrap();
        std::mem::take(&mut self.passed.lock().unwrap())
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, by_client: bool, change: fn(&mut [u8]), passed: &Passed) {
    let mut piece = [0; 1 << 14];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let mut bytes = piece[..read].to_vec();
        change(&mut bytes);
        passed.lock().unwrap().push((by_client, bytes.clone()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // Whoever has gone already needs no telling.
    let _ = to.shutdown(Shutdown::Write);
}
