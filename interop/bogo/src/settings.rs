//! The settings of one connection.
use crate::failure::Failure;
use base64::Engine as _;
use std::collections::HashMap;

/// The settings of one connection: each flag with the values that it came with.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    flags: HashMap<String, Vec<Vec<u8>>>,
    /// The credentials that were introduced, in order, each with the flags that followed.
    pub(crate) credentials: Vec<Settings>,
}

/// Flags that belong to the credential that was introduced last, if one was.
const OF_A_CREDENTIAL: &[&str] = &[
    "-cert-file",
    "-key-file",
    "-signing-prefs",
    "-ocsp-response",
    "-signed-cert-timestamps",
    "-must-match-issuer",
    "-psk-importer-key",
    "-psk-importer-identity",
    "-psk-importer-context",
    "-psk-importer-sha256",
    "-psk-importer-sha384",
];

impl Settings {
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        if name.starts_with("-new-") {
            let mut credential = Self::default();
            credential.add(name, value);
            self.credentials.push(credential);
            return;
        }
        match self.credentials.last_mut() {
            Some(credential) if OF_A_CREDENTIAL.contains(&name) => credential.add(name, value),
            _ => self.add(name, value),
        }
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        self.flags.entry(name.to_owned()).or_default().push(value.to_vec());
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.flags.contains_key(name)
    }

    /// The last value that was given.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.flags.get(name)?.last().map(Vec::as_slice)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| bad(name));
        self.bytes(name).map(text).transpose()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        self.text(name)?.map(|text| text.parse().map_err(|_| bad(name))).transpose()
    }

    /// A number that may be negative.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.text(name)?.map(|text| text.parse().map_err(|_| bad(name))).transpose()
    }

    /// A code point.
    pub(crate) fn code(&self, name: &str) -> Result<Option<u16>, Failure> {
        Ok(self.codes(name)?.and_then(|codes| codes.last().copied()))
    }

    /// A list of code points, made by giving the flag again and again. None if it was never given.
    pub(crate) fn codes(&self, name: &str) -> Result<Option<Vec<u16>>, Failure> {
        let Some(values) = self.flags.get(name) else { return Ok(None) };
        let code = |value: &Vec<u8>| std::str::from_utf8(value).ok()?.parse().ok();
        values.iter().map(code).collect::<Option<_>>().map(Some).ok_or_else(|| bad(name))
    }

    pub(crate) fn base64(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let decode = |text| base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| bad(name));
        self.bytes(name).map(decode).transpose()
    }

    /// A list of names in DER, in hexadecimal with commas between them.
    pub(crate) fn names(&self, name: &str) -> Result<Option<Vec<Vec<u8>>>, Failure> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if matches!(text, "<NULL>" | "<EMPTY>") {
            return Ok(Some(Vec::new()));
        }
        text.split(',').map(hex).collect::<Option<_>>().map(Some).ok_or_else(|| bad(name))
    }
}

fn bad(name: &str) -> Failure {
    Failure::unsupported(format!("the value of {name}"))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
