//! What a hello may say without meaning it (RFC 8701), in what order, and how large records it lets come (RFC 8449,
//! RFC 6066 section 4).
#![cfg(feature = "legacy")]
mod common;
mod puppet;

use common::{Authority, Key, Pair, client_config, server_config};
use premaster::{
    ClientConfig, Policy,
    config::{ClientConfigBuilder, ClientResumption, ConfigError, ServerSessions},
    error::Misbehaved,
    identity::Credential,
    observe::{At, Direction, Event, Observer},
    resume::{Rotation, SessionCache, TicketKeys},
    wire::{
        AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup,
        ProtocolVersion,
        extension::{self, KeyShareClientHello, MaxFragmentLength, RecordSizeLimit, push},
        is_grease,
        message::ClientHello,
    },
};
use puppet::{Part, Puppet, Say, V12, V13};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const VERSIONS: [ProtocolVersion; 2] = [V13, V12];

/// The hellos and tickets that were sent, and how long the protected records' contents were.
#[derive(Default)]
struct Heard {
    messages: Mutex<Vec<Vec<u8>>>,
    lengths: Mutex<Vec<usize>>,
}

impl Observer for Heard {
    fn observe(&self, _: At<'_>, event: Event<'_>) {
        match event {
            Event::Message { direction: Direction::Sent, bytes } => {
                self.messages.lock().unwrap().push(bytes.to_vec());
            }
            Event::Content { direction: Direction::Sent, plaintext, epoch, .. }
                if epoch != premaster::observe::Epoch::Plaintext =>
            {
                self.lengths.lock().unwrap().push(plaintext.len());
            }
            _ => {}
        }
    }
}

impl Heard {
    fn of(&self, kind: HandshakeType) -> Vec<Vec<u8>> {
        let messages = self.messages.lock().unwrap();
        messages.iter().filter(|message| message[0] == kind.0).map(|message| message[4..].to_vec()).collect()
    }

    fn hellos(&self) -> Vec<Vec<u8>> {
        self.of(HandshakeType::CLIENT_HELLO)
    }
}

struct House {
    authority: Authority,
    credential: Arc<Credential>,
}

impl House {
    fn new() -> Self {
        let authority = Authority::new();
        let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
        Self { authority, credential }
    }

    fn client(
        &self,
        heard: &Arc<Heard>,
        change: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder,
    ) -> Arc<ClientConfig> {
        client_config(&self.authority, |builder| change(builder.observer(heard.clone())))
    }
}

fn types(hello: &[u8]) -> Vec<ExtensionType> {
    ClientHello::decode(hello).unwrap().extensions.iter().map(|(extension, _)| extension).collect()
}

/// How many values that mean nothing a hello has: suites, groups, schemes, versions, shares and extensions.
fn greased(hello: &[u8]) -> [usize; 6] {
    let hello = ClientHello::decode(hello).unwrap();
    let count = |codes: Vec<u16>| codes.into_iter().filter(|code| is_grease(*code)).count();
    let extensions = &hello.extensions;
    let groups = extensions.get::<extension::SupportedGroups<'_>>().unwrap().unwrap().named_group_list;
    let schemes = extensions.get::<extension::SignatureAlgorithms<'_>>().unwrap().unwrap();
    let versions = extensions.get::<extension::SupportedVersionsClientHello<'_>>().unwrap();
    let shares = extensions.get::<KeyShareClientHello<'_>>().unwrap();
    [
        count(hello.cipher_suites.iter().map(|suite| suite.0).collect()),
        count(groups.iter().map(|group| group.0).collect()),
        count(schemes.supported_signature_algorithms.iter().map(|scheme| scheme.0).collect()),
        count(versions.iter().flat_map(|list| list.versions.to_vec()).map(|version| version.0).collect()),
        count(
            shares.iter().flat_map(|list| list.client_shares.to_vec()).map(|share| share.group.0).collect(),
        ),
        count(extensions.iter().map(|(extension, _)| extension.0).collect()),
    ]
}

#[test]
fn grease_is_everywhere_if_asked_for_and_changes_nothing() {
    let house = House::new();
    let server = server_config(house.credential.clone(), |builder| builder.grease(true));
    for version in VERSIONS {
        for _ in 0..20 {
            let heard = Arc::new(Heard::default());
            let policy = Policy::MODERN.with_versions(&[version]);
            let client = house.client(&heard, |builder| builder.policy(policy.clone()).grease(true));
            Pair::new(client, server.clone()).handshake().unwrap().exchange_and_close();
            let in_tls13 = usize::from(version == V13);
            assert_eq!(greased(&heard.hellos()[0]), [1, 1, 1, in_tls13, in_tls13, 2]);
        }
        let heard = Arc::new(Heard::default());
        let client = house.client(&heard, |builder| builder.policy(Policy::MODERN.with_versions(&[version])));
        Pair::new(client, server.clone()).handshake().unwrap();
        assert_eq!(greased(&heard.hellos()[0]), [0; 6], "{version}");
    }
}

#[test]
fn a_second_hello_repeats_grease_and_order() {
    let house = House::new();
    let server = server_config(house.credential.clone(), |builder| {
        builder.policy(Policy::MODERN.with_groups(&[NamedGroup::secp384r1]))
    });
    for _ in 0..20 {
        let heard = Arc::new(Heard::default());
        let client = house.client(&heard, |builder| builder.grease(true).permute_extensions(true));
        let pair = Pair::new(client, server.clone()).handshake().unwrap();
        assert!(pair.client.connection.info().unwrap().hello_retry);
        let hellos = heard.hellos();
        assert_eq!(types(&hellos[0]), types(&hellos[1]));
        assert_eq!(greased(&hellos[1]), [1, 1, 1, 1, 0, 2], "one share, the one that was asked for");
    }
}

#[test]
fn extensions_change_places_and_the_pre_shared_key_stays_last() {
    let house = House::new();
    let keys = TicketKeys::rotating(Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200)));
    let sessions = ServerSessions::none().with_tickets(Arc::new(keys));
    let server = server_config(house.credential.clone(), |builder| builder.sessions(sessions).grease(true));
    let heard = Arc::new(Heard::default());
    let client = house.client(&heard, |builder| {
        builder.permute_extensions(true).resumption(ClientResumption::with(Arc::new(SessionCache::default())))
    });
    for _ in 0..6 {
        Pair::new(client.clone(), server.clone()).handshake().unwrap();
    }
    let orders: Vec<_> = heard.hellos().iter().map(|hello| types(hello)).collect();
    for order in &orders[1..] {
        assert_eq!(order.last(), Some(&ExtensionType::PRE_SHARED_KEY), "tickets with grease are kept");
        assert_ne!(order[..order.len() - 1], orders[0], "chance repeats itself once in so many connections");
    }
    let mut sorted = orders[0].clone();
    sorted.sort();
    let heard = Arc::new(Heard::default());
    Pair::new(house.client(&heard, |builder| builder), server).handshake().unwrap();
    let mut plain = types(&heard.hellos()[0]);
    plain.sort();
    // The one that keeps sessions also says so, for TLS 1.2.
    sorted.retain(|extension| *extension != ExtensionType::SESSION_TICKET);
    assert_eq!(sorted, plain, "the same, in another order");
}

#[test]
fn records_keep_to_the_limits_of_both_sides() {
    let house = House::new();
    for version in VERSIONS {
        let counted = usize::from(version == V13);
        for (of_client, of_server) in [(64, 64), (100, 16385), (16385, 65), (512, 1024)] {
            let [by_client, by_server] = [(); 2].map(|()| Arc::new(Heard::default()));
            let policy = || Policy::MODERN.with_versions(&[version]);
            let client =
                house.client(&by_client, |builder| builder.policy(policy()).record_size_limit(of_client));
            let server = server_config(house.credential.clone(), |builder| {
                builder.policy(policy()).record_size_limit(of_server).observer(by_server.clone())
            });
            let mut pair = Pair::new(client, server).handshake().unwrap();
            let data = vec![7; 40_000];
            for end in [&mut pair.client, &mut pair.server] {
                end.connection.send(&data, &mut end.output).unwrap();
            }
            pair.run().unwrap();
            if version == V13 {
                // The limits outlive a change of keys.
                pair.server.connection.update_keys(true, &mut pair.server.output).unwrap();
                pair.run().unwrap();
                pair.client.connection.send(&data, &mut pair.client.output).unwrap();
                pair.run().unwrap();
                assert_eq!(pair.server.received.len(), 2 * data.len());
            }
            assert_eq!(pair.client.received, data);
            for (heard, limit) in [(by_server, of_client), (by_client, of_server)] {
                let most = (usize::from(limit).min(16384 + counted) - counted).min(16384);
                let longest = heard.lengths.lock().unwrap().iter().copied().max();
                assert_eq!(longest, Some(most), "{version} {of_client} {of_server}");
            }
        }
    }
}

#[test]
fn limits_that_cannot_be_are_refused_at_once() {
    let house = House::new();
    for limit in [0, 63, 16386, u16::MAX] {
        let builder = ClientConfig::builder().verifier(house.authority.verifier());
        let error = builder.record_size_limit(limit).build().unwrap_err();
        assert_eq!(error, ConfigError::BadLimit("record_size_limit"));
    }
}

fn part(version: ProtocolVersion, authority: &Authority, more: Vec<u8>) -> Part {
    let part = match version {
        V13 => Part { suites: vec![CipherSuite::TLS_AES_128_GCM_SHA256], version: V13, ..Part::tls12() },
        _ => Part::tls12(),
    };
    part.certified(authority, Key::EcdsaP256, "localhost").but(|part| part.more = more)
}

const FINISH12: [Say; 4] = [Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished];
const FINISH13: [Say; 2] = [Say::ClientHello, Say::Finished];

/// A client that finishes its handshake after a hello with `more`, and what the server sent it since.
fn connected(house: &House, version: ProtocolVersion, more: Vec<u8>, own: u16) -> (Puppet, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let server = server_config(house.credential.clone(), |builder| {
        builder.record_size_limit(own).observer(heard.clone())
    });
    let mut puppet = Puppet::client(part(version, &house.authority, more), server);
    puppet.says(if version == V13 { &FINISH13 } else { &FINISH12 });
    (puppet, heard)
}

#[test]
fn a_record_beyond_the_limit_is_refused_and_so_is_a_limit_below_64() {
    let house = House::new();
    let limit = |record_size_limit| {
        let mut more = Vec::new();
        push(&mut more, &RecordSizeLimit { record_size_limit });
        more
    };
    for version in VERSIONS {
        let counted = usize::from(version == V13);
        let (puppet, _) = connected(&house, version, limit(63), 100);
        assert_eq!(puppet.error, Some(Misbehaved::BadRecordSizeLimit.into()), "{version}");
        assert_eq!(puppet.alert(), Some(AlertDescription::illegal_parameter));
        let (mut puppet, _) = connected(&house, version, limit(u16::MAX), 100);
        assert!(
            puppet.is_connected(),
            "{version} {:?}: more than the protocol allows is no fault",
            puppet.error
        );
        puppet.record(ContentType::APPLICATION_DATA, &vec![1; 100 - counted]);
        assert_eq!(puppet.error, None, "{version}");
        puppet.record(ContentType::APPLICATION_DATA, &vec![1; 101 - counted]);
        assert_eq!(puppet.error, Some(Misbehaved::RecordTooLong.into()), "{version}");
        // Who set no limit is not held to the server's.
        let (mut puppet, _) = connected(&house, version, Vec::new(), 100);
        puppet.record(ContentType::APPLICATION_DATA, &vec![1; 16384]);
        assert_eq!(puppet.error, None, "{version}");
    }
}

#[test]
fn servers_keep_to_max_fragment_length_unless_the_newer_limit_is_there() {
    let house = House::new();
    for version in VERSIONS {
        let mut more = Vec::new();
        push(&mut more, &MaxFragmentLength::from_bytes(512).unwrap());
        let (mut puppet, heard) = connected(&house, version, more.clone(), 16384);
        assert!(puppet.is_connected(), "{version} {:?}", puppet.error);
        let connection = &mut puppet.victim;
        connection.connection.send(&[1; 2000], &mut connection.output).unwrap();
        assert_eq!(heard.lengths.lock().unwrap().iter().max(), Some(&512), "{version}");
        puppet.record(ContentType::APPLICATION_DATA, &[1; 513]);
        assert_eq!(puppet.error, Some(Misbehaved::RecordTooLong.into()), "{version}");
        push(&mut more, &RecordSizeLimit { record_size_limit: 1000 });
        let (mut puppet, heard) = connected(&house, version, more, 16384);
        let connection = &mut puppet.victim;
        connection.connection.send(&[1; 2000], &mut connection.output).unwrap();
        let most = 1000 - usize::from(version == V13);
        assert_eq!(heard.lengths.lock().unwrap().iter().max(), Some(&most), "{version}");
    }
}

#[test]
fn clients_ask_for_a_max_fragment_length_and_both_keep_to_it() {
    let house = House::new();
    let length = MaxFragmentLength::from_bytes(1024).unwrap();
    for version in VERSIONS {
        for newer in [None, Some(3000)] {
            let [by_client, by_server] = [(); 2].map(|()| Arc::new(Heard::default()));
            let policy = || Policy::MODERN.with_versions(&[version]);
            let client = house.client(&by_client, |builder| {
                let builder = builder.policy(policy()).max_fragment_length(length);
                newer.into_iter().fold(builder, |builder, limit| builder.record_size_limit(limit))
            });
            let server = server_config(house.credential.clone(), |builder| {
                builder.policy(policy()).observer(by_server.clone())
            });
            let mut pair = Pair::new(client, server).handshake().unwrap();
            for end in [&mut pair.client, &mut pair.server] {
                end.connection.send(&[7; 40_000], &mut end.output).unwrap();
            }
            pair.run().unwrap();
            assert_eq!((pair.client.received.len(), pair.server.received.len()), (40_000, 40_000));
            // RFC 8449 section 5: where both sides know the newer limit, the older one says nothing.
            let longest = |heard: &Heard| heard.lengths.lock().unwrap().iter().copied().max();
            let of_server = newer.map_or(1024, |limit| usize::from(limit) - usize::from(version == V13));
            let of_client = newer.map_or(1024, |_| 16384);
            assert_eq!(
                (longest(&by_client), longest(&by_server)),
                (Some(of_client), Some(of_server)),
                "{version}"
            );
        }
    }
}

#[test]
fn a_server_must_answer_the_length_that_it_was_asked_for_and_not_both_limits() {
    let house = House::new();
    let heard = Arc::new(Heard::default());
    let [asked, other] = [512, 1024].map(|bytes| MaxFragmentLength::from_bytes(bytes).unwrap());
    let answers = |length: &MaxFragmentLength, newer: bool| {
        let mut more = Vec::new();
        push(&mut more, length);
        if newer {
            push(&mut more, &RecordSizeLimit { record_size_limit: 1000 });
        }
        let client = house.client(&heard, |builder| {
            let builder = builder.policy(Policy::MODERN.with_versions(&[V12]));
            builder.max_fragment_length(asked).record_size_limit(1000)
        });
        let mut puppet = Puppet::server(part(V12, &house.authority, more), client);
        puppet.says(&[Say::ServerHello]);
        puppet
    };
    assert_eq!(answers(&asked, false).error, None);
    assert_eq!(answers(&other, false).error, Some(Misbehaved::BadMaxFragmentLength.into()));
    let both = answers(&asked, true);
    assert_eq!(both.error, Some(Misbehaved::BothRecordLimits.into()));
    assert_eq!(both.alert(), Some(AlertDescription::illegal_parameter));
}
