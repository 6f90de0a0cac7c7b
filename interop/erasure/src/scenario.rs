//! What happens in a case, and when the memory is read.
use crate::{
    Failure,
    case::{Case, Opening},
    child::TICKET_KEY_LIFE,
    laboratory::Configs,
    ledger::{Entry, Kind, Ledger},
    memory::{Needles, Place},
    peer::Peer,
    process::Examined,
};
use premaster::{Connection, Output, exchange::Group, observe::Resumed, wire::Side};
use std::{
    collections::BTreeMap,
    net::{TcpListener, TcpStream},
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

/// A case under way.
pub struct Examination {
    case: Case,
    child: Examined,
    ledger: Arc<Ledger>,
    /// Where a server under examination is reached.
    port: u16,
    /// Where a client under examination finds this process.
    listener: TcpListener,
    configs: Configs,
    /// The same without sessions, so that a handshake is a full one.
    strangers: Configs,
    outcome: Outcome,
    /// Whether the keys that seal tickets still may.
    sealing: bool,
}

impl Examination {
    /// Of a process that has started, and listens at the port if it is a server.
    pub fn new(
        case: Case,
        child: Examined,
        ledger: Arc<Ledger>,
        (listener, port): (TcpListener, u16),
        [configs, strangers]: [Configs; 2],
    ) -> Self {
        let outcome = Outcome::new();
        Self { case, child, ledger, port, listener, configs, strangers, outcome, sealing: true }
    }

    /// From the first connection to the end of the keys for tickets.
    ///
    /// # Errors
    /// If it cannot be examined; what is found is no error.
    pub fn run(mut self) -> Result<Outcome, Failure> {
        self.every_point()?;
        Ok(self.outcome)
    }

    /// Whether the process ends with its connection.
    fn is_short_lived(&self) -> bool {
        !self.case.software.obeys() && self.case.side == Side::Client
    }

    fn every_point(&mut self) -> Result<(), Failure> {
        if self.case.software.is_ours() && self.case.side == Side::Server && self.case.tickets {
            self.child.tell("advance 0")?;
            self.child.wait_for("done")?;
            for draw in self.child.take_draws().into_iter().filter(|draw| draw.len() >= 32) {
                self.ledger.add("ticket key", Kind::TicketKey, draw);
            }
        }
        if self.case.exchange.opening == Opening::Pool {
            self.child.tell("fill pool")?;
            self.child.wait_for("done")?;
            let group = self.case.exchange.group.and_then(Group::find).ok_or("no group")?;
            self.ledger.add_ahead(group, self.child.take_draws())?;
        }
        self.whole_connection()?;
        if self.is_short_lived() {
            return Ok(());
        }
        if self.case.tickets {
            self.ledger.next_connection();
            let mut peer = self.connect()?;
            self.agree(&mut peer, Some(Point::Resumed))?;
            self.finish(&mut peer)?;
            if peer.connection.info().is_none_or(|info| info.resumed == Resumed::Full) {
                return Err("the session was not resumed".into());
            }
            self.read(Point::Resumed)?;
            peer.push()?;
            peer.pull_all()?;
            peer.close()?;
            self.ended()?;
            self.read(Point::Closed)?;
        }
        self.configs = std::mem::take(&mut self.strangers);
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
        if self.case.exchange.is_tls13() {
            peer.connection.update_keys(true, &mut peer.output)?;
            self.echo(&mut peer, 1)?;
            self.read(Point::KeyUpdate)?;
        }
        self.echo(&mut peer, 128)?;
        self.read(Point::Megabyte)?;
        if self.is_short_lived() {
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
            if self.is_short_lived() {
                self.child.tell(&"x".repeat(8191))?;
            }
            peer.echo(&line)?;
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<Peer, Failure> {
        let told = self.case.software.obeys();
        let mut output = Output::new();
        if let Some(config) = &self.configs.0 {
            if told {
                self.child.tell("accept")?;
            }
            let socket = TcpStream::connect(("127.0.0.1", self.port))?;
            let connection = Connection::client(config.clone(), "localhost".try_into()?, &mut output)?;
            return Peer::new(connection, output, socket);
        }
        let config = self.configs.1.clone().ok_or("no configuration")?;
        if told {
            self.child.tell(&format!("connect {}", self.listener.local_addr()?.port()))?;
        }
        let (socket, _) = self.listener.accept()?;
        Peer::new(Connection::server(config), output, socket)
    }

    /// Until the examined process has agreed on the secret of the exchange, and waits for more. What is left to
    /// be sent is in the peer's output.
    fn agree(&mut self, peer: &mut Peer, point: Option<Point>) -> Result<(), Failure> {
        let tls13 = self.case.exchange.is_tls13();
        match (self.case.side, tls13) {
            (Side::Server, true) => {
                // A second ClientHello, if the first is not enough.
                while peer.connection.is_handshaking() {
                    peer.push()?;
                    peer.pull(|peer| !peer.connection.is_handshaking() || !peer.output.is_empty())?;
                }
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
                if peer.asks_again() {
                    peer.push()?;
                    peer.pull(|peer| !peer.output.is_empty())?;
                }
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
        let tls13 = self.case.exchange.is_tls13();
        peer.push()?;
        peer.pull(|peer| !peer.connection.is_handshaking())?;
        if !tls13 {
            peer.push()?;
        }
        Ok(())
    }

    /// Waits until the examined process is done with the connection.
    fn ended(&self) -> Result<(), Failure> {
        if !self.case.software.obeys() {
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
        let waiting = self.ledger.waiting();
        self.ledger.with(|entries, updates| {
            findings.secrets = entries.len();
            let private = |entry: &&Entry| matches!(entry.kind, Kind::Private | Kind::Ahead);
            findings.private = entries.iter().filter(private).count();
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
                let in_use = waiting[*secret]
                    || entries.iter().any(|other| other.bytes() == entry.bytes() && needed(other));
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
        // Those that wait in a pool are told apart by their public halves.
        Kind::Private | Kind::Ahead | Kind::Stage => false,
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
        Kind::External => true,
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
