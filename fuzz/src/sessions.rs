//! Sessions as bytes: of a server and of a client, in a cache's file, in tickets, in a store.
use crate::{
    common::{Authority, Key, Pair, client_config, server_config},
    script::Script,
};
use premaster::{
    Policy, Secret,
    config::{ClientResumption, ServerSessions},
    pki_types::UnixTime,
    resume::{ClientSession, ServerSession, SessionCache, TicketKey, TicketKeys, Window},
    wire::ProtocolVersion,
};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

static TICKETS: LazyLock<Arc<TicketKeys>> = LazyLock::new(|| {
    // The key is good for as long as anybody fuzzes.
    let window =
        Window { not_before: at(0), encrypt_until: at(u32::MAX.into()), decrypt_until: at(u32::MAX.into()) };
    let secret: [u8; 32] = std::array::from_fn(|at| at as u8);
    let key = TicketKey::new([7; 16], Secret::from(&secret[..]), window).expect("a key that fits");
    Arc::new(TicketKeys::held([key]))
});

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Reads the rest as what the first byte names.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let which = script.below(4);
    let bytes = script.rest();
    let now = at(1_800_000_000);
    match which {
        0 => {
            let Some(session) = ServerSession::from_bytes(bytes) else { return };
            let again = session.to_bytes().expect("it was short enough");
            assert_eq!(again.expose(), bytes);
        }
        1 => {
            let Some(session) = ClientSession::from_bytes(bytes) else { return };
            let _ = (session.is_expired(now), session.obfuscated_ticket_age(now), session.name.bytes());
            let again = session.to_bytes().expect("it was short enough");
            assert_eq!(again.expose(), bytes);
        }
        2 => {
            let cache = SessionCache::new(8, 2);
            let restored = cache.restore(bytes, now);
            assert!(cache.len() <= 8 && restored.unwrap_or_default() <= bytes.len());
            let again = cache.to_bytes(now);
            let copy = SessionCache::new(8, 2);
            assert!(copy.restore(again.expose(), now).is_some(), "what it writes it can read");
            assert_eq!(copy.len(), cache.len());
        }
        _ => {
            // A session that opens was sealed with the key: by the seeds, or by nobody.
            if let Ok(session) = TICKETS.open(now, bytes) {
                assert!(session.to_bytes().is_some());
            }
        }
    }
}

/// Sessions of both versions, in each form.
pub fn seeds() -> Vec<Vec<u8>> {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    let mut seeds = Vec::new();
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        let cache = Arc::new(SessionCache::new(4, 4));
        let policy = Policy::MODERN.with_versions(&[version]);
        let client = client_config(&authority, |builder| {
            builder.policy(policy).resumption(ClientResumption::with(cache.clone()))
        });
        let server = server_config(credential.clone(), |builder| {
            builder.sessions(ServerSessions::none().with_tickets(TICKETS.clone()))
        });
        Pair::new(client, server).handshake().expect("a handshake");
        let now = UnixTime::now();
        let file = cache.to_bytes(now);
        seeds.push([&[2], file.expose()].concat());
        // The sessions lie in the file one after the other, each after its length.
        for at in 0..file.expose().len() {
            for end in (at..file.expose().len()).rev() {
                let Some(session) = ClientSession::from_bytes(&file.expose()[at..=end]) else { continue };
                seeds.push([&[1], &file.expose()[at..=end]].concat());
                let ticket = session.name.bytes();
                seeds.push([&[3], ticket].concat());
                if let Ok(session) = TICKETS.open(now, ticket) {
                    let bytes = session.to_bytes().expect("it was short enough");
                    seeds.push([&[0], bytes.expose()].concat());
                }
                break;
            }
        }
    }
    seeds
}
