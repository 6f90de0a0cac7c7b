//! The targets: what premaster is to need beside the best of the others in the same run, and beside the limit.

use crate::report::{Data, PEERS};
use bench_core::limits;

/// What a figure is held against.
enum Bound {
    /// At most so much of the best peer's, whose name begins with this, and of the limit.
    Ratio(&'static str, f64, Option<f64>),
    /// At least so much of the best peer's.
    Rate(f64),
    /// At most as many.
    Count(f64),
}

struct Target {
    what: &'static str,
    group: &'static str,
    metric: &'static str,
    bound: Bound,
}

const fn time(what: &'static str, group: &'static str, peer: f64, limit: Option<f64>) -> Target {
    let bound = Bound::Ratio("", peer, limit);
    Target {
        what,
        group,
        metric: "total_ns",
        bound,
    }
}

const fn bulk(what: &'static str, group: &'static str, metric: &'static str, bound: Bound) -> Target {
    Target {
        what,
        group,
        metric,
        bound,
    }
}

const fn count(what: &'static str, group: &'static str, metric: &'static str, at_most: f64) -> Target {
    let bound = Bound::Count(at_most);
    Target {
        what,
        group,
        metric,
        bound,
    }
}

const SEND: &str = "send_ns";
const RECEIVE: &str = "recv_ns";
const GCM_SEND: Bound = Bound::Ratio("", 0.90, Some(1.12));
const GCM_RECEIVE: Bound = Bound::Ratio("", 0.80, Some(1.12));

const TARGETS: &[Target] = &[
    time("TLS 1.3 X25519 + ECDSA P-256", "hs13-x25519-ecdsa", 0.94, Some(1.12)),
    time("TLS 1.3 X25519MLKEM768 + ECDSA", "hs13-mlkem-ecdsa", 0.93, Some(1.12)),
    time("TLS 1.3 X25519 + RSA-2048", "hs13-x25519-rsa", 0.97, Some(1.08)),
    time("TLS 1.2 ECDHE (X25519) + ECDSA", "hs12-x25519-ecdsa", 0.95, Some(1.08)),
    time("TLS 1.2 ECDHE (P-256) + ECDSA", "hs12-p256-ecdsa", 0.95, Some(1.08)),
    time("TLS 1.2 ECDHE (X25519) + RSA", "hs12-x25519-rsa", 0.97, Some(1.08)),
    time("TLS 1.2 ECDHE (P-256) + RSA", "hs12-p256-rsa", 0.97, Some(1.08)),
    time("TLS 1.2 static RSA", "hs12-rsakx", 0.90, Some(1.10)),
    time("TLS 1.2 DHE-RSA ffdhe2048", "hs12-dhe-rsa", 0.85, None),
    time("TLS 1.3 PSK-DHE resumption", "res13-psk-dhe", 0.85, Some(1.20)),
    time("TLS 1.2 ticket resumption", "res12-ticket", 0.65, None),
    bulk("AES-128-GCM, TLS 1.3, send", "bulk13-aes128gcm", SEND, GCM_SEND),
    bulk(
        "AES-128-GCM, TLS 1.3, receive",
        "bulk13-aes128gcm",
        RECEIVE,
        GCM_RECEIVE,
    ),
    bulk("AES-256-GCM, TLS 1.3, send", "bulk13-aes256gcm", SEND, GCM_SEND),
    bulk(
        "AES-256-GCM, TLS 1.3, receive",
        "bulk13-aes256gcm",
        RECEIVE,
        GCM_RECEIVE,
    ),
    bulk("AES-256-GCM, TLS 1.2, send", "bulk12-aes256gcm", SEND, GCM_SEND),
    bulk(
        "AES-256-GCM, TLS 1.2, receive",
        "bulk12-aes256gcm",
        RECEIVE,
        GCM_RECEIVE,
    ),
    bulk(
        "AES-128-CBC-SHA, send",
        "bulk12-aes128cbcsha",
        SEND,
        Bound::Ratio("", 0.95, None),
    ),
    bulk(
        "AES-128-CBC-SHA, receive",
        "bulk12-aes128cbcsha",
        RECEIVE,
        Bound::Ratio("", 1.0, None),
    ),
    bulk(
        "AES-256-CBC-SHA, send",
        "bulk12-aes256cbcsha",
        SEND,
        Bound::Ratio("", 0.95, None),
    ),
    bulk(
        "AES-256-CBC-SHA, receive",
        "bulk12-aes256cbcsha",
        RECEIVE,
        Bound::Ratio("", 1.0, None),
    ),
    bulk(
        "ChaCha20, send; best Rust peer",
        "bulk13-chacha",
        SEND,
        Bound::Ratio("rustls", 0.90, None),
    ),
    bulk(
        "ChaCha20, receive; best Rust peer",
        "bulk13-chacha",
        RECEIVE,
        Bound::Ratio("rustls", 0.90, None),
    ),
    count("heap of an idle connection, bytes", "mem13", "server_heap", 1536.0),
    count(
        "heap of an idle connection, compacted",
        "mem13",
        "server_heap_compacted",
        614.0,
    ),
    count(
        "allocations a handshake, server",
        "hs13-x25519-ecdsa",
        "server_allocs",
        20.0,
    ),
    count(
        "allocations a handshake, client",
        "hs13-x25519-ecdsa",
        "client_allocs",
        25.0,
    ),
    count("allocations a record, send", "bulk13-aes128gcm", "send_allocs", 0.0),
    count("allocations a record, receive", "bulk13-aes128gcm", "recv_allocs", 0.0),
    bulk(
        "new connections a second over sockets",
        "sockets-new connections a second",
        "rate",
        Bound::Rate(1.05),
    ),
    bulk(
        "throughput over sockets, 1 stream",
        "sockets-1 stream, GB a second",
        "rate",
        Bound::Rate(1.10),
    ),
    bulk(
        "throughput over sockets, 100 streams",
        "sockets-100 streams, GB a second",
        "rate",
        Bound::Rate(1.10),
    ),
];

/// One line for each target: what was measured, what it is held against, and whether it is met.
pub fn table(d: &Data, o: &mut String) {
    *o += "\n## Targets\n\nThe best peer is the best that this run measured.\n\n";
    *o += "| what | premaster | best peer | who | ratio | target | ratio to the limit | target | met |\n";
    *o += "|---|---|---|---|---|---|---|---|---|\n";
    let mut met = (0, 0);
    for target in TARGETS {
        let Some(own) = d.get(target.group, PEERS[0], target.metric) else {
            *o += &format!("| {} | - | - | - | - | - | - | - | not measured |\n", target.what);
            continue;
        };
        let (line, ok) = target.line(d, own);
        met.0 += usize::from(ok == Some(true));
        met.1 += 1;
        let ok = match ok {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "no peer",
        };
        *o += &format!("| {} | {} | {line} | {ok} |\n", target.what, target.shown(own));
    }
    *o += &format!("\n{} of {} met.\n", met.0, met.1);
}

impl Target {
    fn shown(&self, value: f64) -> String {
        match self.bound {
            Bound::Ratio(..) => format!("{:.2} us", value / 1e3),
            Bound::Rate(_) => format!("{value:.2}"),
            Bound::Count(_) => format!("{value:.0}"),
        }
    }

    /// The columns between the figure and the verdict, and the verdict: none without a peer to compare with.
    fn line(&self, d: &Data, own: f64) -> (String, Option<bool>) {
        let best = |prefix: &str, more: bool| {
            PEERS[1..]
                .iter()
                .filter(|who| who.starts_with(prefix))
                .filter_map(|&who| Some((d.get(self.group, who, self.metric)?, who)))
                .min_by(|a, b| {
                    let order = a.0.total_cmp(&b.0);
                    if more {
                        order.reverse()
                    } else {
                        order
                    }
                })
        };
        let beside = |best: Option<(f64, &str)>, bound: String| match best {
            Some((0.0, who)) => format!("0 | {who} | - | {bound}"),
            Some((value, who)) => format!("{} | {who} | {:.3} | {bound}", self.shown(value), own / value),
            None => format!("- | - | - | {bound}"),
        };
        match self.bound {
            Bound::Ratio(prefix, peer, limit) => {
                let best = best(prefix, false);
                let (columns, within) = match limit.zip(self.limit(d)) {
                    Some((bound, limit)) => {
                        let ratio = own / limit;
                        (format!("{ratio:.3} | <= {bound:.2}"), ratio <= bound)
                    }
                    None => ("- | -".to_string(), true),
                };
                let met = best.map(|(value, _)| within && own / value <= peer);
                (format!("{} | {columns}", beside(best, format!("<= {peer:.2}"))), met)
            }
            Bound::Rate(peer) => {
                let best = best("", true);
                let met = best.map(|(value, _)| own / value >= peer);
                (format!("{} | - | -", beside(best, format!(">= {peer:.2}"))), met)
            }
            Bound::Count(at_most) => {
                let columns = beside(best("", false), format!("<= {at_most:.0} itself"));
                (format!("{columns} | - | -"), Some(own <= at_most))
            }
        }
    }

    fn limit(&self, d: &Data) -> Option<f64> {
        let p = |name: &str| d.best(name).map_or(f64::NAN, |best| best.0);
        match self.metric {
            SEND => limits::bulk(self.group, &p).map(|limit| limit.server),
            RECEIVE => limits::bulk(self.group, &p).map(|limit| limit.client),
            _ => limits::handshake(self.group, &p).map(|limit| limit.client + limit.server),
        }
    }
}
