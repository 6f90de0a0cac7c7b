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
    let laboratory = Laboratory::new()?;
    let mut rows = Vec::new();
    for software in Software::ALL {
        if let Err(missing) = software.program(&program) {
            eprintln!("{missing}");
            continue;
        }
        for case in cases(software) {
            if arguments.first().is_some_and(|text| !case.to_string().contains(text)) {
                continue;
            }
            let outcome = laboratory.examine(case, &Start { program: &program, keep: false });
            let left = outcome.as_ref().map_or(0, left);
            let failed = outcome.as_ref().err().map(|error| format!(", FAILED: {error}")).unwrap_or_default();
            eprintln!("{case}: {left} places{failed}");
            if let (Some(_), Ok(outcome)) = (arguments.first(), &outcome) {
                list(outcome);
            }
            rows.push((case, outcome.map_err(|error| error.to_string())));
        }
    }
    if arguments.is_empty() {
        print!("{}", table::document(&rows));
    }
    Ok(())
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
