//! Pre-shared keys: names cut short, roles swapped, binders forgotten.
use super::{House, fails};
use crate::{
    common::Pair,
    puppet::{Puppet, Say, change_client_hello, change_server_hello, without_extension},
};
use premaster::{
    Secret, ServerConfig,
    crypto::hash::HashAlgorithm,
    error::Misbehaved,
    identity::{ExternalPsk, PskSource},
    wire::{AlertDescription as Alert, ExtensionType, extension::push_encoded},
};
use std::sync::Arc;

fn psk(name: &str) -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new(name, Secret::from(&[0x42; 32][..])))
}

fn server(house: &House, keys: impl IntoIterator<Item = Arc<ExternalPsk>>) -> Arc<ServerConfig> {
    let keys: Vec<_> = keys.into_iter().collect();
    house.server_with(|builder| builder.external_psks(PskSource::These(keys.into())))
}

fn client(house: &House, server: Arc<ServerConfig>, key: &Arc<ExternalPsk>) -> Puppet {
    Puppet::client(house.tls13().but(|part| part.psk = Some(key.clone())), server)
}

/// GnuTLS, 2026: an identity was compared up to its first zero byte, so that "admin\0x", which anybody could register,
/// was "admin".
#[test]
fn identities_cut_at_a_zero_byte() {
    let house = House::new();
    let chosen = |known: &str, asked: &str| {
        let mut puppet = client(&house, server(&house, [psk(known)]), &psk(asked));
        puppet.says(&[Say::ClientHello]);
        assert_eq!(puppet.error, None);
        puppet.listen();
        puppet.state().psk_chosen
    };
    assert!(chosen("admin", "admin") && chosen("admin\0x", "admin\0x"));
    for (known, asked) in [
        ("admin", "admin\0x"),
        ("admin\0x", "admin"),
        ("admin\0x", "admin\0y"),
        ("admin", "admin\0"),
        ("admin", "Admin"),
    ] {
        assert!(!chosen(known, asked), "{known:?} {asked:?}");
    }
}

/// A binder shows that whoever sends the ClientHello has the key. GnuTLS crashed on a wrong one in 2026; others used the
/// key first and looked at the binder later.
#[test]
fn binders() {
    let house = House::new();
    let key = psk("name");
    let fresh = || client(&house, server(&house, [key.clone()]), &key);
    for back in 1..=32 {
        let mut puppet = fresh();
        let mut hello = puppet.make(Say::ClientHello);
        let at = hello.len() - back;
        hello[at] ^= 1;
        puppet.say_bytes(Say::ClientHello, &hello);
        fails(&puppet, Misbehaved::BinderMismatch, Alert::decrypt_error);
    }
    // A binder over another hello.
    let mut puppet = fresh();
    let mut hello = puppet.make(Say::ClientHello);
    hello[20] ^= 1;
    puppet.say_bytes(Say::ClientHello, &hello);
    fails(&puppet, Misbehaved::BinderMismatch, Alert::decrypt_error);
    // pre_shared_key is not the last extension, so that the binder would not cover all of the hello.
    let mut puppet = fresh();
    let hello = puppet.make(Say::ClientHello);
    puppet.message(&change_client_hello(&hello, |block| {
        let mut block = block.to_vec();
        push_encoded(&mut block, ExtensionType(0x5a5a), &[]);
        block
    }));
    fails(&puppet, Misbehaved::PreSharedKeyNotLast, Alert::illegal_parameter);
    // Without psk_key_exchange_modes.
    let mut puppet = fresh();
    let hello = puppet.make(Say::ClientHello);
    let gone = ExtensionType::PSK_KEY_EXCHANGE_MODES;
    let mut hello = change_client_hello(&hello, |block| without_extension(block, gone));
    puppet.bind(&mut hello);
    puppet.message(&hello);
    fails(&puppet, Misbehaved::PskModesMissing, Alert::missing_extension);
    // And right.
    let mut puppet = fresh();
    puppet.says(&super::CLIENT13);
    assert!(puppet.is_connected(), "{:?}", puppet.error);
}

/// A server that leaves the key exchange out of a handshake with a pre-shared key takes the forward secrecy that the
/// client insists on.
#[test]
fn no_exchange_where_forward_secrecy_was_promised() {
    let house = House::new();
    let part = house.tls13().but(|part| part.psk = Some(psk("name")));
    let client = house.client_with(|builder| builder.external_psks([psk("name")]));
    let mut puppet = Puppet::server(part.clone(), client.clone());
    let hello = puppet.make(Say::ServerHello);
    puppet.message(&change_server_hello(&hello, |block| without_extension(block, ExtensionType::KEY_SHARE)));
    fails(&puppet, Misbehaved::UnofferedPskMode, Alert::illegal_parameter);
    // A key that was not offered.
    let mut puppet = Puppet::server(part.clone(), client.clone());
    let hello = puppet.make(Say::ServerHello);
    let selected = premaster::wire::extension::PreSharedKeyServerHello { selected_identity: 1 };
    puppet.message(&change_server_hello(&hello, |block| crate::puppet::with_extension(block, &selected)));
    fails(&puppet, Misbehaved::UnofferedPsk, Alert::illegal_parameter);
    let mut puppet = Puppet::server(part, client);
    puppet.says(&[Say::ServerHello, Say::EncryptedExtensions, Say::Finished]);
    assert!(puppet.is_connected(), "{:?}", puppet.error);
}

/// Selfie (2019): two peers share one key, and an attacker sends what one says back to itself. It believes that it
/// speaks with the other. Keys imported for a direction (RFC 9258) know whose they are.
#[test]
fn selfie() {
    let house = House::new();
    let outside = ExternalPsk::new("both", Secret::from(&[0x42; 32][..]));
    let toward =
        |context: &[u8]| Arc::new(ExternalPsk::import(&outside, context, HashAlgorithm::Sha256).unwrap());
    let outgoing = toward(b"client alice, server bob");
    let incoming = toward(b"client bob, server alice");
    // Alice listens too; she has no certificate, for her peers all have a key.
    let listening = ServerConfig::builder().external_psks(PskSource::These(Arc::new([incoming.clone()])));
    let listening = Arc::new(listening.build().unwrap());
    let connecting = |key| house.client_with(|builder| builder.external_psks([key]));
    assert!(Pair::new(connecting(incoming), listening.clone()).handshake().is_ok(), "bob gets through");
    assert!(Pair::new(connecting(outgoing), listening).run().is_err(), "alice does not reach herself");
}

/// A name without its proof, or a proof too many: OpenSSL, GnuTLS and others each went on with one of them.
#[test]
fn binders_that_do_not_count() {
    use premaster::wire::{
        List,
        extension::{PreSharedKeyClientHello, PskBinderEntry, PskIdentity},
    };
    let house = House::new();
    let key = psk("name");
    let identity = PskIdentity { identity: b"name", obfuscated_ticket_age: 0 };
    for (identities, binders) in [(2, 1), (1, 2), (5, 1)] {
        let mut puppet = client(&house, server(&house, [key.clone()]), &key);
        let hello = puppet.make(Say::ClientHello);
        let identities = vec![identity; identities];
        let binders = vec![PskBinderEntry(&[7; 32]); binders];
        let offer =
            PreSharedKeyClientHello { identities: List::from(&identities), binders: List::from(&binders) };
        puppet.message(&change_client_hello(&hello, |block| crate::puppet::with_extension(block, &offer)));
        fails(&puppet, Misbehaved::BinderCount, Alert::illegal_parameter);
    }
}

/// GnuTLS, 2025, fell over a client that offered a key, was asked for another share, and then offered none. Whatever a
/// server makes of that, it is not a handshake with the key.
#[test]
fn a_key_that_is_gone_from_the_second_hello() {
    use premaster::wire::NamedGroup;
    let house = House::new();
    let key = psk("name");
    let keys = PskSource::These(Arc::new([key.clone()]));
    let server = house.server_with(|builder| {
        builder
            .policy(premaster::Policy::MODERN.with_groups(&[NamedGroup::secp256r1]))
            .external_psks(keys.clone())
    });
    let part = house.tls13().but(|part| {
        (part.psk, part.wants_retry) = (Some(key), true);
        part.group = NamedGroup::secp256r1;
    });
    let mut puppet = Puppet::client(part, server);
    puppet.says(&[Say::ClientHello]);
    let hello = puppet.make(Say::SecondClientHello);
    let gone = ExtensionType::PRE_SHARED_KEY;
    puppet.say_bytes(
        Say::SecondClientHello,
        &change_client_hello(&hello, |block| without_extension(block, gone)),
    );
    puppet.listen();
    assert!(!puppet.state().psk_chosen && !puppet.is_connected());
    puppet.says(&[Say::Finished]);
    // Either it was refused, or the server has shown its certificate.
    assert!(puppet.error.is_some() || !puppet.state().leaf.is_empty());
}
