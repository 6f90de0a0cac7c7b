//! What is spoken: the lists that the flags ask for, or BoringSSL's own where they ask for nothing.
use crate::{failure::Failure, settings::Settings};
use premaster::{
    Policy,
    suite::Suite,
    wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme},
};
use std::borrow::Cow;

/// What BoringSSL accepts from its peers unless told otherwise, in its order.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ecdsa_secp256r1_sha256,
    SignatureScheme::rsa_pss_rsae_sha256,
    SignatureScheme::rsa_pkcs1_sha256,
    SignatureScheme::ecdsa_secp384r1_sha384,
    SignatureScheme::rsa_pss_rsae_sha384,
    SignatureScheme::rsa_pkcs1_sha384,
    SignatureScheme::rsa_pss_rsae_sha512,
    SignatureScheme::rsa_pkcs1_sha512,
];

/// Its groups.
const GROUPS: &[NamedGroup] =
    &[NamedGroup::X25519MLKEM768, NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1];

/// Its cipher suites, the best first, as far as this library has them.
const SUITES: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-PSK-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-PSK-AES128-CBC-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-PSK-AES256-CBC-SHA",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "PSK-AES128-CBC-SHA",
    "AES256-SHA",
    "PSK-AES256-CBC-SHA",
];

/// A named policy: everything that it allows.
struct Named {
    flag: &'static str,
    /// Suites by their OpenSSL names.
    suites: &'static [&'static str],
    groups: &'static [NamedGroup],
    schemes: &'static [SignatureScheme],
}

/// The policies of governments and industry that the runner knows.
const NAMED: &[Named] = &[
    Named {
        flag: "-fips-202205",
        suites: &[
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
        ],
        groups: &[NamedGroup::secp256r1, NamedGroup::secp384r1],
        schemes: &[
            SignatureScheme::rsa_pkcs1_sha256,
            SignatureScheme::rsa_pkcs1_sha384,
            SignatureScheme::rsa_pkcs1_sha512,
            SignatureScheme::ecdsa_secp256r1_sha256,
            SignatureScheme::ecdsa_secp384r1_sha384,
            SignatureScheme::rsa_pss_rsae_sha256,
            SignatureScheme::rsa_pss_rsae_sha384,
            SignatureScheme::rsa_pss_rsae_sha512,
        ],
    },
    Named {
        flag: "-wpa-202304",
        suites: &["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
        groups: &[NamedGroup::secp384r1],
        schemes: &[
            SignatureScheme::rsa_pkcs1_sha384,
            SignatureScheme::rsa_pkcs1_sha512,
            SignatureScheme::ecdsa_secp384r1_sha384,
            SignatureScheme::rsa_pss_rsae_sha384,
            SignatureScheme::rsa_pss_rsae_sha512,
        ],
    },
    Named {
        flag: "-cnsa1-202603",
        suites: &[
            "TLS_AES_256_GCM_SHA384",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "AES256-GCM-SHA384",
        ],
        groups: &[NamedGroup::MLKEM1024, NamedGroup::secp384r1],
        schemes: CNSA_SCHEMES,
    },
    Named {
        flag: "-cnsa2-202603",
        suites: &["TLS_AES_256_GCM_SHA384"],
        groups: &[NamedGroup::MLKEM1024],
        schemes: CNSA_SCHEMES,
    },
];

const CNSA_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ecdsa_secp384r1_sha384,
    SignatureScheme::rsa_pss_rsae_sha384,
    SignatureScheme::rsa_pkcs1_sha384,
];

/// The named policy that the flags ask for, if they do.
fn named(settings: &Settings) -> Option<&'static Named> {
    NAMED.iter().find(|named| settings.has(named.flag))
}

/// What this side signs with, if a named policy says so.
pub(crate) fn signing_schemes(settings: &Settings) -> Option<&'static [SignatureScheme]> {
    named(settings).map(|named| named.schemes)
}

/// What is spoken.
pub(crate) fn policy(settings: &Settings) -> Result<Policy, Failure> {
    let named = named(settings);
    let mut policy = Policy::MODERN;
    policy.versions = Cow::Owned(versions(settings)?);
    policy.cipher_suites = Cow::Owned(match named {
        Some(named) => parse(named.suites)?,
        None => suites(settings)?,
    });
    policy.signature_schemes = match (settings.codes("-verify-prefs")?, named) {
        (Some(codes), _) => Cow::Owned(codes.into_iter().map(SignatureScheme).collect()),
        (None, Some(named)) => Cow::Borrowed(named.schemes),
        (None, None) => Cow::Borrowed(SCHEMES),
    };
    let groups = match (settings.codes("-curves")?, named) {
        (Some(codes), _) => codes.into_iter().map(NamedGroup).collect(),
        (None, Some(named)) => named.groups.to_vec(),
        (None, None) => GROUPS.to_vec(),
    };
    policy.key_shares = Cow::Owned(shares(settings, &groups)?);
    policy.groups = Cow::Owned(groups);
    policy.require_extended_master_secret = false;
    policy.require_renegotiation_info = settings.has("-no-legacy-server-connect");
    policy.server_preference =
        ["-server-preference", "-cipher", "-cnsa1-202603"].iter().any(|flag| settings.has(flag));
    Ok(policy)
}

fn versions(settings: &Settings) -> Result<Vec<ProtocolVersion>, Failure> {
    let least = settings.code("-min-version")?.unwrap_or(0);
    let most = settings.code("-max-version")?.unwrap_or(u16::MAX);
    let spoken = [(ProtocolVersion::TLS_1_3, "-no-tls13"), (ProtocolVersion::TLS_1_2, "-no-tls12")];
    let allowed =
        spoken.iter().filter(|(version, off)| (least..=most).contains(&version.0) && !settings.has(off));
    // The newest policy is for TLS 1.3 alone.
    let allowed = allowed.map(|(version, _)| *version);
    Ok(allowed
        .filter(|version| *version > ProtocolVersion::TLS_1_2 || !settings.has("-cnsa2-202603"))
        .collect())
}

/// The groups that a share is sent for: the first, and the first of the other kind, classical or not.
fn shares(settings: &Settings, groups: &[NamedGroup]) -> Result<Vec<NamedGroup>, Failure> {
    let hint = settings.codes("-server-supported-groups-hint")?.unwrap_or_default();
    if let Some(hinted) = groups.iter().find(|group| hint.contains(&group.0)) {
        return Ok(vec![*hinted]);
    }
    if settings.has("-no-key-shares") {
        return Ok(Vec::new());
    }
    if let Some(codes) = settings.codes("-key-shares")? {
        return Ok(codes.into_iter().map(NamedGroup).collect());
    }
    let is_classical = |group: &NamedGroup| group.0 < 0x0200;
    let first = groups.first();
    let other = groups.iter().find(|group| Some(is_classical(group)) != first.map(is_classical));
    Ok(first.into_iter().chain(other).copied().collect())
}

fn suites(settings: &Settings) -> Result<Vec<CipherSuite>, Failure> {
    let has_psk = settings.has("-psk");
    let all = parse(SUITES)?;
    let Some(list) = settings.text("-cipher")?.filter(|list| *list != "ALL") else {
        let possible = |code: &CipherSuite| {
            Suite::find(*code).is_some_and(|suite| has_psk || !suite.key_exchange.has_psk())
        };
        return Ok(all.into_iter().filter(possible).collect());
    };
    let mut suites: Vec<CipherSuite> = all.into_iter().filter(|code| code.0 >> 8 == 0x13).collect();
    for name in list.split(':') {
        // RFC 9846 suites are not on OpenSSL's lists; anything that is not a suite's name is left to others.
        let suite = Suite::parse(name).ok_or_else(|| Failure::unsupported(format!("-cipher {list}")))?;
        suites.push(suite.code);
    }
    Ok(suites)
}

fn parse(names: &[&str]) -> Result<Vec<CipherSuite>, Failure> {
    let suite = |name: &&str| Suite::parse(name).map(|suite| suite.code);
    let parsed: Option<_> = names.iter().map(suite).collect();
    parsed.ok_or_else(|| Failure::unsupported("a cipher suite"))
}
