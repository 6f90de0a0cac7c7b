//! What both sides know after an exchange.
use crate::{Secret, crypto::constant_time::declassify};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The secret that both sides of one exchange share, and nobody else.
///
/// It has two exits. TLS 1.3 takes it whole; TLS 1.2 strips the leading zeros off what comes from a
/// finite-field exchange.
#[derive(Debug)]
pub struct SharedSecret {
    secret: Secret,
    /// Whether it is an integer of a finite-field exchange, left padded to the length of the prime.
    finite_field: bool,
}

impl SharedSecret {
    /// Of RSA, of a curve or of a hybrid: TLS 1.2 takes it as it is (RFC 5246 section 8.1.1, RFC 8422 section
    /// 5.10).
    pub(crate) const fn whole(secret: Secret) -> Self {
        Self { secret, finite_field: false }
    }

    /// Of a finite-field exchange, left padded to the length of the prime.
    pub(crate) const fn finite_field(secret: Secret) -> Self {
        Self { secret, finite_field: true }
    }

    /// As TLS 1.3 wants it: whole, a finite-field secret left padded with zeros (RFC 9846 section 7.4.1).
    pub fn input_keying_material(&self) -> &[u8] {
        self.secret.expose()
    }

    /// As TLS 1.2 wants it: a finite-field secret without its leading zeros (RFC 5246 section 8.1.2).
    ///
    /// That rule makes the length of the premaster secret depend on the secret, and whoever is given it here can tell
    /// how long it is. The key schedule hashes the secret in a way that hides its length instead.
    pub fn into_premaster(self) -> Secret {
        let (secret, len) = self.into_stripped();
        match declassify(len) {
            len if len == secret.len() => secret,
            len => Secret::fill(len, |out| out.copy_from_slice(&secret.expose()[..len])),
        }
    }

    /// As TLS 1.2 wants it, at the front of the secret, and how long that is: itself a secret.
    ///
    /// The Raccoon attack measures how many zeros were stripped. The stripping takes the same steps whatever it
    /// strips, and [`HmacKey::new_hiding`](crate::crypto::hash::HmacKey::new_hiding) hashes what is left so that its
    /// length does not show either. The attack needs many replies to one private key besides, and
    /// [`EphemeralKey`](super::EphemeralKey) opens one only.
    pub(crate) fn into_stripped(mut self) -> (Secret, usize) {
        let len = match self.finite_field {
            true => strip_leading_zeros(self.secret.expose_mut()),
            false => self.secret.len(),
        };
        (self.secret, len)
    }
}

/// Shifts the leading zeros out by powers of two, each shift done or not done in the same time, and says how long
/// what is left is.
fn strip_leading_zeros(bytes: &mut [u8]) -> usize {
    let len = bytes.len();
    let mut zeros = 0_u32;
    let mut leading = Choice::from(1);
    for byte in &*bytes {
        leading &= byte.ct_eq(&0);
        zeros += u32::from(leading.unwrap_u8());
    }
    for bit in 0..usize::BITS - len.leading_zeros() {
        let shift = Choice::from((zeros >> bit & 1) as u8);
        let by = 1 << bit;
        for at in 0..len {
            let from = bytes.get(at + by).copied().unwrap_or_default();
            if let Some(byte) = bytes.get_mut(at) {
                byte.conditional_assign(&from, shift);
            }
        }
    }
    len - zeros as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finite(bytes: &[u8]) -> SharedSecret {
        SharedSecret::finite_field(bytes.into())
    }

    #[test]
    fn only_finite_field_secrets_are_stripped_and_only_for_tls12() {
        for zeros in 0..=40 {
            let mut bytes = [vec![0; zeros], (1..=40).collect(), vec![0; 3]].concat();
            assert_eq!(finite(&bytes).input_keying_material(), bytes);
            assert_eq!(SharedSecret::whole(bytes[..].into()).into_premaster().expose(), bytes);
            let stripped = finite(&bytes).into_premaster();
            assert_eq!(stripped.expose(), bytes.split_off(zeros));
        }
    }

    #[test]
    fn every_length_is_stripped_right() {
        for len in 0..70 {
            for zeros in 0..=len {
                let mut bytes = vec![0xa5; len];
                bytes[..zeros].fill(0);
                assert_eq!(finite(&bytes).into_premaster().expose(), &bytes[zeros..]);
            }
        }
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, public, secret};

    #[test]
    fn leading_zeros_are_stripped_in_constant_time() {
        constant_time(|| {
            for zeros in [0, 1, 2, 31, 255, 256] {
                let mut bytes = vec![0xa5; 256];
                bytes[..zeros].fill(0);
                let shared = SharedSecret::finite_field(bytes[..].into());
                secret(shared.input_keying_material());
                let (premaster, len) = shared.into_stripped();
                let len = usize::from_ne_bytes(public(len.to_ne_bytes()));
                assert_eq!(&public(premaster.expose())[..len], &bytes[zeros..]);
            }
        });
    }
}
