//! Sessions whose server is judged again before they are offered.
mod common;

use common::{Authority, Key, Pair, server_config};
use premaster::{
    BoxFuture, ClientConfig, Error, Policy,
    config::{ClientResumption, ServerSessions},
    error::Untrusted,
    identity::{PeerCertificates, Verifier, VerifyPeer},
    observe::Resumed,
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::{AlertDescription, ProtocolVersion},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Believes everybody until it believes nobody.
#[derive(Default)]
struct Moody {
    believes_nobody: AtomicBool,
    asked: AtomicUsize,
}

const REVOKED: Untrusted = Untrusted::Application { alert: AlertDescription::certificate_revoked };

impl VerifyPeer for Moody {
    fn verify<'a>(&'a self, _: &'a PeerCertificates<'a>) -> BoxFuture<'a, Result<(), Untrusted>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.believes_nobody.load(Ordering::Relaxed) {
                true => Err(REVOKED),
                false => Ok(()),
            }
        })
    }
}

fn sessions(store: bool) -> ServerSessions {
    let start = UnixTime::now();
    match store {
        true => ServerSessions::none().with_store(Arc::new(MemoryStore::new(64, 1 << 20, start))),
        false => {
            let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(7200));
            ServerSessions::none().with_tickets(Arc::new(TicketKeys::rotating(rotation)))
        }
    }
}

#[test]
fn a_server_that_is_believed_no_more_gets_no_session_and_no_connection() {
    let authority = Authority::new();
    let credential = authority.issue(Key::EcdsaP256, &["localhost"]);
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        for (store, again) in [(false, true), (true, true), (false, false)] {
            let server = server_config(credential.clone(), |builder| builder.sessions(sessions(store)));
            let moody = Arc::new(Moody::default());
            let resumption = ClientResumption::with(Arc::new(SessionCache::default())).reverify(again);
            let client = ClientConfig::builder()
                .policy(Policy::MODERN.with_versions(&[version]))
                .verifier(Verifier::custom(moody.clone()))
                .resumption(resumption);
            let client = Arc::new(client.build().unwrap());
            let meet = || -> Result<Resumed, Error> {
                let pair = Pair::new(client.clone(), server.clone()).handshake()?;
                Ok(pair.client.connection.info().unwrap().resumed)
            };
            let asked = || moody.asked.swap(0, Ordering::Relaxed);
            assert_eq!((meet(), asked()), (Ok(Resumed::Full), 1), "{version}");
            let resumed = meet();
            assert!(matches!(resumed, Ok(resumed) if resumed.is_resumed()), "{version} {store} {resumed:?}");
            assert_eq!(asked(), usize::from(again), "{version}");
            moody.believes_nobody.store(true, Ordering::Relaxed);
            match again {
                true => assert_eq!((meet(), asked()), (Err(REVOKED.into()), 2), "{version}: then a full one"),
                false => assert!(meet().is_ok_and(Resumed::is_resumed), "{version}"),
            }
            moody.believes_nobody.store(false, Ordering::Relaxed);
            assert!(meet().is_ok(), "{version}");
        }
    }
}
