//! What happens in a case, and when the memory is read.
use crate::{
    Failure,
    case::{Case, Software},
    child::TICKET_KEY_LIFE,
    ledger::{Entry, Kind, Ledger},
    memory::{Needles, Place},
    peer::Peer,
    process::Examined,
};
use premaster::{
    ClientConfig, Connection, Output, ServerConfig,
    config::{ClientResumption, LegacyOptIn, ServerSessions},
    identity::Credentials,
    resume::{Rotation, SessionCache, TicketKeys},
    wire::{ProtocolVersion, Side},
};
use premaster_interop::{Authority, authority::Issued};
use std::{
    collections::BTreeMap,
    net::{TcpListener, TcpStream},
    process::Command,
    sync::Arc,
};

/// When the memory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Both sides share the secret of the exchange.
    Agreed,
    /// Both Finished are verified.
    Finished,
    /// Tickets were sent, or taken.
    Tickets,
    /// Both directions have new keys.
    KeyUpdate,
    /// A megabyte went each way.
    Megabyte,
    /// The connection was closed in order.
    Closed,
    /// A second connection, which resumed the first: after its agreement, its Finished, and its end.
    Resumed,
    /// A handshake whose last message was spoilt.
    Failed,
    /// A handshake that the peer left after the agreement.
    Dropped,
    /// The window of the keys that seal tickets has ended.
    TicketKeysExpired,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Agreed,
        Self::Finished,
        Self::Tickets,
        Self::KeyUpdate,
        Self::Megabyte,
        Self::Closed,
        Self::Resumed,
        Self::Failed,
        Self::Dropped,
        Self::TicketKeysExpired,
    ];

    /// The head of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Finished => "Finished",
            Self::Tickets => "tickets",
            Self::KeyUpdate => "KeyUpdate",
            Self::Megabyte => "1 MB",
            Self::Closed => "closed",
            Self::Resumed => "resumed",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::TicketKeysExpired => "ticket keys expired",
        }
    }

    /// Whether the connection is gone.
    const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Failed | Self::Dropped | Self::TicketKeysExpired)
    }
}

/// Places, by what stands there: the secret's name and shape, and the part of the memory.
pub type Places = BTreeMap<(String, String), usize>;

/// What was found at a point.
#[derive(Default)]
pub struct Findings {
    /// How many secrets were looked for.
    pub secrets: usize,
    /// Of these, the ephemeral private keys.
    pub private: usize,
    /// How many bytes of memory were read.
    pub bytes: u64,
    /// Where something stands that the protocol needs no more.
    pub residue: Places,
    /// Where something stands that it still needs.
    pub in_use: Places,
}

/// What was found at each point of a case.
pub type Outcome = BTreeMap<Point, Findings>;

/// What the examination of every case has in common.
pub struct Laboratory {
    authority: Authority,
    rsa: Issued,
    ec: Issued,
}

impl Default for Laboratory {
    fn default() -> Self {
        let authority = Authority::new();
        let (rsa, ec) =
            (authority.issue(premaster_interop::Key::Rsa2048), authority.issue(premaster_interop::Key::P256));
        Self { authority, rsa, ec }
    }
}

/// How to start the examined process.
pub struct Start<'a> {
    /// The program of this package.
    pub program: &'a std::path::Path,
    /// Whether it deliberately keeps what it should not.
    pub keep: bool,
}

/// This process's configuration, for one side.
type Configs = (Option<Arc<ClientConfig>>, Option<Arc<ServerConfig>>);

struct Examination<'a> {
    case: Case,
    child: Examined,
    ledger: Arc<Ledger>,
    port: u16,
    listener: TcpListener,
    client: Option<Arc<ClientConfig>>,
    server: Option<Arc<ServerConfig>>,
    /// The same without sessions, so that a handshake is a full one.
    strangers: Configs,
    outcome: &'a mut Outcome,
    /// Whether the keys that seal tickets still may.
    sealing: bool,
}

impl Laboratory {
    fn issued(&self, case: &Case) -> &Issued {
        match case.key() {
            premaster_interop::Key::Rsa2048 => &self.rsa,
            _ => &self.ec,
        }
    }

    /// Examines one case.
    ///
    /// # Errors
    /// If it cannot be examined; what is found is no error.
    pub fn examine(&self, case: Case, start: &Start<'_>) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::new();
        let ledger = Arc::new(Ledger::default());
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let child = self.start(&case, start, listener.local_addr()?.port())?;
        let port = match (case.software, case.side) {
            (Software::OpenSsl, Side::Server) => {
                child.wait_for("ACCEPT")?.rsplit(':').next().unwrap_or_default().parse()?
            }
            (Software::OpenSsl, Side::Client) => 0,
            _ => child.wait_for("port ")?.parse()?,
        };
        let (client, server) = self.configure(&case, case.tickets, &ledger)?;
        let strangers = self.configure(&case, false, &ledger)?;
        let mut examination = Examination {
            case,
            child,
            ledger,
            port,
            listener,
            client,
            server,
            strangers,
            outcome: &mut outcome,
            sealing: true,
        };
        examination.run()?;
        drop(examination);
        Ok(outcome)
    }

    /// The other side of a case.
    fn configure(&self, case: &Case, tickets: bool, ledger: &Arc<Ledger>) -> Result<Configs, Failure> {
        let opt_in = LegacyOptIn::for_every_peer("an examination of every exchange");
        if case.side == Side::Server {
            let cache = Arc::new(SessionCache::new(10, 10));
            let resumption = if tickets { ClientResumption::with(cache) } else { ClientResumption::none() };
            let builder = ClientConfig::builder()
                .policy(case.policy())
                .verifier(self.authority.verifier())
                .allow_legacy(opt_in)
                .resumption(resumption)
                .observer(ledger.clone());
            return Ok((Some(Arc::new(builder.build()?)), None));
        }
        let keys = Arc::new(TicketKeys::rotating(Rotation::new(TICKET_KEY_LIFE, TICKET_KEY_LIFE)));
        let sessions = match tickets {
            true => ServerSessions::none().with_tickets(keys),
            false => ServerSessions::none(),
        };
        let builder = ServerConfig::builder()
            .policy(case.policy())
            .credentials(Credentials::always(Arc::new(self.issued(case).credential())))
            .allow_legacy(opt_in)
            .sessions(sessions)
            .observer(ledger.clone());
        Ok((None, Some(Arc::new(builder.build()?))))
    }

    fn start(&self, case: &Case, start: &Start<'_>, port: u16) -> Result<Examined, Failure> {
        let issued = self.issued(case);
        let (certificate, key) =
            (issued.certificate_file.display().to_string(), issued.key_file.display().to_string());
        let ca = self.authority.file().display().to_string();
        if case.software == Software::OpenSsl {
            return Examined::start(&mut openssl(case, &ca, &certificate, &key, port));
        }
        let mut command = Command::new(start.program);
        command.args(["child", &case.to_word(), &ca, &certificate, &key]);
        if start.keep {
            command.arg("keep");
        }
        Examined::start(&mut command)
    }
}

fn openssl(case: &Case, ca: &str, certificate: &str, key: &str, port: u16) -> Command {
    let tls13 = case.version() == ProtocolVersion::TLS_1_3;
    let mut command = Command::new("openssl");
    match case.side {
        Side::Server => {
            command.args(["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key]);
            command.args(["-rev", "-no_cache"]);
            if !case.tickets {
                command.args(["-no_ticket", "-num_tickets", "0"]);
            }
        }
        Side::Client => {
            let address = format!("127.0.0.1:{port}");
            command.args([
                "s_client",
                "-connect",
                &address,
                "-CAfile",
                ca,
                "-servername",
                "localhost",
                "-quiet",
            ]);
            if !case.tickets {
                command.arg("-no_ticket");
            }
        }
    }
    command.arg(if tls13 { "-tls1_3" } else { "-tls1_2" });
    match tls13 {
        true => command.args(["-ciphersuites", case.suite.name()]),
        false => command.args(["-cipher", case.suite.openssl_name]),
    };
    if let Some(group) = case.group {
        let name = premaster_interop::openssl::group_name(group);
        let groups = if name == "P-256" || tls13 { name.to_owned() } else { format!("{name}:P-256") };
        // OpenSSL takes DHE's prime from elsewhere in TLS 1.2.
        if tls13 || !groups.starts_with("ffdhe") {
            command.args(["-groups", &groups]);
        }
    }
    command
}

impl Examination<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        if self.case.software.is_ours() && self.case.side == Side::Server && self.case.tickets {
            self.child.tell("advance 0")?;
            self.child.wait_for("done")?;
            for draw in self.child.take_draws().into_iter().filter(|draw| draw.len() >= 32) {
                self.ledger.add("ticket key", Kind::TicketKey, draw);
            }
        }
        self.whole_connection()?;
        // OpenSSL's client ends with its connection.
        if self.case.software == Software::OpenSsl && self.case.side == Side::Client {
            return Ok(());
        }
        if self.case.tickets {
            self.ledger.next_connection();
            let mut peer = self.connect()?;
            self.agree(&mut peer, Some(Point::Resumed))?;
            self.finish(&mut peer)?;
            self.read(Point::Resumed)?;
            peer.push()?;
            peer.pull_all()?;
            peer.close()?;
            self.ended()?;
            self.read(Point::Closed)?;
        }
        (self.client, self.server) = std::mem::take(&mut self.strangers);
        for point in [Point::Failed, Point::Dropped] {
            self.ledger.next_connection();
            let mut peer = self.connect()?;
            self.agree(&mut peer, None)?;
            if point == Point::Failed {
                peer.push_spoilt()?;
                self.ended()?;
            }
            drop(peer);
            if point == Point::Dropped {
                self.ended()?;
            }
            self.read(point)?;
        }
        if self.case.software.is_ours() && self.case.side == Side::Server && self.case.tickets {
            self.child.tell(&format!("advance {}", 3 * TICKET_KEY_LIFE.as_secs()))?;
            self.child.wait_for("done")?;
            self.child.take_draws();
            self.sealing = false;
            self.read(Point::TicketKeysExpired)?;
        }
        Ok(())
    }

    fn whole_connection(&mut self) -> Result<(), Failure> {
        let mut peer = self.connect()?;
        self.agree(&mut peer, Some(Point::Agreed))?;
        self.finish(&mut peer)?;
        let has_tickets_now = self.case.side == Side::Server && self.case.tickets;
        self.read(if has_tickets_now { Point::Tickets } else { Point::Finished })?;
        peer.push()?;
        peer.pull_all()?;
        if self.case.side == Side::Client && self.case.tickets {
            self.read(Point::Tickets)?;
        }
        if self.case.version() == ProtocolVersion::TLS_1_3 {
            peer.connection.update_keys(true, &mut peer.output)?;
            self.echo(&mut peer, 1)?;
            self.read(Point::KeyUpdate)?;
        }
        self.echo(&mut peer, 128)?;
        self.read(Point::Megabyte)?;
        if self.case.software == Software::OpenSsl && self.case.side == Side::Client {
            return Ok(());
        }
        peer.close()?;
        self.ended()?;
        self.read(Point::Closed)
    }

    /// So many lines of eight kilobytes, there and back.
    fn echo(&mut self, peer: &mut Peer, lines: usize) -> Result<(), Failure> {
        let line = [&[b'x'; 8191][..], b"\n"].concat();
        for _ in 0..lines {
            if self.case.software == Software::OpenSsl && self.case.side == Side::Client {
                self.child.tell(&"x".repeat(8191))?;
            }
            peer.echo(&line)?;
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<Peer, Failure> {
        let told = self.case.software != Software::OpenSsl;
        let mut output = Output::new();
        if let Some(config) = &self.client {
            if told {
                self.child.tell("accept")?;
            }
            let socket = TcpStream::connect(("127.0.0.1", self.port))?;
            let connection = Connection::client(config.clone(), "localhost".try_into()?, &mut output)?;
            return Peer::new(connection, output, socket);
        }
        let config = self.server.clone().ok_or("no configuration")?;
        if told {
            self.child.tell(&format!("connect {}", self.listener.local_addr()?.port()))?;
        }
        let (socket, _) = self.listener.accept()?;
        Peer::new(Connection::server(config), output, socket)
    }

    /// Until the examined process has agreed on the secret of the exchange, and waits for more. What is left to
    /// be sent is in the peer's output.
    fn agree(&mut self, peer: &mut Peer, point: Option<Point>) -> Result<(), Failure> {
        let tls13 = self.case.version() == ProtocolVersion::TLS_1_3;
        match (self.case.side, tls13) {
            (Side::Server, true) => {
                peer.push()?;
                peer.pull(|peer| !peer.connection.is_handshaking())?;
            }
            (Side::Server, false) => {
                peer.push()?;
                peer.pull(|peer| !peer.output.is_empty())?;
                if peer.connection.is_handshaking() {
                    peer.push_record()?;
                }
            }
            (Side::Client, true) => {
                peer.pull(|peer| !peer.output.is_empty())?;
                peer.push_record()?;
            }
            (Side::Client, false) => {
                peer.pull(|peer| !peer.output.is_empty())?;
                let resumed = peer.ends_handshake();
                peer.push()?;
                // The flight that the last one answers: the client shares the secret before it is heard.
                peer.pull(|peer| !peer.connection.is_handshaking() || !peer.output.is_empty())?;
                if resumed {
                    return Ok(());
                }
            }
        }
        point.map_or(Ok(()), |point| self.read(point))
    }

    fn finish(&mut self, peer: &mut Peer) -> Result<(), Failure> {
        // What TLS 1.3 sends after its Finished waits, so that tickets have a moment of their own.
        let tls13 = self.case.version() == ProtocolVersion::TLS_1_3;
        peer.push()?;
        peer.pull(|peer| !peer.connection.is_handshaking())?;
        if !tls13 {
            peer.push()?;
        }
        Ok(())
    }

    /// Waits until the examined process is done with the connection.
    fn ended(&self) -> Result<(), Failure> {
        if self.case.software == Software::OpenSsl {
            return Ok(());
        }
        // In order or not.
        self.child.wait_for("")?;
        Ok(())
    }

    fn read(&mut self, point: Point) -> Result<(), Failure> {
        let (child, ledger) = (&self.child, &self.ledger);
        let (places, bytes) = child.search(|| {
            ledger.add_private(child.take_draws());
            ledger.with(|entries, _| {
                let needle =
                    |(index, entry): (usize, &Entry)| (index, entry.bytes().to_vec(), entry.keys_hmac());
                let all: Vec<_> = entries.iter().enumerate().map(needle).collect();
                Needles::new(all.iter().map(|(index, bytes, hmac)| (*index, &bytes[..], *hmac)))
            })
        })?;
        let findings = self.outcome.entry(point).or_default();
        let present = self.ledger.connection();
        self.ledger.with(|entries, updates| {
            findings.secrets = entries.len();
            findings.private = entries.iter().filter(|entry| entry.kind == Kind::Private).count();
            findings.bytes = bytes;
            let needed = |entry: &Entry| {
                needed(
                    &self.case,
                    self.sealing,
                    entry,
                    entry.connection == present && !point.is_over(),
                    point,
                    updates,
                )
            };
            for Place { secret, form, region, .. } in &places {
                let Some(entry) = entries.get(*secret) else { continue };
                let name = match *form {
                    "" => entry.name.to_owned(),
                    form => format!("{} ({form})", entry.name),
                };
                // A session that is resumed has the secret that it had before.
                let in_use = entries.iter().any(|other| other.bytes() == entry.bytes() && needed(other));
                let to = if in_use { &mut findings.in_use } else { &mut findings.residue };
                *to.entry((name, part(region))).or_default() += 1;
            }
        });
        Ok(())
    }
}

/// Whether the protocol still needs a secret.
fn needed(case: &Case, sealing: bool, entry: &Entry, alive: bool, point: Point, updates: [u64; 2]) -> bool {
    let keeps_sessions = case.side == Side::Client && case.tickets;
    match entry.kind {
        Kind::Private | Kind::Stage => false,
        // Until the other side's Finished.
        Kind::Main | Kind::Handshake => alive && (point == Point::Agreed || point == Point::Resumed),
        Kind::Application(direction, number) => {
            let at = usize::from(direction == premaster::observe::Direction::Received);
            alive && updates[at] == number
        }
        Kind::Exporter => alive,
        // A ticket may come as long as the connection lives.
        Kind::Resumption => alive && keeps_sessions,
        Kind::Psk => keeps_sessions,
        // TLS 1.2 exports keying material from it.
        Kind::Master => alive || keeps_sessions,
        Kind::TicketKey => sealing,
    }
}

/// Which part of the memory, without what differs from run to run.
fn part(region: &str) -> String {
    match region {
        "" => "mapped memory".to_owned(),
        "[stack]" => "stack".to_owned(),
        "[heap]" => "heap".to_owned(),
        name => name.rsplit('/').next().unwrap_or(name).to_owned(),
    }
}
