//! The store against a real server: what it promises, and what it does when the server is not there.
mod common;

use common::{TTL, at, call, hasty, name, run, value};
use premaster::resume::{Claim, Store, StoreFailed};
use premaster_interop::redis;
use premaster_redis::{CannotUse, RedisStore};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

#[tokio::test]
async fn what_is_put_is_there_until_taken_or_expired() {
    let server = redis!();
    let store = common::store(&server);
    assert_eq!(store.get(call(0), name(1)).await, Ok(None));
    store.put(call(0), name(1), value(b"\0one\xff"), TTL).await.unwrap();
    assert_eq!(store.get(call(0), name(1)).await, Ok(Some(value(b"\0one\xff"))));
    store.put(call(0), name(1), value(b"two"), TTL).await.unwrap();
    assert_eq!(store.put_new(call(0), name(1), value(b"three"), TTL).await, Ok(false));
    assert_eq!(store.take(call(0), name(1)).await, Ok(Some(value(b"two"))));
    assert_eq!(store.take(call(0), name(1)).await, Ok(None));
    assert_eq!(store.put_new(call(0), name(1), value(b"three"), TTL).await, Ok(true));
    assert_eq!(store.get(call(0), name(1)).await, Ok(Some(value(b"three"))));
}

#[tokio::test]
async fn nothing_stays_for_ever_and_names_are_hashes_with_a_prefix() {
    let server = redis!();
    let store = common::store(&server).with_prefix("mine:");
    store.put(call(0), name(1), value(b"1"), TTL).await.unwrap();
    store.put_new(call(0), name(2), value(b"2"), TTL).await.unwrap();
    store.claim(call(0), name(3), TTL).await.unwrap();
    let keys: Vec<String> = run(&server, "KEYS *").await;
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        let left: i64 = run(&server, &format!("PTTL {key}")).await;
        let most = if key.contains("complete-since") { 7 * 86_400_000 } else { 600_000 };
        assert!((1..=most).contains(&left), "{key} {left}");
        assert!(key.starts_with("mine:"), "{key}");
    }
    // Other applications' values are none of ours.
    let key = name(9).bytes().iter().fold(String::from("mine:"), |key, byte| format!("{key}{byte:02x}"));
    let _: () = run(&server, &format!("SET {key} {}", "x".repeat(1 << 17))).await;
    assert_eq!(store.get(call(0), name(9)).await, Err(StoreFailed::Unavailable));
    let _: () = run(&server, &format!("DEL {key}")).await;
    let _: () = run(&server, &format!("LPUSH {key} a")).await;
    assert_eq!(store.get(call(0), name(9)).await, Err(StoreFailed::Unavailable));
    assert_eq!(store.get(call(0), name(1)).await, Ok(Some(value(b"1"))), "the connection lives on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_take_claim_or_make_at_once_one_does() {
    let server = redis!();
    let stores: Vec<_> = (0..8).map(|_| Arc::new(common::store(&server))).collect();
    for number in 0..200 {
        stores[0].put(call(0), name(number), value(b"x"), TTL).await.unwrap();
    }
    let tasks: Vec<_> = stores
        .iter()
        .map(|store| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let (mut taken, mut claimed, mut made) = (0, 0, 0);
                for number in 0..200 {
                    taken += usize::from(store.take(call(0), name(number)).await.unwrap().is_some());
                    claimed += usize::from(store.claim(call(0), name(number), TTL).await.unwrap().is_first);
                    let new = store.put_new(call(0), name(1000 + number), value(b"y"), TTL);
                    made += usize::from(new.await.unwrap());
                }
                [taken, claimed, made]
            })
        })
        .collect();
    let mut sum = [0; 3];
    for task in tasks {
        sum.iter_mut().zip(task.await.unwrap()).for_each(|(sum, own)| *sum += own);
    }
    assert_eq!(sum, [200, 200, 200]);
}

#[tokio::test]
async fn a_server_that_lost_claims_says_so() {
    let mut server = redis!();
    let store = common::store(&server);
    let claim = async |now, number| until_answered(|| store.claim(call(now), name(number), TTL)).await;
    let found = |is_first, since| Claim { is_first, complete_since: at(since) };
    assert_eq!(claim(1000, 1).await, found(true, 1000));
    assert_eq!(claim(1010, 1).await, found(false, 1000));
    assert_eq!(claim(1020, 2).await, found(true, 1000));
    let _: () = run(&server, "FLUSHALL").await;
    assert_eq!(claim(1030, 1).await, found(true, 1030), "emptied");
    assert_eq!(claim(1040, 1).await, found(false, 1030));
    server.restart();
    assert_eq!(claim(1050, 1).await, found(true, 1050), "restarted");
    let other = common::store(&server);
    assert_eq!(other.claim(call(1060), name(1), TTL).await, Ok(found(false, 1050)), "all agree on it");
}

#[tokio::test]
async fn a_server_that_threw_keys_away_says_so() {
    let server = redis!();
    let store = common::store(&server);
    assert_eq!(store.claim(call(1000), name(0), TTL).await.unwrap().complete_since, at(1000));
    let _: () = run(&server, "CONFIG SET maxmemory-policy volatile-random").await;
    let _: () = run(&server, "CONFIG SET maxmemory 3mb").await;
    let large = value(&[7; 60_000]);
    for number in 1..200 {
        store.put(call(1000), name(number), large.clone(), TTL).await.unwrap();
    }
    assert_eq!(store.claim(call(1010), name(1000), TTL).await.unwrap().complete_since, at(1010));
    // Where nothing may be thrown away there is an end to it.
    let _: () = run(&server, "CONFIG SET maxmemory-policy noeviction").await;
    let _: () = run(&server, "CONFIG SET maxmemory 1mb").await;
    assert_eq!(store.put(call(1000), name(1), large, TTL).await, Err(StoreFailed::Full));
    assert_eq!(store.claim(call(1020), name(1001), TTL).await, Err(StoreFailed::Full));
}

#[tokio::test]
async fn a_replica_that_takes_over_is_not_believed_at_once() {
    let (master, replica) = (redis!(), redis!());
    let _: () = run(&replica, &format!("REPLICAOF 127.0.0.1 {}", master.port())).await;
    let (before, after) = (common::store(&master), common::store(&replica));
    assert!(before.claim(call(1000), name(1), TTL).await.unwrap().is_first);
    let replicas: u32 = run(&master, "WAIT 1 20000").await;
    assert_eq!(replicas, 1);
    // A replica takes no claims.
    assert_eq!(after.claim(call(1001), name(1), TTL).await, Err(StoreFailed::Unavailable));
    let _: () = run(&replica, "REPLICAOF NO ONE").await;
    let claim = until_answered(|| after.claim(call(1010), name(1), TTL)).await;
    assert_eq!(claim, Claim { is_first: false, complete_since: at(1010) });
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_no_time_and_comes_back_by_itself() {
    let mut server = redis!();
    server.stop();
    let store = common::store(&server);
    let get = || store.get(hasty(0), name(1));
    assert_eq!(get().await, Err(StoreFailed::Unavailable));
    for _ in 0..1000 {
        assert_eq!(get().await, Err(StoreFailed::Unavailable));
    }
    server.restart();
    assert_eq!(until_answered(|| store.get(call(0), name(1))).await, None);
    store.put(call(0), name(1), value(b"x"), TTL).await.unwrap();
    server.stop();
    assert!(get().await.is_err() && get().await.is_err());
    server.restart();
    assert_eq!(until_answered(|| store.get(call(0), name(1))).await, None);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_on_at_the_deadline() {
    let server = redis!();
    let store = common::store(&server);
    store.put(call(0), name(1), value(b"x"), TTL).await.unwrap();
    let _: () = run(&server, "CLIENT PAUSE 600000 WRITE").await;
    let put = || store.put(hasty(0), name(2), value(b"x"), TTL);
    assert_eq!(put().await, Err(StoreFailed::TimedOut));
    for _ in 0..20 {
        assert!(put().await.is_err());
    }
    let _: () = run(&server, "CLIENT UNPAUSE").await;
    until_answered(|| store.put(call(0), name(2), value(b"x"), TTL)).await;
}

#[tokio::test]
async fn whether_a_server_can_be_used_is_told_on_request() {
    let (mut server, replica) = (redis!(), redis!());
    let patience = Duration::from_secs(20);
    let refused = async |store: &RedisStore, word: &str| match store.check(patience).await {
        Err(error @ CannotUse::Refused(_)) => assert!(error.to_string().contains(word), "{word}: {error}"),
        other => panic!("{word}: {other:?}"),
    };
    let url = format!("redis://{}:{}@127.0.0.1:{}/0", "user", "hidden", server.port());
    let stranger = RedisStore::new(&url).unwrap();
    assert_eq!(stranger.address(), format!("127.0.0.1:{}", server.port()));
    refused(&stranger, "Password").await;
    let store = common::store(&server);
    store.check(patience).await.unwrap();
    let _: () = run(&replica, &format!("REPLICAOF 127.0.0.1 {}", server.port())).await;
    refused(&common::store(&replica), "read only replica").await;
    let _: () = run(&server, "CLIENT PAUSE 600000 WRITE").await;
    assert!(matches!(store.check(Duration::from_millis(50)).await, Err(CannotUse::Silent)));
    server.stop();
    refused(&store, "Connection refused").await;
}

#[test]
fn any_thread_and_any_executor_may_ask() {
    assert!(matches!(RedisStore::new("redis://127.0.0.1/"), Err(CannotUse::NoRuntime)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    assert!(matches!(RedisStore::on("http://127.0.0.1/", runtime.handle().clone()), Err(CannotUse::Url(_))));
    let server = redis!();
    let store = RedisStore::on(&server.socket_url(), runtime.handle().clone()).unwrap();
    assert_eq!(block_on(store.put(call(0), name(1), value(b"x"), TTL)), Ok(()));
    assert_eq!(block_on(store.get(call(0), name(1))), Ok(Some(value(b"x"))));
    drop(runtime);
    assert_eq!(block_on(store.get(call(0), name(1))), Err(StoreFailed::Unavailable));
}

/// Asks again until the connection is back.
async fn until_answered<A, T>(ask: impl Fn() -> A) -> T
where
    A: Future<Output = Result<T, StoreFailed>>,
{
    let asking = async {
        loop {
            if let Ok(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("the store does not come back")
}

/// An executor that knows nothing of Tokio.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}
