//! Choices, as pure functions: what both sides can do goes in, one of them and the reason comes out.
use crate::{
    Error,
    config::Policy,
    crypto::{
        hash::HashAlgorithm,
        sign::{KeyKind, SchemeUse},
    },
    error::{Incompatible, Misbehaved},
    exchange::{Group, GroupKind},
    suite::{Authentication, KeyExchange, Suite},
    wire::{
        CipherSuite, List, NamedGroup, ProtocolVersion, SignatureScheme,
        extension::{self, KeyShareEntry},
        message::ClientHello,
    },
};
use smallvec::SmallVec;

/// A choice, and why it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen<T> {
    pub(super) value: T,
    pub(super) because: &'static str,
}

const OURS_FIRST: &str = "the first of this server's list that the client offers";
const THEIRS_FIRST: &str = "the first of the client's list that this server allows";

/// The versions that the client speaks (RFC 9846 section 4.2.1, RFC 5246 appendix E.1).
pub(crate) fn offered_versions(hello: &ClientHello<'_>) -> Result<SmallVec<[ProtocolVersion; 8]>, Error> {
    let listed = hello.extensions.get::<extension::SupportedVersionsClientHello<'_>>()?;
    Ok(match &listed {
        Some(listed) => listed.versions.iter().collect(),
        // Without the list, legacy_version is the newest that the client speaks, and TLS 1.3 is not meant.
        None => [
            ProtocolVersion::TLS_1_2,
            ProtocolVersion::TLS_1_1,
            ProtocolVersion::TLS_1_0,
            ProtocolVersion::SSL_3_0,
        ]
        .into_iter()
        .filter(|version| *version <= hello.legacy_version)
        .collect(),
    })
}

/// The version (RFC 9846 section 4.2.1, RFC 5246 appendix E.1).
pub(super) fn version(policy: &Policy, hello: &ClientHello<'_>) -> Result<Chosen<ProtocolVersion>, Error> {
    let theirs = offered_versions(hello)?;
    let spoken = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];
    let chosen = spoken.into_iter().find(|version| policy.allows(*version) && theirs.contains(version));
    // RFC 7507 section 3: the client says that it tried higher before. That comes before any other complaint.
    let newest = theirs.iter().filter(|version| ProtocolVersion::KNOWN.contains(version)).max();
    if newest.is_some_and(|newest| *newest < policy.newest())
        && hello.cipher_suites.iter().any(|code| code == CipherSuite::TLS_FALLBACK_SCSV)
    {
        return Err(Misbehaved::InappropriateFallback.into());
    }
    let Some(value) = chosen else {
        return Err(
            Incompatible::Version { ours: policy.versions.to_vec(), theirs: theirs.into_vec() }.into()
        );
    };
    Ok(Chosen { value, because: "the newest that both sides speak" })
}

/// The TLS 1.3 cipher suite; with a pre-shared key it must have that key's hash.
pub(super) fn suite13(
    policy: &Policy,
    theirs: List<'_, CipherSuite>,
    hash: Option<HashAlgorithm>,
) -> Result<Chosen<&'static Suite>, Error> {
    let fits = |suite: &Suite| hash.is_none_or(|hash| suite.hash == hash);
    suite(policy, theirs, ProtocolVersion::TLS_1_3, "", fits)
}

/// What a TLS 1.2 suite needs besides being on both lists.
pub(super) struct Means {
    /// The kind of the credential's key, if there is a credential.
    pub(super) key: Option<KeyKind>,
    /// Whether the credential's key usage allows it to sign, to decrypt and to agree.
    pub(super) may_sign: bool,
    /// Whether it may decrypt.
    pub(super) may_encipher: bool,
    /// Whether it may agree.
    pub(super) may_agree: bool,
    /// Whether a curve is shared.
    pub(super) curve: Option<&'static Group>,
    /// The finite-field group for DHE.
    pub(super) finite_field: Option<&'static Group>,
    /// Whether there are pre-shared keys.
    pub(super) psk: bool,
}

impl Means {
    fn serve(&self, suite: &Suite) -> bool {
        let kind = |fits: fn(KeyKind) -> bool| self.key.is_some_and(fits);
        let rsa = kind(|key| key == KeyKind::Rsa);
        let signs = match suite.authentication {
            Authentication::Rsa => kind(|key| matches!(key, KeyKind::Rsa | KeyKind::RsaPss)),
            Authentication::Ecdsa => kind(|key| key.is_ecdsa() || key == KeyKind::Ed25519),
            _ => true,
        } && self.may_sign;
        let certified_curve = kind(KeyKind::is_ecdsa) && self.may_agree;
        match suite.key_exchange {
            KeyExchange::Tls13 => false,
            KeyExchange::Ecdhe => signs && self.curve.is_some(),
            KeyExchange::Dhe => signs && self.finite_field.is_some(),
            KeyExchange::Rsa => rsa && self.may_encipher,
            KeyExchange::Ecdh => certified_curve,
            KeyExchange::Dh => kind(|key| key == KeyKind::Dh) && self.may_agree,
            KeyExchange::Psk => self.psk,
            KeyExchange::DhePsk => self.psk && self.finite_field.is_some(),
            KeyExchange::EcdhePsk => self.psk && self.curve.is_some(),
            KeyExchange::RsaPsk => self.psk && rsa && self.may_encipher,
            KeyExchange::DhAnon => self.finite_field.is_some(),
            KeyExchange::EcdhAnon => self.curve.is_some(),
        }
    }
}

/// The TLS 1.2 cipher suite.
pub(super) fn suite12(
    policy: &Policy,
    theirs: List<'_, CipherSuite>,
    means: &Means,
) -> Result<Chosen<&'static Suite>, Error> {
    let because = "the certificate's key, its usage and the groups must fit as well";
    suite(policy, theirs, ProtocolVersion::TLS_1_2, because, |suite| means.serve(suite))
}

fn suite(
    policy: &Policy,
    theirs: List<'_, CipherSuite>,
    version: ProtocolVersion,
    condition: &'static str,
    fits: impl Fn(&Suite) -> bool,
) -> Result<Chosen<&'static Suite>, Error> {
    let possible = |suite: &&'static Suite| fits(suite) && theirs.iter().any(|code| code == suite.code);
    let ours = || policy.suites(version);
    let chosen = if policy.server_preference {
        ours().find(possible).map(|value| Chosen { value, because: OURS_FIRST })
    } else {
        theirs
            .iter()
            .find_map(|code| ours().find(|own| own.code == code && fits(own)))
            .map(|value| Chosen { value, because: THEIRS_FIRST })
    };
    chosen.ok_or_else(|| {
        let ours = ours().map(|suite| suite.code).collect();
        Incompatible::CipherSuite { ours, theirs: theirs.iter().collect(), because: condition }.into()
    })
}

/// What the server's certificate may hold, as far as the suites and groups that both sides have go.
#[derive(Default)]
pub(super) struct Keys12 {
    /// Keys of these kinds, which sign.
    pub(super) signing_kinds: SmallVec<[KeyKind; 8]>,
    /// Keys of these kinds, which need not.
    pub(super) static_kinds: SmallVec<[KeyKind; 8]>,
}

impl Keys12 {
    /// Whether no certificate can be of any use.
    pub(super) fn is_empty(&self) -> bool {
        self.signing_kinds.is_empty() && self.static_kinds.is_empty()
    }
}

/// The kinds of keys that the suites common to both sides could use in TLS 1.2.
pub(super) fn keys12(
    policy: &Policy,
    theirs: List<'_, CipherSuite>,
    supported: Option<List<'_, NamedGroup>>,
) -> Keys12 {
    const CURVES: &[KeyKind] =
        &[KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::EcdsaP521, KeyKind::Ed25519];
    let mut keys = Keys12::default();
    let has_curve = curve12(policy, supported).is_some();
    let has_finite_field = finite_field12(policy, supported).is_some();
    // RFC 8422 section 5.1: the client's list of curves is about certificates as well.
    let verifiable = |kind: &&KeyKind| match (kind.curve(), supported) {
        (Some(curve), Some(supported)) => supported.contains(curve),
        _ => true,
    };
    let common = |suite: &&Suite| theirs.iter().any(|code| code == suite.code);
    for suite in policy.suites(ProtocolVersion::TLS_1_2).filter(common) {
        let (kinds, fitting): (_, &[KeyKind]) = match (suite.key_exchange, suite.authentication) {
            (KeyExchange::Ecdh, _) => (&mut keys.static_kinds, CURVES),
            (KeyExchange::Rsa | KeyExchange::RsaPsk, _) => (&mut keys.static_kinds, &[KeyKind::Rsa]),
            (KeyExchange::Dh, _) => (&mut keys.static_kinds, &[KeyKind::Dh]),
            (KeyExchange::Ecdhe, Authentication::Ecdsa) if has_curve => (&mut keys.signing_kinds, CURVES),
            (KeyExchange::Ecdhe, Authentication::Rsa) if has_curve => {
                (&mut keys.signing_kinds, &[KeyKind::Rsa, KeyKind::RsaPss])
            }
            (KeyExchange::Dhe, _) if has_finite_field => {
                (&mut keys.signing_kinds, &[KeyKind::Rsa, KeyKind::RsaPss])
            }
            _ => continue,
        };
        for kind in fitting.iter().filter(verifiable) {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
    }
    keys
}

/// What becomes of a TLS 1.3 client's shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share<'a> {
    /// This one is used.
    Use(&'static Group, &'a [u8]),
    /// None fits: ask for one of this group.
    Retry(&'static Group),
}

/// The group of a TLS 1.3 key exchange (RFC 9846 sections 4.1.1 and 4.2.8).
pub(super) fn share<'a>(
    policy: &Policy,
    supported: List<'_, NamedGroup>,
    shares: List<'a, KeyShareEntry<'a>>,
) -> Result<Chosen<Share<'a>>, Error> {
    let sent = |group: &'static Group| {
        let share = shares.iter().find(|entry| entry.group == group.code);
        share.map(|entry| (group, entry.key_exchange))
    };
    let (best, shared) = if policy.server_preference {
        let mut common = policy.group_rows().filter(|group| supported.contains(group.code));
        (common.clone().next(), common.find_map(sent))
    } else {
        let row = |code| policy.group_rows().find(|group| group.code == code);
        let mut common = supported.iter().filter_map(row);
        (common.clone().next(), common.find_map(sent))
    };
    let Some(best) = best else {
        return Err(no_group(policy, supported));
    };
    let value = match shared {
        Some((group, _)) if policy.retry_for_better_group && best.quantum_safe && !group.quantum_safe => {
            Share::Retry(best)
        }
        Some((group, share)) => Share::Use(group, share),
        None => Share::Retry(best),
    };
    let because = match value {
        Share::Use(group, _) if group == best => OURS_FIRST,
        Share::Use(..) => "the first of this server's list that the client sent a share for",
        Share::Retry(_) if shared.is_some() => {
            "quantum-safe, and the client supports it, but sent no share for it"
        }
        Share::Retry(_) => "the client sent no share for any group that both sides support",
    };
    Ok(Chosen { value, because })
}

pub(super) fn no_group(policy: &Policy, supported: List<'_, NamedGroup>) -> Error {
    Incompatible::Group { ours: policy.groups.to_vec(), theirs: supported.iter().collect() }.into()
}

/// The curve of a TLS 1.2 key exchange; without supported_groups any may be used (RFC 8422 section 4).
pub(super) fn curve12(policy: &Policy, supported: Option<List<'_, NamedGroup>>) -> Option<&'static Group> {
    let usable = |group: &&'static Group| group.kind == GroupKind::Curve;
    match supported {
        Some(list) if !policy.server_preference => {
            list.iter().find_map(|code| policy.group_rows().filter(usable).find(|group| group.code == code))
        }
        Some(list) => {
            policy.group_rows().filter(usable).find(|group| list.iter().any(|code| code == group.code))
        }
        None => policy.group_rows().find(|group| group.code == NamedGroup::secp256r1),
    }
}

/// The finite-field group of a TLS 1.2 key exchange (RFC 7919 section 4): one the client names; if it names
/// none at all, the server's first; if it names only others, none.
pub(super) fn finite_field12(
    policy: &Policy,
    supported: Option<List<'_, NamedGroup>>,
) -> Option<&'static Group> {
    let usable = |group: &&'static Group| group.kind == GroupKind::FiniteField;
    let is_finite_field = |code: NamedGroup| (0x0100..=0x01ff).contains(&code.0);
    match supported {
        Some(list) if list.iter().any(is_finite_field) => {
            policy.group_rows().filter(usable).find(|group| list.iter().any(|code| code == group.code))
        }
        _ => policy.group_rows().find(usable),
    }
}

/// The scheme that a key signs with.
pub(super) fn scheme(
    own: &[SignatureScheme],
    key: KeyKind,
    usage: SchemeUse,
    theirs: List<'_, SignatureScheme>,
) -> Result<Chosen<SignatureScheme>, Error> {
    let usable =
        |scheme: &&SignatureScheme| key.fits(**scheme, usage) && theirs.iter().any(|other| other == **scheme);
    match own.iter().find(usable) {
        Some(scheme) => Ok(Chosen { value: *scheme, because: "the key's first that the peer accepts" }),
        None => {
            Err(Incompatible::SignatureScheme { ours: own.to_vec(), theirs: theirs.iter().collect() }.into())
        }
    }
}

/// The application protocol (RFC 7301 section 3.2): the server's first that the client offers.
pub(super) fn alpn(
    ours: &[Vec<u8>],
    ignore_unknown: bool,
    hello: &ClientHello<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(offered) = hello.extensions.get::<extension::ProtocolNameList<'_>>()? else { return Ok(None) };
    if ours.is_empty() {
        return Ok(None);
    }
    match ours.iter().find(|own| offered.protocol_name_list.iter().any(|name| name.0 == own.as_slice())) {
        Some(own) => Ok(Some(own.clone())),
        None if ignore_unknown => Ok(None),
        None => {
            let theirs = offered.protocol_name_list.iter().map(|name| name.0.to_vec()).collect();
            Err(Incompatible::ApplicationProtocol { ours: ours.to_vec(), theirs }.into())
        }
    }
}
