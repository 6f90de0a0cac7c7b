//! The verb `connect`: what `openssl s_client` is for, with a verdict on the certificate and an end.
mod get;
mod report;
mod talk;

use crate::{
    diagnosis,
    exit::ExitCode,
    failure::Failure,
    link::{Broken, Link},
    notes::Notes,
    options::{
        ClientSessionOptions, CredentialOptions, KeyLogOptions, PolicyOptions, PskOptions, TimeOptions,
        TrustOptions, contradictory,
    },
    target::{self, Target},
    terminal::Io,
};
use premaster::{
    ClientConfig, Connection, Output,
    config::ClientConfigBuilder,
    observe::{Observer, Resumed},
    pki_types::ServerName,
    resume::SessionCache,
};
use premaster_trace::Recorder;
use report::Report;
use std::sync::Arc;
use tokio::time::Instant;

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster connect example.org
  premaster connect example.org --get / --alpn http/1.1
  premaster connect example.org --resume 3
  premaster connect :8443 --ca ca.pem --tls 1.2 --brief";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {
    // Not a doc comment: rustdoc would take the brackets for a link.
    #[arg(help = "The server: HOST, HOST:PORT, [ADDRESS]:PORT, :PORT or https://HOST")]
    pub target: Target,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    credential: CredentialOptions,
    #[command(flatten)]
    psk: PskOptions,
    #[command(flatten)]
    sessions: ClientSessionOptions,
    #[command(flatten)]
    key_log: KeyLogOptions,
    #[command(flatten)]
    time: TimeOptions,
    #[command(flatten)]
    output: OutputOptions,
    /// After a refusal, do not find out with further ClientHellos what the
    /// server would have taken
    #[arg(long)]
    no_probe: bool,
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

impl Args {
    /// Whether stdout is for what was learnt, not for what the server says.
    const fn is_report(&self) -> bool {
        self.output.brief || self.output.json || self.sessions.resume.is_some()
    }
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let name = args.trust.name.as_deref().map_or_else(|| args.target.server_name(), target::server_name)?;
    let notes = Arc::new(Notes::default());
    let cache = args.sessions.cache()?;
    let config = Arc::new(config(&args, &name, cache.as_ref(), &notes, io)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(ExitCode::Bug, "no runtime").why(error))?;
    let mut report = Report::new(&args.target);
    let mut outcome = Ok(ExitCode::Ok);
    for _ in 0..=args.sessions.resume.unwrap_or_default() {
        let attempt = connect(&args, Arc::clone(&config), name.clone(), &notes, &mut report, io);
        outcome = runtime.block_on(attempt);
        report.notes(notes.take());
        if let Err(failure) = &mut outcome {
            report.refused().into_iter().for_each(|line| failure.lines.insert(1, ("certificate", line)));
            break;
        }
    }
    // Somebody may still be typing into stdin.
    runtime.shutdown_background();
    if let Some(cache) = &cache
        && let Err(failure) = args.sessions.save(cache)
    {
        outcome = outcome.and(Err(failure));
    }
    report.close(&outcome);
    if args.output.json {
        io.json(&report)?;
    }
    outcome
}

fn config(
    args: &Args,
    name: &ServerName<'static>,
    cache: Option<&Arc<SessionCache>>,
    notes: &Arc<Notes>,
    io: &mut Io,
) -> Result<ClientConfig, Failure> {
    let mut builder: ClientConfigBuilder = ClientConfig::builder()
        .policy(args.policy.policy(args.psk.is_any())?)
        .verifier(args.trust.verifier(io)?)
        .credentials(args.credential.credentials()?)
        .external_psks(args.psk.keys()?)
        .alpn(args.policy.protocols());
    if let Some(opt_in) = args.policy.opt_in(&name.to_str()) {
        builder = builder.allow_legacy(opt_in);
        args.policy.permission().into_iter().for_each(|said| io.say(said));
    }
    if let Some(cache) = cache {
        builder = builder.resumption(args.sessions.resumption(cache, args.target.port));
    }
    let mut observers: Vec<Arc<dyn Observer>> = vec![Arc::clone(notes) as _];
    observers.extend(args.key_log.observer(io)?);
    builder = builder.observer(Arc::new(observers));
    builder.build().map_err(|error| contradictory(&error))
}

async fn connect(
    args: &Args,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    notes: &Notes,
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
    let recorder = Arc::new(Recorder::for_diagnosis());
    let config = Arc::new((*config).clone().with_observer(recorder.clone()));
    let diagnosed = |broken: &Broken, report: &mut Report, failure: Failure| {
        let target = Some(&args.target).filter(|_| !args.no_probe);
        let diagnosis = diagnosis::of_client(&recorder, target, diagnosis::lost(broken));
        report.broken(broken, diagnosis.clone());
        failure.diagnosed(diagnosis.as_ref())
    };
    let connection = Connection::client(config, name, &mut output);
    let connection = connection.map_err(|error| failed(&Broken::Tls(error)))?;
    let mut link = Link::new(socket, connection, output);
    let request = args.output.get.as_deref().map(|path| get::request(&args.target, path)).unwrap_or_default();
    let sent_early =
        args.sessions.early_data && link.send_early(&request).map_err(|broken| failed(&broken))?;
    let started = Instant::now();
    let done = link.handshake(deadline).await;
    report.traffic(&link, started.elapsed());
    if let Err(broken) = done {
        link.farewell().await;
        return Err(diagnosed(&broken, report, failed(&broken)));
    }
    report.established(link.connection());
    report.notes(notes.take());
    report.diagnosis = diagnosis::of_client(&recorder, None, None);
    report.announce(args, io)?;
    let taken = link.connection().info().is_some_and(|info| info.resumed == Resumed::EarlyData);
    let request = if sent_early && taken { Vec::new() } else { request };
    let talked = match &args.output.get {
        Some(_) => get::get(&mut link, &request, limit, args.is_report(), report, io).await,
        None if args.is_report() => talk::part(&mut link, limit).await,
        None => talk::converse(&mut link, limit, io).await,
    };
    link.farewell().await;
    match talked {
        Ok(code) => Ok(code),
        Err(talk::Stopped::Output(failure)) => Err(failure),
        Err(talk::Stopped::Broken(broken)) => {
            let failure = broken.failure(format!("the connection with {} broke", args.target));
            Err(diagnosed(&broken, report, failure))
        }
    }
}
