//! The verb `serve`: a TLS server for trying things out: a page, files, an echo.
mod accept;
mod content;
mod files;
mod http;
mod page;
mod upkeep;

use crate::{
    authority::Authority,
    exit::ExitCode,
    failure::Failure,
    options::{
        CredentialOptions, KeyLogOptions, PolicyOptions, PskOptions, ServerSessionOptions, TimeOptions,
        contradictory, read_roots,
    },
    terminal::Io,
};
use accept::Limits;
use content::Content;
use premaster::{
    ServerConfig,
    config::{ClientAuthentication, ServerSessions},
    identity::{ChainVerifier, Credential, Credentials},
};
use std::{
    io::Write,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tempfile::NamedTempFile;

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster serve --www
  premaster serve --listen 0.0.0.0:8443 --cert chain.pem --key key.pem --root site
  premaster serve --echo --client-ca ca.pem --require-client-cert
  premaster serve --cert chain.pem --key key.pem --root site \\
    --sessions redis://10.0.0.5:6379/0 --fleet-secret fleet.secret
  premaster serve --www --sessions memory --early-data 4096";

/// Its options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Listen here: ADDRESS:PORT, or :PORT for this machine alone; port 0 takes a
    /// free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443", value_parser = parse_listen)]
    listen: SocketAddr,
    #[command(flatten)]
    content: ContentOptions,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    credential: CredentialOptions,
    #[command(flatten)]
    psk: PskOptions,
    /// Without --cert: make a certificate for this name too (repeatable)
    #[arg(long, value_name = "NAME", conflicts_with = "cert")]
    name: Vec<String>,
    /// Without --cert: write the certificate of the authority made to this file
    /// [default: a temporary one]
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    ca_out: Option<PathBuf>,
    #[command(flatten)]
    clients: ClientOptions,
    #[command(flatten)]
    sessions: ServerSessionOptions,
    /// Let debuggers attach, and the system write core dumps and swap the memory
    #[arg(long)]
    debuggable: bool,
    #[command(flatten)]
    key_log: KeyLogOptions,
    #[command(flatten)]
    time: TimeOptions,
}

/// What clients get.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What clients get")]
struct ContentOptions {
    /// A page that says what was negotiated
    #[arg(long, group = "content")]
    www: bool,
    /// What they sent
    #[arg(long, group = "content")]
    echo: bool,
    /// The files below this directory [default: nothing; what they send comes
    /// to stdout]
    #[arg(long, value_name = "DIR", group = "content")]
    root: Option<PathBuf>,
}

/// Who may come, and how many.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Who may come")]
struct ClientOptions {
    /// Ask clients for a certificate that these roots (PEM) vouch for
    /// (repeatable)
    #[arg(long, value_name = "FILE")]
    client_ca: Vec<PathBuf>,
    /// Refuse clients without one
    #[arg(long, requires = "client_ca")]
    require_client_cert: bool,
    /// Serve at most this many at once; the others wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    at_once: u32,
    /// End after this many connections [default: never]
    #[arg(long, value_name = "N")]
    max_connections: Option<u64>,
    /// Close a connection that has been silent for this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    idle: u32,
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let content = Content::new(&args.content)?;
    // Before there is a key.
    if !args.debuggable {
        io.say(premaster_harden::harden().to_string());
    }
    // The file lives as long as the server.
    let (credential, _file) = credential(&args, io)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(ExitCode::Bug, "no runtime").why(error))?;
    let kept = args.sessions.sessions(&runtime, io)?;
    let config = Arc::new(config(&args, credential, kept.sessions.clone(), io)?);
    runtime.spawn(upkeep::go_on(kept, io.quiet));
    let limits = Limits {
        at_once: args.clients.at_once,
        connections: args.clients.max_connections,
        handshake: args.time.duration(),
        idle: Duration::from_secs(args.clients.idle.into()),
    };
    let code = runtime.block_on(accept::serve(args.listen, config, Arc::new(content), limits, io));
    runtime.shutdown_background();
    code
}

fn config(
    args: &Args,
    credential: Arc<Credential>,
    sessions: ServerSessions,
    io: &mut Io,
) -> Result<ServerConfig, Failure> {
    let mut builder = ServerConfig::builder()
        .policy(args.policy.policy(args.psk.is_any())?)
        .credentials(Credentials::always(credential))
        .external_psks(args.psk.source()?)
        .alpn(args.policy.protocols())
        .sessions(sessions)
        .client_authentication(client_authentication(&args.clients)?);
    if let Some(opt_in) = args.policy.opt_in_for_all() {
        builder = builder.allow_legacy(opt_in);
        args.policy.permission().into_iter().for_each(|said| io.say(said));
    }
    if let Some(observer) = args.key_log.observer(io)? {
        builder = builder.observer(observer);
    }
    builder.build().map_err(|error| contradictory(&error))
}

fn client_authentication(clients: &ClientOptions) -> Result<ClientAuthentication, Failure> {
    if clients.client_ca.is_empty() {
        return Ok(ClientAuthentication::None);
    }
    let verifier = ChainVerifier::new(read_roots(&clients.client_ca)?).into();
    Ok(match clients.require_client_cert {
        true => ClientAuthentication::Required(verifier),
        false => ClientAuthentication::Optional(verifier),
    })
}

/// The credential that was given, or one from an authority made for the occasion, whose certificate is in a file.
fn credential(args: &Args, io: &mut Io) -> Result<(Arc<Credential>, Option<NamedTempFile>), Failure> {
    if let Some(credential) = args.credential.credential()? {
        return Ok((credential, None));
    }
    let authority = Authority::new()?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !args.listen.ip().is_unspecified() && !args.listen.ip().is_loopback() {
        names.push(args.listen.ip().to_string());
    }
    names.extend(args.name.iter().cloned());
    let credential = authority.issue(&names)?;
    let file = match &args.ca_out {
        Some(path) => {
            std::fs::write(path, authority.pem()).map_err(|error| unwritable(path, &error))?;
            io.say(format!("the certificate's authority is in {}", path.display()));
            None
        }
        None => {
            let mut builder = tempfile::Builder::new();
            let file = builder.prefix("premaster-ca-").suffix(".pem").tempfile().and_then(|mut file| {
                file.write_all(authority.pem().as_bytes())?;
                Ok(file)
            });
            let file = file.map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
            io.say(format!("the certificate's authority is in {}", file.path().display()));
            Some(file)
        }
    };
    Ok((credential, file))
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot write {}", path.display()))
        .why(error)
        .remedy("name a file that can be written: --ca-out FILE")
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix(':') {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let mut found = full.to_socket_addrs().map_err(|error| format!("it must be ADDRESS:PORT ({error})"))?;
    found.next().ok_or_else(|| "the name has no address".into())
}
