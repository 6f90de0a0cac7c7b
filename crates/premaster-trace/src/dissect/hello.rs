//! ClientHello, ServerHello and HelloRetryRequest.
use super::{
    extension::{Place, block},
    message::Scene,
    walker::{Walk, Walker},
};
use crate::model::Sensitivity;
use premaster::{
    suite::Suite,
    wire::{CipherSuite, ProtocolVersion},
};

/// What a HelloRetryRequest has in place of a random: SHA-256 of "HelloRetryRequest" (RFC 9846 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

pub(super) fn client_hello<'a>(walker: &mut Walker<'a>, scene: &mut Scene<'_>) -> Walk {
    walker.code::<ProtocolVersion>(
        2,
        "legacy_version",
        "The newest version of a client that knows no TLS 1.3; otherwise supported_versions counts.",
    )?;
    walker.take(32, "random", "Makes this handshake unlike any other; it goes into every key of TLS 1.2.")?;
    walker.opaque::<1>(
        "legacy_session_id",
        "In TLS 1.2 the session to resume; in TLS 1.3 a random value that keeps middleboxes quiet.",
    )?;
    let suites = walker.codes::<2, CipherSuite>(
        2,
        "cipher_suites",
        "cipher_suite",
        "The cipher suites that the client can use, best first.",
    )?;
    scene.gist(match *suites {
        [only] => format!("offers {only}"),
        _ => format!("offers {} cipher suites", suites.len()),
    });
    if suites.contains(&CipherSuite(0x5600)) {
        scene.gist("TLS_FALLBACK_SCSV: this is a second attempt with an older version (RFC 7507)");
    }
    walker.opaque::<1>(
        "legacy_compression_methods",
        "Only null: compression leaks what it compresses (CRIME).",
    )?;
    if walker.is_empty() {
        return Some(());
    }
    block(walker, Place::ClientHello, scene)
}

pub(super) fn server_hello<'a>(walker: &mut Walker<'a>, scene: &mut Scene<'_>) -> Walk {
    let legacy = walker.code::<ProtocolVersion>(
        2,
        "legacy_version",
        "The version, if it is not TLS 1.3; otherwise supported_versions counts.",
    )?;
    let random = walker.take(
        32,
        "random",
        "Makes this handshake unlike any other; it goes into every key of TLS 1.2.",
    )?;
    scene.retry = random == RETRY;
    if scene.retry {
        walker.means("A fixed value that makes this ServerHello a HelloRetryRequest.");
        scene.gist("not a ServerHello: a request for another ClientHello");
    } else if let Some(sentinel) = random.get(24..)
        && matches!(sentinel, b"DOWNGRD\x00" | b"DOWNGRD\x01")
    {
        walker.means("Ends in DOWNGRD: a server that can do better says so, and a client that can as well must refuse.");
        scene.gist("the random ends in DOWNGRD: the server could speak a newer version");
    }
    walker.opaque::<1>(
        "legacy_session_id_echo",
        "What the client sent, or in TLS 1.2 the name of this session.",
    )?;
    let suite = walker.code::<CipherSuite>(2, "cipher_suite", "The cipher suite that the server chose.")?;
    walker.take(1, "legacy_compression_method", "Always null.")?.first()?;
    scene.context.suite = Suite::find(suite);
    scene.context.version = Some(legacy);
    scene.gist(format!("chooses {suite}"));
    if walker.is_empty() {
        return Some(());
    }
    let place = if scene.retry { Place::HelloRetryRequest } else { Place::ServerHello };
    block(walker, place, scene)?;
    Some(())
}

/// The name that a client wants.
pub(super) fn server_name(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    walker.vector::<2>("server_name_list", "Names of the server; a list of one.", |walker| {
        while !walker.is_empty() {
            walker.take(1, "name_type", "0: a host name.")?;
            let name = walker.opaque::<2>("host_name", "Which of the machine's servers the client wants.")?;
            walker.says(String::from_utf8_lossy(name)).is(Sensitivity::Identifying);
            scene.identifies(format!("for {}", String::from_utf8_lossy(name)));
        }
        Some(())
    })
}
