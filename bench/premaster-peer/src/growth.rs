//! How the cost of things grows with what causes it.
//!
//!     cargo run --release -p premaster-peer --bin growth [-- chains|names|records|connections|tickets|threads]
//!
//! Prints tables. Times are medians; in brackets, what one more of the cause costs. Below each table, whether the cost
//! grew faster than its cause.

use bench_core::{
    alloc, median,
    tls::{self, Cert, Cipher, Kx, RECORD, SLACK, Setup, Version, connect, drop_pair, pki, wires},
};
use bench_pki::Chain;
use premaster::{
    ClientConfig, Policy, Secret, ServerConfig,
    config::{ClientResumption, ServerSessions},
    identity::{ChainVerifier, Credential, Credentials, Roots},
    observe::Resumed,
    pki_types::UnixTime,
    resume::{MemoryStore, SessionCache, TicketKey, TicketKeys, Window},
};
use premaster_peer::{Configs, policy};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

fn main() {
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
    bench_pki::make(Path::new("target/pki"));
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let tables: [(&str, fn()); 6] = [
        ("chains", chains),
        ("names", names),
        ("records", records),
        ("connections", connections),
        ("tickets", tickets),
        ("threads", threads),
    ];
    for (name, table) in tables {
        if name.contains(&wanted) {
            table();
        }
    }
}

/// A cause, and what it cost.
type Points = Vec<(f64, f64)>;

/// How much a cause grew from the first row to the last, and how much its cost.
fn verdict(what: &str, points: &Points) {
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        let (cause, cost) = (last.0 / first.0, last.1 / first.1);
        let faster = if cost <= cause { "no faster" } else { "FASTER" };
        println!("\n{what}: the cause grew {cause:.0}-fold, the cost {cost:.2}-fold: {faster} than its cause.");
    }
}

fn setup(version: Version, resume: bool) -> Setup {
    let all = tls::scenarios();
    let (_, setup) = all.into_iter().find(|(name, _)| *name == "hs13-x25519-ecdsa").unwrap();
    assert_eq!(
        (setup.kx, setup.cert, setup.cipher),
        (Kx::X25519, Cert::Ecdsa, Cipher::Aes128Gcm)
    );
    Setup {
        version,
        resume,
        ..setup
    }
}

fn roots(pem: &[u8]) -> ChainVerifier {
    let mut roots = Roots::new();
    roots.add_pem(pem).unwrap();
    ChainVerifier::new(roots)
}

/// Configurations of both sides, with this policy and these sessions.
fn configs(policy: Policy, sessions: ServerSessions) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let pki = pki(Cert::Ecdsa);
    let credential = Credential::from_pem(&pki.leaf_pem, &pki.key_pem).unwrap();
    let client = ClientConfig::builder()
        .policy(policy.clone())
        .verifier(roots(&pki.root_pem))
        .resumption(ClientResumption::with(Arc::new(SessionCache::new(8, 8))));
    let server = ServerConfig::builder()
        .policy(policy)
        .credentials(Credentials::always(credential))
        .sessions(sessions);
    (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()))
}

/// Median times of handshakes, in microseconds: client, server.
fn handshakes(configs: &Configs, count: usize) -> (f64, f64) {
    let (mut client, mut server, mut wires) = (Vec::new(), Vec::new(), wires());
    for _ in 0..count {
        let (pair, mut cost) = connect(configs, false, &mut wires);
        pair.client.check();
        drop_pair(pair, &mut cost);
        client.push(cost.client.ns / 1e3);
        server.push(cost.server.ns / 1e3);
    }
    (median(&mut client), median(&mut server))
}

/// The size of a chain, and the times of a handshake with it.
fn chain(between: usize, names: usize) -> (usize, (f64, f64)) {
    let chain = Chain::make(between, names);
    let credential = Credential::from_pem(chain.chain_pem.as_bytes(), chain.key_pem.as_bytes()).unwrap();
    let bytes: usize = credential.chain().iter().map(|certificate| certificate.len()).sum();
    let policy = policy(&setup(Version::Tls13, false)).unwrap();
    let client = ClientConfig::builder()
        .policy(policy.clone())
        .verifier(roots(chain.root_pem.as_bytes()));
    let server = ServerConfig::builder()
        .policy(policy)
        .credentials(Credentials::always(credential));
    let (client, server) = (Arc::new(client.build().unwrap()), Arc::new(server.build().unwrap()));
    (bytes, handshakes(&Configs::new(client, server, Resumed::Full), 400))
}

fn chains() {
    println!("\n| authorities between root and leaf | bytes | client, us | server, us |\n|---|---|---|---|");
    let (mut clients, mut servers) = (Points::new(), Points::new());
    for between in [0, 1, 2, 4] {
        let (bytes, (client, server)) = chain(between, 1);
        let certificates = (between + 1) as f64;
        let more = clients.last().zip(servers.last()).map_or(String::new(), |(c, s)| {
            let added = certificates - c.0;
            format!(" ({:.1}; {:.1} each)", (client - c.1) / added, (server - s.1) / added)
        });
        println!("| {between} | {bytes} | {client:.1} | {server:.1}{more} |");
        clients.push((certificates, client));
        servers.push((certificates, server));
    }
    verdict("Client, with the number of certificates", &clients);
    verdict("Server, with the number of certificates", &servers);
}

fn names() {
    println!("\n| names in the leaf | bytes | client, us | server, us |\n|---|---|---|---|");
    let (mut clients, mut servers) = (Points::new(), Points::new());
    for names in [1, 10, 100, 1000] {
        let (bytes, (client, server)) = chain(0, names);
        println!("| {names} | {bytes} | {client:.1} | {server:.1} |");
        clients.push((bytes as f64, client));
        servers.push((bytes as f64, server));
    }
    verdict("Client, with the certificate's bytes", &clients);
    verdict("Server, with the certificate's bytes", &servers);
}

fn records() {
    println!("\n| record, bytes | send, ns | receive, ns | send, GB/s |\n|---|---|---|---|");
    let (client, server) = configs(policy(&setup(Version::Tls13, false)).unwrap(), ServerSessions::none());
    let (mut pair, _) = connect(&Configs::new(client, server, Resumed::Full), false, &mut wires());
    let (mut wire, mut buffer) = (Vec::with_capacity(1 << 15), vec![0; RECORD + SLACK]);
    let (mut sends, mut receives) = (Points::new(), Points::new());
    for len in [64, 256, 1024, 4096, 16384] {
        let data = vec![0x5a; len];
        let (mut send, mut receive) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            wire.clear();
            let start = Instant::now();
            pair.server.send(&data, &mut wire);
            send.push(start.elapsed().as_nanos() as f64);
            pair.server.collect(&mut wire);
            let start = Instant::now();
            assert_eq!(pair.client.recv(&mut wire, &mut buffer, len), len);
            receive.push(start.elapsed().as_nanos() as f64);
        }
        let (send, receive) = (median(&mut send), median(&mut receive));
        println!("| {len} | {send:.0} | {receive:.0} | {:.2} |", len as f64 / send);
        sends.push((len as f64, send));
        receives.push((len as f64, receive));
    }
    verdict("Sending, with the record's bytes", &sends);
    verdict("Receiving, with the record's bytes", &receives);
}

/// Idle connections in memory, each of which has left its session in the store.
fn connections() {
    println!(
        "\n| idle connections, stored sessions | heap of a server's end, bytes | a new handshake, both sides, us | \
         resumed by ID, us |\n|---|---|---|---|"
    );
    let hour = Duration::from_secs(3600);
    let made = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) - hour);
    let store = Arc::new(MemoryStore::new(1 << 20, 1 << 30, made));
    let sessions = || ServerSessions::none().with_store(store.clone());
    let policy12 = policy(&setup(Version::Tls12, true)).unwrap();
    let (by_id, server) = configs(policy12.clone(), sessions());
    let pki = pki(Cert::Ecdsa);
    let fresh = ClientConfig::builder()
        .policy(policy12)
        .verifier(roots(&pki.root_pem))
        .build()
        .unwrap();
    let fresh = Configs::new(Arc::new(fresh), server.clone(), Resumed::Full);
    let by_id = Configs::new(by_id, server, Resumed::Id);
    let mut wires = wires();
    drop(connect(&by_id, false, &mut wires));
    // What they cost before any of them is there, so that tables that grow do not count.
    let idle = policy(&setup(Version::Tls13, false)).unwrap();
    let (client, server) = configs(idle, ServerSessions::none());
    let idle = Configs::new(client, server, Resumed::Full);
    let mut kept = Vec::with_capacity(100_000);
    let before = alloc::snapshot().live;
    let mut heap = 0;
    let (mut heaps, mut full, mut resumed) = (Points::new(), Points::new(), Points::new());
    for count in [1, 10, 100, 1000, 10_000, 100_000] {
        while kept.len() < count {
            let live = alloc::snapshot().live;
            let (pair, _) = connect(&idle, false, &mut wires);
            drop(pair.client);
            kept.push(pair.server);
            heap += alloc::snapshot().live - live;
            if store.len() < count {
                drop(connect(&fresh, false, &mut wires));
            }
        }
        let (client, server) = handshakes(&fresh, 100);
        let (id_client, id_server) = handshakes(&by_id, 400);
        println!(
            "| {count}, {} | {} | {:.1} | {:.1} |",
            store.len(),
            heap / count as u64,
            client + server,
            id_client + id_server
        );
        heaps.push((count as f64, heap as f64));
        full.push((count as f64, client + server));
        resumed.push((count as f64, id_client + id_server));
    }
    verdict("Heap of all of them, with their number", &heaps);
    verdict("A new handshake, with the connections that are there", &full);
    verdict("Resumption by ID, with the sessions that are stored", &resumed);
    drop(kept);
    assert!(alloc::snapshot().live >= before);
}

fn tickets() {
    println!("\n| ticket keys | resumed by ticket, server, us |\n|---|---|");
    let now = UnixTime::now().as_secs();
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let mut points = Points::new();
    for count in [1, 4, 16, 64, 256] {
        let key = |index: u64| {
            // All open, and only the first seals.
            let seals = if index == 0 { now + 3600 } else { now - 1 };
            let window = Window {
                not_before: at(now - 60),
                encrypt_until: at(seals),
                decrypt_until: at(now + 7200),
            };
            let secret: [u8; 32] = std::array::from_fn(|at| at as u8 + index as u8);
            let mut id = [0; 16];
            id[..8].copy_from_slice(&index.to_be_bytes());
            TicketKey::new(id, Secret::from(&secret[..]), window).unwrap()
        };
        let keys = TicketKeys::held((0..count).map(key));
        let sessions = ServerSessions::none().with_tickets(Arc::new(keys));
        let (client, server) = configs(policy(&setup(Version::Tls12, true)).unwrap(), sessions);
        let configs = Configs::new(client, server, Resumed::Ticket);
        drop(connect(&configs, false, &mut wires()));
        let server = handshakes(&configs, 1000).1;
        println!("| {count} | {server:.2} |");
        points.push((count as f64, server));
    }
    verdict("Resumption by ticket, with the keys of the ring", &points);
}

/// Handshakes a second of threads that share their configurations: of the clock, and of the processor's time, which does
/// not depend on what else the machine does.
fn threads() {
    println!("\n| threads | handshake | a second, all threads | processor's time for one, us |\n|---|---|---|---|");
    let hour = Duration::from_secs(3600);
    let keys = || Arc::new(TicketKeys::rotating(premaster::resume::Rotation::new(hour, 2 * hour)));
    let full = configs(policy(&setup(Version::Tls13, false)).unwrap(), ServerSessions::none());
    let policy12 = policy(&setup(Version::Tls12, true)).unwrap();
    let resumed = configs(policy12, ServerSessions::none().with_tickets(keys()));
    let kinds = [
        ("full", full, Resumed::Full),
        ("resumed, TLS 1.2 ticket", resumed, Resumed::Ticket),
    ];
    let mut all = Vec::new();
    for (kind, (client, server), outcome) in kinds {
        let mut points = Points::new();
        for threads in [1, 2] {
            let end = Instant::now() + Duration::from_secs(2);
            let run = || {
                let (configs, mut wires) = (Configs::new(client.clone(), server.clone(), outcome), wires());
                drop(connect(&configs, false, &mut wires));
                let (mut count, before) = (0, own_time());
                while Instant::now() < end {
                    connect(&configs, false, &mut wires).0.client.check();
                    count += 1;
                }
                (count, own_time() - before)
            };
            let (count, time) = std::thread::scope(|scope| {
                let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
                let done = handles.into_iter().map(|handle| handle.join().unwrap());
                done.fold((0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
            });
            let each = time / f64::from(count);
            println!("| {threads} | {kind} | {:.0} | {each:.1} |", f64::from(count) / 2.0);
            points.push((f64::from(threads), each));
        }
        all.push((
            format!("The processor's time for one ({kind}), with the threads"),
            points,
        ));
    }
    for (what, points) in &all {
        verdict(what, points);
    }
}

/// How long this thread has had a processor, in microseconds.
fn own_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = text.split(' ').next().and_then(|time| time.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e3
}
