//! The named policies as they stand in `policies/`, for a person to read. A policy's lists never change under the same
//! name: whoever logs the name knows them. `PREMASTER_BLESS=1` writes the files of new names.
use premaster::{Policy, suite::Suite};
use std::{fmt::Write as _, fs, path::Path};

/// The policy as text: one setting or list a paragraph, one entry a line.
fn text(policy: &Policy) -> String {
    let mut text = format!("{}\n", policy.name);
    let mut list = |name: &str, entries: Vec<String>| {
        let _ = write!(text, "\n{name}\n");
        entries.iter().for_each(|entry| {
            let _ = writeln!(text, "    {entry}");
        });
    };
    list("versions", policy.versions.iter().map(ToString::to_string).collect());
    let suite = |code| Suite::find(code).expect("a suite of the table").name().to_owned();
    list("cipher suites", policy.cipher_suites.iter().copied().map(suite).collect());
    list("groups", policy.groups.iter().map(ToString::to_string).collect());
    list("key shares without being asked", policy.key_shares.iter().map(ToString::to_string).collect());
    list("signature schemes", policy.signature_schemes.iter().map(ToString::to_string).collect());
    let yes = |name: &str, value: bool| format!("{name}: {}", if value { "yes" } else { "no" });
    list(
        "settings",
        vec![
            yes("extended master secret required", policy.require_extended_master_secret),
            yes("renegotiation_info required", policy.require_renegotiation_info),
            yes("encrypt-then-MAC", policy.encrypt_then_mac),
            yes("the server's order counts", policy.server_preference),
            yes("a second hello for a better group", policy.retry_for_better_group),
            format!("{:?}", policy.key_limits),
        ],
    );
    text
}

#[test]
fn the_named_policies_are_as_they_were() {
    for policy in [Policy::MODERN, Policy::COMPATIBLE, Policy::LEGACY] {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(format!("{}.txt", policy.name));
        let now = text(&policy);
        if !file.exists() && std::env::var_os("PREMASTER_BLESS").is_some_and(|bless| bless == "1") {
            fs::write(&file, &now).unwrap();
        }
        let then = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(now, then, "{} has changed: give the policy a new name", policy.name);
    }
}

/// Each has what the one before has, in the same order, so that going on to the next takes nothing away.
#[test]
fn each_policy_has_what_the_stricter_has() {
    fn is_in_order<T: PartialEq>(inner: &[T], outer: &[T]) -> bool {
        let mut outer = outer.iter();
        inner.iter().all(|wanted| outer.any(|entry| entry == wanted))
    }
    for (stricter, wider) in [(Policy::MODERN, Policy::COMPATIBLE), (Policy::COMPATIBLE, Policy::LEGACY)] {
        assert!(is_in_order(&stricter.versions, &wider.versions), "{}", wider.name);
        assert!(is_in_order(&stricter.cipher_suites, &wider.cipher_suites), "{}", wider.name);
        assert!(is_in_order(&stricter.groups, &wider.groups), "{}", wider.name);
        assert!(is_in_order(&stricter.signature_schemes, &wider.signature_schemes), "{}", wider.name);
    }
}
