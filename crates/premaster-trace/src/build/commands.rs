//! Commands that compute the same bytes as a derivation: this project's own, and OpenSSL's.
use crate::{
    hex,
    model::{Command, Derivation, Input},
};

/// Fills in the commands of every derivation whose inputs are known. `sha384` says which of the two hashes the
/// suite has.
pub(super) fn fill(secrets: &mut [Derivation], sha384: bool) {
    let values: Vec<(String, Option<String>)> =
        secrets.iter().map(|node| (node.id.clone(), node.value.clone())).collect();
    let hash = if sha384 { "sha384" } else { "sha256" };
    for node in secrets.iter_mut() {
        node.commands = commands(node, &values, hash).unwrap_or_default();
    }
}

fn value<'v>(input: &'v Input, values: &'v [(String, Option<String>)]) -> Option<&'v str> {
    match input {
        Input::Secret { id, .. } => {
            let id = id.as_ref()?;
            values.iter().find(|(own, _)| own == id).and_then(|(_, value)| value.as_deref())
        }
        Input::Wire { value, .. } | Input::Transcript { value, .. } | Input::Constant { value, .. } => {
            Some(value)
        }
        Input::PrivateKey { .. } => None,
    }
}

fn commands(node: &Derivation, values: &[(String, Option<String>)], hash: &str) -> Option<Vec<Command>> {
    let function = node.formula.split('(').next()?;
    let label = node.formula.split('"').nth(1).unwrap_or_default();
    let inputs: Vec<&str> = node.inputs.iter().map(|input| value(input, values)).collect::<Option<_>>()?;
    let length = node.length;
    match (function, inputs.as_slice()) {
        ("PRF", [secret, seed @ ..]) => {
            let seed = seed.concat();
            let whole = hex::encode(label.as_bytes()) + &seed;
            Some(both(
                format!(
                    "printf %s {secret} | premaster derive prf --hash {hash} --secret - --label '{label}' --seed {seed} --length {length}"
                ),
                format!(
                    "openssl kdf -keylen {length} -kdfopt digest:{hash} -kdfopt hexsecret:{secret} -kdfopt hexseed:{whole} TLS1-PRF"
                ),
            ))
        }
        ("HKDF-Extract", [.., input]) => {
            let zeros = "00".repeat(length);
            let salt = if inputs.len() == 2 { inputs[0] } else { &zeros };
            Some(both(
                format!(
                    "printf %s {salt} > salt.hex; printf %s {input} | premaster derive extract --hash {hash} --salt @salt.hex --secret -"
                ),
                format!(
                    "openssl kdf -keylen {length} -kdfopt digest:{hash} -kdfopt mode:EXTRACT_ONLY -kdfopt hexsalt:{salt} -kdfopt hexkey:{input} HKDF"
                ),
            ))
        }
        ("HKDF-Expand-Label", [secret, context @ ..]) => {
            let context = context.concat();
            let info = hkdf_label(label, &context, length);
            Some(both(
                format!(
                    "printf %s {secret} | premaster derive expand-label --hash {hash} --secret - --label '{label}' --context '{context}' --length {length}"
                ),
                format!(
                    "openssl kdf -keylen {length} -kdfopt digest:{hash} -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:{secret} -kdfopt hexinfo:{info} HKDF"
                ),
            ))
        }
        _ => None,
    }
}

fn both(premaster: String, openssl: String) -> Vec<Command> {
    vec![
        Command { program: "premaster".to_owned(), line: premaster },
        Command { program: "openssl".to_owned(), line: openssl },
    ]
}

fn hkdf_label(label: &str, context: &str, length: usize) -> String {
    let label = format!("tls13 {label}");
    format!(
        "{length:04x}{:02x}{}{:02x}{context}",
        label.len(),
        hex::encode(label.as_bytes()),
        context.len() / 2
    )
}
