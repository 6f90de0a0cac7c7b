//! The whole-TLS scenarios, independent of the library under test.

use crate::alloc::{self, Snapshot};
use crate::{median, Suite};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    Tls12,
    Tls13,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kx {
    X25519,
    P256,
    X25519MlKem768,
    /// static RSA key transport (TLS 1.2)
    Rsa,
    /// finite field, ffdhe2048 or a 2048-bit group of the library's choice (TLS 1.2)
    Dhe,
    /// the certificate's own Diffie-Hellman key over a finite field (TLS 1.2)
    StaticDh,
    /// the certificate's own P-256 key (TLS 1.2)
    StaticEcdh,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cert {
    Ecdsa,
    Rsa,
    /// a finite-field Diffie-Hellman key
    Dh,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha,
    /// TLS 1.2 only
    Aes128CbcSha,
    Aes256CbcSha,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setup {
    pub version: Version,
    pub kx: Kx,
    pub cert: Cert,
    pub cipher: Cipher,
    /// resume with a (stateless, where the library has it) session ticket
    pub resume: bool,
    /// resume by session ID, from the server's memory, instead (TLS 1.2)
    pub by_id: bool,
    /// send 1 KiB of early data along (TLS 1.3)
    pub early_data: bool,
    /// the named group is part of what is measured
    pub group_matters: bool,
    /// what a library may do before the handshake, if it is asked to
    pub ahead: Ahead,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ahead {
    Nothing,
    /// the client has verified the signatures of this chain before
    Signatures,
    /// both sides have made their ephemeral keys
    Keys,
}

impl Setup {
    /// What only some libraries have, and each has to be asked for in its own way.
    pub fn is_special(&self) -> bool {
        self.early_data || self.ahead != Ahead::Nothing || matches!(self.kx, Kx::StaticDh | Kx::StaticEcdh)
    }

    /// OpenSSL name of the TLS 1.2 suite.
    pub fn tls12_suite(&self) -> String {
        let auth = match (self.kx, self.cert) {
            (Kx::Rsa, _) => "",
            (Kx::Dhe, _) => "DHE-RSA-",
            (Kx::StaticDh, _) => "DH-RSA-",
            (Kx::StaticEcdh, _) => "ECDH-ECDSA-",
            (_, Cert::Dh) => panic!("a Diffie-Hellman key cannot sign"),
            (_, Cert::Ecdsa) => "ECDHE-ECDSA-",
            (_, Cert::Rsa) => "ECDHE-RSA-",
        };
        let c = match self.cipher {
            Cipher::Aes128Gcm => "AES128-GCM-SHA256",
            Cipher::Aes256Gcm => "AES256-GCM-SHA384",
            Cipher::ChaCha => "CHACHA20-POLY1305",
            Cipher::Aes128CbcSha => "AES128-SHA",
            Cipher::Aes256CbcSha => "AES256-SHA",
        };
        format!("{auth}{c}")
    }

    pub fn tls13_suite(&self) -> &'static str {
        match self.cipher {
            Cipher::Aes128Gcm => "TLS_AES_128_GCM_SHA256",
            Cipher::Aes256Gcm => "TLS_AES_256_GCM_SHA384",
            Cipher::ChaCha => "TLS_CHACHA20_POLY1305_SHA256",
            _ => panic!("no such TLS 1.3 suite"),
        }
    }

    pub fn group(&self) -> &'static str {
        match self.kx {
            Kx::P256 => "P-256",
            Kx::X25519MlKem768 => "X25519MLKEM768",
            // in TLS 1.2 the certificate's curve has to be offered as well
            _ if self.version == Version::Tls12 && self.cert == Cert::Ecdsa => "X25519:P-256",
            _ => "X25519",
        }
    }
}

/// One endpoint of a connection.
pub trait Conn {
    /// Consume `input`, do what can be done of the handshake, append what is
    /// to be sent to `out`. True once the handshake is complete on this side.
    fn handshake(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> bool;
    /// Protect `data` and append the records to `out`.
    fn send(&mut self, data: &[u8], out: &mut Vec<u8>);
    /// Append to `out` what `send` left in a buffer of the library's, ready for a socket. Not measured: what the
    /// socket would do with it costs every library the same.
    fn collect(&mut self, _out: &mut Vec<u8>) {}
    /// Consume `input`, which holds `len` bytes of plaintext, and put them into `buf`, which has [`SLACK`] bytes more;
    /// the bytes written.
    fn recv(&mut self, input: &mut Vec<u8>, buf: &mut [u8], len: usize) -> usize;
    /// Send `data` before the handshake is done, right after the first flight; false if this cannot be.
    fn send_early(&mut self, _data: &[u8], _out: &mut Vec<u8>) -> bool {
        false
    }
    /// Give back what an idle connection can do without, if the library knows how; false if not.
    fn compact(&mut self) -> bool {
        false
    }
    /// How much early data the server took.
    fn early_received(&self) -> usize {
        0
    }
    /// Did this connection resume?
    fn resumed(&self) -> bool;
    /// A copy of the session ticket, for libraries that hand it out by pull.
    fn ticket(&mut self) -> Option<Vec<u8>> {
        None
    }
    /// Panics if the handshake did not go as the scenario wants it.
    fn check(&self) {}
    /// Negotiated parameters, for a sanity line.
    fn describe(&self) -> String;
}

/// A library with its long-lived configuration for one set-up.
pub trait Factory {
    fn client(&self) -> Box<dyn Conn>;
    fn server(&self) -> Box<dyn Conn>;
    /// Called before each handshake, and not measured.
    fn prepare(&self) {}
    /// Called between a handshake that was to leave a ticket and the next one.
    fn collect_ticket(&self, _client: &mut dyn Conn) {}
}

pub trait Peer {
    fn name(&self) -> &'static str;
    fn factory(&self, s: &Setup) -> Option<Box<dyn Factory>>;
}

/// Whether the sides call through the two functions that a profiler can be told to count.
pub static COUNTED: AtomicBool = AtomicBool::new(false);

/// Only what runs inside is counted, when a profiler is told to count the client.
#[no_mangle]
#[inline(never)]
pub extern "Rust" fn bench_client_side(f: &mut dyn FnMut()) {
    f();
    black_box(1);
}

/// Only what runs inside is counted, when a profiler is told to count the server.
#[no_mangle]
#[inline(never)]
pub extern "Rust" fn bench_server_side(f: &mut dyn FnMut()) {
    f();
    black_box(2);
}

/// What one side of something cost.
#[derive(Clone, Copy)]
pub struct Side {
    pub ns: f64,
    pub allocs: u64,
    pub bytes: u64,
    counted: fn(&mut dyn FnMut()),
}

impl Side {
    fn new(counted: fn(&mut dyn FnMut())) -> Self {
        Self {
            ns: 0.0,
            allocs: 0,
            bytes: 0,
            counted,
        }
    }

    pub fn client() -> Self {
        Self::new(bench_client_side)
    }

    pub fn server() -> Self {
        Self::new(bench_server_side)
    }

    pub fn measure<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let a: Snapshot = alloc::snapshot();
        let t = Instant::now();
        let r = if COUNTED.load(Ordering::Relaxed) {
            let (mut f, mut r) = (Some(f), None);
            (self.counted)(&mut || r = f.take().map(|f| f()));
            r.unwrap()
        } else {
            f()
        };
        self.ns += t.elapsed().as_nanos() as f64 - clock();
        let b = alloc::snapshot();
        self.allocs += b.count - a.count;
        self.bytes += b.bytes - a.bytes;
        r
    }
}

/// What reading the clock takes, in nanoseconds: part of no library's time.
fn clock() -> f64 {
    static CLOCK: OnceLock<f64> = OnceLock::new();
    *CLOCK.get_or_init(|| {
        let reading = |_| Instant::now().elapsed().as_nanos() as f64;
        median(&mut (0..10_001).map(reading).collect::<Vec<f64>>())
    })
}

/// What one handshake cost.
#[derive(Clone, Copy)]
pub struct Cost {
    pub client: Side,
    pub server: Side,
    pub wire: usize,
}

pub struct Pair {
    pub client: Box<dyn Conn>,
    pub server: Box<dyn Conn>,
}

type Wires = (Vec<u8>, Vec<u8>);

/// Both directions of a link.
pub fn wires() -> Wires {
    (Vec::with_capacity(65536), Vec::with_capacity(65536))
}

/// What early data is sent, where the scenario sends any.
const EARLY: [u8; 1024] = [7; 1024];

/// Build both ends and run the handshake to completion, including delivery of
/// post-handshake tickets. Dropping the connections is charged too, by `drop_pair`.
pub fn connect(f: &dyn Factory, early: bool, wires: &mut Wires) -> (Pair, Cost) {
    let mut cost = Cost {
        client: Side::client(),
        server: Side::server(),
        wire: 0,
    };
    let (to_server, to_client) = wires;
    to_server.clear();
    to_client.clear();
    f.prepare();
    let mut client = cost.client.measure(|| f.client());
    let mut server = cost.server.measure(|| f.server());
    let (mut cd, mut sd) = (false, false);
    for flight in 0..12 {
        cd = cost.client.measure(|| client.handshake(to_client, to_server));
        if early && flight == 0 {
            let sent = cost.client.measure(|| client.send_early(&EARLY, to_server));
            assert!(sent, "no early data could be sent");
        }
        cost.wire += to_server.len();
        if to_server.is_empty() && cd && sd {
            break;
        }
        sd = cost.server.measure(|| server.handshake(to_server, to_client));
        cost.wire += to_client.len();
        if cd && sd && to_client.is_empty() && to_server.is_empty() {
            break;
        }
    }
    assert!(cd && sd, "handshake did not complete ({cd} {sd})");
    assert_eq!(server.early_received(), if early { EARLY.len() } else { 0 });
    (Pair { client, server }, cost)
}

pub fn drop_pair(p: Pair, cost: &mut Cost) {
    let Pair { client, server } = p;
    cost.client.measure(move || drop(client));
    cost.server.measure(move || drop(server));
}

fn handshake_case(f: Rc<dyn Factory>, setup: Setup) -> impl FnMut(Duration) -> Vec<(&'static str, f64)> {
    let (resume, early) = (setup.resume, setup.early_data);
    let mut wires = wires();
    let mut first = true;
    move |budget| {
        if resume && first {
            // one full handshake to get the first ticket
            let (mut p, _) = connect(&*f, false, &mut wires);
            f.collect_ticket(&mut *p.client);
        }
        let (mut c, mut s, mut t) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = None;
        let start = Instant::now();
        while start.elapsed() < budget || c.len() < 5 {
            let (mut p, mut cost) = connect(&*f, early, &mut wires);
            if resume {
                cost.client.measure(|| f.collect_ticket(&mut *p.client));
            }
            assert!(
                p.client.resumed() == resume && p.server.resumed() == resume,
                "resumption: client {} server {} wanted {resume}",
                p.client.resumed(),
                p.server.resumed()
            );
            p.client.check();
            p.server.check();
            if first {
                eprintln!("    [{}]", p.client.describe());
                first = false;
            }
            drop_pair(p, &mut cost);
            c.push(cost.client.ns);
            s.push(cost.server.ns);
            t.push(cost.client.ns + cost.server.ns);
            last = Some(cost);
        }
        let last = last.unwrap();
        vec![
            ("client_ns", median(&mut c)),
            ("server_ns", median(&mut s)),
            ("total_ns", median(&mut t)),
            ("client_allocs", last.client.allocs as f64),
            ("server_allocs", last.server.allocs as f64),
            ("client_alloc_bytes", last.client.bytes as f64),
            ("server_alloc_bytes", last.server.bytes as f64),
            ("wire_bytes", last.wire as f64),
        ]
    }
}

pub const RECORD: usize = 16384;

/// By how much a buffer is larger than what it receives: enough for the rest of a record, for a library that decrypts
/// straight into it.
pub const SLACK: usize = 512;

fn bulk_case(f: Rc<dyn Factory>) -> impl FnMut(Duration) -> Vec<(&'static str, f64)> {
    let mut wires = wires();
    let (mut pair, _) = connect(&*f, false, &mut wires);
    eprintln!("    [{}]", pair.client.describe());
    let data = vec![0x5au8; RECORD];
    let mut buf = vec![0u8; RECORD + SLACK];
    let mut wire = Vec::with_capacity(1 << 16);
    // let both sides settle (first application records, late tickets)
    for _ in 0..4 {
        pair.server.send(&data, &mut wire);
        pair.server.collect(&mut wire);
        assert_eq!(pair.client.recv(&mut wire, &mut buf, RECORD), RECORD);
        pair.client.send(&data, &mut wire);
        pair.client.collect(&mut wire);
        assert_eq!(pair.server.recv(&mut wire, &mut buf, RECORD), RECORD);
    }
    assert_eq!(buf[..RECORD], data);
    move |budget| {
        let (mut tx, mut rx) = (Vec::new(), Vec::new());
        let (mut a_tx, mut a_rx) = (Side::server(), Side::client());
        let start = Instant::now();
        let mut n = 0u64;
        while start.elapsed() < budget || n < 16 {
            // the server sends, the client receives; a few records per sample
            let (mut s, mut r) = (Side::server(), Side::client());
            const BATCH: usize = 4;
            for _ in 0..BATCH {
                wire.clear();
                s.measure(|| pair.server.send(&data, &mut wire));
                pair.server.collect(&mut wire);
                let got = r.measure(|| pair.client.recv(&mut wire, &mut buf, RECORD));
                assert_eq!(got, RECORD);
            }
            tx.push(s.ns / BATCH as f64);
            rx.push(r.ns / BATCH as f64);
            a_tx.allocs += s.allocs;
            a_rx.allocs += r.allocs;
            n += BATCH as u64;
        }
        vec![
            ("send_ns", median(&mut tx)),
            ("recv_ns", median(&mut rx)),
            ("send_allocs", a_tx.allocs as f64 / n as f64),
            ("recv_allocs", a_rx.allocs as f64 / n as f64),
        ]
    }
}

/// Heap held by the server ends of `N` established, idle connections.
fn memory_case(f: Rc<dyn Factory>) -> impl FnMut(Duration) -> Vec<(&'static str, f64)> {
    move |_| {
        const N: usize = 5000;
        let mut wires = wires();
        let mut buf = vec![0u8; RECORD + SLACK];
        drop(connect(&*f, false, &mut wires));
        let mut servers = Vec::with_capacity(N);
        let mut after_traffic = Vec::with_capacity(N);
        // 1: as the handshake leaves them
        let live0 = alloc::snapshot().live;
        for _ in 0..N {
            let (p, _) = connect(&*f, false, &mut wires);
            servers.push(p.server);
        }
        let live1 = alloc::snapshot().live;
        let compacted = servers.iter_mut().all(|s| s.compact());
        let compact = alloc::snapshot().live;
        drop(servers);
        // 2: after a 1 KiB message each way and 16 KiB from the server
        let live2 = alloc::snapshot().live;
        for _ in 0..N {
            let (mut p, _) = connect(&*f, false, &mut wires);
            let mut w = Vec::with_capacity(65536);
            p.client.send(&[1; 1024], &mut w);
            p.client.collect(&mut w);
            assert_eq!(p.server.recv(&mut w, &mut buf, 1024), 1024);
            w.clear();
            p.server.send(&[1; RECORD], &mut w);
            p.server.collect(&mut w);
            assert_eq!(p.client.recv(&mut w, &mut buf, RECORD), RECORD);
            after_traffic.push(p.server);
        }
        let live3 = alloc::snapshot().live;
        drop(after_traffic);
        let mut figures = vec![
            ("server_heap", (live1 - live0) as f64 / N as f64),
            ("server_heap_after_traffic", (live3 - live2) as f64 / N as f64),
        ];
        if compacted {
            figures.push(("server_heap_compacted", (compact - live0) as f64 / N as f64));
        }
        figures
    }
}

pub fn scenarios() -> Vec<(&'static str, Setup)> {
    use {Cert::*, Version::*};
    let hs = |version, kx, cert| Setup {
        version,
        kx,
        cert,
        cipher: Cipher::Aes128Gcm,
        resume: false,
        by_id: false,
        early_data: false,
        group_matters: true,
        ahead: Ahead::Nothing,
    };
    let ahead = |ahead| Setup {
        ahead,
        ..hs(Tls13, Kx::X25519, Ecdsa)
    };
    let re = |version| Setup {
        resume: true,
        group_matters: version == Tls13,
        ..hs(version, Kx::X25519, Ecdsa)
    };
    let bulk = |version, cipher| Setup {
        cipher,
        group_matters: false,
        ..hs(version, Kx::X25519, Ecdsa)
    };
    vec![
        ("hs13-x25519-ecdsa", hs(Tls13, Kx::X25519, Ecdsa)),
        ("hs13-mlkem-ecdsa", hs(Tls13, Kx::X25519MlKem768, Ecdsa)),
        ("hs13-x25519-rsa", hs(Tls13, Kx::X25519, Rsa)),
        ("hs13-p256-ecdsa", hs(Tls13, Kx::P256, Ecdsa)),
        ("hs12-x25519-ecdsa", hs(Tls12, Kx::X25519, Ecdsa)),
        ("hs12-x25519-rsa", hs(Tls12, Kx::X25519, Rsa)),
        ("hs12-p256-ecdsa", hs(Tls12, Kx::P256, Ecdsa)),
        ("hs12-p256-rsa", hs(Tls12, Kx::P256, Rsa)),
        ("hs12-rsakx", hs(Tls12, Kx::Rsa, Rsa)),
        ("hs12-dhe-rsa", hs(Tls12, Kx::Dhe, Rsa)),
        ("res13-psk-dhe", re(Tls13)),
        ("res12-ticket", re(Tls12)),
        ("hs12-static-dh", hs(Tls12, Kx::StaticDh, Dh)),
        ("hs12-static-ecdh", hs(Tls12, Kx::StaticEcdh, Ecdsa)),
        (
            "res12-id",
            Setup {
                by_id: true,
                ..re(Tls12)
            },
        ),
        (
            "res13-early-data",
            Setup {
                early_data: true,
                ..re(Tls13)
            },
        ),
        ("hs13-known-signatures", ahead(Ahead::Signatures)),
        ("hs13-keys-ahead", ahead(Ahead::Keys)),
        ("bulk13-aes128gcm", bulk(Tls13, Cipher::Aes128Gcm)),
        ("bulk13-aes256gcm", bulk(Tls13, Cipher::Aes256Gcm)),
        ("bulk13-chacha", bulk(Tls13, Cipher::ChaCha)),
        ("bulk12-aes256gcm", bulk(Tls12, Cipher::Aes256Gcm)),
        ("bulk12-aes128cbcsha", bulk(Tls12, Cipher::Aes128CbcSha)),
        ("bulk12-aes256cbcsha", bulk(Tls12, Cipher::Aes256CbcSha)),
        ("mem13", bulk(Tls13, Cipher::Aes128Gcm)),
        ("mem12", bulk(Tls12, Cipher::Aes128Gcm)),
    ]
}

/// Register every scenario the peer supports.
pub fn register(suite: &mut Suite, peer: Box<dyn Peer>) {
    let peer: Rc<dyn Peer> = peer.into();
    for (name, setup) in scenarios() {
        if peer.factory(&setup).is_none() {
            continue;
        }
        let p = peer.clone();
        suite.raw(format!("{name}/{}", peer.name()), move || {
            let f: Rc<dyn Factory> = p.factory(&setup).unwrap().into();
            if name.starts_with("hs") || name.starts_with("res") {
                Box::new(handshake_case(f, setup))
            } else if name.starts_with("bulk") {
                Box::new(bulk_case(f))
            } else {
                Box::new(memory_case(f))
            }
        });
    }
}

/// The certificates the coordinator made.
pub struct Pki {
    pub root_pem: Vec<u8>,
    pub leaf_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
}

pub const HOST: &str = "server.test";

impl Setup {
    /// The name in the server's certificate.
    pub fn host(&self) -> &'static str {
        match self.cert {
            Cert::Dh => "localhost",
            _ => HOST,
        }
    }
}

pub fn pki(cert: Cert) -> Pki {
    let dir = std::env::var("BENCH_PKI").unwrap_or_else(|_| "target/pki".into());
    let n = match cert {
        Cert::Ecdsa => "ecdsa",
        Cert::Rsa => "rsa",
        Cert::Dh => return static_dh(),
    };
    let rd = |f: &str| {
        let p = format!("{dir}/{n}-{f}.pem");
        std::fs::read(&p).unwrap_or_else(|e| panic!("{p}: {e}"))
    };
    Pki {
        root_pem: rd("root"),
        leaf_pem: rd("leaf"),
        key_pem: rd("key"),
    }
}

/// No library would issue a certificate for such a key any more: the one of premaster's own tests.
fn static_dh() -> Pki {
    let rd = |f: &str| {
        let p = format!(
            "{}/../../crates/premaster/testdata/static/{f}.pem",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read(&p).unwrap_or_else(|e| panic!("{p}: {e}"))
    };
    Pki {
        root_pem: rd("authority"),
        leaf_pem: rd("dh"),
        key_pem: rd("dh.key"),
    }
}
