//! What a handshake has to know of a certificate, read from its DER. Path validation is rustls-webpki's.
use super::{KeyUsage, PublicKey, distinguished_name::readable};
use crate::crypto::sign::{
    KeyError,
    der::{self, Der},
};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A certificate (RFC 5280 section 4.1), parsed but not verified.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: u64,
    not_after: u64,
    spki: &'a [u8],
    key_usage: KeyUsage,
    is_authority: bool,
    alt_names: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate. None if it is not one.
    pub fn parse(certificate: &'a [u8]) -> Option<Self> {
        let mut outer = Der::new(der::only(certificate, der::SEQUENCE)?);
        let mut tbs = Der::new(outer.expect(der::SEQUENCE)?);
        tbs.optional(der::context(0))?; // version
        let serial = tbs.expect(der::INTEGER)?;
        tbs.expect(der::SEQUENCE)?; // signature
        let issuer = sequence(&mut tbs)?;
        let mut validity = Der::new(tbs.expect(der::SEQUENCE)?);
        let not_before = time(&mut validity)?;
        let not_after = time(&mut validity)?;
        let subject = sequence(&mut tbs)?;
        let spki = sequence(&mut tbs)?;
        tbs.optional(der::context_primitive(1))?; // issuerUniqueID
        tbs.optional(der::context_primitive(2))?; // subjectUniqueID
        let extensions = tbs.optional(der::context(3))?;
        let mut parsed = Self {
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            spki,
            key_usage: KeyUsage::ANY,
            is_authority: false,
            alt_names: &[],
        };
        if let Some(extensions) = extensions {
            parsed.read_extensions(der::only(extensions, der::SEQUENCE)?)?;
        }
        Some(parsed)
    }

    fn read_extensions(&mut self, extensions: &'a [u8]) -> Option<()> {
        let mut extensions = Der::new(extensions);
        let mut seen = [false; 3];
        while !extensions.is_empty() {
            let mut extension = Der::new(extensions.expect(der::SEQUENCE)?);
            let oid = extension.expect(der::OID)?;
            extension.optional(der::BOOLEAN)?; // critical
            let value = extension.expect(der::OCTET_STRING)?;
            let index = match oid {
                [0x55, 0x1d, 15] => {
                    self.key_usage = KeyUsage::decode(value)?;
                    0
                }
                [0x55, 0x1d, 17] => {
                    self.alt_names = der::only(value, der::SEQUENCE)?;
                    1
                }
                [0x55, 0x1d, 19] => {
                    let mut constraints = Der::new(der::only(value, der::SEQUENCE)?);
                    self.is_authority = constraints.optional(der::BOOLEAN)?.is_some_and(|ca| ca != [0]);
                    2
                }
                _ => continue,
            };
            // RFC 5280 section 4.2: no extension twice. A second one could say something else.
            if std::mem::replace(seen.get_mut(index)?, true) {
                return None;
            }
        }
        Some(())
    }

    /// The serial number, big-endian.
    pub fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// The issuer's distinguished name in DER.
    pub fn issuer_der(&self) -> &'a [u8] {
        self.issuer
    }

    /// The issuer's distinguished name as RFC 4514 writes it.
    pub fn issuer(&self) -> String {
        readable(self.issuer)
    }

    /// The subject's distinguished name in DER.
    pub fn subject_der(&self) -> &'a [u8] {
        self.subject
    }

    /// The subject's distinguished name as RFC 4514 writes it.
    pub fn subject(&self) -> String {
        readable(self.subject)
    }

    /// The first moment at which it is valid, in seconds since 1970.
    pub fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last moment at which it is valid, in seconds since 1970.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// The SubjectPublicKeyInfo, its outer SEQUENCE included.
    pub fn spki(&self) -> &'a [u8] {
        self.spki
    }

    /// The key.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(self.spki)
    }

    /// What the key may be used for.
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// Whether it is an authority's (basicConstraints, CA:TRUE).
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether issuer and subject are the same.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The DNS names and IP addresses that it is for (subjectAltName, RFC 5280 section 4.2.1.6).
    ///
    /// For display and for choosing one's own certificates; whether a peer's certificate is for a name, the
    /// verifier decides. What no DNS name has in it, such as a control character, is written as an escape.
    pub fn names(&self) -> impl Iterator<Item = String> + use<'a> {
        let mut names = Der::new(self.alt_names);
        std::iter::from_fn(move || names.element()).filter_map(|name| match name.tag {
            0x82 => Some(name.contents.escape_ascii().to_string()),
            0x87 => match (<[u8; 4]>::try_from(name.contents), <[u8; 16]>::try_from(name.contents)) {
                (Ok(address), _) => Some(Ipv4Addr::from(address).to_string()),
                (_, Ok(address)) => Some(Ipv6Addr::from(address).to_string()),
                _ => None,
            },
            _ => None,
        })
    }
}

/// The next element, all of it, which must be a SEQUENCE.
fn sequence<'a>(der: &mut Der<'a>) -> Option<&'a [u8]> {
    der.element().filter(|element| element.tag == der::SEQUENCE).map(|element| element.whole)
}

/// UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 restricts them, in seconds since 1970; what lies
/// before is 0.
fn time(der: &mut Der<'_>) -> Option<u64> {
    let element = der.element()?;
    let digits = element.contents.strip_suffix(b"Z")?;
    let number = |at: usize| -> Option<i64> {
        match digits.get(at..at + 2)? {
            &[tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            }
            _ => None,
        }
    };
    let (year, at) = match (element.tag, digits.len()) {
        (0x17, 12) => match number(0)? {
            year @ 50.. => (1900 + year, 2),
            year => (2000 + year, 2),
        },
        (0x18, 14) => (number(0)? * 100 + number(2)?, 4),
        _ => return None,
    };
    let (month, day) = (number(at)?, number(at + 2)?);
    let (hour, minute, second) = (number(at + 4)?, number(at + 6)?, number(at + 8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(u64::try_from(seconds).unwrap_or(0))
}

/// In the Gregorian calendar, counted from years that begin in March, so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        time(&mut Der::new(&der::wrap(tag, text.as_bytes())))
    }

    #[test]
    fn times() {
        assert_eq!(seconds(0x17, "700101000000Z"), Some(0));
        assert_eq!(seconds(0x17, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(seconds(0x17, "500101000000Z"), Some(0)); // 1950
        assert_eq!(seconds(0x18, "20000229120000Z"), Some(951_825_600));
        assert_eq!(seconds(0x18, "99991231235959Z"), Some(253_402_300_799));
        for bad in [
            "",
            "Z",
            "20001301000000Z",
            "20000100000000Z",
            "2000010100000Z",
            "2000010100000aZ",
            "20000101000000",
        ] {
            assert_eq!(seconds(0x18, bad), None, "{bad}");
        }
        assert_eq!(seconds(0x04, "20000101000000Z"), None);
    }
}
