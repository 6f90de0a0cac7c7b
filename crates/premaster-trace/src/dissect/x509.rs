//! Certificates, field by field (RFC 5280 section 4.1), and bare public keys (RFC 7250).
use super::{
    der::{self, BOOLEAN, INTEGER, OCTET_STRING, SEQUENCE, SET, element, leaf},
    oid,
    walker::{Walk, Walker},
};

const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_3: u8 = 0xa3;

/// A certificate, or a SubjectPublicKeyInfo, which is what a bare key is sent as.
pub(super) fn certificate(walker: &mut Walker<'_>) -> Walk {
    if is_bare_key(walker) {
        walker.rfc("RFC 7250 section 3");
        return public_key(walker);
    }
    walker.rfc("RFC 5280 section 4.1");
    element(
        walker,
        SEQUENCE,
        "Certificate",
        "What is certified, and the issuer's signature over it.",
        |walker| {
            walker.rfc("RFC 5280 section 4.1.2");
            element(walker, SEQUENCE, "tbsCertificate", "What the issuer signed.", to_be_signed)?;
            walker.rfc("RFC 5280 section 4.1.1.2");
            algorithm(walker, "signatureAlgorithm", "How the issuer signed; the same as inside.")?;
            walker.rfc("RFC 5280 section 4.1.1.3");
            signature(walker)
        },
    )
}

/// The issuer's signature.
pub(super) fn signature(walker: &mut Walker<'_>) -> Walk {
    const MEANING: &str = "Made with the issuer's private key over all that is to be signed.";
    der::bits(walker, "signatureValue", MEANING, |walker| walker.rest("signature", MEANING).map(drop))
}

fn is_bare_key(walker: &Walker<'_>) -> bool {
    // SEQUENCE { SEQUENCE { OBJECT IDENTIFIER: a certificate has a version or a serial number there.
    let bytes = walker.peek(walker.left().min(16)).unwrap_or_default();
    let inside = |bytes: &'_ [u8]| -> Option<usize> {
        let [SEQUENCE, length, ..] = bytes else { return None };
        Some(2 + if *length < 0x80 { 0 } else { usize::from(length & 0x7f) })
    };
    let inner = inside(bytes).and_then(|at| bytes.get(at..)).unwrap_or_default();
    inside(inner).and_then(|at| inner.get(at)) == Some(&der::OID)
}

fn to_be_signed(walker: &mut Walker<'_>) -> Walk {
    if der::tag(walker)? == EXPLICIT_0 {
        walker.rfc("RFC 5280 section 4.1.2.1");
        element(walker, EXPLICIT_0, "version", "Which form the certificate has.", |walker| {
            let names = |contents: &[u8]| match contents {
                [number @ 0..=2] => format!("v{}", number + 1),
                _ => String::new(),
            };
            leaf(walker, INTEGER, "version", "2 for version 3, the one with extensions.", names).map(drop)
        })?;
    }
    walker.rfc("RFC 5280 section 4.1.2.2");
    leaf(walker, INTEGER, "serialNumber", "Unlike that of any other certificate of this issuer.", |_| {
        String::new()
    })?;
    walker.rfc("RFC 5280 section 4.1.2.3");
    algorithm(
        walker,
        "signature",
        "How the issuer signs: inside what is signed, so that nobody can change it.",
    )?;
    walker.rfc("RFC 5280 section 4.1.2.4");
    name(walker, "issuer", "Who certifies: the subject of the next certificate of the chain.")?;
    walker.rfc("RFC 5280 section 4.1.2.5");
    element(walker, SEQUENCE, "validity", "From when and until when.", |walker| {
        der::time(walker, "notBefore", "The first moment of validity.")?;
        der::time(walker, "notAfter", "The last moment of validity.")
    })?;
    walker.rfc("RFC 5280 section 4.1.2.6");
    name(walker, "subject", "Whose key it is; for servers the names that count are in subjectAltName.")?;
    walker.rfc("RFC 5280 section 4.1.2.7");
    public_key(walker)?;
    walker.rfc("RFC 5280 section 4.1.2.8");
    for (tag, field) in [(0x81, "issuerUniqueID"), (0x82, "subjectUniqueID")] {
        if der::tag(walker) == Some(tag) {
            leaf(walker, tag, field, "Out of use.", |_| String::new())?;
        }
    }
    walker.rfc("RFC 5280 section 4.1.2.9");
    match walker.is_empty() {
        true => Some(()),
        false => extensions(walker, EXPLICIT_3),
    }
}

/// An algorithm and its parameters.
pub(super) fn algorithm(walker: &mut Walker<'_>, field: &str, meaning: &str) -> Walk {
    let mut said = String::new();
    element(walker, SEQUENCE, field, meaning, |walker| {
        said = oid::short(der::oid(walker, "algorithm", "Which algorithm.")?);
        if walker.is_empty() {
            return Some(());
        }
        element_or_any(walker, "parameters", "What the algorithm needs besides, such as a curve.", &mut said)
    })?;
    walker.says(&said);
    Some(())
}

/// The parameters of an algorithm: a curve's name goes to what is said of the whole.
fn element_or_any(walker: &mut Walker<'_>, field: &str, meaning: &str, said: &mut String) -> Walk {
    if der::tag(walker)? != der::OID {
        return der::one(walker, 0);
    }
    let curve = der::oid(walker, field, meaning)?;
    said.push_str(&format!(", {}", oid::short(curve)));
    Some(())
}

/// A distinguished name.
pub(super) fn name(walker: &mut Walker<'_>, field: &str, meaning: &str) -> Walk {
    let mut parts = Vec::new();
    element(walker, SEQUENCE, field, meaning, |walker| {
        while !walker.is_empty() {
            let set = "One step of the name; nearly always one attribute.";
            element(walker, SET, "RelativeDistinguishedName", set, |walker| {
                while !walker.is_empty() {
                    parts.push(attribute(walker)?);
                }
                Some(())
            })?;
        }
        Some(())
    })?;
    if !parts.is_empty() {
        walker.says(parts.join(", "));
    }
    Some(())
}

fn attribute(walker: &mut Walker<'_>) -> Walk<String> {
    let mut said = String::new();
    element(walker, SEQUENCE, "AttributeTypeAndValue", "What kind of name, and the name.", |walker| {
        let kind = oid::short(der::oid(walker, "type", "What kind of name.")?);
        let tag = der::tag(walker)?;
        let value = leaf(walker, tag, "value", "The name.", der::string)?;
        said = format!("{kind}={}", der::string(value));
        Some(())
    })?;
    walker.says(&said);
    Some(said)
}

fn public_key(walker: &mut Walker<'_>) -> Walk {
    const KEY: &str = "The public key: a number, or a point.";
    element(
        walker,
        SEQUENCE,
        "subjectPublicKeyInfo",
        "The key that is certified, and what it is for.",
        |walker| {
            algorithm(walker, "algorithm", "What kind of key.")?;
            der::bits(walker, "subjectPublicKey", KEY, |walker| {
                // RFC 3279 section 2.3.1: RSA alone has a structure inside.
                if der::tag(walker) != Some(SEQUENCE) {
                    return walker.rest("public_key", KEY).map(drop);
                }
                element(walker, SEQUENCE, "RSAPublicKey", "Modulus and exponent.", |walker| {
                    leaf(walker, INTEGER, "modulus", "The product of two secret primes.", der::integer)?;
                    leaf(walker, INTEGER, "publicExponent", "Nearly always 65537.", der::integer).map(drop)
                })
            })
        },
    )
}

/// Extensions behind a tag of their own.
pub(super) fn extensions(walker: &mut Walker<'_>, tag: u8) -> Walk {
    element(walker, tag, "extensions", "What goes beyond the fixed fields.", |walker| {
        element(walker, SEQUENCE, "Extensions", "The list of them.", |walker| {
            while !walker.is_empty() {
                extension(walker)?;
            }
            Some(())
        })
    })
}

fn extension(walker: &mut Walker<'_>) -> Walk {
    // What it is called stands inside; it is needed before.
    let kind = walker.peek(walker.left().min(80)).and_then(identifier).map(oid::short).unwrap_or_default();
    let (meaning, rfc) = about(&kind);
    walker.rfc(rfc);
    element(walker, SEQUENCE, if kind.is_empty() { "Extension" } else { &kind }, meaning, |walker| {
        der::oid(walker, "extnID", "Which extension this is.")?;
        if der::tag(walker)? == BOOLEAN {
            let meaning = "Whether a certificate is to be refused by who does not know this extension.";
            leaf(walker, BOOLEAN, "critical", meaning, |contents| (contents != [0]).to_string())?;
        }
        element(walker, OCTET_STRING, "extnValue", meaning, |walker| value(walker, &kind))
    })
}

/// The object identifier at the beginning of an extension.
fn identifier(bytes: &[u8]) -> Option<&[u8]> {
    let header = if *bytes.get(1)? < 0x80 { 2 } else { 2 + usize::from(bytes.get(1)? & 0x7f) };
    let (tag, length) = (*bytes.get(header)?, usize::from(*bytes.get(header + 1)?));
    (tag == der::OID).then(|| bytes.get(header + 2..header + 2 + length))?
}

fn value(walker: &mut Walker<'_>, kind: &str) -> Walk {
    match kind {
        "basicConstraints" => {
            element(walker, SEQUENCE, "BasicConstraints", "Whether it may issue others.", |walker| {
                if der::tag(walker) == Some(BOOLEAN) {
                    leaf(walker, BOOLEAN, "cA", "Whether it is an authority's.", |contents| {
                        (contents != [0]).to_string()
                    })?;
                }
                if !walker.is_empty() {
                    leaf(
                        walker,
                        INTEGER,
                        "pathLenConstraint",
                        "How many authorities may stand below it.",
                        der::integer,
                    )?;
                }
                Some(())
            })
        }
        "keyUsage" => der::bits(walker, "KeyUsage", "What the key may be used for.", |walker| {
            let bits = walker.rest("KeyUsage", "A bit for each use.")?;
            if !bits.is_empty() {
                walker.says(usages(bits));
            }
            Some(())
        }),
        "extKeyUsage" => element(walker, SEQUENCE, "ExtKeyUsageSyntax", "Purposes of the key.", |walker| {
            while !walker.is_empty() {
                der::oid(walker, "KeyPurposeId", "One purpose.")?;
            }
            Some(())
        }),
        "subjectAltName" | "issuerAltName" => {
            element(walker, SEQUENCE, "GeneralNames", "The names that the certificate is for.", |walker| {
                while !walker.is_empty() {
                    general_name(walker)?;
                }
                Some(())
            })
        }
        "subjectKeyIdentifier" => {
            leaf(walker, OCTET_STRING, "KeyIdentifier", "A short name of the key.", |_| String::new())
                .map(drop)
        }
        "authorityKeyIdentifier" => element(
            walker,
            SEQUENCE,
            "AuthorityKeyIdentifier",
            "Which key of the issuer's signed.",
            |walker| {
                if der::tag(walker) == Some(0x80) {
                    leaf(walker, 0x80, "keyIdentifier", "A short name of the key.", |_| String::new())?;
                }
                der::any(walker, 0)
            },
        ),
        "authorityInfoAccess" => element(
            walker,
            SEQUENCE,
            "AuthorityInfoAccessSyntax",
            "Where the issuer can be asked.",
            |walker| {
                while !walker.is_empty() {
                    element(walker, SEQUENCE, "AccessDescription", "What can be had where.", |walker| {
                        der::oid(walker, "accessMethod", "What can be had.")?;
                        general_name(walker)
                    })?;
                }
                Some(())
            },
        ),
        _ => der::any(walker, 0),
    }
}

/// RFC 5280 section 4.2.1.6.
fn general_name(walker: &mut Walker<'_>) -> Walk {
    let tag = der::tag(walker)?;
    let (field, meaning) = match tag {
        0x81 => ("rfc822Name", "A mail address."),
        0x82 => ("dNSName", "A name in the DNS; * stands for one label."),
        0x86 => ("uniformResourceIdentifier", "A URI."),
        0x87 => ("iPAddress", "An IP address."),
        _ => return der::one(walker, 0),
    };
    let text = |contents: &[u8]| match (tag, contents.len()) {
        (0x87, 4) => <[u8; 4]>::try_from(contents)
            .map(std::net::Ipv4Addr::from)
            .map_or_else(|_| String::new(), |ip| ip.to_string()),
        (0x87, 16) => <[u8; 16]>::try_from(contents)
            .map(std::net::Ipv6Addr::from)
            .map_or_else(|_| String::new(), |ip| ip.to_string()),
        (0x87, _) => String::new(),
        _ => der::string(contents),
    };
    leaf(walker, tag, field, meaning, text).map(drop)
}

/// RFC 5280 section 4.2.1.3: the first bit is the highest.
fn usages(bits: &[u8]) -> String {
    const NAMES: [&str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    let is_set = |nth: &usize| bits.get(nth / 8).is_some_and(|byte| byte & (0x80 >> (nth % 8)) != 0);
    let set = (0..NAMES.len()).filter(is_set).filter_map(|nth| NAMES.get(nth).copied());
    set.collect::<Vec<_>>().join(", ")
}

/// What an extension is for, and where that stands.
fn about(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "authorityKeyIdentifier" => {
            ("Which key of the issuer's signed this certificate.", "RFC 5280 section 4.2.1.1")
        }
        "subjectKeyIdentifier" => ("A short name of the key.", "RFC 5280 section 4.2.1.2"),
        "keyUsage" => ("What the key may be used for.", "RFC 5280 section 4.2.1.3"),
        "certificatePolicies" => ("Under which rules it was issued.", "RFC 5280 section 4.2.1.4"),
        "subjectAltName" => {
            ("The names and addresses that the certificate is for.", "RFC 5280 section 4.2.1.6")
        }
        "issuerAltName" => ("Other names of the issuer.", "RFC 5280 section 4.2.1.7"),
        "basicConstraints" => {
            ("Whether it is an authority's, which may issue others.", "RFC 5280 section 4.2.1.9")
        }
        "nameConstraints" => ("For which names it may issue others.", "RFC 5280 section 4.2.1.10"),
        "extKeyUsage" => ("For which purposes it may be used.", "RFC 5280 section 4.2.1.12"),
        "cRLDistributionPoints" => {
            ("Where the list of revoked certificates is.", "RFC 5280 section 4.2.1.13")
        }
        "authorityInfoAccess" => (
            "Where the issuer's certificate, and its word on revocation, can be had.",
            "RFC 5280 section 4.2.2.1",
        ),
        "tlsFeature" => {
            ("Extensions that the server has to use, such as a stapled OCSP response.", "RFC 7633 section 4")
        }
        "signedCertificateTimestampList" => {
            ("Proofs that the certificate was published in logs.", "RFC 6962 section 3.3")
        }
        _ => ("An extension that this program does not know.", "RFC 5280 section 4.2"),
    }
}
