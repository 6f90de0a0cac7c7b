//! The verb `explain`: a handshake, told by the library's events.
use crate::{
    authority::Authority,
    exit::ExitCode,
    failure::Failure,
    options::{PolicyOptions, TimeOptions, TrustOptions, contradictory},
    target::{self, Target},
    terminal::{Io, safe},
};
use premaster::{
    ClientConfig, ServerConfig, Stream,
    identity::{ChainVerifier, Credentials, Roots},
    observe::{At, Event, Observer},
};
use std::{
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster explain                    both ends, on this machine
  premaster explain example.org        with a server
  premaster explain --tls 1.2 --group secp256r1";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server: HOST, HOST:PORT, https://HOST [default: one inside this process]
    pub target: Option<Target>,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    time: TimeOptions,
}

/// Writes down what happens at one side, a line for each event.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn observe(&self, at: At<'_>, event: Event<'_>) {
        let text = match event {
            Event::Record { .. } | Event::Content { .. } => return,
            event => format!("{event:?}"),
        };
        let line = format!("{}: {}", at.side.name(), safe(&text));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let log = Arc::new(Log::default());
    let policy = args.policy.policy()?;
    let builder = ClientConfig::builder().policy(policy.clone()).observer(log.clone());
    let (transport, name, config) = match &args.target {
        Some(target) => {
            let name =
                args.trust.name.as_deref().map_or_else(|| target.server_name(), target::server_name)?;
            (target.connect(args.time.duration())?, name, builder.verifier(args.trust.verifier(io)?))
        }
        None => {
            let authority = Authority::new()?;
            let credential = authority.issue(&["localhost".into()])?;
            let config = ServerConfig::builder().policy(policy).credentials(Credentials::always(credential));
            let config = Arc::new(config.build().map_err(|error| contradictory(&error))?);
            let mut roots = Roots::new();
            let _ = roots.add(authority.certificate());
            let name = target::server_name("localhost")?;
            (embedded(config)?, name, builder.verifier(ChainVerifier::new(roots)))
        }
    };
    let config = Arc::new(config.build().map_err(|error| contradictory(&error))?);
    let _ = transport.set_read_timeout(Some(args.time.duration()));
    let outcome = Stream::connect(config, name, transport).and_then(|mut stream| stream.close());
    let lines = std::mem::take(&mut *log.0.lock().unwrap_or_else(PoisonError::into_inner));
    io.print(&(lines.join("\n") + "\n"))?;
    match outcome {
        Ok(()) => Ok(ExitCode::Ok),
        Err(error) => Err(match Stream::<TcpStream>::error(&error) {
            Some(error) => Failure::tls("the handshake failed", error),
            None => Failure::new(ExitCode::Network, "the connection was lost").why(error),
        }),
    }
}

/// A server that takes one connection, and the client's end of it.
fn embedded(config: Arc<ServerConfig>) -> Result<TcpStream, Failure> {
    let failed = |error| Failure::new(ExitCode::Network, "no connection on this machine").why(error);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    std::thread::spawn(move || {
        let accepted = listener.accept().and_then(|(transport, _)| Stream::accept(config, transport));
        // What the client hears of a failure is what matters here.
        let _ = accepted.and_then(|mut stream| stream.close());
    });
    TcpStream::connect(address).map_err(failed)
}
