//! A stapled OCSP response (RFC 6960 section 4.2.1).
use super::{
    der::{self, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, element, leaf},
    oid,
    walker::{Walk, Walker},
    x509,
};

const RFC: &str = "RFC 6960 section 4.2.1";

/// What an authority says about certificates.
pub(super) fn response(walker: &mut Walker<'_>) -> Walk {
    walker.rfc(RFC);
    element(walker, SEQUENCE, "OCSPResponse", "Whether there is an answer, and the answer.", |walker| {
        let status = |contents: &[u8]| match contents {
            [0] => "successful",
            [1] => "malformedRequest",
            [2] => "internalError",
            [3] => "tryLater",
            [5] => "sigRequired",
            [6] => "unauthorized",
            _ => "",
        };
        let text = |contents: &[u8]| status(contents).to_owned();
        leaf(walker, ENUMERATED, "responseStatus", "Whether the responder has an answer.", text)?;
        if walker.is_empty() {
            return Some(());
        }
        element(walker, 0xa0, "responseBytes", "The answer.", |walker| {
            element(walker, SEQUENCE, "ResponseBytes", "What form it has, and the answer itself.", |walker| {
                let kind = oid::short(der::oid(walker, "responseType", "What form the answer has.")?);
                element(walker, OCTET_STRING, "response", "The answer itself.", |walker| {
                    match kind.as_str() {
                        "id-pkix-ocsp-basic" => basic(walker),
                        _ => walker.rest("response", "Its form is not known here.").map(drop),
                    }
                })
            })
        })
    })
}

fn basic(walker: &mut Walker<'_>) -> Walk {
    element(walker, SEQUENCE, "BasicOCSPResponse", "What is said, and the responder's signature.", |walker| {
        element(walker, SEQUENCE, "tbsResponseData", "What the responder signed.", data)?;
        x509::algorithm(walker, "signatureAlgorithm", "How it signed.")?;
        x509::signature(walker)?;
        // Certificates of the responder, if it is not the issuer itself.
        der::any(walker, 0)
    })
}

fn data(walker: &mut Walker<'_>) -> Walk {
    if der::tag(walker)? == 0xa0 {
        element(walker, 0xa0, "version", "Which form this has.", |walker| der::any(walker, 0))?;
    }
    let tag = der::tag(walker)?;
    element(walker, tag, "responderID", "Who answers: a name, or the hash of a key.", |walker| match tag {
        0xa1 => x509::name(walker, "byName", "The responder's name."),
        _ => der::any(walker, 0),
    })?;
    der::time(walker, "producedAt", "When it was signed.")?;
    element(walker, SEQUENCE, "responses", "An answer for each certificate.", |walker| {
        while !walker.is_empty() {
            element(walker, SEQUENCE, "SingleResponse", "The answer for one certificate.", single)?;
        }
        Some(())
    })?;
    der::any(walker, 0)
}

fn single(walker: &mut Walker<'_>) -> Walk {
    element(walker, SEQUENCE, "certID", "Which certificate it is about.", |walker| {
        x509::algorithm(walker, "hashAlgorithm", "What the hashes are made with.")?;
        leaf(walker, OCTET_STRING, "issuerNameHash", "Of the issuer's name.", |_| String::new())?;
        leaf(walker, OCTET_STRING, "issuerKeyHash", "Of the issuer's key.", |_| String::new())?;
        leaf(walker, INTEGER, "serialNumber", "Of the certificate.", |_| String::new()).map(drop)
    })?;
    let tag = der::tag(walker)?;
    let said = match tag {
        0x80 => "good",
        0xa1 => "revoked",
        0x82 => "unknown",
        _ => return None,
    };
    element(walker, tag, "certStatus", "What the authority says of it.", |walker| der::any(walker, 0))?;
    walker.says(said);
    der::time(walker, "thisUpdate", "From when this is known.")?;
    if der::tag(walker) == Some(0xa0) {
        element(walker, 0xa0, "nextUpdate", "When there will be a newer answer.", |walker| {
            der::time(walker, "nextUpdate", "When there will be a newer answer.")
        })?;
    }
    der::any(walker, 0)
}
