//! A capture from its first packet to its last.
use crate::{
    CaptureError, Options,
    export::Export,
    flow::{Flow, Way},
    fragments::{Fragment, Fragments},
    input::{Format, Input, Kind, PacketInfo},
    keys::{KeyLogSummary, KeyStore},
    link::{self, Found, Segment, Skip},
    memory::Memory,
    report::{Session, Sink},
    tls::Context,
};
use premaster::{observe::Tap, wire::Side};
use std::{
    collections::{HashMap, VecDeque},
    io::Read,
    net::SocketAddr,
    time::Duration,
};

/// What a capture holds beside sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets.
    pub packets: u64,
    /// Packets with something else than TCP.
    pub not_tcp: u64,
    /// Fragments of IP packets.
    pub fragments: u64,
    /// Those of them that were put together to whole packets.
    pub fragments_joined: u64,
    /// Packets whose headers are cut off or make no sense.
    pub malformed: u64,
    /// Packets of link layers that are not known.
    pub unknown_link: u64,
    /// TCP connections.
    pub streams: u32,
    /// Connections that were given up because there were too many at a time, or too much was held for them.
    pub given_up: u64,
    /// What came of the secrets inside the capture.
    pub embedded: KeyLogSummary,
}

/// Reads a capture, and hands out each session when it is over.
///
/// What is wrong with the capture comes last, as an error, after all that could be read.
///
/// ```no_run
/// use premaster_capture::{Capture, KeyStore, Options};
///
/// let mut keys = KeyStore::new();
/// keys.add_key_log(&std::fs::read("keys.txt")?);
/// for session in Capture::read(std::fs::File::open("capture.pcapng")?, &keys, Options::default())? {
///     let session = session?;
///     match session.outcome.reason() {
///         None => println!("{}: decrypted", session.stream),
///         Some(reason) => println!("{}: {reason}", session.stream),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Capture<'a> {
    input: Input<'a>,
    engine: Engine<'a>,
    error: Option<CaptureError>,
    ended: bool,
}

/// Two ends, in an order that does not depend on who speaks.
type Ends = (SocketAddr, SocketAddr);

struct Engine<'a> {
    keys: &'a KeyStore,
    embedded: KeyStore,
    options: Options<'a>,
    memory: Memory,
    fragments: Fragments,
    flows: HashMap<Ends, Flow>,
    /// What to give up first: each connection once, with the packet that it was last seen with.
    queue: VecDeque<(Ends, u64)>,
    held: usize,
    ready: VecDeque<Session>,
    statistics: Statistics,
}

impl<'a> Capture<'a> {
    /// Starts to read: pcap or pcapng, compressed with gzip or not.
    ///
    /// # Errors
    /// If it is no capture.
    pub fn read(
        source: impl Read + 'a,
        keys: &'a KeyStore,
        options: Options<'a>,
    ) -> Result<Self, CaptureError> {
        let engine = Engine {
            keys,
            embedded: KeyStore::new(),
            options,
            memory: Memory::default(),
            fragments: Fragments::default(),
            flows: HashMap::new(),
            queue: VecDeque::new(),
            held: 0,
            ready: VecDeque::new(),
            statistics: Statistics::default(),
        };
        Ok(Self { input: Input::new(source)?, engine, error: None, ended: false })
    }

    /// How the capture is stored.
    pub fn format(&self) -> Format {
        self.input.format()
    }

    /// What was seen so far.
    pub fn statistics(&self) -> &Statistics {
        &self.engine.statistics
    }

    /// How many bytes of the capture, as it is without compression, are done with.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// How much memory its streams hold at the moment, in bytes.
    pub fn held(&self) -> usize {
        self.engine.held
    }

    /// Reads one block. False at the end.
    fn advance(&mut self) -> Result<bool, CaptureError> {
        let Some(item) = self.input.next()? else { return Ok(false) };
        let engine = &mut self.engine;
        match item.kind {
            Kind::Packet(info) => engine.packet(link::find(info.link, item.data), &info),
            Kind::Secrets => engine.secrets(item.data),
            Kind::PcapHeader { .. } | Kind::Other => {}
        }
        if let Some(export) = &mut engine.options.export {
            export.copy(&item)?;
        }
        Ok(true)
    }
}

/// The secrets inside a capture, and nothing else of it. They should stand before the packets that they open; for
/// captures where they do not, read them first.
///
/// # Errors
/// If it is no capture, or damaged; what was read until then is in `keys`.
pub fn embedded_secrets(source: impl Read, keys: &mut KeyStore) -> Result<KeyLogSummary, CaptureError> {
    let mut input = Input::new(source)?;
    let mut summary = KeyLogSummary::default();
    // The classic format has no room for secrets.
    if input.format() == Format::Pcap {
        return Ok(summary);
    }
    while let Some(item) = input.next()? {
        if matches!(item.kind, Kind::Secrets) {
            summary.add(keys.add_key_log(item.data));
        }
    }
    Ok(summary)
}

impl Iterator for Capture<'_> {
    type Item = Result<Session, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(session) = self.engine.ready.pop_front() {
                return Some(Ok(session));
            }
            if self.ended {
                return self.error.take().map(Err);
            }
            let more = self.advance();
            if !matches!(more, Ok(true)) {
                self.error = more.err();
                self.ended = true;
                self.engine.finish();
                if let Some(Err(error)) = self.engine.options.export.as_mut().map(Export::flush) {
                    self.error.get_or_insert(error);
                }
            }
        }
    }
}

impl Engine<'_> {
    fn secrets(&mut self, log: &[u8]) {
        self.statistics.embedded.add(self.embedded.add_key_log(log));
    }

    fn packet(&mut self, found: Result<Found<'_>, Skip>, info: &PacketInfo) {
        self.statistics.packets += 1;
        match found {
            Ok(Found::Segment(segment)) => self.segment(&segment, info.time),
            Ok(Found::Fragment(fragment)) => self.fragment(&fragment, info.time),
            Err(skip) => self.skip(skip),
        }
    }

    fn fragment(&mut self, fragment: &Fragment<'_>, time: Duration) {
        self.statistics.fragments += 1;
        let Some((payload, pieces)) = self.fragments.push(fragment) else { return };
        self.statistics.fragments_joined += pieces as u64;
        match link::segment(fragment.id.source, fragment.id.destination, &payload, 0) {
            Ok(segment) => self.segment(&segment, time),
            Err(skip) => self.skip(skip),
        }
    }

    const fn skip(&mut self, skip: Skip) {
        let count = match skip {
            Skip::NotTcp => &mut self.statistics.not_tcp,
            Skip::Malformed => &mut self.statistics.malformed,
            Skip::UnknownLink => &mut self.statistics.unknown_link,
        };
        *count += 1;
    }

    fn segment(&mut self, segment: &Segment<'_>, time: Duration) {
        let (source, destination) = (segment.source, segment.destination);
        let ends = (source.min(destination), source.max(destination));
        let way = |flow: &Flow| if flow.from == source { Way::Forth } else { Way::Back };
        if self.flows.get(&ends).is_some_and(|flow| flow.is_reused_by(way(flow), segment)) {
            self.close(ends);
            self.flows.remove(&ends);
        }
        if !self.flows.contains_key(&ends) {
            self.open(ends, segment, time);
        }
        let packet = self.statistics.packets;
        let mut before = 0;
        let over = self.with(ends, |flow, context| {
            before = flow.held();
            flow.last_seen = packet;
            flow.segment(way(flow), segment, time, context);
            (flow.is_over(), flow.held())
        });
        let Some((over, after)) = over else { return };
        self.held = (self.held + after).saturating_sub(before);
        if over {
            self.close(ends);
        }
        while self.held > self.options.limits.total && self.give_up() {}
    }

    /// Lets `act` work on a connection.
    fn with<T>(&mut self, ends: Ends, act: impl FnOnce(&mut Flow, &mut Context<'_>) -> T) -> Option<T> {
        let flow = self.flows.get_mut(&ends)?;
        let mut nobody = ();
        let wanted = self.options.stream.is_none_or(|wanted| wanted == flow.stream);
        let sink: &mut dyn Sink = match &mut self.options.sink {
            Some(sink) if wanted => &mut **sink,
            _ => &mut nobody,
        };
        let tap = flow.tap.clone();
        let keys = [self.keys, &self.embedded];
        let mut context = Context { keys, memory: &mut self.memory, sink, tap, limits: &self.options.limits };
        Some(act(flow, &mut context))
    }

    fn open(&mut self, ends: Ends, segment: &Segment<'_>, time: Duration) {
        while self.flows.len() >= self.options.limits.streams && self.give_up() {}
        let stream = self.statistics.streams;
        self.statistics.streams = stream.saturating_add(1);
        // A SYN with ACK answers: the other end opened the connection.
        let (from, to) = match segment.syn && segment.ack {
            true => (segment.destination, segment.source),
            false => (segment.source, segment.destination),
        };
        let wanted = self.options.stream.is_none_or(|wanted| wanted == stream);
        let options = &mut self.options;
        let observer = match &mut options.observe_each {
            Some(each) if wanted => each(stream),
            _ => options.observer.clone().filter(|_| wanted),
        };
        let tap = match &options.export {
            Some(export) => Tap::new(Some(&export.observer(observer.as_ref())), Side::Client),
            None => Tap::new(observer.as_ref(), Side::Client),
        };
        self.flows.insert(ends, Flow::new(stream, (from, to), time, tap, &self.options.limits));
        self.queue.push_back((ends, self.statistics.packets));
        if self.queue.len() > 2 * self.flows.len() + 1024 {
            let flows = &self.flows;
            let mut kept = std::collections::HashSet::new();
            self.queue.retain(|(ends, _)| flows.contains_key(ends) && kept.insert(*ends));
        }
    }

    /// The connection is over: its report is ready. What is left of it only keeps stray packets from counting as
    /// a new one.
    fn close(&mut self, ends: Ends) {
        let done =
            self.with(ends, |flow, context| (flow.held(), flow.finish(context), flow.stream, flow.held()));
        let Some((before, session, stream, after)) = done else { return };
        self.held = (self.held + after).saturating_sub(before);
        let wanted = self.options.stream.is_none_or(|wanted| wanted == stream);
        self.ready.extend(session.filter(|_| wanted));
    }

    /// Gives up the connection that was not seen for the longest time. False if there is none.
    fn give_up(&mut self) -> bool {
        while let Some((ends, since)) = self.queue.pop_front() {
            let Some(flow) = self.flows.get(&ends) else { continue };
            if flow.last_seen > since {
                let since = flow.last_seen;
                self.queue.push_back((ends, since));
                continue;
            }
            // Of one that is reported, only its stray packets are given up.
            self.statistics.given_up += u64::from(!flow.is_reported());
            self.close(ends);
            self.flows.remove(&ends);
            return true;
        }
        false
    }

    /// The capture is over: so are all connections, in the order in which they were opened.
    fn finish(&mut self) {
        let mut left: Vec<_> = self.flows.iter().map(|(ends, flow)| (flow.stream, *ends)).collect();
        left.sort_unstable_by_key(|(stream, _)| *stream);
        for (_, ends) in left {
            self.close(ends);
        }
        self.flows.clear();
    }
}
