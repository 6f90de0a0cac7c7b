//! What a group is.
use super::{paragraph, policies, strictest, yes};
use premaster::{
    exchange::{Group, GroupKind},
    wire::NamedGroup,
};
use serde::Serialize;
use std::fmt;

/// What there is to say of a group.
#[derive(Debug, Serialize)]
pub struct Meaning {
    name: String,
    code: String,
    other_names: &'static [&'static str],
    kind: &'static str,
    versions: &'static [&'static str],
    security_bits: u16,
    quantum_safe: bool,
    published_length: usize,
    reply_length: usize,
    secret_length: usize,
    policies: Vec<&'static str>,
    defined_in: &'static str,
    remark: &'static str,
}

impl Meaning {
    /// Of this group.
    pub fn of(group: &Group) -> Self {
        Self {
            name: group.code.to_string(),
            code: format!("{:#06x}", group.code.0),
            other_names: other_names(group.code),
            kind: match group.kind {
                GroupKind::Curve => "an elliptic curve",
                GroupKind::FiniteField => "the integers modulo a safe prime",
                GroupKind::Hybrid => "an elliptic curve and ML-KEM, side by side",
                GroupKind::Kem => "module lattices: a key encapsulation, with no curve beside it",
            },
            versions: match group.kind {
                GroupKind::Hybrid | GroupKind::Kem => &["TLS 1.3"],
                _ => &["TLS 1.2", "TLS 1.3"],
            },
            security_bits: group.security_bits,
            quantum_safe: group.quantum_safe,
            published_length: group.published_len,
            reply_length: group.reply_len,
            secret_length: group.secret_len,
            policies: policies(|policy| policy.groups.contains(&group.code)),
            defined_in: defined_in(group),
            remark: remark(group.code),
        }
    }
}

const fn other_names(code: NamedGroup) -> &'static [&'static str] {
    match code {
        NamedGroup::secp256r1 => &["P-256", "prime256v1"],
        NamedGroup::secp384r1 => &["P-384"],
        NamedGroup::secp521r1 => &["P-521"],
        _ => &[],
    }
}

const fn defined_in(group: &Group) -> &'static str {
    match (group.kind, group.code) {
        (GroupKind::Hybrid, _) => "draft-ietf-tls-ecdhe-mlkem",
        (GroupKind::Kem, _) => "draft-ietf-tls-mlkem",
        (GroupKind::FiniteField, _) => "RFC 7919",
        (GroupKind::Curve, NamedGroup::x25519) => "RFC 7748, RFC 8422",
        (GroupKind::Curve, _) => "RFC 8422",
    }
}

const fn remark(code: NamedGroup) -> &'static str {
    match code {
        NamedGroup::X25519MLKEM768 => {
            "holds as long as one of its halves does; ML-KEM's share and secret come first, despite the name"
        }
        NamedGroup::SecP256r1MLKEM768 | NamedGroup::SecP384r1MLKEM1024 => {
            "holds as long as one of its halves does; the curve's share and secret come first"
        }
        NamedGroup::x25519 => "every string of 32 bytes is a key; a secret of zeros is refused",
        NamedGroup::secp256r1 | NamedGroup::secp384r1 | NamedGroup::secp521r1 => {
            "a key is checked to be a point of the curve before it is used"
        }
        NamedGroup::MLKEM768 | NamedGroup::MLKEM1024 => "no curve stands behind it, should ML-KEM fall",
        _ => {
            "a key y is checked to lie between 1 and p-1; TLS 1.2 strips zeros from the secret's front, TLS 1.3 \
             does not"
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        write!(f, "{}", paragraph("code point", &self.code))?;
        if !self.other_names.is_empty() {
            write!(f, "{}", paragraph("other names", &self.other_names.join(", ")))?;
        }
        write!(f, "{}", paragraph("built on", self.kind))?;
        write!(f, "{}", paragraph("versions", &self.versions.join(", ")))?;
        write!(f, "{}", paragraph("strength", &format!("{} bits", self.security_bits)))?;
        let quantum = match self.quantum_safe {
            true => "yes: what is recorded today stays closed to a quantum computer",
            false => "no: who records today and has a quantum computer one day reads it then",
        };
        write!(f, "{}", paragraph("quantum safe", quantum))?;
        let Self { published_length, reply_length, secret_length, .. } = self;
        let sizes = format!(
            "{published_length} bytes published, {reply_length} bytes replied, a secret of {secret_length} bytes"
        );
        write!(f, "{}", paragraph("sizes", &sizes))?;
        let policies = match self.policies.is_empty() {
            true => "in none: it has to be named".to_owned(),
            false => self.policies.join(", "),
        };
        write!(f, "{}", paragraph("policies", &policies))?;
        write!(f, "{}", paragraph("defined in", self.defined_in))?;
        write!(f, "{}", paragraph("remark", self.remark))
    }
}

/// A line for each group.
pub fn table() -> String {
    let head = format!(
        "{:<6}  {:<18}  {:>4}  {:<7}  {:>9}  {:>5}  {:>6}  {}\n",
        "CODE", "NAME", "BITS", "QUANTUM", "PUBLISHED", "REPLY", "SECRET", "POLICY"
    );
    let lines = Group::ALL.iter().map(|group| {
        let meaning = Meaning::of(group);
        format!(
            "{:<6}  {:<18}  {:>4}  {:<7}  {:>9}  {:>5}  {:>6}  {}\n",
            meaning.code,
            meaning.name,
            meaning.security_bits,
            yes(meaning.quantum_safe),
            meaning.published_length,
            meaning.reply_length,
            meaning.secret_length,
            strictest(&meaning.policies)
        )
    });
    head + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::find_group;

    #[test]
    fn every_name_and_code_point_is_found() {
        for group in Group::ALL {
            let meaning = Meaning::of(group);
            let names = meaning.other_names.iter().map(|name| (*name).to_owned());
            for name in names.chain([meaning.name.clone(), meaning.name.to_uppercase(), meaning.code.clone()])
            {
                assert_eq!(find_group(&name), Some(group), "{name}");
            }
            assert!(meaning.to_string().lines().all(|line| line.chars().count() <= 80), "{meaning}");
        }
        assert!(table().lines().all(|line| line.chars().count() <= 80));
    }
}
