//! Sealer against Opener, and both against RFC 8448 and hostile peers.
use super::*;
use crate::error::{Error, Failure, Misbehaved, Misuse};
use crate::wire::ProtocolVersion;
use crate::wire::record::{MAX_CIPHERTEXT_12, MAX_CIPHERTEXT_13, MAX_PLAINTEXT};

const DATA: ContentType = ContentType::APPLICATION_DATA;

const AEADS: [AeadAlgorithm; 7] = [
    AeadAlgorithm::Aes128Gcm,
    AeadAlgorithm::Aes256Gcm,
    AeadAlgorithm::ChaCha20Poly1305,
    AeadAlgorithm::Aes128Ccm,
    AeadAlgorithm::Aes256Ccm,
    AeadAlgorithm::Aes128Ccm8,
    AeadAlgorithm::Aes256Ccm8,
];

const HASHES: [HashAlgorithm; 3] = [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha384];

const ORDERS: [CbcOrder; 2] = [CbcOrder::MacThenEncrypt, CbcOrder::EncryptThenMac];

/// Every protection there is, both ends.
fn pairs() -> Vec<(Sealer, Opener)> {
    let mut pairs = Vec::new();
    for algorithm in AEADS {
        let key = vec![0x11; algorithm.key_len()];
        let iv = &[0x22; 12][..];
        let fixed = if algorithm == AeadAlgorithm::ChaCha20Poly1305 { iv } else { &iv[..4] };
        pairs
            .push((Sealer::tls13(algorithm, &key, iv).unwrap(), Opener::tls13(algorithm, &key, iv).unwrap()));
        pairs.push((
            Sealer::tls12_aead(algorithm, &key, fixed).unwrap(),
            Opener::tls12_aead(algorithm, &key, fixed).unwrap(),
        ));
    }
    for algorithm in [CbcAlgorithm::Aes128Cbc, CbcAlgorithm::Aes256Cbc] {
        let key = vec![0x33; algorithm.key_len()];
        for hash in HASHES {
            let mac_key = vec![0x44; hash.output_len()];
            for order in ORDERS {
                pairs.push((
                    Sealer::tls12_cbc(algorithm, hash, &key, &mac_key, order).unwrap(),
                    Opener::tls12_cbc(algorithm, hash, &key, &mac_key, order).unwrap(),
                ));
            }
        }
    }
    pairs
}

#[track_caller]
fn seal(sealer: &mut Sealer, content_type: ContentType, plaintext: &[u8]) -> Vec<u8> {
    let mut output = Output::new();
    sealer.seal(content_type, plaintext, 0, &mut output).unwrap();
    output.as_slice().to_vec()
}

fn open(opener: &mut Opener, record: &[u8]) -> Result<(ContentType, Vec<u8>), Error> {
    let mut record = record.to_vec();
    opener.open(&mut record).map(|(content_type, within)| (content_type, record[within].to_vec()))
}

fn open_to(opener: &mut Opener, record: &[u8]) -> Result<(ContentType, Vec<u8>), Error> {
    let mut out = vec![0xee; record.len() - HEADER];
    opener.open_to(record, &mut out).map(|(content_type, len)| (content_type, out[..len].to_vec()))
}

fn bad_record_mac<T>() -> Result<T, Error> {
    Err(Misbehaved::BadRecordMac.into())
}

#[test]
fn what_is_sealed_opens() {
    let lengths = [0, 1, 2, 15, 16, 17, 255, 256, 257, 1000, MAX_PLAINTEXT - 1, MAX_PLAINTEXT];
    for (mut sealer, mut opener) in pairs() {
        let mut output = Output::new();
        let mut input = Vec::new();
        for len in lengths {
            let plaintext: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let before = output.len();
            sealer.seal(DATA, &plaintext, 0, &mut output).unwrap();
            assert!(output.len() - before <= len + sealer.overhead(), "{sealer:?}");
            input.clear();
            input.extend(&output.as_slice()[before..]);
            assert_eq!(opener.frame(&input), Ok(Some(input.len())));
            assert_eq!(open(&mut opener, &input), Ok((DATA, plaintext)), "{sealer:?}, {len} bytes");
        }
    }
}

#[test]
fn opening_elsewhere_is_opening() {
    for (mut sealer, mut opener) in pairs().into_iter().chain([(Sealer::plaintext(), Opener::plaintext())]) {
        for plaintext in [&b""[..], b"short", &[7; 5000]] {
            let record = seal(&mut sealer, DATA, plaintext);
            if opener.is_protected() {
                let mut flipped = record.clone();
                flipped[HEADER + 1] ^= 1;
                assert_eq!(open_to(&mut opener, &flipped), bad_record_mac(), "{sealer:?}");
            }
            if record.len() > HEADER {
                let mut short = vec![0; record.len() - HEADER - 1];
                assert_eq!(opener.open_to(&record, &mut short), Err(Failure::Crypto.into()));
            }
            assert_eq!(open_to(&mut opener, &record), Ok((DATA, plaintext.to_vec())), "{sealer:?}");
        }
        if opener.is_protected() {
            opener.set_plaintext_limit(10);
            let long = seal(&mut sealer, DATA, &[0; 11]);
            assert_eq!(open_to(&mut opener, &long), Err(Misbehaved::RecordTooLong.into()), "{sealer:?}");
        }
    }
}

#[test]
fn the_content_type_comes_through_and_is_authentic() {
    for (mut sealer, mut opener) in pairs() {
        for content_type in [ContentType::ALERT, ContentType::HANDSHAKE, DATA] {
            let mut record = seal(&mut sealer, content_type, b"ab");
            assert_eq!(open(&mut opener, &record), Ok((content_type, b"ab".to_vec())));
            record = seal(&mut sealer, content_type, b"ab");
            let seen = record[0];
            record[0] = if seen == 21 { 22 } else { 21 };
            let error = open(&mut opener, &record).unwrap_err();
            match format!("{sealer:?}").contains("1.3") {
                true => assert!(matches!(error, Error::Unexpected { .. })),
                false => assert_eq!(error, Misbehaved::BadRecordMac.into()),
            }
            record[0] = seen;
            assert!(open(&mut opener, &record).is_ok(), "what did not open does not use up a number");
        }
    }
}

#[test]
fn no_flipped_bit_goes_unseen() {
    for (mut sealer, mut opener) in pairs() {
        let record = seal(&mut sealer, DATA, b"the quick brown fox");
        for position in HEADER..record.len() {
            for bit in [1, 0x10, 0x80] {
                let mut flipped = record.clone();
                flipped[position] ^= bit;
                assert_eq!(open(&mut opener, &flipped), bad_record_mac(), "{sealer:?}, byte {position}");
            }
        }
        for len in HEADER..record.len() {
            let mut cut = record[..len].to_vec();
            cut[3..HEADER].copy_from_slice(&((len - HEADER) as u16).to_be_bytes());
            assert_eq!(open(&mut opener, &cut), bad_record_mac(), "{sealer:?}, {len} bytes");
        }
        assert!(open(&mut opener, &record).is_ok());
    }
}

const HEADER: usize = crate::wire::record::HEADER_LEN;

#[test]
fn records_open_once_and_in_order_only() {
    for (mut sealer, mut opener) in pairs() {
        let first = seal(&mut sealer, DATA, b"first");
        let second = seal(&mut sealer, DATA, b"second");
        assert_eq!(open(&mut opener, &second), bad_record_mac(), "{sealer:?} skipped");
        assert!(open(&mut opener, &first).is_ok());
        assert_eq!(open(&mut opener, &first), bad_record_mac(), "{sealer:?} replayed");
        assert!(open(&mut opener, &second).is_ok());
    }
}

#[test]
fn the_same_plaintext_never_looks_the_same() {
    for (mut sealer, _) in pairs() {
        let mut seen = std::collections::HashSet::new();
        assert!((0..300).all(|_| seen.insert(seal(&mut sealer, DATA, b"again"))), "{sealer:?}");
    }
}

#[test]
fn a_key_ends() {
    for (mut sealer, mut opener) in pairs() {
        sealer.skip_to(u64::MAX - 1);
        opener.skip_to(u64::MAX - 1);
        let mut output = Output::new();
        if sealer.seal(DATA, b"last", 0, &mut output).is_ok() {
            assert!(sealer.must_rekey());
            assert!(open(&mut opener, output.as_slice()).is_ok());
            assert_eq!(open(&mut opener, output.as_slice()), Err(Misuse::KeyExhausted.into()));
        }
        let sealed = output.len();
        for _ in 0..2 {
            let error = sealer.seal(DATA, b"one more", 0, &mut output);
            assert_eq!(error, Err(Misuse::KeyExhausted.into()), "{sealer:?}");
        }
        assert_eq!(output.len(), sealed);
    }
    let mut gcm = Sealer::tls13(AeadAlgorithm::Aes128Gcm, &[0; 16], &[0; 12]).unwrap();
    gcm.skip_to((1 << 24) - 1);
    assert!(!gcm.must_rekey());
    seal(&mut gcm, DATA, b"");
    assert!(gcm.must_rekey());
    gcm.skip_to(23_726_566);
    assert!(gcm.seal(DATA, b"", 0, &mut Output::new()).is_err());
}

#[test]
fn long_data_is_split() {
    let data: Vec<u8> = (0..40_000_u32).map(|at| at as u8).collect();
    for (mut sealer, mut opener) in pairs() {
        let mut output = Output::new();
        sealer.seal_all(DATA, &[], 100, &mut output).unwrap();
        assert!(output.is_empty());
        sealer.seal_all(DATA, &data, usize::MAX, &mut output).unwrap();
        sealer.seal_all(DATA, &data[..1000], 64, &mut output).unwrap();
        let mut lens = Vec::new();
        let mut opened = Vec::new();
        while let Some(len) = opener.frame(output.as_slice()).unwrap() {
            let (_, plaintext) = open(&mut opener, &output.as_slice()[..len]).unwrap();
            output.consume(len);
            lens.push(plaintext.len());
            opened.extend(plaintext);
        }
        assert_eq!(opened, [&data[..], &data[..1000]].concat());
        assert_eq!(lens[..4], [MAX_PLAINTEXT, MAX_PLAINTEXT, 40_000 - 2 * MAX_PLAINTEXT, 64]);
        assert_eq!(lens.len(), 3 + 16);
    }
}

#[test]
fn lengths_of_keys_are_checked() {
    for algorithm in AEADS {
        let key = vec![0; algorithm.key_len()];
        assert!(Sealer::tls13(algorithm, &key[1..], &[0; 12]).is_err());
        assert!(Opener::tls13(algorithm, &key, &[0; 11]).is_err());
        let wrong = if algorithm == AeadAlgorithm::ChaCha20Poly1305 { 4 } else { 12 };
        assert!(Sealer::tls12_aead(algorithm, &key, &[0; 12][..wrong]).is_err());
        assert!(Opener::tls12_aead(algorithm, &key, &[0; 12][..wrong]).is_err());
    }
    let (algorithm, hash) = (CbcAlgorithm::Aes256Cbc, HashAlgorithm::Sha1);
    assert!(Sealer::tls12_cbc(algorithm, hash, &[0; 16], &[0; 20], CbcOrder::EncryptThenMac).is_err());
    assert!(Opener::tls12_cbc(algorithm, hash, &[0; 16], &[0; 20], CbcOrder::EncryptThenMac).is_err());
}

#[test]
fn unprotected_records() {
    let mut sealer = Sealer::plaintext();
    let mut opener = Opener::plaintext();
    assert!(!sealer.is_protected() && !opener.is_protected() && !sealer.must_rekey());
    sealer.set_version(ProtocolVersion::TLS_1_0);
    let record = seal(&mut sealer, ContentType::HANDSHAKE, b"hello");
    assert_eq!(record, *b"\x16\x03\x01\x00\x05hello");
    assert_eq!(open(&mut opener, &record), Ok((ContentType::HANDSHAKE, b"hello".to_vec())));
    sealer.set_version(ProtocolVersion::TLS_1_2);
    assert_eq!(seal(&mut sealer, ContentType::ALERT, &[2, 40]), [21, 3, 3, 0, 2, 2, 40]);
}

#[test]
fn what_no_record_starts_with() {
    let opener = Opener::plaintext();
    assert_eq!(opener.frame(b""), Ok(None));
    assert_eq!(opener.frame(b"\x16\x03\x01\x00"), Ok(None));
    assert_eq!(opener.frame(b"\x16\x03\x01\x40\x00"), Ok(Some(5 + MAX_PLAINTEXT)));
    for (bytes, expected) in [
        (b"\x16\x03\x01\x40\x01", Misbehaved::RecordTooLong),
        (b"\x16\x02\x00\x00\x01", Misbehaved::WrongRecordVersion),
        (b"\x18\x03\x03\x00\x01", Misbehaved::UnknownContentType),
        (b"GET /", Misbehaved::HttpOnTlsPort),
        (b"SSH-2", Misbehaved::PlainTextOnTlsPort),
        (b"\x80\x2e\x01\x00\x02", Misbehaved::Ssl2Hello),
    ] {
        assert_eq!(opener.frame(bytes), Err(expected.into()));
        assert_eq!(Opener::plaintext().open(&mut bytes.to_vec()), Err(expected.into()));
    }
}

#[test]
fn limits_of_protected_records() {
    for (mut sealer, mut opener) in pairs() {
        let max = match format!("{sealer:?}").contains("1.3") {
            true => MAX_CIPHERTEXT_13,
            false => MAX_CIPHERTEXT_12,
        };
        let [high, low] = (max as u16).to_be_bytes();
        assert_eq!(opener.frame(&[23, 3, 3, high, low]), Ok(Some(5 + max)));
        let [high, low] = (max as u16 + 1).to_be_bytes();
        assert_eq!(opener.frame(&[23, 3, 3, high, low]), Err(Misbehaved::RecordTooLong.into()));
        assert_eq!(opener.frame(&[23, 3, 1, 0, 50]), Err(Misbehaved::WrongRecordVersion.into()));
        opener.set_plaintext_limit(100);
        assert!(open(&mut opener, &seal(&mut sealer, DATA, &[0; 100])).is_ok());
        let long = seal(&mut sealer, DATA, &[0; 101]);
        assert_eq!(open(&mut opener, &long), Err(Misbehaved::RecordTooLong.into()), "{sealer:?}");
    }
}

/// A record of TLS 1.3 whose inner plaintext is made by hand.
fn open13(inner: &[u8]) -> Result<(ContentType, Vec<u8>), Error> {
    let key = crate::crypto::aead::AeadKey::new(AeadAlgorithm::Aes128Gcm, &[0x11; 16]).unwrap();
    let [high, low] = (inner.len() as u16 + 16).to_be_bytes();
    let header = [23, 3, 3, high, low];
    let mut sealed = vec![0; inner.len() + 16];
    key.seal_to(&[0x22; 12], &header, inner, &[], &mut sealed).unwrap();
    let mut opener = Opener::tls13(AeadAlgorithm::Aes128Gcm, &[0x11; 16], &[0x22; 12]).unwrap();
    open(&mut opener, &[&header, &sealed[..]].concat())
}

#[test]
fn inner_plaintexts_of_tls13() {
    assert_eq!(open13(&[1, 2, 23]), Ok((DATA, vec![1, 2])));
    assert_eq!(open13(&[1, 0, 22, 0, 0, 0]), Ok((ContentType::HANDSHAKE, vec![1, 0])));
    assert_eq!(open13(&[21]), Ok((ContentType::ALERT, vec![])));
    assert_eq!(open13(&[]), Err(Misbehaved::NoContentType.into()));
    assert_eq!(open13(&[0; 100]), Err(Misbehaved::NoContentType.into()));
    assert_eq!(open13(&[1, 20]), Err(Misbehaved::UnexpectedChangeCipherSpec.into()));
    assert_eq!(open13(&[1, 24, 0]), Err(Misbehaved::UnknownContentType.into()));
    let mut long = vec![23; MAX_PLAINTEXT + 1];
    assert!(open13(&long).is_ok());
    long.push(0);
    assert_eq!(open13(&long), Err(Misbehaved::RecordTooLong.into()), "padding counts");
}

#[test]
fn padding_of_tls13() {
    for (mut sealer, mut opener) in pairs() {
        let mut output = Output::new();
        sealer.seal(DATA, b"short", 250, &mut output).unwrap();
        assert_eq!(open(&mut opener, output.as_slice()), Ok((DATA, b"short".to_vec())));
        if format!("{sealer:?}").contains("1.3") {
            assert_eq!(output.len(), 5 + 250 + sealer.overhead());
        }
        output.clear();
        sealer.seal(DATA, b"short", MAX_PLAINTEXT, &mut output).unwrap();
        assert_eq!(open(&mut opener, output.as_slice()), Ok((DATA, b"short".to_vec())));
    }
}

/// The nonce of GCM in TLS 1.2 stands in the record, and any will do (RFC 5288 section 3).
#[test]
fn explicit_nonces() {
    let algorithm = AeadAlgorithm::Aes128Gcm;
    let mut sealer = Sealer::tls12_aead(algorithm, &[1; 16], &[2; 4]).unwrap();
    sealer.skip_to(0x0102);
    assert_eq!(seal(&mut sealer, DATA, b"")[5..13], [0, 0, 0, 0, 0, 0, 1, 2]);
    let key = crate::crypto::aead::AeadKey::new(algorithm, &[1; 16]).unwrap();
    let nonce = [2, 2, 2, 2, 9, 9, 9, 9, 9, 9, 9, 9];
    let mut record = vec![23, 3, 3, 0, 27, 9, 9, 9, 9, 9, 9, 9, 9];
    record.resize(5 + 27, 0);
    key.seal_to(&nonce, &additional_data12(0, DATA, 3), b"abc", &[], &mut record[13..]).unwrap();
    let mut opener = Opener::tls12_aead(algorithm, &[1; 16], &[2; 4]).unwrap();
    assert_eq!(open(&mut opener, &record), Ok((DATA, b"abc".to_vec())));
}

mod cbc12;
mod rfc8448;

#[test]
fn who_listens_reads_on_after_a_loss() {
    for (mut sealer, mut opener) in pairs() {
        let records: Vec<Vec<u8>> = (0..8_u8).map(|number| seal(&mut sealer, DATA, &[number; 3])).collect();
        let mut out = [0; 128];
        let mut try_with = |at: usize, ahead| opener.open_after_loss(&records[at], &mut out, ahead);
        assert_eq!(try_with(2, 2).unwrap(), (DATA, 3, 2));
        // Never backwards, and never farther than asked.
        for at in [0, 2, 6] {
            assert_eq!(try_with(at, 2), Err(Error::Misbehaved(Misbehaved::BadRecordMac)), "{at}");
        }
        assert_eq!(try_with(3, 0).unwrap(), (DATA, 3, 0));
        assert_eq!(try_with(7, u64::MAX).unwrap(), (DATA, 3, 3));
        assert_eq!(out[..3], [7; 3]);
    }
}
