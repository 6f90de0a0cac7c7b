//! Every extension, round and round, and its bounds.
use super::*;
use crate::wire::{
    EcPointFormat, List, NamedGroup, Problem,
    message::CertificateStatus,
    testing::{Rng, round_trips},
};

macro_rules! extension {
    ($name:ident, $type:ident, |$rng:ident| $make:expr) => {
        round_trips! { $name, <$type as Extension>::decode, Extension::encode, |$rng| $make }
    };
}

/// An extension that is one list of `$element`s.
macro_rules! list {
    ($name:ident, $type:ident { $field:ident }, |$rng:ident| $element:expr) => {
        extension!($name, $type, |rng| $type { $field: rng.list(1, |$rng| $element) });
    };
}

list!(alpn, ProtocolNameList { protocol_name_list }, |rng| ProtocolName(rng.bytes(1, 255)));
list!(authorities, CertificateAuthorities { authorities }, |rng| DistinguishedName(rng.bytes(1, 99)));
list!(client_types, ClientCertificateTypes { client_certificate_types }, |rng| rng.u8().into());
list!(server_types, ServerCertificateTypes { server_certificate_types }, |rng| rng.u8().into());
list!(compress_certificate, CompressCertificate { algorithms }, |rng| rng.u16().into());
list!(ec_point_formats, EcPointFormats { ec_point_format_list }, |rng| rng.u8().into());
list!(psk_key_exchange_modes, PskKeyExchangeModes { ke_modes }, |rng| rng.u8().into());
list!(signature_algorithms, SignatureAlgorithms { supported_signature_algorithms }, |rng| rng.u16().into());
list!(signature_algorithms_cert, SignatureAlgorithmsCert { supported_signature_algorithms }, |rng| rng
    .u16()
    .into());
list!(timestamps, SignedCertificateTimestampList { sct_list }, |rng| SerializedSct(rng.bytes(1, 120)));
list!(supported_groups, SupportedGroups { named_group_list }, |rng| rng.u16().into());
list!(supported_versions, SupportedVersionsClientHello { versions }, |rng| rng.u16().into());

extension!(alpn_selected, SelectedProtocolName, |rng| SelectedProtocolName {
    protocol_name: ProtocolName(rng.bytes(1, 255))
});
extension!(client_type, SelectedClientCertificateType, |rng| SelectedClientCertificateType {
    client_certificate_type: rng.u8().into()
});
extension!(server_type, SelectedServerCertificateType, |rng| SelectedServerCertificateType {
    server_certificate_type: rng.u8().into()
});
extension!(cookie, Cookie, |rng| Cookie { cookie: rng.bytes(1, 300) });
extension!(early_data, EarlyData, |_rng| EarlyData);
extension!(early_data_size, EarlyDataNewSessionTicket, |rng| EarlyDataNewSessionTicket {
    max_early_data_size: rng.u32()
});
extension!(encrypt_then_mac, EncryptThenMac, |_rng| EncryptThenMac);
extension!(encrypted_client_hello, EncryptedClientHello, |rng| EncryptedClientHello {
    payload: rng.bytes(0, 300)
});
extension!(extended_master_secret, ExtendedMasterSecret, |_rng| ExtendedMasterSecret);
extension!(key_share_client, KeyShareClientHello, |rng| KeyShareClientHello {
    client_shares: rng.list(0, share)
});
extension!(key_share_server, KeyShareServerHello, |rng| KeyShareServerHello { server_share: share(rng) });
extension!(key_share_retry, KeyShareHelloRetryRequest, |rng| KeyShareHelloRetryRequest {
    selected_group: rng.u16().into()
});
extension!(max_fragment_length, MaxFragmentLength, |rng| {
    MaxFragmentLength::from_bytes(512 << rng.within(0, 3)).unwrap()
});
extension!(oid_filters, OidFilters, |rng| OidFilters {
    filters: rng.list(0, |rng| OidFilter {
        certificate_extension_oid: rng.bytes(1, 20),
        certificate_extension_values: rng.bytes(0, 40)
    })
});
extension!(padding, Padding, |rng| Padding { len: rng.within(0, 300) });
extension!(post_handshake_auth, PostHandshakeAuth, |_rng| PostHandshakeAuth);
extension!(pre_shared_key_client, PreSharedKeyClientHello, |rng| PreSharedKeyClientHello {
    identities: rng
        .list(1, |rng| PskIdentity { identity: rng.bytes(1, 200), obfuscated_ticket_age: rng.u32() }),
    binders: rng.list(1, |rng| PskBinderEntry(rng.bytes(32, 255))),
});
extension!(pre_shared_key_server, PreSharedKeyServerHello, |rng| PreSharedKeyServerHello {
    selected_identity: rng.u16()
});
extension!(record_size_limit, RecordSizeLimit, |rng| RecordSizeLimit { record_size_limit: rng.u16() });
extension!(renegotiation_info, RenegotiationInfo, |rng| RenegotiationInfo {
    renegotiated_connection: rng.bytes(0, 24)
});
extension!(server_name, ServerName, |rng| ServerName { host_name: rng.bytes(1, 253) });
extension!(server_name_answer, ServerNameAcknowledged, |_rng| ServerNameAcknowledged);
extension!(session_ticket, SessionTicket, |rng| SessionTicket { ticket: rng.bytes(0, 300) });
extension!(session_ticket_answer, SessionTicketServerHello, |_rng| SessionTicketServerHello);
extension!(timestamp_request, SignedCertificateTimestampRequest, |_rng| SignedCertificateTimestampRequest);
extension!(status_request, CertificateStatusRequest, |rng| match rng.u8() {
    1 | 128.. => CertificateStatusRequest::Ocsp {
        responder_id_list: rng.list(0, |rng| ResponderId(rng.bytes(1, 30))),
        request_extensions: rng.bytes(0, 30),
    },
    status_type => CertificateStatusRequest::Other { status_type, request: rng.bytes(0, 30) },
});
extension!(status_request_empty, StatusRequestEmpty, |_rng| StatusRequestEmpty);
extension!(status, CertificateStatus, |rng| CertificateStatus { ocsp_response: rng.bytes(1, 300) });
extension!(supported_version, SupportedVersionsServerHello, |rng| SupportedVersionsServerHello {
    selected_version: rng.u16().into()
});
extension!(ticket_request, TicketRequestClientHello, |rng| TicketRequestClientHello {
    new_session_count: rng.u8(),
    resumption_count: rng.u8(),
});
extension!(ticket_request_answer, TicketRequestEncryptedExtensions, |rng| {
    TicketRequestEncryptedExtensions { expected_count: rng.u8() }
});

fn share(rng: &mut Rng) -> KeyShareEntry<'static> {
    KeyShareEntry { group: rng.u16().into(), key_exchange: rng.bytes(1, 1216) }
}

fn problem<'a, E: Extension<'a>>(data: &'a [u8]) -> Option<Problem> {
    E::decode(data).err().map(|error| error.problem)
}

#[test]
fn what_the_rfcs_want_at_least_one_of() {
    let bad = Some(Problem::BadLength);
    assert_eq!(problem::<ProtocolNameList<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<ProtocolNameList<'_>>(&[0, 1, 0]), bad);
    assert_eq!(problem::<ProtocolNameList<'_>>(&[0, 4, 2, b'h', b'2', 0]), bad);
    assert_eq!(problem::<SelectedProtocolName<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<CertificateAuthorities<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<ClientCertificateTypes<'_>>(&[0]), bad);
    assert_eq!(problem::<ServerCertificateTypes<'_>>(&[0]), bad);
    assert_eq!(problem::<CompressCertificate<'_>>(&[0]), bad);
    assert_eq!(problem::<Cookie<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<EcPointFormats<'_>>(&[0]), bad);
    assert_eq!(problem::<KeyShareClientHello<'_>>(&[0, 4, 0, 0x1d, 0, 0]), bad);
    assert_eq!(problem::<KeyShareServerHello<'_>>(&[0, 0x1d, 0, 0]), bad);
    assert_eq!(problem::<OidFilters<'_>>(&[0, 3, 0, 0, 0]), bad);
    assert_eq!(problem::<PskKeyExchangeModes<'_>>(&[0]), bad);
    assert_eq!(problem::<ServerName<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<ServerName<'_>>(&[0, 3, 0, 0, 0]), bad);
    assert_eq!(problem::<SignatureAlgorithms<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<SignatureAlgorithmsCert<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<SignedCertificateTimestampList<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<SignedCertificateTimestampList<'_>>(&[0, 2, 0, 0]), bad);
    assert_eq!(problem::<SupportedGroups<'_>>(&[0, 0]), bad);
    assert_eq!(problem::<SupportedVersionsClientHello<'_>>(&[0]), bad);
    // A list of shares may be empty: it asks for a HelloRetryRequest.
    assert_eq!(problem::<KeyShareClientHello<'_>>(&[0, 0]), None);
}

#[test]
fn odd_lists_of_code_points_are_refused() {
    let truncated = Some(Problem::Truncated);
    assert_eq!(problem::<SupportedGroups<'_>>(&[0, 3, 0, 0x1d, 0]), truncated);
    assert_eq!(problem::<SignatureAlgorithms<'_>>(&[0, 1, 4]), truncated);
    assert_eq!(problem::<SupportedVersionsClientHello<'_>>(&[3, 3, 4, 3]), truncated);
    assert_eq!(problem::<CompressCertificate<'_>>(&[1, 0]), truncated);
}

#[test]
fn the_server_chooses_one_protocol() {
    assert_eq!(problem::<SelectedProtocolName<'_>>(&[0, 3, 2, b'h', b'2']), None);
    let two = [0, 6, 2, b'h', b'2', 2, b'h', b'3'];
    assert_eq!(problem::<SelectedProtocolName<'_>>(&two), Some(Problem::Trailing));
    assert_eq!(problem::<ProtocolNameList<'_>>(&two), None);
}

#[test]
fn a_client_names_one_host() {
    assert_eq!(ServerName::decode(&[0, 4, 0, 0, 1, b'a']), Ok(ServerName { host_name: b"a" }));
    let twice = [0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b'];
    assert_eq!(problem::<ServerName<'_>>(&twice), Some(Problem::Duplicate));
    let other = [0, 8, 0, 0, 1, b'a', 1, 0, 1, b'b'];
    assert_eq!(problem::<ServerName<'_>>(&other), Some(Problem::Illegal));
    assert_eq!(problem::<ServerName<'_>>(&[0, 4, 1, 0, 1, b'a']), Some(Problem::Illegal));
    assert_eq!(problem::<ServerName<'_>>(&[0, 5, 0, 0, 1, b'a', 0]), Some(Problem::Truncated));
    assert_eq!(problem::<ServerNameAcknowledged>(&[0, 0]), Some(Problem::Trailing));
}

#[test]
fn fragment_lengths() {
    for (code, bytes) in [(1, 512), (2, 1024), (3, 2048), (4, 4096)] {
        assert_eq!(MaxFragmentLength::decode(&[code]).map(MaxFragmentLength::bytes), Ok(bytes));
    }
    assert_eq!(problem::<MaxFragmentLength>(&[0]), Some(Problem::Illegal));
    assert_eq!(problem::<MaxFragmentLength>(&[5]), Some(Problem::Illegal));
    assert_eq!(MaxFragmentLength::from_bytes(8192), None);
}

#[test]
fn padding_is_zeros() {
    assert_eq!(problem::<Padding>(&[0, 1, 0]), Some(Problem::Illegal));
}

#[test]
fn binders_end_the_hello() {
    let (identity, binder) = ([7; 5], [9; 48]);
    let identities = [PskIdentity { identity: &identity, obfuscated_ticket_age: 0x0102_0304 }; 2];
    let binders = [PskBinderEntry(&binder[..32]), PskBinderEntry(&binder)];
    let offer =
        PreSharedKeyClientHello { identities: List::from(&identities), binders: List::from(&binders) };
    let mut data = Vec::new();
    offer.encode(&mut data);
    assert_eq!(offer.binders_len(), 2 + 33 + 49);
    assert_eq!(data.len() - offer.binders_len(), 2 + 2 * (2 + 5 + 4));
    assert_eq!(data[data.len() - offer.binders_len()..][..3], [0, 82, 32]);

    let short = [0, 7, 0, 1, 1, 0, 0, 0, 0, 0, 32, 31].into_iter().chain([0; 31]).collect::<Vec<u8>>();
    assert_eq!(problem::<PreSharedKeyClientHello<'_>>(&short), Some(Problem::BadLength));
    let nameless = [0, 6, 0, 0, 0, 0, 0, 0, 0, 33, 32].into_iter().chain([0; 32]).collect::<Vec<u8>>();
    assert_eq!(problem::<PreSharedKeyClientHello<'_>>(&nameless), Some(Problem::BadLength));
}

#[test]
fn a_pushed_extension_has_type_and_length() {
    let mut out = Vec::new();
    push(&mut out, &EcPointFormats { ec_point_format_list: List::from(&[EcPointFormat::uncompressed]) });
    push(&mut out, &KeyShareHelloRetryRequest { selected_group: NamedGroup::x25519 });
    assert_eq!(out, [0, 11, 0, 2, 1, 0, 0, 51, 0, 2, 0, 0x1d]);
}
