//! Takes padding and MAC off a decrypted CBC record without telling anyone which of them was wrong (RFC 5246
//! section 6.2.3.2).
//!
//! Whoever can tell bad padding from a bad MAC, by an alert or by the time it takes, can decrypt (Vaudenay 2002,
//! and Lucky Thirteen, AlFardan and Paterson 2013). So nothing here branches on a decrypted byte or uses one as
//! an index; how long it takes depends on the length of the record alone.
use super::set_length12;
use crate::crypto::constant_time::{declassify, equal, hide, less};
use crate::crypto::hash::{HmacKey, MAX_OUTPUT};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// The most that padding takes: `padding_length` and as many bytes.
const MAX_PADDING: usize = 256;

/// Whether the padding at the end of `data` is right, with at least `before` bytes before it, as a mask; and how
/// long it is if so, with `padding_length`, else 0.
pub(super) fn padding(data: &[u8], before: usize) -> (usize, usize) {
    let Some(&last) = data.last() else { return (0, 0) };
    let padding_length = hide(last.into());
    let enough = !less(data.len(), before + padding_length + 1);
    // Each byte of the padding must be `padding_length`: an unchecked one is POODLE's oracle.
    let mut wrong = 0;
    for (distance, &byte) in data.iter().rev().take(MAX_PADDING).enumerate() {
        let inside = !less(padding_length, distance) as u8;
        wrong |= inside & (byte ^ last);
    }
    let good = hide(enough & equal(wrong.into(), 0));
    (good, good & (padding_length + 1))
}

/// Checks the padding and the MAC of a decrypted GenericBlockCipher, and says how long the content at its front
/// is. `header` is the additional data, whose length is set here, where it becomes known.
pub(super) fn open_mac_then_encrypt(mac: &HmacKey, header: &mut [u8; 13], data: &[u8]) -> Option<usize> {
    let mac_len = mac.algorithm().output_len();
    let (padding_good, padding_len) = padding(data, mac_len);
    // Without good padding this takes the MAC from the very end, where it is not, so as to do the same work.
    let max = data.len().checked_sub(mac_len)?;
    let min = max.saturating_sub(MAX_PADDING);
    let len = max.saturating_sub(padding_len);
    set_length12(header, len);
    let mut expected = [0; MAX_OUTPUT];
    mac.sign_hiding(header, &data[..max], min, len, &mut expected[..mac_len]);
    let mut found = [0; MAX_OUTPUT];
    copy_hidden(&data[min..], len - min, &mut found[..mac_len]);
    let mac_good = 0_usize.wrapping_sub(expected.ct_eq(&found).unwrap_u8().into());
    expected.zeroize();
    found.zeroize();
    // Good or bad: that is what the peer learns anyway, and with a good MAC the length.
    (declassify(padding_good & mac_good) != 0).then(|| declassify(len))
}

/// Copies the bytes of `data` from `start` to `out`, reading all of `data` alike. `start + out.len()` is not
/// beyond its end.
fn copy_hidden(data: &[u8], start: usize, out: &mut [u8]) {
    let (start, len) = (hide(start), out.len());
    let mut ring = [0; MAX_OUTPUT];
    let mut spare = [0; MAX_OUTPUT];
    // The bytes go round and round in a ring as long as `out`; only those that are wanted stay.
    let (mut begun, mut turn, mut slot) = (0, 0, 0);
    for (at, &byte) in data.iter().enumerate() {
        let first = equal(at, start);
        begun |= first;
        turn |= first & slot;
        ring[slot] |= byte & (begun & less(at, start + len)) as u8;
        slot = if slot + 1 == len { 0 } else { slot + 1 };
    }
    // Then the ring turns back by `turn`, one bit of it after the other.
    let mut step = 1;
    while step < len {
        // Hidden again: the compiler would make two loops of the one below, and choose between them.
        let keep = hide(!equal(turn & step, step)) as u8;
        for slot in 0..len {
            let from = if slot + step >= len { slot + step - len } else { slot + step };
            spare[slot] = ring[slot] & keep | ring[from] & !keep;
        }
        std::mem::swap(&mut ring, &mut spare);
        step <<= 1;
    }
    out.copy_from_slice(&ring[..len]);
    ring.zeroize();
    spare.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_copies() {
        let data: Vec<u8> = (1..=255).cycle().take(310).collect();
        for len in [1, 2, 20, 32, 48, 64] {
            for start in 0..=data.len() - len {
                let mut out = vec![0; len];
                copy_hidden(&data, start, &mut out);
                assert_eq!(out, data[start..start + len], "{len} bytes from {start}");
            }
        }
    }

    #[test]
    fn paddings() {
        assert_eq!(padding(&[], 0), (0, 0));
        assert_eq!(padding(&[0], 0), (usize::MAX, 1));
        assert_eq!(padding(&[0], 1), (0, 0));
        assert_eq!(padding(&[9, 2, 2, 2], 1), (usize::MAX, 3));
        assert_eq!(padding(&[9, 2, 2, 2], 2), (0, 0));
        assert_eq!(padding(&[9, 1, 2, 2], 0), (0, 0));
        assert_eq!(padding(&[2, 2], 0), (0, 0));
        assert_eq!(padding(&[255; 256], 0), (usize::MAX, 256));
        assert_eq!(padding(&[255; 255], 0), (0, 0));
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::hash::HashAlgorithm;
    use crate::crypto::judge::{constant_time, secret};

    /// A decrypted record: `len` bytes of content, its MAC, and padding that says `says`.
    fn decrypted(mac: &HmacKey, len: usize, total: usize, says: u8) -> Vec<u8> {
        let mut header = [3; 13];
        set_length12(&mut header, len);
        let mut data = vec![0x61; len];
        let mut tag = vec![0; mac.algorithm().output_len()];
        mac.sign(&[&header, &data], &mut tag);
        data.extend(tag);
        data.resize(total, says);
        data
    }

    /// The classes of Vaudenay and of Lucky Thirteen: good and bad MACs under good and bad padding of all lengths.
    #[test]
    fn padding_and_mac_are_taken_off_in_constant_time() {
        constant_time(|| {
            for algorithm in [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let key = [0x77; 32];
                let plain = HmacKey::new(algorithm, &key);
                let mac = HmacKey::new(algorithm, &secret(key));
                let total = 320;
                for padded in [1, 2, 17, 100, 256] {
                    let len = total - algorithm.output_len() - padded;
                    let says = (padded - 1) as u8;
                    let good = decrypted(&plain, len, total, says);
                    let bad_padding = decrypted(&plain, len, total, says ^ 1);
                    let mut bad_mac = good.clone();
                    bad_mac[len] ^= 1;
                    for (data, expected) in [(good, Some(len)), (bad_mac, None), (bad_padding, None)] {
                        let opened = open_mac_then_encrypt(&mac, &mut [3; 13], &secret(data));
                        assert_eq!(opened, expected);
                    }
                }
            }
        });
    }
}
