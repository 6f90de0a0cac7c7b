//! Turns the raw medians into the report's tables.

use crate::targets;
use bench_core::limits;
use std::collections::{BTreeMap, BTreeSet};

/// group, implementation, metric
pub struct Data(BTreeMap<(String, String, String), f64>);

impl Data {
    pub fn get(&self, group: &str, who: &str, metric: &str) -> Option<f64> {
        self.0
            .get(&(group.to_string(), who.to_string(), metric.to_string()))
            .copied()
    }

    fn groups(&self) -> BTreeSet<String> {
        self.0.keys().map(|k| k.0.clone()).collect()
    }

    fn members(&self, group: &str) -> Vec<String> {
        let s: BTreeSet<String> = self.0.keys().filter(|k| k.0 == group).map(|k| k.1.clone()).collect();
        s.into_iter().collect()
    }

    /// Fastest implementation of a primitive.
    pub fn best(&self, group: &str) -> Option<(f64, String)> {
        self.members(group)
            .into_iter()
            .filter(|m| !m.starts_with("prototype"))
            .filter_map(|m| Some((self.get(group, &m, "ns")?, m)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }
}

pub fn make(tsv: &str) -> String {
    let mut d = Data(BTreeMap::new());
    for l in tsv.lines() {
        let f: Vec<&str> = l.split('\t').collect();
        let (g, w) = f[0].split_once('/').unwrap();
        d.0.insert((g.into(), w.into(), f[1].into()), f[2].parse().unwrap());
    }
    derive(&mut d);
    let mut o = String::new();
    targets::table(&d, &mut o);
    sockets(&d, &mut o);
    primitives(&d, &mut o);
    if d.groups().iter().any(|g| g.starts_with("hs")) {
        tls(&d, &mut o);
    }
    o
}

/// Opening alone, agreeing alone, decapsulating alone: by subtraction.
fn derive(d: &mut Data) {
    let mut add = Vec::new();
    let sub = |a: &str, b: &str, to: &str, add: &mut Vec<_>| {
        for m in d.members(a) {
            if let (Some(x), Some(y)) = (d.get(a, &m, "ns"), d.get(b, &m, "ns")) {
                add.push(((to.to_string(), m, "ns".to_string()), x - y));
            }
        }
    };
    for g in d.groups() {
        if g.contains("-sealopen-") {
            sub(
                &g,
                &g.replace("sealopen", "seal"),
                &g.replace("sealopen", "open"),
                &mut add,
            );
        }
        if let Some(n) = g.strip_suffix("-keygen+agree") {
            sub(&g, &format!("{n}-keygen"), &format!("{n}-agree"), &mut add);
        }
        if let Some(n) = g.strip_suffix("-keygen+decap") {
            sub(&g, &format!("{n}-keygen"), &format!("{n}-decap"), &mut add);
        }
    }
    d.0.extend(add);
}

fn num(ns: f64) -> String {
    if ns >= 100_000.0 {
        format!("{:.0} us", ns / 1e3)
    } else if ns >= 1_000.0 {
        format!("{:.2} us", ns / 1e3)
    } else {
        format!("{ns:.0} ns")
    }
}

const COLUMNS: [&str; 6] = ["aws-lc-rs", "ring", "graviola", "rustcrypto", "boring", "openssl4"];

fn primitives(d: &Data, o: &mut String) {
    *o += "\n## Primitives (median time of one operation)\n\n| primitive |";
    for c in COLUMNS {
        *o += &format!(" {c} |");
    }
    *o += " other | fastest |\n|---|";
    *o += &"---|".repeat(COLUMNS.len() + 2);
    *o += "\n";
    for g in d.groups() {
        if ["hs1", "res1", "bulk1", "mem1", "sockets-"]
            .iter()
            .any(|p| g.starts_with(p))
            || g.contains("+")
            || g.contains("-sealopen-")
        {
            continue;
        }
        let (best, who) = d.best(&g).unwrap_or((0.0, "-".into()));
        *o += &format!("| {g} |");
        for c in COLUMNS {
            match d.get(&g, c, "ns") {
                Some(v) if v <= best * 1.02 => *o += &format!(" **{}** |", num(v)),
                Some(v) => *o += &format!(" {} |", num(v)),
                None => *o += " - |",
            }
        }
        let other: Vec<String> = d
            .members(&g)
            .into_iter()
            .filter(|m| !COLUMNS.contains(&m.as_str()))
            .map(|m| format!("{m} {}", num(d.get(&g, &m, "ns").unwrap())))
            .collect();
        *o += &format!(" {} | {who} |\n", other.join(", "));
    }
}

/// What the program `sockets` measured, if it ran.
fn sockets(d: &Data, o: &mut String) {
    let groups: Vec<String> = d.groups().into_iter().filter(|g| g.starts_with("sockets-")).collect();
    if groups.is_empty() {
        return;
    }
    let columns: Vec<&str> = PEERS
        .iter()
        .copied()
        .filter(|who| d.get(&groups[0], who, "rate").is_some())
        .collect();
    *o += &format!(
        "\n## Many connections over real sockets\n\n| what | {} |\n|---|{}\n",
        columns.join(" | "),
        "---|".repeat(columns.len())
    );
    for g in groups {
        *o += &format!("| {} |", &g["sockets-".len()..]);
        for who in &columns {
            *o += &d
                .get(&g, who, "rate")
                .map_or(" - |".to_string(), |v| format!(" {v:.2} |"));
        }
        *o += "\n";
    }
}

/// premaster's time as a part of that of the fastest other, scenario by scenario.
fn ratios(d: &Data, o: &mut String) {
    *o += "\n### premaster, ratio to the best other in the same run\n\n";
    *o += "| scenario | what | premaster, us | best other, us | who | ratio |\n|---|---|---|---|---|---|\n";
    for g in d.groups() {
        for (metric, what) in [
            ("total_ns", "client + server"),
            ("send_ns", "send"),
            ("recv_ns", "receive"),
        ] {
            let Some(own) = d.get(&g, PEERS[0], metric) else {
                continue;
            };
            let others = PEERS[1..].iter().filter_map(|who| Some((d.get(&g, who, metric)?, who)));
            *o += &match others.min_by(|a, b| a.0.total_cmp(&b.0)) {
                Some((best, who)) => format!(
                    "| {g} | {what} | {:.2} | {:.2} | {who} | {:.2} |\n",
                    own / 1e3,
                    best / 1e3,
                    own / best
                ),
                None => format!("| {g} | {what} | {:.2} | - | - | - |\n", own / 1e3),
            };
        }
    }
}

/// What is left of a handshake when the peer's own public-key operations (as
/// measured through its own provider) are taken away.
fn overhead(d: &Data, o: &mut String, hs: &[String]) {
    header(
        o,
        "Time beyond the peer's own public-key operations: server us / client us (limit: the symmetric part alone)",
        "scenario",
        &["limit"],
    );
    let best = |name: &str| d.best(name).map_or(f64::NAN, |b| b.0);
    for g in hs {
        let l = limits::handshake(g, &best).unwrap();
        let l0 = limits::public_key(g, &best).unwrap();
        *o += &format!(
            "| {g} | {:.1} / {:.1} |",
            (l.server - l0.server) / 1e3,
            (l.client - l0.client) / 1e3
        );
        for (who, provider) in PEERS.iter().zip(PROVIDERS) {
            let own = |name: &str| {
                let sys = if provider == "aws-lc-rs" {
                    "aws-lc-sys"
                } else {
                    provider
                };
                d.get(name, provider, "ns")
                    .or(d.get(name, sys, "ns"))
                    .unwrap_or_else(|| best(name))
            };
            let pk = limits::public_key(g, &own).unwrap();
            match (d.get(g, who, "server_ns"), d.get(g, who, "client_ns")) {
                (Some(s), Some(c)) => *o += &format!(" {:.1} / {:.1} |", (s - pk.server) / 1e3, (c - pk.client) / 1e3),
                _ => *o += " - |",
            }
        }
        *o += "\n";
    }
}

/// The provider each of `PEERS` uses.
const PROVIDERS: [&str; 8] = [
    "aws-lc-rs",
    "aws-lc-rs",
    "ring",
    "graviola",
    "aws-lc-rs",
    "aws-lc-rs",
    "boring",
    "openssl4",
];

pub const PEERS: [&str; 8] = [
    "premaster",
    "rustls23-awslc",
    "rustls23-ring",
    "rustls23-graviola",
    "rustls24-awslc",
    "s2n-awslc",
    "boring",
    "openssl4",
];

fn header(o: &mut String, title: &str, first: &str, extra: &[&str]) {
    *o += &format!("\n## {title}\n\n| {first} |");
    for e in extra {
        *o += &format!(" {e} |");
    }
    for p in PEERS {
        *o += &format!(" {p} |");
    }
    *o += "\n|---|";
    *o += &"---|".repeat(extra.len() + PEERS.len());
    *o += "\n";
}

fn tls(d: &Data, o: &mut String) {
    let p = |name: &str| d.best(name).map_or(f64::NAN, |b| b.0);
    let hs: Vec<String> = d
        .groups()
        .into_iter()
        .filter(|g| g.starts_with("hs1") || g.starts_with("res1"))
        .collect();

    for (metric, title) in [
        (
            "total_ns",
            "Handshake, client + server (us; in brackets: ratio to the limit)",
        ),
        ("server_ns", "Handshake, server side (us; ratio to the server's limit)"),
        ("client_ns", "Handshake, client side (us; ratio to the client's limit)"),
    ] {
        header(o, title, "scenario", &["limit"]);
        for g in &hs {
            let l = limits::handshake(g, &p).unwrap();
            let lim = match metric {
                "total_ns" => l.client + l.server,
                "server_ns" => l.server,
                _ => l.client,
            };
            *o += &format!("| {g} | {:.1} |", lim / 1e3);
            for who in PEERS {
                match d.get(g, who, metric) {
                    Some(v) => *o += &format!(" {:.1} ({:.2}) |", v / 1e3, v / lim),
                    None => *o += " - |",
                }
            }
            *o += "\n";
        }
    }

    ratios(d, o);
    overhead(d, o, &hs);

    header(
        o,
        "Full handshakes per second and core, server side only",
        "scenario",
        &["limit"],
    );
    for g in &hs {
        let l = limits::handshake(g, &p).unwrap();
        *o += &format!("| {g} | {:.0} |", 1e9 / l.server);
        for who in PEERS {
            match d.get(g, who, "server_ns") {
                Some(v) => *o += &format!(" {:.0} |", 1e9 / v),
                None => *o += " - |",
            }
        }
        *o += "\n";
    }

    header(
        o,
        "Allocations per handshake: server count / KiB, client count / KiB",
        "scenario",
        &[],
    );
    for g in &hs {
        *o += &format!("| {g} |");
        for who in PEERS {
            match d.get(g, who, "server_allocs") {
                Some(v) => {
                    let m = |k| d.get(g, who, k).unwrap();
                    *o += &format!(
                        " {v:.0} / {:.1}, {:.0} / {:.1} |",
                        m("server_alloc_bytes") / 1024.0,
                        m("client_allocs"),
                        m("client_alloc_bytes") / 1024.0
                    )
                }
                None => *o += " - |",
            }
        }
        *o += "\n";
    }

    for (metric, side, title) in [
        (
            "send_ns",
            1,
            "Bulk send, 16 KiB records (us per record; ratio to AEAD alone; GB/s)",
        ),
        (
            "recv_ns",
            0,
            "Bulk receive, 16 KiB records (us per record; ratio to AEAD alone; GB/s)",
        ),
    ] {
        header(o, title, "scenario", &["limit"]);
        for g in d.groups().iter().filter(|g| g.starts_with("bulk1")) {
            let l = limits::bulk(g, &p).unwrap();
            let lim = if side == 1 { l.server } else { l.client };
            *o += &format!("| {g} | {:.2} |", lim / 1e3);
            for who in PEERS {
                match d.get(g, who, metric) {
                    Some(v) => *o += &format!(" {:.2} ({:.2}; {:.2}) |", v / 1e3, v / lim, 16384.0 / v),
                    None => *o += " - |",
                }
            }
            *o += "\n";
        }
    }

    header(o, "Allocations per 16 KiB record: send / receive", "scenario", &[]);
    for g in d.groups().iter().filter(|g| g.starts_with("bulk1")) {
        *o += &format!("| {g} |");
        for who in PEERS {
            match d.get(g, who, "send_allocs") {
                Some(v) => *o += &format!(" {v:.1} / {:.1} |", d.get(g, who, "recv_allocs").unwrap()),
                None => *o += " - |",
            }
        }
        *o += "\n";
    }

    header(
        o,
        "Heap per idle established connection, server side (bytes; in brackets after traffic)",
        "scenario",
        &[],
    );
    for g in ["mem13", "mem12"] {
        *o += &format!("| {g} |");
        for who in PEERS {
            match d.get(g, who, "server_heap") {
                Some(v) => {
                    *o += &format!(" {v:.0} ({:.0})", d.get(g, who, "server_heap_after_traffic").unwrap());
                    if let Some(compacted) = d.get(g, who, "server_heap_compacted") {
                        *o += &format!(", compacted {compacted:.0}");
                    }
                    *o += " |";
                }
                None => *o += " - |",
            }
        }
        *o += "\n";
    }

    header(o, "Bytes on the wire per handshake, both directions", "scenario", &[]);
    for g in &hs {
        *o += &format!("| {g} |");
        for who in PEERS {
            match d.get(g, who, "wire_bytes") {
                Some(v) => *o += &format!(" {v:.0} |"),
                None => *o += " - |",
            }
        }
        *o += "\n";
    }
}
