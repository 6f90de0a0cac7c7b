//! Our certificates, and which of them is shown.
use crate::{
    failure::Failure,
    policies,
    settings::Settings,
    state::State,
    verify::{certificate_types, wait_once},
};
use premaster::{
    BoxFuture,
    error::Failure as CryptoFailure,
    identity::{
        Ask, ChooseCredential, Credential, CredentialError, Credentials, KeyError, KeyKind, LocalKey,
        SchemeUse, Signer,
    },
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    wire::{CertificateType, SignatureScheme},
};
use std::sync::Arc;

/// A credential, and how a test tells it from the others.
struct Candidate {
    credential: Arc<Credential>,
    number: i64,
    must_match_issuer: bool,
}

struct Chooser {
    candidates: Vec<Candidate>,
    certificate_types: Vec<CertificateType>,
    state: Arc<State>,
    waits: bool,
}

/// The credentials that the flags describe: those that were introduced one by one, then the one outside the list.
pub(crate) fn credentials(settings: &Settings, state: &Arc<State>) -> Result<Credentials, Failure> {
    let mut candidates = Vec::new();
    let numbered = settings.credentials.iter().zip(0..);
    for (of, number) in numbered.chain([(settings, -1)]) {
        let waits = settings.has("-async");
        let credential = credential(of, policies::signing_schemes(settings), waits)?;
        let must_match_issuer = of.has("-must-match-issuer");
        candidates.extend(credential.map(|credential| Candidate { credential, number, must_match_issuer }));
    }
    let waits = settings.has("-async");
    let certificate_types = match certificate_types(settings, "-available-client-cert-types")? {
        Some(types) => types,
        None => of_candidates(&candidates),
    };
    Ok(Credentials::custom(Arc::new(Chooser { candidates, certificate_types, state: state.clone(), waits })))
}

/// The types that there are, each once, in order.
fn of_candidates(candidates: &[Candidate]) -> Vec<CertificateType> {
    let mut types = Vec::new();
    for candidate in candidates {
        let of = candidate.credential.certificate_type();
        if !types.contains(&of) {
            types.push(of);
        }
    }
    types
}

/// Whether there are any: BoringSSL then gives up rather than go on without one.
pub(crate) fn has_some(settings: &Settings) -> bool {
    settings
        .credentials
        .iter()
        .any(|credential| credential.has("-new-x509-credential") || credential.has("-new-rpk-credential"))
        || (settings.has("-cert-file") && settings.has("-key-file"))
}

fn credential(
    settings: &Settings,
    of_policy: Option<&[SignatureScheme]>,
    waits: bool,
) -> Result<Option<Arc<Credential>>, Failure> {
    let Some(key) = settings.text("-key-file")? else { return Ok(None) };
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| Failure::Configuration(error.to_string()))?;
    let chain = match (settings.text("-cert-file")?, settings.has("-new-rpk-credential")) {
        (_, true) => None,
        (Some(file), false) => Some(chain(file)?),
        (None, false) => return Ok(None),
    };
    let schemes = settings.codes("-signing-prefs")?;
    let schemes = schemes.map(|codes| codes.into_iter().map(SignatureScheme).collect());
    let schemes: Option<Vec<SignatureScheme>> = schemes.or(of_policy.map(<[_]>::to_vec));
    // A key that another process has signs, and does nothing else: RSA key transport needs the key itself.
    let is_rsa = LocalKey::from_der(&key).is_ok_and(|key| key.kind() == KeyKind::Rsa);
    let made = match (chain, waits && !is_rsa) {
        (Some(chain), true) => {
            Slow::new(&key).and_then(|slow| Credential::with_signer(chain, Arc::new(slow)))
        }
        (Some(chain), false) => Credential::new(chain, key),
        (None, true) => Slow::new(&key).and_then(|slow| {
            Credential::raw_public_key_with_signer(slow.key.public_key_spki(), Arc::new(slow))
        }),
        (None, false) => Credential::raw_public_key(key),
    };
    let mut credential = made.map_err(refused)?;
    if let Some(schemes) = schemes {
        credential = match credential.with_schemes(&schemes) {
            Ok(credential) => credential,
            // None of them is for this key: it will never be chosen.
            Err(_) => return Ok(None),
        };
    }
    let hidden = settings.has("-decline-ocsp-callback");
    if let Some(response) = settings.base64("-ocsp-response")?.filter(|_| !hidden) {
        credential = credential.with_ocsp(response).map_err(refused)?;
    }
    if let Some(list) = settings.base64("-signed-cert-timestamps")? {
        credential = credential.with_scts(list).map_err(refused)?;
    }
    Ok(Some(Arc::new(credential)))
}

fn chain(file: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| Failure::Configuration(error.to_string()))
}

fn refused(error: CredentialError) -> Failure {
    match error {
        CredentialError::Key(KeyError::TooSmall { .. } | KeyError::Unsupported) => {
            Failure::unsupported(error.to_string())
        }
        CredentialError::KeyMismatch { .. } => Failure::Configuration(format!(":KeyMismatch: {error}")),
        CredentialError::BadStaple => Failure::Configuration(format!(":BadStaple: {error}")),
        error => Failure::Configuration(error.to_string()),
    }
}

impl Chooser {
    fn first(&self, ask: &Ask<'_>) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| {
            let credential = &candidate.credential;
            let names_one = || credential.issuers().any(|issuer| ask.authorities.contains(&issuer));
            ask.suits(credential) && (!candidate.must_match_issuer || names_one())
        })
    }
}

impl ChooseCredential for Chooser {
    fn choose<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Option<Arc<Credential>>> {
        Box::pin(async move {
            if self.waits {
                wait_once().await;
            }
            let chosen = self.first(ask)?;
            self.state.lock().selected = chosen.number;
            Some(chosen.credential.clone())
        })
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &self.certificate_types
    }
}

/// A key that takes its time, as one in another process does.
struct Slow {
    key: LocalKey,
    schemes: Vec<SignatureScheme>,
}

impl Slow {
    fn new(key: &PrivateKeyDer<'static>) -> Result<Self, CredentialError> {
        let key = LocalKey::from_der(key).map_err(CredentialError::Key)?;
        Ok(Self { schemes: key.schemes().to_vec(), key })
    }
}

impl Signer for Slow {
    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn sign<'a>(
        &'a self,
        scheme: SignatureScheme,
        usage: SchemeUse,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, CryptoFailure>> {
        Box::pin(async move {
            wait_once().await;
            self.key.sign(scheme, usage, message)
        })
    }
}
