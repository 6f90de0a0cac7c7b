//! Writes the table of the runner's results: `premaster-bogo-results ALL RESULTS CONFIG COMMIT DATE`.
//!
//! ALL is the runner's JSON output of a run that names every test, RESULTS that of the real run, CONFIG the shim's
//! configuration. README.md says how to make them.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [all, results, config, commit, date] = arguments.as_slice() else {
        return Err("usage: premaster-bogo-results ALL RESULTS CONFIG COMMIT DATE".into());
    };
    let read = |path: &str| -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    };
    let table = Table::new(&read(all)?, &read(results)?, &read(config)?)?;
    print!("{}", table.write(commit, date)?);
    Ok(())
}

/// What the tests are about, by the first rule whose word is in a test's name.
const CATEGORIES: &[(&str, &[&str])] = &[
    (
        "Signature algorithms",
        &["Client-Sign", "Server-Sign", "Client-Verify", "Server-Verify", "-NoVerify-", "BadECDSA"],
    ),
    ("Compliance policies", &["Compliance-"]),
    ("Raw public keys", &["ClientCertificateType-", "ServerCertificateType-"]),
    ("Certificate selection", &["CertificateSelection-"]),
    (
        "Verification of certificates",
        &["CertificateVerification", "KeyUsage", "CheckLeafCurve", "GarbageCertificate"],
    ),
    ("Encrypted Client Hello", &["ECH"]),
    ("Pre-shared keys", &["PSK-", "EmptyPSKHint", "PSKHint"]),
    ("Staples", &["OCSP", "SignedCertificateTimestamp", "SCT"]),
    ("Early data", &["EarlyData"]),
    ("Resumption", &["Resume", "Resumption", "Ticket", "SessionID"]),
    ("Renegotiation", &["Renegotiat"]),
    ("Cipher suites", &["TLS-TLS1", "Cipher", "CBC"]),
    ("Groups", &["CurveTest", "Curve", "MLKEM", "KeyShare", "ECPoint", "PQ"]),
    ("Client certificates", &["ClientAuth", "ClientCertificate"]),
    ("Certificate compression", &["CertCompression"]),
    ("Versions", &["Version", "Downgrade", "Fallback"]),
    ("HelloRetryRequest", &["HelloRetryRequest", "HRR"]),
    ("Application protocols", &["ALPN", "NPN", "ALPS"]),
    ("Closing and alerts", &["Shutdown", "Alert"]),
    ("Exporters", &["Export"]),
    ("Records and messages", &["Partial", "Trailing", "WrongMessageType", "Fragment", "Record", "Handshake"]),
];

#[derive(Default)]
struct Row {
    total: usize,
    pass: usize,
    fail: usize,
    unimplemented: usize,
    disabled: usize,
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.pass += other.pass;
        self.fail += other.fail;
        self.unimplemented += other.unimplemented;
        self.disabled += other.disabled;
    }

    fn write(&self, name: &str, out: &mut String) -> std::fmt::Result {
        let Self { total, pass, fail, unimplemented, disabled } = self;
        writeln!(out, "| {name} | {total} | {pass} | {fail} | {unimplemented} | {disabled} |")
    }
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<&'static str, Row>,
    reasons: BTreeMap<String, usize>,
    unused: BTreeSet<String>,
}

impl Table {
    fn new(all: &Value, results: &Value, config: &Value) -> Result<Self, Box<dyn Error>> {
        let all = all["tests"].as_object().ok_or("ALL names no tests")?;
        let disabled = config["DisabledTests"].as_object().ok_or("CONFIG disables nothing")?;
        let mut table = Self { unused: disabled.keys().cloned().collect(), ..Self::default() };
        for name in all.keys() {
            let row = table.rows.entry(category(name)).or_default();
            row.total += 1;
            match results["tests"][name]["actual"].as_str() {
                Some("PASS") => row.pass += 1,
                Some("SKIP") => row.unimplemented += 1,
                Some(_) => row.fail += 1,
                None => {
                    row.disabled += 1;
                    let matching = disabled.iter().filter(|(pattern, _)| matches(pattern, name));
                    let mut reason = "not run";
                    for (pattern, text) in matching {
                        reason = text.as_str().unwrap_or("no reason");
                        table.unused.remove(pattern);
                    }
                    *table.reasons.entry(reason.to_owned()).or_default() += 1;
                }
            }
        }
        Ok(table)
    }

    fn write(&self, commit: &str, date: &str) -> Result<String, Box<dyn Error>> {
        let mut out = String::from("# What BoringSSL's runner says\n\n");
        writeln!(out, "Made by `premaster-bogo-results` on {date} from a run of the runner of BoringSSL")?;
        writeln!(
            out,
            "`{commit}`. README.md says how. An unimplemented test needs a flag that the shim does not"
        )?;
        writeln!(out, "know; a disabled one has its reason below.\n")?;
        writeln!(out, "| category | total | pass | fail | unimplemented | disabled |")?;
        writeln!(out, "|---|--:|--:|--:|--:|--:|")?;
        let (mut core, mut every) = (Row::default(), Row::default());
        for (name, row) in &self.rows {
            row.write(name, &mut out)?;
            every.add(row);
            if ![DTLS, QUIC, OLD].contains(name) {
                core.add(row);
            }
        }
        core.write("**TLS 1.2 and 1.3**", &mut out)?;
        every.write("**all**", &mut out)?;
        out.push_str("\n## Disabled\n\n| tests | reason |\n|--:|---|\n");
        for (reason, count) in &self.reasons {
            writeln!(out, "| {count} | {reason} |")?;
        }
        if let Some(pattern) = self.unused.iter().next() {
            return Err(format!("config.json disables {pattern}, which is the name of no test").into());
        }
        Ok(out)
    }
}

const DTLS: &str = "DTLS";
const QUIC: &str = "QUIC";
const OLD: &str = "TLS 1.1 and older";

fn category(name: &str) -> &'static str {
    let old =
        |part: &str| matches!(part, "TLS1" | "TLS11") || part.ends_with("_TLS1") || part.ends_with("_TLS11");
    if name.contains("DTLS") {
        DTLS
    } else if name.contains("QUIC") {
        QUIC
    } else if name.split('-').any(old) || name.ends_with("TLS11") || name.ends_with("TLS1") {
        OLD
    } else {
        let rule = CATEGORIES.iter().find(|(_, words)| words.iter().any(|word| name.contains(word)));
        rule.map_or("Other", |(category, _)| category)
    }
}

/// Whether a test's name matches a pattern in which a star stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    let mut ends = (0..=name.len()).filter(|end| name.is_char_boundary(*end));
    ends.any(|end| matches(rest, &name[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        for (pattern, name, want) in [
            ("*-TLS11", "Resume-TLS11", true),
            ("*-TLS1", "Resume-TLS11", false),
            ("A-*-B-*", "A-x-B-", true),
            ("A-*-B-*", "A-B-C", false),
            ("A", "A", true),
            ("A", "AB", false),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }
}
