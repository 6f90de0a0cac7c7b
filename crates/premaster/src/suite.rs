//! The table of cipher suites: what each name means, one row each.
//!
//! A TLS 1.2 suite names the key exchange, the authentication, the record protection and the hash of the PRF
//! (RFC 5246 appendix C); a TLS 1.3 suite names the last two only (RFC 9846 appendix B.4).
use crate::{
    crypto::{aead::AeadAlgorithm, cbc::CbcAlgorithm, hash::HashAlgorithm},
    wire::{CipherSuite, ProtocolVersion},
};

/// How two sides come to share a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyExchange {
    /// TLS 1.3 negotiates it apart from the suite: (EC)DHE, a hybrid, a PSK, or a PSK with one of them.
    Tls13,
    /// The client encrypts the secret to the RSA key of the server's certificate.
    Rsa,
    /// Diffie-Hellman with the key of the server's certificate.
    Dh,
    /// The same over an elliptic curve.
    Ecdh,
    /// Diffie-Hellman with a key that the server makes for this handshake.
    Dhe,
    /// The same over an elliptic curve.
    Ecdhe,
    /// A key that both sides have had all along.
    Psk,
    /// A pre-shared key and DHE.
    DhePsk,
    /// A pre-shared key and ECDHE.
    EcdhePsk,
    /// A pre-shared key and RSA.
    RsaPsk,
    /// DHE without authentication.
    DhAnon,
    /// ECDHE without authentication.
    EcdhAnon,
}

impl KeyExchange {
    /// Whether the server makes a key for each handshake. In TLS 1.3 the handshake decides.
    pub const fn is_ephemeral(self) -> bool {
        matches!(
            self,
            Self::Tls13
                | Self::Dhe
                | Self::Ecdhe
                | Self::DhePsk
                | Self::EcdhePsk
                | Self::DhAnon
                | Self::EcdhAnon
        )
    }

    /// Whether the exchange works over an elliptic curve or hybrid group.
    pub const fn is_elliptic(self) -> bool {
        matches!(self, Self::Ecdh | Self::Ecdhe | Self::EcdhePsk | Self::EcdhAnon)
    }

    /// Whether the exchange is finite-field Diffie-Hellman.
    pub const fn is_finite_field(self) -> bool {
        matches!(self, Self::Dh | Self::Dhe | Self::DhePsk | Self::DhAnon)
    }

    /// Whether a pre-shared key takes part.
    pub const fn has_psk(self) -> bool {
        matches!(self, Self::Psk | Self::DhePsk | Self::EcdhePsk | Self::RsaPsk)
    }

    /// Whether the server sends a Certificate.
    pub const fn has_certificate(self) -> bool {
        matches!(
            self,
            Self::Tls13 | Self::Rsa | Self::Dh | Self::Ecdh | Self::Dhe | Self::Ecdhe | Self::RsaPsk
        )
    }

    /// Whether the server signs ServerKeyExchange with its long-term key.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Dhe | Self::Ecdhe)
    }

    /// Whether the server's certificate carries the key that the secret is made with.
    pub const fn is_static(self) -> bool {
        matches!(self, Self::Rsa | Self::Dh | Self::Ecdh | Self::RsaPsk)
    }

    /// Whether RFC 10015 deprecates it or, like static ECDH, discourages it: whatever has an RSA or static key, and
    /// Diffie-Hellman over a finite field, in TLS 1.2.
    pub const fn is_deprecated(self) -> bool {
        self.is_static() || self.is_finite_field()
    }

    /// The name in the suite's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls13 => "negotiated apart",
            Self::Rsa => "RSA",
            Self::Dh => "DH",
            Self::Ecdh => "ECDH",
            Self::Dhe => "DHE",
            Self::Ecdhe => "ECDHE",
            Self::Psk => "PSK",
            Self::DhePsk => "DHE_PSK",
            Self::EcdhePsk => "ECDHE_PSK",
            Self::RsaPsk => "RSA_PSK",
            Self::DhAnon => "DH_anon",
            Self::EcdhAnon => "ECDH_anon",
        }
    }
}

/// How the server shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// TLS 1.3 negotiates it apart from the suite.
    Tls13,
    /// By an RSA key in its certificate; for static (EC)DH, by a certificate that an RSA key signed.
    Rsa,
    /// By an ECDSA or EdDSA key in its certificate; for static ECDH, by a certificate that ECDSA signed.
    Ecdsa,
    /// By knowing the pre-shared key.
    Psk,
    /// Not at all.
    Anonymous,
}

/// How records are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Authenticated encryption (RFC 5246 section 6.2.3.3, RFC 9846 section 5.2).
    Aead(AeadAlgorithm),
    /// A block cipher in CBC mode and an HMAC (RFC 5246 section 6.2.3.2).
    Cbc {
        /// The cipher.
        cipher: CbcAlgorithm,
        /// The hash of the HMAC.
        mac: HashAlgorithm,
    },
}

/// How a TLS 1.2 key block is cut (RFC 5246 section 6.3): twice each of these, in this order. Lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBlockLayout {
    /// client_write_MAC_key and server_write_MAC_key.
    pub mac_key: usize,
    /// client_write_key and server_write_key.
    pub key: usize,
    /// client_write_IV and server_write_IV. With CBC each record brings an IV of its own and these go unused.
    pub iv: usize,
}

impl KeyBlockLayout {
    /// The length of the key block.
    pub const fn total(self) -> usize {
        2 * (self.mac_key + self.key + self.iv)
    }
}

/// A cipher suite.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its code point.
    pub code: CipherSuite,
    /// Its name in OpenSSL's lists.
    pub openssl_name: &'static str,
    /// The key exchange.
    pub key_exchange: KeyExchange,
    /// The authentication.
    pub authentication: Authentication,
    /// The record protection.
    pub protection: Protection,
    /// The hash of the PRF or of HKDF, and of the transcript.
    pub hash: HashAlgorithm,
}

impl Suite {
    /// Every suite that this library can speak, in the order of the code points.
    pub const ALL: &[Self] = TABLE;

    /// The suite with this code point.
    pub fn find(code: CipherSuite) -> Option<&'static Self> {
        TABLE.binary_search_by_key(&code.0, |suite| suite.code.0).ok().and_then(|index| TABLE.get(index))
    }

    /// The suite with this IANA or OpenSSL name, or this code point in hexadecimal (`0xc02f`, `c02f`, `C0,2F`).
    pub fn parse(text: &str) -> Option<&'static Self> {
        let by_name = |suite: &&Self| {
            suite.name().eq_ignore_ascii_case(text) || suite.openssl_name.eq_ignore_ascii_case(text)
        };
        TABLE.iter().find(by_name).or_else(|| {
            let digits: String = text.to_ascii_lowercase().replace("0x", "").replace([',', ' '], "");
            if digits.len() != 4 {
                return None;
            }
            Self::find(CipherSuite(u16::from_str_radix(&digits, 16).ok()?))
        })
    }

    /// Its name in IANA's registry.
    pub const fn name(&self) -> &'static str {
        match self.code.name() {
            Some(name) => name,
            None => self.openssl_name,
        }
    }

    /// The only version that can use it.
    pub const fn version(&self) -> ProtocolVersion {
        match self.key_exchange {
            KeyExchange::Tls13 => ProtocolVersion::TLS_1_3,
            _ => ProtocolVersion::TLS_1_2,
        }
    }

    /// Whether a later theft of long-term keys leaves its connections closed. In TLS 1.3 that is so for every
    /// handshake but one with psk_ke.
    pub const fn is_forward_secret(&self) -> bool {
        self.key_exchange.is_ephemeral()
    }

    /// Whether RFC 10015 or RFC 9325 deprecates it.
    pub const fn is_deprecated(&self) -> bool {
        !matches!(self.key_exchange, KeyExchange::Tls13 | KeyExchange::Ecdhe | KeyExchange::EcdhePsk)
            || matches!(self.protection, Protection::Cbc { .. })
    }

    /// How its key block is cut in TLS 1.2.
    pub const fn key_block_layout(&self) -> KeyBlockLayout {
        match self.protection {
            Protection::Aead(algorithm) => KeyBlockLayout {
                mac_key: 0,
                key: algorithm.key_len(),
                // RFC 5288 section 3: the salt; RFC 7905 section 2: the whole nonce.
                iv: match algorithm {
                    AeadAlgorithm::ChaCha20Poly1305 => 12,
                    _ => 4,
                },
            },
            Protection::Cbc { cipher, mac } => {
                KeyBlockLayout { mac_key: mac.output_len(), key: cipher.key_len(), iv: 16 }
            }
        }
    }
}

macro_rules! table {
    ($($code:literal $openssl:literal $kx:ident $auth:ident $how:ident($($part:ident),*), $hash:ident;)*) => {
        const TABLE: &[Suite] = &[$(Suite {
            code: CipherSuite($code),
            openssl_name: $openssl,
            key_exchange: KeyExchange::$kx,
            authentication: Authentication::$auth,
            protection: $how($(parts::$part),*),
            hash: HashAlgorithm::$hash,
        }),*];
    };
}

const fn aead(algorithm: AeadAlgorithm) -> Protection {
    Protection::Aead(algorithm)
}

const fn cbc(cipher: CbcAlgorithm, mac: HashAlgorithm) -> Protection {
    Protection::Cbc { cipher, mac }
}

/// The words of the table.
#[allow(non_upper_case_globals, reason = "the table reads better with the names that the algorithms have")]
mod parts {
    use super::{AeadAlgorithm, CbcAlgorithm, HashAlgorithm};
    pub(super) const Aes128Gcm: AeadAlgorithm = AeadAlgorithm::Aes128Gcm;
    pub(super) const Aes256Gcm: AeadAlgorithm = AeadAlgorithm::Aes256Gcm;
    pub(super) const ChaCha20Poly1305: AeadAlgorithm = AeadAlgorithm::ChaCha20Poly1305;
    pub(super) const Aes128Ccm: AeadAlgorithm = AeadAlgorithm::Aes128Ccm;
    pub(super) const Aes256Ccm: AeadAlgorithm = AeadAlgorithm::Aes256Ccm;
    pub(super) const Aes128Ccm8: AeadAlgorithm = AeadAlgorithm::Aes128Ccm8;
    pub(super) const Aes256Ccm8: AeadAlgorithm = AeadAlgorithm::Aes256Ccm8;
    pub(super) const Aes128Cbc: CbcAlgorithm = CbcAlgorithm::Aes128Cbc;
    pub(super) const Aes256Cbc: CbcAlgorithm = CbcAlgorithm::Aes256Cbc;
    pub(super) const Sha1: HashAlgorithm = HashAlgorithm::Sha1;
    pub(super) const Sha256: HashAlgorithm = HashAlgorithm::Sha256;
    pub(super) const Sha384: HashAlgorithm = HashAlgorithm::Sha384;
}

// code, OpenSSL's name, key exchange, authentication, protection, hash
table! {
    0x002f "AES128-SHA" Rsa Rsa cbc(Aes128Cbc, Sha1), Sha256;
    0x0031 "DH-RSA-AES128-SHA" Dh Rsa cbc(Aes128Cbc, Sha1), Sha256;
    0x0033 "DHE-RSA-AES128-SHA" Dhe Rsa cbc(Aes128Cbc, Sha1), Sha256;
    0x0034 "ADH-AES128-SHA" DhAnon Anonymous cbc(Aes128Cbc, Sha1), Sha256;
    0x0035 "AES256-SHA" Rsa Rsa cbc(Aes256Cbc, Sha1), Sha256;
    0x0037 "DH-RSA-AES256-SHA" Dh Rsa cbc(Aes256Cbc, Sha1), Sha256;
    0x0039 "DHE-RSA-AES256-SHA" Dhe Rsa cbc(Aes256Cbc, Sha1), Sha256;
    0x003a "ADH-AES256-SHA" DhAnon Anonymous cbc(Aes256Cbc, Sha1), Sha256;
    0x003c "AES128-SHA256" Rsa Rsa cbc(Aes128Cbc, Sha256), Sha256;
    0x003d "AES256-SHA256" Rsa Rsa cbc(Aes256Cbc, Sha256), Sha256;
    0x003f "DH-RSA-AES128-SHA256" Dh Rsa cbc(Aes128Cbc, Sha256), Sha256;
    0x0067 "DHE-RSA-AES128-SHA256" Dhe Rsa cbc(Aes128Cbc, Sha256), Sha256;
    0x0069 "DH-RSA-AES256-SHA256" Dh Rsa cbc(Aes256Cbc, Sha256), Sha256;
    0x006b "DHE-RSA-AES256-SHA256" Dhe Rsa cbc(Aes256Cbc, Sha256), Sha256;
    0x006c "ADH-AES128-SHA256" DhAnon Anonymous cbc(Aes128Cbc, Sha256), Sha256;
    0x006d "ADH-AES256-SHA256" DhAnon Anonymous cbc(Aes256Cbc, Sha256), Sha256;
    0x008c "PSK-AES128-CBC-SHA" Psk Psk cbc(Aes128Cbc, Sha1), Sha256;
    0x008d "PSK-AES256-CBC-SHA" Psk Psk cbc(Aes256Cbc, Sha1), Sha256;
    0x0090 "DHE-PSK-AES128-CBC-SHA" DhePsk Psk cbc(Aes128Cbc, Sha1), Sha256;
    0x0091 "DHE-PSK-AES256-CBC-SHA" DhePsk Psk cbc(Aes256Cbc, Sha1), Sha256;
    0x0094 "RSA-PSK-AES128-CBC-SHA" RsaPsk Rsa cbc(Aes128Cbc, Sha1), Sha256;
    0x0095 "RSA-PSK-AES256-CBC-SHA" RsaPsk Rsa cbc(Aes256Cbc, Sha1), Sha256;
    0x009c "AES128-GCM-SHA256" Rsa Rsa aead(Aes128Gcm), Sha256;
    0x009d "AES256-GCM-SHA384" Rsa Rsa aead(Aes256Gcm), Sha384;
    0x009e "DHE-RSA-AES128-GCM-SHA256" Dhe Rsa aead(Aes128Gcm), Sha256;
    0x009f "DHE-RSA-AES256-GCM-SHA384" Dhe Rsa aead(Aes256Gcm), Sha384;
    0x00a0 "DH-RSA-AES128-GCM-SHA256" Dh Rsa aead(Aes128Gcm), Sha256;
    0x00a1 "DH-RSA-AES256-GCM-SHA384" Dh Rsa aead(Aes256Gcm), Sha384;
    0x00a6 "ADH-AES128-GCM-SHA256" DhAnon Anonymous aead(Aes128Gcm), Sha256;
    0x00a7 "ADH-AES256-GCM-SHA384" DhAnon Anonymous aead(Aes256Gcm), Sha384;
    0x00a8 "PSK-AES128-GCM-SHA256" Psk Psk aead(Aes128Gcm), Sha256;
    0x00a9 "PSK-AES256-GCM-SHA384" Psk Psk aead(Aes256Gcm), Sha384;
    0x00aa "DHE-PSK-AES128-GCM-SHA256" DhePsk Psk aead(Aes128Gcm), Sha256;
    0x00ab "DHE-PSK-AES256-GCM-SHA384" DhePsk Psk aead(Aes256Gcm), Sha384;
    0x00ac "RSA-PSK-AES128-GCM-SHA256" RsaPsk Rsa aead(Aes128Gcm), Sha256;
    0x00ad "RSA-PSK-AES256-GCM-SHA384" RsaPsk Rsa aead(Aes256Gcm), Sha384;
    0x00ae "PSK-AES128-CBC-SHA256" Psk Psk cbc(Aes128Cbc, Sha256), Sha256;
    0x00af "PSK-AES256-CBC-SHA384" Psk Psk cbc(Aes256Cbc, Sha384), Sha384;
    0x00b2 "DHE-PSK-AES128-CBC-SHA256" DhePsk Psk cbc(Aes128Cbc, Sha256), Sha256;
    0x00b3 "DHE-PSK-AES256-CBC-SHA384" DhePsk Psk cbc(Aes256Cbc, Sha384), Sha384;
    0x00b6 "RSA-PSK-AES128-CBC-SHA256" RsaPsk Rsa cbc(Aes128Cbc, Sha256), Sha256;
    0x00b7 "RSA-PSK-AES256-CBC-SHA384" RsaPsk Rsa cbc(Aes256Cbc, Sha384), Sha384;
    0x1301 "TLS_AES_128_GCM_SHA256" Tls13 Tls13 aead(Aes128Gcm), Sha256;
    0x1302 "TLS_AES_256_GCM_SHA384" Tls13 Tls13 aead(Aes256Gcm), Sha384;
    0x1303 "TLS_CHACHA20_POLY1305_SHA256" Tls13 Tls13 aead(ChaCha20Poly1305), Sha256;
    0x1304 "TLS_AES_128_CCM_SHA256" Tls13 Tls13 aead(Aes128Ccm), Sha256;
    0x1305 "TLS_AES_128_CCM_8_SHA256" Tls13 Tls13 aead(Aes128Ccm8), Sha256;
    0xc004 "ECDH-ECDSA-AES128-SHA" Ecdh Ecdsa cbc(Aes128Cbc, Sha1), Sha256;
    0xc005 "ECDH-ECDSA-AES256-SHA" Ecdh Ecdsa cbc(Aes256Cbc, Sha1), Sha256;
    0xc009 "ECDHE-ECDSA-AES128-SHA" Ecdhe Ecdsa cbc(Aes128Cbc, Sha1), Sha256;
    0xc00a "ECDHE-ECDSA-AES256-SHA" Ecdhe Ecdsa cbc(Aes256Cbc, Sha1), Sha256;
    0xc00e "ECDH-RSA-AES128-SHA" Ecdh Rsa cbc(Aes128Cbc, Sha1), Sha256;
    0xc00f "ECDH-RSA-AES256-SHA" Ecdh Rsa cbc(Aes256Cbc, Sha1), Sha256;
    0xc013 "ECDHE-RSA-AES128-SHA" Ecdhe Rsa cbc(Aes128Cbc, Sha1), Sha256;
    0xc014 "ECDHE-RSA-AES256-SHA" Ecdhe Rsa cbc(Aes256Cbc, Sha1), Sha256;
    0xc018 "AECDH-AES128-SHA" EcdhAnon Anonymous cbc(Aes128Cbc, Sha1), Sha256;
    0xc019 "AECDH-AES256-SHA" EcdhAnon Anonymous cbc(Aes256Cbc, Sha1), Sha256;
    0xc023 "ECDHE-ECDSA-AES128-SHA256" Ecdhe Ecdsa cbc(Aes128Cbc, Sha256), Sha256;
    0xc024 "ECDHE-ECDSA-AES256-SHA384" Ecdhe Ecdsa cbc(Aes256Cbc, Sha384), Sha384;
    0xc025 "ECDH-ECDSA-AES128-SHA256" Ecdh Ecdsa cbc(Aes128Cbc, Sha256), Sha256;
    0xc026 "ECDH-ECDSA-AES256-SHA384" Ecdh Ecdsa cbc(Aes256Cbc, Sha384), Sha384;
    0xc027 "ECDHE-RSA-AES128-SHA256" Ecdhe Rsa cbc(Aes128Cbc, Sha256), Sha256;
    0xc028 "ECDHE-RSA-AES256-SHA384" Ecdhe Rsa cbc(Aes256Cbc, Sha384), Sha384;
    0xc029 "ECDH-RSA-AES128-SHA256" Ecdh Rsa cbc(Aes128Cbc, Sha256), Sha256;
    0xc02a "ECDH-RSA-AES256-SHA384" Ecdh Rsa cbc(Aes256Cbc, Sha384), Sha384;
    0xc02b "ECDHE-ECDSA-AES128-GCM-SHA256" Ecdhe Ecdsa aead(Aes128Gcm), Sha256;
    0xc02c "ECDHE-ECDSA-AES256-GCM-SHA384" Ecdhe Ecdsa aead(Aes256Gcm), Sha384;
    0xc02d "ECDH-ECDSA-AES128-GCM-SHA256" Ecdh Ecdsa aead(Aes128Gcm), Sha256;
    0xc02e "ECDH-ECDSA-AES256-GCM-SHA384" Ecdh Ecdsa aead(Aes256Gcm), Sha384;
    0xc02f "ECDHE-RSA-AES128-GCM-SHA256" Ecdhe Rsa aead(Aes128Gcm), Sha256;
    0xc030 "ECDHE-RSA-AES256-GCM-SHA384" Ecdhe Rsa aead(Aes256Gcm), Sha384;
    0xc031 "ECDH-RSA-AES128-GCM-SHA256" Ecdh Rsa aead(Aes128Gcm), Sha256;
    0xc032 "ECDH-RSA-AES256-GCM-SHA384" Ecdh Rsa aead(Aes256Gcm), Sha384;
    0xc035 "ECDHE-PSK-AES128-CBC-SHA" EcdhePsk Psk cbc(Aes128Cbc, Sha1), Sha256;
    0xc036 "ECDHE-PSK-AES256-CBC-SHA" EcdhePsk Psk cbc(Aes256Cbc, Sha1), Sha256;
    0xc037 "ECDHE-PSK-AES128-CBC-SHA256" EcdhePsk Psk cbc(Aes128Cbc, Sha256), Sha256;
    0xc038 "ECDHE-PSK-AES256-CBC-SHA384" EcdhePsk Psk cbc(Aes256Cbc, Sha384), Sha384;
    0xc09c "AES128-CCM" Rsa Rsa aead(Aes128Ccm), Sha256;
    0xc09d "AES256-CCM" Rsa Rsa aead(Aes256Ccm), Sha256;
    0xc09e "DHE-RSA-AES128-CCM" Dhe Rsa aead(Aes128Ccm), Sha256;
    0xc09f "DHE-RSA-AES256-CCM" Dhe Rsa aead(Aes256Ccm), Sha256;
    0xc0a0 "AES128-CCM8" Rsa Rsa aead(Aes128Ccm8), Sha256;
    0xc0a1 "AES256-CCM8" Rsa Rsa aead(Aes256Ccm8), Sha256;
    0xc0a2 "DHE-RSA-AES128-CCM8" Dhe Rsa aead(Aes128Ccm8), Sha256;
    0xc0a3 "DHE-RSA-AES256-CCM8" Dhe Rsa aead(Aes256Ccm8), Sha256;
    0xc0a4 "PSK-AES128-CCM" Psk Psk aead(Aes128Ccm), Sha256;
    0xc0a5 "PSK-AES256-CCM" Psk Psk aead(Aes256Ccm), Sha256;
    0xc0a6 "DHE-PSK-AES128-CCM" DhePsk Psk aead(Aes128Ccm), Sha256;
    0xc0a7 "DHE-PSK-AES256-CCM" DhePsk Psk aead(Aes256Ccm), Sha256;
    0xc0a8 "PSK-AES128-CCM8" Psk Psk aead(Aes128Ccm8), Sha256;
    0xc0a9 "PSK-AES256-CCM8" Psk Psk aead(Aes256Ccm8), Sha256;
    0xc0aa "DHE-PSK-AES128-CCM8" DhePsk Psk aead(Aes128Ccm8), Sha256;
    0xc0ab "DHE-PSK-AES256-CCM8" DhePsk Psk aead(Aes256Ccm8), Sha256;
    0xc0ac "ECDHE-ECDSA-AES128-CCM" Ecdhe Ecdsa aead(Aes128Ccm), Sha256;
    0xc0ad "ECDHE-ECDSA-AES256-CCM" Ecdhe Ecdsa aead(Aes256Ccm), Sha256;
    0xc0ae "ECDHE-ECDSA-AES128-CCM8" Ecdhe Ecdsa aead(Aes128Ccm8), Sha256;
    0xc0af "ECDHE-ECDSA-AES256-CCM8" Ecdhe Ecdsa aead(Aes256Ccm8), Sha256;
    0xcca8 "ECDHE-RSA-CHACHA20-POLY1305" Ecdhe Rsa aead(ChaCha20Poly1305), Sha256;
    0xcca9 "ECDHE-ECDSA-CHACHA20-POLY1305" Ecdhe Ecdsa aead(ChaCha20Poly1305), Sha256;
    0xccaa "DHE-RSA-CHACHA20-POLY1305" Dhe Rsa aead(ChaCha20Poly1305), Sha256;
    0xccab "PSK-CHACHA20-POLY1305" Psk Psk aead(ChaCha20Poly1305), Sha256;
    0xccac "ECDHE-PSK-CHACHA20-POLY1305" EcdhePsk Psk aead(ChaCha20Poly1305), Sha256;
    0xccad "DHE-PSK-CHACHA20-POLY1305" DhePsk Psk aead(ChaCha20Poly1305), Sha256;
    0xccae "RSA-PSK-CHACHA20-POLY1305" RsaPsk Rsa aead(ChaCha20Poly1305), Sha256;
    0xd001 "ECDHE-PSK-AES128-GCM-SHA256" EcdhePsk Psk aead(Aes128Gcm), Sha256;
    0xd002 "ECDHE-PSK-AES256-GCM-SHA384" EcdhePsk Psk aead(Aes256Gcm), Sha384;
    0xd003 "ECDHE-PSK-AES128-CCM8" EcdhePsk Psk aead(Aes128Ccm8), Sha256;
    0xd005 "ECDHE-PSK-AES128-CCM" EcdhePsk Psk aead(Aes128Ccm), Sha256;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_every_name_is_found() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
        for suite in TABLE {
            assert_eq!(Suite::parse(suite.name()), Some(suite));
            assert_eq!(
                Suite::parse(suite.openssl_name).map(|found| found.openssl_name),
                Some(suite.openssl_name)
            );
            assert_eq!(Suite::parse(&format!("{:#06x}", suite.code.0)), Some(suite));
        }
        assert_eq!(Suite::parse("TLS_NULL_WITH_NULL_NULL"), None);
    }

    #[test]
    fn key_blocks_as_in_the_textbook() {
        let layout = |name| Suite::parse(name).map(Suite::key_block_layout);
        let cut = |mac_key, key, iv| Some(KeyBlockLayout { mac_key, key, iv });
        assert_eq!(layout("TLS_RSA_WITH_AES_256_CBC_SHA256"), cut(32, 32, 16));
        assert_eq!(layout("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), cut(0, 16, 4));
        assert_eq!(layout("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), cut(0, 32, 12));
    }
}
