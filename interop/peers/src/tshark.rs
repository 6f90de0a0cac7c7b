//! What tshark reads in a capture.
use crate::Program;
use std::{path::Path, process::Command};

/// What tshark does with segments. Neither reads every capture of a busy machine: the one goes no further than the first
/// segment that another has overtaken, the other waits for ever for what it takes to be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Takes them as they come.
    AsCaptured,
    /// Puts them in order.
    Restored,
}

/// What the two ends said in the TLS session of this TCP stream. Which of them comes first differs between versions of
/// TLS: they are sorted.
///
/// # Panics
/// If tshark does not run.
pub fn follow(capture: &Path, stream: u32, key_log: Option<&Path>, order: Order) -> [Vec<u8>; 2] {
    let mut command = Command::new(Program::Tshark.command());
    command.arg("-r").arg(capture).args(["-q", "-z", &format!("follow,tls,raw,{stream}")]);
    if order == Order::Restored {
        command.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    }
    if let Some(key_log) = key_log {
        command.args(["-o", &format!("tls.keylog_file:{}", key_log.display())]);
    }
    let output = command.output().expect("tshark runs");
    followed(&String::from_utf8_lossy(&output.stdout))
}

/// Node 0 begins at the margin, and node 1 is indented.
fn followed(output: &str) -> [Vec<u8>; 2] {
    let mut streams = [Vec::new(), Vec::new()];
    for line in output.lines().skip_while(|line| !line.starts_with("Node 1")).skip(1) {
        let digits = line.trim().as_bytes();
        if line.starts_with('=') || digits.is_empty() {
            continue;
        }
        let digit = |digit: u8| char::from(digit).to_digit(16).expect("hexadecimal") as u8;
        let bytes = digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1]));
        streams[usize::from(line.starts_with('\t'))].extend(bytes);
    }
    streams.sort();
    streams
}
