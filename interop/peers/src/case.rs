//! The matrix: what both sides have, case by case.
use crate::Key;
use premaster::{
    Policy,
    suite::{Authentication, KeyExchange, Suite},
    wire::{NamedGroup, ProtocolVersion},
};
use std::fmt;

/// One combination of version, suite, group and certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The suite, which says the version.
    pub suite: &'static Suite,
    /// The group of the key exchange.
    pub group: NamedGroup,
    /// The server's key.
    pub key: Key,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {:?}", self.version(), self.suite.name(), self.group, self.key)
    }
}

impl Case {
    /// Every case that `policy` allows with a server's key of this kind, over these groups.
    pub fn all(policy: &Policy, key: Key, groups: &[NamedGroup]) -> Vec<Self> {
        let mut cases = Vec::new();
        for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
            for suite in policy.suites(version).filter(|suite| fits(suite, key)) {
                let groups = groups.iter().copied().filter(|group| reaches(suite, *group));
                cases.extend(groups.map(|group| Self { suite, group, key }));
            }
        }
        cases
    }

    /// The version.
    pub fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// `policy`, cut down to this case alone.
    pub fn policy(&self, policy: Policy) -> Policy {
        policy
            .with_versions(&[self.version()])
            .with_cipher_suites(&[self.suite.code])
            .with_groups(&[self.group])
    }

    /// The same for a client. In TLS 1.2 the curve of an ECDSA key has to be among the client's groups
    /// as well (RFC 8422 section 5.1).
    pub fn client_policy(&self, policy: Policy) -> Policy {
        let mut groups = vec![self.group];
        groups.extend(self.certificate_group().filter(|group| *group != self.group));
        self.policy(policy).with_groups(&groups)
    }

    /// The group that an ECDSA certificate's key belongs to, where a version ties the two.
    pub fn certificate_group(&self) -> Option<NamedGroup> {
        match (self.version(), self.key) {
            (ProtocolVersion::TLS_1_2, Key::P256) => Some(NamedGroup::secp256r1),
            (ProtocolVersion::TLS_1_2, Key::P384) => Some(NamedGroup::secp384r1),
            (ProtocolVersion::TLS_1_2, Key::P521) => Some(NamedGroup::secp521r1),
            _ => None,
        }
    }
}

/// Whether a server with this key can speak the suite.
fn fits(suite: &Suite, key: Key) -> bool {
    match suite.authentication {
        Authentication::Rsa => key == Key::Rsa2048,
        Authentication::Ecdsa => key != Key::Rsa2048,
        Authentication::Tls13 => true,
        _ => false,
    }
}

/// Whether the suite's key exchange can use the group.
fn reaches(suite: &Suite, group: NamedGroup) -> bool {
    let finite_field = group.0 & 0xff00 == 0x0100;
    let hybrid = group.0 >= 0x1000;
    match suite.key_exchange {
        KeyExchange::Tls13 => true,
        kx if kx.is_elliptic() => !finite_field && !hybrid,
        kx if kx.is_finite_field() => finite_field,
        _ => false,
    }
}
