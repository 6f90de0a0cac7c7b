//! A real server process for every test.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]
use premaster::{
    pki_types::UnixTime,
    resume::{Call, SealedBytes, StoreName},
};
use premaster_redis::RedisStore;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A server of this test's own, stopped when dropped.
pub struct Server {
    directory: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// The directory name of the next server.
static NEXT: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// None, with a word about it, if there is no server to be had; that fails the test where everything has to be
    /// tested.
    pub fn start() -> Option<Self> {
        let mut server = Self::stopped();
        server.restart().then_some(server)
    }

    /// As `start`, listening on a TCP port too, for a replica.
    pub fn with_port() -> Option<Self> {
        let mut server = Self::stopped();
        server.port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        server.restart().then_some(server)
    }

    pub fn stopped() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("premaster-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Self { directory, port: 0, child: None }
    }

    pub fn restart(&mut self) -> bool {
        self.stop();
        let child = ["redis-server", "valkey-server"].into_iter().find_map(|program| {
            Command::new(program)
                .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
                .args(["--unixsocket", "socket", "--save", "", "--appendonly", "no"])
                .current_dir(&self.directory)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        });
        let Some(mut child) = child else {
            let missing =
                "neither redis-server nor valkey-server is installed (Debian: apt install redis-server)";
            assert!(std::env::var_os("PREMASTER_CI").is_none(), "{missing}");
            eprintln!("skipped: {missing}");
            return false;
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // "Ready to accept connections", or "The server is now ready to accept connections at" the socket.
        let ready =
            lines.by_ref().map_while(Result::ok).any(|line| line.contains("eady to accept connections"));
        assert!(ready, "the server does not start");
        // It goes on to write, and would die of a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
        true
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.directory.join("socket").display())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn store(&self) -> RedisStore {
        RedisStore::new(&self.url()).unwrap()
    }

    /// Runs a command of its own, past the store.
    pub async fn run<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
        let mut words = command.split(' ');
        let mut run = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            run.arg(word);
        });
        run.query_async(&mut connection).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
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
