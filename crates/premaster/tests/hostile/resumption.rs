//! Sessions: resumed by the wrong one, under other circumstances, or with another suite.
use super::{House, SERVER12, fails};
use crate::{
    common::{Key, Pair, sessions::Attempts},
    puppet::{Part, Puppet, Resumable, Say, V12, V13},
};
use premaster::{
    ClientConfig, Policy, ServerConfig,
    config::{ClientAuthentication, ClientResumption, LegacyOptIn, ServerSessions},
    error::Misbehaved,
    observe::Miss,
    resume::{Rotation, SessionCache, TicketKeys},
    wire::{AlertDescription as Alert, CipherSuite},
};
use std::{sync::Arc, time::Duration};

fn ticket_keys() -> Arc<TicketKeys> {
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
    Arc::new(TicketKeys::rotating(rotation))
}

fn ticketing(house: &House) -> Arc<ServerConfig> {
    house.server_with(|builder| builder.sessions(ServerSessions::none().with_tickets(ticket_keys())))
}

/// A full TLS 1.2 handshake, and the session that came of it.
fn session(house: &House, server: &Arc<ServerConfig>, part: Part) -> Resumable {
    let mut puppet = Puppet::client(part.but(|part| part.ticket = true), server.clone());
    puppet.says(&super::CLIENT12);
    assert!(puppet.is_connected(), "{:?}", puppet.error);
    let ticket = puppet.state().ticket.clone().expect("a ticket");
    let master = puppet.state().master.as_ref().unwrap().secret().expose().to_vec();
    let _ = house;
    Resumable { id: Vec::new(), ticket, master }
}

/// Whether the server resumes what a client offers; it must not fail in any case.
fn resumes(server: &Arc<ServerConfig>, part: Part, session: Resumable) -> bool {
    let mut puppet = Puppet::client(part.but(|part| part.session = Some(session)), server.clone());
    puppet.says(&[Say::ClientHello]);
    assert_eq!(puppet.error, None);
    puppet.state().resumes
}

/// A ticket is a ciphertext that anybody may send back changed. Whatever is wrong with it costs a full handshake, and
/// shows in nothing else; GnuTLS (2020) sealed tickets with a key of zeros, so that anybody could make one.
#[test]
fn tickets_are_no_oracle() {
    let house = House::new();
    let server = ticketing(&house);
    let session = session(&house, &server, house.tls12());
    assert!(resumes(&server, house.tls12(), session.clone()), "as it is");
    for bit in 0..session.ticket.len() * 8 {
        let mut changed = session.clone();
        changed.ticket[bit / 8] ^= 1 << (bit % 8);
        assert!(!resumes(&server, house.tls12(), changed), "bit {bit}");
    }
    for len in (1..session.ticket.len()).step_by(7) {
        let ticket = session.ticket[..len].to_vec();
        assert!(!resumes(&server, house.tls12(), Resumable { ticket, ..session.clone() }));
    }
    for ticket in [vec![0; session.ticket.len()], vec![0xff; 1], vec![7; 5000]] {
        assert!(!resumes(&server, house.tls12(), Resumable { ticket, ..session.clone() }));
    }
    assert!(!resumes(&ticketing(&house), house.tls12(), session), "another server's keys");
}

/// A session that was bound to its handshake must not go on unbound, nor the other way round (RFC 7627 section 5.3): that
/// is how a triple handshake comes back.
#[test]
fn extended_master_secret_that_changes() {
    let house = House::new();
    let server = ticketing(&house);
    let session = session(&house, &server, house.tls12());
    let unbound = house.tls12().but(|part| {
        part.extended_master_secret = false;
        part.session = Some(session);
    });
    let mut puppet = Puppet::client(unbound, server);
    puppet.says(&[Say::ClientHello]);
    fails(&puppet, Misbehaved::ExtendedMasterSecretChanged, Alert::handshake_failure);
}

/// The other way round there is nothing to refuse: a session that was not bound does not serve, and the server says why.
#[test]
fn a_session_without_extended_master_secret_is_not_resumed_with_it() {
    let house = House::new();
    let heard = Arc::new(Attempts::default());
    let mut policy = Policy::MODERN;
    policy.require_extended_master_secret = false;
    let server = house.server_with(|builder| {
        let sessions = ServerSessions::none().with_tickets(ticket_keys());
        let because = LegacyOptIn::for_every_peer("a session of before RFC 7627");
        builder.policy(policy).allow_legacy(because).sessions(sessions).observer(heard.clone())
    });
    let unbound = house.tls12().but(|part| part.extended_master_secret = false);
    let session = session(&house, &server, unbound.clone());
    assert!(resumes(&server, unbound, session.clone()), "as it was made");
    heard.take();
    assert!(!resumes(&server, house.tls12(), session));
    assert_eq!(heard.misses(), [Miss::ExtendedMasterSecret]);
}

fn caching(house: &House) -> (Arc<ClientConfig>, Arc<SessionCache>) {
    let sessions = Arc::new(SessionCache::new(4, 4));
    let resumption = ClientResumption::with(sessions.clone());
    let config = house
        .client_with(|builder| builder.policy(Policy::MODERN.with_versions(&[V12])).resumption(resumption));
    (config, sessions)
}

/// A client with a session of the puppet's, and the puppet that knows it.
fn server_with_session(house: &House) -> (Arc<ClientConfig>, Part) {
    let (client, sessions) = caching(house);
    let part = house.tls12().but(|part| part.ticket = true);
    let mut puppet = Puppet::server(part.clone(), client.clone());
    let [.., _, _] = SERVER12;
    puppet.says(&SERVER12[..4]).says(&[Say::NewSessionTicket, Say::ChangeCipherSpec, Say::Finished]);
    assert!(puppet.is_connected(), "{:?}", puppet.error);
    assert_eq!(sessions.len(), 1);
    let master = puppet.state().master.as_ref().unwrap().secret().expose().to_vec();
    let session = Resumable { id: Vec::new(), ticket: b"a ticket".to_vec(), master };
    (
        client,
        part.but(|part| {
            part.ticket = false;
            part.session = Some(session);
        }),
    )
}

/// OpenSSL (2010) let a server resume a session under another suite, which could be one that was not even offered.
#[test]
fn a_session_resumed_with_another_suite() {
    let house = House::new();
    let resume = [Say::ServerHello, Say::ChangeCipherSpec, Say::Finished];
    let (client, part) = server_with_session(&house);
    let mut honest = Puppet::server(part.clone(), client.clone());
    honest.says(&resume);
    assert!(honest.is_connected(), "{:?}", honest.error);
    let (client, part) = server_with_session(&house);
    let other =
        part.clone().but(|part| part.suites = vec![CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]);
    let mut puppet = Puppet::server(other, client);
    puppet.says(&resume);
    fails(&puppet, Misbehaved::SessionSuiteChanged, Alert::illegal_parameter);
    let (client, part) = server_with_session(&house);
    let unbound = part.but(|part| part.extended_master_secret = false);
    let mut puppet = Puppet::server(unbound, client);
    puppet.says(&resume);
    fails(&puppet, Misbehaved::ExtendedMasterSecretMissing, Alert::handshake_failure);
}

/// A server that claims to resume what was never offered.
#[test]
fn a_session_that_was_not_offered() {
    let house = House::new();
    let mut puppet = Puppet::server(house.tls12(), house.client());
    puppet.state().resumes = true;
    let hello = puppet.make(Say::ServerHello);
    // The client made its session ID up, for middleboxes; here it comes back.
    let id = puppet.state().session_id.clone();
    let decoded = premaster::wire::message::ServerHello::decode(&hello[4..]).unwrap();
    let mut echoed = Vec::new();
    let changed = premaster::wire::message::ServerHello { session_id: &id, ..decoded };
    premaster::wire::message::handshake::encode(&changed, &mut echoed);
    puppet.message(&echoed);
    fails(&puppet, Misbehaved::UnofferedSession, Alert::illegal_parameter);
}

/// "STEK sharing is not caring" (2025), nginx, Apache and others: virtual hosts share ticket keys, and a session made
/// where no certificate is asked for was resumed where one is.
#[test]
fn tickets_across_virtual_hosts() {
    let house = House::new();
    for version in [V12, V13] {
        let keys = ticket_keys();
        let sessions = Arc::new(SessionCache::new(4, 4));
        let client = |credential: bool| {
            let own = house.authority.issue(Key::EcdsaP256, &["client"]);
            house.client_with(|builder| {
                let builder = builder
                    .policy(Policy::MODERN.with_versions(&[version]))
                    .resumption(ClientResumption::with(sessions.clone()));
                if credential {
                    builder.credentials(premaster::identity::Credentials::always(own))
                } else {
                    builder
                }
            })
        };
        let open =
            house.server_with(|builder| builder.sessions(ServerSessions::none().with_tickets(keys.clone())));
        let closed = house.server_with(|builder| {
            let verifier = house.authority.verifier().into();
            builder
                .sessions(ServerSessions::none().with_tickets(keys.clone()))
                .client_authentication(ClientAuthentication::Required(verifier))
        });
        let config = client(false);
        Pair::new(config.clone(), open).handshake().unwrap();
        assert!(!sessions.is_empty(), "a ticket for the open host");
        let error = Pair::new(config, closed).run().unwrap_err();
        let expected =
            if version == V12 { Misbehaved::CertificateRequired12 } else { Misbehaved::CertificateRequired };
        assert_eq!(error, expected.into(), "{version}: the ticket is no way in");
    }
}
