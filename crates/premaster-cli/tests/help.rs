//! Help, completions, manual pages, and the tables of names.
mod support;
use support::{premaster, run};

const VERBS: [&str; 9] =
    ["explain", "connect", "serve", "derive", "decrypt", "suite", "group", "completions", "man"];

#[test]
fn every_help_begins_with_examples_and_ends_with_exit_codes() {
    for verb in [""].iter().chain(&VERBS) {
        let ran = run(&format!("{verb} --help"));
        assert_eq!(ran.code, 0, "{ran:#?}");
        assert!(ran.err.is_empty() && ran.out.starts_with("Examples:\n  premaster"), "{verb}: {}", ran.out);
        let last = ran.out.lines().last().unwrap();
        assert_eq!(last, "  70  bug: please report it", "{verb}");
        for code in 0..=7 {
            assert!(ran.out.contains(&format!("\n  {code}   ")), "{verb} lacks {code}");
        }
    }
}

#[test]
fn everything_has_80_columns() {
    let helps = [""].iter().chain(&VERBS).map(|verb| format!("{verb} --help"));
    let shorts = [""].iter().chain(&VERBS).map(|verb| format!("{verb} -h"));
    for line in helps.chain(shorts).chain(["suite".into(), "group".into()]) {
        let ran = run(&line);
        let wide: Vec<&str> = ran.out.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{line}: {wide:#?}");
    }
}

#[test]
fn the_help_lists_every_verb() {
    let help = run("--help").out;
    for verb in VERBS {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{verb} "))),
            "{verb}: {help}"
        );
    }
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&format!("completions {shell}"));
        assert!(ran.code == 0 && ran.out.contains("premaster") && ran.err.is_empty(), "{shell}: {ran:#?}");
    }
    for (line, title) in [("man", ".TH premaster 1"), ("man connect", ".TH premaster-connect 1")] {
        let ran = run(line);
        assert!(ran.code == 0 && ran.out.contains(title), "{line}: {ran:#?}");
    }
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let error = |colour: &str, no_color: Option<&str>| {
        let mut command = premaster(["--color", colour, "group", "none"]);
        no_color.map(|value| command.env("NO_COLOR", value));
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    // stderr is a pipe here.
    assert!(!error("auto", None).contains('\x1b'));
    assert!(!error("auto", Some("1")).contains('\x1b'));
    assert!(!error("never", None).contains('\x1b'));
    assert!(error("always", None).contains('\x1b'));
    let ran = run("--color always suite 0x1301 --json");
    assert!(!ran.out.contains('\x1b'), "JSON is never decorated: {}", ran.out);
}

#[test]
fn json_parses() {
    let suite = run("suite TLS_RSA_WITH_AES_256_CBC_SHA256 --json").json();
    assert_eq!((&suite["schema_version"], &suite["code"]), (&1.into(), &"0x003d".into()));
    let lengths: Vec<i64> = suite["key_block"]["slices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slice| slice["length"].as_i64().unwrap())
        .collect();
    assert_eq!(lengths, [32, 32, 32, 32, 16, 16]);
    assert!(run("suite --json").json()["suites"].as_array().unwrap().len() > 90);
    let group = run("group p-256 --json").json();
    assert_eq!((&group["name"], &group["published_length"]), (&"secp256r1".into(), &65.into()));
    assert!(run("group --json").json()["groups"].as_array().unwrap().len() >= 12);
}

#[test]
fn every_name_of_a_suite_finds_it() {
    let names = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "0xc02f", "c02f"];
    for name in names {
        let ran = run(&format!("suite {name}"));
        assert!(ran.out.starts_with("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"), "{name}: {ran:#?}");
    }
    let some = run("suite dhe_rsa_with_chacha").out;
    assert_eq!(some.lines().count(), 1 + 2, "{some}");
}
