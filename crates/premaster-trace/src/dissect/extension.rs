//! Extensions (RFC 9846 section 4.2 and those that it lists).
use super::{
    certificate,
    hello::server_name,
    message::Scene,
    walker::{Walk, Walker, is_grease},
};
use crate::{model::Sensitivity, sanitize};
use premaster::wire::{
    CertificateCompressionAlgorithm, CertificateType, EcPointFormat, ExtensionType, NamedGroup,
    ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
};

/// The message that an extension stands in, which decides its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    ClientHello,
    ServerHello,
    HelloRetryRequest,
    EncryptedExtensions,
    Certificate,
    CertificateRequest,
    NewSessionTicket,
}

/// A block of extensions.
pub(super) fn block<'a>(walker: &mut Walker<'a>, place: Place, scene: &mut Scene<'_>) -> Walk {
    walker.vector::<2>(
        "extensions",
        "What goes beyond the fixed fields, each with a type of its own.",
        |walker| {
            while !walker.is_empty() {
                let header = walker.peek(4)?;
                let code = u16::from_be_bytes([*header.first()?, *header.get(1)?]);
                let length = usize::from(u16::from_be_bytes([*header.get(2)?, *header.get(3)?]));
                let extension = ExtensionType(code);
                let (meaning, rfc) = describe(extension, header);
                let name = match is_grease(header.get(..2)?) {
                    true => "GREASE".to_owned(),
                    false => extension.name().map_or_else(|| format!("extension {code}"), str::to_owned),
                };
                let whole = walker.left().min(4 + length);
                walker.rfc(rfc).group(whole, &name, meaning, |walker| {
                    walker.code::<ExtensionType>(2, "extension_type", "Which extension this is.")?;
                    walker.number(2, "length", "How many bytes it has.")?;
                    data(walker, extension, place, scene)
                })?;
            }
            Some(())
        },
    )
}

fn data<'a>(walker: &mut Walker<'a>, extension: ExtensionType, place: Place, scene: &mut Scene<'_>) -> Walk {
    use ExtensionType as E;
    let hello = place == Place::ClientHello;
    match extension {
        E::SERVER_NAME if hello => server_name(walker, scene),
        E::MAX_FRAGMENT_LENGTH => {
            number(walker, 1, "max_fragment_length", "1 to 4: 512, 1024, 2048 or 4096 bytes.")
        }
        E::RECORD_SIZE_LIMIT => {
            number(walker, 2, "record_size_limit", "The longest record that the sender can take.")
        }
        E::STATUS_REQUEST if matches!(place, Place::ClientHello | Place::CertificateRequest) => {
            status_request(walker)
        }
        E::STATUS_REQUEST if place == Place::Certificate => certificate::status(walker),
        E::SUPPORTED_GROUPS => {
            let groups = walker.codes::<2, NamedGroup>(
                2,
                "named_group_list",
                "group",
                "Groups that the sender can use.",
            )?;
            scene.gist(format!("can use {}", join(&groups)));
            Some(())
        }
        E::EC_POINT_FORMATS => {
            let meaning = "How points may be written; only uncompressed is left.";
            walker.codes::<1, EcPointFormat>(1, "ec_point_format_list", "format", meaning).map(drop)
        }
        E::SIGNATURE_ALGORITHMS | E::SIGNATURE_ALGORITHMS_CERT => {
            let meaning = "Signatures that the sender can verify.";
            walker
                .codes::<2, SignatureScheme>(2, "supported_signature_algorithms", "scheme", meaning)
                .map(drop)
        }
        E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => alpn(walker, hello, scene),
        E::SIGNED_CERTIFICATE_TIMESTAMP if place == Place::Certificate => {
            walker.opaque::<2>("sct_list", "Proofs that the certificate was published in logs.").map(drop)
        }
        E::CLIENT_CERTIFICATE_TYPE | E::SERVER_CERTIFICATE_TYPE if hello => {
            let meaning = "Kinds of certificates that will do.";
            walker.codes::<1, CertificateType>(1, "certificate_types", "type", meaning).map(drop)
        }
        E::CLIENT_CERTIFICATE_TYPE | E::SERVER_CERTIFICATE_TYPE => {
            walker.code::<CertificateType>(1, "certificate_type", "The kind that the server chose.").map(drop)
        }
        E::PADDING => walker.rest("zeros", "They only make the message longer.").map(drop),
        E::COMPRESS_CERTIFICATE => {
            let meaning = "How certificates may be compressed.";
            walker
                .codes::<1, CertificateCompressionAlgorithm>(2, "algorithms", "algorithm", meaning)
                .map(drop)
        }
        E::SESSION_TICKET => {
            walker.rest("ticket", "The session to resume, under a key of the server's.")?;
            walker.is(Sensitivity::Identifying);
            Some(())
        }
        E::PRE_SHARED_KEY if hello => pre_shared_keys(walker, scene),
        E::PRE_SHARED_KEY => {
            number(walker, 2, "selected_identity", "Which of the client's identities, counted from 0.")
        }
        E::EARLY_DATA if place == Place::NewSessionTicket => {
            number(walker, 4, "max_early_data_size", "How many bytes may be sent early with this ticket.")
        }
        E::SUPPORTED_VERSIONS if hello => {
            let meaning = "Versions that the client can speak, best first.";
            let versions = walker.codes::<1, ProtocolVersion>(2, "versions", "version", meaning)?;
            scene.gist(format!("can speak {}", join(&versions)));
            Some(())
        }
        E::SUPPORTED_VERSIONS => {
            let version = walker.code::<ProtocolVersion>(
                2,
                "selected_version",
                "The version that the server chose.",
            )?;
            scene.context.version = Some(version);
            Some(())
        }
        E::COOKIE => walker.opaque::<2>("cookie", "What the second ClientHello has to repeat.").map(drop),
        E::PSK_KEY_EXCHANGE_MODES => {
            let meaning = "How a pre-shared key may be used: alone (psk_ke), or with a fresh key exchange (psk_dhe_ke).";
            walker.codes::<1, PskKeyExchangeMode>(1, "ke_modes", "mode", meaning).map(drop)
        }
        E::CERTIFICATE_AUTHORITIES => certificate::authorities(walker, scene),
        E::OID_FILTERS => oid_filters(walker),
        E::KEY_SHARE => key_share(walker, place, scene),
        E::TICKET_REQUEST if hello => {
            walker.number(1, "new_session_count", "How many tickets after a full handshake.")?;
            number(walker, 1, "resumption_count", "How many tickets after a resumption.")
        }
        E::TICKET_REQUEST => number(walker, 1, "expected_count", "How many tickets the server will send."),
        E::RENEGOTIATION_INFO => {
            let meaning = "Empty in a first handshake: it ties a later one to this.";
            walker.opaque::<1>("renegotiated_connection", meaning).map(drop)
        }
        E::ENCRYPTED_CLIENT_HELLO => {
            walker.rest("payload", "Another ClientHello inside, encrypted; or noise.").map(drop)
        }
        E::SERVER_NAME
        | E::ENCRYPT_THEN_MAC
        | E::EXTENDED_MASTER_SECRET
        | E::EARLY_DATA
        | E::POST_HANDSHAKE_AUTH
        | E::SIGNED_CERTIFICATE_TIMESTAMP
        | E::STATUS_REQUEST => Some(()),
        _ => walker.rest("extension_data", "Its form is not known here.").map(drop),
    }
}

fn number(walker: &mut Walker<'_>, len: usize, name: &str, meaning: &str) -> Walk {
    walker.number(len, name, meaning).map(drop)
}

fn join<T: std::fmt::Display>(codes: &[T]) -> String {
    codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn status_request(walker: &mut Walker<'_>) -> Walk {
    walker.take(1, "status_type", "1: OCSP.")?;
    walker.opaque::<2>("responder_id_list", "Responders that the client trusts; usually none.")?;
    walker.opaque::<2>("request_extensions", "Usually none.").map(drop)
}

fn alpn(walker: &mut Walker<'_>, hello: bool, scene: &mut Scene<'_>) -> Walk {
    let mut names = Vec::new();
    walker.vector::<2>("protocol_name_list", "Application protocols, best first.", |walker| {
        while !walker.is_empty() {
            let name = walker.opaque::<1>("protocol_name", "One application protocol.")?;
            walker.says(sanitize::bytes(name));
            names.push(sanitize::bytes(name));
        }
        Some(())
    })?;
    scene.gist(format!("{} {}", if hello { "wants to talk" } else { "talks" }, names.join(", ")));
    Some(())
}

fn key_share<'a>(walker: &mut Walker<'a>, place: Place, scene: &mut Scene<'_>) -> Walk {
    match place {
        Place::ClientHello => {
            let mut groups = Vec::new();
            walker.vector::<2>(
                "client_shares",
                "The client's halves of the key exchange, one a group.",
                |walker| {
                    while !walker.is_empty() {
                        groups.push(share(
                            walker,
                            "The client's ephemeral public key: made for this handshake alone.",
                        )?);
                    }
                    Some(())
                },
            )?;
            scene.gist(match groups.is_empty() {
                true => "sends no key share: it wants to be told which group".to_owned(),
                false => format!("sends ephemeral public keys for {}", join(&groups)),
            });
            Some(())
        }
        Place::HelloRetryRequest => {
            let group = walker.code::<NamedGroup>(
                2,
                "selected_group",
                "The group that the server wants a share for.",
            )?;
            scene.gist(format!("wants a share for {group}"));
            Some(())
        }
        _ => {
            let group = share(
                walker,
                "The server's ephemeral public key, or for a hybrid also an encapsulated secret.",
            )?;
            scene.gist(format!("sends an ephemeral public key for {group}"));
            Some(())
        }
    }
}

fn share(walker: &mut Walker<'_>, meaning: &str) -> Walk<NamedGroup> {
    let header = walker.peek(4)?;
    let length = 4 + usize::from(u16::from_be_bytes([*header.get(2)?, *header.get(3)?]));
    let mut group = None;
    walker.group(
        length.min(walker.left()),
        "KeyShareEntry",
        "A group, and a public key in it.",
        |walker| {
            group = Some(walker.code::<NamedGroup>(2, "group", "The group.")?);
            walker.opaque::<2>("key_exchange", meaning).map(drop)
        },
    )?;
    group
}

fn pre_shared_keys<'a>(walker: &mut Walker<'a>, scene: &mut Scene<'_>) -> Walk {
    let mut count = 0;
    walker.vector::<2>("identities", "Keys that the server may have as well.", |walker| {
        while !walker.is_empty() {
            let identity = walker.opaque::<2>("identity", "A ticket, or a name agreed on elsewhere.")?;
            walker.is(Sensitivity::Identifying);
            if identity.len() <= 64 && identity.iter().all(|byte| (b' '..=b'~').contains(byte)) {
                walker.says(sanitize::bytes(identity));
            }
            walker.number(
                4,
                "obfuscated_ticket_age",
                "How old the ticket is, blurred with ticket_age_add.",
            )?;
            count += 1;
        }
        Some(())
    })?;
    walker.vector::<2>("binders", "For each key an HMAC over this ClientHello up to here.", |walker| {
        while !walker.is_empty() {
            walker.opaque::<1>("binder", "Shows that the client has the key, and means this ClientHello.")?;
        }
        Some(())
    })?;
    scene.gist(format!("offers {count} pre-shared key{}", if count == 1 { "" } else { "s" }));
    Some(())
}

fn oid_filters(walker: &mut Walker<'_>) -> Walk {
    walker.vector::<2>("filters", "What the client's certificate has to say.", |walker| {
        while !walker.is_empty() {
            walker.opaque::<1>("certificate_extension_oid", "An extension of certificates, in DER.")?;
            walker.opaque::<2>("certificate_extension_values", "The values wanted, in DER.")?;
        }
        Some(())
    })
}

/// What an extension is for, and where that stands.
fn describe(extension: ExtensionType, header: &[u8]) -> (&'static str, &'static str) {
    use ExtensionType as E;
    if header.get(..2).is_some_and(is_grease) {
        return ("A reserved type that means nothing: peers must ignore what they do not know.", "RFC 8701");
    }
    match extension {
        E::SERVER_NAME => ("Which of the machine's servers is meant.", "RFC 6066 section 3"),
        E::MAX_FRAGMENT_LENGTH => ("Shorter records, for those with little memory.", "RFC 6066 section 4"),
        E::STATUS_REQUEST => {
            ("Whether the certificate was revoked, said by its authority.", "RFC 6066 section 8")
        }
        E::SUPPORTED_GROUPS => ("The groups for the key exchange.", "RFC 9846 section 4.2.7"),
        E::EC_POINT_FORMATS => ("How points on curves are written, in TLS 1.2.", "RFC 8422 section 5.1.2"),
        E::SIGNATURE_ALGORITHMS => ("Signatures that the sender can verify.", "RFC 9846 section 4.2.3"),
        E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => {
            ("What the applications will talk.", "RFC 7301 section 3.1")
        }
        E::SIGNED_CERTIFICATE_TIMESTAMP => {
            ("Proofs that a certificate was published.", "RFC 6962 section 3.3")
        }
        E::CLIENT_CERTIFICATE_TYPE | E::SERVER_CERTIFICATE_TYPE => {
            ("X.509 certificates or bare keys.", "RFC 7250 section 3")
        }
        E::PADDING => ("Makes the message longer, for peers that choke on some lengths.", "RFC 7685"),
        E::ENCRYPT_THEN_MAC => ("In CBC suites the MAC covers the ciphertext.", "RFC 7366"),
        E::EXTENDED_MASTER_SECRET => {
            ("The master secret is bound to the whole handshake, not to the randoms alone.", "RFC 7627")
        }
        E::COMPRESS_CERTIFICATE => ("How certificates may be compressed.", "RFC 8879 section 3"),
        E::RECORD_SIZE_LIMIT => ("The longest record that the sender can take.", "RFC 8449"),
        E::SESSION_TICKET => {
            ("The client can keep sessions; empty if it has none to resume.", "RFC 5077 section 3.2")
        }
        E::PRE_SHARED_KEY => ("Keys that both sides may have from before.", "RFC 9846 section 4.2.11"),
        E::EARLY_DATA => ("Data under a key from before, ahead of the handshake.", "RFC 9846 section 4.2.10"),
        E::SUPPORTED_VERSIONS => ("The versions, where older peers do not look.", "RFC 9846 section 4.2.1"),
        E::COOKIE => ("What the server wants to see again.", "RFC 9846 section 4.2.2"),
        E::PSK_KEY_EXCHANGE_MODES => ("How a pre-shared key may be used.", "RFC 9846 section 4.2.9"),
        E::CERTIFICATE_AUTHORITIES => ("Whose certificates will do.", "RFC 9846 section 4.2.4"),
        E::OID_FILTERS => ("What the client's certificate has to say.", "RFC 9846 section 4.2.5"),
        E::POST_HANDSHAKE_AUTH => {
            ("The client may be asked for a certificate later.", "RFC 9846 section 4.2.6")
        }
        E::SIGNATURE_ALGORITHMS_CERT => {
            ("Signatures that may stand in certificates.", "RFC 9846 section 4.2.3")
        }
        E::KEY_SHARE => ("A half of the key exchange: ephemeral public keys.", "RFC 9846 section 4.2.8"),
        E::TICKET_REQUEST => ("How many tickets the client can use.", "RFC 9149"),
        E::ENCRYPTED_CLIENT_HELLO => ("Another ClientHello, encrypted.", "RFC 9849"),
        E::RENEGOTIATION_INFO => ("Ties handshakes on one connection together.", "RFC 5746 section 3.2"),
        _ => (
            "An extension that this program does not know; a peer that does not either ignores it.",
            "RFC 9846 section 4.2",
        ),
    }
}
