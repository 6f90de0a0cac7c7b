//! Instructions and allocations of fixed scenarios, which do not depend on how busy the machine is.
//!
//!     cargo run --release --bin counts [-- [--save] [FILTER]]
//!
//! Runs each scenario under valgrind's callgrind, prints what a handshake or a record costs each side, and what
//! has changed since `counts.tsv` was written. `--save` writes it anew.

use bench_core::tls::{self, COUNTED, Cost, Factory, Peer, RECORD, SLACK, Setup, Side};
use premaster_peer::Premaster;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::Ordering::Relaxed,
};

/// Handshakes, or records, that are counted and divided by.
const ROUNDS: u64 = 4;

/// What one run of a scenario costs one side.
#[derive(Clone, Copy, Default, PartialEq)]
struct Count {
    instructions: u64,
    allocations: u64,
    bytes: u64,
}

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(here).unwrap();
    bench_pki::make(Path::new("target/pki"));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [mode, name] if mode == "--inside" => inside(name),
        [mode] if mode == "--save" => report(true, ""),
        [filter] => report(false, filter),
        _ => report(false, ""),
    }
}

fn setup(name: &str) -> Setup {
    tls::scenarios()
        .into_iter()
        .find(|(other, _)| *other == name)
        .expect("a scenario's name")
        .1
}

/// Runs one scenario, twice to warm up and then counted; prints what was allocated.
fn inside(name: &str) {
    let setup = setup(name);
    let factory = Premaster.factory(&setup).expect("premaster can do everything");
    let (client, server) = match name.starts_with("bulk") {
        true => records(&*factory),
        false => handshakes(&*factory, &setup),
    };
    for side in [client, server] {
        println!("{}\t{}", side.allocs / ROUNDS, side.bytes / ROUNDS);
    }
}

fn handshakes(factory: &dyn Factory, setup: &Setup) -> (Side, Side) {
    let mut wires = tls::wires();
    let mut run = |early| -> Cost {
        let (pair, mut cost) = tls::connect(factory, early, &mut wires);
        tls::drop_pair(pair, &mut cost);
        cost
    };
    run(false);
    run(setup.early_data);
    COUNTED.store(true, Relaxed);
    let (mut client, mut server) = (Side::client(), Side::server());
    for _ in 0..ROUNDS {
        let cost = run(setup.early_data);
        for (sum, side) in [(&mut client, cost.client), (&mut server, cost.server)] {
            sum.allocs += side.allocs;
            sum.bytes += side.bytes;
        }
    }
    (client, server)
}

/// The server sends records of 16 KiB, the client receives.
fn records(factory: &dyn Factory) -> (Side, Side) {
    let mut wires = tls::wires();
    let (mut pair, _) = tls::connect(factory, false, &mut wires);
    let (data, mut buffer, wire) = (vec![0x5a; RECORD], vec![0; RECORD + SLACK], &mut wires.0);
    let (mut client, mut server) = (Side::client(), Side::server());
    for round in 0..ROUNDS + 2 {
        if round == 2 {
            COUNTED.store(true, Relaxed);
            (client, server) = (Side::client(), Side::server());
        }
        wire.clear();
        server.measure(|| pair.server.send(&data, wire));
        pair.server.collect(wire);
        assert_eq!(client.measure(|| pair.client.recv(wire, &mut buffer, RECORD)), RECORD);
    }
    (client, server)
}

type Table = BTreeMap<(String, String), Count>;

fn report(save: bool, filter: &str) {
    let file = PathBuf::from("premaster-peer/counts.tsv");
    let before = read(&std::fs::read_to_string(&file).unwrap_or_default());
    let mut now = Table::new();
    println!("scenario              side      instructions  change  allocations  change   bytes");
    for (name, _) in tls::scenarios().into_iter().filter(|(name, _)| name.contains(filter)) {
        if name.starts_with("mem") {
            continue;
        }
        for (index, side) in ["client", "server"].into_iter().enumerate() {
            let count = count(name, index, side);
            let key = (name.to_owned(), side.to_owned());
            let (mut percent, mut more) = (String::new(), String::new());
            if let Some(old) = before.get(&key) {
                let ratio = count.instructions as f64 / old.instructions.max(1) as f64;
                percent = format!("{:+.1}%", (ratio - 1.0) * 100.0);
                more = format!("{:+}", count.allocations as i64 - old.allocations as i64);
            }
            let Count {
                instructions,
                allocations,
                bytes,
            } = count;
            println!("{name:20}  {side:6} {instructions:15} {percent:>7} {allocations:12} {more:>7} {bytes:7}");
            now.insert(key, count);
        }
    }
    if save {
        let line = |((name, side), c): (&(String, String), &Count)| {
            format!("{name}\t{side}\t{}\t{}\t{}\n", c.instructions, c.allocations, c.bytes)
        };
        std::fs::write(file, now.iter().map(line).collect::<String>()).unwrap();
    }
}

fn read(text: &str) -> Table {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[name, side, instructions, allocations, bytes] = &fields[..] else {
            return None;
        };
        let count = Count {
            instructions: instructions.parse().ok()?,
            allocations: allocations.parse().ok()?,
            bytes: bytes.parse().ok()?,
        };
        Some(((name.to_owned(), side.to_owned()), count))
    };
    text.lines().filter_map(line).collect()
}

/// Counts the instructions of one side alone, in a process of its own.
fn count(name: &str, index: usize, side: &str) -> Count {
    let own = std::env::current_exe().unwrap();
    let profile = format!("target/callgrind.{name}.{side}");
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--quiet",
            &format!("--toggle-collect=bench_{side}_side"),
        ])
        .arg(format!("--callgrind-out-file={profile}"))
        .arg(&own)
        .args(["--inside", name])
        .output()
        .expect("valgrind is installed");
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(&profile).unwrap();
    let total = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: "))
        .expect("a total");
    // Under valgrind malloc is valgrind's own.
    let alone = Command::new(own).args(["--inside", name]).output().unwrap();
    let text = String::from_utf8(alone.stdout).unwrap();
    let (allocations, bytes) = text.lines().nth(index).and_then(|line| line.split_once('\t')).unwrap();
    Count {
        instructions: total.trim().parse::<u64>().unwrap() / ROUNDS,
        allocations: allocations.parse().unwrap(),
        bytes: bytes.parse().unwrap(),
    }
}
