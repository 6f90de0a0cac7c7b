//! A shim: BoringSSL's conformance runner starts it once for each test, and it speaks TLS with premaster.
//!
//! | exit status | what it means |
//! |---|---|
//! | 0 | the connections went as the flags want |
//! | 1 | a connection failed; the error's name is on standard error, for the runner to compare |
//! | 89 | a flag asks for something that premaster does not do |
//! | 90 | a panic, or an `-expect-...` flag that does not hold: the test has failed, whatever it wanted |
#![forbid(unsafe_code)]

mod certify;
mod compress;
mod configure;
mod connect;
mod early;
mod expect;
mod failure;
mod flags;
mod policies;
mod sessions;
mod settings;
mod state;
mod transport;
mod verify;

use failure::Failure;
use flags::Run;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic would pass for any failure that a test expects.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::exit(90);
    }));
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "-is-handshaker-supported") {
        println!("No");
        return ExitCode::SUCCESS;
    }
    let result = Run::parse(arguments).and_then(|run| connect::all(&run));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            match failure {
                Failure::Tls(_) | Failure::Transport(_) | Failure::Configuration(_) => ExitCode::from(1),
                Failure::Unsupported(_) => ExitCode::from(89),
                Failure::Expectation(_) => ExitCode::from(90),
            }
        }
    }
}
