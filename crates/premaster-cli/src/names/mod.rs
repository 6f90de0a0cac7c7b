//! What the names of cipher suites and groups mean.
mod group;
mod suite;

use crate::{exit::ExitCode, failure::Failure, options::find_group, terminal::Io};
use premaster::{Policy, exchange::Group, suite::Suite, wire::CipherSuite};
use serde::Serialize;

/// What the help of `suite` begins with.
pub const SUITE_EXAMPLES: &str = "\
Examples:
  premaster suite TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
  premaster suite ECDHE-RSA-AES128-GCM-SHA256
  premaster suite 0xc02f
  premaster suite dhe_rsa              list those with this in the name
  premaster suite                      list all";

/// What the help of `group` begins with.
pub const GROUP_EXAMPLES: &str = "\
Examples:
  premaster group X25519MLKEM768
  premaster group P-256
  premaster group 0x001d
  premaster group                      list all";

/// The options of `suite`.
#[derive(Debug, clap::Args)]
pub struct SuiteArgs {
    /// IANA's name, OpenSSL's, or the code point [default: list all]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The options of `group`.
#[derive(Debug, clap::Args)]
pub struct GroupArgs {
    /// The name or the code point [default: list all]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A list, as JSON has it.
#[derive(Serialize)]
struct Listed<T> {
    schema_version: u32,
    #[serde(flatten)]
    list: T,
}

/// Runs `suite`.
pub fn suite(args: SuiteArgs, io: &mut Io) -> Result<ExitCode, Failure> {
    if let Some(found) = args.name.as_deref().and_then(Suite::parse) {
        let meaning = suite::Meaning::of(found);
        match args.json {
            true => io.json(&Listed { schema_version: 1, list: meaning })?,
            false => show(&meaning.to_string(), io)?,
        }
        return Ok(ExitCode::Ok);
    }
    let wanted = args.name.unwrap_or_default();
    let found: Vec<&Suite> = Suite::ALL.iter().filter(|suite| contains(suite, &wanted)).collect();
    if found.is_empty() {
        return Err(no_suite(&wanted));
    }
    match args.json {
        true => {
            #[derive(Serialize)]
            struct Suites {
                suites: Vec<suite::Meaning>,
            }
            let suites = found.into_iter().map(suite::Meaning::of).collect();
            io.json(&Listed { schema_version: 1, list: Suites { suites } })?;
        }
        false => show(&suite::table(&found), io)?,
    }
    Ok(ExitCode::Ok)
}

/// Text whose first line is its heading.
fn show(text: &str, io: &mut Io) -> Result<(), Failure> {
    let (heading, rest) = text.split_once('\n').unwrap_or((text, ""));
    let heading = io.heading(heading).into_owned();
    io.print(&format!("{heading}\n{rest}"))
}

fn contains(suite: &Suite, wanted: &str) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    [suite.name(), suite.openssl_name].iter().any(|name| name.to_ascii_lowercase().contains(&wanted))
}

fn no_suite(wanted: &str) -> Failure {
    let failure = Failure::usage(format!("there is no cipher suite {wanted}"));
    let failure = match CipherSuite::from_name(wanted) {
        Some(code) => failure.why(format!("{code} is {:#06x}, which this library does not speak", code.0)),
        None => failure.why("it is neither a name of IANA's or OpenSSL's, nor a code point such as 0xc02f"),
    };
    failure.remedy("list all: premaster suite")
}

/// Runs `group`.
pub fn group(args: GroupArgs, io: &mut Io) -> Result<ExitCode, Failure> {
    match args.name {
        Some(wanted) => {
            let found = find_group(&wanted).ok_or_else(|| {
                Failure::usage(format!("there is no group {wanted}"))
                    .why("it is neither a name nor a code point of a group that this library speaks")
                    .remedy("list all: premaster group")
            })?;
            let meaning = group::Meaning::of(found);
            match args.json {
                true => io.json(&Listed { schema_version: 1, list: meaning })?,
                false => show(&meaning.to_string(), io)?,
            }
        }
        None if args.json => {
            #[derive(Serialize)]
            struct Groups {
                groups: Vec<group::Meaning>,
            }
            let groups = Group::ALL.iter().map(group::Meaning::of).collect();
            io.json(&Listed { schema_version: 1, list: Groups { groups } })?;
        }
        None => show(&group::table(), io)?,
    }
    Ok(ExitCode::Ok)
}

/// The names of the policies that hold.
fn policies(holds: impl Fn(&Policy) -> bool) -> Vec<&'static str> {
    let named = [("modern", Policy::MODERN), ("compatible", Policy::COMPATIBLE), ("legacy", Policy::LEGACY)];
    named.iter().filter(|(_, policy)| holds(policy)).map(|(name, _)| *name).collect()
}

/// The first policy of a list, which those after it contain.
fn strictest(policies: &[&'static str]) -> &'static str {
    policies.first().copied().unwrap_or("none")
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// A label and what belongs to it, broken into lines of at most 80 columns.
fn paragraph(label: &str, text: &str) -> String {
    const INDENT: usize = 18;
    let mut lines = vec![format!("  {label:<16}")];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > INDENT && last + 1 + word.chars().count() > 80 {
            lines.push(" ".repeat(INDENT));
        }
        if let Some(line) = lines.last_mut() {
            if line.chars().count() > INDENT {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}
