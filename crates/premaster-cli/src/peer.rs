//! A peer's certificates and what was thought of them, for people and for programs.
use crate::terminal::safe;
use premaster::{
    error::Untrusted,
    identity::{Certificate, PeerIdentity},
    wire::CertificateType,
};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A peer's certificates and the verdict, as JSON has them.
#[derive(Debug, Serialize)]
pub struct Peer {
    /// Whether the verifier believed the peer.
    pub verified: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// What would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The certificates, leaf first.
    pub chain: Vec<Shown>,
}

/// A certificate, as JSON has it.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The subject's name (RFC 4514).
    pub subject: String,
    /// The issuer's.
    pub issuer: String,
    /// In hexadecimal.
    pub serial: String,
    /// The DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// The first moment of its validity (RFC 3339).
    pub not_before: String,
    /// The last.
    pub not_after: String,
    /// What its key is.
    pub key: String,
    /// Whether it may issue others.
    pub is_authority: bool,
}

/// A certificate has few names; a hostile one may have thousands.
const MOST_NAMES: usize = 100;

impl From<&PeerIdentity> for Peer {
    fn from(identity: &PeerIdentity) -> Self {
        let doubt = identity.doubt();
        Self {
            verified: identity.is_verified(),
            doubt: doubt.map(ToString::to_string),
            remedy: doubt.map(|doubt: &Untrusted| doubt.remedy().to_owned()),
            chain: identity
                .chain()
                .iter()
                .filter_map(|der| Certificate::parse(der))
                .map(Shown::from)
                .collect(),
        }
    }
}

impl Shown {
    /// One line: whose it is, from whom, until when.
    pub fn line(&self) -> String {
        // Today's leaves often have no subject, only names.
        let subject = match self.subject.is_empty() {
            true => self.names.iter().take(3).cloned().collect::<Vec<_>>().join(", "),
            false => self.subject.clone(),
        };
        let until = self.not_after.split('T').next().unwrap_or_default();
        format!("{}, issued by {}, valid until {until}", safe(&subject), safe(&self.issuer))
    }
}

impl From<Certificate<'_>> for Shown {
    fn from(certificate: Certificate<'_>) -> Self {
        Self {
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            serial: hex(certificate.serial()),
            names: certificate.names().take(MOST_NAMES).collect(),
            not_before: moment(certificate.not_before()),
            not_after: moment(certificate.not_after()),
            key: match certificate.public_key() {
                Ok(key) => format!("{} ({} bits)", key.kind(), key.bits()),
                Err(error) => error.to_string(),
            },
            is_authority: certificate.is_authority(),
        }
    }
}

/// One line about a peer: whose certificate, from whom, until when, and whether it is believed.
pub fn line(identity: &PeerIdentity) -> String {
    let verdict = match (identity.is_verified(), identity.doubt()) {
        (true, _) => "verified".to_owned(),
        (false, Some(doubt)) => format!("NOT VERIFIED: {doubt}"),
        (false, None) => "NOT VERIFIED".to_owned(),
    };
    let leaf = match (identity.certificate_type(), Certificate::parse(identity.leaf())) {
        (CertificateType::RawPublicKey, _) => "a raw public key, without a certificate".to_owned(),
        (_, Some(leaf)) => Shown::from(leaf).line(),
        (_, None) => return "unreadable".into(),
    };
    format!("{leaf}: {}", safe(&verdict))
}

/// Seconds since 1970 as RFC 3339 writes them.
pub fn moment(seconds: u64) -> String {
    let text =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    text.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| "out of range".into())
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(moment(u64::MAX), "out of range");
    }
}
