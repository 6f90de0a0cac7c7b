//! A real server process for every test.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
use premaster::{
    pki_types::UnixTime,
    resume::{Call, SealedBytes, StoreName},
};
use premaster_interop::Redis;
use premaster_redis::RedisStore;
use std::time::Duration;

/// The store at this server.
pub fn store(server: &Redis) -> RedisStore {
    RedisStore::new(&server.socket_url()).unwrap()
}

/// Runs a command of its own, past the store.
pub async fn run<T: redis::FromRedisValue>(server: &Redis, command: &str) -> T {
    let client = redis::Client::open(server.socket_url()).unwrap();
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    let mut words = command.split(' ');
    let mut run = redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        run.arg(word);
    });
    run.query_async(&mut connection).await.unwrap()
}

pub const TTL: Duration = Duration::from_secs(600);

pub fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A call that is not in a hurry.
pub fn call(now: u64) -> Call {
    Call { now: at(now), deadline: Duration::from_secs(20) }
}

/// A call that is.
pub fn hasty(now: u64) -> Call {
    Call { now: at(now), deadline: Duration::from_millis(50) }
}

pub fn name(number: u32) -> StoreName {
    StoreName::new("test", &number.to_be_bytes())
}

pub fn value(bytes: &[u8]) -> SealedBytes {
    SealedBytes::from_store(bytes.to_vec()).unwrap()
}
