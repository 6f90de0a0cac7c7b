//! The demonstrations, each the same in every run: as golden files, and in every form.
#[path = "support/leaves.rs"]
mod leaves;

use premaster_trace::Trace;
use std::{collections::HashSet, process::Command};

fn explain(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_premaster")).arg("explain").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn trace(arguments: &[&str]) -> Trace {
    serde_json::from_str(&explain(&[arguments, &["--format", "json"]].concat())).unwrap()
}

fn demos() -> Vec<String> {
    let list = explain(&["--demo", "list"]);
    // The experiments, which have no trace, follow an empty line.
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_is_as_it_was() {
    let bless = std::env::var_os("PREMASTER_BLESS").is_some();
    let mut changed = Vec::new();
    for demo in demos() {
        for (format, ending) in [("terminal", "txt"), ("mermaid", "mmd")] {
            let path = format!("{}/tests/golden/{demo}.{ending}", env!("CARGO_MANIFEST_DIR"));
            let told = explain(&["--demo", &demo, "--format", format, "--reveal"]);
            if bless {
                std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).unwrap();
                std::fs::write(&path, &told).unwrap();
            }
            if std::fs::read_to_string(&path).unwrap_or_default() != told {
                changed.push(path);
            }
        }
    }
    assert!(changed.is_empty(), "changed; if that is meant, run with PREMASTER_BLESS=1: {changed:#?}");
}

/// The stolen key opens the first recording and no other; the key for tickets opens the third in its window, and not
/// after it. The program itself fails if that is not what happened.
#[test]
fn the_experiment_is_as_it_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/forward-secrecy.txt");
    let told = explain(&["--demo", "forward-secrecy"]);
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    if std::env::var_os("PREMASTER_BLESS").is_some() {
        std::fs::write(path, &told).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), told);
    assert_eq!(told.matches("  open:").count(), 2, "{told}");
    assert_eq!(told.matches("  closed:").count(), 3, "{told}");
}

#[test]
fn each_keeps_to_eighty_columns_and_each_diagram_to_sixty_lines() {
    for demo in demos() {
        for arguments in [&["--demo", &demo][..], &["--demo", &demo, "--bytes", "--reveal"]] {
            for line in explain(arguments).lines() {
                // Commands are there to be copied.
                assert!(line.chars().count() <= 80 || line.starts_with("   $ "), "{demo}: {line}");
            }
        }
        let diagram = explain(&["--demo", &demo, "--format", "mermaid"]);
        assert!(diagram.lines().count() <= 60, "{demo}");
        assert!(!diagram.contains([';', '#', '<', '\u{1b}']), "{demo}");
        let ends = diagram.lines().filter(|line| line.trim() == "end").count();
        assert_eq!(diagram.matches("    rect ").count(), ends, "{demo}");
    }
}

#[test]
fn each_document_is_what_the_published_schema_says() {
    let schema = include_str!("../../premaster-trace/schema/trace.v1.json");
    let mut schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    // The schema lets additions pass; here a field that it does not know is one that somebody forgot to publish.
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for demo in demos() {
        for reveal in [&[][..], &["--reveal"], &["--redact"]] {
            let text = explain(&[&["--demo", &demo, "--format", "json"], reveal].concat());
            let document: serde_json::Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{demo} {reveal:?}: {errors:#?}");
        }
    }
    for broken in [r#"{"schema": "trace.v1"}"#, r#"{"schema": "trace.v2"}"#, "[]"] {
        assert!(!validator.is_valid(&serde_json::from_str(broken).unwrap()), "{broken}");
    }
}

/// Lets no object have properties that its schema does not name.
fn close(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.contains_key("properties") && !object.contains_key("oneOf") {
                object.insert("additionalProperties".into(), false.into());
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn both_ends_come_to_the_same_bytes() {
    for demo in demos() {
        let trace = trace(&["--demo", &demo]);
        assert!(trace.secrets.iter().all(|secret| secret.agrees != Some(false)), "{demo}");
        if trace.summary.established {
            let both = trace.secrets.iter().filter(|secret| secret.agrees == Some(true)).count();
            assert!(both >= 10, "{demo}: {both}");
        }
    }
}

#[test]
fn every_byte_of_every_record_belongs_to_one_leaf() {
    for demo in demos() {
        let trace = trace(&["--demo", &demo, "--reveal"]);
        leaves::cover_every_byte(&trace, &demo);
    }
}

#[test]
fn what_is_not_to_be_shown_is_not() {
    const SAID: &str = "57686f2061726520796f753f"; // "Who are you?"
    let open = trace(&["--demo", "mutual", "--reveal"]);
    assert!(open.contains_secrets && serde_json::to_string(&open).unwrap().contains(SAID));
    let secret = |node: &premaster_trace::model::Derivation| match node.public {
        true => None,
        false => node.value.clone(),
    };
    let secrets: Vec<String> = open.secrets.iter().filter_map(secret).collect();
    assert!(secrets.len() > 20);
    for format in ["terminal", "mermaid", "html", "json"] {
        for closed in [&[][..], &["--redact"]] {
            let arguments = [&["--demo", "mutual", "--bytes", "--format", format], closed].concat();
            let text: String = explain(&arguments).split_whitespace().collect();
            for secret in &secrets {
                assert!(!text.contains(secret), "{format} {closed:?}: {secret}");
            }
            assert!(!text.contains(SAID) && !text.contains("Whoareyou"), "{format} {closed:?}");
            if !closed.is_empty() {
                for name in ["demo.example", "demonstrationclient", "64656d6f2e6578616d706c65"] {
                    assert!(!text.contains(name), "{format}: {name}");
                }
            }
        }
    }
}

#[test]
fn failures_can_be_shared_without_names() {
    for demo in ["expired", "wrong-name", "unknown-issuer", "mitm", "no-shared-group"] {
        for format in ["terminal", "mermaid", "html", "json"] {
            let text = explain(&["--demo", demo, "--redact", "--bytes", "--format", format]);
            for name in ["demo.example", "other.example", "nobody trusts", "demonstration authority"] {
                assert!(!text.contains(name), "{demo} {format}: {name}");
            }
        }
    }
}

#[test]
fn the_page_needs_nothing_else() {
    for demo in demos() {
        let page = explain(&["--demo", &demo, "--format", "html", "--reveal"]);
        assert!(page.contains("role=\"alert\""), "{demo}: a banner warns of the secrets");
        for needs in [" src=", "<link", "@import", "url(", "<img", "<iframe", "fetch("] {
            assert!(!page.contains(needs), "{demo}: {needs}");
        }
        let ids: HashSet<&str> =
            page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.contains(target), "{demo}: nothing is called {target}");
        }
    }
}

#[test]
fn a_page_is_written_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lesson.html");
    explain(&["--demo", "tls13", "--format", "html", "-o", path.to_str().unwrap()]);
    assert!(std::fs::read_to_string(&path).unwrap().trim_end().ends_with("</html>"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let nowhere = directory.path().join("missing/lesson.html");
    let output = Command::new(env!("CARGO_BIN_EXE_premaster"))
        .args(["explain", "--demo", "tls13", "-o"])
        .arg(nowhere)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
