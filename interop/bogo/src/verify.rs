//! The verifier: the runner's certificates are its own, so that the flags say what to think of them.
use crate::{failure::Failure, settings::Settings, state::State};
use premaster::{
    BoxFuture,
    error::Untrusted,
    identity::{DistinguishedName, PeerCertificates, Verifier, VerifyPeer},
    wire::{AlertDescription, CertificateType, Side},
};
use std::{future::poll_fn, sync::Arc, task::Poll};

struct Judge {
    state: Arc<State>,
    /// The alert that a failure is to be told with.
    fails: Option<AlertDescription>,
    ocsp_fails: bool,
    waits: bool,
    authorities: Vec<DistinguishedName>,
    certificate_types: Vec<CertificateType>,
}

/// The verifier that the flags describe. It only reports where BoringSSL would run with `SSL_VERIFY_NONE`.
pub(crate) fn verifier(settings: &Settings, state: &Arc<State>) -> Result<Verifier, Failure> {
    let certificate_types = certificate_types(settings, "-accepted-peer-cert-types")?
        .unwrap_or_else(|| vec![CertificateType::X509]);
    // BoringSSL never runs unverified where it takes raw public keys.
    let insists = ["-verify-peer", "-require-any-client-certificate"].iter().any(|flag| settings.has(flag))
        || certificate_types.contains(&CertificateType::RawPublicKey);
    let client = !settings.has("-server");
    let ocsp_fails = client
        && settings.has("-use-ocsp-callback")
        && settings.has("-fail-ocsp-callback")
        && settings.has("-enable-ocsp-stapling");
    let authorities = settings.names("-use-client-ca-list")?.unwrap_or_default();
    // BoringSSL's older callback cannot choose the alert.
    let alert = match settings.has("-use-custom-verify-callback") {
        true => AlertDescription::certificate_unknown,
        false => AlertDescription::handshake_failure,
    };
    let judge = Judge {
        state: state.clone(),
        fails: (settings.has("-verify-fail") && (insists || !ocsp_fails)).then_some(alert),
        ocsp_fails,
        waits: settings.has("-async"),
        certificate_types,
        authorities: authorities.iter().map(|name| DistinguishedName::from_der(name)).collect(),
    };
    let verifier = Verifier::custom(Arc::new(judge));
    Ok(match insists || ocsp_fails {
        true => verifier,
        false => verifier.report_only(),
    })
}

impl VerifyPeer for Judge {
    fn verify<'a>(&'a self, peer: &'a PeerCertificates<'a>) -> BoxFuture<'a, Result<(), Untrusted>> {
        Box::pin(async move {
            if self.waits {
                wait_once().await;
            }
            let mut happened = self.state.lock();
            happened.verified += 1;
            happened.ocsp = peer.ocsp.to_vec();
            happened.scts = peer.scts.to_vec();
            if let Some(alert) = self.fails {
                return Err(Untrusted::Application { alert });
            }
            if self.ocsp_fails && peer.side == Side::Server {
                let alert = AlertDescription::bad_certificate_status_response;
                return Err(Untrusted::Application { alert });
            }
            Ok(())
        })
    }

    fn authorities(&self) -> &[DistinguishedName] {
        &self.authorities
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &self.certificate_types
    }
}

/// A list of types of certificate.
pub(crate) fn certificate_types(
    settings: &Settings,
    flag: &str,
) -> Result<Option<Vec<CertificateType>>, Failure> {
    let Some(codes) = settings.codes(flag)? else { return Ok(None) };
    let types: Result<_, _> = codes.into_iter().map(|code| u8::try_from(code).map(CertificateType)).collect();
    types.map(Some).map_err(|_| Failure::unsupported(format!("the value of {flag}")))
}

/// Is pending once: what an application that asks another process looks like from here.
pub(crate) async fn wait_once() {
    let mut asked = false;
    poll_fn(|_| match std::mem::replace(&mut asked, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
