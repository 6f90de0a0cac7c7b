//! Whether early data can be a replay (RFC 9846 section 8).
//!
//! A ClientHello tells how old its ticket is, and so when it was sent. If that was just now, nobody had much time
//! to copy it; and for so short a time it can be remembered which tickets brought early data before.
use super::{Claim, Miss, ServerSession};
use pki_types::UnixTime;
use std::time::Duration;

/// How strictly early data is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// By how much a ClientHello may arrive earlier or later than its ticket's age says.
    pub window: Duration,
    /// How far the clocks of the machines that share keys may be apart.
    pub clock_skew: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Clocks here count whole seconds.
const RESOLUTION: u64 = 1000;

impl Freshness {
    /// Ten seconds, which RFC 9846 section 8.3 takes for clients on the Internet, and clocks that are two seconds
    /// apart.
    pub const DEFAULT: Self = Self { window: Duration::from_secs(10), clock_skew: Duration::from_secs(2) };

    /// When a ClientHello should have arrived that offers this session with this obfuscated_ticket_age, in
    /// milliseconds since 1970 (RFC 9846 section 8.3).
    pub fn expected_arrival(session: &ServerSession, obfuscated_ticket_age: u32) -> u64 {
        let age = obfuscated_ticket_age.wrapping_sub(session.age_add);
        millis(session.created).saturating_add(age.into())
    }

    /// By how many milliseconds a ClientHello arrives later than it should have, or earlier if that is negative.
    pub fn skew(now: UnixTime, session: &ServerSession, obfuscated_ticket_age: u32) -> i64 {
        let [now, expected] = [millis(now), Self::expected_arrival(session, obfuscated_ticket_age)]
            .map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
        now.saturating_sub(expected)
    }

    /// Whether a ClientHello arrives when it should have.
    pub fn check(
        &self,
        now: UnixTime,
        session: &ServerSession,
        obfuscated_ticket_age: u32,
    ) -> Result<(), Miss> {
        let off = millis(now).abs_diff(Self::expected_arrival(session, obfuscated_ticket_age));
        match off <= self.window_millis().saturating_add(RESOLUTION) {
            true => Ok(()),
            false => Err(Miss::NotFresh),
        }
    }

    /// For how long a claim has to be remembered: a ClientHello that came `window` early can come again until it
    /// is `window` late, on a machine whose clock is behind.
    pub fn claim_lifetime(&self) -> Duration {
        Duration::from_secs(2 * (self.window.as_secs() + 1) + self.clock_skew.as_secs() + 2)
    }

    /// Whether a claim says that the early data is no replay.
    ///
    /// It must be the first. And the store must know of every claim that there could have been: either it knows
    /// all since the ticket was made, or all since the ClientHello could have been accepted for the first time
    /// (RFC 9846 section 8.2: what is from before recording began must be rejected). `is_local` says that neither
    /// the ticket's key nor the store reaches beyond this process, in which case there is one clock.
    pub fn check_claim(
        &self,
        claim: Claim,
        session: &ServerSession,
        obfuscated_ticket_age: u32,
        is_local: bool,
    ) -> Result<(), Miss> {
        if !claim.is_first {
            return Err(Miss::Replay);
        }
        let since = millis(claim.complete_since);
        let doubt = match is_local {
            true => 0,
            false => (self.clock_skew.as_millis() as u64).saturating_add(RESOLUTION),
        };
        let is_younger_than_record = millis(session.created) >= since.saturating_add(doubt);
        let earliest = since.saturating_add(self.window_millis()).saturating_add(RESOLUTION + doubt);
        match is_younger_than_record || Self::expected_arrival(session, obfuscated_ticket_age) > earliest {
            true => Ok(()),
            false => Err(Miss::Replay),
        }
    }

    const fn window_millis(&self) -> u64 {
        self.window.as_millis() as u64
    }
}

const fn millis(time: UnixTime) -> u64 {
    time.as_secs().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        resume::server_session::tests::{at, session},
        wire::CipherSuite,
    };

    /// Made at 1000.
    fn ticket(age_add: u32) -> ServerSession {
        ServerSession { age_add, ..session(CipherSuite::TLS_AES_128_GCM_SHA256) }
    }

    #[test]
    fn the_age_is_read_modulo_two_to_the_thirty_second() {
        for age_add in [0, 1, 0x8000_0000, u32::MAX] {
            let age = 50_000_u32.wrapping_add(age_add);
            assert_eq!(Freshness::expected_arrival(&ticket(age_add), age), 1_050_000);
        }
    }

    #[test]
    fn a_hello_is_fresh_within_the_window_on_either_side() {
        let fresh = Freshness::default();
        let check = |now, age: u32| fresh.check(at(now), &ticket(7), 7 + age);
        assert_eq!(check(1050, 50_000), Ok(()));
        assert_eq!((check(1061, 50_000), check(1062, 50_000)), (Ok(()), Err(Miss::NotFresh)));
        assert_eq!((check(1039, 50_000), check(1038, 50_000)), (Ok(()), Err(Miss::NotFresh)));
        // An age before the ticket was made wraps to something that is never fresh.
        assert_eq!(fresh.check(at(1000), &ticket(7), 0), Err(Miss::NotFresh));
        assert_eq!(fresh.check(at(u64::MAX), &ticket(7), 7), Err(Miss::NotFresh));
    }

    #[test]
    fn the_skew_is_how_much_later_a_hello_comes() {
        let skew = |now, age: u32| Freshness::skew(at(now), &ticket(7), age.wrapping_add(7));
        assert_eq!((skew(1050, 50_000), skew(1052, 50_000), skew(1049, 50_000)), (0, 2_000, -1_000));
        assert_eq!(skew(1000, u32::MAX), -i64::from(u32::MAX));
        assert!(skew(u64::MAX, 0) > 0);
    }

    #[test]
    fn a_claim_outlives_every_moment_at_which_the_hello_is_fresh() {
        let fresh = Freshness::default();
        let first = (1000..1200).find(|&now| fresh.check(at(now), &ticket(0), 50_000).is_ok()).unwrap();
        let last = (1000..1200).rfind(|&now| fresh.check(at(now), &ticket(0), 50_000).is_ok()).unwrap();
        assert!(fresh.claim_lifetime().as_secs() > last - first + fresh.clock_skew.as_secs());
    }

    #[test]
    fn only_the_first_claim_counts_and_only_if_none_was_lost() {
        let fresh = Freshness::default();
        let check = |is_first, since, age, is_local| {
            let claim = Claim { is_first, complete_since: at(since) };
            fresh.check_claim(claim, &ticket(0), age, is_local)
        };
        assert_eq!(check(false, 0, 50_000, false), Err(Miss::Replay));
        assert_eq!(check(true, 900, 50_000, false), Ok(()));
        // Recording began before the ticket was made: no need to wait.
        assert_eq!((check(true, 1000, 0, true), check(true, 1000, 0, false)), (Ok(()), Err(Miss::Replay)));
        assert_eq!((check(true, 997, 0, false), check(true, 998, 0, false)), (Ok(()), Err(Miss::Replay)));
        // The store failed over at 1040. A hello of 1050 could have been accepted, early, just before that.
        assert_eq!(check(true, 1040, 50_000, false), Err(Miss::Replay));
        assert_eq!(check(true, 1040, 54_000, false), Err(Miss::Replay));
        assert_eq!(check(true, 1040, 54_001, false), Ok(()));
    }
}
