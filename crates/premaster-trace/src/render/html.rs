//! One page that needs nothing else: no network, no script to read it.
use super::schedule::source;
use crate::{
    model::{
        Action, Derivation, Field, Input, KeyPair, KeyPairKind, Message, Moment, SecretLife, Sensitivity,
        Side, Step, Trace,
    },
    sanitize,
};
use askama::Template;

/// One self-contained page.
///
/// # Errors
/// None that is known: writing to a string does not fail.
pub fn html(trace: &Trace) -> askama::Result<String> {
    page(trace).render()
}

#[derive(Template)]
#[template(path = "trace.html")]
struct Page<'t> {
    trace: &'t Trace,
    good: bool,
    facts: Vec<(&'static str, String)>,
    keys: Vec<KeyView>,
    records: Vec<RecordView>,
    after: Vec<StepView>,
    cards: Vec<CardPair>,
    lives: Vec<(&'static str, Vec<LifeView>)>,
    ruler: Vec<SliceView>,
    block_length: usize,
}

struct KeyView {
    id: String,
    title: String,
    kind: &'static str,
    purpose: String,
    sent_in: Option<String>,
    public: String,
    erased: bool,
}

/// A secret, when it was made and when it was erased.
struct LifeView {
    name: String,
    made: MomentView,
    erased: Option<MomentView>,
}

struct MomentView {
    message: Option<String>,
    after: String,
    time: Option<String>,
}

struct StepView {
    side: &'static str,
    kind: &'static str,
    text: String,
    because: Option<String>,
    link: Option<String>,
}

struct RecordView {
    number: usize,
    length: usize,
    from: &'static str,
    to: &'static str,
    protection: Option<String>,
    steps: Vec<StepView>,
    header: Block,
    messages: Vec<MessageView>,
    trailer: Block,
}

struct MessageView {
    anchor: String,
    id: String,
    name: String,
    length: usize,
    part: Option<String>,
    meaning: String,
    rfc: Rfc,
    gist: Vec<String>,
    block: Block,
    knowledge: Vec<(&'static str, String)>,
}

/// Bytes, and what each of them means.
struct Block {
    rows: Vec<Row>,
}

impl Block {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn leaves(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.leaf)
    }
}

struct Row {
    id: String,
    depth: usize,
    leaf: bool,
    tone: usize,
    offset: usize,
    length: usize,
    name: String,
    decoded: Option<String>,
    hex: Option<String>,
    meaning: String,
    /// Whether the meaning is not that of the field around it.
    tells: bool,
    /// Where it stands, if that is not where the field before it stands.
    rfc: Option<Rfc>,
    /// Whether it only says how long something is.
    minor: bool,
    private: bool,
}

struct Rfc {
    text: String,
    link: String,
}

struct CardPair {
    agrees: Option<bool>,
    cards: Vec<Card>,
    commands: Vec<String>,
}

struct Card {
    id: String,
    side: &'static str,
    name: String,
    length: usize,
    formula: String,
    meaning: String,
    rfc: Rfc,
    inputs: Vec<(String, Option<String>)>,
    value: Option<String>,
}

struct SliceView {
    name: String,
    offset: usize,
    length: usize,
    value: Option<String>,
    tone: usize,
}

fn page(trace: &Trace) -> Page<'_> {
    let mut steps = trace.steps.iter().peekable();
    let mut records = Vec::new();
    for flight in &trace.flights {
        for record in &flight.records {
            let mut before = Vec::new();
            while let Some(step) = steps.next_if(|step| step.after_record < record.number) {
                before.push(step);
            }
            let anchor = format!("r{}", record.number);
            records.push(RecordView {
                number: record.number,
                length: record.length,
                from: flight.sender.name(),
                to: flight.sender.peer().name(),
                protection: record.protection.clone(),
                steps: tell(&before),
                header: block(&anchor, &record.fields),
                messages: record.messages.iter().map(message).collect(),
                trailer: block(&format!("{anchor}t"), &record.trailer),
            });
        }
    }
    let rest: Vec<&Step> = steps.collect();
    let block_node = trace.secrets.iter().find(|node| node.name == "key_block");
    Page {
        trace,
        good: trace.summary.is_good(),
        facts: facts(trace),
        keys: trace.keys.iter().map(|key| key_view(trace, key)).collect(),
        records,
        after: tell(&rest),
        cards: cards(trace),
        lives: lives(trace),
        ruler: block_node.map(|node| slices(trace, node.side)).unwrap_or_default(),
        block_length: block_node.map_or(0, |node| node.length),
    }
}

fn lives(trace: &Trace) -> Vec<(&'static str, Vec<LifeView>)> {
    let moment = |moment: &Moment| MomentView {
        message: moment.message.clone(),
        after: moment.after.clone(),
        time: moment.microseconds.map(|micros| format!("{}.{:03} ms", micros / 1000, micros % 1000)),
    };
    let of = |side: Side| {
        let lives = trace.receipt.secrets.iter().filter(move |life| life.side == side);
        let view = |life: &SecretLife| LifeView {
            name: life.name.clone(),
            made: moment(&life.made),
            erased: life.erased.as_ref().map(moment),
        };
        (side.name(), lives.map(view).collect::<Vec<_>>())
    };
    [Side::Client, Side::Server].map(of).into_iter().filter(|(_, lives)| !lives.is_empty()).collect()
}

fn facts(trace: &Trace) -> Vec<(&'static str, String)> {
    let summary = &trace.summary;
    let rows = [
        ("Version", &summary.version),
        ("Cipher suite", &summary.cipher_suite),
        ("Key exchange", &summary.key_exchange),
        ("Signature", &summary.signature_scheme),
        ("Server name", &summary.server_name),
        ("Application", &summary.application_protocol),
        ("Resumption", &summary.resumption),
    ];
    rows.into_iter().filter_map(|(label, value)| Some((label, sanitize::text(value.as_ref()?)))).collect()
}

fn key_view(trace: &Trace, key: &KeyPair) -> KeyView {
    let kind = match key.kind {
        KeyPairKind::Ephemeral => "ephemeral",
        KeyPairKind::LongTerm => "long-term",
    };
    KeyView {
        id: key.id.clone(),
        title: format!("{} {}", key.owner.name(), key.algorithm),
        kind,
        purpose: match key.kind == KeyPairKind::Ephemeral && !trace.observed.contains(&key.owner) {
            true => "Made for this handshake alone, as far as the wire shows; whether it is erased the wire does not show.".to_owned(),
            false => key.purpose.split_once(": ").map_or(key.purpose.clone(), |(_, rest)| capitalized(rest)),
        },
        sent_in: key.sent_in.clone(),
        public: grouped(&key.public),
        erased: key.erased,
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Steps as sentences; derivations in a row become one.
fn tell(steps: &[&Step]) -> Vec<StepView> {
    let mut views: Vec<StepView> = Vec::new();
    let mut run: Option<(Side, Vec<String>)> = None;
    let close = |run: &mut Option<(Side, Vec<String>)>, views: &mut Vec<StepView>| {
        if let Some((side, names)) = run.take() {
            let text = format!("computes {}", names.join(", "));
            views.push(StepView { side: side.name(), kind: "derived", text, because: None, link: None });
        }
    };
    for step in steps {
        if step.action == Action::Derived {
            let name = step.text.split(" = ").next().unwrap_or_default().to_owned();
            if run.as_ref().is_some_and(|(side, _)| *side != step.side) {
                close(&mut run, &mut views);
            }
            let (_, names) = run.get_or_insert_with(|| (step.side, Vec::new()));
            if !names.contains(&name) {
                names.push(name);
            }
            continue;
        }
        close(&mut run, &mut views);
        let text = match step.action {
            Action::Chose => format!("chooses {}", step.text.replacen(": ", " ", 1)),
            _ => step.text.clone(),
        };
        let kind = match step.action {
            Action::MadeKey | Action::ErasedKey => "key",
            Action::Signed | Action::Verified | Action::ExaminedCertificate => "proof",
            Action::Failed | Action::Warned => "bad",
            Action::Established => "good",
            _ => "plain",
        };
        let link = step.about.as_ref().map(|id| format!("key-{id}"));
        let because = step.because.as_deref().filter(|because| !because.is_empty()).map(sanitize::text);
        views.push(StepView { side: step.side.name(), kind, text: sanitize::text(&text), because, link });
    }
    close(&mut run, &mut views);
    views
}

fn message(message: &Message) -> MessageView {
    let part = message.part.filter(|part| part.number > 1);
    let anchor = part.map_or_else(|| message.id.clone(), |part| format!("{}p{}", message.id, part.number));
    let knowledge = message.knowledge.as_ref().map(|knowledge| {
        let say =
            |facts: &[String]| if facts.is_empty() { "nothing new".to_owned() } else { facts.join(", ") };
        vec![
            ("client", say(&knowledge.client)),
            ("server", say(&knowledge.server)),
            ("eavesdropper", say(&knowledge.eavesdropper)),
        ]
    });
    MessageView {
        block: block(&anchor, &message.fields),
        anchor,
        id: message.id.clone(),
        name: sanitize::text(&message.name),
        length: message.length,
        part: message.part.map(|part| format!("part {} of {}", part.number, part.of)),
        meaning: message.meaning.clone(),
        rfc: rfc(&message.rfc),
        gist: message.gist.iter().map(|gist| sanitize::text(gist)).collect(),
        knowledge: knowledge.unwrap_or_default(),
    }
}

fn block(anchor: &str, fields: &[Field]) -> Block {
    let mut rows = Vec::new();
    add_rows(&mut rows, anchor, fields, 0, &mut Around::default());
    Block { rows }
}

/// What was said last, so that it is not said again on each line.
#[derive(Default)]
struct Around<'f> {
    meaning: &'f str,
    rfc: &'f str,
}

fn add_rows<'f>(
    rows: &mut Vec<Row>,
    anchor: &str,
    fields: &'f [Field],
    depth: usize,
    around: &mut Around<'f>,
) {
    for field in fields {
        let minor = field.is_leaf() && ["header", "length", "unused_bits"].contains(&field.name.as_str());
        let tone = rows.iter().filter(|row| row.leaf).count() % 6;
        rows.push(Row {
            id: format!("{anchor}-{}", rows.len()),
            depth: depth.min(14),
            leaf: field.is_leaf(),
            tone,
            offset: field.offset,
            length: field.length,
            name: sanitize::text(&field.name),
            decoded: field.decoded.as_deref().map(sanitize::text),
            hex: field
                .is_leaf()
                .then(|| field.value.as_deref().map_or_else(|| hidden(field.length), grouped)),
            meaning: field.meaning.clone(),
            tells: !minor && field.meaning != around.meaning,
            rfc: (!minor && field.rfc != around.rfc).then(|| rfc(&field.rfc)),
            minor,
            private: field.sensitivity != Sensitivity::Public,
        });
        if !minor {
            around.rfc = &field.rfc;
        }
        let before = std::mem::replace(&mut around.meaning, &field.meaning);
        add_rows(rows, anchor, &field.children, depth + 1, around);
        around.meaning = before;
    }
}

fn hidden(length: usize) -> String {
    match length {
        0..=16 => vec!["··"; length].join(" "),
        _ => format!("{} ({length} bytes, not shown)", ["··"; 8].join(" ")),
    }
}

/// Pairs of digits with blanks between them, so that lines can break.
fn grouped(hex: &str) -> String {
    let mut out = String::with_capacity(hex.len() * 3 / 2);
    for (nth, digit) in hex.chars().enumerate() {
        if nth > 0 && nth % 2 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

fn rfc(text: &str) -> Rfc {
    let mut words = text.split(' ').skip(1);
    let number = words.next().unwrap_or_default();
    let section = words.nth(1).map_or_else(String::new, |section| format!("#section-{section}"));
    Rfc { text: text.to_owned(), link: format!("https://www.rfc-editor.org/rfc/rfc{number}{section}") }
}

fn cards(trace: &Trace) -> Vec<CardPair> {
    let is_card = |node: &&Derivation| node.slice_offset.is_none();
    let first = trace.observed.first().copied().unwrap_or(Side::Client);
    let bare = |node: &Derivation| node.id.split_once('.').map(|(_, rest)| rest.to_owned());
    let mut pairs = Vec::new();
    for mine in trace.secrets.iter().filter(|node| node.side == first).filter(is_card) {
        let theirs = trace.secrets.iter().find(|node| node.side != first && bare(node) == bare(mine));
        let commands = mine.commands.iter().map(|command| command.line.clone()).collect();
        let cards = std::iter::once(mine).chain(theirs).map(card).collect();
        pairs.push(CardPair { agrees: mine.agrees, cards, commands });
    }
    pairs
}

fn card(node: &Derivation) -> Card {
    let inputs = node.inputs.iter().map(|input| {
        let link = match input {
            Input::Secret { id, .. } => id.as_ref().map(|id| format!("secret-{id}")),
            Input::PrivateKey { key } => Some(format!("key-{key}")),
            Input::Wire { message, .. } => Some(message.clone()),
            Input::Transcript { messages, .. } => messages.last().cloned(),
            Input::Constant { .. } => None,
        };
        (source(input), link)
    });
    Card {
        id: node.id.clone(),
        side: node.side.name(),
        name: node.name.clone(),
        length: node.length,
        formula: node.formula.clone(),
        meaning: node.meaning.clone(),
        rfc: rfc(&node.rfc),
        inputs: inputs.collect(),
        value: node.value.as_deref().map(grouped),
    }
}

fn slices(trace: &Trace, side: Side) -> Vec<SliceView> {
    let slices = trace.secrets.iter().filter(|node| node.side == side);
    slices
        .filter_map(|node| Some((node.slice_offset?, node)))
        .enumerate()
        .map(|(nth, (offset, node))| SliceView {
            name: node.name.clone(),
            offset,
            length: node.length,
            value: node.value.as_deref().filter(|value| !value.is_empty()).map(grouped),
            tone: nth % 6,
        })
        .collect()
}
