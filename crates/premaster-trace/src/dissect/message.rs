//! Handshake messages, alerts and the rest: what a record holds.
use super::{
    certificate, exchange,
    hello::{client_hello, server_hello},
    walker::{Walk, Walker, scope},
};
use crate::{
    model::{Field, Sensitivity},
    sanitize,
};
use premaster::{
    suite::Suite,
    wire::{
        AlertDescription, AlertLevel, HandshakeType, KeyUpdateRequest, ProtocolVersion, Side, SignatureScheme,
    },
};

/// What the messages so far have settled, which later ones do not repeat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The version that ServerHello chose.
    pub version: Option<ProtocolVersion>,
    /// The suite that ServerHello chose.
    pub suite: Option<&'static Suite>,
}

impl Context {
    /// Whether TLS 1.3 was chosen.
    pub fn is_tls13(&self) -> bool {
        self.version == Some(ProtocolVersion::TLS_1_3)
    }
}

/// A message and its parts.
#[derive(Clone, Debug)]
pub struct Dissected {
    /// Its name in the RFC.
    pub name: String,
    /// What it is for.
    pub meaning: &'static str,
    /// Where that stands.
    pub rfc: &'static str,
    /// What is worth knowing of its contents.
    pub gist: Vec<String>,
    /// The same, as far as it tells who somebody is.
    pub identifying: Vec<String>,
    /// Its bytes.
    pub fields: Vec<Field>,
}

/// What a walk over a message knows and finds out.
pub(super) struct Scene<'c> {
    pub(super) context: &'c mut Context,
    pub(super) sender: Side,
    pub(super) gist: Vec<String>,
    pub(super) identifying: Vec<String>,
    /// Set where a ServerHello turns out to be a HelloRetryRequest.
    pub(super) retry: bool,
}

impl Scene<'_> {
    pub(super) fn gist(&mut self, text: impl Into<String>) {
        self.gist.push(sanitize::text(&text.into()));
    }

    pub(super) fn identifies(&mut self, text: impl Into<String>) {
        self.identifying.push(sanitize::text(&text.into()));
    }
}

/// A handshake message, with its header of four bytes; also one that is cut off.
pub fn handshake(message: &[u8], context: &mut Context, sender: Side) -> Dissected {
    let handshake_type = HandshakeType(message.first().copied().unwrap_or(u8::MAX));
    let mut scene = Scene { context, sender, gist: Vec::new(), identifying: Vec::new(), retry: false };
    let (meaning, rfc) = describe(handshake_type, scene.context.is_tls13());
    let fields = scope(message, 0, rfc, |walker| {
        walker.code::<HandshakeType>(1, "msg_type", "Which handshake message this is.")?;
        let length = walker.number(3, "length", "How many bytes the message has after this.")?;
        let body = length.min(walker.left());
        walker.group(body, "body", meaning, |walker| body_of(handshake_type, walker, &mut scene))
    });
    let (name, meaning) = match scene.retry {
        true => (
            "HelloRetryRequest".to_owned(),
            "The server wants another ClientHello, with a share of a group that it names.",
        ),
        false => (
            handshake_type
                .name()
                .map_or_else(|| format!("handshake type {}", handshake_type.0), str::to_owned),
            meaning,
        ),
    };
    Dissected { name, meaning, rfc, gist: scene.gist, identifying: scene.identifying, fields }
}

fn body_of<'a>(handshake_type: HandshakeType, walker: &mut Walker<'a>, scene: &mut Scene<'_>) -> Walk {
    match handshake_type {
        HandshakeType::CLIENT_HELLO => client_hello(walker, scene),
        HandshakeType::SERVER_HELLO => server_hello(walker, scene),
        HandshakeType::ENCRYPTED_EXTENSIONS => {
            super::extension::block(walker, super::extension::Place::EncryptedExtensions, scene)
        }
        HandshakeType::CERTIFICATE if scene.context.is_tls13() => certificate::certificate13(walker, scene),
        HandshakeType::CERTIFICATE => certificate::certificate12(walker, scene),
        HandshakeType::CERTIFICATE_REQUEST if scene.context.is_tls13() => {
            certificate::request13(walker, scene)
        }
        HandshakeType::CERTIFICATE_REQUEST => certificate::request12(walker, scene),
        HandshakeType::CERTIFICATE_STATUS => certificate::status(walker),
        HandshakeType::CERTIFICATE_VERIFY => certificate_verify(walker, scene),
        HandshakeType::COMPRESSED_CERTIFICATE => certificate::compressed(walker),
        HandshakeType::SERVER_KEY_EXCHANGE => exchange::server_key_exchange(walker, scene),
        HandshakeType::CLIENT_KEY_EXCHANGE => exchange::client_key_exchange(walker, scene),
        HandshakeType::NEW_SESSION_TICKET if scene.context.is_tls13() => ticket13(walker, scene),
        HandshakeType::NEW_SESSION_TICKET => ticket12(walker, scene),
        HandshakeType::FINISHED => {
            walker.rest(
                "verify_data",
                "An HMAC over every message so far: both ends saw the same handshake.",
            )?;
            Some(())
        }
        HandshakeType::KEY_UPDATE => {
            let request = walker.code::<KeyUpdateRequest>(
                1,
                "request_update",
                "Whether the receiver should change its sending keys as well.",
            )?;
            scene.gist(request.to_string());
            Some(())
        }
        _ => None,
    }
}

fn certificate_verify(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let scheme = walker.code::<SignatureScheme>(2, "algorithm", "With which scheme it is signed.")?;
    scene.gist(format!("signed with {scheme}"));
    walker.opaque::<2>(
        "signature",
        "Made with the long-term key over the handshake so far: whoever sent the certificate has its key.",
    )?;
    Some(())
}

fn ticket12(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let seconds =
        walker.number(4, "ticket_lifetime_hint", "How many seconds the ticket may be worth keeping.")?;
    let ticket = walker.opaque::<2>(
        "ticket",
        "The session itself, master secret included, encrypted with a key that only the server has.",
    )?;
    walker.is(Sensitivity::Identifying);
    scene.gist(format!("ticket of {} bytes, for {seconds} s", ticket.len()));
    Some(())
}

fn ticket13(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let seconds =
        walker.number(4, "ticket_lifetime", "How many seconds the ticket may be used, at most 604800.")?;
    walker.number(
        4,
        "ticket_age_add",
        "Added to the ticket's age, so that an eavesdropper cannot link its uses.",
    )?;
    walker.opaque::<1>("ticket_nonce", "Makes the PSK of each ticket of this connection a different one.")?;
    let ticket = walker
        .opaque::<2>("ticket", "The name of the PSK, or the session itself under a key of the server's.")?;
    walker.is(Sensitivity::Identifying);
    scene.gist(format!("ticket of {} bytes, for {seconds} s", ticket.len()));
    super::extension::block(walker, super::extension::Place::NewSessionTicket, scene)
}

/// An alert.
pub fn alert(fragment: &[u8]) -> Dissected {
    const RFC: &str = "RFC 9846 section 6";
    let mut gist = Vec::new();
    let fields = scope(fragment, 0, RFC, |walker| {
        let level =
            walker.code::<AlertLevel>(1, "level", "How grave it is; in TLS 1.3 the description decides.")?;
        let description = walker.code::<AlertDescription>(1, "description", "What is the matter.")?;
        gist.push(format!("{level}: {description}"));
        Some(())
    });
    let close = fragment.get(1) == Some(&AlertDescription::close_notify.0);
    let meaning = match close {
        true => "The sender will send nothing more: what came before is complete.",
        false => "Something is wrong; in most cases the connection ends here.",
    };
    Dissected { name: "Alert".to_owned(), meaning, rfc: RFC, gist, identifying: Vec::new(), fields }
}

/// A change_cipher_spec.
pub fn change_cipher_spec(fragment: &[u8], context: &Context) -> Dissected {
    // Before ServerHello only the early data of TLS 1.3 can bring one.
    let (meaning, rfc) = match context.is_tls13() || context.version.is_none() {
        true => (
            "Means nothing in TLS 1.3: it makes the handshake look like TLS 1.2 to middleboxes.",
            "RFC 9846 section 5",
        ),
        false => (
            "From the next record on the sender protects what it sends under the new keys.",
            "RFC 5246 section 7.1",
        ),
    };
    let fields = scope(fragment, 0, rfc, |walker| {
        walker.take(1, "type", "Always 1.")?;
        Some(())
    });
    Dissected {
        name: "ChangeCipherSpec".to_owned(),
        meaning,
        rfc,
        gist: Vec::new(),
        identifying: Vec::new(),
        fields,
    }
}

/// Application data.
pub fn application_data(fragment: &[u8]) -> Dissected {
    const MEANING: &str = "What the two applications say to each other.";
    const RFC: &str = "RFC 9846 section 5";
    let fields = scope(fragment, 0, RFC, |walker| {
        walker.rest("application_data", MEANING)?;
        walker.is(Sensitivity::Secret);
        let shown = fragment.iter().all(|byte| (b' '..=b'~').contains(byte) || b"\r\n\t".contains(byte));
        if shown && !fragment.is_empty() {
            walker.says(fragment.escape_ascii());
        }
        Some(())
    });
    let gist = vec![format!("{} bytes", fragment.len())];
    Dissected {
        name: "application data".to_owned(),
        meaning: MEANING,
        rfc: RFC,
        gist,
        identifying: Vec::new(),
        fields,
    }
}

/// A fragment of a type that no RFC defines, or of a handshake message whose beginning is unknown.
pub fn opaque(fragment: &[u8]) -> Dissected {
    let fields = scope(fragment, 0, "RFC 9846 section 5.1", |_| None);
    let meaning = "Not something that TLS defines.";
    Dissected {
        name: "unknown content".to_owned(),
        meaning,
        rfc: "RFC 9846 section 5.1",
        gist: Vec::new(),
        identifying: Vec::new(),
        fields,
    }
}

/// What a message is for, and where that stands.
const fn describe(handshake_type: HandshakeType, tls13: bool) -> (&'static str, &'static str) {
    match handshake_type {
        HandshakeType::CLIENT_HELLO => (
            "The client begins: what it can speak, and in TLS 1.3 already its half of the key exchange.",
            "RFC 9846 section 4.1.2",
        ),
        HandshakeType::SERVER_HELLO => (
            "The server answers: what it chose, and in TLS 1.3 its half of the key exchange.",
            "RFC 9846 section 4.1.3",
        ),
        HandshakeType::HELLO_REQUEST => ("The server asks for a new handshake.", "RFC 5246 section 7.4.1.1"),
        HandshakeType::NEW_SESSION_TICKET if tls13 => {
            ("A pre-shared key for a later connection.", "RFC 9846 section 4.6.1")
        }
        HandshakeType::NEW_SESSION_TICKET => {
            ("The session, for the client to bring back later.", "RFC 5077 section 3.3")
        }
        HandshakeType::END_OF_EARLY_DATA => ("The client's early data ends here.", "RFC 9846 section 4.5"),
        HandshakeType::ENCRYPTED_EXTENSIONS => {
            ("The server's answers that need not be public.", "RFC 9846 section 4.3.1")
        }
        HandshakeType::CERTIFICATE if tls13 => ("Who the sender claims to be.", "RFC 9846 section 4.4.2"),
        HandshakeType::CERTIFICATE => ("Who the sender claims to be.", "RFC 5246 section 7.4.2"),
        HandshakeType::SERVER_KEY_EXCHANGE => (
            "The server's half of the key exchange, signed with its long-term key.",
            "RFC 5246 section 7.4.3",
        ),
        HandshakeType::CERTIFICATE_REQUEST if tls13 => {
            ("The server asks the client for a certificate.", "RFC 9846 section 4.3.2")
        }
        HandshakeType::CERTIFICATE_REQUEST => {
            ("The server asks the client for a certificate.", "RFC 5246 section 7.4.4")
        }
        HandshakeType::SERVER_HELLO_DONE => ("The server waits for the client.", "RFC 5246 section 7.4.5"),
        HandshakeType::CERTIFICATE_VERIFY if tls13 => {
            ("Proof that the sender has the certificate's private key.", "RFC 9846 section 4.4.3")
        }
        HandshakeType::CERTIFICATE_VERIFY => {
            ("Proof that the sender has the certificate's private key.", "RFC 5246 section 7.4.8")
        }
        HandshakeType::CLIENT_KEY_EXCHANGE => {
            ("The client's half of the key exchange.", "RFC 5246 section 7.4.7")
        }
        HandshakeType::FINISHED if tls13 => {
            ("Proof that the sender saw this handshake and has its keys.", "RFC 9846 section 4.4.4")
        }
        HandshakeType::FINISHED => {
            ("Proof that the sender saw this handshake and has its keys.", "RFC 5246 section 7.4.9")
        }
        HandshakeType::CERTIFICATE_STATUS => {
            ("What the authority says about the certificate.", "RFC 6066 section 8")
        }
        HandshakeType::KEY_UPDATE => ("The sender goes on under new keys.", "RFC 9846 section 4.6.3"),
        HandshakeType::COMPRESSED_CERTIFICATE => {
            ("Who the sender claims to be, compressed.", "RFC 8879 section 4")
        }
        _ => ("Not a message that this program knows.", "RFC 9846 section 4"),
    }
}
