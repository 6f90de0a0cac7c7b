//! The two key schedules.
use super::{ExpandLabel, Extract, Prf, Tls12, Tls13, kdf, report::Report};
use crate::failure::Failure;
use premaster::{
    crypto::hash::{HashAlgorithm, digest},
    suite::{Protection, Suite},
    wire::{CipherSuite, ProtocolVersion},
};
use premaster_trace::hex;

fn suite(code: CipherSuite, version: ProtocolVersion) -> Result<&'static Suite, Failure> {
    let suite = Suite::find(code).filter(|suite| suite.version() == version);
    suite.ok_or_else(|| {
        Failure::usage(format!("{code} is not a cipher suite of {version}"))
            .remedy("list the suites of each version: premaster suite")
    })
}

fn exactly(what: &str, bytes: &[u8], length: usize) -> Result<(), Failure> {
    match bytes.len() == length {
        true => Ok(()),
        false => Err(Failure::usage(format!("{what} must have {length} bytes, not {}", bytes.len()))),
    }
}

/// RFC 5246 sections 5, 6.3 and 8.1, RFC 7627 section 4.
pub(super) fn tls12(input: &Tls12, report: &mut Report) -> Result<(), Failure> {
    let suite = suite(input.suite, ProtocolVersion::TLS_1_2)?;
    let (client, server) = (&input.client_random.0, &input.server_random.0);
    exactly("the client's random", client, 32)?;
    exactly("the server's random", server, 32)?;
    let premaster = input.pre_master.bytes()?;
    report.bytes("pre_master_secret", "given", &premaster, Vec::new());
    let (label, seed, formula) = match &input.session_hash {
        Some(hash) => {
            exactly("the session hash", &hash.0, suite.hash.output_len())?;
            ("extended master secret", hash.0.clone(), "session_hash")
        }
        None => {
            ("master secret", [client.as_slice(), server].concat(), "ClientHello.random + ServerHello.random")
        }
    };
    let (master, steps) = kdf::prf(suite.hash, &premaster, label, &seed, 48);
    report.bytes(
        "master_secret",
        format!("PRF(pre_master_secret, \"{label}\", {formula})[0..47]"),
        &master,
        steps,
    );
    let layout = suite.key_block_layout();
    let seed = [server.as_slice(), client].concat();
    let (block, steps) = kdf::prf(suite.hash, &master, "key expansion", &seed, layout.total());
    let last = layout.total().saturating_sub(1);
    let formula =
        format!("PRF(master_secret, \"key expansion\", ServerHello.random + ClientHello.random)[0..{last}]");
    report.bytes("key_block", formula, &block, steps);
    let cuts = [
        ("client_write_MAC_key", layout.mac_key),
        ("server_write_MAC_key", layout.mac_key),
        ("client_write_key", layout.key),
        ("server_write_key", layout.key),
        ("client_write_IV", layout.iv),
        ("server_write_IV", layout.iv),
    ];
    let mut at = 0;
    for (name, length) in cuts {
        let formula = match length {
            0 => "nothing: an AEAD suite has no MAC keys".to_owned(),
            _ => format!("key_block[{at}..{}]", at + length - 1),
        };
        report.bytes(name, formula, &block[at..at + length], Vec::new());
        at += length;
    }
    Ok(())
}

/// RFC 9846 section 7.1.
pub(super) fn tls13(input: &Tls13, report: &mut Report) -> Result<(), Failure> {
    let suite = suite(input.suite, ProtocolVersion::TLS_1_3)?;
    if input.shared_secret.is_none() && input.psk.is_none() {
        return Err(
            Failure::usage("there is nothing to derive from").remedy("give --shared-secret, --psk or both")
        );
    }
    let mut ladder = Ladder { suite, report };
    let zeros = vec![0; suite.hash.output_len()];
    let psk = input.psk.as_ref().map(super::Secret::bytes).transpose()?;
    let early = ladder.extract(
        "early_secret",
        "0",
        &zeros,
        if psk.is_some() { "PSK" } else { "0" },
        psk.as_deref().unwrap_or(&zeros),
    );
    if let Some(hash) = &input.client_hello_hash {
        ladder.check(&hash.0)?;
        let secret =
            ladder.derive("client_early_traffic_secret", "early_secret", &early, "c e traffic", &hash.0);
        ladder.keys("client_early_traffic_secret", &secret);
        ladder.derive("early_exporter_secret", "early_secret", &early, "e exp master", &hash.0);
    }
    let shared = input.shared_secret.as_ref().map(super::Secret::bytes).transpose()?;
    let salt = ladder.down("early_secret", &early);
    let name = if shared.is_some() { "shared_secret" } else { "0" };
    let handshake = ladder.extract(
        "handshake_secret",
        "derived_secret",
        &salt,
        name,
        shared.as_deref().unwrap_or(&zeros),
    );
    if let Some(hash) = &input.hello_hash {
        ladder.check(&hash.0)?;
        for (name, label) in [
            ("client_handshake_traffic_secret", "c hs traffic"),
            ("server_handshake_traffic_secret", "s hs traffic"),
        ] {
            let secret = ladder.derive(name, "handshake_secret", &handshake, label, &hash.0);
            ladder.keys(name, &secret);
        }
    }
    let salt = ladder.down("handshake_secret", &handshake);
    let main = ladder.extract("main_secret", "derived_secret", &salt, "0", &zeros);
    if let Some(hash) = &input.server_finished_hash {
        ladder.check(&hash.0)?;
        for (name, label) in [
            ("client_application_traffic_secret_0", "c ap traffic"),
            ("server_application_traffic_secret_0", "s ap traffic"),
        ] {
            let secret = ladder.derive(name, "main_secret", &main, label, &hash.0);
            ladder.keys(name, &secret);
        }
        ladder.derive("exporter_secret", "main_secret", &main, "exp master", &hash.0);
    }
    if let Some(hash) = &input.client_finished_hash {
        ladder.check(&hash.0)?;
        ladder.derive("resumption_secret", "main_secret", &main, "res master", &hash.0);
    }
    Ok(())
}

struct Ladder<'r> {
    suite: &'static Suite,
    report: &'r mut Report,
}

impl Ladder<'_> {
    fn hash(&self) -> HashAlgorithm {
        self.suite.hash
    }

    fn check(&self, hash: &[u8]) -> Result<(), Failure> {
        exactly("a transcript hash", hash, self.hash().output_len())
    }

    fn extract(
        &mut self,
        name: &str,
        salt_name: &str,
        salt: &[u8],
        input_name: &str,
        input: &[u8],
    ) -> kdf::Bytes {
        let (value, steps) = kdf::extract(self.hash(), salt, input);
        self.report.bytes(name, format!("HKDF-Extract({salt_name}, {input_name})"), &value, steps);
        value
    }

    fn expand(
        &mut self,
        name: &str,
        from: &str,
        secret: &[u8],
        label: &str,
        context: &[u8],
        length: usize,
    ) -> kdf::Bytes {
        let (value, steps) = kdf::expand_label(self.hash(), secret, label, context, length);
        let context = if context.is_empty() { "\"\"".to_owned() } else { hex::encode(context) };
        self.report.bytes(
            name,
            format!("HKDF-Expand-Label({from}, \"{label}\", {context}, {length})"),
            &value,
            steps,
        );
        value
    }

    fn derive(&mut self, name: &str, from: &str, secret: &[u8], label: &str, hash: &[u8]) -> kdf::Bytes {
        self.expand(name, from, secret, label, hash, self.hash().output_len())
    }

    fn down(&mut self, from: &str, secret: &[u8]) -> kdf::Bytes {
        let empty = digest(self.hash(), &[]);
        self.derive("derived_secret", from, secret, "derived", empty.as_ref())
    }

    fn keys(&mut self, from: &str, secret: &[u8]) {
        let Protection::Aead(algorithm) = self.suite.protection else { return };
        self.expand(&format!("{from} key"), from, secret, "key", &[], algorithm.key_len());
        self.expand(&format!("{from} iv"), from, secret, "iv", &[], 12);
        self.expand(&format!("{from} finished_key"), from, secret, "finished", &[], self.hash().output_len());
    }
}

pub(super) fn prf(input: &Prf, report: &mut Report) -> Result<(), Failure> {
    let secret = input.secret.bytes()?;
    let length = input.length.into();
    let (value, steps) = kdf::prf(input.hash.into(), &secret, &input.label, &input.seed.0, length);
    let formula = format!("PRF(secret, \"{}\", seed)[0..{}]", input.label.escape_default(), length - 1);
    report.bytes("output", formula, &value, steps);
    Ok(())
}

pub(super) fn extract(input: &Extract, report: &mut Report) -> Result<(), Failure> {
    let hash: HashAlgorithm = input.hash.into();
    let zeros = vec![0; hash.output_len()];
    let salt = input.salt.as_ref().map(super::Secret::bytes).transpose()?;
    let secret = input.secret.as_ref().map(super::Secret::bytes).transpose()?;
    let (value, steps) =
        kdf::extract(hash, salt.as_deref().unwrap_or(&zeros), secret.as_deref().unwrap_or(&zeros));
    report.bytes("output", "HKDF-Extract(salt, secret)", &value, steps);
    Ok(())
}

pub(super) fn expand_label(input: &ExpandLabel, report: &mut Report) -> Result<(), Failure> {
    let hash: HashAlgorithm = input.hash.into();
    let length = usize::from(input.length);
    if input.label.len() > 249 || input.context.0.len() > 255 || length > 255 * hash.output_len() {
        return Err(Failure::usage("the label, the context or the length is too long for HkdfLabel"));
    }
    let secret = input.secret.bytes()?;
    let (value, steps) = kdf::expand_label(hash, &secret, &input.label, &input.context.0, length);
    let formula =
        format!("HKDF-Expand-Label(secret, \"{}\", context, {length})", input.label.escape_default());
    report.bytes("output", formula, &value, steps);
    Ok(())
}
