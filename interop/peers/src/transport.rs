//! Sockets on loopback whose every wait has a bound.
use crate::PATIENCE;
use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
};

/// A listening socket on a free port.
pub struct Listener {
    address: SocketAddr,
    accepted: Receiver<TcpStream>,
}

impl Listener {
    /// Listens.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub fn bind() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (send, accepted) = mpsc::channel();
        // Accepting has no time-out of its own: a thread does it, and the channel has one.
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if send.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, accepted }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where it listens, as text.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next connection.
    ///
    /// # Panics
    /// If none comes in time.
    pub fn accept(&self) -> TcpStream {
        prepared(self.accepted.recv_timeout(PATIENCE).expect("somebody connects in time"))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Wakes the thread, which then finds nobody to send to.
        let _ = TcpStream::connect(self.address);
    }
}

/// Connects to a port on loopback.
///
/// # Panics
/// If nobody listens.
pub fn connect(port: u16) -> TcpStream {
    prepared(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("somebody listens"))
}

fn prepared(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("it is open");
    stream.set_write_timeout(Some(PATIENCE)).expect("it is open");
    stream.set_nodelay(true).expect("it is open");
    stream
}

/// A transport that delivers and takes one byte at a time, whatever the other side does.
#[derive(Debug)]
pub struct Trickle<T>(pub T);

impl<T: Read> Read for Trickle<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}

impl<T: Write> Write for Trickle<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(1);
        self.0.write(&bytes[..len])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Bytes that do not repeat and cannot be compressed.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(len).collect()
}
