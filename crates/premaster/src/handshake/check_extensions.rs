//! What every message's extensions are held against before anything is made of them.
use crate::{
    Error,
    error::Misbehaved,
    wire::extension::{Extensions, Place, allowed_in, check_forms},
};

/// RFC 9846 section 4.2: an extension in a message that it does not belong in is illegal. And one that is malformed
/// is refused whether or not this handshake has a use for it (section 6.2, decode_error).
pub(crate) fn check_extensions(place: Place, extensions: &Extensions<'_>) -> Result<(), Error> {
    match extensions.iter().all(|(extension, _)| allowed_in(extension, place)) {
        true => Ok(check_forms(place, extensions)?),
        false => Err(Misbehaved::ExtensionOutOfPlace.into()),
    }
}
