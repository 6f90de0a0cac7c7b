//! Extensions: what decodes encodes to the same bytes, and can be shown; in a block, each is found once.
use crate::{pair, script::Script};
use premaster::wire::{
    HandshakeType, Reader,
    extension::{self, Extension, Extensions},
    message::{ClientHello, ServerHello},
};
use std::fmt::Debug;

fn round<'a, E: Extension<'a> + Debug>(data: &'a [u8]) {
    let Ok(decoded) = E::decode(data) else { return };
    let mut again = Vec::new();
    decoded.encode(&mut again);
    assert_eq!(again, data, "{decoded:?}");
}

macro_rules! forms {
    ($($form:ident)*) => {
        /// A function for each form of each extension.
        const FORMS: &[for<'a> fn(&'a [u8])] = &[$(|data| round::<extension::$form>(data)),*];
        /// Their code points, in the same order.
        const TYPES: &[u16] = &[$(<extension::$form as Extension>::TYPE.0),*];
    };
}
forms! {
    ProtocolNameList SelectedProtocolName CertificateAuthorities ClientCertificateTypes ServerCertificateTypes
    SelectedClientCertificateType SelectedServerCertificateType CompressCertificate EcPointFormats
    PskKeyExchangeModes SignatureAlgorithms SignatureAlgorithmsCert SignedCertificateTimestampList
    SignedCertificateTimestampRequest SupportedGroups SupportedVersionsClientHello SupportedVersionsServerHello
    Cookie EarlyData EarlyDataNewSessionTicket EncryptThenMac EncryptedClientHello ExtendedMasterSecret
    KeyShareClientHello KeyShareServerHello KeyShareHelloRetryRequest MaxFragmentLength OidFilters Padding
    PostHandshakeAuth PreSharedKeyClientHello PreSharedKeyServerHello RecordSizeLimit RenegotiationInfo
    ServerName ServerNameAcknowledged SessionTicket SessionTicketServerHello CertificateStatusRequest
    StatusRequestEmpty TicketRequestClientHello TicketRequestEncryptedExtensions
}

/// Decodes the rest as the extension that the first byte names, and as a block of extensions.
pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let form = script.choose(FORMS);
    let data = script.rest();
    form(data);
    let mut reader = Reader::new(data, "extensions");
    let Ok(block) = Extensions::read(&mut reader) else { return };
    let mut seen = Vec::new();
    for (kind, contents) in block.iter() {
        assert!(!seen.contains(&kind), "{kind} is there twice");
        assert_eq!(block.find(kind), Some(contents));
        seen.push(kind);
    }
    assert_eq!(block.last(), seen.last().copied());
}

/// The extensions of real hellos.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for message in pair::messages().iter().flat_map(|(_, messages)| messages) {
        let hello = match HandshakeType(message[0]) {
            HandshakeType::CLIENT_HELLO => ClientHello::decode(&message[4..]).map(|hello| hello.extensions),
            HandshakeType::SERVER_HELLO => ServerHello::decode(&message[4..]).map(|hello| hello.extensions),
            _ => continue,
        };
        let Ok(block) = hello else { continue };
        let mut whole = vec![0];
        block.encode(&mut whole);
        seeds.push(whole);
        for (kind, data) in block.iter() {
            let forms = TYPES.iter().enumerate().filter(|(_, own)| **own == kind.0);
            seeds.extend(forms.map(|(form, _)| [&[form as u8], data].concat()));
        }
    }
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}
