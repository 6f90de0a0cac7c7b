use super::*;
use crate::crypto::{
    hash::{HashAlgorithm, digest},
    random::test::Always,
};

const SET: ParameterSet = ParameterSet::MlKem768;
const LIBRARIES: [Library; 2] = [Library::Graviola, Library::AwsLc];

/// Those that run here. AWS-LC does everywhere.
fn libraries() -> impl Iterator<Item = Library> {
    LIBRARIES.into_iter().filter(|&library| library == Library::AwsLc || graviola::is_supported())
}

fn seed<const N: usize>(n: u32) -> [u8; N] {
    let hash = digest(HashAlgorithm::Sha512, &[&n.to_be_bytes(), &[N as u8]]);
    std::array::from_fn(|at| hash.as_ref()[at])
}

fn public(key: &DecapsulationKey) -> Vec<u8> {
    let mut public = vec![0; SET.encapsulation_key_len()];
    key.encapsulation_key(&mut public).unwrap();
    public
}

fn sent(library: Library, key: &[u8], m: &[u8; 32]) -> Option<(Vec<u8>, [u8; 32])> {
    let (mut ciphertext, mut secret) = (vec![0; SET.ciphertext_len()], [0; 32]);
    Recipient { set: SET, key }.encapsulate(library, m, &mut ciphertext, &mut secret)?;
    Some((ciphertext, secret))
}

fn opened(key: &DecapsulationKey, ciphertext: &[u8]) -> [u8; 32] {
    let mut secret = [0; 32];
    key.decapsulate(ciphertext, &mut secret).unwrap();
    secret
}

/// Whoever made the key, the ciphertext and the secret, each is the same, also where the ciphertext is forged.
#[test]
fn the_libraries_agree_on_every_byte() {
    for n in 0..300 {
        let seen: Vec<_> = libraries()
            .map(|library| {
                let key = DecapsulationKey::from_seed(library, SET, &seed(n)).unwrap();
                let (ciphertext, secret) = sent(library, &public(&key), &seed(n)).unwrap();
                assert_eq!(opened(&key, &ciphertext), secret);
                let mut forged = ciphertext.clone();
                forged[n as usize % 1088] ^= 1 << (n % 8);
                let rejected = opened(&key, &forged);
                assert_ne!(rejected, secret);
                (public(&key), ciphertext, secret, rejected)
            })
            .collect();
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{n}");
    }
}

/// A key of one opens what the other sent: two machines, of which one lacks the instructions.
#[test]
fn each_opens_what_the_other_sent() {
    for owner in libraries() {
        let key = DecapsulationKey::from_seed(owner, SET, &seed(7)).unwrap();
        for sender in libraries() {
            let (ciphertext, secret) = sent(sender, &public(&key), &seed(8)).unwrap();
            assert_eq!(opened(&key, &ciphertext), secret, "{sender:?} to {owner:?}");
        }
    }
}

/// FIPS 203 section 7.2, for each of the 768 coefficients.
#[test]
fn unreduced_keys_are_refused_by_both() {
    for library in libraries() {
        let key = DecapsulationKey::from_seed(library, SET, &seed(1)).unwrap();
        let valid = public(&key);
        for at in 0..768 {
            for coefficient in [3329_u16, 4095] {
                let mut wrong = valid.clone();
                // Two coefficients stand in three bytes.
                let bytes = &mut wrong[at / 2 * 3..][..3];
                let [low, high] = coefficient.to_le_bytes();
                match at % 2 {
                    0 => (bytes[0], bytes[1]) = (low, bytes[1] & 0xf0 | high),
                    _ => (bytes[1], bytes[2]) = (bytes[1] & 0x0f | low << 4, high << 4 | low >> 4),
                }
                assert_eq!(sent(library, &wrong, &seed(2)), None, "{library:?} {at}");
            }
        }
        assert!(sent(library, &valid, &seed(2)).is_some());
    }
}

#[test]
fn wrong_lengths_are_refused_by_both() {
    for library in libraries() {
        let key = DecapsulationKey::from_seed(library, SET, &seed(1)).unwrap();
        let valid = public(&key);
        let (ciphertext, mut secret) = sent(library, &valid, &seed(2)).unwrap();
        for len in [0, 1, 1087, 1089, 1183, 1185, 1568] {
            let wrong = vec![0; len];
            assert_eq!(sent(library, &wrong, &seed(2)), None, "{library:?} {len}");
            assert_eq!(key.decapsulate(&wrong, &mut secret), Err(WrongLength));
            assert_eq!(key.encapsulation_key(&mut vec![0; len]), Err(WrongLength));
            let mut wrong = vec![0; len];
            let to = Recipient { set: SET, key: &valid };
            assert_eq!(to.encapsulate(library, &seed(2), &mut wrong, &mut secret), None);
        }
        assert_eq!(key.decapsulate(&ciphertext, &mut [0; 31]), Err(WrongLength));
    }
}

/// The one that is chosen draws what it needs from the caller's source and from nowhere else.
#[test]
fn the_random_source_is_the_callers() {
    let run = || {
        let key = DecapsulationKey::generate(SET, &Always(3)).unwrap();
        let (mut ciphertext, mut secret) = (vec![0; SET.ciphertext_len()], [0; 32]);
        encapsulate(SET, &public(&key), &Always(4), &mut ciphertext, &mut secret).unwrap();
        (public(&key), ciphertext, secret)
    };
    assert_eq!(run(), run());
    let portable = DecapsulationKey::from_seed(Library::AwsLc, SET, &[3; 64]).unwrap();
    assert_eq!(run().0, public(&portable));
    assert_eq!(Some((run().1, run().2)), sent(Library::AwsLc, &run().0, &[4; 32]));
}

/// Where graviola is built in, and the processor has the instructions, it is what is used; ML-KEM-1024 is AWS-LC's.
#[test]
fn the_fastest_is_chosen() {
    let expected = if graviola::is_supported() { Library::Graviola } else { Library::AwsLc };
    assert_eq!(Library::of(SET), expected);
    assert_eq!(Library::of(ParameterSet::MlKem1024), Library::AwsLc);
}
