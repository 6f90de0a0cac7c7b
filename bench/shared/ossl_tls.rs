// TLS peer over the `openssl`/`boring` crates, whose APIs are near twins. The
// including file provides `lib` (the crate) and `flavour` (what differs).

use bench_core::tls::*;
use lib::ssl::{ShutdownState, Ssl, SslContext, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

pub struct CPeer(pub &'static str);

type Saved = Arc<Mutex<Option<SslSession>>>;

struct F {
    client: SslContext,
    server: SslContext,
    saved: Saved,
}

impl Peer for CPeer {
    fn name(&self) -> &'static str {
        self.0
    }

    fn factory(&self, s: &Setup) -> Option<Box<dyn Factory>> {
        if s.is_special() || !flavour::supports(s) {
            return None;
        }
        let pki = pki(s.cert);
        let v = match s.version {
            Version::Tls12 => SslVersion::TLS1_2,
            Version::Tls13 => SslVersion::TLS1_3,
        };
        let saved = Saved::default();
        let make = |server: bool| {
            let mut c = SslContext::builder(SslMethod::tls()).unwrap();
            c.set_min_proto_version(Some(v)).unwrap();
            c.set_max_proto_version(Some(v)).unwrap();
            if s.version == Version::Tls12 {
                c.set_cipher_list(&s.tls12_suite()).unwrap();
            }
            flavour::tune(&mut c, s, server);
            if server {
                let cert = lib::x509::X509::from_pem(&pki.leaf_pem).unwrap();
                c.set_certificate(&cert).unwrap();
                let key = lib::pkey::PKey::private_key_from_pem(&pki.key_pem).unwrap();
                c.set_private_key(&key).unwrap();
                c.set_session_id_context(b"bench").unwrap();
                c.set_session_cache_mode(if s.by_id { SslSessionCacheMode::SERVER } else { SslSessionCacheMode::OFF });
            } else {
                let root = lib::x509::X509::from_pem(&pki.root_pem).unwrap();
                c.cert_store_mut().add_cert(flavour::cert(&root)).unwrap();
                c.set_verify(SslVerifyMode::PEER);
                if s.resume {
                    c.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
                    let saved = saved.clone();
                    c.set_new_session_callback(move |_, session| *saved.lock().unwrap() = Some(session));
                } else {
                    c.set_session_cache_mode(SslSessionCacheMode::OFF);
                }
            }
            if !s.resume || s.by_id {
                c.set_options(SslOptions::NO_TICKET);
            }
            c.build()
        };
        Some(Box::new(F { client: make(false), server: make(true), saved }))
    }
}

impl Factory for F {
    fn client(&self) -> Box<dyn Conn> {
        let mut ssl = Ssl::new(&self.client).unwrap();
        ssl.set_hostname(HOST).unwrap();
        ssl.param_mut().set_host(HOST).unwrap();
        // kept for the next time too: a resumed TLS 1.2 handshake brings no new ticket
        if let Some(s) = self.saved.lock().unwrap().as_ref() {
            unsafe { ssl.set_session(s).unwrap() };
        }
        flavour::set_role(&mut ssl, false);
        Box::new(C { s: SslStream::new(ssl, Wire::default()).unwrap(), done: false, server: false })
    }

    fn server(&self) -> Box<dyn Conn> {
        let mut ssl = Ssl::new(&self.server).unwrap();
        flavour::set_role(&mut ssl, true);
        Box::new(C { s: SslStream::new(ssl, Wire::default()).unwrap(), done: false, server: true })
    }
}

#[derive(Default)]
struct Wire {
    input: Vec<u8>,
    pos: usize,
    out: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(self.input.len() - self.pos);
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buf[..n].copy_from_slice(&self.input[self.pos..self.pos + n]);
        self.pos += n;
        Ok(n)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(buf);
        Ok(buf.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct C {
    s: SslStream<Wire>,
    done: bool,
    server: bool,
}

impl Drop for C {
    /// As after an exchange of close_notify: otherwise both libraries take the
    /// session for damaged and refuse to resume it.
    fn drop(&mut self) {
        self.s.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }
}

impl C {
    /// Lend the wire buffers to the stream for the time of `f`.
    fn with_io<R>(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>, f: impl FnOnce(&mut SslStream<Wire>) -> R) -> R {
        let swap = |s: &mut SslStream<Wire>, input: &mut Vec<u8>, out: &mut Vec<u8>| {
            let w = s.get_mut();
            std::mem::swap(&mut w.input, input);
            std::mem::swap(&mut w.out, out);
        };
        swap(&mut self.s, input, out);
        self.s.get_mut().pos = 0;
        let r = f(&mut self.s);
        let used = self.s.get_ref().pos;
        swap(&mut self.s, input, out);
        input.drain(..used);
        r
    }
}

impl Conn for C {
    fn handshake(&mut self, input: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
        let (done, server) = (self.done, self.server);
        self.done = self.with_io(input, out, |s| {
            if !done {
                if let Err(e) = s.do_handshake() {
                    let would_block = e.io_error().is_some_and(|e| e.kind() == io::ErrorKind::WouldBlock)
                        || flavour::wants_io(&e);
                    assert!(would_block, "handshake: {e:?}");
                    return false;
                }
                if server {
                    flavour::flush_tickets(s.ssl());
                }
            }
            if s.get_ref().input.len() > s.get_ref().pos {
                // post-handshake messages are processed by reads
                let _ = s.ssl_read(&mut [0; 16]);
            }
            true
        });
        self.done
    }

    fn send(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.with_io(&mut Vec::new(), out, |s| assert_eq!(s.ssl_write(data).unwrap(), data.len()));
    }

    fn recv(&mut self, input: &mut Vec<u8>, buf: &mut [u8], len: usize) -> usize {
        self.with_io(input, &mut Vec::new(), |s| {
            let mut n = 0;
            while n < len {
                match s.ssl_read(&mut buf[n..]) {
                    Ok(k) => n += k,
                    Err(_) => break,
                }
            }
            n
        })
    }

    fn resumed(&self) -> bool {
        self.s.ssl().session_reused()
    }

    fn describe(&self) -> String {
        let ssl = self.s.ssl();
        format!("{} {} {}", ssl.version_str(), ssl.current_cipher().map_or("?", |c| c.name()), flavour::group(ssl))
    }
}
