//! Every message, round and round; and the messages of RFC 8448.
use super::*;
use crate::wire::{
    DecodeError, List, Problem, ProtocolVersion, SignatureScheme,
    extension::*,
    testing::{Rng, hex, round_trips},
    *,
};

macro_rules! message {
    ($name:ident, $type:ident, |$rng:ident| $make:expr) => {
        round_trips! { $name, $type::decode, Body::encode, |$rng| $make }
    };
}

message!(client_hello, ClientHello, |rng| ClientHello {
    legacy_version: rng.u16().into(),
    random: rng.array(),
    session_id: rng.bytes(0, 32),
    cipher_suites: rng.list(1, |rng| rng.u16().into()),
    compression_methods: rng.bytes(1, 3),
    extensions: rng.extensions(),
});
message!(client_hello_without_extensions, ClientHello, |rng| ClientHello {
    legacy_version: rng.u16().into(),
    random: rng.array(),
    session_id: rng.bytes(0, 32),
    cipher_suites: rng.list(1, |rng| rng.u16().into()),
    compression_methods: rng.bytes(1, 3),
    extensions: Extensions::ABSENT,
});
message!(server_hello, ServerHello, |rng| ServerHello {
    legacy_version: rng.u16().into(),
    random: rng.array(),
    session_id: rng.bytes(0, 32),
    cipher_suite: rng.u16().into(),
    compression_method: rng.u8(),
    extensions: rng.extensions(),
});
message!(encrypted_extensions, EncryptedExtensions, |rng| EncryptedExtensions {
    extensions: rng.extensions()
});
message!(certificate12, Certificate12, |rng| Certificate12 {
    certificate_list: rng.list(0, |rng| Asn1Cert(rng.bytes(1, 400)))
});
message!(raw_public_key12, RawPublicKey12, |rng| RawPublicKey12 {
    subject_public_key_info: rng.bytes(1, 400)
});
message!(certificate13, Certificate13, |rng| Certificate13 {
    certificate_request_context: rng.bytes(0, 255),
    certificate_list: rng
        .list(0, |rng| CertificateEntry { data: rng.bytes(1, 400), extensions: rng.extensions() }),
});
message!(certificate_request12, CertificateRequest12, |rng| CertificateRequest12 {
    certificate_types: rng.list(1, |rng| rng.u8().into()),
    supported_signature_algorithms: rng.list(1, |rng| rng.u16().into()),
    certificate_authorities: rng.list(0, |rng| DistinguishedName(rng.bytes(1, 40))),
});
message!(certificate_request13, CertificateRequest13, |rng| CertificateRequest13 {
    certificate_request_context: rng.bytes(0, 255),
    extensions: rng.extensions(),
});
message!(certificate_status, CertificateStatus, |rng| CertificateStatus { ocsp_response: rng.bytes(1, 300) });
message!(certificate_verify, CertificateVerify, |rng| CertificateVerify {
    scheme: rng.u16().into(),
    signature: rng.bytes(0, 300),
});
message!(finished, Finished, |rng| Finished { verify_data: rng.bytes(0, 48) });
message!(new_session_ticket12, NewSessionTicket12, |rng| NewSessionTicket12 {
    lifetime_hint: rng.u32(),
    ticket: rng.bytes(0, 300),
});
message!(new_session_ticket13, NewSessionTicket13, |rng| NewSessionTicket13 {
    ticket_lifetime: rng.u32(),
    ticket_age_add: rng.u32(),
    ticket_nonce: rng.bytes(0, 255),
    ticket: rng.bytes(1, 300),
    extensions: rng.extensions(),
});
message!(key_update, KeyUpdate, |rng| KeyUpdate { request_update: rng.u8().into() });
message!(end_of_early_data, EndOfEarlyData, |_rng| EndOfEarlyData);
message!(compressed_certificate, CompressedCertificate, |rng| CompressedCertificate {
    algorithm: rng.u16().into(),
    uncompressed_length: rng.u32() >> 8,
    compressed_certificate_message: rng.bytes(1, 300),
});

macro_rules! server_key_exchange {
    ($name:ident, $psk_hint:literal, $params:ident, $signed:literal, |$rng:ident| $make:expr) => {
        round_trips! {
            $name,
            |body| {
                let shape = ServerKeyExchangeShape { psk_hint: $psk_hint, params: ParamsShape::$params, signed: $signed };
                ServerKeyExchange::decode(body, shape)
            },
            Body::encode,
            |$rng| ServerKeyExchange {
                psk_identity_hint: $psk_hint.then(|| $rng.bytes(0, 40)),
                params: $make,
                signed: $signed.then(|| Signed { scheme: $rng.u16().into(), signature: $rng.bytes(0, 256) }),
            }
        }
    };
}

fn ecdhe(rng: &mut Rng) -> Params<'static> {
    Params::Ecdhe(EcdheParams { group: rng.u16().into(), public: rng.bytes(1, 133) })
}

fn dhe(rng: &mut Rng) -> Params<'static> {
    Params::Dhe(DheParams { p: rng.bytes(1, 256), g: rng.bytes(1, 2), ys: rng.bytes(1, 256) })
}

server_key_exchange!(server_key_exchange_ecdhe, false, Ec, true, |rng| Some(ecdhe(rng)));
server_key_exchange!(server_key_exchange_ecdh_anon, false, Ec, false, |rng| Some(ecdhe(rng)));
server_key_exchange!(server_key_exchange_ecdhe_psk, true, Ec, false, |rng| Some(ecdhe(rng)));
server_key_exchange!(server_key_exchange_dhe, false, Dh, true, |rng| Some(dhe(rng)));
server_key_exchange!(server_key_exchange_dhe_psk, true, Dh, false, |rng| Some(dhe(rng)));
server_key_exchange!(server_key_exchange_psk, true, None, false, |_rng| None);

macro_rules! client_key_exchange {
    ($name:ident, $psk:literal, $keys:ident, |$rng:ident| $make:expr) => {
        round_trips! {
            $name,
            |body| ClientKeyExchange::decode(body, ClientKeyExchangeShape { psk: $psk, keys: KeysShape::$keys }),
            Body::encode,
            |$rng| ClientKeyExchange {
                psk_identity: $psk.then(|| $rng.bytes(0, 40)),
                exchange_keys: $make,
            }
        }
    };
}

client_key_exchange!(client_key_exchange_rsa, false, Rsa, |rng| Some(ExchangeKeys::Rsa(rng.bytes(0, 256))));
client_key_exchange!(client_key_exchange_dh, false, Dh, |rng| Some(ExchangeKeys::Dh(rng.bytes(1, 256))));
client_key_exchange!(client_key_exchange_ec, false, Ec, |rng| Some(ExchangeKeys::Ec(rng.bytes(1, 133))));
client_key_exchange!(client_key_exchange_psk, true, None, |_rng| None);
client_key_exchange!(client_key_exchange_rsa_psk, true, Rsa, |rng| Some(ExchangeKeys::Rsa(
    rng.bytes(0, 256)
)));
client_key_exchange!(client_key_exchange_dhe_psk, true, Dh, |rng| Some(ExchangeKeys::Dh(rng.bytes(1, 256))));
client_key_exchange!(client_key_exchange_ecdhe_psk, true, Ec, |rng| Some(ExchangeKeys::Ec(
    rng.bytes(1, 133)
)));

/// RFC 8448 section 3, "Simple 1-RTT Handshake".
mod rfc8448 {
    pub(super) const CLIENT_HELLO: &str = "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c00024001";
    pub(super) const SERVER_HELLO: &str = "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";
    pub(super) const ENCRYPTED_EXTENSIONS: &str =
        "080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000";
    pub(super) const CERTIFICATE: &str = "0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a06035504031303727361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06092a864886f70d010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530ef0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d1304023000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c5f8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000";
    pub(super) const CERTIFICATE_VERIFY: &str = "0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409d3be152a3da5043e063dda65cdf5aea20d53dfacd42f74f3";
    pub(super) const FINISHED: &str =
        "140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718";
}

fn again<B: Body>(body: &B) -> Vec<u8> {
    let mut out = Vec::new();
    handshake::encode(body, &mut out);
    out
}

#[test]
fn client_hello_of_rfc_8448() {
    let bytes = hex(rfc8448::CLIENT_HELLO);
    let (msg_type, body) = handshake::decode(&bytes).unwrap();
    assert_eq!(msg_type, HandshakeType::CLIENT_HELLO);
    let hello = ClientHello::decode(body).unwrap();
    assert_eq!(hello.legacy_version, ProtocolVersion::TLS_1_2);
    assert_eq!((hello.random[0], hello.session_id), (0xcb, &[][..]));
    assert_eq!(hello.cipher_suites, List::from(&[0x1301, 0x1303, 0x1302].map(CipherSuite)));
    assert_eq!(hello.compression_methods, [0]);
    let extensions = hello.extensions;
    assert_eq!(extensions.iter().count(), 9);
    assert_eq!(extensions.last(), Some(ExtensionType::RECORD_SIZE_LIMIT));
    assert_eq!(extensions.get(), Ok(Some(ServerName { host_name: b"server" })));
    assert_eq!(extensions.get(), Ok(Some(RenegotiationInfo { renegotiated_connection: &[] })));
    assert_eq!(extensions.get(), Ok(Some(SessionTicket { ticket: &[] })));
    assert_eq!(extensions.get(), Ok(Some(RecordSizeLimit { record_size_limit: 0x4001 })));
    assert_eq!(extensions.get::<Cookie<'_>>(), Ok(None));
    let groups: SupportedGroups<'_> = extensions.get().unwrap().unwrap();
    assert_eq!(
        (groups.named_group_list.len(), groups.named_group_list.first()),
        (9, Some(NamedGroup::x25519))
    );
    let shares: KeyShareClientHello<'_> = extensions.get().unwrap().unwrap();
    let share = shares.client_shares.first().unwrap();
    assert_eq!((shares.client_shares.len(), share.group), (1, NamedGroup::x25519));
    assert_eq!((share.key_exchange.len(), share.key_exchange[0]), (32, 0x99));
    let versions = List::from(&[ProtocolVersion::TLS_1_3]);
    assert_eq!(extensions.get(), Ok(Some(SupportedVersionsClientHello { versions })));
    let ke_modes = List::from(&[PskKeyExchangeMode::psk_dhe_ke]);
    assert_eq!(extensions.get(), Ok(Some(PskKeyExchangeModes { ke_modes })));
    let signatures: SignatureAlgorithms<'_> = extensions.get().unwrap().unwrap();
    assert_eq!(signatures.supported_signature_algorithms.len(), 15);
    assert!(signatures.supported_signature_algorithms.contains(SignatureScheme::rsa_pss_rsae_sha512));
    assert_eq!(again(&hello), bytes);
}

#[test]
fn server_messages_of_rfc_8448() {
    let bytes = hex(rfc8448::SERVER_HELLO);
    let hello = ServerHello::decode(&bytes[4..]).unwrap();
    assert_eq!((hello.cipher_suite, hello.compression_method), (CipherSuite(0x1301), 0));
    assert!(!hello.is_hello_retry_request() && !hello.bears(&DOWNGRADE_TLS12));
    let selected_version = ProtocolVersion::TLS_1_3;
    assert_eq!(hello.extensions.get(), Ok(Some(SupportedVersionsServerHello { selected_version })));
    let share: KeyShareServerHello<'_> = hello.extensions.get().unwrap().unwrap();
    assert_eq!((share.server_share.group, share.server_share.key_exchange[0]), (NamedGroup::x25519, 0xc9));
    assert_eq!(again(&hello), bytes);

    let bytes = hex(rfc8448::ENCRYPTED_EXTENSIONS);
    let answers = EncryptedExtensions::decode(&bytes[4..]).unwrap();
    assert_eq!(answers.extensions.get(), Ok(Some(ServerNameAcknowledged)));
    assert!(answers.extensions.iter().all(|(own, _)| allowed_in(own, Place::EncryptedExtensions)));
    assert_eq!(again(&answers), bytes);

    let bytes = hex(rfc8448::CERTIFICATE);
    let certificate = Certificate13::decode(&bytes[4..]).unwrap();
    let entry = certificate.certificate_list.first().unwrap();
    assert_eq!((certificate.certificate_list.len(), entry.data.len()), (1, 432));
    assert_eq!(entry.extensions, Extensions::from_encoded(&[]));
    assert_eq!(again(&certificate), bytes);

    let bytes = hex(rfc8448::CERTIFICATE_VERIFY);
    let verify = CertificateVerify::decode(&bytes[4..]).unwrap();
    assert_eq!((verify.scheme, verify.signature.len()), (SignatureScheme::rsa_pss_rsae_sha256, 128));
    assert_eq!(again(&verify), bytes);

    let bytes = hex(rfc8448::FINISHED);
    let finished = Finished::decode(&bytes[4..]).unwrap();
    assert_eq!(finished.verify_data.len(), 32);
    assert_eq!(again(&finished), bytes);
}

#[test]
fn hello_retry_request_is_known_by_its_random() {
    let mut random = HELLO_RETRY_REQUEST_RANDOM;
    let mut body = Vec::new();
    for expected in [true, false] {
        body.clear();
        ServerHello {
            legacy_version: ProtocolVersion::TLS_1_2,
            random: &random,
            session_id: &[],
            cipher_suite: CipherSuite(0x1301),
            compression_method: 0,
            extensions: Extensions::from_encoded(&[]),
        }
        .encode(&mut body);
        assert_eq!(ServerHello::decode(&body).unwrap().is_hello_retry_request(), expected);
        random[24..].copy_from_slice(&DOWNGRADE_TLS11);
    }
    let hello = ServerHello::decode(&body).unwrap();
    assert!(hello.bears(&DOWNGRADE_TLS11) && !hello.bears(&DOWNGRADE_TLS12));
}

fn problem<T>(result: Result<T, DecodeError>) -> Option<Problem> {
    result.err().map(|error| error.problem)
}

#[test]
fn lengths_outside_the_rfc_are_refused() {
    let hello = |session_id: usize, suites: &[u8], methods: &[u8]| {
        let mut body = vec![3; 34];
        codec::put_vec8(&mut body, &vec![7; session_id]);
        codec::put_vec16(&mut body, suites);
        codec::put_vec8(&mut body, methods);
        problem(ClientHello::decode(&body))
    };
    assert_eq!(hello(32, &[0x13, 1], &[0]), None);
    assert_eq!(hello(33, &[0x13, 1], &[0]), Some(Problem::BadLength));
    assert_eq!(hello(0, &[], &[0]), Some(Problem::BadLength));
    assert_eq!(hello(0, &[0x13, 1, 0x13], &[0]), Some(Problem::Truncated));
    assert_eq!(hello(0, &[0x13, 1], &[]), Some(Problem::BadLength));
    assert_eq!(problem(Certificate12::decode(&[0, 0, 0])), None);
    assert_eq!(problem(Certificate12::decode(&[0, 0, 3, 0, 0, 0])), Some(Problem::BadLength));
    assert_eq!(problem(Certificate13::decode(&[0, 0, 0, 5, 0, 0, 0, 0, 0])), Some(Problem::BadLength));
    assert_eq!(problem(CertificateRequest12::decode(&[0, 0, 2, 4, 1, 0, 0])), Some(Problem::BadLength));
    assert_eq!(problem(CertificateRequest12::decode(&[1, 1, 0, 0, 0, 0])), Some(Problem::BadLength));
    assert_eq!(problem(EncryptedExtensions::decode(&[])), Some(Problem::Truncated));
    assert_eq!(problem(ServerHelloDone::decode(&[0])), Some(Problem::Trailing));
    assert_eq!(problem(KeyUpdate::decode(&[0, 0])), Some(Problem::Trailing));
    assert_eq!(problem(KeyUpdate::decode(&[])), Some(Problem::Truncated));
    let empty_ticket = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    assert_eq!(problem(NewSessionTicket13::decode(&empty_ticket)), Some(Problem::BadLength));
    assert_eq!(problem(CertificateStatus::decode(&[2, 0, 0, 1, 0])), Some(Problem::Illegal));
    assert_eq!(problem(handshake::decode(&[20, 0, 0, 1])), Some(Problem::Truncated));
    assert_eq!(problem(handshake::decode(&[20, 0, 0, 0, 0])), Some(Problem::Trailing));
}

#[test]
fn explicit_curves_are_refused() {
    let shape = ServerKeyExchangeShape { psk_hint: false, params: ParamsShape::Ec, signed: false };
    assert_eq!(problem(ServerKeyExchange::decode(&[3, 0, 0x1d, 1, 9], shape)), None);
    for curve_type in [1, 2, 4] {
        let body = [curve_type, 0, 0x1d, 1, 9];
        assert_eq!(problem(ServerKeyExchange::decode(&body, shape)), Some(Problem::Illegal));
    }
    assert_eq!(problem(ServerKeyExchange::decode(&[3, 0, 0x1d, 0], shape)), Some(Problem::BadLength));
}
