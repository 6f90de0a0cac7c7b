//! Many connections over real sockets, on loopback, both ends in this process.
//!
//!     cargo run --release -p sockets [--features openssl] [-- SECONDS [ROUNDS [WHAT [LIBRARY]]]]
//!
//! WHAT and LIBRARY are parts of the names of the measurements and the libraries that are wanted: `new`, `1 stream`,
//! `100 streams`, `idle`.
//!
//! TLS 1.3 with X25519 and ECDSA P-256, certificates verified, one runtime of two threads. Each measurement is taken
//! of every library in turn, round by round, and the medians are printed.

mod libraries;

use libraries::Library;
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

type Figures = BTreeMap<&'static str, Vec<f64>>;
/// The figures of each library.
type Table = BTreeMap<&'static str, Figures>;

/// What is measured, and how long each time.
struct Wanted<'a> {
    time: Duration,
    what: &'a str,
    library: &'a str,
}

/// Connections that are opened at the same time.
const AT_ONCE: usize = 8;
/// Connections that are left idle, as many as the limit on open files allows, which each end needs one of.
const IDLE: usize = 10_000;

fn main() -> io::Result<()> {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(here)?;
    bench_pki::make(std::path::Path::new("target/pki"));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default| {
        arguments
            .get(at)
            .map_or(default, |text| text.parse().expect("a number"))
    };
    let name = |at: usize| arguments.get(at).map_or("", String::as_str);
    let wanted = Wanted {
        time: Duration::from_secs(number(0, 2)),
        what: name(2),
        library: name(3),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut all = Table::new();
    for round in 0..number(1, 5) {
        let first = round == 0;
        runtime.block_on(wanted.measure("premaster-tokio", libraries::Premaster::new, first, &mut all))?;
        runtime.block_on(wanted.measure("tokio-rustls", libraries::Rustls::new, first, &mut all))?;
        #[cfg(feature = "openssl")]
        runtime.block_on(wanted.measure("tokio-openssl", libraries::OpenSsl::new, first, &mut all))?;
    }
    print(&mut all);
    std::fs::write("target/sockets.tsv", lines(&mut all))
}

/// The medians as the coordinator takes them up.
fn lines(all: &mut Table) -> String {
    let mut lines = String::new();
    for (library, figures) in all {
        let peer = match *library {
            "premaster-tokio" => "premaster",
            "tokio-rustls" => "rustls23-awslc",
            _ => "openssl4",
        };
        for (what, values) in figures {
            lines += &format!("sockets-{what}/{peer}\trate\t{}\n", bench_core::median(values));
        }
    }
    lines
}

fn print(all: &mut Table) {
    let names: Vec<&str> = all.keys().copied().collect();
    println!("| what | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    let what: Vec<&str> = all
        .values()
        .next()
        .into_iter()
        .flat_map(|figures| figures.keys().copied())
        .collect();
    for what in what {
        let median = |figures: &mut Figures| match figures.get_mut(what) {
            Some(values) => format!("{:.2}", bench_core::median(values)),
            None => "-".to_owned(),
        };
        let row: Vec<String> = all.values_mut().map(median).collect();
        println!("| {what} | {} |", row.join(" | "));
    }
}

impl Wanted<'_> {
    /// All that is wanted of one library; `first`, also what is measured but once.
    async fn measure<L: Library>(
        &self,
        name: &'static str,
        library: fn() -> L,
        first: bool,
        all: &mut Table,
    ) -> io::Result<()> {
        if !name.contains(self.library) {
            return Ok(());
        }
        let (library, figures) = (Arc::new(library()), all.entry(name).or_default());
        let wanted = |what: &str| what.contains(self.what);
        if wanted("new connections") {
            new_connections(&library, self.time, figures).await?;
        }
        for (streams, what) in [(1, "1 stream, GB a second"), (100, "100 streams, GB a second")] {
            if wanted(what) {
                let bytes = throughput(&library, streams, self.time).await?;
                let rate = bytes as f64 / self.time.as_secs_f64() / 1e9;
                figures.entry(what).or_default().push(rate);
            }
        }
        if first && wanted("idle connections") {
            let (connections, kib) = idle(&library).await?;
            eprintln!("{name}: {connections} connections idle");
            let what = "KiB of memory for an idle connection, both ends";
            figures.entry(what).or_default().push(kib);
        }
        Ok(())
    }
}

/// What a server does with each connection that is accepted.
trait Serve<S>: Fn(S) -> Self::Done + Clone + Send + Sync + 'static {
    type Done: Future<Output = io::Result<()>> + Send;
}

impl<S, F, D> Serve<S> for F
where
    F: Fn(S) -> D + Clone + Send + Sync + 'static,
    D: Future<Output = io::Result<()>> + Send,
{
    type Done = D;
}

/// A server that runs until the set is dropped, and its address.
async fn serve<L: Library>(
    library: &Arc<L>,
    tasks: &mut JoinSet<()>,
    serve: impl Serve<L::Server>,
) -> io::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let library = library.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((transport, _)) = listener.accept().await {
            let (library, serve) = (library.clone(), serve.clone());
            connections.spawn(async move {
                // A client that is done just goes.
                let _ = transport.set_nodelay(true);
                if let Ok(stream) = library.accept(transport).await {
                    let _ = serve(stream).await;
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(address)
}

async fn connect<L: Library>(library: &L, address: std::net::SocketAddr) -> io::Result<L::Client> {
    let transport = TcpStream::connect(address).await?;
    transport.set_nodelay(true)?;
    library.connect(transport).await
}

/// New connections a second, with a byte there and back on each, and how long one takes.
async fn new_connections<L: Library>(library: &Arc<L>, time: Duration, figures: &mut Figures) -> io::Result<()> {
    let mut servers = JoinSet::new();
    let echo = |mut stream: L::Server| async move {
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.flush().await
    };
    let address = serve(library, &mut servers, echo).await?;
    let mut clients = JoinSet::new();
    let end = Instant::now() + time;
    for _ in 0..AT_ONCE {
        let library = library.clone();
        clients.spawn(async move {
            let mut taken = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                let mut stream = connect(&*library, address).await?;
                stream.write_u8(7).await?;
                stream.flush().await?;
                assert_eq!(stream.read_u8().await?, 7);
                taken.push(start.elapsed().as_secs_f64() * 1e6);
            }
            io::Result::Ok(taken)
        });
    }
    let mut taken = Vec::new();
    while let Some(some) = clients.join_next().await {
        taken.extend(some.expect("no client panics")?);
    }
    taken.sort_by(f64::total_cmp);
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize];
    figures
        .entry("new connections a second")
        .or_default()
        .push(taken.len() as f64 / time.as_secs_f64());
    figures
        .entry("latency of a connection, p50, us")
        .or_default()
        .push(at(0.5));
    figures
        .entry("latency of a connection, p99, us")
        .or_default()
        .push(at(0.99));
    Ok(())
}

/// Bytes that clients received while servers sent as fast as they could.
async fn throughput<L: Library>(library: &Arc<L>, streams: usize, time: Duration) -> io::Result<u64> {
    let (stop, received) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut servers = JoinSet::new();
    let stopped = stop.clone();
    let pour = move |mut stream: L::Server| {
        let stopped = stopped.clone();
        async move {
            let data = vec![0x5a; 1 << 16];
            while !stopped.load(Relaxed) {
                stream.write_all(&data).await?;
            }
            stream.shutdown().await
        }
    };
    let address = serve(library, &mut servers, pour).await?;
    let mut clients = JoinSet::new();
    for _ in 0..streams {
        let mut stream = connect(&**library, address).await?;
        let received = received.clone();
        clients.spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                received.fetch_add(n as u64, Relaxed);
            }
        });
    }
    let before = received.load(Relaxed);
    tokio::time::sleep(time).await;
    let bytes = received.load(Relaxed) - before;
    stop.store(true, Relaxed);
    while clients.join_next().await.is_some() {}
    Ok(bytes)
}

/// How many connections stayed idle, and how much memory each took.
async fn idle<L: Library>(library: &Arc<L>) -> io::Result<(usize, f64)> {
    let mut servers = JoinSet::new();
    let wait = |mut stream: L::Server| async move {
        stream.write_u8(1).await?;
        stream.flush().await?;
        stream.read_u8().await.map(|_| ())
    };
    let address = serve(library, &mut servers, wait).await?;
    let mut streams = Vec::new();
    let before = resident();
    while streams.len() < IDLE {
        // As many as there may be open files.
        let Ok(mut stream) = connect(&**library, address).await else {
            break;
        };
        if stream.read_u8().await.is_err() {
            break;
        }
        streams.push(stream);
    }
    let kib = (resident() - before) / 1024.0 / streams.len() as f64;
    Ok((streams.len(), kib))
}

/// Memory of this process, in bytes.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: f64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("a number");
    pages * 4096.0
}

/// Whatever a library calls its streams.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}
