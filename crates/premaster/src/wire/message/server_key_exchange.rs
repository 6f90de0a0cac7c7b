//! ServerKeyExchange of TLS 1.2 (RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279, RFC 5489).
use super::Body;
use crate::wire::{
    DecodeError, Element, HandshakeType, NamedGroup, Problem, Reader, SignatureScheme,
    codec::{put_u8, put_u16, put_vec8, put_vec16},
};

/// Which kind of parameters a cipher suite's ServerKeyExchange has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamsShape {
    /// None: PSK and RSA_PSK.
    None,
    /// [`EcdheParams`].
    Ec,
    /// [`DheParams`].
    Dh,
}

/// What a cipher suite's ServerKeyExchange consists of, which its bytes do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchangeShape {
    /// Whether a psk_identity_hint comes first.
    pub psk_hint: bool,
    /// What comes then.
    pub params: ParamsShape,
    /// Whether a signature over the parameters comes last.
    pub signed: bool,
}

/// ECParameters and the server's public key. Of the three kinds of ECParameters `named_curve` is the only one
/// that is not deprecated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcdheParams<'a> {
    /// The curve.
    pub group: NamedGroup,
    /// `ECPoint<1..2^8-1>`.
    pub public: &'a [u8],
}

/// `ECCurveType.named_curve`.
const NAMED_CURVE: u8 = 3;

/// ServerDHParams: big-endian integers, each `<1..2^16-1>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DheParams<'a> {
    /// dh_p, the prime modulus.
    pub p: &'a [u8],
    /// dh_g, the generator.
    pub g: &'a [u8],
    /// dh_Ys, the server's public value.
    pub ys: &'a [u8],
}

/// The server's half of a key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Params<'a> {
    /// On a curve.
    Ecdhe(EcdheParams<'a>),
    /// In a finite field.
    Dhe(DheParams<'a>),
}

impl<'a> Params<'a> {
    fn read(reader: &mut Reader<'a>, shape: ParamsShape) -> Result<Option<Self>, DecodeError> {
        Ok(match shape {
            ParamsShape::None => None,
            ParamsShape::Ec => {
                if reader.u8()? != NAMED_CURVE {
                    return Err(DecodeError::new("curve_type", Problem::Illegal));
                }
                let group = NamedGroup::read(reader)?;
                Some(Self::Ecdhe(EcdheParams { group, public: reader.some8()? }))
            }
            ParamsShape::Dh => {
                let (p, g, ys) = (reader.some16()?, reader.some16()?, reader.some16()?);
                Some(Self::Dhe(DheParams { p, g, ys }))
            }
        })
    }

    /// Writes the parameters as they stand on the wire. This, after client_random and server_random, is what
    /// the signature covers.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ecdhe(EcdheParams { group, public }) => {
                put_u8(out, NAMED_CURVE);
                put_u16(out, group.0);
                put_vec8(out, public);
            }
            Self::Dhe(DheParams { p, g, ys }) => {
                put_vec16(out, p);
                put_vec16(out, g);
                put_vec16(out, ys);
            }
        }
    }
}

/// DigitallySigned (RFC 5246 section 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// How.
    pub scheme: SignatureScheme,
    /// `<0..2^16-1>`, in the encoding of the scheme.
    pub signature: &'a [u8],
}

/// The server's half of the key exchange, as far as it is not in its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// What helps the client to choose a key, in suites with PSK. At most 2^16-1 bytes.
    pub psk_identity_hint: Option<&'a [u8]>,
    /// In suites with an ephemeral exchange.
    pub params: Option<Params<'a>>,
    /// In suites where the server's certificate signs.
    pub signed: Option<Signed<'a>>,
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads the body that a cipher suite gives this shape.
    ///
    /// # Errors
    /// If that is not what the RFC says it must be.
    pub fn decode(body: &'a [u8], shape: ServerKeyExchangeShape) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, "ServerKeyExchange");
        let psk_identity_hint = shape.psk_hint.then(|| reader.vec16()).transpose()?;
        let params = Params::read(&mut reader, shape.params)?;
        let signed = match shape.signed {
            true => {
                let scheme = SignatureScheme::read(&mut reader)?;
                Some(Signed { scheme, signature: reader.vec16()? })
            }
            false => None,
        };
        reader.finish()?;
        Ok(Self { psk_identity_hint, params, signed })
    }
}

impl Body for ServerKeyExchange<'_> {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;

    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(hint) = self.psk_identity_hint {
            put_vec16(out, hint);
        }
        if let Some(params) = &self.params {
            params.encode(out);
        }
        if let Some(Signed { scheme, signature }) = self.signed {
            put_u16(out, scheme.0);
            put_vec16(out, signature);
        }
    }
}
