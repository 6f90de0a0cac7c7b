//! What a cipher suite's name means, part by part.
use super::{paragraph, policies, strictest, yes};
use premaster::{
    crypto::aead::AeadAlgorithm,
    suite::{Authentication, KeyExchange, Protection, Suite},
    wire::ProtocolVersion,
};
use serde::Serialize;
use std::fmt;

/// What a suite's name means.
#[derive(Debug, Serialize)]
pub struct Meaning {
    name: &'static str,
    code: String,
    openssl_name: &'static str,
    version: String,
    parts: Vec<Part>,
    forward_secret: bool,
    forward_secrecy: &'static str,
    /// TLS 1.2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_block: Option<KeyBlock>,
    /// The lengths of the record keys in bytes, TLS 1.3 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    record_keys: Option<RecordKeys>,
    tag_or_mac_length: usize,
    policies: Vec<&'static str>,
    deprecated: bool,
    status: &'static str,
}

/// A part of the name.
#[derive(Debug, Serialize)]
struct Part {
    text: String,
    role: &'static str,
    meaning: String,
}

/// How the key block is cut, in bytes.
#[derive(Debug, Serialize)]
struct KeyBlock {
    length: usize,
    slices: Vec<Slice>,
}

#[derive(Debug, Serialize)]
struct Slice {
    name: &'static str,
    offset: usize,
    length: usize,
}

#[derive(Debug, Serialize)]
struct RecordKeys {
    key: usize,
    iv: usize,
}

impl Meaning {
    /// Of this suite.
    pub fn of(suite: &Suite) -> Self {
        let tls12 = suite.version() == ProtocolVersion::TLS_1_2;
        Self {
            name: suite.name(),
            code: format!("{:#06x}", suite.code.0),
            openssl_name: suite.openssl_name,
            version: suite.version().to_string(),
            parts: parts(suite),
            forward_secret: suite.is_forward_secret(),
            forward_secrecy: forward_secrecy(suite.key_exchange),
            key_block: tls12.then(|| key_block(suite)),
            record_keys: (!tls12).then(|| RecordKeys { key: suite.key_block_layout().key, iv: 12 }),
            tag_or_mac_length: match suite.protection {
                Protection::Aead(algorithm) => algorithm.tag_len(),
                Protection::Cbc { mac, .. } => mac.output_len(),
            },
            policies: policies(|policy| policy.cipher_suites.contains(&suite.code)),
            deprecated: suite.is_deprecated(),
            status: status(suite),
        }
    }
}

fn parts(suite: &Suite) -> Vec<Part> {
    let mut parts =
        vec![part("TLS", "protocol", format!("a suite of {} and of no other version", suite.version()))];
    if suite.key_exchange == KeyExchange::Tls13 {
        let meaning = "negotiated apart: see supported_groups and signature_algorithms";
        parts.push(part("(no name)", "key exchange", meaning));
    } else {
        let name = suite.key_exchange.name();
        // RFC 6655 turned the two words around.
        let name = if suite.name().contains(name) { name } else { "PSK_DHE" };
        parts.push(part(name, "key exchange", key_exchange(suite.key_exchange)));
        if let Some((text, meaning)) = authentication(suite) {
            parts.push(part(text, "authentication", meaning));
        }
    }
    match suite.protection {
        Protection::Aead(algorithm) => aead(algorithm, &mut parts),
        Protection::Cbc { cipher, mac } => {
            let bits = 8 * cipher.key_len();
            parts.push(part(format!("AES_{bits}"), "cipher", format!("AES with a key of {bits} bits")));
            parts.push(part(
                "CBC",
                "mode",
                "each block is mixed with the one before; padding fills the last",
            ));
            let meaning = format!("HMAC-{} over each record, {} bytes", mac.name(), mac.output_len());
            // The registry has no number for the first of them.
            let text = mac.name().replace('-', "").replace("SHA1", "SHA");
            parts.push(part(text, "MAC", meaning));
        }
    }
    let meaning = match suite.version() {
        ProtocolVersion::TLS_1_3 => "of HKDF and of the transcript",
        _ => "of the PRF and of the transcript",
    };
    parts.push(part(suite.hash.name().replace('-', ""), "hash", meaning));
    parts
}

fn part(text: impl Into<String>, role: &'static str, meaning: impl Into<String>) -> Part {
    Part { text: text.into(), role, meaning: meaning.into() }
}

const fn key_exchange(exchange: KeyExchange) -> &'static str {
    match exchange {
        KeyExchange::Rsa => {
            "the client encrypts the premaster secret to the RSA key of the server's certificate"
        }
        KeyExchange::Dh => "Diffie-Hellman with the key of the server's certificate",
        KeyExchange::Ecdh => "Diffie-Hellman on a curve with the key of the server's certificate",
        KeyExchange::Dhe => "Diffie-Hellman with keys that both sides make for this handshake alone",
        KeyExchange::Ecdhe => {
            "Diffie-Hellman on a curve with keys that both sides make for this handshake alone"
        }
        KeyExchange::Psk => "a key that both sides have had all along is all there is",
        KeyExchange::DhePsk => "a pre-shared key, and Diffie-Hellman with keys made for this handshake",
        KeyExchange::EcdhePsk => {
            "a pre-shared key, and Diffie-Hellman on a curve with keys made for this handshake"
        }
        KeyExchange::RsaPsk => "a pre-shared key, and a secret encrypted to the server's RSA key",
        KeyExchange::DhAnon => "Diffie-Hellman with fresh keys that nobody signs",
        KeyExchange::EcdhAnon => "Diffie-Hellman on a curve with fresh keys that nobody signs",
        _ => "negotiated apart from the suite",
    }
}

/// The name's part and what it means; none where the key exchange's name says it already.
const fn authentication(suite: &Suite) -> Option<(&'static str, &'static str)> {
    let is_static = matches!(suite.key_exchange, KeyExchange::Dh | KeyExchange::Ecdh);
    Some(match suite.authentication {
        Authentication::Rsa => match suite.key_exchange {
            KeyExchange::Rsa | KeyExchange::RsaPsk => {
                ("RSA", "the same RSA key: only its owner can decrypt the secret and compute Finished")
            }
            _ if is_static => {
                ("RSA", "the certificate is signed with RSA; its own key takes part in the exchange")
            }
            _ => ("RSA", "the server signs its fresh key with the RSA key of its certificate"),
        },
        Authentication::Ecdsa if is_static => {
            ("ECDSA", "the certificate is signed with ECDSA; its own key takes part in the exchange")
        }
        Authentication::Ecdsa => {
            ("ECDSA", "the server signs its fresh key with the ECDSA or EdDSA key of its certificate")
        }
        Authentication::Psk => ("PSK", "who knows the pre-shared key is believed"),
        Authentication::Anonymous => ("anon", "none: whoever stands between can be either side"),
        _ => return None,
    })
}

fn aead(algorithm: AeadAlgorithm, parts: &mut Vec<Part>) {
    if algorithm == AeadAlgorithm::ChaCha20Poly1305 {
        parts.push(part(
            "CHACHA20",
            "cipher",
            "a stream cipher with a key of 256 bits, fast without AES hardware",
        ));
        parts.push(part("POLY1305", "authenticator", "a tag of 16 bytes on each record"));
        return;
    }
    let bits = 8 * algorithm.key_len();
    parts.push(part(format!("AES_{bits}"), "cipher", format!("AES with a key of {bits} bits")));
    let (text, meaning) = match (algorithm, algorithm.tag_len()) {
        (AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm, _) => {
            ("GCM", "encrypts and authenticates in one pass; a tag of 16 bytes on each record")
        }
        (_, 8) => {
            ("CCM_8", "encrypts and authenticates; a tag of only 8 bytes on each record, for tiny devices")
        }
        _ => ("CCM", "encrypts and authenticates; a tag of 16 bytes on each record"),
    };
    parts.push(part(text, "mode", meaning));
}

const fn forward_secrecy(exchange: KeyExchange) -> &'static str {
    match exchange {
        KeyExchange::Tls13 => "yes, in every handshake but one that resumes with psk_ke",
        KeyExchange::Rsa | KeyExchange::RsaPsk | KeyExchange::Dh | KeyExchange::Ecdh => {
            "no: who gets the certificate's key later reads what was recorded today"
        }
        KeyExchange::Psk => "no: who gets the pre-shared key later reads what was recorded today",
        _ => "yes: the keys are made for one handshake and erased",
    }
}

fn key_block(suite: &Suite) -> KeyBlock {
    let layout = suite.key_block_layout();
    let names = [
        ("client_write_MAC_key", layout.mac_key),
        ("server_write_MAC_key", layout.mac_key),
        ("client_write_key", layout.key),
        ("server_write_key", layout.key),
        ("client_write_IV", layout.iv),
        ("server_write_IV", layout.iv),
    ];
    let mut offset = 0;
    let slices = names.map(|(name, length)| {
        offset += length;
        Slice { name, offset: offset - length, length }
    });
    KeyBlock { length: layout.total(), slices: slices.into() }
}

/// What the RFCs say of it today.
fn status(suite: &Suite) -> &'static str {
    let cbc = matches!(suite.protection, Protection::Cbc { .. });
    let short_tag = matches!(suite.protection, Protection::Aead(algorithm) if algorithm.tag_len() < 16);
    match suite.key_exchange {
        KeyExchange::DhAnon | KeyExchange::EcdhAnon => {
            "not for use: it authenticates nobody (RFC 9325 section 4.1)"
        }
        KeyExchange::Rsa | KeyExchange::RsaPsk => "deprecated: static RSA key exchange (RFC 10015)",
        KeyExchange::Dh => "deprecated: static Diffie-Hellman (RFC 10015)",
        KeyExchange::Ecdh => "deprecated: static Diffie-Hellman on a curve (RFC 10015)",
        KeyExchange::Dhe | KeyExchange::DhePsk => {
            "deprecated: finite-field Diffie-Hellman in TLS 1.2 (RFC 10015)"
        }
        KeyExchange::Psk => "discouraged: no forward secrecy (RFC 9325 section 4.1)",
        _ if cbc => "discouraged: prefer authenticated encryption (RFC 9325 section 4.2)",
        _ if short_tag => "for constrained devices: a tag of 8 bytes is easier to forge",
        _ => "recommended (RFC 9325 section 4.2)",
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        write!(f, "{}", paragraph("code point", &self.code))?;
        write!(f, "{}", paragraph("OpenSSL's name", self.openssl_name))?;
        writeln!(f)?;
        for part in &self.parts {
            write!(f, "{}", paragraph(&part.text, &format!("{}: {}", part.role, part.meaning)))?;
        }
        writeln!(f)?;
        write!(f, "{}", paragraph("forward secrecy", self.forward_secrecy))?;
        if let Some(block) = &self.key_block {
            write!(
                f,
                "{}",
                paragraph("key block", &format!("{} bytes (RFC 5246 section 6.3)", block.length))
            )?;
            for slice in &block.slices {
                let Slice { name, offset, length } = slice;
                match length {
                    0 => writeln!(f, "{:18}{:>3} bytes  {name}, which it does not need", "", length)?,
                    _ => writeln!(f, "{:18}{length:>3} bytes  {name} [{offset}..{}]", "", offset + length)?,
                }
            }
        }
        if let Some(keys) = &self.record_keys {
            let text = format!(
                "key {} bytes, iv {} bytes, each direction from its own traffic secret (RFC 9846 section 7.3)",
                keys.key, keys.iv
            );
            write!(f, "{}", paragraph("record keys", &text))?;
        }
        let policies = match self.policies.is_empty() {
            true => "in none: it has to be named".to_owned(),
            false => self.policies.join(", "),
        };
        write!(f, "{}", paragraph("policies", &policies))?;
        write!(f, "{}", paragraph("status", self.status))
    }
}

/// A line for each suite.
pub fn table(suites: &[&Suite]) -> String {
    let mut table = format!("{:<6}  {:<45}  {:<7}  {:<3}  {}\n", "CODE", "NAME", "VERSION", "FS", "POLICY");
    for suite in suites {
        let meaning = Meaning::of(suite);
        table.push_str(&format!(
            "{:<6}  {:<45}  {:<7}  {:<3}  {}\n",
            meaning.code,
            meaning.name,
            meaning.version,
            yes(meaning.forward_secret),
            strictest(&meaning.policies)
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(name: &str) -> Vec<String> {
        Meaning::of(Suite::parse(name).unwrap()).parts.into_iter().map(|part| part.text).collect()
    }

    #[test]
    fn the_parts_stand_in_the_name_in_their_order() {
        assert_eq!(texts("0xc02f"), ["TLS", "ECDHE", "RSA", "AES_128", "GCM", "SHA256"]);
        for suite in Suite::ALL {
            let meaning = Meaning::of(suite);
            let mut rest = suite.name();
            for part in &meaning.parts {
                rest = rest.split_once(&part.text).map_or(rest, |(_, behind)| behind);
            }
            // What no part explains is punctuation.
            assert!(
                rest.trim_matches('_').is_empty(),
                "{}: {rest} of {:?}",
                suite.name(),
                texts(suite.name())
            );
        }
    }

    #[test]
    fn the_slices_fill_the_key_block() {
        for suite in Suite::ALL.iter().filter(|suite| suite.version() == ProtocolVersion::TLS_1_2) {
            let block = Meaning::of(suite).key_block.unwrap();
            let end = block.slices.iter().fold(0, |end, slice| {
                assert_eq!(slice.offset, end);
                end + slice.length
            });
            assert_eq!(end, block.length);
        }
    }

    #[test]
    fn the_text_has_80_columns() {
        for suite in Suite::ALL {
            let text = Meaning::of(suite).to_string();
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }
}
