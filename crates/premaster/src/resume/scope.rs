//! Under what circumstances a session was made. It is resumed under the same ones only.
//!
//! A ticket that one virtual host sealed must not open the door of another: the client may have shown the
//! first one a certificate that the second one would not trust, or none at all. So the circumstances are
//! sealed into the ticket, as digests that can be compared one by one: a mismatch has a name.
use super::ScopeField;
use crate::{
    crypto::hash::{Digest, HashAlgorithm, Hasher},
    wire::ProtocolVersion,
};
use std::fmt;

/// How many bytes of each field's digest are kept: as many as a collision with a given value would cost 2^128
/// attempts to find.
const FIELD_LEN: usize = 16;

/// The circumstances of a session.
///
/// Start from `Scope::default()` and say what is known; the configuration's part can be made once and copied.
/// What is left out equals only what is left out.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    fields: [[u8; FIELD_LEN]; ScopeField::ALL.len()],
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAsked {
    /// They are not.
    No,
    /// They are, and need not have one.
    Optional,
    /// They are, and must have one.
    Required,
}

impl Scope {
    /// The length of its encoding, in bytes.
    pub const LEN: usize = FIELD_LEN * ScopeField::ALL.len();

    /// What a handshake negotiated: the version, the hash of the suite, and whether the master secret is bound
    /// to the handshake.
    #[must_use]
    pub fn negotiated(
        mut self,
        version: ProtocolVersion,
        hash: HashAlgorithm,
        extended_master_secret: bool,
    ) -> Self {
        self.set(ScopeField::Version, number(version.0.into()));
        let hash = match hash {
            HashAlgorithm::Sha1 => 1,
            HashAlgorithm::Sha256 => 2,
            HashAlgorithm::Sha384 => 3,
            HashAlgorithm::Sha512 => 4,
        };
        self.set(ScopeField::SuiteHash, number(hash));
        self.set(ScopeField::ExtendedMasterSecret, number(extended_master_secret.into()));
        self
    }

    /// The name that the client asked for, upper or lower case.
    #[must_use]
    pub fn server_name(mut self, name: Option<&str>) -> Self {
        let name = name.map(str::to_ascii_lowercase);
        let parts: &[&[u8]] = match &name {
            Some(name) => &[name.as_bytes()],
            None => &[],
        };
        self.set(ScopeField::ServerName, hashed(ScopeField::ServerName, parts));
        self
    }

    /// The credential that the server shows: a fingerprint of its leaf certificate, or a name that outlives renewals.
    #[must_use]
    pub fn credential(mut self, fingerprint_or_name: &[u8]) -> Self {
        self.set(ScopeField::Credential, hashed(ScopeField::Credential, &[fingerprint_or_name]));
        self
    }

    /// Whether clients are asked for a certificate, and a fingerprint of those who may have issued it.
    #[must_use]
    pub fn client_authentication(mut self, asked: ClientAsked, trusted: &[u8]) -> Self {
        let asked = [match asked {
            ClientAsked::No => 0,
            ClientAsked::Optional => 1,
            ClientAsked::Required => 2,
        }];
        let field = ScopeField::ClientAuthentication;
        self.set(field, hashed(field, &[&asked, trusted]));
        self
    }

    /// Whether the peer's identity has to be a verified one, not just reported.
    #[must_use]
    pub fn verified_identity(mut self, required: bool) -> Self {
        self.set(ScopeField::VerifiedIdentity, number(required.into()));
        self
    }

    /// The application protocols on offer, in order.
    #[must_use]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: &[P]) -> Self {
        let parts: Vec<&[u8]> = protocols.iter().map(AsRef::as_ref).collect();
        self.set(ScopeField::Alpn, hashed(ScopeField::Alpn, &parts));
        self
    }

    /// A number that the operator changes to end every earlier session: after a revocation, for example.
    #[must_use]
    pub fn trust_epoch(mut self, epoch: u64) -> Self {
        self.set(ScopeField::TrustEpoch, number(epoch));
        self
    }

    /// Whatever else the application wants sessions to be bound to.
    #[must_use]
    pub fn application(mut self, context: &[u8]) -> Self {
        self.set(ScopeField::Application, hashed(ScopeField::Application, &[context]));
        self
    }

    /// The first field in which the two differ, of those that `policy` looks at.
    pub fn mismatch(&self, other: &Self, policy: ScopePolicy) -> Option<ScopeField> {
        ScopeField::ALL
            .into_iter()
            .find(|&field| !policy.ignores(field) && self.field(field) != other.field(field))
    }

    /// One digest of all of it: SHA-256 over the fields, each with its length.
    pub fn digest(&self) -> [u8; 32] {
        let parts: Vec<&[u8]> = self.fields.iter().map(|field| &field[..]).collect();
        let whole = length_prefixed("premaster scope", &parts);
        whole.as_ref().try_into().unwrap_or_default()
    }

    /// As it is sealed into a session.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.fields.iter().for_each(|field| out.extend_from_slice(field));
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8; Self::LEN]) -> Self {
        let mut scope = Self::default();
        for (field, bytes) in scope.fields.iter_mut().zip(bytes.as_chunks().0) {
            *field = *bytes;
        }
        scope
    }

    fn set(&mut self, field: ScopeField, value: [u8; FIELD_LEN]) {
        self.fields[field as usize] = value;
    }

    fn field(&self, field: ScopeField) -> &[u8; FIELD_LEN] {
        &self.fields[field as usize]
    }
}

/// `Debug` shows the digest, by which logs of two servers can be compared.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope(")?;
        self.digest()[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A small value stands for itself.
fn number(value: u64) -> [u8; FIELD_LEN] {
    // The first byte tells 0 from what was never said.
    (1 << 120 | u128::from(value)).to_be_bytes()
}

fn hashed(field: ScopeField, parts: &[&[u8]]) -> [u8; FIELD_LEN] {
    let whole = length_prefixed(field.name(), parts);
    whole.as_ref().first_chunk().copied().unwrap_or_default()
}

/// SHA-256 over a label and parts, each with its length before it, so that no two lists look alike.
fn length_prefixed(label: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finish()
}

/// Which differences do not matter. By default all do.
///
/// ```
/// # use premaster::resume::{ScopeField, ScopePolicy};
/// // One certificate for all names, and the same content behind each of them.
/// let policy = ScopePolicy::STRICT.ignoring(ScopeField::ServerName);
/// assert!(policy.is_some());
/// // That a client was asked for a certificate matters always.
/// assert!(ScopePolicy::STRICT.ignoring(ScopeField::ClientAuthentication).is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopePolicy {
    ignored: u16,
}

impl ScopePolicy {
    /// Every difference matters.
    pub const STRICT: Self = Self { ignored: 0 };

    /// Resumes across differences of this field as well. None if that would be no widening but a hole: version,
    /// hash and extended master secret belong to the secret itself, and to skip client authentication or the
    /// verification of an identity is to have none.
    pub const fn ignoring(self, field: ScopeField) -> Option<Self> {
        match field {
            ScopeField::Version
            | ScopeField::SuiteHash
            | ScopeField::ExtendedMasterSecret
            | ScopeField::ClientAuthentication
            | ScopeField::VerifiedIdentity => None,
            ScopeField::ServerName
            | ScopeField::Credential
            | ScopeField::Alpn
            | ScopeField::TrustEpoch
            | ScopeField::Application => Some(Self { ignored: self.ignored | 1 << field as u16 }),
        }
    }

    const fn ignores(self, field: ScopeField) -> bool {
        self.ignored & 1 << field as u16 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::default()
            .negotiated(ProtocolVersion::TLS_1_3, HashAlgorithm::Sha256, true)
            .server_name(Some("a.example"))
            .credential(b"leaf")
            .client_authentication(ClientAsked::Required, b"roots")
            .verified_identity(true)
            .alpn(&["h2", "http/1.1"])
            .trust_epoch(7)
            .application(b"app")
    }

    fn variants() -> Vec<(ScopeField, Scope)> {
        let (v12, v13) = (ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3);
        let (sha256, sha384) = (HashAlgorithm::Sha256, HashAlgorithm::Sha384);
        use ScopeField::*;
        vec![
            (Version, scope().negotiated(v12, sha256, true)),
            (SuiteHash, scope().negotiated(v13, sha384, true)),
            (ExtendedMasterSecret, scope().negotiated(v13, sha256, false)),
            (ServerName, scope().server_name(Some("b.example"))),
            (ServerName, scope().server_name(Some(""))),
            (ServerName, scope().server_name(None)),
            (Credential, scope().credential(b"other leaf")),
            (ClientAuthentication, scope().client_authentication(ClientAsked::Optional, b"roots")),
            (ClientAuthentication, scope().client_authentication(ClientAsked::No, b"roots")),
            (ClientAuthentication, scope().client_authentication(ClientAsked::Required, b"other roots")),
            (VerifiedIdentity, scope().verified_identity(false)),
            (Alpn, scope().alpn(&["h2"])),
            (Alpn, scope().alpn(&["http/1.1", "h2"])),
            (Alpn, scope().alpn(&["h2h", "ttp/1.1"])),
            (TrustEpoch, scope().trust_epoch(8)),
            (TrustEpoch, scope().trust_epoch(0)),
            (Application, scope().application(b"")),
        ]
    }

    #[test]
    fn a_mismatch_names_its_field() {
        assert_eq!(scope().mismatch(&scope(), ScopePolicy::STRICT), None);
        for (field, other) in variants() {
            assert_eq!(scope().mismatch(&other, ScopePolicy::STRICT), Some(field));
            assert_ne!(scope().digest(), other.digest(), "{field}");
        }
    }

    #[test]
    fn what_was_left_out_equals_no_value() {
        let unsaid = Scope::default();
        assert_eq!(
            unsaid.mismatch(&unsaid.trust_epoch(0), ScopePolicy::STRICT),
            Some(ScopeField::TrustEpoch)
        );
        let no_name = unsaid.server_name(None);
        assert_eq!(unsaid.mismatch(&no_name, ScopePolicy::STRICT), Some(ScopeField::ServerName));
    }

    #[test]
    fn widening_is_for_the_named_field_only_and_not_for_every_field() {
        for (field, other) in variants() {
            let Some(policy) = ScopePolicy::STRICT.ignoring(field) else {
                use ScopeField::*;
                assert!(matches!(
                    field,
                    Version | SuiteHash | ExtendedMasterSecret | ClientAuthentication | VerifiedIdentity
                ));
                continue;
            };
            assert_eq!(scope().mismatch(&other, policy), None, "{field}");
            let both = other.verified_identity(false).application(b"x").alpn(&["x"]);
            assert!(scope().mismatch(&both, policy).is_some(), "{field}");
        }
    }

    #[test]
    fn names_have_no_case_and_the_encoding_is_read_back() {
        assert_eq!(scope(), scope().server_name(Some("A.Example")));
        let mut bytes = Vec::new();
        scope().encode(&mut bytes);
        assert_eq!(Scope::decode(bytes.first_chunk().unwrap()), scope());
        assert_eq!(bytes.len(), Scope::LEN);
        assert!(ScopeField::ALL.iter().enumerate().all(|(index, field)| *field as usize == index));
    }
}
