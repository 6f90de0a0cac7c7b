//! The verb `derive`: the key schedules and the key agreements by hand, step by step.
mod agree;
mod kdf;
mod report;
mod source;
mod tls;
mod toy;

use crate::{exit::ExitCode, failure::Failure, terminal::Io};
use clap::{Args as ClapArgs, Subcommand};
use kdf::Hash;
use premaster::{suite::Suite, wire::CipherSuite};
use report::Report;
use source::{Public, Secret};

/// What the help begins with.
pub const EXAMPLES: &str = "\
Examples:
  premaster derive tls12 --pre-master @pm.hex --client-random HEX \\
      --server-random HEX --suite TLS_RSA_WITH_AES_128_CBC_SHA --steps
  premaster derive tls13 --shared-secret @z.hex --suite TLS_AES_128_GCM_SHA256 \\
      --hello-hash HEX
  premaster derive dh --p 23 --g 5     the toy of every textbook
  premaster derive ecdh --group x25519 --json

Secrets come from a file (@FILE) or from stdin (-), never from the command line,
where the shell's history and other users would see them. All are hexadecimal.";

/// Its options.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Show every step in between
    #[arg(long, global = true)]
    steps: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The key schedule of TLS 1.2: master secret, key block, each slice
    Tls12(Tls12),
    /// The key schedule of TLS 1.3: the ladder, as far as the hashes reach
    Tls13(Tls13),
    /// One call of the PRF of TLS 1.2 (RFC 5246 section 5)
    Prf(Prf),
    /// One call of HKDF-Extract (RFC 5869 section 2.2)
    Extract(Extract),
    /// One call of HKDF-Expand-Label (RFC 9846 section 7.1)
    ExpandLabel(ExpandLabel),
    /// Diffie-Hellman in a finite field, in toy sizes or in a real group
    Dh(Dh),
    /// Diffie-Hellman on a curve, or a hybrid
    Ecdh(Ecdh),
    /// RSA in toy sizes
    Rsa(Rsa),
}

#[derive(Debug, ClapArgs)]
struct Tls12 {
    /// What the key exchange yielded
    #[arg(long, value_name = "@FILE|-")]
    pre_master: Secret,
    /// ClientHello.random
    #[arg(long, value_name = "HEX")]
    client_random: Public,
    /// ServerHello.random
    #[arg(long, value_name = "HEX")]
    server_random: Public,
    /// The cipher suite, which says how the key block is cut
    #[arg(long, value_name = "NAME", value_parser = parse_suite)]
    suite: CipherSuite,
    /// The hash over the messages through ClientKeyExchange: extended master secret
    #[arg(long, value_name = "HEX")]
    session_hash: Option<Public>,
}

#[derive(Debug, ClapArgs)]
struct Tls13 {
    /// What the key exchange yielded; without it a pre-shared key alone is used
    #[arg(long, value_name = "@FILE|-")]
    shared_secret: Option<Secret>,
    /// The pre-shared key, if one is used
    #[arg(long, value_name = "@FILE|-")]
    psk: Option<Secret>,
    /// The cipher suite, which says which hash and how long the keys are
    #[arg(long, value_name = "NAME", value_parser = parse_suite)]
    suite: CipherSuite,
    /// The hash over ClientHello, for early data
    #[arg(long, value_name = "HEX")]
    client_hello_hash: Option<Public>,
    /// The hash over ClientHello to ServerHello
    #[arg(long, value_name = "HEX")]
    hello_hash: Option<Public>,
    /// The hash over ClientHello to the server's Finished
    #[arg(long, value_name = "HEX")]
    server_finished_hash: Option<Public>,
    /// The hash over ClientHello to the client's Finished
    #[arg(long, value_name = "HEX")]
    client_finished_hash: Option<Public>,
}

#[derive(Debug, ClapArgs)]
struct Prf {
    /// The hash
    #[arg(long, value_enum, default_value_t)]
    hash: Hash,
    /// The secret
    #[arg(long, value_name = "@FILE|-")]
    secret: Secret,
    /// The label
    #[arg(long)]
    label: String,
    /// The seed
    #[arg(long, value_name = "HEX")]
    seed: Public,
    /// How many bytes
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=16384))]
    length: u16,
}

#[derive(Debug, ClapArgs)]
struct Extract {
    /// The hash
    #[arg(long, value_enum, default_value_t)]
    hash: Hash,
    /// The salt, which in TLS 1.3 is a secret too [default: zeros]
    #[arg(long, value_name = "@FILE|-")]
    salt: Option<Secret>,
    /// What goes in [default: zeros]
    #[arg(long, value_name = "@FILE|-")]
    secret: Option<Secret>,
}

#[derive(Debug, ClapArgs)]
struct ExpandLabel {
    /// The hash
    #[arg(long, value_enum, default_value_t)]
    hash: Hash,
    /// The secret
    #[arg(long, value_name = "@FILE|-")]
    secret: Secret,
    /// The label, without "tls13 "
    #[arg(long)]
    label: String,
    /// The context: a hash, or nothing
    #[arg(long, value_name = "HEX", default_value = "")]
    context: Public,
    /// How many bytes
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=8160))]
    length: u16,
}

#[derive(Debug, ClapArgs)]
struct Dh {
    /// A toy prime, of at most 64 bits
    #[arg(long, requires = "g", conflicts_with = "group")]
    p: Option<u64>,
    /// A toy generator
    #[arg(long, requires = "p")]
    g: Option<u64>,
    /// A real group, such as ffdhe2048
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// The client's private exponent; a decimal number in toy sizes [default: fresh]
    #[arg(long, value_name = "@FILE|-")]
    client: Option<Secret>,
    /// The server's private exponent [default: fresh]
    #[arg(long, value_name = "@FILE|-")]
    server: Option<Secret>,
}

#[derive(Debug, ClapArgs)]
struct Ecdh {
    /// The curve or hybrid
    #[arg(long, value_name = "NAME", default_value = "x25519")]
    group: String,
    /// The client's private key [default: fresh]
    #[arg(long, value_name = "@FILE|-")]
    client: Option<Secret>,
    /// The server's private key [default: fresh]
    #[arg(long, value_name = "@FILE|-")]
    server: Option<Secret>,
}

#[derive(Debug, ClapArgs)]
struct Rsa {
    /// A toy prime, of at most 31 bits
    #[arg(long, default_value_t = 61)]
    p: u64,
    /// Another
    #[arg(long, default_value_t = 53)]
    q: u64,
    /// The public exponent
    #[arg(long, default_value_t = 17)]
    e: u64,
    /// The message, a decimal number below p times q [default: 65]
    #[arg(long, value_name = "@FILE|-")]
    message: Option<Secret>,
}

fn parse_suite(text: &str) -> Result<CipherSuite, String> {
    Suite::parse(text)
        .map(|suite| suite.code)
        .ok_or_else(|| "no such suite; `premaster suite` lists all".into())
}

/// Runs it.
pub fn run(args: Args, io: &mut Io) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    match &args.what {
        What::Tls12(input) => tls::tls12(input, &mut report)?,
        What::Tls13(input) => tls::tls13(input, &mut report)?,
        What::Prf(input) => tls::prf(input, &mut report)?,
        What::Extract(input) => tls::extract(input, &mut report)?,
        What::ExpandLabel(input) => tls::expand_label(input, &mut report)?,
        What::Dh(input) => match (input.p, input.g) {
            (Some(p), Some(g)) => toy::dh(p, g, input, &mut report)?,
            _ => {
                let group = input.group.as_deref().unwrap_or("ffdhe2048");
                agree::agree(group, input.client.as_ref(), input.server.as_ref(), &mut report)?;
            }
        },
        What::Ecdh(input) => {
            agree::agree(&input.group, input.client.as_ref(), input.server.as_ref(), &mut report)?
        }
        What::Rsa(input) => toy::rsa(input, &mut report)?,
    }
    match args.json {
        true => io.json(&report)?,
        false => io.print(&report.text(args.steps))?,
    }
    Ok(ExitCode::Ok)
}
