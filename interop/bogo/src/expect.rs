//! What must be so: every `-expect-...` flag that the shim accepts is checked here.
use crate::{configure, connect::Part, early, failure::Failure, settings::Settings, transport::Transport};
use premaster::{
    Info,
    crypto::hash::{self, HashAlgorithm},
    observe::Resumed,
    pki_types::{CertificateDer, pem::PemObject},
    wire::{
        CertificateType, ExtensionType, ProtocolVersion,
        extension::{CertificateAuthorities, SignatureAlgorithms},
        message::{CertificateRequest12, CertificateRequest13, ClientHello, ServerHello},
    },
};
use std::fmt::Debug;

fn equal<T: PartialEq<U> + Debug, U: Debug>(what: &str, got: T, want: U) -> Result<(), Failure> {
    match got == want {
        true => Ok(()),
        false => Err(Failure::expected(format!("{what} is {got:02x?}, and should be {want:02x?}"))),
    }
}

fn holds(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::expected(what)) }
}

/// As soon as the handshake is finished.
pub(crate) fn after_handshake(
    part: &Part<'_>,
    transport: &Transport,
    kept_before: usize,
) -> Result<(), Failure> {
    let settings = part.settings;
    let info = transport.connection.info().ok_or_else(|| Failure::expected("an established connection"))?;
    negotiated(settings, info)?;
    extensions(settings, info)?;
    peer(settings, info, transport)?;
    offered(settings, info, transport)?;
    resumption(part, info, kept_before)?;
    if let Some(want) = settings.text("-expect-early-data-reason")? {
        equal("the fate of early data", early::reason(part, info, &transport.state.lock())?, want)?;
    }
    session_id(part, transport)?;
    if let Some(number) = settings.integer("-expect-selected-credential")? {
        let shown = transport.state.lock().selected;
        equal("the credential's number", psk_number(settings, info)?.unwrap_or(shown), number)?;
    }
    // There is no renegotiation.
    equal("the number of renegotiations", settings.number("-expect-total-renegotiations")?.unwrap_or(0), 0)
}

/// Whether the server of a first connection keeps the session under an ID of its own.
fn session_id(part: &Part<'_>, transport: &Transport) -> Result<(), Failure> {
    let settings = part.settings;
    if part.is_resumption || !settings.has("-server") {
        return Ok(());
    }
    let happened = transport.state.lock();
    let decoded = |error| Failure::from(premaster::Error::from(error));
    let theirs = ClientHello::decode(&happened.client_hello).map_err(decoded)?.session_id;
    let ours = ServerHello::decode(&happened.server_hello).map_err(decoded)?.session_id;
    let keeps = !ours.is_empty() && ours != theirs;
    holds(!settings.has("-expect-session-id") || keeps, "the session should have an ID")?;
    holds(!settings.has("-expect-no-session-id") || !keeps, "the session should have no ID")
}

/// The place in the list of credentials that the pre-shared key was imported from, if there was one.
fn psk_number(settings: &Settings, info: &Info) -> Result<Option<i64>, Failure> {
    let Some(identity) = &info.external_psk else { return Ok(None) };
    for (credential, number) in settings.credentials.iter().zip(0..) {
        let is_psk = credential.has("-new-psk-credential");
        if is_psk && configure::imported(credential)?.iter().any(|psk| psk.identity() == identity) {
            return Ok(Some(number));
        }
    }
    Err(Failure::expected("the pre-shared key should be one of ours"))
}

/// What was resumed, and what came of it.
fn resumption(part: &Part<'_>, info: &Info, kept_before: usize) -> Result<(), Failure> {
    let settings = part.settings;
    let resumes = part.is_resumption && !settings.has("-expect-session-miss");
    equal("that a session is resumed", info.resumed.is_resumed(), resumes)?;
    let early = info.resumed == Resumed::EarlyData;
    holds(!settings.has("-expect-accept-early-data") || early, "early data should be accepted")?;
    holds(!settings.has("-expect-reject-early-data") || !early, "early data should be rejected")?;
    if !settings.has("-server") {
        // The tickets of TLS 1.3 come after the handshake.
        let renewed = !info.resumed.is_resumed() || settings.has("-expect-ticket-renewal");
        let wants = !settings.has("-expect-no-session") && renewed && info.version < ProtocolVersion::TLS_1_3;
        equal("that there is a new session", part.shared.kept.count() > kept_before, wants)?;
    }
    Ok(())
}

/// When nothing more will happen.
pub(crate) fn at_the_end(part: &Part<'_>, transport: &Transport, kept_before: usize) -> Result<(), Failure> {
    let settings = part.settings;
    let tls13 = transport.connection.info().is_some_and(|info| info.version == ProtocolVersion::TLS_1_3);
    if tls13 && !settings.has("-server") {
        let wants = !settings.has("-expect-no-session") && !settings.has("-shim-shuts-down");
        // Who shuts down first may or may not live to see a ticket.
        if !settings.has("-shim-shuts-down") {
            equal("that there is a new session", part.shared.kept.count() > kept_before, wants)?;
        }
        if wants {
            let early = part.shared.kept.last().is_some_and(|session| session.max_early_data > 0);
            equal(
                "that the session allows early data",
                early,
                settings.has("-expect-ticket-supports-early-data"),
            )?;
        }
    }
    match settings.text("-expect-msg-callback")? {
        Some(trace) => equal("the trace", transport.state.lock().trace.as_str(), trace),
        None => Ok(()),
    }
}

fn negotiated(settings: &Settings, info: &Info) -> Result<(), Failure> {
    if let Some(version) = settings.code("-expect-version")? {
        equal("the version", info.version.0, version)?;
    }
    // The runner knows two answers, and which of them is due depends on the machine.
    let of_machine = if has_aes() { "-expect-cipher-aes" } else { "-expect-cipher-no-aes" };
    for flag in ["-expect-cipher", of_machine] {
        if let Some(suite) = settings.code(flag)? {
            equal("the cipher suite", info.suite.code.0, suite)?;
        }
    }
    // A session of TLS 1.2 comes without an exchange of keys, and every session without a signature.
    let resumed = info.resumed.is_resumed();
    let exchanged = !resumed || info.version == ProtocolVersion::TLS_1_3;
    if let Some(group) = settings.code("-expect-curve-id")?.filter(|_| exchanged) {
        equal("the group", info.group.map(|group| group.0), Some(group))?;
    }
    if let Some(scheme) = settings.code("-expect-peer-signature-algorithm")?.filter(|_| !resumed) {
        equal("the peer's scheme", info.peer_scheme.map(|scheme| scheme.0), Some(scheme))?;
    }
    holds(!settings.has("-expect-hrr") || info.hello_retry, "a HelloRetryRequest should have come")?;
    holds(!settings.has("-expect-no-hrr") || !info.hello_retry, "no HelloRetryRequest should have come")?;
    if settings.has("-expect-extended-master-secret") {
        holds(info.extended_master_secret, "extended_master_secret should have been agreed on")?;
    }
    // RFC 9846 has no renegotiation to protect: it counts as protected.
    let secure = info.secure_renegotiation || info.version == ProtocolVersion::TLS_1_3;
    holds(!settings.has("-expect-secure-renegotiation") || secure, "renegotiation should be protected")?;
    holds(
        !settings.has("-expect-no-secure-renegotiation") || !secure,
        "renegotiation should not be protected",
    )
}

fn extensions(settings: &Settings, info: &Info) -> Result<(), Failure> {
    // A server reports what it selected, a client what the test says.
    let flag = if settings.has("-server") { "-select-alpn" } else { "-expect-alpn" };
    let want = settings.bytes(flag).unwrap_or_default();
    equal("the application protocol", info.alpn.as_deref().unwrap_or_default(), want)?;
    if let Some(name) = settings.text("-expect-server-name")? {
        equal("the server's name", info.server_name.as_deref(), Some(name))?;
    }
    if settings.has("-expect-no-server-name") {
        equal("the server's name", info.server_name.as_deref(), None::<&str>)?;
    }
    Ok(())
}

/// The peer's certificate, and what came with it.
fn peer(settings: &Settings, info: &Info, transport: &Transport) -> Result<(), Failure> {
    let client = !settings.has("-server");
    if settings.has("-expect-no-peer-cert") || settings.has("-psk") || info.external_psk.is_some() {
        holds(info.peer.is_none(), "the peer should have no certificate")?;
    } else if client || settings.has("-require-any-client-certificate") {
        holds(info.peer.is_some(), "the peer should have a certificate")?;
    }
    if let Some(file) = settings.text("-expect-peer-cert-file")? {
        let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| Failure::expected(error.to_string()))?;
        let got = info.peer.as_ref().map(|peer| peer.chain().to_vec());
        equal("the peer's chain", got, Some(chain))?;
    }
    if let Some(code) = settings.code("-expect-peer-certificate-type")? {
        let got = info.peer.as_ref().map(|peer| u16::from(peer.certificate_type().0));
        equal("the type of the peer's certificate", got, Some(code))?;
    }
    if let Some(digest) = settings.base64("-expect-peer-rpk-sha256")? {
        let raw = info.peer.as_ref().filter(|peer| peer.certificate_type() == CertificateType::RawPublicKey);
        let spki = raw.and_then(|peer| peer.spki()).ok_or_else(|| Failure::expected("a raw public key"))?;
        let got = hash::digest(HashAlgorithm::Sha256, &[spki]);
        equal("the digest of the peer's key", got.as_ref(), digest)?;
    }
    if settings.has("-expect-verify-result") {
        let believed = info.peer.as_ref().is_none_or(|peer| peer.is_verified());
        equal("that the peer is believed", believed, !settings.has("-verify-fail"))?;
    }
    let happened = transport.state.lock();
    // A session that is offered and not resumed may have been judged before, if the flags say so.
    let again = u32::from(settings.has("-reverify-on-resume") && !info.resumed.is_resumed());
    holds(happened.verified <= 1 + again, "the peer should be verified once")?;
    let due = settings.has("-reverify-on-resume") && !settings.has("-server") && info.peer.is_some();
    holds(!due || happened.verified > 0, "the peer should be verified again")?;
    // What is stapled comes with a certificate.
    if info.resumed.is_resumed() {
        return Ok(());
    }
    if let Some(response) = settings.base64("-expect-ocsp-response")? {
        equal("the OCSP response", happened.ocsp.as_slice(), response)?;
    }
    if let Some(list) = settings.base64("-expect-signed-cert-timestamps")? {
        equal("the SCT list", happened.scts.as_slice(), list)?;
    }
    Ok(())
}

/// What the peer says that it can do.
fn offered(settings: &Settings, info: &Info, transport: &Transport) -> Result<(), Failure> {
    let happened = transport.state.lock();
    if settings.has("-server") {
        let hello = ClientHello::decode(&happened.client_hello).map_err(premaster::Error::from)?;
        if let Some(protocols) = settings.bytes("-expect-advertised-alpn") {
            let sent = hello.extensions.find(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION);
            equal("the offered protocols", sent.and_then(|list| list.get(2..)), Some(protocols))?;
        }
        let schemes = hello.extensions.get::<SignatureAlgorithms<'_>>().map_err(premaster::Error::from)?;
        return prefs(settings, schemes.map(|schemes| schemes.supported_signature_algorithms.to_vec()));
    }
    let Some(request) = &happened.certificate_request else {
        let wants =
            ["-expect-certificate-types", "-expect-client-ca-list"].iter().any(|flag| settings.has(flag));
        holds(!wants, "a CertificateRequest should have come")?;
        return prefs(settings, None);
    };
    let (mut types, schemes, authorities): (Vec<u8>, _, Vec<Vec<u8>>);
    if info.version == ProtocolVersion::TLS_1_3 {
        let request = CertificateRequest13::decode(request).map_err(premaster::Error::from)?;
        let sent = request.extensions.get::<SignatureAlgorithms<'_>>().map_err(premaster::Error::from)?;
        schemes = sent.map(|schemes| schemes.supported_signature_algorithms.to_vec());
        let sent = request.extensions.get::<CertificateAuthorities<'_>>().map_err(premaster::Error::from)?;
        authorities = sent.iter().flat_map(|sent| sent.authorities).map(|name| name.0.to_vec()).collect();
        types = Vec::new();
    } else {
        let request = CertificateRequest12::decode(request).map_err(premaster::Error::from)?;
        types = request.certificate_types.iter().map(|kind| kind.0).collect();
        schemes = Some(request.supported_signature_algorithms.to_vec());
        authorities = request.certificate_authorities.iter().map(|name| name.0.to_vec()).collect();
    }
    if let Some(want) = settings.base64("-expect-certificate-types")? {
        equal("the certificate types", std::mem::take(&mut types), want)?;
    }
    if let Some(want) = settings.names("-expect-client-ca-list")? {
        equal("the authorities", authorities, want)?;
    }
    prefs(settings, schemes)
}

fn prefs(settings: &Settings, got: Option<Vec<premaster::wire::SignatureScheme>>) -> Result<(), Failure> {
    let Some(want) = settings.codes("-expect-peer-verify-pref")? else { return Ok(()) };
    let got: Vec<u16> = got.unwrap_or_default().into_iter().map(|scheme| scheme.0).collect();
    equal("the peer's schemes", got, want)
}

/// Whether this machine computes AES in hardware, which makes AES-GCM the faster choice.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    false
}
