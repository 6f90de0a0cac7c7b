//! Why a handshake failed, as one verdict.
use super::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a handshake failed, and the smallest change on either side that would mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// What is the matter, as a word for programs.
    pub kind: Kind,
    /// Who has to change something, or whose doing it is.
    pub side: Blame,
    /// The field that it is about, as the RFC calls it.
    pub field: String,
    /// What is the matter, in one sentence.
    pub what: String,
    /// What the client has in this field; nothing if that is not known.
    pub client: Vec<String>,
    /// What the server has in it.
    pub server: Vec<String>,
    /// What would mend it: any one of these is enough.
    pub changes: Vec<Change>,
    /// Where the rule stands.
    pub rfc: String,
    /// Whether what was seen leaves no other explanation.
    pub certain: bool,
}

/// A change that would mend a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// On which side.
    pub side: Side,
    /// What to do, in a few words.
    pub what: String,
    /// The command to run, or the line of the configuration; none where only a person can do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Neither alone: their configurations do not meet.
    Both,
    /// Something between them.
    Network,
}

impl Blame {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Client => "the client",
            Self::Server => "the server",
            Self::Both => "neither alone: the two configurations do not meet",
            Self::Network => "the network, or whoever sits in it",
        }
    }
}

impl From<Side> for Blame {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::Client,
            Side::Server => Self::Server,
        }
    }
}

/// What is the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// One side speaks plain HTTP.
    PlainHttp,
    /// One side speaks another protocol in plain text, such as SMTP.
    PlainText,
    /// The client sent a hello of SSL 2.0.
    Ssl2Hello,
    /// No version in common.
    NoSharedVersion,
    /// No cipher suite in common.
    NoSharedCipherSuite,
    /// No group in common.
    NoSharedGroup,
    /// No signature scheme in common that the server's key can make.
    NoSharedSignatureScheme,
    /// No application protocol in common.
    NoSharedApplicationProtocol,
    /// The Diffie-Hellman group is too small.
    WeakDhGroup,
    /// The key of a certificate is too small, or of a kind that is not supported.
    WeakKey,
    /// A certificate has expired.
    CertificateExpired,
    /// A certificate is not valid yet.
    CertificateNotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// The certificate does not name the address that was asked for.
    AddressNotNamed,
    /// An authority's certificate stands where a leaf must.
    AuthorityAsLeaf,
    /// Nobody trusts who issued the certificate.
    UnknownIssuer,
    /// The certificate that stands between the leaf and its root was not sent.
    MissingIntermediate,
    /// The certificate signed itself.
    SelfSigned,
    /// A certificate is signed with an algorithm that is not accepted.
    WeakCertificateSignature,
    /// The certificate may not be used for this.
    WrongPurpose,
    /// The certificate was revoked.
    CertificateRevoked,
    /// The certificate was refused, and the alert does not say why.
    CertificateRefused,
    /// The server has no certificate for this name.
    UnrecognizedName,
    /// The server insists on a certificate of the client's.
    ClientCertificateRequired,
    /// The server refused the client's certificate.
    ClientCertificateRefused,
    /// The server cannot cope with a ClientHello that offers a newer version than its own.
    VersionIntolerance,
    /// A ClientHello that does not fit into one packet gets lost.
    LargeHelloDropped,
    /// The peer closed the connection in the middle of the handshake.
    ClosedInHandshake,
    /// The connection was reset in the middle of the handshake.
    ResetInHandshake,
    /// The peer said nothing.
    Silence,
    /// Finished is wrong.
    WrongFinished,
    /// The signature over the handshake is wrong.
    WrongSignature,
    /// A record could not be authenticated.
    DamagedRecord,
    /// The peer wanted another handshake on the same connection.
    RenegotiationWanted,
    /// The server did not take the early data.
    EarlyDataRefused,
    /// The two sides do not have the same pre-shared key.
    WrongPsk,
    /// The version was forced down.
    Downgrade,
    /// The client fell back to an older version than both sides speak.
    InappropriateFallback,
    /// The peer does not bind the master secret, or renegotiation, to the handshake.
    UnboundHandshake,
    /// Only deprecated exchanges are left, and this side does not permit them.
    LegacyNotPermitted,
    /// The peer broke another rule of the protocol.
    ProtocolViolation,
    /// The peer refused, and nothing says why.
    Refused,
    /// The connection ended without close_notify.
    CutOff,
    /// This side could not go on.
    Internal,
}
