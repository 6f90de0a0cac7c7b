//! A puppet that knows its keys says what the fuzzer wants, to a real client or server.
use crate::{
    grammar::sentences,
    puppet::{Puppet, Say, change_client_hello, change_server_hello, rebodied},
    script::Script,
    settings::Setting,
};
use premaster::wire::ContentType;

/// Settings, each with its legal orders.
pub(crate) struct Stage(Vec<(Setting, Vec<Vec<Say>>)>);

/// No victim of so few messages has more to say, in bytes.
const MOST_OUTPUT: usize = 1 << 17;
const MOST_STEPS: usize = 100;

/// Says the next message of the order as it is.
const NEXT: u8 = 0;

impl Stage {
    pub(crate) fn new(settings: impl Iterator<Item = Setting>) -> Self {
        let with_orders = settings.map(|setting| {
            let orders = sentences(&setting.rules);
            (setting, orders)
        });
        Self(with_orders.collect())
    }

    pub(crate) fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for (index, (_, orders)) in self.0.iter().enumerate() {
            for (order, says) in orders.iter().enumerate() {
                let tail = vec![NEXT; says.len() + 1];
                seeds.push([&[index as u8, order as u8], &tail[..]].concat());
            }
        }
        seeds
    }
}

/// Plays the setting and the order that the first bytes name, with the changes that the others ask for.
pub(crate) fn play(stage: &Stage, data: &[u8]) {
    let mut script = Script::new(data);
    let (setting, orders) = script.choose(&stage.0);
    let order = script.choose(orders);
    let mut due = order.iter().copied();
    let mut puppet = setting.puppet();
    for _ in 0..MOST_STEPS {
        if script.is_over() || puppet.error.is_some() {
            break;
        }
        step(&mut puppet, &mut due, &mut script);
    }
    check(puppet);
}

fn step(puppet: &mut Puppet, due: &mut impl Iterator<Item = Say>, script: &mut Script<'_>) {
    let version = puppet.part.version;
    match script.byte() % 16 {
        NEXT..=3 => due.next().into_iter().for_each(|say| puppet.say(say)),
        4 => drop(due.next()),
        5 => puppet.say(*script.choose(Puppet::repertoire(puppet.side, version))),
        6 => {
            let content_type = ContentType(20 + script.byte() % 6);
            puppet.record(content_type, script.bytes());
        }
        7 => puppet.raw(script.bytes()),
        8 => use_victim(puppet, script),
        9 => in_pieces(puppet, due.next(), script),
        10..=12 => changed(puppet, due.next(), script, edit_extensions),
        _ => changed(puppet, due.next(), script, edit_bytes),
    }
}

fn changed(
    puppet: &mut Puppet,
    due: Option<Say>,
    script: &mut Script<'_>,
    edit: fn(Say, &[u8], &mut Script<'_>) -> Vec<u8>,
) {
    let Some(say) = due else { return };
    let message = puppet.make(say);
    let mut message = edit(say, &message, script);
    // Several changes to one message are more than one step away from a legal one.
    while script.byte() % 4 == 1 && !script.is_over() {
        message = edit_bytes(say, &message, script);
    }
    puppet.say_bytes(say, &message);
}

/// The bytes, with the length in the header right more often than not.
fn edit_bytes(say: Say, message: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let mut edited = message.to_vec();
    if say == Say::ChangeCipherSpec || message.len() < 4 || script.byte().is_multiple_of(4) {
        script.edit(&mut edited);
        return edited;
    }
    let mut body = edited.split_off(4);
    script.edit(&mut body);
    rebodied(message, &body)
}

fn edit_extensions(say: Say, message: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    match say {
        Say::ClientHello | Say::SecondClientHello => {
            change_client_hello(message, |block| script.edit_block(block))
        }
        Say::ServerHello | Say::HelloRetryRequest => {
            change_server_hello(message, |block| script.edit_block(block))
        }
        Say::EncryptedExtensions => {
            let block = script.edit_block(&message[6..]);
            let body = [&(block.len() as u16).to_be_bytes()[..], &block].concat();
            rebodied(message, &body)
        }
        _ => edit_bytes(say, message, script),
    }
}

/// The message in several records, or together with the next.
fn in_pieces(puppet: &mut Puppet, due: Option<Say>, script: &mut Script<'_>) {
    let Some(say) = due else { return };
    let message = puppet.make(say);
    let at = usize::from(script.word()) % (message.len() + 1);
    let (head, tail) = message.split_at(at);
    puppet.record(ContentType::HANDSHAKE, head);
    match script.below(3) {
        0 => puppet.record(ContentType(20 + script.byte() % 6), script.bytes()),
        1 => puppet.raw(script.bytes()),
        _ => {}
    }
    puppet.record(ContentType::HANDSHAKE, tail);
}

/// What the application does with the victim.
fn use_victim(puppet: &mut Puppet, script: &mut Script<'_>) {
    let victim = &mut puppet.victim;
    // Whatever it answers, it must not be a panic.
    let _ = match script.below(4) {
        0 => victim.connection.send(script.bytes(), &mut victim.output),
        1 => victim.connection.update_keys(true, &mut victim.output),
        2 => victim.connection.export("EXPORTER-fuzz", Some(script.bytes()), &mut [0; 48]),
        _ => {
            victim.connection.close(&mut victim.output);
            Ok(())
        }
    };
    puppet.raw(&[]);
}

fn check(mut puppet: Puppet) {
    puppet.listen();
    assert_eq!(puppet.victim.early, 0, "data before Finished");
    let sent: usize = puppet.wire.iter().map(Vec::len).sum();
    assert!(sent < MOST_OUTPUT, "{sent} bytes");
    let Some(error) = puppet.error else { return };
    let connection = &mut puppet.victim.connection;
    assert!(connection.info().is_none() && !connection.is_handshaking() && !connection.may_send());
    assert!(!error.to_string().is_empty());
    if error.alert().is_some() {
        // It was told, in the clear or under a key; unless it hung up itself, or asked for more than an alert.
        let told = puppet.wire.last().map(|record| record[0]);
        let refused = matches!(error, premaster::Error::Refused(_));
        assert!(refused || matches!(told, Some(21 | 23)), "{error}, and then {told:?}");
    }
    assert_eq!(puppet.victim.take(&[23, 3, 3, 0, 1, 0]), Err(error), "it stays closed");
}
