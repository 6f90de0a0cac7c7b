//! No ticket opens but by the key that sealed it, unchanged, and in its time.
use super::{
    key_file::{KeyFile, KeyFileError},
    server_session::tests::{at, session},
    ticket_key::Purpose,
    *,
};
use crate::{
    Secret,
    crypto::{Random, RandomFailed, SystemRandom, random::test::Always},
    wire::CipherSuite,
};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Barrier},
    time::Duration,
};

const SUITE: CipherSuite = CipherSuite::TLS_AES_128_GCM_SHA256;

/// A new key every 100 seconds, each opening for 50 more.
fn rotation() -> Rotation {
    Rotation::new(Duration::from_secs(100), Duration::from_secs(50))
}

fn seal(keys: &TicketKeys, now: u64) -> Option<Vec<u8>> {
    keys.seal(at(now), &SystemRandom, &session(SUITE))
}

fn open(keys: &TicketKeys, now: u64, ticket: &[u8]) -> Result<ServerSession, Miss> {
    keys.open(at(now), ticket)
}

fn window(not_before: u64, encrypt_until: u64, decrypt_until: u64) -> Window {
    let [not_before, encrypt_until, decrypt_until] = [not_before, encrypt_until, decrypt_until].map(at);
    Window { not_before, encrypt_until, decrypt_until }
}

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomFailed> {
        Err(RandomFailed)
    }
}

#[test]
fn a_ticket_brings_the_session_back_and_no_two_tickets_are_alike() {
    let keys = TicketKeys::rotating(rotation());
    let (one, other) = (seal(&keys, 1000).unwrap(), seal(&keys, 1000).unwrap());
    assert_eq!(open(&keys, 1000, &one), Ok(session(SUITE)));
    assert_eq!(open(&keys, 1000, &other), Ok(session(SUITE)));
    assert_eq!(one[..KEY_ID_LEN], other[..KEY_ID_LEN]);
    assert_ne!(one[KEY_ID_LEN..KEY_ID_LEN + 24], other[KEY_ID_LEN..KEY_ID_LEN + 24]);
    assert_ne!(one[KEY_ID_LEN + 24..], other[KEY_ID_LEN + 24..]);
}

#[test]
fn no_bit_of_a_ticket_can_be_flipped_and_none_left_out() {
    let keys = TicketKeys::rotating(rotation());
    let mut small = session(SUITE);
    small.client = None;
    let mut ticket = keys.seal(at(1000), &SystemRandom, &small).unwrap();
    for bit in 0..ticket.len() * 8 {
        ticket[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < KEY_ID_LEN * 8 { Miss::UnknownKey } else { Miss::Malformed };
        assert_eq!(open(&keys, 1000, &ticket), Err(expected), "bit {bit}");
        ticket[bit / 8] ^= 1 << (bit % 8);
    }
    for len in 0..ticket.len() {
        assert_eq!(open(&keys, 1000, &ticket[..len]), Err(Miss::Malformed), "{len} bytes");
    }
    ticket.push(0);
    assert_eq!(open(&keys, 1000, &ticket), Err(Miss::Malformed));
    assert_eq!(open(&keys, 1000, &vec![0; MAX_TICKET + 1]), Err(Miss::Malformed));
}

#[test]
fn a_key_that_nobody_drew_is_no_key() {
    let bad = |secret: &[u8]| TicketKey::new([1; 16], Secret::from(secret), window(0, 1, 2)).map(|_| ());
    for byte in [0, 7, 0xff] {
        assert_eq!(bad(&[byte; 32]), Err(BadTicketKey::NotRandom));
    }
    assert_eq!(bad(&[]), Err(BadTicketKey::NotRandom));
    assert_eq!(bad(&[1, 2, 3]), Err(BadTicketKey::NotRandom));
    assert!(TicketKey::generate(&Always(0), window(0, 1, 2)).is_err());
    for (a, b, c) in [(1, 1, 2), (2, 1, 3), (1, 3, 2)] {
        let secret: Vec<u8> = (0..32).collect();
        let key = TicketKey::new([1; 16], Secret::from(&*secret), window(a, b, c));
        assert_eq!(key.map(|_| ()), Err(BadTicketKey::BadWindow));
    }
}

/// CVE-2020-13777: until the first rotation, the tickets of a fresh server were sealed with zeros.
#[test]
fn a_fresh_servers_tickets_do_not_open_under_an_all_zero_key() {
    use crate::crypto::{
        aead::{AeadAlgorithm, AeadKey},
        hash::{HashAlgorithm, HmacKey},
    };
    let opens_with = |key: &[u8], ticket: &[u8]| {
        let (front, sealed) = ticket.split_at(KEY_ID_LEN + 24);
        let mut derived = [0; 32];
        HmacKey::new(HashAlgorithm::Sha256, key)
            .sign(&[b"premaster ticket", &front[KEY_ID_LEN..], &[1]], &mut derived);
        [&derived[..], &key[..32]].iter().any(|key| {
            let key = AeadKey::new(AeadAlgorithm::Aes256Gcm, key).unwrap();
            key.open_in_place(&[0; 12], front, &mut sealed.to_vec()).is_ok()
        })
    };
    let ticket = seal(&TicketKeys::rotating(rotation()), 0).unwrap();
    assert!(!opens_with(&[0; 32], &ticket));
    // The same steps with the right key do open a ticket: it is the key that is wrong above.
    let secret: Vec<u8> = (0..32).collect();
    let key = TicketKey::new([1; 16], Secret::from(&*secret), window(0, 10, 20)).unwrap();
    let ticket = seal(&TicketKeys::held([key]), 0).unwrap();
    assert!(opens_with(&secret, &ticket) && !opens_with(&[0; 32], &ticket));
}

#[test]
fn without_a_valid_key_or_randomness_there_is_no_ticket() {
    let none = TicketKeys::held([]);
    assert_eq!(seal(&none, 1000), None);
    assert_eq!(none.forward_secrecy_window(), Duration::ZERO);
    let key = TicketKey::generate(&SystemRandom, window(1000, 1100, 1200)).unwrap();
    let keys = TicketKeys::held([key]);
    assert!(seal(&keys, 999).is_none() && seal(&keys, 1000).is_some() && seal(&keys, 1099).is_some());
    assert!(seal(&keys, 1100).is_none());
    let rotating = TicketKeys::rotating(rotation());
    assert_eq!(rotating.seal(at(1000), &NoRandom, &session(SUITE)), None);
    assert!(rotating.status(at(1000)).is_empty());
    assert!(seal(&rotating, 1000).is_some());
}

#[test]
fn a_ticket_opens_until_its_keys_window_ends_and_never_after() {
    let keys = TicketKeys::rotating(rotation());
    let ticket = seal(&keys, 1000).unwrap();
    assert!(open(&keys, 1099, &ticket).is_ok());
    let second = seal(&keys, 1100).unwrap();
    assert_ne!(ticket[..KEY_ID_LEN], second[..KEY_ID_LEN]);
    assert!(open(&keys, 1149, &ticket).is_ok());
    assert_eq!(open(&keys, 1150, &ticket), Err(Miss::ExpiredKey));
    assert!(open(&keys, 1150, &second).is_ok());
    // It is erased: a clock that is set back does not bring it back, and no key that is held opens the ticket.
    assert_eq!(open(&keys, 1000, &ticket), Err(Miss::ExpiredKey));
    let held: Vec<_> = keys.status(at(1150)).iter().map(|status| status.id).collect();
    assert!(held.iter().all(|id| id != ticket.first_chunk().unwrap()));
    assert_eq!(keys.forward_secrecy_window(), Duration::from_secs(150));
}

#[test]
fn a_server_that_was_idle_for_long_starts_afresh() {
    let keys = TicketKeys::rotating(rotation());
    let ticket = seal(&keys, 1000).unwrap();
    assert_eq!(open(&keys, 1_000_000, &ticket), Err(Miss::ExpiredKey));
    let later = seal(&keys, 1_000_000).unwrap();
    assert!(open(&keys, 1_000_099, &later).is_ok());
    assert_eq!(keys.status(at(1_000_000)).len(), 2);
}

#[test]
fn one_seals_the_next_is_known_and_several_open() {
    let keys = TicketKeys::rotating(rotation());
    seal(&keys, 1000);
    seal(&keys, 1100);
    let status: Vec<_> = keys.status(at(1120)).iter().map(|key| (key.usage, key.window.not_before)).collect();
    assert_eq!(status, [(KeyUse::Next, at(1200)), (KeyUse::Sealing, at(1100)), (KeyUse::Opening, at(1000))]);
    keys.maintain(at(1150), None);
    assert_eq!(keys.status(at(1150)).len(), 2);
}

#[test]
fn two_nodes_with_the_same_keys_open_each_others_tickets_whatever_their_clocks_say() {
    let windows = [window(1000, 1100, 1150), window(1100, 1200, 1250)];
    let make = |id: u8, window| {
        let secret: Vec<u8> = (id..id + 32).collect();
        TicketKey::new([id; 16], Secret::from(&*secret), window).unwrap()
    };
    let node = || TicketKeys::held(windows.iter().zip(1..).map(|(&window, id)| make(id, window)));
    let (fast, slow) = (node(), node());
    // The one rotates before the other: the other knows the key already.
    let ticket = seal(&fast, 1101).unwrap();
    assert_eq!(ticket[0], 2);
    assert!(open(&slow, 1099, &ticket).is_ok());
    let ticket = seal(&slow, 1099).unwrap();
    assert_eq!(ticket[0], 1);
    assert!(open(&fast, 1149, &ticket).is_ok());
    // Where windows overlap everybody chooses the same key.
    let overlapping = [make(3, window(1000, 1100, 1150)), make(4, window(1050, 1150, 1200))];
    let keys = TicketKeys::held(overlapping);
    assert_eq!((seal(&keys, 1049).unwrap()[0], seal(&keys, 1050).unwrap()[0]), (3, 4));
    keys.replace([]);
    assert_eq!(seal(&keys, 1049), None);
    assert_eq!(keys.open(at(1049), &[3; 100]), Err(Miss::ExpiredKey));
}

#[test]
fn what_is_sealed_for_a_store_is_no_ticket_and_has_one_name() {
    let keys = TicketKeys::rotating(rotation());
    let (now, one, other) = (at(1000), [1; 32], [2; 32]);
    let stored = keys.seal_as(now, &SystemRandom, Purpose::Stored(&one), &session(SUITE)).unwrap();
    assert!(keys.open_as(now, Purpose::Stored(&one), &stored).is_ok());
    assert_eq!(keys.open_as(now, Purpose::Stored(&other), &stored), Err(Miss::Malformed));
    assert_eq!(keys.open(now, &stored), Err(Miss::Malformed));
}

#[test]
fn a_ticket_that_would_be_too_long_is_not_made() {
    use crate::{identity::PeerIdentity, wire::CertificateType};
    let mut large = session(SUITE);
    large.client = Some(Arc::new(PeerIdentity::remembered(
        CertificateType::X509,
        vec![vec![0; MAX_TICKET].into()].into(),
        true,
    )));
    let keys = TicketKeys::rotating(rotation());
    assert_eq!(keys.seal(at(1000), &SystemRandom, &large), None);
}

#[test]
fn sealing_while_rotating_never_fails_and_every_ticket_opens() {
    let keys = TicketKeys::rotating(rotation());
    // They have one clock: nobody goes on to the next second before all are through with this one.
    let second = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for now in 1000..2000 {
                    second.wait();
                    let ticket = seal(&keys, now).unwrap();
                    assert!(open(&keys, now, &ticket).is_ok(), "{now}");
                }
            });
        }
    });
}

/// A directory of this test's own, gone when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("premaster-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn processes_that_share_a_file_open_each_others_tickets_through_rotations() {
    let directory = Directory::new("shared");
    let start =
        |now: u64, rotation| TicketKeys::from_file(directory.keys(), rotation, at(now), &SystemRandom);
    assert!(matches!(start(1000, None), Err(KeyFileError::Io(_))));
    let one = start(1000, Some(rotation())).unwrap();
    let (two, reader) = (start(1001, Some(rotation())).unwrap(), start(1001, None).unwrap());
    let mut names = Vec::new();
    for now in (1002..1500).step_by(2) {
        let (from_one, from_two) = (seal(&one, now).unwrap(), seal(&two, now + 1).unwrap());
        for keys in [&one, &two, &reader] {
            assert!(open(keys, now + 1, &from_one).is_ok(), "{now} {keys:?}");
            assert!(open(keys, now + 1, &from_two).is_ok(), "{now} {keys:?}");
        }
        names.push(from_one[..KEY_ID_LEN].to_vec());
    }
    names.dedup();
    assert_eq!(names.len(), 5);
    assert!(one.file_error().is_none() && reader.file_error().is_none());
    let file = KeyFile::new(directory.keys());
    assert!(file.read().unwrap().len() <= 4, "expired keys leave the file");
    assert!(!directory.0.join("keys.lock").exists());
}

/// The first thing in each second is an opening, which cannot make a key.
#[test]
fn a_busy_server_rotates_its_file_too() {
    let directory = Directory::new("busy");
    let keys = TicketKeys::from_file(directory.keys(), Some(rotation()), at(1000), &SystemRandom).unwrap();
    let mut ticket = seal(&keys, 1000).unwrap();
    for now in 1001..1500 {
        assert!(open(&keys, now, &ticket).is_ok(), "{now}");
        ticket = seal(&keys, now).unwrap_or_else(|| panic!("no key seals at {now}"));
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("open");
    let start = || TicketKeys::from_file(directory.keys(), Some(rotation()), at(1000), &SystemRandom);
    start().unwrap();
    let mode = fs::metadata(directory.keys()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(directory.keys(), fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(start(), Err(KeyFileError::Open { mode: found }) if found == mode));
    }
}

#[test]
fn a_file_that_goes_bad_leaves_the_keys_that_were_read_in_use() {
    let directory = Directory::new("bad");
    let keys = TicketKeys::from_file(directory.keys(), Some(rotation()), at(1000), &SystemRandom).unwrap();
    let ticket = seal(&keys, 1000).unwrap();
    let good = fs::read_to_string(directory.keys()).unwrap();
    let write = |text: &str| fs::write(directory.keys(), text).unwrap();
    let line = good.lines().nth(2).unwrap();
    let read = |text: String| {
        write(&text);
        KeyFile::new(directory.keys()).read().map(|keys| keys.len())
    };
    assert!(matches!(read(good.clone()), Ok(2)));
    assert!(matches!(read(good.replace("format 1", "format 2")), Err(KeyFileError::BadLine(1))));
    assert!(matches!(read(format!("{good}{line}\n")), Err(KeyFileError::BadLine(5))), "a name twice");
    assert!(matches!(
        read(format!("{good}{} 7\n", line.replace("1000 ", "1001 "))),
        Err(KeyFileError::BadLine(5))
    ));
    let zeros = format!("{} {} 1 2 3", "ab".repeat(16), "00".repeat(32));
    assert!(matches!(read(format!("{good}{zeros}\n")), Err(KeyFileError::BadLine(5))), "zeros");
    assert!(matches!(read("x".repeat(1 << 17)), Err(KeyFileError::TooLong)));
    assert!(open(&keys, 1002, &ticket).is_ok() && seal(&keys, 1002).is_some());
    assert!(keys.file_error().is_some());
    for len in 0..good.len() - 1 {
        write(&good[..len]);
        let _ = KeyFile::new(directory.keys()).read();
    }
    write(&good);
    assert!(open(&keys, 1004, &ticket).is_ok() && keys.file_error().is_none());
}

#[test]
fn secrets_are_not_printed() {
    let keys = TicketKeys::rotating(rotation());
    seal(&keys, 1000);
    let text = format!("{keys:?} {:?}", session(SUITE).to_bytes().unwrap());
    assert!(text.len() < 300 && text.contains("rotating") && text.contains("SessionBytes("), "{text}");
}
