//! Whether the time that the library takes tells what an attacker must not learn: the classes of Bleichenbacher and
//! Marvin, of Lucky Thirteen and of Raccoon, measured and compared.
//!
//!     cargo run --release -p timing [-- [--samples N] [--threads N] [--all] [FILTER ...]]
//!
//! Ends with 0 if no class can be told from another, with 1 if one can, and with 2 if nothing can be said: a leak that
//! is there was not found, or one was found where there is none.
mod bleichenbacher;
mod door;
mod lucky13;
mod raccoon;
mod report;
mod statistics;

use door::Door;
use report::Measured;
use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// Those that take longest come first, so that threads have the same to do.
const DOORS: [(&str, fn() -> Door); 11] = [
    ("rsa-open", bleichenbacher::open),
    ("rsa-step", bleichenbacher::step),
    ("rsa-twin", bleichenbacher::twin),
    ("cbc-sha384", lucky13::sha384),
    ("cbc-sha256", lucky13::sha256),
    ("cbc-sha1", lucky13::sha1),
    ("cbc-twin", lucky13::twin),
    ("dh-sha256", raccoon::sha256),
    ("dh-sha384", raccoon::sha384),
    ("dh-tls13", raccoon::tls13),
    ("dh-twin", raccoon::twin),
];

struct Arguments {
    samples: usize,
    threads: usize,
    /// Whether every pair is printed.
    all: bool,
    filters: Vec<String>,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments {
        samples: 100_000,
        threads: 1,
        all: false,
        filters: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let number = arguments.next().and_then(|number| number.parse().ok());
            number
                .filter(|&number: &usize| number > 0)
                .ok_or(format!("{argument} needs a number"))
        };
        match &*argument {
            "--samples" => parsed.samples = number()?.max(100),
            "--threads" => parsed.threads = number()?,
            "--all" => parsed.all = true,
            _ if argument.starts_with('-') => return Err(format!("what is {argument}?")),
            _ => parsed.filters.push(argument),
        }
    }
    Ok(parsed)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(said) => {
            eprintln!("{said}");
            return ExitCode::from(2);
        }
    };
    let wanted = |name: &str| arguments.filters.is_empty() || arguments.filters.iter().any(|part| name.contains(part));
    let doors: Vec<_> = DOORS.into_iter().filter(|(name, _)| wanted(name)).collect();
    let measured = measure(&doors, arguments.samples, arguments.threads);
    report::print(&measured, arguments.samples, arguments.all)
}

/// Measures every door, each on one thread from beginning to end.
fn measure(doors: &[(&str, fn() -> Door)], samples: usize, threads: usize) -> Vec<Measured> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((_, make)) = doors.get(next.fetch_add(1, Relaxed)) {
                    let mut door = make();
                    let times = door.run(samples);
                    let measured = Measured {
                        name: door.name,
                        kind: door.kind,
                        classes: door.classes,
                        times,
                    };
                    done.lock().unwrap().push(measured);
                }
            });
        }
    });
    let mut measured = done.into_inner().unwrap();
    measured.sort_by_key(|door| door.name);
    measured
}
