//! tcpdump on loopback.
use crate::{PATIENCE, Process, Program};
use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// What comes last, so that everything before it is known to be there.
const MARK: &[u8] = b"the end of what the test has to say";

/// A capture that is being made.
pub struct Sniffer {
    process: Process,
    file: PathBuf,
    port: u16,
}

impl Sniffer {
    /// Captures what goes to and from this port, into a file in `directory`. Waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(directory: &Path, port: u16) -> Self {
        let file = directory.join(format!("port-{port}.pcap"));
        let mut command = Command::new(Program::Tcpdump.command());
        command.args(["-i", "lo", "-U", "-n", "-s", "0", "-B", "65536", "-Z", "root", "-w"]).arg(&file);
        command.arg(format!("port {port}"));
        let process = Process::start(&mut command);
        process.wait_for("start of the capture", |written| {
            written.text().contains("listening on").then_some(())
        });
        Self { process, file, port }
    }

    /// Waits until everything that was said so far is in the file, and returns that.
    ///
    /// # Panics
    /// If it does not come in time.
    pub fn stop(self) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has room");
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Nobody listens there, and nobody has to.
            let _ = socket.send_to(MARK, ("127.0.0.1", self.port));
            thread::sleep(Duration::from_millis(20));
            let capture = fs::read(&self.file).expect("tcpdump writes it");
            if capture.windows(MARK.len()).any(|window| window == MARK) {
                self.process.kill();
                return capture;
            }
            assert!(Instant::now() < deadline, "the mark is not in the capture");
        }
    }
}
