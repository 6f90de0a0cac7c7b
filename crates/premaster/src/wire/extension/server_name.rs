//! server_name (RFC 6066 section 3): which of a machine's servers the client wants.
use super::{Extension, empty_extension};
use crate::wire::{
    DecodeError, ExtensionType, Problem, Reader,
    codec::{block16, put_u8, put_vec16},
};

/// In ClientHello: a list of one `host_name`.
///
/// The RFC allows a list of names of several types, "MUST NOT contain more than one name of the same
/// name_type", and defines one type. A name of another type has no known form, so that nothing after it could
/// be read: it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerName<'a> {
    /// `<1..2^16-1>`, in ASCII and without a trailing dot, which whoever receives it has to check.
    pub host_name: &'a [u8],
}

const HOST_NAME: u8 = 0;

impl<'a> Extension<'a> for ServerName<'a> {
    const TYPE: ExtensionType = ExtensionType::SERVER_NAME;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data, "server_name");
        let mut list = Reader::new(reader.some16()?, "server_name_list");
        reader.finish()?;
        let mut next = || match list.u8()? {
            HOST_NAME => list.some16().map(|name| (name, list.is_empty())),
            _ => Err(list.error(Problem::Illegal)),
        };
        match next()? {
            (host_name, true) => Ok(Self { host_name }),
            (_, false) => Err(next()
                .map_or_else(|error| error, |_| DecodeError::new("server_name_list", Problem::Duplicate))),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        block16(out, |out| {
            put_u8(out, HOST_NAME);
            put_vec16(out, self.host_name);
        });
    }
}

empty_extension! {
    /// In ServerHello or EncryptedExtensions: the server took the name into account.
    ServerNameAcknowledged = SERVER_NAME, "server_name"
}
