//! Makes the test certificates: a root CA and a leaf, once with ECDSA P-256
//! keys and once with RSA-2048 keys.

use rcgen::*;
use std::path::Path;

pub fn make(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    for (name, alg) in [("ecdsa", &PKCS_ECDSA_P256_SHA256), ("rsa", &PKCS_RSA_SHA256)] {
        if dir.join(format!("{name}-key.pem")).exists() {
            continue;
        }
        let root_key = KeyPair::generate_for(alg).unwrap();
        let root = root(&format!("bench {name} root"));
        let root_cert = root.self_signed(&root_key).unwrap();
        let issuer = Issuer::new(root, root_key);
        let leaf_key = KeyPair::generate_for(alg).unwrap();
        let mut leaf = CertificateParams::new(vec!["server.test".to_string()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, "server.test");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = match name {
            // for static ECDH
            "ecdsa" => vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement],
            _ => vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment],
        };
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf_cert = leaf.signed_by(&leaf_key, &issuer).unwrap();
        std::fs::write(dir.join(format!("{name}-root.pem")), root_cert.pem()).unwrap();
        std::fs::write(dir.join(format!("{name}-leaf.pem")), leaf_cert.pem()).unwrap();
        std::fs::write(dir.join(format!("{name}-key.pem")), leaf_key.serialize_pem()).unwrap();
    }
}

/// A server's chain with as many authorities between the root and the leaf as asked for, and as many names in the
/// leaf; everything with ECDSA P-256.
pub struct Chain {
    pub root_pem: String,
    pub chain_pem: String,
    pub key_pem: String,
}

impl Chain {
    pub fn make(between: usize, names: usize) -> Self {
        let authority = |index: usize| {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params
                .distinguished_name
                .push(DnType::CommonName, format!("authority {index}"));
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let (root, key) = (authority(0), KeyPair::generate().unwrap());
        let root_pem = root.self_signed(&key).unwrap().pem();
        let mut issuer = Issuer::new(root, key);
        let mut chain = Vec::new();
        for index in 1..=between {
            let (params, key) = (authority(index), KeyPair::generate().unwrap());
            chain.insert(0, params.signed_by(&key, &issuer).unwrap().pem());
            issuer = Issuer::new(params, key);
        }
        let mut all = vec!["server.test".to_string()];
        all.extend((1..names).map(|index| format!("a-rather-long-name-{index:05}.server.test")));
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(all).unwrap();
        chain.insert(0, leaf.signed_by(&key, &issuer).unwrap().pem());
        Self {
            root_pem,
            chain_pem: chain.concat(),
            key_pem: key.serialize_pem(),
        }
    }
}

/// A server with an RSA key of 2048 bits, to which secrets can be encrypted.
pub struct RsaServer {
    pub root_pem: String,
    pub leaf_pem: String,
    pub key_pem: String,
    /// Its SubjectPublicKeyInfo, in DER.
    pub spki: Vec<u8>,
}

impl RsaServer {
    pub fn make() -> Self {
        let (root, root_key) = (root("bench rsa root"), KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let mut leaf = CertificateParams::new(vec!["server.test".to_string()]).unwrap();
        leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
        Self {
            root_pem,
            leaf_pem: leaf.pem(),
            key_pem: key.serialize_pem(),
            spki: key.subject_public_key_info(),
        }
    }
}

fn root(name: &str) -> CertificateParams {
    let mut root = CertificateParams::new(vec![]).unwrap();
    root.distinguished_name.push(DnType::CommonName, name);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    root
}
