//! A Redis, or Valkey, that one test has to itself.
use crate::{Program, process::Process};
use std::{net::TcpListener, process::Command};

/// A Redis server, killed when dropped. It listens on a socket of its own and on a port of loopback, the same
/// ones whenever it is brought back, and forgets everything when it ends.
pub struct Redis {
    directory: tempfile::TempDir,
    port: u16,
    process: Option<Process>,
}

impl Redis {
    /// One that runs. None, with a word about it, if there is none to be had for `test`.
    ///
    /// # Panics
    /// If it does not start, or is missing where nothing may be skipped.
    pub fn start(test: &str) -> Option<Self> {
        if !program().is_ready_for(test) {
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory can be made");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let mut server = Self { directory, port: free.expect("a port is free").port(), process: None };
        server.restart();
        Some(server)
    }

    /// Kills it if it runs, and starts it with nothing in it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new(program().command());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--unixsocket", "socket", "--save", "", "--appendonly", "no"]);
        let process = Process::start(command.current_dir(self.directory.path()));
        // "Ready to accept connections", or "The server is now ready to accept connections at" the socket.
        process.wait_for_output(b"eady to accept connections");
        self.process = Some(process);
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Where its socket is.
    pub fn socket_url(&self) -> String {
        format!("unix://{}", self.directory.path().join("socket").display())
    }

    /// Where its port is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn program() -> Program {
    match Program::Valkey.is_installed() {
        true => Program::Valkey,
        false => Program::Redis,
    }
}
