//! "Physical limit" of each scenario: the sum of the primitives it cannot do
//! without, each at the fastest implementation measured, nothing else (no
//! parsing, no allocation, no copies). `p` looks a primitive's nanoseconds up.

pub struct Limit {
    pub client: f64,
    pub server: f64,
}

/// Symmetric work of one side in a full TLS 1.3 handshake (SHA-256 suite):
/// 16 HKDF-Expand-Label (the no-PSK early secret and its derivative are
/// constants), 2 extracts, 2 Finished MACs, 5 transcript snapshots, the
/// transcript itself, 4 AEAD keys, the two protected flights.
fn sym13(p: &dyn Fn(&str) -> f64, transcript: f64) -> f64 {
    16.0 * p("hkdf-expand-label")
        + 4.0 * p("hmac-sha256-64")
        + 5.0 * p("sha256-fork-finish")
        + transcript * p("sha256-16384") / 16384.0
        + 4.0 * p("aes128gcm-keysetup")
        + p("aes128gcm-seal-1024")
        + p("aes128gcm-seal-64")
        + p("rand-32")
}

/// TLS 1.2: master secret, key block and two Finished, the transcript, 2 AEAD keys.
fn sym12(p: &dyn Fn(&str) -> f64, transcript: f64) -> f64 {
    4.0 * p("tls12-prf-48")
        + 3.0 * p("sha256-fork-finish")
        + transcript * p("sha256-16384") / 16384.0
        + 2.0 * p("aes128gcm-keysetup")
        + 2.0 * p("aes128gcm-seal-64")
        + p("rand-32")
}

/// The public-key part alone.
pub fn public_key(name: &str, p: &dyn Fn(&str) -> f64) -> Option<Limit> {
    handshake(name, &|n| {
        let symmetric = ["hkdf", "hmac", "sha256", "aes", "tls12", "rand"];
        if symmetric.iter().any(|s| n.starts_with(s)) {
            0.0
        } else {
            p(n)
        }
    })
}

pub fn handshake(name: &str, p: &dyn Fn(&str) -> f64) -> Option<Limit> {
    let dh = |g: &str| p(&format!("{g}-keygen")) + p(&format!("{g}-agree"));
    let ec = (2.0 * p("ecdsa-p256-verify"), p("ecdsa-p256-sign"));
    let rsa13 = (
        p("rsa2048-pkcs1-verify") + p("rsa2048-pss-verify"),
        p("rsa2048-pss-sign"),
    );
    let mk = |kx: (f64, f64), auth: (f64, f64), sym: f64| {
        Some(Limit {
            client: kx.0 + auth.0 + sym,
            server: kx.1 + auth.1 + sym,
        })
    };
    let x = (dh("x25519"), dh("x25519"));
    let n = (dh("p256"), dh("p256"));
    let hybrid = (
        x.0 + p("mlkem768-keygen") + p("mlkem768-decap"),
        x.1 + p("mlkem768-encap"),
    );
    match name {
        // the two with an option beside the plain one: what they save shows as a ratio below that of the plain one
        "hs13-x25519-ecdsa" | "hs13-known-signatures" | "hs13-keys-ahead" => mk(x, ec, sym13(p, 1200.0)),
        "hs13-mlkem-ecdsa" => mk(hybrid, ec, sym13(p, 3500.0)),
        "hs13-x25519-rsa" => mk(x, rsa13, sym13(p, 1800.0)),
        "hs13-p256-ecdsa" => mk(n, ec, sym13(p, 1300.0)),
        "hs12-x25519-ecdsa" => mk(x, ec, sym12(p, 1000.0)),
        "hs12-x25519-rsa" => mk(x, rsa13, sym12(p, 1700.0)),
        "hs12-p256-ecdsa" => mk(n, ec, sym12(p, 1000.0)),
        "hs12-p256-rsa" => mk(n, rsa13, sym12(p, 1700.0)),
        "hs12-rsakx" => mk(
            (p("rsa2048-encrypt"), p("rsa2048-raw-decrypt")),
            (p("rsa2048-pkcs1-verify"), 0.0),
            sym12(p, 1500.0),
        ),
        "hs12-dhe-rsa" => {
            let f = 2.0 * p("ffdhe2048-e256-modexp");
            mk((f, f), rsa13, sym12(p, 2200.0))
        }
        // the server's key is in its certificate, and nobody signs
        "hs12-static-dh" => {
            let f = p("ffdhe2048-e256-modexp");
            mk((2.0 * f, f), (p("rsa2048-pkcs1-verify"), 0.0), sym12(p, 2000.0))
        }
        "hs12-static-ecdh" => mk((n.0, p("p256-agree")), (p("ecdsa-p256-verify"), 0.0), sym12(p, 900.0)),
        // + binder: 4 HKDF; + opening and sealing a ticket
        "res13-psk-dhe" | "res13-early-data" => mk(
            x,
            (0.0, 0.0),
            sym13(p, 900.0) + 4.0 * p("hkdf-expand-label") + p("aes128gcm-seal-1024"),
        ),
        "res12-ticket" | "res12-id" => {
            let s = 3.0 * p("tls12-prf-48")
                + 2.0 * p("sha256-fork-finish")
                + 600.0 * p("sha256-16384") / 16384.0
                + 2.0 * p("aes128gcm-keysetup")
                + 2.0 * p("aes128gcm-seal-64")
                + p("rand-32");
            mk((0.0, 0.0), (0.0, 0.0), s)
        }
        _ => None,
    }
}

/// Send and receive of one 16 KiB record.
pub fn bulk(name: &str, p: &dyn Fn(&str) -> f64) -> Option<Limit> {
    let aead = |n: &str| {
        Some(Limit {
            server: p(&format!("{n}-seal-16384")),
            client: p(&format!("{n}-open-16384")),
        })
    };
    let cbc = |n: &str| {
        Some(Limit {
            server: p(&format!("{n}-hmacsha1-enc-16384")),
            client: p(&format!("{n}-hmacsha1-dec-16384")),
        })
    };
    match name {
        "bulk13-aes128gcm" => aead("aes128gcm"),
        "bulk13-aes256gcm" | "bulk12-aes256gcm" => aead("aes256gcm"),
        "bulk13-chacha" => aead("chacha20poly1305"),
        "bulk12-aes128cbcsha" => cbc("aes128cbc"),
        "bulk12-aes256cbcsha" => cbc("aes256cbc"),
        _ => None,
    }
}
