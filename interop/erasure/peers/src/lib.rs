//! What the programs of this workspace have in common: the process under examination is told on its command line
//! what to be, on standard input what to do, and says on standard output where it listens and when it is done.
#![forbid(unsafe_code)]
use std::{
    error::Error,
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
};

/// What went wrong, in words.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What to be.
pub struct Task {
    /// A client, or a server.
    pub client: bool,
    /// TLS 1.3, or TLS 1.2.
    pub tls13: bool,
    /// The suite, by OpenSSL's name.
    pub suite: String,
    /// The group by its registered name, or `-`.
    pub group: String,
    /// Whether sessions can be resumed.
    pub tickets: bool,
    /// The authority's certificate, PEM.
    pub ca: Vec<u8>,
    /// The server's certificate, PEM.
    pub certificate: Vec<u8>,
    /// Its key, PEM.
    pub key: Vec<u8>,
}

impl Task {
    /// From the command line: `client|server 1.2|1.3 SUITE GROUP tickets|no-tickets CA CERTIFICATE KEY`.
    ///
    /// # Errors
    /// If it is something else, or a file cannot be read.
    pub fn from_arguments() -> Result<Self, Failure> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let [side, version, suite, group, tickets, ca, certificate, key] = &arguments[..] else {
            return Err("eight arguments, from premaster-erasure".into());
        };
        Ok(Self {
            client: side == "client",
            tls13: version == "1.3",
            suite: suite.clone(),
            group: group.clone(),
            tickets: tickets == "tickets",
            ca: fs::read(ca)?,
            certificate: fs::read(certificate)?,
            key: fs::read(key)?,
        })
    }
}

/// Obeys standard input until it ends: `accept` and `connect PORT` are a connection each, from hello to close.
///
/// # Errors
/// The system's. A connection that fails is reported, and the next may follow.
pub fn obey(mut converse: impl FnMut(TcpStream) -> Result<(), Failure>) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("port {}", listener.local_addr()?.port());
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        let socket = match line.trim().split_once(' ') {
            Some((_, port)) => TcpStream::connect(("127.0.0.1", port.parse()?))?,
            None => listener.accept()?.0,
        };
        socket.set_nodelay(true)?;
        match converse(socket) {
            Ok(()) => println!("done"),
            Err(error) => println!("failed {error}"),
        }
        line.clear();
    }
    Ok(())
}

/// Sends back what comes, until the peer has closed.
///
/// # Errors
/// The stream's.
pub fn echo(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read])?,
        }
    }
}
