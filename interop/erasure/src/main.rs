//! `premaster-erasure` examines every case and prints the document; `premaster-erasure TEXT` only the cases whose
//! name has this text, and lists what it finds.
#![forbid(unsafe_code)]
use premaster_erasure::{
    Failure,
    case::Case,
    child,
    exchanges::cases,
    laboratory::{Laboratory, Start},
    rustls_child,
    scenario::Outcome,
    software::{Files, Software},
    table,
};

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["child", word, ca, certificate, key, psk, rest @ ..] = &arguments[..] {
        let case = Case::from_word(word).ok_or("no such case")?;
        let files = Files::parse([*ca, *certificate, *key, *psk]);
        return match case.software {
            Software::Rustls => rustls_child::run(case, &files),
            _ => child::run(case, &files, rest.contains(&"keep")),
        };
    }
    let program = std::env::current_exe()?;
    let chosen = |case: &Case| arguments.first().is_none_or(|text| case.to_string().contains(text));
    let mut all: Vec<Case> = Vec::new();
    for software in Software::ALL {
        match software.program(&program) {
            Ok(_) => all.extend(cases(software).into_iter().filter(chosen)),
            Err(missing) => eprintln!("{missing}"),
        }
    }
    let rows = examine(&all, &program, !arguments.is_empty())?;
    if arguments.is_empty() {
        print!("{}", table::document(&rows));
    }
    Ok(())
}

/// How many cases are examined at a time: most of the time is waiting for a process to come to rest.
const AT_ONCE: usize = 4;

/// Examines all, and yields what was found, in the same order.
fn examine(all: &[Case], program: &Path, verbose: bool) -> Result<Vec<table::Row>, Failure> {
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || -> Result<(), Failure> {
        let laboratory = Laboratory::new()?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = all.get(index).copied() else { return Ok(()) };
            let outcome = laboratory.examine(case, &Start { program, keep: false });
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            report(&case, &outcome, verbose);
            rows.insert(index, (case, outcome.map_err(|error| error.to_string())));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "an examination panicked")?)
    })?;
    Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
}

fn report(case: &Case, outcome: &Result<Outcome, Failure>, verbose: bool) {
    let left = outcome.as_ref().map_or(0, left);
    let failed = outcome.as_ref().err().map(|error| format!(", FAILED: {error}")).unwrap_or_default();
    eprintln!("{case}: {left} places{failed}");
    if let (true, Ok(outcome)) = (verbose, outcome) {
        list(outcome);
    }
}

fn left(outcome: &Outcome) -> usize {
    outcome.values().flat_map(|findings| findings.residue.values()).sum()
}

fn list(outcome: &Outcome) {
    for (point, findings) in outcome {
        println!("  {}: {} secrets, {} private keys", point.name(), findings.secrets, findings.private);
        for (word, places) in [("left", &findings.residue), ("in use", &findings.in_use)] {
            for ((secret, region), count) in places {
                println!("    {word}: {secret}, {region}: {count}");
            }
        }
    }
}
