//! What came of the connection.
use super::{Logs, steps::warn, wire::Whole};
use crate::{
    model::{Derivation, Side, Summary},
    recorder::Heard,
    sanitize,
};
use premaster::suite::{KeyExchange, Suite};

pub(crate) fn of(logs: Logs<'_>, messages: &[Whole], secrets: &[Derivation]) -> Summary {
    let mut summary = Summary::default();
    for side in logs.observed() {
        for heard in &logs.of(side).heard {
            add(&mut summary, heard);
        }
    }
    let hello = messages.iter().rfind(|whole| whole.is("ServerHello"));
    if let Some(hello) = hello {
        let says = |name: &str| hello.find(name).and_then(|leaf| leaf.decoded.clone());
        summary.cipher_suite = summary.cipher_suite.take().or_else(|| says("cipher_suite"));
        summary.version =
            summary.version.take().or_else(|| says("selected_version")).or_else(|| says("legacy_version"));
    }
    let signed = messages.iter().filter(|whole| {
        whole.sender == Side::Server && (whole.is("CertificateVerify") || whole.is("ServerKeyExchange"))
    });
    summary.signature_scheme = summary.signature_scheme.take().or_else(|| {
        signed.into_iter().find_map(|whole| whole.find("algorithm")).and_then(|leaf| leaf.decoded.clone())
    });
    summary.hello_retry = messages.iter().any(|whole| whole.is("HelloRetryRequest"));
    let client_hello = messages.iter().find(|whole| whole.is("ClientHello"));
    summary.server_name =
        client_hello.and_then(|whole| whole.find("host_name").or_else(|| name_group(whole))).and_then(named);
    summary.application_protocol = summary.application_protocol.take().or_else(|| protocol(messages));
    summary.key_exchange = key_exchange(&summary, messages, secrets);
    summary
}

fn named(field: &crate::model::Field) -> Option<String> {
    let bytes = crate::hex::decode(field.value.as_deref()?).ok()?;
    Some(sanitize::bytes(&bytes))
}

fn name_group(whole: &Whole) -> Option<&crate::model::Field> {
    whole.dissected.fields.iter().find_map(|field| field.find("host_name"))
}

fn protocol(messages: &[Whole]) -> Option<String> {
    let answers = |whole: &&Whole| whole.is("EncryptedExtensions") || whole.is("ServerHello");
    messages.iter().filter(answers).find_map(|whole| whole.find("protocol_name")).and_then(named)
}

fn add(summary: &mut Summary, heard: &Heard) {
    match heard {
        Heard::Chose { what: "signature scheme", value, .. } => {
            summary.signature_scheme = Some(value.clone())
        }
        Heard::Chose { what: "application protocol", value, .. } => {
            summary.application_protocol = Some(value.clone());
        }
        Heard::Chose { what: "version", value, .. } => summary.version = Some(value.clone()),
        Heard::Chose { what: "cipher suite", value, .. } => summary.cipher_suite = Some(value.clone()),
        Heard::Chose { what: "group", value, .. } => summary.group = Some(value.clone()),
        Heard::Verified { scheme, .. } if summary.signature_scheme.is_none() => {
            summary.signature_scheme = Some(scheme.to_string());
        }
        Heard::Resumed(resumed) => summary.resumption = Some(resumed.to_string()),
        Heard::Established(established) => {
            summary.established = true;
            summary.forward_secret = Some(established.forward_secret);
            summary.group = established.group.map(|group| group.to_string()).or(summary.group.take());
        }
        Heard::Failed(failure, _)
            if summary.failure.is_none() || failure.alert.is_some() && !refused(failure) =>
        {
            summary.failure = Some(failure.clone());
        }
        Heard::Warning(warning) => {
            let text = warn(*warning);
            if !summary.warnings.contains(&text) {
                summary.warnings.push(text);
            }
        }
        _ => {}
    }
}

/// Whether an end only heard of the failure from the other.
fn refused(failure: &crate::model::Failure) -> bool {
    failure.alert.is_none()
}

fn key_exchange(summary: &Summary, messages: &[Whole], secrets: &[Derivation]) -> Option<String> {
    let suite = summary.cipher_suite.as_deref().and_then(Suite::parse)?;
    let group = summary.group.as_deref();
    let over = |kind: &str| group.map_or_else(|| kind.to_owned(), |group| format!("{kind} over {group}"));
    let resumed = summary.resumption.as_deref().is_some_and(|how| how != "full");
    Some(match suite.key_exchange {
        KeyExchange::Tls13 => {
            let psk = messages
                .iter()
                .any(|whole| whole.is("ServerHello") && whole.find("selected_identity").is_some());
            let exchange = secrets.iter().any(|node| node.name == "shared_secret") || !psk;
            match (psk, exchange) {
                (true, true) => over("a pre-shared key, and ephemeral agreement"),
                (true, false) => "a pre-shared key alone".to_owned(),
                _ => over("ephemeral agreement"),
            }
        }
        _ if resumed => "none: the master secret of an earlier session".to_owned(),
        exchange => over(exchange.name()),
    })
}

/// Whether the suite's hash is SHA-384 and not SHA-256.
pub(super) fn has_sha384(summary: &Summary) -> bool {
    let suite = summary.cipher_suite.as_deref().and_then(Suite::parse);
    suite.is_some_and(|suite| suite.hash == premaster::crypto::hash::HashAlgorithm::Sha384)
}
