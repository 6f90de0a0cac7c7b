//! Pre-shared keys in TLS 1.2 (RFC 4279, RFC 5489).
use super::SharedSecret;
use crate::{Secret, error::Failure};

/// The premaster secret of the PSK suites: `other_secret<0..2^16-1>` and `psk<0..2^16-1>` (RFC 4279 section
/// 2).
///
/// `other` is the secret of the key exchange that goes along with the key: Diffie-Hellman (section 3), RSA
/// (section 4) or ECDHE (RFC 5489 section 2). Without one, as many zeros as the key is long stand in its
/// place.
///
/// # Errors
/// [`Failure::Configuration`] if the key is longer than 2^16-1 bytes.
pub fn psk_premaster(other: Option<SharedSecret>, psk: &[u8]) -> Result<Secret, Failure> {
    let other = match other {
        Some(other) => other.into_premaster(),
        None => Secret::fill(psk.len(), |_| ()),
    };
    let vectors = [other.expose(), psk];
    Secret::try_fill(4 + other.len() + psk.len(), |mut out| {
        for vector in vectors {
            let len = u16::try_from(vector.len()).map_err(|_| Failure::Configuration)?;
            let (head, rest) = out.split_at_mut_checked(2 + vector.len()).ok_or(Failure::Configuration)?;
            let (prefix, contents) = head.split_at_mut_checked(2).ok_or(Failure::Configuration)?;
            prefix.copy_from_slice(&len.to_be_bytes());
            contents.copy_from_slice(vector);
            out = rest;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_stand_in_for_no_exchange() {
        let premaster = psk_premaster(None, &[1, 2, 3]).unwrap();
        assert_eq!(premaster.expose(), [0, 3, 0, 0, 0, 0, 3, 1, 2, 3]);
        assert_eq!(psk_premaster(None, &[]).unwrap().expose(), [0; 4]);
    }

    #[test]
    fn the_exchange_comes_first_as_tls12_takes_it() {
        let secret = || Secret::from(&[0, 0, 9, 8][..]);
        let finite = psk_premaster(Some(SharedSecret::finite_field(secret())), &[1]).unwrap();
        assert_eq!(finite.expose(), [0, 2, 9, 8, 0, 1, 1]);
        let curve = psk_premaster(Some(SharedSecret::whole(secret())), &[1]).unwrap();
        assert_eq!(curve.expose(), [0, 4, 0, 0, 9, 8, 0, 1, 1]);
    }

    #[test]
    fn a_key_too_long_for_its_length() {
        assert_eq!(psk_premaster(None, &vec![1; 1 << 16]), Err(Failure::Configuration));
        assert_eq!(psk_premaster(None, &vec![1; (1 << 16) - 1]).unwrap().len(), 2 * ((1 << 16) - 1) + 4);
    }
}
