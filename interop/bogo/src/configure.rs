//! From flags to configurations.
use crate::{certify, failure::Failure, settings::Settings, state::State, verify};
use premaster::{
    ClientConfig, Connection, Output, Policy, ServerConfig,
    config::{ClientAuthentication, ConfigError, Limits},
    pki_types::ServerName,
    suite::{KeyExchange, Suite},
    wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme},
};
use std::{borrow::Cow, sync::Arc};

/// What BoringSSL accepts from its peers unless told otherwise, in its order.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ecdsa_secp256r1_sha256,
    SignatureScheme::rsa_pss_rsae_sha256,
    SignatureScheme::rsa_pkcs1_sha256,
    SignatureScheme::ecdsa_secp384r1_sha384,
    SignatureScheme::rsa_pss_rsae_sha384,
    SignatureScheme::rsa_pkcs1_sha384,
    SignatureScheme::rsa_pss_rsae_sha512,
    SignatureScheme::rsa_pkcs1_sha512,
];

/// Its groups.
const GROUPS: &[NamedGroup] =
    &[NamedGroup::X25519MLKEM768, NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1];

/// A connection, not yet begun, and what it has to say first.
pub(crate) fn connection(settings: &Settings, state: &Arc<State>) -> Result<(Connection, Output), Failure> {
    let mut output = Output::new();
    let connection = match settings.has("-server") {
        true => Connection::server(Arc::new(server(settings, state)?)),
        false => {
            let name = settings.text("-host-name")?.unwrap_or("test").to_owned();
            let name = ServerName::try_from(name).map_err(|_| Failure::unsupported("this -host-name"))?;
            Connection::client(Arc::new(client(settings, state)?), name, &mut output)?
        }
    };
    Ok((connection, output))
}

fn client(settings: &Settings, state: &Arc<State>) -> Result<ClientConfig, Failure> {
    ClientConfig::builder()
        .policy(policy(settings)?)
        .verifier(verify::verifier(settings, state)?)
        .credentials(certify::credentials(settings, state)?)
        .alpn(protocols(settings.bytes("-advertise-alpn").unwrap_or_default())?)
        .send_server_name(settings.has("-host-name"))
        .request_ocsp(settings.has("-enable-ocsp-stapling"))
        .request_scts(settings.has("-enable-signed-cert-timestamps"))
        .fallback_scsv(settings.has("-fallback-scsv"))
        .limits(limits(settings)?)
        .observer(state.clone())
        .build()
        .map_err(refused)
}

fn server(settings: &Settings, state: &Arc<State>) -> Result<ServerConfig, Failure> {
    let verifier = || verify::verifier(settings, state);
    let authentication = if settings.has("-verify-peer") {
        ClientAuthentication::Optional(verifier()?)
    } else if settings.has("-require-any-client-certificate") {
        ClientAuthentication::Required(verifier()?)
    } else {
        ClientAuthentication::None
    };
    let alpn = match settings.bytes("-select-alpn") {
        Some(protocol) => vec![protocol.to_vec()],
        // One that nobody offers.
        None if settings.has("-reject-alpn") => vec![b"premaster-bogo-none".to_vec()],
        None => Vec::new(),
    };
    ServerConfig::builder()
        .policy(policy(settings)?)
        .credentials(certify::credentials(settings, state)?)
        .client_authentication(authentication)
        .alpn(alpn)
        .limits(limits(settings)?)
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

fn limits(settings: &Settings) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    if let Some(most) = settings.number("-max-cert-list")? {
        limits.handshake_message = usize::try_from(most).unwrap_or(usize::MAX);
    }
    Ok(limits)
}

fn policy(settings: &Settings) -> Result<Policy, Failure> {
    let mut policy = Policy::MODERN;
    policy.versions = Cow::Owned(versions(settings)?);
    policy.cipher_suites = Cow::Owned(suites(settings)?);
    policy.signature_schemes = match settings.codes("-verify-prefs")? {
        Some(codes) => Cow::Owned(codes.into_iter().map(SignatureScheme).collect()),
        None => Cow::Borrowed(SCHEMES),
    };
    let groups = match settings.codes("-curves")? {
        Some(codes) => codes.into_iter().map(NamedGroup).collect(),
        None => GROUPS.to_vec(),
    };
    policy.key_shares = Cow::Owned(shares(settings, &groups)?);
    policy.groups = Cow::Owned(groups);
    policy.require_extended_master_secret = false;
    policy.require_renegotiation_info = settings.has("-no-legacy-server-connect");
    policy.server_preference = settings.has("-server-preference") || settings.has("-cipher");
    Ok(policy)
}

fn versions(settings: &Settings) -> Result<Vec<ProtocolVersion>, Failure> {
    let least = settings.code("-min-version")?.unwrap_or(0);
    let most = settings.code("-max-version")?.unwrap_or(u16::MAX);
    let spoken = [(ProtocolVersion::TLS_1_3, "-no-tls13"), (ProtocolVersion::TLS_1_2, "-no-tls12")];
    let allowed =
        spoken.iter().filter(|(version, off)| (least..=most).contains(&version.0) && !settings.has(off));
    Ok(allowed.map(|(version, _)| *version).collect())
}

/// The groups that a share is sent for: the first classical one, and the first if that is not classical.
fn shares(settings: &Settings, groups: &[NamedGroup]) -> Result<Vec<NamedGroup>, Failure> {
    if settings.has("-no-key-shares") {
        return Ok(Vec::new());
    }
    if let Some(codes) = settings.codes("-key-shares")? {
        return Ok(codes.into_iter().map(NamedGroup).collect());
    }
    let hint = settings.codes("-server-supported-groups-hint")?.unwrap_or_default();
    if let Some(hinted) = groups.iter().find(|group| hint.contains(&group.0)) {
        return Ok(vec![*hinted]);
    }
    let is_classical = |group: &&NamedGroup| group.0 < 0x0200;
    let mut shares: Vec<NamedGroup> = groups.iter().take(1).copied().collect();
    if let Some(classical) = groups.iter().find(is_classical).filter(|group| !shares.contains(group)) {
        shares.push(*classical);
    }
    Ok(shares)
}

fn suites(settings: &Settings) -> Result<Vec<CipherSuite>, Failure> {
    let tls13 = Policy::MODERN.cipher_suites.iter().copied();
    let mut suites: Vec<CipherSuite> = tls13.filter(|code| code.0 >> 8 == 0x13).collect();
    match settings.text("-cipher")? {
        None | Some("ALL") => {
            let tls12 = Suite::ALL.iter().filter(|suite| suite.key_exchange == KeyExchange::Ecdhe);
            suites.extend(tls12.filter(|suite| !suite.is_deprecated()).map(|suite| suite.code));
        }
        Some(list) => {
            for name in list.split(':') {
                let suite =
                    Suite::parse(name).ok_or_else(|| Failure::unsupported(format!("-cipher {list}")))?;
                suites.push(suite.code);
            }
        }
    }
    Ok(suites)
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
