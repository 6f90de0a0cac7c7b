//! What an extension must look like, message by message.
use super::*;
use crate::wire::message::CertificateStatus;

/// Whether every extension that this library knows has the form that it must have in this message, be it of use
/// to anybody or not (RFC 9846 section 6.2, decode_error). Nothing is kept of them. The pre_shared_key of a
/// ClientHello is left to the server of TLS 1.3.
///
/// Whether an extension may stand there at all is for [`allowed_in`] to say; one that must not has no form.
///
/// # Errors
/// Of the first that is malformed.
pub fn check_forms(place: Place, extensions: &Extensions<'_>) -> Result<(), DecodeError> {
    extensions.iter().try_for_each(|(extension_type, data)| check_form(place, extension_type, data))
}

fn check_form(place: Place, extension_type: ExtensionType, data: &[u8]) -> Result<(), DecodeError> {
    use ExtensionType as Type;
    use Place::{
        Certificate, CertificateRequest, ClientHello, EncryptedExtensions, HelloRetryRequest,
        NewSessionTicket, ServerHello12, ServerHello13,
    };
    match (extension_type, place) {
        (Type::SERVER_NAME, ClientHello) => of::<ServerName<'_>>(data),
        (Type::SERVER_NAME, _) => of::<ServerNameAcknowledged>(data),
        (Type::MAX_FRAGMENT_LENGTH, _) => of::<MaxFragmentLength>(data),
        (Type::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, ClientHello) => of::<ProtocolNameList<'_>>(data),
        (Type::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, _) => of::<SelectedProtocolName<'_>>(data),
        (Type::CLIENT_CERTIFICATE_TYPE, ClientHello) => of::<ClientCertificateTypes<'_>>(data),
        (Type::CLIENT_CERTIFICATE_TYPE, _) => of::<SelectedClientCertificateType>(data),
        (Type::SERVER_CERTIFICATE_TYPE, ClientHello) => of::<ServerCertificateTypes<'_>>(data),
        (Type::SERVER_CERTIFICATE_TYPE, _) => of::<SelectedServerCertificateType>(data),
        (Type::RECORD_SIZE_LIMIT, _) => of::<RecordSizeLimit>(data),
        (Type::SUPPORTED_GROUPS, _) => of::<SupportedGroups<'_>>(data),
        (Type::STATUS_REQUEST, ClientHello) => of::<CertificateStatusRequest<'_>>(data),
        (Type::STATUS_REQUEST, Certificate) => of::<CertificateStatus<'_>>(data),
        (Type::STATUS_REQUEST, _) => of::<StatusRequestEmpty>(data),
        (Type::SIGNED_CERTIFICATE_TIMESTAMP, ClientHello | CertificateRequest) => {
            of::<SignedCertificateTimestampRequest>(data)
        }
        (Type::SIGNED_CERTIFICATE_TIMESTAMP, _) => of::<SignedCertificateTimestampList<'_>>(data),
        (Type::EC_POINT_FORMATS, _) => of::<EcPointFormats<'_>>(data),
        (Type::ENCRYPT_THEN_MAC, _) => of::<EncryptThenMac>(data),
        (Type::EXTENDED_MASTER_SECRET, _) => of::<ExtendedMasterSecret>(data),
        (Type::SESSION_TICKET, ServerHello12) => of::<SessionTicketServerHello>(data),
        (Type::RENEGOTIATION_INFO, _) => of::<RenegotiationInfo<'_>>(data),
        (Type::SIGNATURE_ALGORITHMS, _) => of::<SignatureAlgorithms<'_>>(data),
        (Type::SIGNATURE_ALGORITHMS_CERT, _) => of::<SignatureAlgorithmsCert<'_>>(data),
        (Type::CERTIFICATE_AUTHORITIES, _) => of::<CertificateAuthorities<'_>>(data),
        (Type::COMPRESS_CERTIFICATE, _) => of::<CompressCertificate<'_>>(data),
        (Type::PSK_KEY_EXCHANGE_MODES, _) => of::<PskKeyExchangeModes<'_>>(data),
        (Type::POST_HANDSHAKE_AUTH, _) => of::<PostHandshakeAuth>(data),
        // For the server of TLS 1.3 alone, which always reads it: BoringSSL's runner, as a client of TLS 1.2 that
        // offers its session both ways, puts a binder there that is none.
        (Type::PRE_SHARED_KEY, ClientHello) => Ok(()),
        (Type::PRE_SHARED_KEY, ServerHello13) => of::<PreSharedKeyServerHello>(data),
        (Type::EARLY_DATA, NewSessionTicket) => of::<EarlyDataNewSessionTicket>(data),
        (Type::EARLY_DATA, _) => of::<EarlyData>(data),
        (Type::SUPPORTED_VERSIONS, ClientHello) => of::<SupportedVersionsClientHello<'_>>(data),
        (Type::SUPPORTED_VERSIONS, _) => of::<SupportedVersionsServerHello>(data),
        (Type::KEY_SHARE, ClientHello) => of::<KeyShareClientHello<'_>>(data),
        (Type::KEY_SHARE, HelloRetryRequest) => of::<KeyShareHelloRetryRequest>(data),
        (Type::KEY_SHARE, _) => of::<KeyShareServerHello<'_>>(data),
        (Type::COOKIE, _) => of::<Cookie<'_>>(data),
        (Type::OID_FILTERS, _) => of::<OidFilters<'_>>(data),
        (Type::TICKET_REQUEST, ClientHello) => of::<TicketRequestClientHello>(data),
        (Type::TICKET_REQUEST, EncryptedExtensions) => of::<TicketRequestEncryptedExtensions>(data),
        // Opaque ones, and those that nobody here knows. RFC 7685 section 3 asks zeros of whoever pads, and
        // nothing of whoever skips the padding.
        _ => Ok(()),
    }
}

fn of<'a, E: Extension<'a>>(data: &'a [u8]) -> Result<(), DecodeError> {
    E::decode(data).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{Place::*, *};

    #[test]
    fn every_known_extension_has_a_form_wherever_it_may_stand() {
        const OPAQUE: [(ExtensionType, Place); 6] = [
            (ExtensionType::PRE_SHARED_KEY, ClientHello),
            (ExtensionType::PADDING, ClientHello),
            (ExtensionType::SESSION_TICKET, ClientHello),
            (ExtensionType::ENCRYPTED_CLIENT_HELLO, ClientHello),
            (ExtensionType::ENCRYPTED_CLIENT_HELLO, EncryptedExtensions),
            (ExtensionType::ENCRYPTED_CLIENT_HELLO, HelloRetryRequest),
        ];
        let places = [
            ClientHello,
            ServerHello12,
            ServerHello13,
            HelloRetryRequest,
            EncryptedExtensions,
            Certificate,
            CertificateRequest,
            NewSessionTicket,
        ];
        let mut checked = 0;
        for extension_type in (0..=u16::MAX).map(ExtensionType).filter(|known| known.name().is_some()) {
            for place in places.into_iter().filter(|place| allowed_in(extension_type, *place)) {
                let mut block = Vec::new();
                // Too long for some, too short for the others.
                push_encoded(&mut block, extension_type, &[1, 0xff, 0xff]);
                let refused = check_forms(place, &Extensions::from_encoded(&block)).is_err();
                let opaque = OPAQUE.contains(&(extension_type, place));
                assert_eq!(refused, !opaque, "{extension_type} in {place:?}");
                checked += 1;
            }
        }
        assert!(checked > 60, "{checked}");
    }

    #[test]
    fn what_is_unknown_or_well_formed_passes() {
        let mut block = Vec::new();
        push_encoded(&mut block, ExtensionType(0x0a0a), &[7]);
        push(&mut block, &CertificateStatusRequest::ocsp());
        push(&mut block, &ExtendedMasterSecret);
        assert_eq!(check_forms(ClientHello, &Extensions::from_encoded(&block)), Ok(()));
    }
}
