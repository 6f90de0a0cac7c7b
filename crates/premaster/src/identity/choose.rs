//! Which of our credentials to show.
use super::{Credential, KeyKind, SchemeUse};
use crate::{
    BoxFuture,
    crypto::sign,
    wire::{CertificateType, SignatureScheme},
};
use std::{collections::HashMap, fmt, sync::Arc, task::Poll};

/// What the peer wants to see.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The name that the client asked for (RFC 6066 section 3), if we are a server and it did.
    pub server_name: Option<&'a str>,
    /// The types of certificate that the peer can check (RFC 7250). X.509 alone if it did not say.
    pub certificate_types: &'a [CertificateType],
    /// The schemes that the peer can verify.
    pub schemes: &'a [SignatureScheme],
    /// Which version's rules they are read by.
    pub usage: SchemeUse,
    /// What a key that signs may be, where cipher suites and groups restrict it (TLS 1.2). None means anything.
    pub key_kinds: Option<&'a [KeyKind]>,
    /// What a key may be that need not sign, because a suite decrypts or agrees with it (TLS 1.2).
    pub static_kinds: &'a [KeyKind],
    /// The authorities that the peer trusts, as names in DER (RFC 9846 section 4.2.4). Empty means that it did
    /// not say.
    pub authorities: &'a [&'a [u8]],
    /// The application protocols that the client offers.
    pub alpn: &'a [&'a [u8]],
}

impl Ask<'_> {
    /// Whether the peer could verify a signature made with `credential`, or needs none.
    pub fn suits(&self, credential: &Credential) -> bool {
        if !self.certificate_types.contains(&credential.certificate_type()) {
            return false;
        }
        let kind = credential.key_kind();
        let signs = self.key_kinds.is_none_or(|kinds| kinds.contains(&kind))
            && credential.choose_scheme(self.schemes, self.usage).is_some();
        signs || (self.static_kinds.contains(&kind) && credential.may_be_static())
    }

    /// Whether the peer names one of the chain's issuers, or names none. Nobody issues a raw public key.
    pub fn trusts(&self, credential: &Credential) -> bool {
        self.authorities.is_empty()
            || credential.certificate_type() == CertificateType::RawPublicKey
            || credential.issuers().any(|issuer| self.authorities.contains(&issuer))
    }

    /// The first that the peer can verify and whose issuer it trusts, or else the first that it can verify.
    ///
    /// Peers leave authorities out of their lists that they do trust; that a credential is not trusted they
    /// can say for themselves.
    pub fn first<'c>(&self, credentials: &'c [Arc<Credential>]) -> Option<&'c Arc<Credential>> {
        let mut suited = credentials.iter().filter(|credential| self.suits(credential));
        let first = suited.next()?;
        match self.trusts(first) {
            true => Some(first),
            false => suited.find(|credential| self.trusts(credential)).or(Some(first)),
        }
    }
}

/// An application's own choice, which may take its time: a certificate fetched or issued on demand.
pub trait ChooseCredential: Send + Sync {
    /// Chooses. None ends a server's handshake, and lets a client go on without a certificate.
    fn choose<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Option<Arc<Credential>>>;

    /// Chooses at once, if that can be done without waiting; [`choose`](Self::choose) is asked otherwise.
    fn choose_now(&self, ask: &Ask<'_>) -> Poll<Option<Arc<Credential>>> {
        let _ = ask;
        Poll::Pending
    }

    /// The types of certificate that a client may come to show, which it says in its hello (RFC 7250), before
    /// anybody asks for one. Default X.509 alone.
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }
}

/// Who chooses.
#[derive(Clone, Default)]
pub struct Credentials(Chooser);

#[derive(Clone, Default)]
enum Chooser {
    #[default]
    Nobody,
    Always(Vec<Arc<Credential>>),
    ByName(Arc<ByName>),
    Custom(Arc<dyn ChooseCredential>),
}

impl Credentials {
    /// Nothing to show: a client without a certificate.
    pub const fn none() -> Self {
        Self(Chooser::Nobody)
    }

    /// Always this one, if the peer can verify it.
    pub fn always(credential: impl Into<Arc<Credential>>) -> Self {
        Self(Chooser::Always(vec![credential.into()]))
    }

    /// The first of these that the peer can verify: an ECDSA and an RSA certificate for the same names.
    pub fn any_of(credentials: impl IntoIterator<Item = Arc<Credential>>) -> Self {
        Self(Chooser::Always(credentials.into_iter().collect()))
    }

    /// Chosen by the name that the client asks for.
    pub fn by_name(names: ByName) -> Self {
        Self(Chooser::ByName(Arc::new(names)))
    }

    /// Chosen by the application.
    pub fn custom(chooser: Arc<dyn ChooseCredential>) -> Self {
        Self(Chooser::Custom(chooser))
    }

    /// What a client's sessions are bound to: the certificates that it would have shown.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        match &self.0 {
            Chooser::Always(credentials) => {
                credentials.iter().flat_map(|credential| sign::fingerprint(credential.leaf())).collect()
            }
            Chooser::Nobody | Chooser::ByName(_) | Chooser::Custom(_) => Vec::new(),
        }
    }

    /// Whether there is nothing to choose from.
    pub fn is_none(&self) -> bool {
        matches!(self.0, Chooser::Nobody)
    }

    /// The types of certificate that there are, the first credential's first.
    pub(crate) fn certificate_types(&self) -> Vec<CertificateType> {
        let of = |credentials: &mut dyn Iterator<Item = &Arc<Credential>>| {
            let mut types = Vec::new();
            for credential in credentials {
                if !types.contains(&credential.certificate_type()) {
                    types.push(credential.certificate_type());
                }
            }
            types
        };
        match &self.0 {
            Chooser::Nobody => Vec::new(),
            Chooser::Always(credentials) => of(&mut credentials.iter()),
            Chooser::ByName(names) => of(&mut names.names.values().flatten().chain(&names.otherwise)),
            Chooser::Custom(chooser) => chooser.certificate_types().to_vec(),
        }
    }

    /// Chooses. Waits only for an application's own chooser, and only if it has to.
    pub async fn choose(&self, ask: &Ask<'_>) -> Option<Arc<Credential>> {
        match &self.0 {
            Chooser::Nobody => None,
            Chooser::Always(credentials) => ask.first(credentials).cloned(),
            Chooser::ByName(names) => names.choose(ask).cloned(),
            Chooser::Custom(chooser) => match chooser.choose_now(ask) {
                Poll::Ready(chosen) => chosen,
                Poll::Pending => chooser.choose(ask).await,
            },
        }
    }

    /// The one that only the peer's list of schemes rules out, so that a refusal can name both lists. An
    /// application's own chooser is not asked twice.
    pub(crate) fn choose_whatever_the_schemes(&self, ask: &Ask<'_>) -> Option<Arc<Credential>> {
        self.choose_again(&Ask { schemes: SignatureScheme::KNOWN, ..*ask })
    }

    /// Whether only the types of certificate that the peer can check rule out what there is.
    pub(crate) fn has_other_types(&self, ask: &Ask<'_>) -> bool {
        self.choose_again(&Ask { certificate_types: CertificateType::KNOWN, ..*ask }).is_some()
    }

    fn choose_again(&self, ask: &Ask<'_>) -> Option<Arc<Credential>> {
        match &self.0 {
            Chooser::Nobody | Chooser::Custom(_) => None,
            Chooser::Always(credentials) => ask.first(credentials).cloned(),
            Chooser::ByName(names) => names.choose(ask).cloned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Chooser::Nobody => f.write_str("Nobody"),
            Chooser::Always(credentials) => f.debug_list().entries(credentials).finish(),
            Chooser::ByName(names) => names.fmt(f),
            Chooser::Custom(_) => f.write_str("Custom"),
        }
    }
}

impl From<Credential> for Credentials {
    fn from(credential: Credential) -> Self {
        Self::always(credential)
    }
}

/// Credentials by the name that the client asks for, several for each name.
#[derive(Clone, Debug, Default)]
pub struct ByName {
    names: HashMap<Box<str>, Vec<Arc<Credential>>>,
    otherwise: Vec<Arc<Credential>>,
}

impl ByName {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows `credential` to who asks for `name`. `*.example.com` stands for every name with exactly one label
    /// before `.example.com`. The first of a name is preferred.
    pub fn with(mut self, name: &str, credential: Arc<Credential>) -> Self {
        self.names.entry(normal(name).into()).or_default().push(credential);
        self
    }

    /// Shows `credential` to who asks for one of the names in its certificate.
    pub fn with_its_names(self, credential: Arc<Credential>) -> Self {
        let names = credential.names().to_vec();
        names.iter().fold(self, |map, name| map.with(name, credential.clone()))
    }

    /// Shows `credential` to who asks for no name, or for one that is not here.
    ///
    /// Without it they are refused. A client that asks for another name will hardly accept the certificate, but
    /// its error then says whom it reached.
    pub fn otherwise(mut self, credential: Arc<Credential>) -> Self {
        self.otherwise.push(credential);
        self
    }

    /// Chooses, without waiting. An exact name goes before a wildcard.
    pub fn choose(&self, ask: &Ask<'_>) -> Option<&Arc<Credential>> {
        ask.first(ask.server_name.and_then(|name| self.find(name)).unwrap_or(&self.otherwise))
    }

    fn find(&self, name: &str) -> Option<&Vec<Arc<Credential>>> {
        let name = normal(name);
        self.names.get(&name[..]).or_else(|| {
            let (_, rest) = name.split_once('.')?;
            self.names.get(&format!("*.{rest}")[..])
        })
    }
}

/// DNS names compare without case (RFC 4343), and a final dot changes nothing.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
