//! Which extension belongs in which message.
use crate::wire::ExtensionType as Type;

/// A message that bears extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// ClientHello of either version.
    ClientHello,
    /// ServerHello of TLS 1.2.
    ServerHello12,
    /// ServerHello of TLS 1.3.
    ServerHello13,
    /// HelloRetryRequest.
    HelloRetryRequest,
    /// EncryptedExtensions.
    EncryptedExtensions,
    /// An entry of a TLS 1.3 Certificate.
    Certificate,
    /// CertificateRequest of TLS 1.3.
    CertificateRequest,
    /// NewSessionTicket of TLS 1.3.
    NewSessionTicket,
}

/// Whether an extension may stand in a message: the table of RFC 9846 section 4.2, and for the ServerHello of
/// TLS 1.2 what each extension's own RFC says.
///
/// An unknown type may stand where a side speaks unasked: ClientHello, CertificateRequest, NewSessionTicket
/// ("extensions which are not recognized MUST be ignored"). Elsewhere it answers something that was never said.
pub fn allowed_in(extension_type: Type, place: Place) -> bool {
    use Place::{
        Certificate, CertificateRequest, ClientHello, EncryptedExtensions, HelloRetryRequest,
        NewSessionTicket, ServerHello12, ServerHello13,
    };
    let places: &[Place] = match extension_type {
        Type::SERVER_NAME
        | Type::MAX_FRAGMENT_LENGTH
        | Type::APPLICATION_LAYER_PROTOCOL_NEGOTIATION
        | Type::CLIENT_CERTIFICATE_TYPE
        | Type::SERVER_CERTIFICATE_TYPE
        | Type::RECORD_SIZE_LIMIT => &[ClientHello, ServerHello12, EncryptedExtensions],
        // RFC 8422 section 5.2 has no such answer in TLS 1.2, but servers in the field give it, and clients of
        // every make look away.
        Type::SUPPORTED_GROUPS => &[ClientHello, ServerHello12, EncryptedExtensions],
        Type::STATUS_REQUEST | Type::SIGNED_CERTIFICATE_TIMESTAMP => {
            &[ClientHello, ServerHello12, CertificateRequest, Certificate]
        }
        Type::EC_POINT_FORMATS
        | Type::ENCRYPT_THEN_MAC
        | Type::EXTENDED_MASTER_SECRET
        | Type::SESSION_TICKET
        | Type::RENEGOTIATION_INFO => &[ClientHello, ServerHello12],
        Type::SIGNATURE_ALGORITHMS
        | Type::SIGNATURE_ALGORITHMS_CERT
        | Type::CERTIFICATE_AUTHORITIES
        | Type::COMPRESS_CERTIFICATE => &[ClientHello, CertificateRequest],
        Type::PADDING | Type::PSK_KEY_EXCHANGE_MODES | Type::POST_HANDSHAKE_AUTH => &[ClientHello],
        Type::PRE_SHARED_KEY => &[ClientHello, ServerHello13],
        Type::EARLY_DATA => &[ClientHello, EncryptedExtensions, NewSessionTicket],
        Type::SUPPORTED_VERSIONS | Type::KEY_SHARE => &[ClientHello, ServerHello13, HelloRetryRequest],
        Type::COOKIE => &[ClientHello, HelloRetryRequest],
        Type::OID_FILTERS => &[CertificateRequest],
        Type::TICKET_REQUEST => &[ClientHello, EncryptedExtensions],
        Type::ENCRYPTED_CLIENT_HELLO => &[ClientHello, EncryptedExtensions, HelloRetryRequest],
        _ => &[ClientHello, CertificateRequest, NewSessionTicket],
    };
    places.contains(&place)
}

#[cfg(test)]
mod tests {
    use super::{Place::*, *};

    #[test]
    fn the_table_of_rfc_9846() {
        for (extension_type, place, allowed) in [
            (Type::KEY_SHARE, HelloRetryRequest, true),
            (Type::KEY_SHARE, ServerHello13, true),
            (Type::KEY_SHARE, ServerHello12, false),
            (Type::KEY_SHARE, EncryptedExtensions, false),
            (Type::COOKIE, ServerHello13, false),
            (Type::PRE_SHARED_KEY, HelloRetryRequest, false),
            (Type::EARLY_DATA, NewSessionTicket, true),
            (Type::SERVER_NAME, NewSessionTicket, false),
            (Type::STATUS_REQUEST, Certificate, true),
            (Type::STATUS_REQUEST, EncryptedExtensions, false),
            (Type::RENEGOTIATION_INFO, EncryptedExtensions, false),
            (Type::EXTENDED_MASTER_SECRET, ServerHello13, false),
            (Type::OID_FILTERS, ClientHello, false),
            (Type(0x0a0a), ClientHello, true),
            (Type(0x0a0a), CertificateRequest, true),
            (Type(0x0a0a), NewSessionTicket, true),
            (Type(0x0a0a), EncryptedExtensions, false),
            (Type(0x0a0a), Certificate, false),
            (Type(0x0a0a), ServerHello12, false),
            (Type(0x0a0a), HelloRetryRequest, false),
        ] {
            assert_eq!(allowed_in(extension_type, place), allowed, "{extension_type} in {place:?}");
        }
    }
}
