//! The verb `connect`: what `openssl s_client` is for, with a verdict on the certificate and an end.
mod get;
mod report;
mod talk;

use crate::{
    exit::ExitCode,
    failure::Failure,
    link::{Broken, Link},
    options::{CredentialOptions, KeyLogOptions, PolicyOptions, TimeOptions, TrustOptions, contradictory},
    target::{self, Target},
    terminal::Io,
};
use premaster::{ClientConfig, Connection, Output, config::ClientConfigBuilder, pki_types::ServerName};
use report::Report;
use std::sync::Arc;
use tokio::time::Instant;

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster connect example.org
  premaster connect example.org --get / --alpn http/1.1
  premaster connect :8443 --ca ca.pem --tls 1.2 --brief";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server: HOST, HOST:PORT, [ADDRESS]:PORT, :PORT or https://HOST
    pub target: Target,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    credential: CredentialOptions,
    #[command(flatten)]
    key_log: KeyLogOptions,
    #[command(flatten)]
    time: TimeOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// What is sent, and what comes to stdout.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What comes to stdout")]
struct OutputOptions {
    /// Send one HTTP/1.1 GET for this path instead of stdin
    #[arg(long, value_name = "PATH", value_parser = get::parse_path)]
    get: Option<String>,
    /// Print one line about the connection; leave stdin alone
    #[arg(long, conflicts_with = "json")]
    brief: bool,
    /// Print all about the connection as JSON; leave stdin alone
    #[arg(long)]
    json: bool,
}

impl OutputOptions {
    /// Whether stdout is for what was learnt, not for what the server says.
    const fn is_report(&self) -> bool {
        self.brief || self.json
    }
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let name = args.trust.name.as_deref().map_or_else(|| args.target.server_name(), target::server_name)?;
    let config = Arc::new(config(&args, &name, io)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(ExitCode::Bug, "no runtime").why(error))?;
    let mut report = Report::new(&args.target);
    let outcome = runtime.block_on(connect(&args, config, name, &mut report, io));
    // Somebody may still be typing into stdin.
    runtime.shutdown_background();
    report.close(&outcome);
    if args.output.json {
        io.json(&report)?;
    }
    outcome
}

fn config(args: &Args, name: &ServerName<'static>, io: &mut Io) -> Result<ClientConfig, Failure> {
    let mut builder: ClientConfigBuilder = ClientConfig::builder()
        .policy(args.policy.policy()?)
        .verifier(args.trust.verifier(io)?)
        .credentials(args.credential.credentials()?)
        .alpn(args.policy.protocols());
    if let Some(opt_in) = args.policy.opt_in(&name.to_str()) {
        builder = builder.allow_legacy(opt_in);
    }
    if let Some(observer) = args.key_log.observer(io)? {
        builder = builder.observer(observer);
    }
    builder.build().map_err(|error| contradictory(&error))
}

async fn connect(
    args: &Args,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    report: &mut Report,
    io: &mut Io,
) -> Result<ExitCode, Failure> {
    let limit = args.time.duration();
    let deadline = Instant::now() + limit;
    let socket = args.target.connect(limit)?;
    report.address = socket.peer_addr().ok().map(|address| address.to_string());
    let lost = |error| Broken::Socket(error).failure("the socket cannot be used");
    socket.set_nonblocking(true).map_err(lost)?;
    let socket = tokio::net::TcpStream::from_std(socket).map_err(lost)?;
    let mut output = Output::new();
    let failed = |broken: &Broken| broken.failure(format!("the handshake with {} failed", args.target));
    let connection = Connection::client(config, name, &mut output);
    let connection = connection.map_err(|error| failed(&Broken::Tls(error)))?;
    let mut link = Link::new(socket, connection, output);
    let started = Instant::now();
    let done = link.handshake(deadline).await;
    report.traffic(&link, started.elapsed());
    if let Err(broken) = done {
        link.farewell().await;
        report.broken(&broken);
        return Err(failed(&broken));
    }
    report.established(link.connection());
    report.announce(&args.output, io)?;
    let talked = match &args.output.get {
        Some(path) => get::get(&mut link, &args.target, path, limit, &args.output, report, io).await,
        None if args.output.is_report() => talk::part(&mut link, limit).await,
        None => talk::converse(&mut link, limit, io).await,
    };
    link.farewell().await;
    match talked {
        Ok(code) => Ok(code),
        Err(talk::Stopped::Output(failure)) => Err(failure),
        Err(talk::Stopped::Broken(broken)) => {
            report.broken(&broken);
            Err(broken.failure(format!("the connection with {} broke", args.target)))
        }
    }
}
