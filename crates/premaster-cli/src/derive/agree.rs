//! One key agreement in a real group, with given or fresh keys.
use super::{report::Report, source::Secret};
use crate::{exit::ExitCode, failure::Failure, options::find_group};
use premaster::{
    crypto::random::{Random, RandomFailed, SystemRandom},
    exchange::{EphemeralKey, Group, GroupKind},
};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Hands out a given private key, or a fresh one, and remembers it.
struct Hand {
    given: Option<Zeroizing<Vec<u8>>>,
    drawn: Mutex<Zeroizing<Vec<u8>>>,
}

impl Random for Hand {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomFailed> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.given {
            None => SystemRandom.fill(out)?,
            // A given key is handed out once: whoever asks again did not like it.
            Some(given) if given.len() == out.len() && drawn.is_empty() => out.copy_from_slice(given),
            Some(_) => return Err(RandomFailed),
        }
        drawn.clear();
        drawn.extend_from_slice(out);
        Ok(())
    }
}

impl Hand {
    fn new(source: Option<&Secret>) -> Result<Self, Failure> {
        let given = source.map(Secret::bytes).transpose()?;
        Ok(Self { given, drawn: Mutex::default() })
    }

    fn private(&self) -> Zeroizing<Vec<u8>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Both sides, each from its own private half.
pub(super) fn agree(
    name: &str,
    client: Option<&Secret>,
    server: Option<&Secret>,
    report: &mut Report,
) -> Result<(), Failure> {
    let group = find_group(name).ok_or_else(|| {
        Failure::usage(format!("there is no group {name}")).remedy("list them: premaster group")
    })?;
    if group.kind == GroupKind::Hybrid {
        return match client.or(server) {
            None => hybrid(group, report),
            Some(_) => Err(Failure::usage("a hybrid's keys cannot be given: they consist of several parts")),
        };
    }
    let (client_hand, server_hand) = (Hand::new(client)?, Hand::new(server)?);
    let client = make("client", group, &client_hand, report)?;
    let server = make("server", group, &server_hand, report)?;
    let (client_public, server_public) = (client.public().to_vec(), server.public().to_vec());
    let refused = |error: premaster::error::Misbehaved| {
        Failure::new(ExitCode::Malformed, "the keys do not agree").why(error.text())
    };
    let at_client = client.open(&server_public).map_err(refused)?;
    let at_server = server.open(&client_public).map_err(refused)?;
    let code = group.code;
    for (side, peer, secret) in [("client", "server", &at_client), ("server", "client", &at_server)] {
        let formula = format!("{code}({side}'s private key, {peer}'s public key)");
        report.bytes(
            format!("shared_secret at the {side}"),
            formula,
            secret.input_keying_material(),
            Vec::new(),
        );
    }
    report.note(match at_client.input_keying_material() == at_server.input_keying_material() {
        true => "both sides come to the same bytes; who sees only the public halves does not",
        false => "the two sides do NOT come to the same bytes",
    });
    Ok(())
}

fn make(
    side: &str,
    group: &'static Group,
    hand: &Hand,
    report: &mut Report,
) -> Result<EphemeralKey, Failure> {
    let key = EphemeralKey::generate(group, hand).map_err(|_| {
        Failure::new(ExitCode::Malformed, format!("the {side}'s private key is not one of {}", group.code))
            .why("it has the wrong length or is out of range")
    })?;
    let how = if hand.given.is_some() { "given" } else { "random: fresh for this run" };
    report.bytes(format!("{side}'s private key"), how, &hand.private(), Vec::new());
    report.bytes(
        format!("{side}'s public key"),
        format!("{side}'s private key times the generator of {}", group.code),
        key.public(),
        Vec::new(),
    );
    Ok(key)
}

/// A hybrid: the server encapsulates to the client's key.
fn hybrid(group: &'static Group, report: &mut Report) -> Result<(), Failure> {
    let failed = |_| Failure::new(ExitCode::Bug, "the exchange does not work");
    let client = EphemeralKey::generate(group, &SystemRandom).map_err(failed)?;
    report.bytes(
        "client's public key",
        "a curve's public key and an encapsulation key of ML-KEM",
        client.public(),
        Vec::new(),
    );
    let replied = group.encapsulate(client.public(), &SystemRandom);
    let (reply, at_server) =
        replied.map_err(|error| Failure::new(ExitCode::Bug, "the exchange does not work").why(error))?;
    report.bytes("server's reply", "a curve's public key and a ciphertext of ML-KEM", &reply, Vec::new());
    report.bytes(
        "shared_secret at the server",
        "both halves' secrets, one after the other",
        at_server.input_keying_material(),
        Vec::new(),
    );
    let opened = client
        .open(&reply)
        .map_err(|error| Failure::new(ExitCode::Bug, "the exchange does not work").why(error.text()))?;
    report.bytes(
        "shared_secret at the client",
        "both halves' secrets, one after the other",
        opened.input_keying_material(),
        Vec::new(),
    );
    Ok(())
}
