//! The registries of code points that TLS uses, each a number that keeps values it does not know.
#![allow(non_upper_case_globals, reason = "the constants bear the names that the RFCs give them")]
use super::{
    codec::{DecodeError, Reader},
    list::Element,
};
use std::fmt;

macro_rules! registry {
    ($(#[$doc:meta])* $type:ident($int:ident) { $($name:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $int);

        impl $type {
            $(
                #[doc = concat!("`", $text, "` (", stringify!($value), ").")]
                pub const $name: Self = Self($value);
            )*

            /// Every value that this library has a name for.
            pub const KNOWN: &[Self] = &[$(Self($value)),*];

            /// The RFC's name, if this library knows the value.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::KNOWN.iter().copied().find(|known| known.name().is_some_and(|own| own.eq_ignore_ascii_case(name)))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => f.pad(&format!("{:#06x}", self.0)),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$int> for $type {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }

        impl Element<'_> for $type {
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.$int().map(Self)
            }

            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
        }
    };
}

registry! {
    /// A version of the protocol (RFC 9846 section 4.2.1).
    ProtocolVersion(u16) {
        SSL_3_0 = 0x0300, "SSL 3.0";
        TLS_1_0 = 0x0301, "TLS 1.0";
        TLS_1_1 = 0x0302, "TLS 1.1";
        TLS_1_2 = 0x0303, "TLS 1.2";
        TLS_1_3 = 0x0304, "TLS 1.3";
    }
}

registry! {
    /// The type of a record (RFC 9846 section 5.1).
    ContentType(u8) {
        CHANGE_CIPHER_SPEC = 20, "change_cipher_spec";
        ALERT = 21, "alert";
        HANDSHAKE = 22, "handshake";
        APPLICATION_DATA = 23, "application_data";
    }
}

registry! {
    /// The type of a handshake message (RFC 9846 section 4, RFC 5246 section 7.4).
    HandshakeType(u8) {
        HELLO_REQUEST = 0, "HelloRequest";
        CLIENT_HELLO = 1, "ClientHello";
        SERVER_HELLO = 2, "ServerHello";
        NEW_SESSION_TICKET = 4, "NewSessionTicket";
        END_OF_EARLY_DATA = 5, "EndOfEarlyData";
        ENCRYPTED_EXTENSIONS = 8, "EncryptedExtensions";
        CERTIFICATE = 11, "Certificate";
        SERVER_KEY_EXCHANGE = 12, "ServerKeyExchange";
        CERTIFICATE_REQUEST = 13, "CertificateRequest";
        SERVER_HELLO_DONE = 14, "ServerHelloDone";
        CERTIFICATE_VERIFY = 15, "CertificateVerify";
        CLIENT_KEY_EXCHANGE = 16, "ClientKeyExchange";
        FINISHED = 20, "Finished";
        CERTIFICATE_STATUS = 22, "CertificateStatus";
        KEY_UPDATE = 24, "KeyUpdate";
        COMPRESSED_CERTIFICATE = 25, "CompressedCertificate";
        MESSAGE_HASH = 254, "message_hash";
    }
}

registry! {
    /// The type of an extension (RFC 9846 section 4.2).
    ExtensionType(u16) {
        SERVER_NAME = 0x0000, "server_name";
        MAX_FRAGMENT_LENGTH = 0x0001, "max_fragment_length";
        STATUS_REQUEST = 0x0005, "status_request";
        SUPPORTED_GROUPS = 0x000a, "supported_groups";
        EC_POINT_FORMATS = 0x000b, "ec_point_formats";
        SIGNATURE_ALGORITHMS = 0x000d, "signature_algorithms";
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 0x0010, "application_layer_protocol_negotiation";
        SIGNED_CERTIFICATE_TIMESTAMP = 0x0012, "signed_certificate_timestamp";
        CLIENT_CERTIFICATE_TYPE = 0x0013, "client_certificate_type";
        SERVER_CERTIFICATE_TYPE = 0x0014, "server_certificate_type";
        PADDING = 0x0015, "padding";
        ENCRYPT_THEN_MAC = 0x0016, "encrypt_then_mac";
        EXTENDED_MASTER_SECRET = 0x0017, "extended_master_secret";
        COMPRESS_CERTIFICATE = 0x001b, "compress_certificate";
        RECORD_SIZE_LIMIT = 0x001c, "record_size_limit";
        SESSION_TICKET = 0x0023, "session_ticket";
        PRE_SHARED_KEY = 0x0029, "pre_shared_key";
        EARLY_DATA = 0x002a, "early_data";
        SUPPORTED_VERSIONS = 0x002b, "supported_versions";
        COOKIE = 0x002c, "cookie";
        PSK_KEY_EXCHANGE_MODES = 0x002d, "psk_key_exchange_modes";
        CERTIFICATE_AUTHORITIES = 0x002f, "certificate_authorities";
        OID_FILTERS = 0x0030, "oid_filters";
        POST_HANDSHAKE_AUTH = 0x0031, "post_handshake_auth";
        SIGNATURE_ALGORITHMS_CERT = 0x0032, "signature_algorithms_cert";
        KEY_SHARE = 0x0033, "key_share";
        TICKET_REQUEST = 0x003a, "ticket_request";
        ENCRYPTED_CLIENT_HELLO = 0xfe0d, "encrypted_client_hello";
        RENEGOTIATION_INFO = 0xff01, "renegotiation_info";
    }
}

registry! {
    /// A group for key exchange (RFC 9846 section 4.2.7, RFC 7919, RFC 8422, draft-ietf-tls-ecdhe-mlkem).
    NamedGroup(u16) {
        secp256r1 = 0x0017, "secp256r1";
        secp384r1 = 0x0018, "secp384r1";
        secp521r1 = 0x0019, "secp521r1";
        x25519 = 0x001d, "x25519";
        x448 = 0x001e, "x448";
        ffdhe2048 = 0x0100, "ffdhe2048";
        ffdhe3072 = 0x0101, "ffdhe3072";
        ffdhe4096 = 0x0102, "ffdhe4096";
        ffdhe6144 = 0x0103, "ffdhe6144";
        ffdhe8192 = 0x0104, "ffdhe8192";
        MLKEM512 = 0x0200, "MLKEM512";
        MLKEM768 = 0x0201, "MLKEM768";
        MLKEM1024 = 0x0202, "MLKEM1024";
        SecP256r1MLKEM768 = 0x11eb, "SecP256r1MLKEM768";
        X25519MLKEM768 = 0x11ec, "X25519MLKEM768";
        SecP384r1MLKEM1024 = 0x11ed, "SecP384r1MLKEM1024";
    }
}

registry! {
    /// A signature algorithm (RFC 9846 section 4.2.3).
    SignatureScheme(u16) {
        rsa_pkcs1_sha1 = 0x0201, "rsa_pkcs1_sha1";
        ecdsa_sha1 = 0x0203, "ecdsa_sha1";
        rsa_pkcs1_sha256 = 0x0401, "rsa_pkcs1_sha256";
        rsa_pkcs1_sha384 = 0x0501, "rsa_pkcs1_sha384";
        rsa_pkcs1_sha512 = 0x0601, "rsa_pkcs1_sha512";
        ecdsa_secp256r1_sha256 = 0x0403, "ecdsa_secp256r1_sha256";
        ecdsa_secp384r1_sha384 = 0x0503, "ecdsa_secp384r1_sha384";
        ecdsa_secp521r1_sha512 = 0x0603, "ecdsa_secp521r1_sha512";
        rsa_pss_rsae_sha256 = 0x0804, "rsa_pss_rsae_sha256";
        rsa_pss_rsae_sha384 = 0x0805, "rsa_pss_rsae_sha384";
        rsa_pss_rsae_sha512 = 0x0806, "rsa_pss_rsae_sha512";
        ed25519 = 0x0807, "ed25519";
        ed448 = 0x0808, "ed448";
        rsa_pss_pss_sha256 = 0x0809, "rsa_pss_pss_sha256";
        rsa_pss_pss_sha384 = 0x080a, "rsa_pss_pss_sha384";
        rsa_pss_pss_sha512 = 0x080b, "rsa_pss_pss_sha512";
        mldsa44 = 0x0904, "mldsa44";
        mldsa65 = 0x0905, "mldsa65";
        mldsa87 = 0x0906, "mldsa87";
    }
}

registry! {
    /// What an alert says (RFC 9846 section 6).
    AlertDescription(u8) {
        close_notify = 0, "close_notify";
        unexpected_message = 10, "unexpected_message";
        bad_record_mac = 20, "bad_record_mac";
        decryption_failed_RESERVED = 21, "decryption_failed_RESERVED";
        record_overflow = 22, "record_overflow";
        decompression_failure = 30, "decompression_failure";
        handshake_failure = 40, "handshake_failure";
        no_certificate_RESERVED = 41, "no_certificate_RESERVED";
        bad_certificate = 42, "bad_certificate";
        unsupported_certificate = 43, "unsupported_certificate";
        certificate_revoked = 44, "certificate_revoked";
        certificate_expired = 45, "certificate_expired";
        certificate_unknown = 46, "certificate_unknown";
        illegal_parameter = 47, "illegal_parameter";
        unknown_ca = 48, "unknown_ca";
        access_denied = 49, "access_denied";
        decode_error = 50, "decode_error";
        decrypt_error = 51, "decrypt_error";
        export_restriction_RESERVED = 60, "export_restriction_RESERVED";
        protocol_version = 70, "protocol_version";
        insufficient_security = 71, "insufficient_security";
        internal_error = 80, "internal_error";
        inappropriate_fallback = 86, "inappropriate_fallback";
        user_canceled = 90, "user_canceled";
        no_renegotiation = 100, "no_renegotiation";
        missing_extension = 109, "missing_extension";
        unsupported_extension = 110, "unsupported_extension";
        unrecognized_name = 112, "unrecognized_name";
        bad_certificate_status_response = 113, "bad_certificate_status_response";
        unknown_psk_identity = 115, "unknown_psk_identity";
        certificate_required = 116, "certificate_required";
        general_error = 117, "general_error";
        no_application_protocol = 120, "no_application_protocol";
        ech_required = 121, "ech_required";
    }
}

registry! {
    /// How grave an alert is (RFC 5246 section 7.2); without meaning in TLS 1.3.
    AlertLevel(u8) {
        warning = 1, "warning";
        fatal = 2, "fatal";
    }
}

registry! {
    /// How a pre-shared key is used (RFC 9846 section 4.2.9).
    PskKeyExchangeMode(u8) {
        psk_ke = 0, "psk_ke";
        psk_dhe_ke = 1, "psk_dhe_ke";
    }
}

registry! {
    /// What a Certificate message carries (RFC 7250).
    CertificateType(u8) {
        X509 = 0, "X509";
        RawPublicKey = 2, "RawPublicKey";
    }
}

registry! {
    /// How a certificate is compressed (RFC 8879).
    CertificateCompressionAlgorithm(u16) {
        zlib = 0x0001, "zlib";
        brotli = 0x0002, "brotli";
        zstd = 0x0003, "zstd";
    }
}

registry! {
    /// What kind of client certificate a TLS 1.2 server takes (RFC 5246 section 7.4.4).
    ClientCertificateType(u8) {
        rsa_sign = 1, "rsa_sign";
        dss_sign = 2, "dss_sign";
        rsa_fixed_dh = 3, "rsa_fixed_dh";
        dss_fixed_dh = 4, "dss_fixed_dh";
        ecdsa_sign = 64, "ecdsa_sign";
        rsa_fixed_ecdh = 65, "rsa_fixed_ecdh";
        ecdsa_fixed_ecdh = 66, "ecdsa_fixed_ecdh";
    }
}

registry! {
    /// How a point is written (RFC 8422 section 5.1.2).
    EcPointFormat(u8) {
        uncompressed = 0, "uncompressed";
    }
}

registry! {
    /// Whether a KeyUpdate wants one in return (RFC 9846 section 4.6.3).
    KeyUpdateRequest(u8) {
        update_not_requested = 0, "update_not_requested";
        update_requested = 1, "update_requested";
    }
}
registry! {
    /// A cipher suite (RFC 9846 section 4.1.2); `crate::suite` knows what each means. RC4 and 3DES stand here only
    /// because a diagnosis has to name what others offer.
    CipherSuite(u16) {
        TLS_RSA_WITH_RC4_128_MD5 = 0x0004, "TLS_RSA_WITH_RC4_128_MD5";
        TLS_RSA_WITH_RC4_128_SHA = 0x0005, "TLS_RSA_WITH_RC4_128_SHA";
        TLS_RSA_WITH_3DES_EDE_CBC_SHA = 0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA";
        TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA = 0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA";
        TLS_RSA_WITH_AES_128_CBC_SHA = 0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA";
        TLS_DH_RSA_WITH_AES_128_CBC_SHA = 0x0031, "TLS_DH_RSA_WITH_AES_128_CBC_SHA";
        TLS_DHE_RSA_WITH_AES_128_CBC_SHA = 0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA";
        TLS_DH_anon_WITH_AES_128_CBC_SHA = 0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA";
        TLS_RSA_WITH_AES_256_CBC_SHA = 0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA";
        TLS_DH_RSA_WITH_AES_256_CBC_SHA = 0x0037, "TLS_DH_RSA_WITH_AES_256_CBC_SHA";
        TLS_DHE_RSA_WITH_AES_256_CBC_SHA = 0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA";
        TLS_DH_anon_WITH_AES_256_CBC_SHA = 0x003a, "TLS_DH_anon_WITH_AES_256_CBC_SHA";
        TLS_RSA_WITH_AES_128_CBC_SHA256 = 0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256";
        TLS_RSA_WITH_AES_256_CBC_SHA256 = 0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256";
        TLS_DH_RSA_WITH_AES_128_CBC_SHA256 = 0x003f, "TLS_DH_RSA_WITH_AES_128_CBC_SHA256";
        TLS_DHE_RSA_WITH_AES_128_CBC_SHA256 = 0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256";
        TLS_DH_RSA_WITH_AES_256_CBC_SHA256 = 0x0069, "TLS_DH_RSA_WITH_AES_256_CBC_SHA256";
        TLS_DHE_RSA_WITH_AES_256_CBC_SHA256 = 0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256";
        TLS_DH_anon_WITH_AES_128_CBC_SHA256 = 0x006c, "TLS_DH_anon_WITH_AES_128_CBC_SHA256";
        TLS_DH_anon_WITH_AES_256_CBC_SHA256 = 0x006d, "TLS_DH_anon_WITH_AES_256_CBC_SHA256";
        TLS_PSK_WITH_AES_128_CBC_SHA = 0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA";
        TLS_PSK_WITH_AES_256_CBC_SHA = 0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA";
        TLS_DHE_PSK_WITH_AES_128_CBC_SHA = 0x0090, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA";
        TLS_DHE_PSK_WITH_AES_256_CBC_SHA = 0x0091, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA";
        TLS_RSA_PSK_WITH_AES_128_CBC_SHA = 0x0094, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA";
        TLS_RSA_PSK_WITH_AES_256_CBC_SHA = 0x0095, "TLS_RSA_PSK_WITH_AES_256_CBC_SHA";
        TLS_RSA_WITH_AES_128_GCM_SHA256 = 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256";
        TLS_RSA_WITH_AES_256_GCM_SHA384 = 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384";
        TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
        TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384";
        TLS_DH_RSA_WITH_AES_128_GCM_SHA256 = 0x00a0, "TLS_DH_RSA_WITH_AES_128_GCM_SHA256";
        TLS_DH_RSA_WITH_AES_256_GCM_SHA384 = 0x00a1, "TLS_DH_RSA_WITH_AES_256_GCM_SHA384";
        TLS_DH_anon_WITH_AES_128_GCM_SHA256 = 0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256";
        TLS_DH_anon_WITH_AES_256_GCM_SHA384 = 0x00a7, "TLS_DH_anon_WITH_AES_256_GCM_SHA384";
        TLS_PSK_WITH_AES_128_GCM_SHA256 = 0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256";
        TLS_PSK_WITH_AES_256_GCM_SHA384 = 0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384";
        TLS_DHE_PSK_WITH_AES_128_GCM_SHA256 = 0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256";
        TLS_DHE_PSK_WITH_AES_256_GCM_SHA384 = 0x00ab, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384";
        TLS_RSA_PSK_WITH_AES_128_GCM_SHA256 = 0x00ac, "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256";
        TLS_RSA_PSK_WITH_AES_256_GCM_SHA384 = 0x00ad, "TLS_RSA_PSK_WITH_AES_256_GCM_SHA384";
        TLS_PSK_WITH_AES_128_CBC_SHA256 = 0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256";
        TLS_PSK_WITH_AES_256_CBC_SHA384 = 0x00af, "TLS_PSK_WITH_AES_256_CBC_SHA384";
        TLS_DHE_PSK_WITH_AES_128_CBC_SHA256 = 0x00b2, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA256";
        TLS_DHE_PSK_WITH_AES_256_CBC_SHA384 = 0x00b3, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA384";
        TLS_RSA_PSK_WITH_AES_128_CBC_SHA256 = 0x00b6, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA256";
        TLS_RSA_PSK_WITH_AES_256_CBC_SHA384 = 0x00b7, "TLS_RSA_PSK_WITH_AES_256_CBC_SHA384";
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV";
        TLS_AES_128_GCM_SHA256 = 0x1301, "TLS_AES_128_GCM_SHA256";
        TLS_AES_256_GCM_SHA384 = 0x1302, "TLS_AES_256_GCM_SHA384";
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303, "TLS_CHACHA20_POLY1305_SHA256";
        TLS_AES_128_CCM_SHA256 = 0x1304, "TLS_AES_128_CCM_SHA256";
        TLS_AES_128_CCM_8_SHA256 = 0x1305, "TLS_AES_128_CCM_8_SHA256";
        TLS_FALLBACK_SCSV = 0x5600, "TLS_FALLBACK_SCSV";
        TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA = 0xc004, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA";
        TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA = 0xc005, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA";
        TLS_ECDHE_ECDSA_WITH_RC4_128_SHA = 0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA";
        TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA = 0xc008, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA";
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA";
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA";
        TLS_ECDH_RSA_WITH_AES_128_CBC_SHA = 0xc00e, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA";
        TLS_ECDH_RSA_WITH_AES_256_CBC_SHA = 0xc00f, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA";
        TLS_ECDHE_RSA_WITH_RC4_128_SHA = 0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA";
        TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA = 0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA";
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA";
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA";
        TLS_ECDH_anon_WITH_AES_128_CBC_SHA = 0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA";
        TLS_ECDH_anon_WITH_AES_256_CBC_SHA = 0xc019, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA";
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = 0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256";
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384 = 0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384";
        TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256 = 0xc025, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256";
        TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384 = 0xc026, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384";
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 = 0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256";
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 = 0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384";
        TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256 = 0xc029, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256";
        TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384 = 0xc02a, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384";
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
        TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02d, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256";
        TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02e, "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384";
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256 = 0xc031, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256";
        TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384 = 0xc032, "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384";
        TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA = 0xc035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA";
        TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA = 0xc036, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA";
        TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256 = 0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256";
        TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384 = 0xc038, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384";
        TLS_RSA_WITH_AES_128_CCM = 0xc09c, "TLS_RSA_WITH_AES_128_CCM";
        TLS_RSA_WITH_AES_256_CCM = 0xc09d, "TLS_RSA_WITH_AES_256_CCM";
        TLS_DHE_RSA_WITH_AES_128_CCM = 0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM";
        TLS_DHE_RSA_WITH_AES_256_CCM = 0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM";
        TLS_RSA_WITH_AES_128_CCM_8 = 0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8";
        TLS_RSA_WITH_AES_256_CCM_8 = 0xc0a1, "TLS_RSA_WITH_AES_256_CCM_8";
        TLS_DHE_RSA_WITH_AES_128_CCM_8 = 0xc0a2, "TLS_DHE_RSA_WITH_AES_128_CCM_8";
        TLS_DHE_RSA_WITH_AES_256_CCM_8 = 0xc0a3, "TLS_DHE_RSA_WITH_AES_256_CCM_8";
        TLS_PSK_WITH_AES_128_CCM = 0xc0a4, "TLS_PSK_WITH_AES_128_CCM";
        TLS_PSK_WITH_AES_256_CCM = 0xc0a5, "TLS_PSK_WITH_AES_256_CCM";
        TLS_DHE_PSK_WITH_AES_128_CCM = 0xc0a6, "TLS_DHE_PSK_WITH_AES_128_CCM";
        TLS_DHE_PSK_WITH_AES_256_CCM = 0xc0a7, "TLS_DHE_PSK_WITH_AES_256_CCM";
        TLS_PSK_WITH_AES_128_CCM_8 = 0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8";
        TLS_PSK_WITH_AES_256_CCM_8 = 0xc0a9, "TLS_PSK_WITH_AES_256_CCM_8";
        TLS_PSK_DHE_WITH_AES_128_CCM_8 = 0xc0aa, "TLS_PSK_DHE_WITH_AES_128_CCM_8";
        TLS_PSK_DHE_WITH_AES_256_CCM_8 = 0xc0ab, "TLS_PSK_DHE_WITH_AES_256_CCM_8";
        TLS_ECDHE_ECDSA_WITH_AES_128_CCM = 0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM";
        TLS_ECDHE_ECDSA_WITH_AES_256_CCM = 0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM";
        TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 = 0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";
        TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8 = 0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8";
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
        TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256";
        TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256";
        TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccad, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256";
        TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256 = 0xccae, "TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256";
        TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 = 0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256";
        TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384 = 0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384";
        TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 = 0xd003, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256";
        TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256 = 0xd005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256";
    }
}
