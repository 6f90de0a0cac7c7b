//! RSA key transport (RFC 5246 section 7.4.7.1): the client makes the secret up, and encrypts it to the
//! certificate.
//!
//! ```text
//! EM = 0x00 || 0x02 || PS, nonzero || 0x00 || client_version || random[46]
//! ```
use super::SharedSecret;
use crate::{
    Error, Secret,
    crypto::{
        Random, RandomFailed,
        rsa::{PrivateKey, PublicKey},
    },
    error::Failure,
    wire::ProtocolVersion,
};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Bytes of the premaster secret.
const PREMASTER_LEN: usize = 48;

/// How often a byte of padding is drawn anew before the source of randomness counts as broken.
const MAX_DRAWS: usize = 64;

/// Makes a premaster secret up, and encrypts it.
pub(super) fn encapsulate(
    key: &PublicKey,
    offered: ProtocolVersion,
    random: &dyn Random,
) -> Result<(Vec<u8>, SharedSecret), Error> {
    let premaster = Secret::try_fill(PREMASTER_LEN, |premaster| {
        random.fill(premaster)?;
        // The version that ClientHello offers, not the one that was agreed on, so that the server can tell
        // whether somebody forced it down (RFC 5246 section 7.4.7.1).
        let version = premaster.first_chunk_mut().ok_or(RandomFailed)?;
        *version = offered.0.to_be_bytes();
        Ok::<_, RandomFailed>(())
    })?;
    let message = Secret::try_fill(key.len(), |message| pad(message, premaster.expose(), random))?;
    let mut reply = vec![0; key.len()];
    key.encrypt_raw(message.expose(), &mut reply).map_err(|_| Failure::Crypto)?;
    Ok((reply, SharedSecret::whole(premaster)))
}

/// EME-PKCS1-v1_5 (RFC 8017 section 7.2.1).
fn pad(message: &mut [u8], premaster: &[u8], random: &dyn Random) -> Result<(), Failure> {
    let start = message.len().checked_sub(premaster.len() + 1).ok_or(Failure::Crypto)?;
    let Some(([zero, two, padding @ ..], [end, contents @ ..])) = message.split_at_mut_checked(start) else {
        return Err(Failure::Crypto);
    };
    (*zero, *two, *end) = (0, 2, 0);
    contents.copy_from_slice(premaster);
    random.fill(padding)?;
    for byte in padding {
        let mut draws = 0;
        while *byte == 0 {
            draws += 1;
            if draws == MAX_DRAWS {
                return Err(Failure::Random);
            }
            random.fill(std::slice::from_mut(byte))?;
        }
    }
    Ok(())
}

/// Opens a client's EncryptedPreMasterSecret, always with success.
///
/// Whatever is wrong with it, be it the padding, the length of what it holds, or the version, the result is a
/// random secret, as RFC 5246 section 7.4.7.1 asks: the handshake then fails at Finished, as it does for a
/// wrong key, and tells nothing of what was wrong. Anything else would be Bleichenbacher's oracle (1998,
/// ROBOT 2017). No branch and no address depends on what was decrypted, and the random secret is drawn
/// before.
///
/// A ciphertext of the wrong length takes less time to refuse. Whoever sent it knows its length.
///
/// # Errors
/// [`Failure::Random`] if no randomness can be had, which does not depend on the ciphertext.
pub(super) fn open(
    key: &PrivateKey,
    encrypted: &[u8],
    offered: ProtocolVersion,
    random: &dyn Random,
) -> Result<SharedSecret, Failure> {
    let mut premaster = Secret::try_fill(PREMASTER_LEN, |premaster| random.fill(premaster))?;
    let mut opened = Choice::from(0);
    let message = Secret::fill(key.len(), |message| {
        opened = Choice::from(u8::from(key.decrypt_raw(encrypted, message).is_ok()));
    });
    select(message.expose(), opened, offered, premaster.expose_mut())?;
    Ok(SharedSecret::whole(premaster))
}

/// Overwrites the random `premaster` with what is in the `message`, if all is right with it.
fn select(
    message: &[u8],
    opened: Choice,
    offered: ProtocolVersion,
    premaster: &mut [u8],
) -> Result<(), Failure> {
    let Some((padding, contents)) = message.split_last_chunk::<PREMASTER_LEN>() else {
        return Err(Failure::Configuration);
    };
    let good = opened & is_padding(padding) & is_version(contents, offered);
    for (byte, decrypted) in premaster.iter_mut().zip(contents) {
        byte.conditional_assign(decrypted, good);
    }
    Ok(())
}

/// Whether this is `0x00 || 0x02 || PS || 0x00`, where no byte of PS, which has at least eight, is zero.
fn is_padding(padding: &[u8]) -> Choice {
    let [zero, two, string @ .., end] = padding else { return Choice::from(0) };
    let mut good = zero.ct_eq(&0) & two.ct_eq(&2) & end.ct_eq(&0);
    for byte in string {
        good &= !byte.ct_eq(&0);
    }
    good & Choice::from(u8::from(string.len() >= 8))
}

/// The check against rollback is part of the padding's: were it done later, or told apart, it would be an
/// oracle of its own (Klíma, Pokorný and Rosa 2003).
fn is_version(premaster: &[u8; PREMASTER_LEN], offered: ProtocolVersion) -> Choice {
    premaster[..2].ct_eq(&offered.0.to_be_bytes())
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, public, secret, secret_number};

    #[test]
    fn the_premaster_secret_is_selected_in_constant_time() {
        constant_time(|| {
            let offered = ProtocolVersion::TLS_1_2;
            let good = |position: usize, byte: u8| {
                let mut message =
                    [&[0, 2][..], &[0x55; 205], &[0], &offered.0.to_be_bytes(), &[7; 46]].concat();
                message[position] = byte;
                message
            };
            let contents = &good(1, 2)[208..];
            // The bad ones of Bleichenbacher and Marvin: the first bytes, the padding, its end, the version.
            for (position, byte) in [(1, 2), (0, 1), (1, 1), (5, 0), (100, 0), (207, 1), (208, 0), (209, 9)] {
                for opened in [1, 0] {
                    let message = secret(good(position, byte));
                    let opened_choice = Choice::from(secret_number(opened) as u8);
                    let mut premaster = secret([0x33; PREMASTER_LEN]);
                    select(&message, opened_choice, offered, &mut premaster).unwrap();
                    let is_good = position == 1 && byte == 2 && opened == 1;
                    assert_eq!(public(premaster)[..], if is_good { contents } else { &[0x33; 48] }[..]);
                }
            }
        });
    }
}
