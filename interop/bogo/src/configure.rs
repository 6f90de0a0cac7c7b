//! From flags to configurations.
use crate::{
    certify, compress, failure::Failure, policies, sessions::Shared, settings::Settings, state::State, verify,
};
use premaster::{
    ClientConfig, Connection, Output, Secret, ServerConfig,
    config::{ClientAuthentication, ConfigError, LegacyOptIn, Limits},
    crypto::hash::HashAlgorithm,
    identity::{ExternalPsk, PskSource},
    pki_types::ServerName,
};
use std::sync::Arc;

/// A connection, not yet begun, and what it has to say first.
pub(crate) fn connection(
    settings: &Settings,
    shared: &Shared,
    state: &Arc<State>,
) -> Result<(Connection, Output), Failure> {
    let mut output = Output::new();
    let connection = match settings.has("-server") {
        true => Connection::server(Arc::new(server(settings, shared, state)?)),
        false => {
            let name = settings.text("-host-name")?.unwrap_or("test").to_owned();
            let name = ServerName::try_from(name).map_err(|_| Failure::unsupported("this -host-name"))?;
            Connection::client(Arc::new(client(settings, shared, state)?), name, &mut output)?
        }
    };
    Ok((connection, output))
}

fn client(settings: &Settings, shared: &Shared, state: &Arc<State>) -> Result<ClientConfig, Failure> {
    ClientConfig::builder()
        .policy(policies::policy(settings)?)
        .allow_legacy(legacy())
        .verifier(verify::verifier(settings, state)?)
        .credentials(certify::credentials(settings, state)?)
        .resumption(shared.client(settings))
        .clock(shared.clock.clone())
        .insist_on_certificate(certify::has_some(settings))
        .external_psks(psks(settings)?)
        .alpn(protocols(settings.bytes("-advertise-alpn").unwrap_or_default())?)
        .send_server_name(settings.has("-host-name"))
        .request_ocsp(settings.has("-enable-ocsp-stapling"))
        .request_scts(settings.has("-enable-signed-cert-timestamps"))
        .certificate_compression(compress::compression(settings)?)
        .grease(settings.has("-enable-grease"))
        .permute_extensions(settings.has("-permute-extensions"))
        .fallback_scsv(settings.has("-fallback-scsv"))
        .limits(limits(settings)?)
        .max_fragment(max_fragment(settings)?)
        .observer(state.clone())
        .build()
        .map_err(refused)
}

fn server(settings: &Settings, shared: &Shared, state: &Arc<State>) -> Result<ServerConfig, Failure> {
    let verifier = || verify::verifier(settings, state);
    let authentication = if settings.has("-verify-peer") {
        ClientAuthentication::Optional(verifier()?)
    } else if settings.has("-require-any-client-certificate") {
        ClientAuthentication::Required(verifier()?)
    } else {
        ClientAuthentication::None
    };
    let alpn = match settings.bytes("-select-alpn") {
        // An empty one is none.
        Some(protocol) => Some(protocol.to_vec()).into_iter().filter(|name| !name.is_empty()).collect(),
        // One that nobody offers.
        None if settings.has("-reject-alpn") => vec![b"premaster-bogo-none".to_vec()],
        None => Vec::new(),
    };
    if settings.has("-fail-ocsp-callback") {
        return Err(Failure::unsupported("a server's callback that refuses to staple"));
    }
    let psks = psks(settings)?;
    let source = if psks.is_empty() { PskSource::None } else { PskSource::These(psks.into()) };
    ServerConfig::builder()
        .policy(policies::policy(settings)?)
        .allow_legacy(legacy())
        .credentials(certify::credentials(settings, state)?)
        .sessions(shared.server(settings))
        .clock(shared.clock.clone())
        .client_authentication(authentication)
        .external_psks(source)
        .psk_identity_hint(settings.bytes("-psk-identity").unwrap_or_default())
        .alpn(alpn)
        .certificate_compression(compress::compression(settings)?)
        .grease(true)
        .limits(limits(settings)?)
        .max_fragment(max_fragment(settings)?)
        .observer(state.clone())
        .build()
        .map_err(refused)
}

fn refused(error: ConfigError) -> Failure {
    match error {
        ConfigError::NoVersion => Failure::unsupported("TLS 1.1 and older"),
        ConfigError::Unknown(_) | ConfigError::LegacyNotAllowed(_) => Failure::unsupported(error.to_string()),
        error => Failure::Configuration(format!(":{error:?}: {error}")),
    }
}

/// What this side puts into a record at most.
fn max_fragment(settings: &Settings) -> Result<usize, Failure> {
    Ok(settings.number("-max-send-fragment")?.and_then(|most| usize::try_from(most).ok()).unwrap_or(1 << 14))
}

fn limits(settings: &Settings) -> Result<Limits, Failure> {
    // The runner has certificates of 64 kB each.
    let mut limits = Limits::default();
    limits.handshake_message = 256 << 10;
    limits.handshake_total = 512 << 10;
    limits.chain_length = 64;
    limits.skipped_early_data = 1 << 14;
    if let Some(most) = settings.number("-max-cert-list")? {
        limits.handshake_message = usize::try_from(most).unwrap_or(usize::MAX);
    }
    Ok(limits)
}

/// BoringSSL speaks what RFC 10015 deprecates unless told otherwise, and so do its tests.
fn legacy() -> LegacyOptIn {
    LegacyOptIn::for_every_peer("the conformance suite tests it")
}

/// The key of `-psk`, with its name, and those that are imported for TLS 1.3.
fn psks(settings: &Settings) -> Result<Vec<Arc<ExternalPsk>>, Failure> {
    let mut psks = Vec::new();
    if let Some(key) = settings.bytes("-psk") {
        let identity = settings.bytes("-psk-identity").unwrap_or_default();
        psks.push(Arc::new(ExternalPsk::new(identity, Secret::from(key))));
    }
    for credential in settings.credentials.iter().filter(|credential| credential.has("-new-psk-credential")) {
        psks.extend(imported(credential)?);
    }
    Ok(psks)
}

/// The keys that a credential is imported as: one for each hash (RFC 9258).
pub(crate) fn imported(credential: &Settings) -> Result<Vec<Arc<ExternalPsk>>, Failure> {
    let part = |flag| credential.base64(flag).map(Option::unwrap_or_default);
    let hash = match credential.has("-psk-importer-sha384") {
        true => HashAlgorithm::Sha384,
        false => HashAlgorithm::Sha256,
    };
    let key = Secret::from(&*part("-psk-importer-key")?);
    let external = ExternalPsk::new(part("-psk-importer-identity")?, key).with_hash(hash);
    let context = part("-psk-importer-context")?;
    let targets = [HashAlgorithm::Sha256, HashAlgorithm::Sha384].into_iter();
    let imported: Option<_> =
        targets.map(|target| ExternalPsk::import(&external, &context, target).map(Arc::new)).collect();
    imported.ok_or_else(|| Failure::Configuration("no such PSK".into()))
}

/// A list of names with a byte of length before each.
fn protocols(mut list: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut protocols = Vec::new();
    while let Some((&length, rest)) = list.split_first() {
        let (name, rest) = rest
            .split_at_checked(usize::from(length))
            .ok_or_else(|| Failure::unsupported("an -advertise-alpn that is not a list"))?;
        protocols.push(name.to_vec());
        list = rest;
    }
    Ok(protocols)
}
