//! What both sides' sessions have in common: how long they live, and how they are written down.
use crate::{
    Secret,
    identity::{Certificate, PeerIdentity},
    suite::Suite,
    wire::{
        CertificateType, CipherSuite, ProtocolVersion, Reader,
        codec::{block24, put_u8, put_u16, put_u32, put_vec8, put_vec24},
    },
};
use pki_types::{CertificateDer, UnixTime};
use std::{fmt, sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// The longest that a session may be resumed for, in seconds: seven days (RFC 9846 section 4.6.1).
pub const MAX_LIFETIME: u32 = 7 * 24 * 60 * 60;

/// The longest encoding of a session that is written or read.
pub(super) const MAX_ENCODED: usize = 1 << 16;

/// How many certificates an identity may have.
const MAX_CHAIN: usize = 16;

/// How far the clocks of two machines may be apart before a session that the one made looks to the other as if
/// it came from the future.
const CLOCK_SKEW: u64 = 60;

/// How long a session may live that is made at `now` and would like to live for `wanted` seconds: no longer
/// than seven days (RFC 9846 section 4.6.1), nor than the certificates that it rests on. Zero if not at all.
///
/// A certificate above the leaf that has expired already was sent for nothing, since the chain was verified
/// without it, and does not count.
pub fn lifetime_within(now: UnixTime, wanted: u32, identity: Option<&PeerIdentity>) -> u32 {
    let now = now.as_secs();
    // A raw public key has no end.
    let dated = identity.filter(|identity| identity.certificate_type() == CertificateType::X509);
    let chain = dated.map_or(&[][..], |identity| identity.chain());
    let ends = chain.iter().enumerate().filter_map(|(index, certificate)| {
        let end = Certificate::parse(certificate).map_or(0, |parsed| parsed.not_after());
        (index == 0 || end > now).then_some(end.saturating_sub(now))
    });
    let left = ends.min().unwrap_or(u64::MAX);
    wanted.min(MAX_LIFETIME).min(u32::try_from(left).unwrap_or(u32::MAX))
}

/// Whether a session that was made at `created`, to live for `lifetime` seconds, is over.
pub(super) fn is_expired(now: UnixTime, created: UnixTime, lifetime: u32) -> bool {
    let (now, created) = (now.as_secs(), created.as_secs());
    let is_from_the_future = created > now.saturating_add(CLOCK_SKEW);
    is_from_the_future || now.saturating_sub(created) >= u64::from(lifetime.min(MAX_LIFETIME))
}

/// A session, written down. **These bytes are secrets**: who has them can be the session's owner, and, in TLS
/// 1.2, can read the connections that the session comes from.
///
/// They are wiped when dropped, and `Debug` prints only their length.
pub struct SessionBytes(Zeroizing<Vec<u8>>);

impl SessionBytes {
    pub(super) fn write(capacity: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        // With the capacity in place from the start nothing is moved, and so nothing is left behind unwiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        write(&mut bytes);
        debug_assert!(bytes.len() <= capacity);
        Self(bytes)
    }

    /// The bytes. Every caller is worth a second look: a file that they go to belongs to its owner alone.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SessionBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionBytes({} bytes)", self.0.len())
    }
}

/// The first bytes of a session's encoding: what it is, and in which version of the format.
pub(super) fn read_start(reader: &mut Reader<'_>, magic: &[u8; 4], format: u8) -> Option<()> {
    (reader.array::<4>().ok()? == magic && reader.u8().ok()? == format).then_some(())
}

pub(super) fn put_time(out: &mut Vec<u8>, time: UnixTime) {
    out.extend_from_slice(&time.as_secs().to_be_bytes());
}

pub(super) fn read_time(reader: &mut Reader<'_>) -> Option<UnixTime> {
    let seconds = u64::from_be_bytes(*reader.array().ok()?);
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// The suite, of which the version follows, and the secret, whose length follows from both.
pub(super) fn put_secret(out: &mut Vec<u8>, suite: &Suite, secret: &Secret) {
    put_u16(out, suite.code.0);
    put_vec8(out, secret.expose());
}

pub(super) fn read_secret(reader: &mut Reader<'_>) -> Option<(&'static Suite, Secret)> {
    let suite = Suite::find(CipherSuite(reader.u16().ok()?))?;
    let secret = reader.vec8().ok()?;
    (secret.len() == secret_len(suite)).then(|| (suite, Secret::from(secret)))
}

/// A master secret has 48 bytes (RFC 5246 section 8.1), a resumption PSK those of the hash.
pub(super) fn secret_len(suite: &Suite) -> usize {
    match suite.version() {
        ProtocolVersion::TLS_1_3 => suite.hash.output_len(),
        _ => crate::schedule::tls12::MasterSecret::LEN,
    }
}

/// Nothing is the empty vector.
pub(super) fn read_some(contents: &[u8]) -> Option<Vec<u8>> {
    (!contents.is_empty()).then(|| contents.to_vec())
}

/// How much room [`put_identity`] needs.
pub(super) fn identity_len(identity: Option<&PeerIdentity>) -> usize {
    1 + identity.map_or(0, |identity| {
        3 + identity.chain().iter().map(|certificate| 3 + certificate.len()).sum::<usize>()
    })
}

/// 0: none; 1: not verified; 2: verified; 3 and 4: the same of a raw public key.
pub(super) fn put_identity(out: &mut Vec<u8>, identity: Option<&PeerIdentity>) {
    let Some(identity) = identity.filter(|identity| !identity.chain().is_empty()) else {
        return put_u8(out, 0);
    };
    let raw = identity.certificate_type() == CertificateType::RawPublicKey;
    put_u8(out, 1 + u8::from(identity.is_verified()) + if raw { 2 } else { 0 });
    block24(out, |out| identity.chain().iter().for_each(|certificate| put_vec24(out, certificate)));
}

#[allow(clippy::option_option, reason = "none was written down, or what was written down is not one")]
pub(super) fn read_identity(reader: &mut Reader<'_>) -> Option<Option<Arc<PeerIdentity>>> {
    let (certificate_type, is_verified) = match reader.u8().ok()? {
        0 => return Some(None),
        1 => (CertificateType::X509, false),
        2 => (CertificateType::X509, true),
        3 => (CertificateType::RawPublicKey, false),
        4 => (CertificateType::RawPublicKey, true),
        _ => return None,
    };
    let mut rest = Reader::new(reader.some24().ok()?, "session");
    let mut chain: Vec<CertificateDer<'static>> = Vec::new();
    while !rest.is_empty() {
        if chain.len() == MAX_CHAIN {
            return None;
        }
        chain.push(rest.some24().ok()?.to_vec().into());
    }
    Some(Some(Arc::new(PeerIdentity::remembered(certificate_type, chain.into(), is_verified))))
}

pub(super) fn put_lifetime(out: &mut Vec<u8>, lifetime: u32, age_add: u32, max_early_data: u32) {
    put_u32(out, lifetime);
    put_u32(out, age_add);
    put_u32(out, max_early_data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn a_session_ends_with_its_certificates() {
        let authority = testing::Authority::new("authority");
        let issue = |year| {
            let mut params = testing::named("leaf", &[]);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            authority.issue(&params).certificate
        };
        let lifetime = |years: &[i32], now| {
            let chain: Vec<_> = years.iter().map(|&year| issue(year)).collect();
            lifetime_within(
                at(now),
                600,
                Some(&PeerIdentity::remembered(CertificateType::X509, chain.into(), true)),
            )
        };
        // 2030-01-01
        let end = 1_893_456_000;
        assert_eq!(lifetime(&[2030, 2040], end - 1000), 600);
        assert_eq!(lifetime(&[2030, 2040], end - 10), 10);
        assert_eq!(lifetime(&[2040, 2030], end - 10), 10);
        assert_eq!(lifetime(&[2030, 2040], end), 0);
        assert_eq!(lifetime(&[2040, 2030], end), 600);
        assert_eq!(lifetime_within(at(end), 600, None), 600);
        assert_eq!(lifetime_within(at(end), u32::MAX, None), MAX_LIFETIME);
        let not_one =
            PeerIdentity::remembered(CertificateType::X509, vec![vec![1, 2, 3].into()].into(), true);
        assert_eq!(lifetime_within(at(0), 600, Some(&not_one)), 0);
    }

    #[test]
    fn a_session_ends_when_its_lifetime_does_and_after_seven_days_in_any_case() {
        assert!(!is_expired(at(1000), at(1000), 10));
        assert!(!is_expired(at(1009), at(1000), 10));
        assert!(is_expired(at(1010), at(1000), 10));
        assert!(is_expired(at(1000), at(1000), 0));
        assert!(is_expired(at(1000 + u64::from(MAX_LIFETIME)), at(1000), u32::MAX));
        // Another node's clock may go before ours, but not by much.
        assert!(!is_expired(at(1000), at(1000 + CLOCK_SKEW), 10));
        assert!(is_expired(at(1000), at(1001 + CLOCK_SKEW), 10));
        assert!(is_expired(at(u64::MAX), at(0), 10) && is_expired(at(0), at(u64::MAX), 10));
    }
}
