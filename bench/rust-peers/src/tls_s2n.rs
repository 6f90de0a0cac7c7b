//! s2n-tls. It has no free choice of suites, only named security policies, so
//! the first policy that negotiates what a scenario wants is looked up.

use bench_core::tls::*;
use s2n_tls::callbacks::{SessionTicket, SessionTicketCallback};
use s2n_tls::config::Config;
use s2n_tls::connection::Connection;
use s2n_tls::enums::Mode;
use s2n_tls::security::Policy;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::SystemTime;

#[derive(Default)]
pub struct S2n {
    found: RefCell<HashMap<String, Option<&'static str>>>,
}

/// A search over all of s2n-tls' policies left these; none of them gives TLS 1.2
/// with X25519 and AES-128-GCM, AES-256-CBC-SHA, or TLS 1.3 with ChaCha20 first.
const POLICIES: &[&str] = &[
    "AWS-CRT-SDK-TLSv1.3",
    "default_tls13",
    "default_pq",
    "20240501",
    "20150214",
    "test_all_tls12",
    "CloudFront-Upstream",
    "PQ-TLS-1-2-2024-10-09",
];

#[derive(Clone, Default)]
struct Tickets(Arc<Mutex<Option<Vec<u8>>>>);

impl SessionTicketCallback for Tickets {
    fn on_session_ticket(&self, _c: &mut Connection, t: &SessionTicket) {
        let mut v = vec![0; t.len().unwrap()];
        t.data(&mut v).unwrap();
        *self.0.lock().unwrap() = Some(v);
    }
}

struct F {
    client: Config,
    server: Config,
    tickets: Tickets,
    tls13: bool,
    resume: bool,
}

fn build(s: &Setup, policy: &str) -> Option<F> {
    let p = Policy::from_version(policy).ok()?;
    let pki = pki(s.cert);
    let tickets = Tickets::default();
    let mut c = Config::builder();
    c.set_security_policy(&p).ok()?;
    c.with_system_certs(false).unwrap();
    c.trust_pem(&pki.root_pem).unwrap();
    let mut v = Config::builder();
    v.set_security_policy(&p).ok()?;
    v.load_pem(&pki.leaf_pem, &pki.key_pem).ok()?;
    if s.resume {
        c.enable_session_tickets(true).unwrap();
        c.set_session_ticket_callback(tickets.clone()).unwrap();
        v.enable_session_tickets(true).unwrap();
        v.add_session_ticket_key(b"key-name", &[0x33; 32], SystemTime::now())
            .unwrap();
    }
    Some(F {
        client: c.build().ok()?,
        server: v.build().ok()?,
        tickets,
        tls13: s.version == Version::Tls13,
        resume: s.resume,
    })
}

/// A trial handshake: does this policy give what the scenario wants?
fn fits(s: &Setup, f: &F) -> bool {
    let (mut c, mut v) = (f.conn(Mode::Client), f.conn(Mode::Server));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        if c.step(&mut b, &mut a).is_err() || v.step(&mut a, &mut b).is_err() {
            return false;
        }
    }
    if !c.done || !v.done {
        return false;
    }
    let suite = c.conn.cipher_suite().unwrap_or("").to_string();
    let want = match s.version {
        Version::Tls13 => s.tls13_suite().to_string(),
        Version::Tls12 => s.tls12_suite(),
    };
    let group = c.conn.selected_key_exchange_group().unwrap_or("none").to_string();
    let want_group = match s.kx {
        Kx::X25519 => "x25519",
        Kx::P256 => "secp256r1",
        Kx::X25519MlKem768 => "X25519MLKEM768",
        Kx::Rsa => return suite == want,
        Kx::Dhe | Kx::StaticDh | Kx::StaticEcdh => return false,
    };
    suite == want && (group == want_group || !s.group_matters)
}

impl Peer for S2n {
    fn name(&self) -> &'static str {
        "s2n-awslc"
    }

    fn factory(&self, s: &Setup) -> Option<Box<dyn Factory>> {
        if s.is_special() || s.by_id {
            return None;
        }
        let mut found = self.found.borrow_mut();
        let policy = *found.entry(format!("{s:?}")).or_insert_with(|| {
            POLICIES
                .iter()
                .copied()
                .find(|p| build(s, p).is_some_and(|f| fits(s, &f)))
        });
        Some(Box::new(build(s, policy?).unwrap()))
    }
}

impl F {
    fn conn(&self, mode: Mode) -> Box<C> {
        let mut conn = Connection::new(mode);
        let mut io = Box::new(Io::default());
        let p: *mut Io = &mut *io;
        conn.set_receive_callback(Some(recv_cb)).unwrap();
        conn.set_send_callback(Some(send_cb)).unwrap();
        unsafe {
            conn.set_receive_context(p.cast()).unwrap();
            conn.set_send_context(p.cast()).unwrap();
        }
        match mode {
            Mode::Client => {
                conn.set_config(self.client.clone()).unwrap();
                conn.set_server_name(HOST).unwrap();
                if let Some(t) = self.tickets.0.lock().unwrap().take() {
                    conn.set_session_ticket(&t).unwrap();
                }
            }
            Mode::Server => {
                conn.set_config(self.server.clone()).unwrap();
            }
        }
        Box::new(C {
            conn,
            io,
            done: false,
            want_ticket: self.resume && self.tls13 && mode == Mode::Client,
        })
    }
}

impl Factory for F {
    fn client(&self) -> Box<dyn Conn> {
        self.conn(Mode::Client)
    }
    fn server(&self) -> Box<dyn Conn> {
        self.conn(Mode::Server)
    }
    fn collect_ticket(&self, client: &mut dyn Conn) {
        // TLS 1.3 tickets come through the callback; in TLS 1.2 they are read
        // off the connection, which `handshake` has left in `describe`
        if !self.tls13 {
            if let Some(t) = client.ticket() {
                *self.tickets.0.lock().unwrap() = Some(t);
            }
        }
    }
}

#[derive(Default)]
struct Io {
    input: Vec<u8>,
    pos: usize,
    out: Vec<u8>,
}

unsafe extern "C" fn recv_cb(ctx: *mut c_void, buf: *mut u8, len: u32) -> i32 {
    let io = &mut *(ctx as *mut Io);
    let n = (io.input.len() - io.pos).min(len as usize);
    if n == 0 {
        *libc_errno() = 11; // EAGAIN
        return -1;
    }
    std::ptr::copy_nonoverlapping(io.input.as_ptr().add(io.pos), buf, n);
    io.pos += n;
    n as i32
}

unsafe extern "C" fn send_cb(ctx: *mut c_void, buf: *const u8, len: u32) -> i32 {
    let io = &mut *(ctx as *mut Io);
    io.out.extend_from_slice(std::slice::from_raw_parts(buf, len as usize));
    len as i32
}

extern "C" {
    #[link_name = "__errno_location"]
    fn libc_errno() -> *mut i32;
}

struct C {
    conn: Connection,
    io: Box<Io>,
    done: bool,
    want_ticket: bool,
}

impl C {
    /// Lend the wire buffers to the callbacks for the time of `f`.
    fn with_io<R>(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>, f: impl FnOnce(&mut Connection) -> R) -> R {
        std::mem::swap(&mut self.io.input, input);
        std::mem::swap(&mut self.io.out, out);
        self.io.pos = 0;
        let r = f(&mut self.conn);
        std::mem::swap(&mut self.io.input, input);
        std::mem::swap(&mut self.io.out, out);
        input.drain(..self.io.pos);
        r
    }

    fn step(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), ()> {
        let (done, want_ticket) = (self.done, self.want_ticket);
        let r = self.with_io(input, out, |c| {
            if !done {
                match c.poll_negotiate() {
                    Poll::Pending => return Ok(false),
                    Poll::Ready(Err(_)) => return Err(()),
                    Poll::Ready(Ok(_)) => {}
                }
            }
            if want_ticket {
                // post-handshake messages are processed by reads
                let _ = c.poll_recv(&mut [0; 16]);
            }
            Ok(true)
        })?;
        self.done = r;
        Ok(())
    }
}

impl Conn for C {
    fn handshake(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
        self.step(input, out).expect("s2n handshake");
        self.done
    }

    fn send(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.with_io(&mut Vec::new(), out, |c| {
            let mut n = 0;
            while n < data.len() {
                match c.poll_send(&data[n..]) {
                    Poll::Ready(Ok(k)) => n += k,
                    _ => panic!("s2n send"),
                }
            }
            let _ = c.poll_flush();
        });
    }

    fn recv(&mut self, input: &mut Vec<u8>, buf: &mut [u8], len: usize) -> usize {
        self.with_io(input, &mut Vec::new(), |c| {
            let mut n = 0;
            while n < len {
                match c.poll_recv(&mut buf[n..]) {
                    Poll::Ready(Ok(k)) => n += k,
                    _ => break,
                }
            }
            n
        })
    }

    fn resumed(&self) -> bool {
        self.conn.resumed()
    }

    fn ticket(&mut self) -> Option<Vec<u8>> {
        let mut v = vec![0; self.conn.session_ticket_length().ok()?];
        self.conn.session_ticket(&mut v).ok()?;
        Some(v)
    }

    fn describe(&self) -> String {
        format!(
            "{:?} {} {:?}",
            self.conn.actual_protocol_version(),
            self.conn.cipher_suite().unwrap_or("?"),
            self.conn.selected_key_exchange_group()
        )
    }
}
