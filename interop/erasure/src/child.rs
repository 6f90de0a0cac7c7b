//! The process under examination: this library, doing what lines on standard input say.
use crate::{
    Failure,
    case::{Case, Opening},
    laboratory::{external_psk, opt_in},
    mask,
    software::{Files, Software},
};
use premaster::{
    ClientConfig, ServerConfig, Stream,
    config::{ClientResumption, Clock, ServerSessions, SystemClock},
    crypto::random::{Random, RandomFailed, SystemRandom},
    exchange::{EphemeralPool, Group},
    identity::{ChainVerifier, Credential, Credentials, PskSource, Roots},
    pki_types::{ServerName, UnixTime},
    resume::{Rotation, SessionCache, TicketKeys},
    wire::Side,
};
use premaster_tokio::{TlsAcceptor, TlsConnector};
use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The system's randomness, told to the examiner under a mask.
struct Told {
    /// The positive control: what was drawn is kept, as a careless program would.
    kept: Option<Mutex<Vec<Vec<u8>>>>,
}

impl Random for Told {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        SystemRandom.fill(out)?;
        let mut line = Vec::with_capacity(6 + 2 * out.len());
        line.extend_from_slice(b"draw ");
        for (at, byte) in out.iter().enumerate() {
            let masked = mask(at, *byte);
            line.extend([masked >> 4, masked & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        line.push(b'\n');
        io::stdout().write_all(&line).map_err(|_| RandomFailed)?;
        if let Some(kept) = &self.kept {
            kept.lock().map_err(|_| RandomFailed)?.push(out.to_vec());
        }
        Ok(())
    }
}

/// The system's clock, as many seconds ahead as the examiner wants.
#[derive(Default)]
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Option<UnixTime> {
        let now = SystemClock.now()?.as_secs() + self.0.load(Ordering::Relaxed);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now)))
    }
}

/// How long a key seals tickets, and how long it opens them after that.
pub const TICKET_KEY_LIFE: Duration = Duration::from_secs(3600);

/// How many keys are made ahead: fewer than there are handshakes.
const KEYS_AHEAD: usize = 2;

struct Child {
    case: Case,
    clock: Arc<Ahead>,
    random: Arc<Told>,
    ticket_keys: Arc<TicketKeys>,
    pool: Arc<EphemeralPool>,
    client: Option<Arc<ClientConfig>>,
    server: Option<Arc<ServerConfig>>,
    runtime: tokio::runtime::Runtime,
}

/// Runs until standard input ends.
///
/// # Errors
/// Whatever keeps it from starting. A connection that fails is reported, and the next may follow.
pub fn run(case: Case, files: &Files, keep: bool) -> Result<(), Failure> {
    let child = Child::new(case, files, keep)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("port {}", listener.local_addr()?.port());
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        let ended = match line.trim().split_once(' ') {
            None => listener.accept().map_err(Failure::from).and_then(|(socket, _)| child.connection(socket)),
            Some(("connect", port)) => {
                let socket = TcpStream::connect(("127.0.0.1", port.parse()?))?;
                child.connection(socket)
            }
            Some(("fill", _)) => child.pool.fill().map(drop).map_err(|error| format!("{error:?}").into()),
            Some((_, seconds)) => child.advance(seconds.parse()?),
        };
        match ended {
            Ok(()) => println!("done"),
            Err(error) => println!("failed {error}"),
        }
        line.clear();
    }
    Ok(())
}

impl Child {
    fn new(case: Case, files: &Files, keep: bool) -> Result<Self, Failure> {
        let clock = Arc::new(Ahead::default());
        let random = Arc::new(Told { kept: keep.then(Mutex::default) });
        let ticket_keys = Arc::new(TicketKeys::rotating(Rotation::new(TICKET_KEY_LIFE, TICKET_KEY_LIFE)));
        let policy = case.exchange.policy(case.side, true);
        let psk = case.exchange.has_psk().then(|| external_psk(&files.psk));
        let alone = case.exchange.opening == Opening::PskKe;
        let groups =
            case.exchange.group.and_then(Group::find).filter(|_| case.exchange.opening == Opening::Pool);
        let pool = Arc::new(EphemeralPool::with_random(groups, KEYS_AHEAD, random.clone()));
        let (mut client, mut server) = (None, None);
        match case.side {
            Side::Client => {
                let mut roots = Roots::new();
                roots.add_pem(&fs::read(&files.ca)?)?;
                let builder = ClientConfig::builder()
                    .policy(policy)
                    .verifier(ChainVerifier::new(roots))
                    .allow_legacy(opt_in())
                    .external_psks(psk)
                    .allow_psk_ke(alone)
                    .ephemeral_pool(pool.clone())
                    .clock(clock.clone())
                    .random(random.clone());
                let cache = Arc::new(SessionCache::new(10, 10));
                let builder = match case.tickets {
                    true => builder.resumption(ClientResumption::with(cache)),
                    false => builder,
                };
                client = Some(Arc::new(builder.build()?));
            }
            Side::Server => {
                let credential =
                    Credential::from_pem(&fs::read(&files.certificate)?, &fs::read(&files.key)?)?;
                let builder = ServerConfig::builder()
                    .policy(policy)
                    .credentials(Credentials::always(credential))
                    .allow_legacy(opt_in())
                    .external_psks(psk.map_or(PskSource::None, |key| PskSource::These(Arc::new([key]))))
                    .allow_psk_ke(alone)
                    .ephemeral_pool(pool.clone())
                    .clock(clock.clone())
                    .random(random.clone());
                let builder = match case.tickets {
                    true => builder.sessions(ServerSessions::none().with_tickets(ticket_keys.clone())),
                    false => builder,
                };
                server = Some(Arc::new(builder.build()?));
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { case, clock, random, ticket_keys, pool, client, server, runtime })
    }

    /// Lets time pass, and the keys for tickets age.
    fn advance(&self, seconds: u64) -> Result<(), Failure> {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
        let now = self.clock.now().ok_or("no time")?;
        self.ticket_keys.maintain(now, Some(&*self.random));
        Ok(())
    }

    /// A connection from hello to close. Nothing of it is held afterwards.
    fn connection(&self, socket: TcpStream) -> Result<(), Failure> {
        socket.set_nodelay(true)?;
        match self.case.software {
            Software::PremasterTokio => self.runtime.block_on(self.over_tokio(socket)),
            _ => self.blocking(socket),
        }
    }

    fn blocking(&self, socket: TcpStream) -> Result<(), Failure> {
        let mut stream = match (&self.client, &self.server) {
            (Some(config), _) => Stream::connect(config.clone(), name()?, socket)?,
            (_, Some(config)) => Stream::accept(config.clone(), socket)?,
            _ => return Err("no configuration".into()),
        };
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(stream.close()?),
                read => stream.write_all(&buffer[..read])?,
            }
        }
    }

    async fn over_tokio(&self, socket: TcpStream) -> Result<(), Failure> {
        socket.set_nonblocking(true)?;
        let socket = tokio::net::TcpStream::from_std(socket)?;
        match (&self.client, &self.server) {
            (Some(config), _) => {
                echo(TlsConnector::from(config.clone()).connect(name()?, socket).await?).await
            }
            (_, Some(config)) => echo(TlsAcceptor::from(config.clone()).accept(socket).await?).await,
            _ => Err("no configuration".into()),
        }
    }
}

async fn echo(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) -> Result<(), Failure> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(stream.shutdown().await?),
            read => {
                stream.write_all(&buffer[..read]).await?;
                stream.flush().await?;
            }
        }
    }
}

fn name() -> Result<ServerName<'static>, Failure> {
    Ok(ServerName::try_from("localhost")?)
}
