//! Messages left out, or sent before their time.
use super::{CLIENT12, CLIENT13, House, SERVER12, SERVER13, fails, unexpected};
use crate::{
    common::Key,
    puppet::{Part, Puppet, Say, V12, V13},
};
use premaster::{
    config::ClientAuthentication,
    error::Misbehaved,
    wire::{AlertDescription as Alert, ContentType},
};

/// The script without the message at each place in turn.
fn skipping(script: &[Say]) -> impl Iterator<Item = (Say, Vec<Say>)> + '_ {
    (0..script.len()).map(|gone| {
        let mut rest = script.to_vec();
        (rest.remove(gone), rest)
    })
}

/// SMACK and SKIP-TLS (2015): JSSE, CyaSSL, OpenSSL and others let a peer leave messages out. Without Certificate,
/// ServerKeyExchange or ChangeCipherSpec, anybody was the server, and what was sent went in the clear.
#[test]
fn smack_skipped_messages() {
    let house = House::new();
    for (say, script) in skipping(&SERVER12) {
        let mut puppet = Puppet::server(house.tls12(), house.client());
        puppet.says(&script);
        assert!(!puppet.is_connected(), "without {say:?}");
        assert!(say == Say::Finished || puppet.error.is_some(), "without {say:?}");
    }
    for (say, script) in skipping(&SERVER13) {
        let mut puppet = Puppet::server(house.tls13(), house.client());
        puppet.says(&script);
        assert!(!puppet.is_connected(), "without {say:?}");
        assert!(say == Say::Finished || puppet.error.is_some(), "without {say:?}");
    }
    for (part, script) in [(house.tls12(), &CLIENT12[..]), (house.tls13(), &CLIENT13)] {
        for (say, script) in skipping(script) {
            let mut puppet = Puppet::client(part.clone(), house.server());
            puppet.says(&script);
            assert!(!puppet.is_connected(), "without {say:?}");
        }
    }
}

/// Apple's "goto fail" and GnuTLS, both 2014: one jump too many, and a signature over the key exchange was not checked.
/// Whoever sat in the middle chose the keys.
#[test]
fn goto_fail_wrong_signatures() {
    let house = House::new();
    for (say, part) in [(Say::ServerKeyExchange, house.tls12()), (Say::CertificateVerify, house.tls13())] {
        let mut puppet = Puppet::server(part, house.client());
        puppet.says(&[Say::ServerHello]);
        if puppet.part.version == V13 {
            puppet.says(&[Say::EncryptedExtensions]);
        }
        puppet.says(&[Say::Certificate]);
        let mut message = puppet.make(say);
        *message.last_mut().unwrap() ^= 1;
        puppet.say_bytes(say, &message);
        fails(&puppet, Misbehaved::BadSignature, Alert::decrypt_error);
    }
}

/// wolfSSL, 2020: a TLS 1.3 server that sent Finished in place of CertificateVerify was believed: any certificate,
/// without its key.
#[test]
fn certificate_verify_left_out_by_the_server() {
    let house = House::new();
    let mut puppet = Puppet::server(house.tls13(), house.client());
    puppet.says(&[Say::ServerHello, Say::EncryptedExtensions, Say::Certificate, Say::Finished]);
    unexpected(&puppet);
}

fn with_client_authentication(house: &House) -> std::sync::Arc<premaster::ServerConfig> {
    let verifier = house.authority.verifier().into();
    house.server_with(|builder| builder.client_authentication(ClientAuthentication::Required(verifier)))
}

/// wolfSSL, 2026: CertificateVerify was taken before ClientKeyExchange, where it signs nothing of the exchange; others
/// took a certificate without it. Either way anybody's public certificate was a way in.
#[test]
fn certificate_verify_early_or_missing() {
    let house = House::new();
    let client = |part: Part| part.certified(&house.authority, Key::EcdsaP256, "client");
    for script in [
        &[Say::ClientHello, Say::Certificate, Say::CertificateVerify, Say::ClientKeyExchange][..],
        &[Say::ClientHello, Say::CertificateVerify, Say::Certificate],
        &[Say::ClientHello, Say::Certificate, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished],
        &[Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec, Say::Finished],
    ] {
        let mut puppet = Puppet::client(client(house.tls12()), with_client_authentication(&house));
        puppet.says(script);
        unexpected(&puppet);
    }
    for script in [
        &[Say::ClientHello, Say::Certificate, Say::Finished][..],
        &[Say::ClientHello, Say::CertificateVerify, Say::Certificate, Say::Finished],
        &[Say::ClientHello, Say::Finished],
    ] {
        let mut puppet = Puppet::client(client(house.tls13()), with_client_authentication(&house));
        puppet.says(script);
        unexpected(&puppet);
    }
}

/// Botan, 2026: a TLS 1.3 server handed out application data that came before the client's Finished, and with it
/// before the client's certificate: client authentication, bypassed.
#[test]
fn application_data_before_finished() {
    let house = House::new();
    for authenticate in [false, true] {
        let server = if authenticate { with_client_authentication(&house) } else { house.server() };
        // Under the handshake keys, and under the application keys, which the server's Finished lets the client know.
        for application_keys in [false, true] {
            let mut puppet = Puppet::client(house.tls13(), server.clone());
            puppet.says(&[Say::ClientHello]);
            if application_keys {
                puppet.install_own_application_keys();
            }
            puppet.record(ContentType::APPLICATION_DATA, b"DELETE /everything");
            assert!(puppet.error.is_some() && puppet.victim.received.is_empty());
        }
        let mut puppet = Puppet::client(house.tls12(), server.clone());
        puppet.says(&[Say::ClientHello]);
        puppet.record(ContentType::APPLICATION_DATA, b"DELETE /everything");
        unexpected(&puppet);
        if !authenticate {
            let mut puppet = Puppet::client(house.tls12(), server);
            puppet.says(&[Say::ClientHello, Say::ClientKeyExchange, Say::ChangeCipherSpec]);
            puppet.record(ContentType::APPLICATION_DATA, b"DELETE /everything");
            unexpected(&puppet);
        }
    }
    for (part, until) in [(house.tls12(), 5), (house.tls13(), 4)] {
        let script = if part.version == V12 { &SERVER12[..] } else { &SERVER13 };
        let mut puppet = Puppet::server(part, house.client());
        puppet.says(&script[..until]);
        puppet.record(ContentType::APPLICATION_DATA, b"HTTP/1.1 200 OK");
        unexpected(&puppet);
    }
}

/// OpenSSL's early ChangeCipherSpec, 2014: keys were made of a master secret that was still empty, so that a man in the
/// middle knew them.
#[test]
fn early_change_cipher_spec() {
    let house = House::new();
    for before in 0..4 {
        let mut puppet = Puppet::server(house.tls12(), house.client());
        puppet.says(&SERVER12[..before]).says(&[Say::ChangeCipherSpec]);
        if before == 0 {
            // Before any version is known it is refused all the same.
            assert!(puppet.error.is_some());
        }
        unexpected(&puppet);
    }
    for before in 0..2 {
        let mut puppet = Puppet::client(house.tls12(), house.server());
        puppet.says(&CLIENT12[..before]).says(&[Say::ChangeCipherSpec]);
        unexpected(&puppet);
    }
}

/// No stack that we know of let a message begin before ChangeCipherSpec and end after it, but BoringSSL's authors
/// thought of it: plaintext would have been taken for authenticated.
#[test]
fn a_message_across_change_cipher_spec() {
    let house = House::new();
    let mut puppet = Puppet::client(house.tls12(), house.server());
    puppet.says(&CLIENT12[..2]);
    let finished = puppet.make(Say::Finished);
    puppet.record(ContentType::HANDSHAKE, &finished[..7]);
    puppet.says(&[Say::ChangeCipherSpec]);
    fails(&puppet, Misbehaved::InterleavedMessage, Alert::unexpected_message);
    // In TLS 1.3 the ServerHello changes the keys: nothing may follow it in its record.
    let mut puppet = Puppet::server(house.tls13(), house.client());
    let mut hello = puppet.make(Say::ServerHello);
    hello.extend([8, 0]);
    puppet.record(ContentType::HANDSHAKE, &hello);
    fails(&puppet, Misbehaved::MessageAcrossKeyChange, Alert::unexpected_message);
}

/// wolfSSL, 2020, and others: change_cipher_spec, which TLS 1.3 skips for the sake of middleboxes, was skipped at any
/// time and in any number: work for nothing, without end.
#[test]
fn change_cipher_spec_abuse_in_tls13() {
    let house = House::new();
    let mut puppet = Puppet::server(house.tls13(), house.client());
    puppet.says(&[Say::ServerHello]);
    for _ in 0..32 {
        puppet.raw(&[20, 3, 3, 0, 1, 1]);
        assert_eq!(puppet.error, None);
    }
    puppet.raw(&[20, 3, 3, 0, 1, 1]);
    fails(&puppet, Misbehaved::TooManyChangeCipherSpecs, Alert::unexpected_message);
    for (record, error) in [
        (&[20, 3, 3, 0, 1, 2][..], Misbehaved::BadChangeCipherSpec),
        (&[20, 3, 3, 0, 2, 1, 1], Misbehaved::BadChangeCipherSpec),
        (&[20, 3, 3, 0, 0], Misbehaved::BadChangeCipherSpec),
    ] {
        let mut puppet = Puppet::server(house.tls13(), house.client());
        puppet.says(&[Say::ServerHello]);
        puppet.raw(record);
        fails(&puppet, error, Alert::illegal_parameter);
    }
    // Protected, and after the handshake.
    let mut puppet = Puppet::server(house.tls13(), house.client());
    puppet.says(&[Say::ServerHello]);
    puppet.record(ContentType::CHANGE_CIPHER_SPEC, &[1]);
    unexpected(&puppet);
    for mut puppet in house.connected() {
        puppet.raw(&[20, 3, 3, 0, 1, 1]);
        unexpected(&puppet);
    }
}

/// Renegotiation (2009): every stack of its time took what an attacker had sent first, and what its victim sent then,
/// for one and the same peer's. Here nothing is ever renegotiated.
#[test]
fn renegotiation() {
    let house = House::new();
    let [mut client12, mut server12, mut client13, mut server13] = house.connected();
    for puppet in [&mut client12, &mut client13] {
        let hello = puppet.make(Say::ClientHello);
        puppet.message(&hello);
    }
    fails(&client12, Misbehaved::RenegotiationRefused, Alert::no_renegotiation);
    unexpected(&client13);
    // A server may ask a few times, and is told no each time.
    for asked in 0..5 {
        server12.listen();
        let before = server12.heard.len();
        server12.says(&[Say::HelloRequest]);
        if asked < 4 {
            assert_eq!(server12.heard[before..], [crate::puppet::Heard::Alert(1, Alert::no_renegotiation.0)]);
        }
    }
    fails(&server12, Misbehaved::RenegotiationRefused, Alert::no_renegotiation);
    server13.says(&[Say::HelloRequest]);
    unexpected(&server13);
}

/// FREAK (2015): OpenSSL, SecureTransport and SChannel took an RSA key of 512 bits in a ServerKeyExchange although they
/// had asked for no such thing; factoring it cost a hundred dollars.
#[cfg(feature = "legacy")]
#[test]
fn freak_an_ephemeral_rsa_key() {
    use premaster::{Policy, config::LegacyOptIn};
    let house = House::new();
    let part = Part::named(V12, "TLS_RSA_WITH_AES_128_GCM_SHA256").certified(
        &house.authority,
        Key::Rsa2048,
        "localhost",
    );
    let client = house.client_with(|builder| {
        let policy = Policy::LEGACY.with_versions(&[V12]);
        builder.policy(policy).allow_legacy(LegacyOptIn::for_every_peer("a test"))
    });
    let mut puppet = Puppet::server(part, client);
    puppet.says(&[Say::ServerHello, Say::Certificate]);
    let numbers = [&[0, 64][..], &[0xc1; 64], &[0, 1, 3], &[4, 1, 1, 0], &[7; 256]].concat();
    puppet.message(&crate::puppet::rebodied(&[12, 0, 0, 0], &numbers));
    unexpected(&puppet);
}

/// Mbed TLS, 2025: a hash that failed left an all-zero verify_data, which a peer could guess. Others compared too few
/// bytes. Every bit counts here, and so does the length.
#[test]
fn finished_almost_right() {
    let house = House::new();
    for (side, part) in [(0, house.tls12()), (1, house.tls12()), (0, house.tls13()), (1, house.tls13())] {
        let tls12 = part.version == V12;
        let script = match (side, tls12) {
            (0, true) => &CLIENT12[..],
            (0, false) => &CLIENT13,
            (_, true) => &SERVER12,
            (_, false) => &SERVER13,
        };
        let len = 4 + if tls12 { 12 } else { 32 };
        let fresh = || {
            let mut puppet = match side {
                0 => Puppet::client(part.clone(), house.server()),
                _ => Puppet::server(part.clone(), house.client()),
            };
            puppet.says(&script[..script.len() - 1]);
            let finished = puppet.make(Say::Finished);
            assert_eq!(finished.len(), len);
            (puppet, finished)
        };
        let wrong = |change: &dyn Fn(&mut Vec<u8>)| {
            let (mut puppet, finished) = fresh();
            let mut body = finished[4..].to_vec();
            change(&mut body);
            puppet.say_bytes(Say::Finished, &crate::puppet::rebodied(&finished, &body));
            fails(&puppet, Misbehaved::WrongFinished, Alert::decrypt_error);
        };
        for byte in 0..len - 4 {
            wrong(&|body| body[byte] ^= 1 << (byte % 8));
        }
        wrong(&|body| body.fill(0));
        wrong(&|body| body.clear());
        wrong(&|body| body.truncate(1));
        wrong(&|body| body.push(0));
    }
}
