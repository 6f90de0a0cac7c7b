//! Runs every peer, interleaved round by round, and writes the tables.
//!
//!     cargo run --release [-- [--rounds N] [--only SUBSTRING] [--quiet-wait SECONDS]
//!                             [--no-build] [--report] [--results FILE]]
//!
//! Results: target/results.tsv (raw medians) and target/report.md (tables).

mod report;
mod targets;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

struct Peer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    cases: Vec<String>,
    alive: bool,
}

impl Peer {
    fn start(bin: &Path) -> Peer {
        let mut child = Command::new(bin)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|e| panic!("{bin:?}: {e}"));
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut p = Peer {
            child,
            stdin,
            stdout,
            cases: vec![],
            alive: true,
        };
        writeln!(p.stdin, "list").unwrap();
        loop {
            let l = p.line();
            if l == "." {
                return p;
            }
            p.cases.push(l);
        }
    }

    fn line(&mut self) -> String {
        let mut l = String::new();
        if self.stdout.read_line(&mut l).unwrap_or(0) == 0 {
            self.alive = false;
        }
        l.trim_end().to_string()
    }

    fn run(&mut self, case: &str, ms: u64) -> Vec<(String, f64)> {
        if !self.alive || writeln!(self.stdin, "run\t{case}\t{ms}").is_err() {
            return vec![];
        }
        let l = self.line();
        if !self.alive {
            eprintln!("!! {case}: peer died");
        }
        l.split('\t')
            .filter_map(|kv| kv.split_once('='))
            .map(|(k, v)| (k.to_string(), v.parse().unwrap()))
            .collect()
    }
}

/// Share of the machine's CPU time that others use while this process sleeps.
fn busy() -> f64 {
    fn read() -> (u64, u64) {
        let s = std::fs::read_to_string("/proc/stat").unwrap();
        let v: Vec<u64> = s
            .lines()
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            .map(|x| x.parse().unwrap())
            .collect();
        (v.iter().sum(), v[3] + v[4])
    }
    let a = read();
    std::thread::sleep(Duration::from_millis(400));
    let b = read();
    1.0 - (b.1 - a.1) as f64 / (b.0 - a.0).max(1) as f64
}

/// What the program `sockets` measures, if it was built: three rounds of two seconds.
fn sockets(program: &Path) -> String {
    let ran = Command::new(program).args(["2", "3"]).stdout(Stdio::null()).status();
    match ran {
        Ok(status) if status.success() => std::fs::read_to_string("target/sockets.tsv").unwrap(),
        _ => {
            eprintln!("not built or failed, and left out: sockets");
            String::new()
        }
    }
}

fn arg(name: &str) -> Option<String> {
    let a: Vec<String> = std::env::args().collect();
    let i = a.iter().position(|x| x == name)?;
    a.get(i + 1).cloned()
}

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf();
    std::env::set_current_dir(&root).unwrap();
    let rounds: usize = arg("--rounds").map_or(11, |v| v.parse().unwrap());
    let only = arg("--only").unwrap_or_default();
    let patience = arg("--quiet-wait").map_or(180.0, |v| v.parse().unwrap());
    let results = PathBuf::from(arg("--results").unwrap_or("target/results.tsv".into()));

    let cargo = |dir: &Path, args: &[&str]| {
        let ok = Command::new("cargo")
            .args(args)
            .current_dir(dir)
            .status()
            .unwrap()
            .success();
        assert!(ok, "cargo {args:?} failed");
    };
    if !std::env::args().any(|a| a == "--no-build") {
        cargo(&root.join("openssl4"), &["run"]);
        cargo(
            &root,
            &[
                "build",
                "--release",
                "-p",
                "premaster-peer",
                "-p",
                "rust-peers",
                "-p",
                "boring-peer",
                "-p",
                "openssl-peer",
                "-p",
                "sockets",
                "--features",
                "sockets/openssl",
            ],
        );
    }
    bench_pki::make(&root.join("target/pki"));

    if !std::env::args().any(|a| a == "--report") {
        let bins = ["premaster-peer", "rust-peers", "boring-peer", "openssl-peer"];
        // Wherever cargo put this program, the peers are beside it.
        let here = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
        let (found, missing): (Vec<&str>, Vec<&str>) = bins.iter().partition(|b| here.join(b).exists());
        if !missing.is_empty() {
            eprintln!("not built, and left out: {}", missing.join(", "));
        }
        let mut peers: Vec<Peer> = found.iter().map(|b| Peer::start(&here.join(b))).collect();
        // group -> the peers that know it
        let mut groups: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        for (i, p) in peers.iter().enumerate() {
            for c in p.cases.iter().filter(|c| c.contains(&only)) {
                let g = c.split('/').next().unwrap().to_string();
                groups.entry(g).or_default().push((i, c.clone()));
            }
        }
        let mut data: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        let mut waited = 0.0;
        for round in 0..rounds {
            let t = Instant::now();
            let mut b = busy();
            while b > 0.10 && waited < patience {
                std::thread::sleep(Duration::from_secs(2));
                waited += 2.4;
                b = busy();
            }
            let mut disturbed = 0;
            for (g, members) in &groups {
                let ms = match g {
                    g if g.starts_with("mem") && !g.starts_with("memcpy") => {
                        if round > 0 {
                            continue;
                        }
                        1
                    }
                    g if g.starts_with("hs") || g.starts_with("res") => 60,
                    g if g.starts_with("bulk") => 30,
                    _ => 12,
                };
                // rotate, so that nobody always goes first
                for k in 0..members.len() {
                    let (i, c) = &members[(k + round) % members.len()];
                    let r = peers[*i].run(c, ms);
                    if r.is_empty() {
                        disturbed += 1;
                    }
                    for (m, v) in r {
                        data.entry((c.clone(), m)).or_default().push(v);
                    }
                }
            }
            eprintln!(
                "round {}/{rounds}: {:.1} s, others used {:.0}% of the CPUs before it, {disturbed} cases without a result",
                round + 1,
                t.elapsed().as_secs_f64(),
                b * 100.0
            );
        }
        for p in &mut peers {
            let _ = writeln!(p.stdin, "quit");
            let _ = p.child.wait();
        }
        // a partial run (--only) replaces only what it measured
        let old = if only.is_empty() {
            String::new()
        } else {
            std::fs::read_to_string(&results).unwrap_or_default()
        };
        let fresh: std::collections::BTreeSet<&str> = data.keys().map(|k| k.0.as_str()).collect();
        let mut out: String = old
            .lines()
            .filter(|l| !fresh.contains(l.split('\t').next().unwrap()))
            .map(|l| format!("{l}\n"))
            .collect();
        drop(fresh);
        for ((case, metric), mut v) in data {
            v.sort_by(|a, b| a.total_cmp(b));
            let med = v[v.len() / 2];
            out += &format!("{case}\t{metric}\t{med}\t{}\t{}\t{}\n", v[0], v[v.len() - 1], v.len());
        }
        if only.is_empty() {
            out += &sockets(&here.join("sockets"));
        }
        std::fs::write(&results, out).unwrap();
    }
    let text = report::make(&std::fs::read_to_string(&results).unwrap());
    std::fs::write(root.join("target/report.md"), &text).unwrap();
    println!("{text}");
}
