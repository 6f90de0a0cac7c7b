//! TCP connections: which segments belong together, and which of them carry TLS.
use crate::{
    Limits,
    link::Segment,
    reason::Reason,
    reassembly::{Loss, Piece, Reassembler},
    report::{Ending, Outcome, Session},
    tls::{Context, Tls},
};
use premaster::{
    observe::Tap,
    wire::{ContentType, Side, record::Impostor},
};
use std::{net::SocketAddr, time::Duration};

/// How many bytes of a stream that does not look like TLS are searched for a ClientHello: after STARTTLS or
/// CONNECT it comes late.
const SEARCH: u64 = 1 << 16;

/// How many losses are remembered for the report.
const MAX_LOSSES: usize = 64;

/// One end of a connection is told from the other by who opened it; who the TLS client is comes out later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the end that opened the connection, or that was seen first.
    Forth,
    /// From the other.
    Back,
}

/// A TCP connection.
pub(crate) struct Flow {
    /// Its number.
    pub(crate) stream: u32,
    /// Who opened it.
    pub(crate) from: SocketAddr,
    /// The number of the packet that it was last seen with.
    pub(crate) last_seen: u64,
    pub(crate) tap: Tap,
    forth: Direction,
    back: Direction,
    stage: Stage,
    losses: Vec<(Way, Loss)>,
    reset: bool,
    ended: Option<(Way, Ending)>,
}

struct Direction {
    stream: Reassembler,
    initial: Option<u32>,
    /// What came before it was clear what it is.
    early: Vec<u8>,
    early_offset: u64,
    start: Option<Start>,
    ended: bool,
}

/// What the first bytes of a direction are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    ClientHello,
    /// Another record of TLS.
    Record,
    Other(Option<Impostor>),
}

enum Stage {
    /// Nobody has sent a ClientHello.
    Searching(Box<Session>),
    Tls {
        tls: Box<Tls>,
        client: Way,
    },
    /// Nothing more will be read.
    Done(Box<Session>),
    Over,
}

impl Flow {
    pub(crate) fn new(
        stream: u32,
        (from, to): (SocketAddr, SocketAddr),
        time: Duration,
        tap: Tap,
        limits: &Limits,
    ) -> Self {
        Self {
            stream,
            from,
            last_seen: 0,
            tap,
            forth: Direction::new(limits),
            back: Direction::new(limits),
            stage: Stage::Searching(Box::new(Session::new(stream, from, to, time))),
            losses: Vec::new(),
            reset: false,
            ended: None,
        }
    }

    fn direction(&mut self, way: Way) -> &mut Direction {
        match way {
            Way::Forth => &mut self.forth,
            Way::Back => &mut self.back,
        }
    }

    /// Whether a SYN like this one starts a new connection between the same two ends.
    pub(crate) fn is_reused_by(&self, way: Way, segment: &Segment<'_>) -> bool {
        let direction = match way {
            Way::Forth => &self.forth,
            Way::Back => &self.back,
        };
        let other = |initial| initial != segment.sequence;
        segment.syn && !segment.ack && direction.initial.map_or(direction.stream.is_started(), other)
    }

    /// How much memory it holds.
    pub(crate) fn held(&self) -> usize {
        let streams = self.forth.held() + self.back.held();
        streams
            + match &self.stage {
                Stage::Tls { tls, .. } => tls.held(),
                _ => 0,
            }
    }

    /// Whether what became of it was told.
    pub(crate) const fn is_reported(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Whether both ends have said all they had to say, and nobody was told yet.
    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.stage, Stage::Over) && (self.reset || self.forth.ended && self.back.ended)
    }

    /// A segment.
    pub(crate) fn segment(
        &mut self,
        way: Way,
        segment: &Segment<'_>,
        time: Duration,
        context: &mut Context<'_>,
    ) {
        if let Some(session) = self.session() {
            session.time.1 = session.time.1.max(time);
        }
        let stream = &mut self.direction(way).stream;
        let mut sequence = segment.sequence;
        if segment.syn {
            stream.start(sequence);
            sequence = sequence.wrapping_add(1);
            self.direction(way).initial = Some(segment.sequence);
        }
        let idle = matches!(self.stage, Stage::Done(_) | Stage::Over);
        if !idle && (!segment.payload.is_empty() || segment.cut > 0) {
            self.feed(way, time, context, |stream, take| {
                stream.push(sequence, segment.payload, segment.cut, take);
            });
        }
        let direction = self.direction(way);
        if segment.fin {
            direction.stream.finish_at(sequence, segment.payload.len() + segment.cut);
        }
        if idle && segment.fin || direction.stream.is_complete() {
            direction.ended = true;
        }
        self.reset |= segment.rst;
        let ending = if segment.rst { Ending::Reset } else { Ending::Closed };
        if segment.fin || segment.rst {
            self.ended.get_or_insert((way, ending));
        }
    }

    /// Lets `act` work on a stream, and takes what comes out of it.
    fn feed(
        &mut self,
        way: Way,
        time: Duration,
        context: &mut Context<'_>,
        act: impl FnOnce(&mut Reassembler, &mut dyn FnMut(Piece<'_>)),
    ) {
        let limit = context.limits.reassembly;
        let mut stream = std::mem::replace(&mut self.direction(way).stream, Reassembler::new(limit));
        act(&mut stream, &mut |piece| self.piece(way, piece, time, context));
        self.direction(way).stream = stream;
    }

    fn piece(&mut self, way: Way, piece: Piece<'_>, time: Duration, context: &mut Context<'_>) {
        if let Piece::Lost(loss) = piece
            && self.losses.len() < MAX_LOSSES
        {
            self.losses.push((way, loss));
        }
        match (&mut self.stage, piece) {
            (Stage::Tls { tls, client }, Piece::Data { offset, bytes }) => {
                tls.push(side(way, *client), offset, bytes, time, context);
            }
            (Stage::Tls { tls, client }, Piece::Lost(loss)) => tls.lost(side(way, *client), loss, context),
            (Stage::Searching(_), Piece::Data { offset, bytes }) => {
                self.search(way, offset, bytes, time, context);
            }
            (Stage::Searching(_), Piece::Lost(loss)) => {
                let direction = self.direction(way);
                direction.early.clear();
                direction.early_offset = loss.offset + loss.len;
            }
            (Stage::Done(_) | Stage::Over, _) => {}
        }
    }

    /// Looks for a ClientHello.
    fn search(&mut self, way: Way, offset: u64, bytes: &[u8], time: Duration, context: &mut Context<'_>) {
        let direction = self.direction(way);
        // What does not start with a record is searched segment by segment: a ClientHello starts one.
        let restart = matches!(direction.start, Some(Start::Other(_))) && is_client_hello(bytes);
        if direction.early.is_empty() || restart {
            direction.early.clear();
            direction.early_offset = offset;
            if restart {
                direction.start = None;
            }
        }
        let is_other = matches!(direction.start, Some(Start::Other(_)));
        if !is_other {
            let room = context.limits.waiting.saturating_sub(direction.early.len());
            direction.early.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
            if direction.start.is_none() || direction.early.len() >= 6 {
                direction.start = direction.start.or_else(|| recognize(&direction.early));
            }
        }
        match direction.start {
            Some(Start::ClientHello) => self.begin(way, time, context),
            Some(Start::Other(_)) => {
                direction.early.clear();
                if offset > SEARCH {
                    self.give_up();
                }
            }
            Some(Start::Record) if direction.early.len() >= context.limits.waiting => self.give_up(),
            _ => {}
        }
    }

    /// `client` has sent a ClientHello: everything so far goes to the session.
    fn begin(&mut self, client: Way, time: Duration, context: &mut Context<'_>) {
        let Stage::Searching(mut session) = std::mem::replace(&mut self.stage, Stage::Over) else { return };
        if client == Way::Back {
            let session = &mut *session;
            std::mem::swap(&mut session.client, &mut session.server);
        }
        let mut tls = Box::new(Tls::new(session));
        for way in [client, other(client)] {
            let direction = self.direction(way);
            let early = std::mem::take(&mut direction.early);
            if !matches!(direction.start, Some(Start::Other(_))) {
                tls.push(side(way, client), direction.early_offset, &early, time, context);
            }
        }
        self.stage = Stage::Tls { tls, client };
    }

    fn give_up(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Searching(mut session) => {
                session.outcome = Outcome::Closed(self.verdict());
                Stage::Done(session)
            }
            stage => stage,
        };
        self.forth.early = Vec::new();
        self.back.early = Vec::new();
    }

    /// What a stream without a ClientHello is.
    fn verdict(&self) -> Reason {
        let starts = [self.forth.start, self.back.start];
        if starts.contains(&Some(Start::Record)) {
            return Reason::HandshakeNotCaptured;
        }
        let instead = starts.into_iter().find_map(|start| match start {
            Some(Start::Other(instead)) => instead,
            _ => None,
        });
        Reason::NotTls { instead }
    }

    fn session(&mut self) -> Option<&mut Session> {
        match &mut self.stage {
            Stage::Searching(session) | Stage::Done(session) => Some(session),
            Stage::Tls { tls, .. } => Some(&mut tls.session),
            Stage::Over => None,
        }
    }

    /// The end of the connection, or of the capture. Answers the report, unless no data was ever seen.
    pub(crate) fn finish(&mut self, context: &mut Context<'_>) -> Option<Session> {
        let time = self.session().map_or(Duration::ZERO, |session| session.time.1);
        for way in [Way::Forth, Way::Back] {
            self.feed(way, time, context, Reassembler::finish);
        }
        let saw_data = self.forth.stream.offset() + self.back.stream.offset() > 0;
        let mut session = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Tls { tls, client } => {
                let mut session = tls.finish(context);
                session.ended = self.ended.map(|(way, ending)| (side(way, client), ending));
                session.losses = self.losses.iter().map(|&(way, loss)| (side(way, client), loss)).collect();
                return Some(session);
            }
            Stage::Searching(mut session) => {
                session.outcome = Outcome::Closed(self.verdict());
                *session
            }
            Stage::Done(session) => *session,
            Stage::Over => return None,
        };
        session.ended = self.ended.map(|(way, ending)| (side(way, Way::Forth), ending));
        session.losses = self.losses.iter().map(|&(way, loss)| (side(way, Way::Forth), loss)).collect();
        saw_data.then_some(session)
    }
}

impl Direction {
    fn new(limits: &Limits) -> Self {
        Self {
            stream: Reassembler::new(limits.reassembly),
            initial: None,
            early: Vec::new(),
            early_offset: 0,
            start: None,
            ended: false,
        }
    }

    fn held(&self) -> usize {
        self.stream.held() + self.early.len()
    }
}

/// What the first bytes of a stream are, once there are six.
fn recognize(bytes: &[u8]) -> Option<Start> {
    let head: &[u8; 6] = bytes.first_chunk()?;
    if is_client_hello(head) {
        return Some(Start::ClientHello);
    }
    let [content_type, 3, 0..=4, high, low, _] = *head else {
        return Some(Start::Other(Impostor::recognize(head.first_chunk()?)));
    };
    let is_record = ContentType::KNOWN.contains(&ContentType(content_type));
    match is_record && u16::from_be_bytes([high, low]) <= (1 << 14) + 2048 {
        true => Some(Start::Record),
        false => Some(Start::Other(None)),
    }
}

/// The header of a handshake record, and the type of a ClientHello.
const fn is_client_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [22, 3, 0..=4, _, _, 1, ..])
}

const fn other(way: Way) -> Way {
    match way {
        Way::Forth => Way::Back,
        Way::Back => Way::Forth,
    }
}

fn side(way: Way, client: Way) -> Side {
    if way == client { Side::Client } else { Side::Server }
}
