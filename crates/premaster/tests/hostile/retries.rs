//! HelloRetryRequest, and what has been smuggled in behind it.
use super::{House, fails, unexpected};
use crate::puppet::{
    Part, Puppet, Say, V12, change_client_hello, change_server_hello, with_extension, without_extension,
};
use premaster::{
    Policy,
    error::Misbehaved,
    wire::{
        AlertDescription as Alert, ExtensionType, List, NamedGroup,
        extension::{self, KeyShareEntry},
        message::ServerHello,
    },
};

/// A server that asks for another group than the client has sent a share for.
fn retrying(house: &House) -> Puppet {
    let client = house.client_with(|builder| {
        builder.policy(Policy::MODERN.with_groups(&[NamedGroup::x25519, NamedGroup::secp256r1]))
    });
    let part = house.tls13().but(|part| part.group = NamedGroup::secp256r1);
    let mut puppet = Puppet::server(part, client);
    puppet.says(&[Say::HelloRetryRequest]);
    assert_eq!(puppet.error, None);
    puppet
}

/// wolfSSL, 2026: after a HelloRetryRequest a ServerHello without key_share was taken, and the keys were made of
/// nothing. Anybody on the wire could compute them.
#[test]
fn a_server_hello_without_a_share_after_a_retry() {
    let house = House::new();
    let mut puppet = retrying(&house);
    let hello = puppet.make(Say::ServerHello);
    puppet.message(&change_server_hello(&hello, |block| without_extension(block, ExtensionType::KEY_SHARE)));
    fails(&puppet, Misbehaved::MissingKeyShare, Alert::missing_extension);
    // A share, but of another group than was asked for.
    let mut puppet = retrying(&house);
    let hello = puppet.make(Say::ServerHello);
    let server_share = KeyShareEntry { group: NamedGroup::x25519, key_exchange: &[9; 32] };
    puppet.message(&change_server_hello(&hello, |block| {
        with_extension(block, &extension::KeyShareServerHello { server_share })
    }));
    assert_eq!(puppet.alert(), Some(Alert::illegal_parameter), "{:?}", puppet.error);
    // And without any retry.
    let mut puppet = Puppet::server(house.tls13(), house.client());
    let hello = puppet.make(Say::ServerHello);
    puppet.message(&change_server_hello(&hello, |block| without_extension(block, ExtensionType::KEY_SHARE)));
    fails(&puppet, Misbehaved::MissingKeyShare, Alert::missing_extension);
    // The real thing, so that the tests above are about something.
    let mut puppet = retrying(&house);
    puppet.says(&super::SERVER13);
    assert!(puppet.is_connected(), "{:?}", puppet.error);
}

/// A server that asks twice, or for what it has got, keeps the client busy for ever.
#[test]
fn endless_retries() {
    let house = House::new();
    let mut puppet = retrying(&house);
    puppet.part.group = NamedGroup::x25519;
    puppet.says(&[Say::HelloRetryRequest]);
    fails(&puppet, Misbehaved::SecondRetry, Alert::unexpected_message);
    let mut puppet = Puppet::server(house.tls13(), house.client());
    let retry = puppet.make(Say::HelloRetryRequest);
    puppet.message(&change_server_hello(&retry, |block| without_extension(block, ExtensionType::KEY_SHARE)));
    fails(&puppet, Misbehaved::PointlessRetry, Alert::illegal_parameter);
}

/// A suite that changes after the retry changes the hash under the transcript.
#[test]
fn a_suite_that_changes_after_a_retry() {
    let house = House::new();
    let mut puppet = retrying(&house);
    let hello = puppet.make(Say::ServerHello);
    puppet.message(&crate::puppet::with_suite(&hello, premaster::wire::CipherSuite::TLS_AES_256_GCM_SHA384));
    fails(&puppet, Misbehaved::ChangedAfterRetry, Alert::illegal_parameter);
}

/// Mbed TLS, 2026: after a HelloRetryRequest a client let itself be taken down to TLS 1.2, and resumed there with a master
/// secret of zeros.
#[test]
fn tls12_after_a_retry() {
    let house = House::new();
    let mut puppet = retrying(&house);
    let hello = puppet.make(Say::ServerHello);
    puppet.message(&change_server_hello(&hello, |block| {
        without_extension(
            &without_extension(block, ExtensionType::SUPPORTED_VERSIONS),
            ExtensionType::KEY_SHARE,
        )
    }));
    fails(&puppet, Misbehaved::ChangedAfterRetry, Alert::illegal_parameter);
    let mut puppet = retrying(&house);
    puppet.part = Part { version: V12, suites: house.tls12().suites, ..puppet.part };
    puppet.says(&[Say::ServerHello]);
    assert_eq!(puppet.alert(), Some(Alert::illegal_parameter), "{:?}", puppet.error);
}

/// The server's side of the same: what the second ClientHello may change is on a list, and the version is not.
#[test]
fn second_hellos_that_differ() {
    let house = House::new();
    let server =
        house.server_with(|builder| builder.policy(Policy::MODERN.with_groups(&[NamedGroup::secp256r1])));
    let part = house.tls13().but(|part| {
        part.group = NamedGroup::secp256r1;
        part.wants_retry = true;
    });
    let second = |change: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut puppet = Puppet::client(part.clone(), server.clone());
        puppet.says(&[Say::ClientHello]);
        let heard = puppet.wire[0][9..].to_vec();
        assert!(ServerHello::decode(&heard).unwrap().is_hello_retry_request());
        let hello = puppet.make(Say::SecondClientHello);
        let hello = change(&hello);
        puppet.say_bytes(Say::SecondClientHello, &hello);
        puppet
    };
    let mut honest = second(&<[u8]>::to_vec);
    honest.says(&[Say::Finished]);
    assert!(honest.is_connected(), "{:?}", honest.error);
    for gone in [
        ExtensionType::SUPPORTED_VERSIONS,
        ExtensionType::SIGNATURE_ALGORITHMS,
        ExtensionType::SUPPORTED_GROUPS,
    ] {
        let puppet = second(&|hello| change_client_hello(hello, |block| without_extension(block, gone)));
        assert_eq!(puppet.alert(), Some(Alert::illegal_parameter), "{gone} {:?}", puppet.error);
    }
    let random = second(&|hello| {
        let mut hello = hello.to_vec();
        hello[10] ^= 1;
        hello
    });
    fails(&random, Misbehaved::SecondHelloDiffers, Alert::illegal_parameter);
    let no_share = second(&|hello| {
        change_client_hello(hello, |block| {
            with_extension(block, &extension::KeyShareClientHello { client_shares: List::default() })
        })
    });
    fails(&no_share, Misbehaved::SecondHelloDiffers, Alert::illegal_parameter);
    let mut third = Puppet::client(part.clone(), server.clone());
    third.says(&[Say::ClientHello, Say::SecondClientHello, Say::SecondClientHello]);
    assert!(third.error.is_some() && !third.is_connected());
    let mut finished = Puppet::client(part, server);
    finished.says(&[Say::ClientHello, Say::Finished]);
    unexpected(&finished);
}

/// OpenSSL, 2026: a server took the classical share that it was sent, although both sides could have done better: what
/// was recorded that day can be decrypted the day a quantum computer is there. A strict policy asks again.
#[test]
fn group_downgrade() {
    let house = House::new();
    let mut policy = Policy::MODERN;
    policy.retry_for_better_group = true;
    for (strict, retries) in [(false, false), (true, true)] {
        let server =
            house.server_with(|builder| if strict { builder.policy(policy.clone()) } else { builder });
        let client = house
            .client_with(|builder| builder.policy(Policy::MODERN.with_key_shares(&[NamedGroup::x25519])));
        let pair = crate::common::Pair::new(client, server).handshake().unwrap();
        let info = pair.client.connection.info().unwrap();
        assert_eq!(info.hello_retry, retries);
        let group = if retries { NamedGroup::X25519MLKEM768 } else { NamedGroup::x25519 };
        assert_eq!(info.group, Some(group));
    }
}
