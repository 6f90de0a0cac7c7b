//! What crossed the wire: records, and the messages in them.
use super::Logs;
use crate::{
    dissect::{self, Context, Dissected, Protection},
    model::{Field, Flight, Knowledge, Message, Part, Record, Side},
    recorder::Heard,
};
use premaster::{
    observe::Epoch,
    suite::{Protection as Cipher, Suite},
    wire::{ContentType, ProtocolVersion, record::HEADER_LEN},
};

/// What crossed the wire, as the client saw it, or else the server.
pub(crate) struct Wire<'a> {
    records: Vec<Seen<'a>>,
    messages: Vec<Whole>,
}

/// A record, and what it holds if somebody could open it.
struct Seen<'a> {
    sender: Side,
    bytes: &'a [u8],
    content: Option<(ContentType, &'a [u8], Epoch)>,
    /// Whether the sender's keys were installed.
    protected: bool,
    protection: Option<Protection>,
}

/// A message, whichever records it lies in.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    pub(crate) id: String,
    pub(crate) sender: Side,
    pub(crate) dissected: Dissected,
    pub(crate) length: usize,
    /// Whether it is a handshake message.
    pub(crate) handshake: bool,
    /// Whether it is an alert.
    pub(crate) alert: bool,
    /// Whether it crossed the wire encrypted.
    pub(crate) protected: bool,
    /// Where it lies: (index of the record, offset in its content, offset in the message, length).
    places: Vec<Place>,
    pub(crate) knowledge: Option<Knowledge>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    record: usize,
    in_content: usize,
    in_message: usize,
    length: usize,
}

impl Whole {
    /// The first field with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Field> {
        self.dissected.fields.iter().find_map(|field| leaf(field, name))
    }

    /// The first field with this name, whether it has parts or not.
    pub(crate) fn group(&self, name: &str) -> Option<&Field> {
        self.dissected.fields.iter().find_map(|field| field.find(name))
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.dissected.name == name
    }
}

/// The first leaf with this name under a field.
pub(crate) fn leaf<'f>(field: &'f Field, name: &str) -> Option<&'f Field> {
    if field.is_leaf() {
        return (field.name == name).then_some(field);
    }
    field.children.iter().find_map(|child| leaf(child, name))
}

impl<'a> Wire<'a> {
    /// Reads both ends' logs.
    pub(crate) fn assemble(logs: Logs<'a>) -> Self {
        let observed = logs.observed();
        let primary = observed.first().copied().unwrap_or(Side::Client);
        let mut records = seen(logs, primary);
        if let [_, secondary] = *observed {
            let others = seen(logs, secondary);
            for sender in [Side::Client, Side::Server] {
                let mine: Vec<usize> =
                    (0..records.len()).filter(|at| records[*at].sender == sender).collect();
                for (nth, other) in others.iter().filter(|other| other.sender == sender).enumerate() {
                    match mine.get(nth).and_then(|at| records.get_mut(*at)) {
                        // What one end could not open the other may have.
                        Some(record) if record.content.is_none() => record.content = other.content,
                        Some(_) => {}
                        None => records.push(Seen { ..*other }),
                    }
                }
            }
        }
        let mut wire = Self { records, messages: Vec::new() };
        wire.read_messages();
        wire
    }

    /// Joins handshake fragments to messages, and gives every byte of content to one.
    fn read_messages(&mut self) {
        let mut context = Context::default();
        let mut joins = [Join::default(), Join::default()];
        for index in 0..self.records.len() {
            let record = &self.records[index];
            let version = context.version.unwrap_or(ProtocolVersion::TLS_1_2);
            let protection = record.protected.then_some(Protection { version, suite: context.suite });
            let (sender, protected, content) = (record.sender, record.protected, record.content);
            self.records[index].protection = protection;
            let Some((content_type, content, epoch)) = content else { continue };
            let join = &mut joins[usize::from(sender == Side::Server)];
            if content_type == ContentType::HANDSHAKE {
                if join.epoch.is_some_and(|before| before != epoch) {
                    self.leftover(join, &mut context, sender);
                }
                join.epoch = Some(epoch);
                join.protected = protected;
                join.push(index, content);
                while let Some((bytes, places)) = join.pop() {
                    self.handshake(&bytes, places, sender, protected, &mut context);
                }
                continue;
            }
            let dissected = match content_type {
                ContentType::ALERT => dissect::alert(content),
                ContentType::CHANGE_CIPHER_SPEC => dissect::change_cipher_spec(content, &context),
                ContentType::APPLICATION_DATA => dissect::application_data(content),
                _ => dissect::opaque(content),
            };
            if !content.is_empty() {
                let place = Place { record: index, in_content: 0, in_message: 0, length: content.len() };
                self.push(dissected, content.len(), sender, false, protected, vec![place]);
                if let Some(last) = self.messages.last_mut() {
                    last.alert = content_type == ContentType::ALERT;
                }
            }
        }
        for (at, sender) in [Side::Client, Side::Server].into_iter().enumerate() {
            self.leftover(&mut joins[at], &mut context, sender);
        }
    }

    fn leftover(&mut self, join: &mut Join, context: &mut Context, sender: Side) {
        let protected = join.protected;
        if let Some((bytes, places)) = join.rest() {
            self.handshake(&bytes, places, sender, protected, context);
        }
    }

    fn handshake(
        &mut self,
        bytes: &[u8],
        places: Vec<Place>,
        sender: Side,
        protected: bool,
        context: &mut Context,
    ) {
        let wire_side = match sender {
            Side::Client => premaster::wire::Side::Client,
            Side::Server => premaster::wire::Side::Server,
        };
        let dissected = dissect::handshake(bytes, context, wire_side);
        self.push(dissected, bytes.len(), sender, true, protected, places);
    }

    fn push(
        &mut self,
        dissected: Dissected,
        length: usize,
        sender: Side,
        handshake: bool,
        protected: bool,
        places: Vec<Place>,
    ) {
        let id = format!("m{}", self.messages.len() + 1);
        self.messages.push(Whole {
            id,
            sender,
            dissected,
            length,
            handshake,
            alert: false,
            protected,
            places,
            knowledge: None,
        });
    }

    /// The messages, in the order in which they were complete.
    pub(crate) fn messages(&self) -> Vec<Whole> {
        self.messages.clone()
    }

    /// The numbers that the records of one end's log have on the wire, in the order of that log.
    pub(crate) fn order(&self, logs: Logs<'_>, side: Side) -> Vec<usize> {
        let mut counts = [0usize; 2];
        let mut numbers = Vec::new();
        for heard in &logs.of(side).heard {
            let Heard::Record { sent, .. } = heard else { continue };
            let sender = if *sent { side } else { side.peer() };
            let nth = &mut counts[usize::from(sender == Side::Server)];
            let of_sender = self.records.iter().enumerate().filter(|(_, record)| record.sender == sender);
            numbers.push(of_sender.map(|(at, _)| at + 1).nth(*nth).unwrap_or(self.records.len()));
            *nth += 1;
        }
        numbers
    }

    /// Records by sender, with their messages.
    pub(crate) fn flights(&self, messages: &[Whole]) -> Vec<Flight> {
        let mut flights: Vec<Flight> = Vec::new();
        for (index, seen) in self.records.iter().enumerate() {
            let record = record(index, seen, messages);
            match flights.last_mut() {
                Some(flight) if flight.sender == seen.sender => flight.records.push(record),
                _ => flights.push(Flight {
                    number: flights.len() + 1,
                    sender: seen.sender,
                    records: vec![record],
                }),
            }
        }
        flights
    }
}

/// The records of one end's log, each with its content.
fn seen<'a>(logs: Logs<'a>, side: Side) -> Vec<Seen<'a>> {
    let mut records: Vec<Seen<'a>> = Vec::new();
    let mut pending = None;
    let mut installed = [false; 2];
    for heard in &logs.of(side).heard {
        match heard {
            // Content precedes its record when sent, and follows it when received.
            Heard::Content { sent: true, content_type, plaintext, epoch } => {
                pending = Some((*content_type, plaintext.expose(), *epoch));
            }
            Heard::Content { sent: false, content_type, plaintext, epoch } => {
                if let Some(last) = records.last_mut() {
                    last.content = Some((*content_type, plaintext.expose(), *epoch));
                    last.protected = *epoch != Epoch::Plaintext;
                }
            }
            Heard::Record { sent, bytes } => {
                let sender = if *sent { side } else { side.peer() };
                let outer = ContentType(bytes.first().copied().unwrap_or_default());
                let mut content = if *sent { pending.take() } else { None };
                let protected = match content {
                    Some((_, _, epoch)) => epoch != Epoch::Plaintext,
                    None => installed[usize::from(*sent)] && outer != ContentType::CHANGE_CIPHER_SPEC,
                };
                if !protected && content.is_none() {
                    content = bytes.get(HEADER_LEN..).map(|fragment| (outer, fragment, Epoch::Plaintext));
                }
                records.push(Seen { sender, bytes, content, protected, protection: None });
            }
            Heard::Installed { sent, .. } => installed[usize::from(*sent)] = true,
            _ => {}
        }
    }
    records
}

fn record(index: usize, seen: &Seen<'_>, messages: &[Whole]) -> Record {
    let mut fields = dissect::header(seen.bytes);
    let base = if seen.protected { 0 } else { HEADER_LEN };
    if seen.protected || seen.content.is_none() {
        fields.extend(dissect::protected(seen.bytes, seen.protection));
    }
    let mut parts = Vec::new();
    for whole in messages {
        for (nth, place) in whole.places.iter().enumerate().filter(|(_, place)| place.record == index) {
            let (from, to) = (place.in_message, place.in_message + place.length);
            parts.push(Message {
                id: whole.id.clone(),
                name: whole.dissected.name.clone(),
                sender: whole.sender,
                length: whole.length,
                part: (whole.places.len() > 1).then_some(Part { number: nth + 1, of: whole.places.len() }),
                meaning: whole.dissected.meaning.to_owned(),
                rfc: whole.dissected.rfc.to_owned(),
                gist: whole.dissected.identifying.iter().chain(&whole.dissected.gist).cloned().collect(),
                fields: dissect::clip(&whole.dissected.fields, from, to, base + place.in_content),
                knowledge: (nth + 1 == whole.places.len()).then(|| whole.knowledge.clone()).flatten(),
            });
        }
    }
    Record {
        number: index + 1,
        length: seen.bytes.len(),
        protection: seen.protected.then(|| keys_in_words(seen)),
        fields,
        messages: parts,
        trailer: trailer(seen),
    }
}

fn keys_in_words(seen: &Seen<'_>) -> String {
    let sender = seen.sender.name();
    let tls13 = seen.protection.is_some_and(|protection| protection.version == ProtocolVersion::TLS_1_3);
    match seen.content.map(|(_, _, epoch)| epoch) {
        None => "keys that were not seen".to_owned(),
        Some(Epoch::EarlyData) => "the client's early data keys".to_owned(),
        Some(Epoch::Handshake) => format!("the {sender}'s handshake keys"),
        Some(Epoch::Application(0)) if tls13 => format!("the {sender}'s application keys"),
        Some(Epoch::Application(n)) if tls13 => format!("the {sender}'s application keys, update {n}"),
        Some(_) => format!("the {sender}'s write keys"),
    }
}

/// TLS 1.3 hides the type, and perhaps padding, behind the content.
fn trailer(seen: &Seen<'_>) -> Vec<Field> {
    let Some(Protection { version: ProtocolVersion::TLS_1_3, suite: Some(suite) }) = seen.protection else {
        return Vec::new();
    };
    let Some((content_type, content, _)) = seen.content.filter(|_| seen.protected) else { return Vec::new() };
    let inner = seen.bytes.len().saturating_sub(HEADER_LEN + tag_len(suite));
    let padding = inner.saturating_sub(content.len() + 1);
    dissect::trailer(content_type, padding, content.len())
}

const fn tag_len(suite: &Suite) -> usize {
    match suite.protection {
        Cipher::Aead(algorithm) => algorithm.tag_len(),
        Cipher::Cbc { .. } => 0,
    }
}

/// Handshake fragments of one direction, until they are messages.
#[derive(Default)]
struct Join {
    bytes: Vec<u8>,
    /// (record, offset in its content, length), in order.
    segments: Vec<(usize, usize, usize)>,
    epoch: Option<Epoch>,
    protected: bool,
}

impl Join {
    fn push(&mut self, record: usize, content: &[u8]) {
        if !content.is_empty() {
            self.segments.push((record, 0, content.len()));
            self.bytes.extend_from_slice(content);
        }
    }

    fn pop(&mut self) -> Option<(Vec<u8>, Vec<Place>)> {
        let &[_, a, b, c] = self.bytes.first_chunk::<4>()?;
        let length = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
        (self.bytes.len() >= length).then(|| self.split(length))
    }

    fn rest(&mut self) -> Option<(Vec<u8>, Vec<Place>)> {
        (!self.bytes.is_empty()).then(|| self.split(self.bytes.len()))
    }

    fn split(&mut self, length: usize) -> (Vec<u8>, Vec<Place>) {
        let rest = self.bytes.split_off(length);
        let message = std::mem::replace(&mut self.bytes, rest);
        let mut places = Vec::new();
        let mut done = 0;
        while done < length {
            let Some(&(record, in_content, left)) = self.segments.first() else { break };
            let taken = left.min(length - done);
            places.push(Place { record, in_content, in_message: done, length: taken });
            done += taken;
            match taken == left {
                true => drop(self.segments.remove(0)),
                false => self.segments[0] = (record, in_content + taken, left - taken),
            }
        }
        (message, places)
    }
}
