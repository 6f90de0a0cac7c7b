//! What went wrong, whose fault it is, which rule it broke, which alert it deserves, and what would mend it.
use crate::wire::{
    AlertDescription as Alert, DecodeError, NamedGroup, Problem, ProtocolVersion, SignatureScheme,
};
use std::fmt;

/// Why a connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer sent bytes that are not TLS.
    Malformed(DecodeError),
    /// The peer sent a message that is not due.
    Unexpected {
        /// What the RFC lets come next.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// The peer broke a rule of the protocol.
    Misbehaved(Misbehaved),
    /// The two sides have nothing in common.
    Incompatible(Box<Incompatible>),
    /// The peer could not prove who it is.
    Untrusted(Box<Untrusted>),
    /// The peer sent a fatal alert.
    Refused(Alert),
    /// The transport ended before the peer said close_notify: what came last may have been cut off.
    Truncated,
    /// The caller used the library, or configured it, wrongly.
    Misuse(Misuse),
    /// Something on this side, outside the protocol, failed.
    Failed(Failure),
}

/// A rule of an RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The number of the RFC.
    pub rfc: u16,
    /// The section, such as `4.2.8`.
    pub section: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RFC {} section {}", self.rfc, self.section)
    }
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer's: what it sent is wrong.
    Peer,
    /// Both sides' configurations do not meet.
    Both,
    /// This side's.
    Local,
    /// The network's, or whoever sits in it.
    Network,
}

macro_rules! misbehaved {
    ($($name:ident => $alert:ident, $rfc:literal $section:literal, $text:literal;)*) => {
        /// A rule that the peer broke.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Misbehaved {
            $(
                #[doc = concat!($text, " (RFC ", stringify!($rfc), " section ", $section, ").")]
                $name,
            )*
        }

        impl Misbehaved {
            /// The alert that the rule asks for.
            pub const fn alert(self) -> Alert {
                match self { $(Self::$name => Alert::$alert,)* }
            }

            /// Where the rule stands.
            pub const fn rule(self) -> Rule {
                match self { $(Self::$name => Rule { rfc: $rfc, section: $section },)* }
            }

            /// What the peer did, as a sentence without a full stop.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

misbehaved! {
    BadRecordMac => bad_record_mac, 9846 "5.2", "a record could not be authenticated";
    RecordTooLong => record_overflow, 9846 "5.1", "a record is longer than allowed";
    EmptyHandshakeRecord => unexpected_message, 9846 "5.1", "a handshake or alert record is empty";
    TooManyEmptyRecords => unexpected_message, 9846 "5.1", "too many empty records came in a row";
    WrongRecordVersion => protocol_version, 9846 "5.1", "a record bears a version that no TLS version uses";
    UnknownContentType => unexpected_message, 9846 "5", "a record has an unknown type";
    NoContentType => unexpected_message, 9846 "5.4", "a protected record holds only padding and no type";
    MessageAcrossKeyChange => unexpected_message, 9846 "5.1", "a handshake message spans a change of keys";
    InterleavedMessage => unexpected_message, 9846 "5.1", "another record came in the middle of a handshake message";
    MessageTooLong => illegal_parameter, 9846 "4", "a handshake message is longer than this side's limit";
    TooManyExtensions => illegal_parameter, 9846 "4.2", "a message has more extensions than this side's limit";
    TooManyKeyShares => illegal_parameter, 9846 "4.2.8", "a ClientHello has more key shares than this side's limit";
    BadChangeCipherSpec => illegal_parameter, 9846 "5", "a change_cipher_spec record does not hold the single byte 1";
    UnexpectedChangeCipherSpec => unexpected_message, 9846 "5", "a change_cipher_spec record came where none is allowed";
    TooManyChangeCipherSpecs => unexpected_message, 9846 "5", "too many change_cipher_spec records came";
    UnexpectedData => unexpected_message, 9846 "5", "application data came before the handshake was finished";
    BadAlert => decode_error, 9846 "6", "an alert is not two bytes long";
    UnknownAlertLevel => illegal_parameter, 5246 "7.2", "an alert has an unknown level";
    TooManyWarnings => unexpected_message, 9846 "6", "too many warning alerts came in a row";
    TooManyKeyUpdates => unexpected_message, 9846 "4.6.3", "too many KeyUpdates came without data between them";
    BadKeyUpdate => illegal_parameter, 9846 "4.6.3", "a KeyUpdate has an unknown request";
    RenegotiationRefused => no_renegotiation, 5746 "4.5", "the peer wants to renegotiate";
    BadRenegotiationInfo => handshake_failure, 5746 "3.4", "renegotiation_info is not empty in a first handshake";
    RenegotiationInfoMissing => handshake_failure, 5746 "3.4", "the peer does not protect against renegotiation attacks";
    UnofferedExtension => unsupported_extension, 9846 "4.2", "the peer answered an extension that was not offered";
    ExtensionOutOfPlace => illegal_parameter, 9846 "4.2", "an extension stands in a message that it does not belong in";
    PreSharedKeyNotLast => illegal_parameter, 9846 "4.2.11", "pre_shared_key is not the last extension";
    MissingExtension => missing_extension, 9846 "9.2", "a mandatory extension is missing";
    UnofferedSuite => illegal_parameter, 9846 "4.1.3", "the server chose a cipher suite that was not offered";
    SuiteOfOtherVersion => illegal_parameter, 9846 "4.1.3", "the server chose a cipher suite of another version";
    UnofferedVersion => illegal_parameter, 9846 "4.2.1", "the server chose a version that was not offered";
    BadCompression => illegal_parameter, 9846 "4.1.2", "the compression methods are not the null method alone";
    SessionIdNotEchoed => illegal_parameter, 9846 "4.1.3", "the server did not echo legacy_session_id";
    UnofferedGroup => illegal_parameter, 9846 "4.2.8", "the peer chose a group that was not offered";
    UnsharedGroup => illegal_parameter, 9846 "4.2.8", "the server chose a group for which no share was sent";
    DuplicateKeyShare => illegal_parameter, 9846 "4.2.8", "a group has two key shares";
    ShareOfUnsupportedGroup => illegal_parameter, 9846 "4.2.8", "a key share is for a group that is not among supported_groups";
    BadShare => illegal_parameter, 9846 "4.2.8.2", "a key share is not a valid public key";
    BadPoint => illegal_parameter, 8422 "5.11", "a public key is not a valid point of its curve";
    BadEncapsulationKey => illegal_parameter, 9846 "4.2.8", "a hybrid key share is not valid";
    BadDhPublic => illegal_parameter, 7919 "3", "a Diffie-Hellman public value is out of range";
    BadDhParameters => illegal_parameter, 7919 "3", "the Diffie-Hellman parameters are not a known or valid safe prime group";
    WeakDhParameters => insufficient_security, 9325 "4.2.1", "the Diffie-Hellman group is smaller than this side's limit";
    MissingKeyShare => missing_extension, 9846 "4.2.8", "the ServerHello has no key_share";
    PointlessRetry => illegal_parameter, 9846 "4.1.4", "the HelloRetryRequest would change nothing in the ClientHello";
    RetryForSharedGroup => illegal_parameter, 9846 "4.1.4", "the HelloRetryRequest asks for a group whose share was sent";
    SecondRetry => unexpected_message, 9846 "4.1.4", "a second HelloRetryRequest came";
    ChangedAfterRetry => illegal_parameter, 9846 "4.1.4", "the peer changed a choice after the HelloRetryRequest";
    SecondHelloDiffers => illegal_parameter, 9846 "4.1.2", "the second ClientHello differs where it may not";
    WrongCookie => illegal_parameter, 9846 "4.2.2", "the cookie is not the one that was sent";
    Downgraded => illegal_parameter, 9846 "4.1.3", "ServerHello.random says that the version was forced down";
    InappropriateFallback => inappropriate_fallback, 7507 "3", "the client fell back to a lower version than both sides support";
    ExtendedMasterSecretMissing => handshake_failure, 7627 "5.2", "the peer does not bind the master secret to the handshake";
    ExtendedMasterSecretChanged => handshake_failure, 7627 "5.3", "extended_master_secret changed when the session was resumed";
    UncompressedPointsMissing => illegal_parameter, 8422 "5.1.2", "ec_point_formats lacks the uncompressed format";
    UnofferedScheme => illegal_parameter, 9846 "4.4.3", "the peer signed with a scheme that was not offered";
    SchemeForOtherKey => illegal_parameter, 9846 "4.4.3", "the signature scheme does not fit the certificate's key";
    NoSignatureAlgorithms => missing_extension, 9846 "4.2.3", "signature_algorithms is missing";
    BadSignature => decrypt_error, 9846 "4.4.3", "the signature over the handshake is wrong";
    WrongFinished => decrypt_error, 9846 "4.4.4", "Finished is wrong: the two sides did not see the same handshake";
    NoCertificate => decode_error, 9846 "4.4.2.4", "the server sent an empty certificate chain";
    CertificateRequired => certificate_required, 9846 "4.4.2.4", "the client sent no certificate, which this side requires";
    CertificateRequired12 => handshake_failure, 5246 "7.4.6", "the client sent no certificate, which this side requires";
    WrongCertificateForSuite => illegal_parameter, 5246 "7.4.2", "the certificate's key does not fit the cipher suite";
    BadLeafEncoding => decode_error, 5280 "4.1", "the leaf certificate is not one";
    CertificateOnOtherCurve => illegal_parameter, 8422 "5.3", "the certificate's key is on a curve that this side does not support";
    ContextNotEchoed => illegal_parameter, 9846 "4.4.2", "certificate_request_context is not what it must be";
    UnaskedCertificateExtension => unsupported_extension, 9846 "4.4.2", "a certificate bears an extension that was not asked for";
    KeyUsageForbids => unsupported_certificate, 5280 "4.2.1.3", "the certificate's key usage does not allow what its key is used for";
    UnofferedAlpn => illegal_parameter, 7301 "3.1", "the server chose an application protocol that was not offered";
    BadServerName => illegal_parameter, 6066 "3", "server_name is not a DNS name";
    UnofferedPsk => illegal_parameter, 9846 "4.2.11", "the server chose a pre-shared key that was not offered";
    PskOfOtherHash => illegal_parameter, 9846 "4.2.11", "the cipher suite does not fit the pre-shared key's hash";
    BinderMismatch => decrypt_error, 9846 "4.2.11.2", "a PSK binder is wrong";
    BinderCount => illegal_parameter, 9846 "4.2.11", "there are not as many binders as identities";
    PskModesMissing => missing_extension, 9846 "4.2.9", "pre_shared_key came without psk_key_exchange_modes";
    UnofferedPskMode => illegal_parameter, 9846 "4.2.9", "the server left out the key exchange that the client insists on";
    UnofferedEarlyData => unsupported_extension, 9846 "4.2.10", "the server accepted early data that it may not accept";
    EarlyDataOfOtherSession => illegal_parameter, 9846 "4.2.10", "the server accepted early data, but not the session that it is for";
    TooMuchEarlyData => unexpected_message, 9846 "4.2.10", "there is more early data than allowed";
    UnofferedSession => illegal_parameter, 5246 "7.4.1.3", "the server resumes a session that was not offered";
    SessionSuiteChanged => illegal_parameter, 5246 "7.4.1.3", "the server resumed a session with another cipher suite";
    SessionVersionChanged => illegal_parameter, 5246 "7.4.1.3", "the server resumed a session with another version";
    WeakRsaKey => insufficient_security, 9325 "4.5", "the RSA key is smaller than this side's limit";
    BadRsaKeyExchange => illegal_parameter, 5246 "7.4.7.1", "ClientKeyExchange does not have the length of the RSA key";
    PskIdentityUnknown => unknown_psk_identity, 4279 "2", "no key is known for the client's PSK identity";
    BadCertificateStatus => bad_certificate_status_response, 6066 "8", "the stapled OCSP response is not acceptable";
    BadCompressedCertificate => bad_certificate, 8879 "4", "a compressed certificate does not decompress to what it says";
    DecompressedTooLong => bad_certificate, 8879 "5", "a certificate would be longer decompressed than this side's limit";
    UnofferedCertificateCompression => illegal_parameter, 8879 "4", "a certificate is compressed with an algorithm that was not offered";
    BadRawPublicKey => decode_error, 7250 "3", "a raw public key is not a SubjectPublicKeyInfo";
    SeveralRawPublicKeys => illegal_parameter, 9846 "4.4.2", "more came than one raw public key";
    NeedlessCertificateTypes => illegal_parameter, 7250 "4.1", "a list of certificate types names the default type alone";
    UnofferedCertificateType => unsupported_certificate, 7250 "4.2", "the certificate is of a type that was not agreed on";
    BadRecordSizeLimit => illegal_parameter, 8449 "4", "record_size_limit is below 64";
    BothRecordLimits => illegal_parameter, 8449 "5", "record_size_limit and max_fragment_length are both answered";
    BadMaxFragmentLength => illegal_parameter, 6066 "4", "max_fragment_length is not what was asked for";
    BadTicketLifetime => illegal_parameter, 9846 "4.6.1", "a ticket has a lifetime of more than seven days";
    NoSharedPskMode => handshake_failure, 9846 "4.2.9", "no PSK key exchange mode is shared";
    EncryptThenMacWithoutCbc => illegal_parameter, 7366 "3", "encrypt_then_mac was agreed for a cipher suite that has no use for it";
    HelloTooEarly => unexpected_message, 9846 "4", "a hello came in the middle of a connection";
    HttpOnTlsPort => unexpected_message, 9846 "5.1", "the peer speaks plain HTTP here, not TLS";
    PlainTextOnTlsPort => unexpected_message, 9846 "5.1", "the peer speaks plain text here, not TLS";
    Ssl2Hello => protocol_version, 6176 "3", "the peer sent an SSL 2.0 hello";
}

/// What the two sides could not agree on, with both lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incompatible {
    /// No version is common.
    Version {
        /// What this side is willing to speak.
        ours: Vec<ProtocolVersion>,
        /// What the peer offered.
        theirs: Vec<ProtocolVersion>,
    },
    /// No cipher suite is common, or none that the certificates can serve.
    CipherSuite {
        /// What this side is willing to use, by code point.
        ours: Vec<crate::wire::CipherSuite>,
        /// What the peer offered.
        theirs: Vec<crate::wire::CipherSuite>,
        /// What else would have to hold, such as a certificate of another type.
        because: &'static str,
    },
    /// No group is common.
    Group {
        /// What this side is willing to use.
        ours: Vec<NamedGroup>,
        /// What the peer offered.
        theirs: Vec<NamedGroup>,
    },
    /// No signature scheme is common that a key at hand can make.
    SignatureScheme {
        /// What this side's keys can make, or what it accepts.
        ours: Vec<SignatureScheme>,
        /// What the peer accepts.
        theirs: Vec<SignatureScheme>,
    },
    /// No application protocol is common.
    ApplicationProtocol {
        /// What this side speaks.
        ours: Vec<Vec<u8>>,
        /// What the peer offered.
        theirs: Vec<Vec<u8>>,
    },
    /// No certificate at hand fits what the peer asks for.
    Certificate {
        /// The name that the peer asked for.
        name: Option<String>,
    },
    /// No type of certificate is common (RFC 7250).
    CertificateType,
}

impl Incompatible {
    /// The alert that the RFCs ask for.
    pub const fn alert(&self) -> Alert {
        match self {
            Self::Version { .. } => Alert::protocol_version,
            Self::CipherSuite { .. } | Self::Group { .. } | Self::SignatureScheme { .. } => {
                Alert::handshake_failure
            }
            Self::ApplicationProtocol { .. } => Alert::no_application_protocol,
            Self::Certificate { .. } => Alert::handshake_failure,
            Self::CertificateType => Alert::unsupported_certificate,
        }
    }

    /// Where the rule stands.
    pub const fn rule(&self) -> Rule {
        let (rfc, section) = match self {
            Self::Version { .. } => (9846, "4.2.1"),
            Self::CipherSuite { .. } => (9846, "4.1.1"),
            Self::Group { .. } => (9846, "4.2.7"),
            Self::SignatureScheme { .. } => (9846, "4.2.3"),
            Self::ApplicationProtocol { .. } => (7301, "3.2"),
            Self::Certificate { .. } => (9846, "4.4.2.2"),
            Self::CertificateType => (7250, "4.2"),
        };
        Rule { rfc, section }
    }
}

fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.is_empty() {
        true => "nothing".into(),
        false => items.join(", "),
    }
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { ours, theirs } => {
                write!(f, "no common version: this side speaks {}, the peer {}", list(ours), list(theirs))
            }
            Self::CipherSuite { ours, theirs, because } => {
                write!(f, "no common cipher suite: this side has {}, the peer {}", list(ours), list(theirs))?;
                if !because.is_empty() {
                    write!(f, " ({because})")?;
                }
                Ok(())
            }
            Self::Group { ours, theirs } => {
                write!(f, "no common group: this side has {}, the peer {}", list(ours), list(theirs))
            }
            Self::SignatureScheme { ours, theirs } => {
                write!(
                    f,
                    "no common signature scheme: this side has {}, the peer {}",
                    list(ours),
                    list(theirs)
                )
            }
            Self::ApplicationProtocol { ours, theirs } => {
                let text = |names: &[Vec<u8>]| list(names.iter().map(|name| name.escape_ascii().to_string()));
                write!(
                    f,
                    "no common application protocol: this side speaks {}, the peer {}",
                    text(ours),
                    text(theirs)
                )
            }
            Self::Certificate { name: Some(name) } => write!(f, "no certificate for {}", name.escape_debug()),
            Self::Certificate { name: None } => write!(f, "no certificate fits what the peer accepts"),
            Self::CertificateType => write!(f, "no common type of certificate"),
        }
    }
}

/// Why the peer's certificate was not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untrusted {
    /// A certificate is not valid any more.
    Expired {
        /// The end of its validity, in seconds since 1970.
        not_after: u64,
        /// The time that it was checked at.
        now: u64,
    },
    /// A certificate is not valid yet.
    NotYetValid {
        /// The start of its validity, in seconds since 1970.
        not_before: u64,
        /// The time that it was checked at.
        now: u64,
    },
    /// The certificate is for other names.
    WrongName {
        /// The name that was asked for.
        expected: String,
        /// The names that the certificate is for.
        presented: Vec<String>,
    },
    /// No trusted root issued it.
    UnknownIssuer {
        /// The issuer that the last certificate of the chain names.
        issuer: String,
        /// Whether the certificate signed itself.
        self_signed: bool,
    },
    /// A certificate authority's certificate stands where a leaf must.
    CaUsedAsEndEntity,
    /// A certificate that may not issue others did.
    EndEntityUsedAsCa,
    /// A certificate was revoked.
    Revoked,
    /// Whether a certificate was revoked could not be told, and the policy wants to know.
    RevocationUnknown,
    /// The certificate may not be used for this purpose (extended key usage).
    WrongPurpose,
    /// A signature in the chain is wrong.
    BadSignature,
    /// A certificate is signed with an algorithm that is not accepted.
    UnsupportedSignature {
        /// What it is signed with.
        algorithm: String,
    },
    /// A certificate could not be parsed.
    BadEncoding,
    /// The certificate's names break a constraint of its issuer.
    NameConstraint,
    /// Checking the chain would take more work than this side is willing to do.
    TooMuchWork,
    /// It is not the certificate or key that is pinned.
    NotPinned,
    /// The leaf's key is smaller than this side's limit.
    WeakKey {
        /// Its size in bits.
        bits: u32,
    },
    /// The leaf's key is of a kind that is not supported, or malformed.
    UnsupportedKey,
    /// The application's own check said no.
    Application {
        /// The alert to send.
        alert: Alert,
    },
    /// Something else, in the words of the path validation library.
    Other(String),
}

impl Untrusted {
    /// The alert that the RFCs ask for (RFC 9846 section 6.2).
    pub const fn alert(&self) -> Alert {
        match self {
            Self::Expired { .. } | Self::NotYetValid { .. } => Alert::certificate_expired,
            Self::WrongName { .. } | Self::BadEncoding | Self::BadSignature | Self::NameConstraint => {
                Alert::bad_certificate
            }
            Self::UnknownIssuer { .. } => Alert::unknown_ca,
            Self::Revoked => Alert::certificate_revoked,
            Self::WrongPurpose
            | Self::UnsupportedSignature { .. }
            | Self::WeakKey { .. }
            | Self::UnsupportedKey => Alert::unsupported_certificate,
            Self::Application { alert } => *alert,
            _ => Alert::certificate_unknown,
        }
    }

    /// What would mend it, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "renew the certificate, or set this machine's clock",
            Self::NotYetValid { .. } => "wait, or set this machine's clock",
            Self::WrongName { .. } => {
                "connect with one of the certificate's names, or issue a certificate for this one"
            }
            Self::UnknownIssuer { self_signed: true, .. } => {
                "trust this very certificate (pin it), or have it issued by a trusted authority"
            }
            Self::UnknownIssuer { .. } => {
                "trust its issuer, or let the server send the missing intermediate certificate"
            }
            Self::CaUsedAsEndEntity => "issue a leaf certificate (CA:FALSE) with the authority's key",
            Self::EndEntityUsedAsCa => {
                "issue with a certificate that is an authority's (CA:TRUE, keyCertSign)"
            }
            Self::Revoked => "replace the certificate",
            Self::RevocationUnknown => "supply a current revocation list for every issuer",
            Self::WrongPurpose => {
                "issue a certificate with the extended key usage that this side of the connection needs"
            }
            Self::WeakKey { .. } | Self::UnsupportedKey => {
                "issue a certificate for an ECDSA P-256 key, or an RSA key of 2048 bits or more"
            }
            Self::NotPinned => "check that the peer is the one you mean, then pin its new key",
            _ => "have the certificate issued anew",
        }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { not_after, now } => {
                write!(f, "the certificate expired {} days ago", now.saturating_sub(*not_after) / 86_400)
            }
            Self::NotYetValid { not_before, now } => {
                write!(
                    f,
                    "the certificate is valid only in {} days",
                    not_before.saturating_sub(*now).div_ceil(86_400)
                )
            }
            Self::WrongName { expected, presented } => {
                write!(
                    f,
                    "the certificate is not for {}, but for {}",
                    expected.escape_debug(),
                    list(presented.iter().map(|name| name.escape_debug()))
                )
            }
            Self::UnknownIssuer { issuer, self_signed: false } => {
                write!(f, "the issuer is not trusted: {}", issuer.escape_debug())
            }
            Self::UnknownIssuer { issuer, self_signed: true } => {
                write!(f, "the certificate is self-signed and not trusted: {}", issuer.escape_debug())
            }
            Self::CaUsedAsEndEntity => write!(f, "the certificate is an authority's, not a leaf"),
            Self::EndEntityUsedAsCa => {
                write!(f, "a certificate in the chain was issued by one that may not issue")
            }
            Self::Revoked => write!(f, "the certificate was revoked"),
            Self::RevocationUnknown => write!(f, "no current revocation list covers the certificate"),
            Self::WrongPurpose => write!(f, "the certificate's extended key usage does not allow this use"),
            Self::BadSignature => write!(f, "a signature in the certificate chain is wrong"),
            Self::UnsupportedSignature { algorithm } => {
                write!(f, "a certificate is signed with {}, which is not accepted", algorithm.escape_debug())
            }
            Self::BadEncoding => write!(f, "a certificate could not be parsed"),
            Self::NameConstraint => write!(f, "the certificate's names break a constraint of its issuer"),
            Self::TooMuchWork => write!(f, "checking the certificate chain would take too much work"),
            Self::NotPinned => write!(f, "it is not the certificate that is pinned"),
            Self::WeakKey { bits } => write!(f, "the certificate's RSA key has only {bits} bits"),
            Self::UnsupportedKey => write!(f, "the certificate's key is of a kind that is not supported"),
            Self::Application { .. } => write!(f, "the application refused the certificate"),
            Self::Other(text) => write!(f, "the certificate chain is not valid: {}", text.escape_debug()),
        }
    }
}

/// How the caller used the library wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// Data was sent before the handshake allows it.
    SentTooEarly,
    /// The connection was closed or had failed before.
    Closed,
    /// A request that only the other version, or the other side, knows.
    NotInThisVersion,
    /// An exporter was asked for while there is none, or with a context or length it cannot take.
    NoExporter,
    /// The policy leaves nothing for this peer but what RFC 10015 deprecates, and no opt-in covers it now.
    LegacyNotAllowed,
    /// The key under which records are sent has protected all that it may (RFC 9846 section 5.5).
    KeyExhausted,
}

/// What failed on this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No randomness could be had.
    Random,
    /// A primitive refused to work.
    Crypto,
    /// The signing key, or the service that has it, failed.
    Signing,
    /// The handshake took longer than its deadline.
    Deadline,
    /// The clock could not be read.
    Clock,
    /// A configuration lacks what this handshake needs.
    Configuration,
}

impl Error {
    /// The alert that tells the peer; none where the peer is gone or has been told.
    pub const fn alert(&self) -> Option<Alert> {
        Some(match self {
            Self::Malformed(DecodeError { problem: Problem::Illegal, .. }) => Alert::illegal_parameter,
            Self::Malformed(_) => Alert::decode_error,
            Self::Unexpected { .. } => Alert::unexpected_message,
            Self::Misbehaved(misbehaved) => misbehaved.alert(),
            Self::Incompatible(incompatible) => incompatible.alert(),
            Self::Untrusted(untrusted) => untrusted.alert(),
            Self::Refused(_) | Self::Truncated => return None,
            Self::Misuse(Misuse::KeyExhausted) => Alert::internal_error,
            Self::Misuse(_) => return None,
            Self::Failed(_) => Alert::internal_error,
        })
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Malformed(_)
            | Self::Unexpected { .. }
            | Self::Misbehaved(_)
            | Self::Untrusted(_)
            | Self::Refused(_) => Fault::Peer,
            Self::Incompatible(_) => Fault::Both,
            Self::Truncated => Fault::Network,
            Self::Misuse(_) | Self::Failed(_) => Fault::Local,
        }
    }

    /// The rule that was broken.
    pub const fn rule(&self) -> Option<Rule> {
        match self {
            Self::Malformed(_) => Some(Rule { rfc: 9846, section: "6.2" }),
            Self::Unexpected { .. } => Some(Rule { rfc: 9846, section: "4" }),
            Self::Misbehaved(misbehaved) => Some(misbehaved.rule()),
            Self::Incompatible(incompatible) => Some(incompatible.rule()),
            Self::Untrusted(_) => Some(Rule { rfc: 5280, section: "6" }),
            Self::Refused(_) => Some(Rule { rfc: 9846, section: "6" }),
            Self::Truncated => Some(Rule { rfc: 9846, section: "6.1" }),
            Self::Misuse(_) | Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "the peer's message is malformed: {error}"),
            Self::Unexpected { expected, got } => write!(f, "the peer sent {got} where {expected} is due"),
            Self::Misbehaved(misbehaved) => write!(f, "{} ({})", misbehaved.text(), misbehaved.rule()),
            Self::Incompatible(incompatible) => write!(f, "{incompatible}"),
            Self::Untrusted(untrusted) => write!(f, "{untrusted}"),
            Self::Refused(alert) => write!(f, "the peer refused with the alert {alert}"),
            Self::Truncated => write!(f, "the connection ended without close_notify: data may be missing"),
            Self::Misuse(misuse) => f.write_str(match misuse {
                Misuse::SentTooEarly => "data was sent before the handshake allows it",
                Misuse::Closed => "the connection is closed",
                Misuse::NotInThisVersion => "the negotiated version does not know this request",
                Misuse::NoExporter => "no keying material can be exported",
                Misuse::LegacyNotAllowed => {
                    "only exchanges that RFC 10015 deprecates are left, and no opt-in covers this peer now"
                }
                Misuse::KeyExhausted => "the record key has protected all that it may",
            }),
            Self::Failed(failure) => f.write_str(match failure {
                Failure::Random => "no randomness could be had",
                Failure::Crypto => "a cryptographic primitive failed",
                Failure::Signing => "the signing key failed",
                Failure::Deadline => "the handshake took longer than its deadline",
                Failure::Clock => "the clock could not be read",
                Failure::Configuration => "the configuration lacks what this handshake needs",
            }),
        }
    }
}

impl std::error::Error for Error {}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl From<Misbehaved> for Error {
    fn from(misbehaved: Misbehaved) -> Self {
        Self::Misbehaved(misbehaved)
    }
}

impl From<Incompatible> for Error {
    fn from(incompatible: Incompatible) -> Self {
        Self::Incompatible(Box::new(incompatible))
    }
}

impl From<Untrusted> for Error {
    fn from(untrusted: Untrusted) -> Self {
        Self::Untrusted(Box::new(untrusted))
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
