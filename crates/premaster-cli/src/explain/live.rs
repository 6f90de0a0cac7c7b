//! A connection that is really made: to a server, or to one inside this process.
use super::Args;
use crate::{
    authority::Authority,
    diagnosis,
    exit::ExitCode,
    failure::Failure,
    options::contradictory,
    target::{self, Target},
    terminal::Io,
};
use premaster::{
    ClientConfig, ServerConfig, Stream,
    identity::{ChainVerifier, Credentials, Roots},
};
use premaster_trace::{Recorder, Reveal, Trace};
use std::{
    io::{self, Read},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

/// The trace, and what the connection failed with if it did.
pub(super) fn run(
    target: Option<&Target>,
    args: &Args,
    reveal: Reveal,
    io: &mut Io,
) -> Result<(Trace, Option<Failure>), Failure> {
    let recorder = Arc::new(Recorder::timed());
    let policy = args.policy.policy(false)?;
    let builder = ClientConfig::builder()
        .policy(policy.clone())
        .alpn(args.policy.protocols())
        .observer(recorder.clone());
    let timeout = args.time.duration();
    let (transport, name, config, server, title) = match target {
        Some(target) => {
            let name =
                args.trust.name.as_deref().map_or_else(|| target.server_name(), target::server_name)?;
            let credentials = args.credential.credentials()?;
            let mut builder = builder.verifier(args.trust.verifier(io)?).credentials(credentials);
            if let Some(opt_in) = args.policy.opt_in(&name.to_str()) {
                builder = builder.allow_legacy(opt_in);
            }
            (target.connect(timeout)?, name, builder, None, target.to_string())
        }
        None => {
            let authority = Authority::new()?;
            let credential = authority.issue(&["localhost".into()])?;
            let mut config = ServerConfig::builder()
                .policy(policy)
                .alpn(args.policy.protocols())
                .credentials(Credentials::always(credential))
                .observer(recorder.clone());
            let mut builder = builder;
            if let Some(opt_in) = args.policy.opt_in_for_all() {
                builder = builder.allow_legacy(opt_in.clone());
                config = config.allow_legacy(opt_in);
            }
            let config = Arc::new(config.build().map_err(|error| contradictory(&error))?);
            let mut roots = Roots::new();
            let _ = roots.add(authority.certificate());
            let (transport, server) = embedded(config, timeout)?;
            let name = target::server_name("localhost")?;
            let title = "a client and a server inside this process, over loopback TCP".to_owned();
            (transport, name, builder.verifier(ChainVerifier::new(roots)), Some(server), title)
        }
    };
    let config = Arc::new(config.build().map_err(|error| contradictory(&error))?);
    let _ = transport.set_read_timeout(Some(timeout));
    let outcome = Stream::connect(config, name, transport).and_then(|mut stream| stream.close());
    if let Some(server) = server {
        // It has said all it will: its end of the connection is closed, or has timed out.
        let _ = server.join();
    }
    let failure = outcome.err().map(|error| {
        let lost =
            diagnosis::lost_with(error.kind()).filter(|_| Stream::<TcpStream>::error(&error).is_none());
        let target = target.filter(|_| !args.no_probe);
        let diagnosis = diagnosis::of_client(&recorder, target, lost);
        let failure = match Stream::<TcpStream>::error(&error) {
            Some(error) => Failure::tls("the handshake failed", error),
            None => Failure::new(ExitCode::Network, "the connection was lost").why(error),
        };
        failure.diagnosed(diagnosis.as_ref())
    });
    Ok((recorder.trace(&title, reveal), failure))
}

/// A server that takes one connection, and the client's end of it.
fn embedded(config: Arc<ServerConfig>, timeout: Duration) -> Result<(TcpStream, JoinHandle<()>), Failure> {
    let failed =
        |error: io::Error| Failure::new(ExitCode::Network, "no connection on this machine").why(error);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let server = std::thread::spawn(move || {
        let Ok((transport, _)) = listener.accept() else { return };
        let _ = transport.set_read_timeout(Some(timeout));
        // What the client hears of a failure is what matters here.
        let Ok(mut stream) = Stream::accept(config, transport) else { return };
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.close();
    });
    Ok((TcpStream::connect(address).map_err(failed)?, server))
}
