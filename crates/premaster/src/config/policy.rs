//! Policies: what a side is willing to speak, as lists that one can read.
//!
//! Each list is in order of preference. A policy is a value: start from one of the named ones and change its
//! lists, or write your own.
use super::{ConfigError, LegacyOptIn, is_anonymous, is_fenced};
use crate::{
    exchange::{Group, KeyLimits},
    suite::Suite,
    wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme},
};
use std::borrow::Cow;

/// What a side is willing to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What it is called, with its version, so that a log line says which lists were in force.
    pub name: Cow<'static, str>,
    /// The versions.
    pub versions: Cow<'static, [ProtocolVersion]>,
    /// The cipher suites.
    pub cipher_suites: Cow<'static, [CipherSuite]>,
    /// The groups.
    pub groups: Cow<'static, [NamedGroup]>,
    /// The groups for which a TLS 1.3 client sends a share without being asked.
    pub key_shares: Cow<'static, [NamedGroup]>,
    /// The signature schemes accepted from the peer.
    pub signature_schemes: Cow<'static, [SignatureScheme]>,
    /// Whether a TLS 1.2 peer must bind the master secret to the handshake (RFC 7627).
    pub require_extended_master_secret: bool,
    /// Whether a TLS 1.2 peer must protect against renegotiation attacks (RFC 5746).
    pub require_renegotiation_info: bool,
    /// The sizes of keys and groups that are accepted in TLS 1.2.
    pub key_limits: KeyLimits,
    /// Whether CBC records may bear their MAC over the ciphertext (RFC 7366), which both sides must want.
    pub encrypt_then_mac: bool,
    /// Whether the order of the server's lists counts, or that of the client's.
    pub server_preference: bool,
    /// Whether a server asks again (HelloRetryRequest) when the client supports a group of a better tier than
    /// those it sent shares for: a quantum-safe one, when only classical shares came.
    pub retry_for_better_group: bool,
}

const V12: ProtocolVersion = ProtocolVersion::TLS_1_2;
const V13: ProtocolVersion = ProtocolVersion::TLS_1_3;

/// RSA keys sign with PSS and PKCS#1, curves each with its hash; no SHA-1.
const SIGNATURE_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ed25519,
    SignatureScheme::ecdsa_secp256r1_sha256,
    SignatureScheme::ecdsa_secp384r1_sha384,
    SignatureScheme::ecdsa_secp521r1_sha512,
    SignatureScheme::rsa_pss_rsae_sha256,
    SignatureScheme::rsa_pss_rsae_sha384,
    SignatureScheme::rsa_pss_rsae_sha512,
    SignatureScheme::rsa_pss_pss_sha256,
    SignatureScheme::rsa_pss_pss_sha384,
    SignatureScheme::rsa_pss_pss_sha512,
    SignatureScheme::rsa_pkcs1_sha256,
    SignatureScheme::rsa_pkcs1_sha384,
    SignatureScheme::rsa_pkcs1_sha512,
];

/// What `COMPATIBLE` speaks: everything with forward secrecy and a full-length tag; CBC comes last.
const COMPATIBLE_SUITES: &[CipherSuite] = &[
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_AES_128_CCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CCM,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CCM,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CCM,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
];

/// What `LEGACY` speaks: all that `COMPATIBLE` does, and then what has no forward secrecy or a short tag.
const LEGACY_SUITES: &[CipherSuite] = &[
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_AES_128_CCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CCM,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CCM,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CCM,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_AES_128_CCM_8_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CCM_8,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CCM_8,
    CipherSuite::TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDH_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDH_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_DH_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DH_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_DH_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_DH_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DH_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_DH_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_RSA_WITH_AES_128_CCM,
    CipherSuite::TLS_RSA_WITH_AES_256_CCM,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_CCM_8,
    CipherSuite::TLS_RSA_WITH_AES_256_CCM_8,
];

impl Policy {
    /// TLS 1.3, and TLS 1.2 with ephemeral elliptic curves and authenticated encryption. The quantum-safe
    /// hybrid comes first. The default.
    pub const MODERN: Self = Self {
        name: Cow::Borrowed("modern-1"),
        versions: Cow::Borrowed(&[V13, V12]),
        cipher_suites: Cow::Borrowed(&[
            CipherSuite::TLS_AES_128_GCM_SHA256,
            CipherSuite::TLS_AES_256_GCM_SHA384,
            CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]),
        groups: Cow::Borrowed(&[
            NamedGroup::X25519MLKEM768,
            NamedGroup::x25519,
            NamedGroup::secp256r1,
            NamedGroup::secp384r1,
            NamedGroup::secp521r1,
        ]),
        key_shares: Cow::Borrowed(&[NamedGroup::X25519MLKEM768, NamedGroup::x25519]),
        signature_schemes: Cow::Borrowed(SIGNATURE_SCHEMES),
        require_extended_master_secret: true,
        require_renegotiation_info: true,
        key_limits: KeyLimits::STANDARD,
        encrypt_then_mac: true,
        server_preference: true,
        retry_for_better_group: false,
    };

    /// For peers that `MODERN` leaves out and that still have forward secrecy: adds DHE with the groups of RFC
    /// 7919, and CBC, preferably with encrypt-then-MAC.
    pub const COMPATIBLE: Self = Self {
        name: Cow::Borrowed("compatible-1"),
        cipher_suites: Cow::Borrowed(COMPATIBLE_SUITES),
        groups: Cow::Borrowed(&[
            NamedGroup::X25519MLKEM768,
            NamedGroup::x25519,
            NamedGroup::secp256r1,
            NamedGroup::secp384r1,
            NamedGroup::secp521r1,
            NamedGroup::SecP256r1MLKEM768,
            NamedGroup::SecP384r1MLKEM1024,
            NamedGroup::ffdhe2048,
            NamedGroup::ffdhe3072,
            NamedGroup::ffdhe4096,
            NamedGroup::ffdhe6144,
            NamedGroup::ffdhe8192,
        ]),
        ..Self::MODERN
    };

    /// For the device that nothing else speaks with: adds the exchanges that RFC 10015 deprecates, static RSA
    /// and static (elliptic curve) Diffie-Hellman, CCM_8, and peers without extended master secret. Needs the
    /// cargo feature `legacy` and a [`LegacyOptIn`].
    pub const LEGACY: Self = Self {
        name: Cow::Borrowed("legacy-1"),
        cipher_suites: Cow::Borrowed(LEGACY_SUITES),
        require_extended_master_secret: false,
        ..Self::COMPATIBLE
    };

    /// The policies by name: `modern`, `compatible`, `legacy`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "modern" => Some(Self::MODERN),
            "compatible" => Some(Self::COMPATIBLE),
            "legacy" => Some(Self::LEGACY),
            _ => None,
        }
    }

    /// Only these versions.
    pub fn with_versions(mut self, versions: &[ProtocolVersion]) -> Self {
        self.versions = Cow::Owned(versions.to_vec());
        self
    }

    /// Only these cipher suites.
    pub fn with_cipher_suites(mut self, suites: &[CipherSuite]) -> Self {
        self.cipher_suites = Cow::Owned(suites.to_vec());
        self
    }

    /// Only these groups; a client sends a share for the first.
    pub fn with_groups(mut self, groups: &[NamedGroup]) -> Self {
        self.groups = Cow::Owned(groups.to_vec());
        self.key_shares = Cow::Owned(groups.iter().copied().take(1).collect());
        self
    }

    /// A client sends shares for these groups, and for no others, without being asked.
    pub fn with_key_shares(mut self, groups: &[NamedGroup]) -> Self {
        self.key_shares = Cow::Owned(groups.to_vec());
        self
    }

    /// Only these signature schemes.
    pub fn with_signature_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.signature_schemes = Cow::Owned(schemes.to_vec());
        self
    }

    /// The newest version.
    pub fn newest(&self) -> ProtocolVersion {
        self.versions.iter().copied().max().unwrap_or(V13)
    }

    /// Whether a version is spoken.
    pub fn allows(&self, version: ProtocolVersion) -> bool {
        self.versions.contains(&version)
    }

    /// The suites for one version.
    pub fn suites(&self, version: ProtocolVersion) -> impl Iterator<Item = &'static Suite> {
        self.cipher_suites
            .iter()
            .filter_map(|code| Suite::find(*code))
            .filter(move |suite| suite.version() == version)
    }

    /// The groups, as rows of their table.
    pub fn group_rows(&self) -> impl Iterator<Item = &'static Group> + Clone {
        self.groups.iter().filter_map(|code| Group::find(*code))
    }

    /// Whether the server of some suite needs a certificate.
    pub(crate) fn needs_certificate(&self) -> bool {
        self.allows(V13) || self.suites(V12).any(|suite| suite.key_exchange.has_certificate())
    }

    /// The policy without what is fenced, for peers that no opt-in covers.
    pub(crate) fn without_fenced(mut self) -> Self {
        let open = |code: &CipherSuite| Suite::find(*code).is_none_or(|suite| !is_fenced(suite));
        self.cipher_suites = self.cipher_suites.iter().copied().filter(open).collect();
        self.require_extended_master_secret = true;
        self
    }

    /// Whether it names anything that is fenced.
    pub(crate) fn has_fenced(&self) -> bool {
        self.allows(V12) && (!self.require_extended_master_secret || self.suites(V12).any(is_fenced))
    }

    /// Whether the lists can work together.
    pub(crate) fn check(&self, opt_ins: &[LegacyOptIn]) -> Result<(), ConfigError> {
        let fenced = |suite: &&'static Suite| is_fenced(suite);
        let fenced = self.suites(V12).find(fenced).map(|suite| suite.name());
        let fenced = fenced
            .or((!self.require_extended_master_secret).then_some("TLS 1.2 without extended master secret"));
        if let Some(what) =
            fenced.filter(|_| self.allows(V12) && (opt_ins.is_empty() || !cfg!(feature = "legacy")))
        {
            return Err(ConfigError::LegacyNotAllowed(what.to_owned()));
        }
        let anonymous = self.suites(V12).find(|suite| is_anonymous(suite));
        if let Some(suite) = anonymous.filter(|_| !cfg!(feature = "laboratory")) {
            return Err(ConfigError::LegacyNotAllowed(suite.name().to_owned()));
        }
        if !self.versions.iter().any(|version| [V12, V13].contains(version)) {
            return Err(ConfigError::NoVersion);
        }
        for version in [V13, V12] {
            if self.allows(version) && self.suites(version).next().is_none() {
                return Err(ConfigError::NoCipherSuite(version));
            }
        }
        if let Some(unknown) = self.cipher_suites.iter().find(|code| Suite::find(**code).is_none()) {
            return Err(ConfigError::Unknown(format!("the cipher suite {unknown}")));
        }
        if let Some(unknown) =
            self.groups.iter().chain(&*self.key_shares).find(|code| Group::find(**code).is_none())
        {
            return Err(ConfigError::Unknown(format!("the group {unknown}")));
        }
        if self.groups.is_empty() && self.allows(V13) {
            return Err(ConfigError::NoGroup);
        }
        if self.signature_schemes.is_empty() {
            return Err(ConfigError::NoSignatureScheme);
        }
        Ok(())
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::MODERN
    }
}
