//! Certificates, requests for them, and what is said about them.
use super::{
    extension::{Place, block},
    message::Scene,
    ocsp,
    walker::{Walk, Walker},
    x509,
};
use crate::model::Sensitivity;
use premaster::{
    identity::Certificate,
    wire::{CertificateCompressionAlgorithm, ClientCertificateType, Side, SignatureScheme},
};

pub(super) fn certificate12(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    walker.vector::<3>(
        "certificate_list",
        "The chain, leaf first; each certifies the one before it.",
        |walker| {
            while !walker.is_empty() {
                one(walker, scene)?;
            }
            Some(())
        },
    )
}

pub(super) fn certificate13(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    walker
        .opaque::<1>("certificate_request_context", "Which request this answers; empty in the handshake.")?;
    walker.vector::<3>(
        "certificate_list",
        "The chain, leaf first; each certifies the one before it.",
        |walker| {
            while !walker.is_empty() {
                one(walker, scene)?;
                block(walker, Place::Certificate, scene)?;
            }
            Some(())
        },
    )
}

/// One certificate in DER.
fn one(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let client = scene.sender == Side::Client;
    let mut subject = String::new();
    walker.vector::<3>("cert_data", "One certificate, in DER.", |walker| {
        let der = walker.peek(walker.left())?;
        walker.rfc("RFC 5280 section 4.1");
        walker.group(
            der.len(),
            "certificate",
            "A name and a public key, signed by an authority.",
            x509::certificate,
        )?;
        if let Some(certificate) = Certificate::parse(der) {
            let names: Vec<String> = certificate.names().take(5).collect();
            let for_names =
                if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) };
            subject = format!("{}{for_names}", certificate.subject());
            walker.says(format!("{subject}, issued by {}", certificate.issuer()));
        }
        Some(())
    })?;
    if client {
        walker.is(Sensitivity::Identifying);
    }
    match client {
        _ if subject.is_empty() => scene.gist("a certificate"),
        true => scene.identifies(subject),
        false => scene.gist(subject),
    }
    Some(())
}

pub(super) fn request12(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    walker.codes::<1, ClientCertificateType>(
        1,
        "certificate_types",
        "certificate_type",
        "What kinds of keys will do.",
    )?;
    walker.codes::<2, SignatureScheme>(
        2,
        "supported_signature_algorithms",
        "algorithm",
        "With which schemes the client may sign.",
    )?;
    authorities(walker, scene)
}

pub(super) fn request13(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    walker.opaque::<1>(
        "certificate_request_context",
        "What the answer has to repeat; empty in the handshake.",
    )?;
    block(walker, Place::CertificateRequest, scene)
}

/// Names of authorities.
pub(super) fn authorities(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let mut count = 0;
    walker.vector::<2>("certificate_authorities", "Whose certificates will do.", |walker| {
        while !walker.is_empty() {
            walker.opaque::<2>("distinguished_name", "The name of an authority, in DER.")?;
            count += 1;
        }
        Some(())
    })?;
    scene.gist(format!("names {count} authorities"));
    Some(())
}

pub(super) fn status(walker: &mut Walker<'_>) -> Walk {
    walker.take(1, "status_type", "1: OCSP.")?;
    walker.vector::<3>(
        "response",
        "The authority's signed word on whether the certificate was revoked, in DER.",
        ocsp::response,
    )
}

pub(super) fn compressed(walker: &mut Walker<'_>) -> Walk {
    walker.code::<CertificateCompressionAlgorithm>(2, "algorithm", "How it is compressed.")?;
    walker.number(3, "uncompressed_length", "How long it is when it is decompressed.")?;
    walker.opaque::<3>("compressed_certificate_message", "The Certificate message, compressed.")?;
    Some(())
}
