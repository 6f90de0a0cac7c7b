//! A blocking stream whose handshake has to wait for something that is not the peer.
#![cfg(unix)]
mod common;

use common::{Authority, Key, client_config};
use premaster::{
    BoxFuture, ServerConfig, Stream,
    identity::{Ask, ChooseCredential, Credential, Credentials},
};
use std::{
    future::poll_fn,
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    task::Poll,
    thread,
};

/// Chooses when another thread says so.
struct Slow(Arc<Credential>);

impl ChooseCredential for Slow {
    fn choose<'a>(&'a self, _: &'a Ask<'a>) -> BoxFuture<'a, Option<Arc<Credential>>> {
        Box::pin(async {
            let mut asked = false;
            poll_fn(|context| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                let waker = context.waker().clone();
                thread::spawn(move || waker.wake());
                Poll::Pending
            })
            .await;
            Some(Arc::clone(&self.0))
        })
    }
}

#[test]
fn a_credential_that_takes_its_time() {
    let authority = Authority::new();
    let slow = Slow(authority.issue(Key::EcdsaP256, &["localhost"]));
    let server = ServerConfig::builder().credentials(Credentials::custom(Arc::new(slow))).build().unwrap();
    let client = client_config(&authority, |builder| builder);
    let (near, far) = UnixStream::pair().unwrap();
    let serving = thread::spawn(move || {
        let mut stream = Stream::accept(Arc::new(server), far).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    });
    let mut stream = Stream::connect(client, "localhost".try_into().unwrap(), near).unwrap();
    stream.write_all(b"hello").unwrap();
    stream.close().unwrap();
    assert_eq!(serving.join().unwrap(), b"hello");
}
