//! status_request (RFC 6066 section 8, RFC 9846 section 4.4.2.1): OCSP responses, brought along.
use super::{Extension, empty_extension, opaque_element};
use crate::wire::{
    DecodeError, Element, ExtensionType, List, Reader,
    codec::{block16, put_u8, put_vec16},
    message::CertificateStatus,
};

/// `CertificateStatusType.ocsp`.
pub(in crate::wire) const OCSP: u8 = 1;

opaque_element! {
    /// `opaque ResponderID<1..2^16-1>`.
    ResponderId, some16, put_vec16
}

/// In ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatusRequest<'a> {
    /// The client wants an OCSP response.
    Ocsp {
        /// The responders that it trusts; usually none, which leaves it to the server.
        responder_id_list: List<'a, ResponderId<'a>>,
        /// In DER; usually empty.
        request_extensions: &'a [u8],
    },
    /// The client wants something that this library does not know: to be ignored.
    Other {
        /// Its kind.
        status_type: u8,
        /// The rest.
        request: &'a [u8],
    },
}

impl CertificateStatusRequest<'_> {
    /// The usual request: an OCSP response from whichever responder.
    pub fn ocsp() -> Self {
        Self::Ocsp { responder_id_list: List::default(), request_extensions: &[] }
    }
}

impl<'a> Extension<'a> for CertificateStatusRequest<'a> {
    const TYPE: ExtensionType = ExtensionType::STATUS_REQUEST;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "status_request");
        let request = match reader.u8()? {
            OCSP => Self::Ocsp {
                responder_id_list: List::decode(reader.vec16()?, "responder_id_list")?,
                request_extensions: reader.vec16()?,
            },
            status_type => Self::Other { status_type, request: reader.take_rest() },
        };
        reader.finish()?;
        Ok(request)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Ocsp { responder_id_list, request_extensions } => {
                put_u8(out, OCSP);
                block16(out, |out| responder_id_list.encode(out));
                put_vec16(out, request_extensions);
            }
            Self::Other { status_type, request } => {
                put_u8(out, status_type);
                out.extend_from_slice(request);
            }
        }
    }
}

empty_extension! {
    /// In the ServerHello of TLS 1.2: a CertificateStatus may come. In the CertificateRequest of TLS 1.3: the
    /// server wants an OCSP response too.
    StatusRequestEmpty = STATUS_REQUEST, "status_request"
}

/// In an entry of a TLS 1.3 Certificate: the body of a CertificateStatus.
impl<'a> Extension<'a> for CertificateStatus<'a> {
    const TYPE: ExtensionType = ExtensionType::STATUS_REQUEST;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        CertificateStatus::decode(data)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        crate::wire::message::Body::encode(self, out);
    }
}
