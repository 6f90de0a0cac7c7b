//! What is spoken: versions, key exchanges, groups, suites, and the fence around the deprecated ones.
use crate::{failure::Failure, terminal::safe};
use clap::{Args, ValueEnum};
use premaster::{
    Policy,
    config::{LegacyOptIn, is_anonymous, is_fenced},
    exchange::{Group, GroupKind},
    pki_types::UnixTime,
    suite::{KeyExchange, Protection, Suite},
    wire::{CipherSuite, NamedGroup, ProtocolVersion},
};
use std::time::Duration;
use time::{Date, Month};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Version {
    /// TLS 1.2.
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[value(name = "1.3")]
    Tls13,
}

impl From<Version> for ProtocolVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::Tls12 => Self::TLS_1_2,
            Version::Tls13 => Self::TLS_1_3,
        }
    }
}

/// A named policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyName {
    /// TLS 1.3, and 1.2 with ECDHE and authenticated encryption
    Modern,
    /// Adds DHE, CCM and CBC; still forward secret
    Compatible,
    /// Adds static RSA, DH and ECDH: needs --legacy
    Legacy,
}

impl PolicyName {
    fn policy(self) -> Policy {
        match self {
            Self::Modern => Policy::MODERN,
            Self::Compatible => Policy::COMPATIBLE,
            Self::Legacy => Policy::LEGACY,
        }
    }
}

/// A way to exchange keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kx {
    /// A curve and ML-KEM side by side (TLS 1.3)
    Hybrid,
    /// Ephemeral Diffie-Hellman on a curve
    Ecdhe,
    /// Ephemeral Diffie-Hellman in a finite field
    Dhe,
    /// Static RSA (TLS 1.2, deprecated)
    Rsa,
    /// Static Diffie-Hellman (TLS 1.2, deprecated)
    Dh,
    /// Static Diffie-Hellman on a curve (TLS 1.2, deprecated)
    Ecdh,
    /// A pre-shared key alone (TLS 1.2, not forward secret)
    Psk,
    /// A pre-shared key and DHE (TLS 1.2)
    DhePsk,
    /// A pre-shared key and ECDHE (TLS 1.2)
    EcdhePsk,
    /// A pre-shared key and static RSA (TLS 1.2, deprecated)
    RsaPsk,
}

impl Kx {
    fn allows_suite(self, suite: &Suite) -> bool {
        match suite.key_exchange {
            // In TLS 1.3 the group decides.
            KeyExchange::Tls13 => matches!(self, Self::Hybrid | Self::Ecdhe | Self::Dhe),
            KeyExchange::Ecdhe => self == Self::Ecdhe,
            KeyExchange::Dhe => self == Self::Dhe,
            KeyExchange::Rsa => self == Self::Rsa,
            KeyExchange::Dh => self == Self::Dh,
            KeyExchange::Ecdh => self == Self::Ecdh,
            KeyExchange::Psk => self == Self::Psk,
            KeyExchange::DhePsk => self == Self::DhePsk,
            KeyExchange::EcdhePsk => self == Self::EcdhePsk,
            KeyExchange::RsaPsk => self == Self::RsaPsk,
            _ => false,
        }
    }

    const fn has_psk(self) -> bool {
        matches!(self, Self::Psk | Self::DhePsk | Self::EcdhePsk | Self::RsaPsk)
    }

    const fn allows_group(self, group: &Group) -> bool {
        matches!(
            (self, group.kind),
            (Self::Hybrid, GroupKind::Hybrid)
                | (Self::Ecdhe | Self::Ecdh | Self::EcdhePsk, GroupKind::Curve)
                | (Self::Dhe | Self::DhePsk, GroupKind::FiniteField)
        )
    }
}

/// What is spoken.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What is spoken")]
pub struct PolicyOptions {
    /// Begin with the lists of this policy [default: modern, or the first that
    /// has what the other options name]
    #[arg(long, value_name = "NAME")]
    pub policy: Option<PolicyName>,
    /// Speak only this version (repeatable)
    #[arg(long, value_name = "VERSION")]
    pub tls: Vec<Version>,
    /// Exchange keys only this way (repeatable)
    #[arg(long, value_name = "WAY")]
    pub kx: Vec<Kx>,
    /// Exchange keys only in this group, the first preferred (repeatable)
    #[arg(long, value_name = "NAME", value_parser = parse_group)]
    pub group: Vec<NamedGroup>,
    /// Use only this cipher suite, by IANA or OpenSSL name or code point
    /// (repeatable)
    #[arg(long, value_name = "NAME", value_parser = parse_suite)]
    pub suite: Vec<CipherSuite>,
    /// Permit what RFC 10015 deprecates, where the other options name it
    #[arg(long)]
    pub legacy: bool,
    /// Permit it up to this day (UTC), YYYY-MM-DD, and no longer
    #[arg(long, value_name = "DAY", requires = "legacy", value_parser = parse_day)]
    pub legacy_until: Option<Date>,
    /// Why it is permitted
    #[arg(long, value_name = "TEXT", requires = "legacy")]
    pub legacy_because: Option<String>,
    /// Speak only this application protocol, such as h2 or http/1.1
    /// (repeatable)
    #[arg(long, value_name = "PROTOCOL")]
    pub alpn: Vec<String>,
}

impl PolicyOptions {
    /// The policy that they come to, with pre-shared keys or without.
    pub fn policy(&self, has_psk: bool) -> Result<Policy, Failure> {
        let mut policy = self.base();
        if has_psk {
            policy.cipher_suites = self.psk_suites().chain(policy.cipher_suites.iter().copied()).collect();
        }
        if !self.suite.is_empty() {
            policy = policy.with_cipher_suites(&self.suite);
        }
        if !self.kx.is_empty() {
            policy = self.only_kx(policy);
        }
        if !self.group.is_empty() {
            policy = policy.with_groups(&self.group);
        }
        let has_suites = |version: &ProtocolVersion| policy.suites(*version).next().is_some();
        let versions: Vec<ProtocolVersion> = match self.tls.is_empty() {
            // A suite belongs to one version, so that naming suites or exchanges names versions.
            true => policy.versions.iter().copied().filter(has_suites).collect(),
            false => self.tls.iter().copied().map(Into::into).collect(),
        };
        let policy = policy.with_versions(&versions);
        self.check(&policy, has_psk)?;
        Ok(policy)
    }

    /// The named policy to begin with: the one asked for, or the strictest that has everything that is named.
    fn base(&self) -> Policy {
        if let Some(name) = self.policy {
            return name.policy();
        }
        let has_all = |policy: &Policy| {
            self.suite.iter().all(|code| policy.cipher_suites.contains(code))
                && self.group.iter().all(|code| policy.groups.contains(code))
                && self.kx.iter().all(|kx| match kx {
                    Kx::Hybrid => policy.group_rows().any(|group| kx.allows_group(group)),
                    kx => policy.suites(ProtocolVersion::TLS_1_2).any(|suite| kx.allows_suite(suite)),
                })
        };
        let named = [PolicyName::Modern, PolicyName::Compatible, PolicyName::Legacy].map(PolicyName::policy);
        named.into_iter().find(has_all).unwrap_or(Policy::COMPATIBLE)
    }

    /// What goes before a policy's own suites, since no named policy has them: the exchanges that are asked for, or the
    /// one that is not deprecated.
    fn psk_suites(&self) -> impl Iterator<Item = CipherSuite> {
        let wanted = |suite: &&Suite| match self.kx.is_empty() {
            true => suite.key_exchange == KeyExchange::EcdhePsk && !suite.is_deprecated(),
            false => suite.key_exchange.has_psk() && self.kx.iter().any(|kx| kx.allows_suite(suite)),
        };
        let has_full_tag =
            |suite: &&Suite| matches!(suite.protection, Protection::Aead(aead) if aead.tag_len() == 16);
        let has_cbc = |suite: &&Suite| matches!(suite.protection, Protection::Cbc { .. });
        let (first, last) = (Suite::ALL.iter().filter(has_full_tag), Suite::ALL.iter().filter(has_cbc));
        first.chain(last).filter(wanted).map(|suite| suite.code)
    }

    fn only_kx(&self, policy: Policy) -> Policy {
        let suite_may = |code: &CipherSuite| {
            Suite::find(*code).is_some_and(|suite| self.kx.iter().any(|kx| kx.allows_suite(suite)))
        };
        let group_may = |code: &NamedGroup| {
            Group::find(*code).is_some_and(|group| self.kx.iter().any(|kx| kx.allows_group(group)))
        };
        let suites: Vec<CipherSuite> = policy.cipher_suites.iter().copied().filter(suite_may).collect();
        let groups: Vec<NamedGroup> = policy.groups.iter().copied().filter(group_may).collect();
        policy.with_cipher_suites(&suites).with_groups(&groups)
    }

    fn check(&self, policy: &Policy, has_psk: bool) -> Result<(), Failure> {
        if let Some(day) = self.legacy_until.filter(|day| is_over(*day)) {
            return Err(Failure::usage(format!("what --legacy permits ended on {day}"))
                .why("--legacy-until says so")
                .remedy("see whether the peer can do better by now, or name a later day"));
        }
        if !has_psk && self.kx.iter().any(|kx| kx.has_psk()) {
            return Err(Failure::usage("no pre-shared key was given")
                .why("--kx names an exchange that needs one")
                .remedy("add --psk IDENTITY:FILE, or leave the exchange out"));
        }
        if policy.cipher_suites.is_empty() || policy.versions.is_empty() {
            return Err(Failure::usage("nothing is left to speak")
                .why("no cipher suite fits all of --policy, --kx and --suite")
                .remedy("leave one of them out, or list the suites: premaster suite"));
        }
        if let Some(version) =
            policy.versions.iter().find(|version| policy.suites(**version).next().is_none())
        {
            return Err(Failure::usage(format!("none of the cipher suites is one of {version}"))
                .why("a cipher suite belongs to one version")
                .remedy("list the suites of each version: premaster suite"));
        }
        let needs_psk = policy.suites(ProtocolVersion::TLS_1_2).find(|suite| suite.key_exchange.has_psk());
        if let Some(suite) = needs_psk.filter(|_| !has_psk) {
            return Err(Failure::usage(format!("{} cannot be used here", suite.name()))
                .why("it needs a pre-shared key, which no option gives")
                .remedy(
                    "connect and serve take one: --psk IDENTITY:FILE; or use a suite with certificates",
                ));
        }
        // The demonstrations need them compiled in; nobody needs them on a network, whatever else is permitted.
        if let Some(suite) = policy.suites(ProtocolVersion::TLS_1_2).find(|suite| is_anonymous(suite)) {
            return Err(Failure::usage(format!("{} is not permitted", suite.name()))
                .why("nobody shows who they are: whoever sits in the middle reads everything")
                .remedy("watch it happen: premaster explain --demo mitm-anonymous"));
        }
        if self.legacy || !policy.allows(ProtocolVersion::TLS_1_2) {
            return Ok(());
        }
        let fenced = policy.suites(ProtocolVersion::TLS_1_2).find(|suite| is_fenced(suite));
        match (fenced, policy.require_extended_master_secret) {
            (Some(suite), _) => Err(Failure::usage(format!("{} is not permitted", suite.name()))
                .why("it has no forward secrecy: RFC 10015 deprecates it")
                .remedy("add --legacy if the peer can do nothing better")),
            (None, false) => Err(Failure::usage("TLS 1.2 without extended master secret is not permitted")
                .why("two connections may end up with the same master secret (RFC 7627)")
                .remedy("add --legacy if the peer can do nothing better")),
            (None, true) => Ok(()),
        }
    }

    /// The permission to use what is deprecated, for the one server of this name.
    pub fn opt_in(&self, peer: &str) -> Option<LegacyOptIn> {
        self.legacy.then(|| self.limited(LegacyOptIn::for_peer(peer, self.because())))
    }

    /// The same, for every client.
    pub fn opt_in_for_all(&self) -> Option<LegacyOptIn> {
        self.legacy.then(|| self.limited(LegacyOptIn::for_every_peer(self.because())))
    }

    fn because(&self) -> &str {
        self.legacy_because.as_deref().unwrap_or(BECAUSE)
    }

    fn limited(&self, opt_in: LegacyOptIn) -> LegacyOptIn {
        match self.legacy_until {
            Some(day) => opt_in.until(end_of(day)),
            None => opt_in,
        }
    }

    /// What was permitted until when and why, for the log; nothing if neither was said.
    pub fn permission(&self) -> Option<String> {
        let until = self.legacy_until.map(|day| format!(" until {day}"));
        let because = self.legacy_because.as_deref().map(|because| format!(": {because}"));
        (until.is_some() || because.is_some()).then(|| {
            format!(
                "deprecated exchanges are permitted{}{}",
                until.unwrap_or_default(),
                safe(&because.unwrap_or_default())
            )
        })
    }

    /// The application protocols, as the library wants them.
    pub fn protocols(&self) -> Vec<Vec<u8>> {
        self.alpn.iter().map(|name| name.clone().into_bytes()).collect()
    }
}

const BECAUSE: &str = "--legacy was given on the command line";

fn parse_day(text: &str) -> Result<Date, String> {
    let day = || {
        let mut parts = text.splitn(3, '-');
        let year = parts.next()?.parse().ok()?;
        let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()
    };
    day().filter(|day| day.year() >= 1970).ok_or_else(|| "it must be a day such as 2027-01-31".into())
}

/// The first moment after this day.
fn end_of(day: Date) -> UnixTime {
    const DAY: u64 = 86_400;
    let begin = u64::try_from(day.midnight().assume_utc().unix_timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(begin + DAY))
}

fn is_over(day: Date) -> bool {
    end_of(day) <= UnixTime::now()
}

fn parse_group(text: &str) -> Result<NamedGroup, String> {
    find_group(text).map(|group| group.code).ok_or_else(|| {
        let names: Vec<String> = Group::ALL.iter().map(|group| group.code.to_string()).collect();
        format!("no such group; there are {}", names.join(", "))
    })
}

/// The group with this name, one of its other names, or this code point in hexadecimal.
pub fn find_group(text: &str) -> Option<&'static Group> {
    let name = match text.to_ascii_lowercase().as_str() {
        "p-256" | "p256" | "prime256v1" => "secp256r1".to_owned(),
        "p-384" | "p384" => "secp384r1".to_owned(),
        "p-521" | "p521" => "secp521r1".to_owned(),
        other => other.to_owned(),
    };
    let code = NamedGroup::from_name(&name)
        .or_else(|| u16::from_str_radix(name.strip_prefix("0x").unwrap_or(&name), 16).ok().map(NamedGroup));
    Group::find(code?)
}

fn parse_suite(text: &str) -> Result<CipherSuite, String> {
    Suite::parse(text)
        .map(|suite| suite.code)
        .ok_or_else(|| "no such suite; `premaster suite` lists all".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: PolicyOptions,
    }

    fn policy(line: &str) -> Result<Policy, Failure> {
        let words = std::iter::once("premaster").chain(line.split_whitespace());
        Line::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?.options.policy(false)
    }

    const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
    const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

    #[test]
    fn nothing_named_is_modern() {
        assert_eq!(policy(""), Ok(Policy::MODERN));
        assert_eq!(policy("--policy compatible"), Ok(Policy::COMPATIBLE));
    }

    #[test]
    fn a_suite_names_its_version() {
        let policy12 = policy("--suite ECDHE-RSA-AES128-GCM-SHA256").unwrap();
        assert_eq!(*policy12.versions, [V12]);
        assert_eq!(*policy12.cipher_suites, [CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
        assert_eq!(*policy("--suite 0x1302").unwrap().versions, [V13]);
        let mismatch = policy("--tls 1.3 --suite ECDHE-RSA-AES128-GCM-SHA256").unwrap_err();
        assert_eq!(mismatch.what, "none of the cipher suites is one of TLS 1.3");
    }

    #[test]
    fn a_group_is_preferred_in_the_order_given() {
        let groups = policy("--group P-384 --group x25519").unwrap();
        assert_eq!(*groups.groups, [NamedGroup::secp384r1, NamedGroup::x25519]);
        assert_eq!(*groups.key_shares, [NamedGroup::secp384r1]);
        assert!(policy("--group secp192r1").unwrap_err().what.contains("X25519MLKEM768"));
    }

    #[test]
    fn an_exchange_names_the_policy_that_has_it() {
        let dhe = policy("--kx dhe").unwrap();
        assert_eq!((dhe.name.as_ref(), &*dhe.versions), ("compatible-1", &[V13, V12][..]));
        assert!(dhe.group_rows().all(|group| group.kind == GroupKind::FiniteField));
        assert!(dhe.suites(V12).all(|suite| suite.key_exchange == KeyExchange::Dhe));
        let hybrid = policy("--kx hybrid").unwrap();
        assert_eq!((&*hybrid.versions, &*hybrid.groups), (&[V13][..], &[NamedGroup::X25519MLKEM768][..]));
        let rsa = policy("--kx rsa --legacy").unwrap();
        assert_eq!((rsa.name.as_ref(), &*rsa.versions), ("legacy-1", &[V12][..]));
    }

    #[test]
    fn the_fence_stands() {
        for line in ["--kx rsa", "--kx dh", "--kx ecdh", "--policy legacy", "--suite AES128-SHA"] {
            let failure = policy(line).unwrap_err();
            assert!(failure.what.ends_with("is not permitted"), "{line}: {failure}");
            assert!(failure.lines.iter().any(|(_, text)| text.contains("--legacy")), "{line}: {failure}");
            assert!(policy(&format!("{line} --legacy")).is_ok(), "{line}");
        }
        assert!(policy("--policy legacy --tls 1.3").is_ok());
    }

    #[test]
    fn a_permission_ends() {
        let ended = policy("--kx rsa --legacy --legacy-until 2020-02-29").unwrap_err();
        assert_eq!(ended.what, "what --legacy permits ended on 2020-02-29");
        assert!(policy("--kx rsa --legacy --legacy-until 9000-12-31 --legacy-because old").is_ok());
        for line in ["--legacy-until 2090-01-01", "--legacy --legacy-until 2090-02-30", "--legacy-because x"]
        {
            assert!(policy(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_pre_shared_key_goes_first() {
        let with_psk = |line: &str| {
            let words = std::iter::once("premaster").chain(line.split_whitespace());
            Line::try_parse_from(words).unwrap().options.policy(true)
        };
        let modern = with_psk("").unwrap();
        let first = modern.suites(V12).next().unwrap();
        assert!(first.key_exchange == KeyExchange::EcdhePsk && !first.is_deprecated(), "{first:?}");
        let plain = with_psk("--kx psk").unwrap();
        assert!(plain.suites(V12).all(|suite| suite.key_exchange == KeyExchange::Psk));
        assert!(with_psk("--kx rsa-psk").unwrap_err().what.ends_with("is not permitted"));
        assert!(with_psk("--kx rsa-psk --legacy").is_ok());
        assert_eq!(policy("--kx psk").unwrap_err().what, "no pre-shared key was given");
    }

    #[test]
    fn nothing_left_is_a_usage_error() {
        assert_eq!(
            policy("--policy modern --kx dhe --tls 1.2").unwrap_err().code,
            crate::exit::ExitCode::Usage
        );
        assert!(policy("--suite 0x1301 --kx rsa --legacy").is_err());
        assert!(policy("--suite PSK-AES128-GCM-SHA256").unwrap_err().what.ends_with("cannot be used here"));
    }
}
