//! Which orders of messages are legal: a few rules, the sentences that they generate, and what may come next.
use crate::puppet::Say;

/// A rule.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    One(Say),
    /// This, or nothing.
    Maybe(Vec<Piece>),
    /// One of these.
    Either(Vec<Vec<Piece>>),
    /// Any number of these, in any order.
    Many(Vec<Say>),
}

use Piece::{Either, Many, Maybe, One};

/// Every sentence, with at most one of what may come any number of times.
pub(crate) fn sentences(rules: &[Piece]) -> Vec<Vec<Say>> {
    let Some((first, rest)) = rules.split_first() else { return vec![Vec::new()] };
    let tails = sentences(rest);
    let heads: Vec<Vec<Say>> = match first {
        One(say) => vec![vec![*say]],
        Maybe(inner) => [vec![Vec::new()], sentences(inner)].concat(),
        Either(ways) => ways.iter().flat_map(|way| sentences(way)).collect(),
        Many(these) => std::iter::once(Vec::new()).chain(these.iter().map(|say| vec![*say])).collect(),
    };
    heads.iter().flat_map(|head| tails.iter().map(move |tail| [&head[..], tail].concat())).collect()
}

/// What is left of the rules after `say`: one for each way to read it, none if it is not legal here.
pub(crate) fn after(rules: &[Piece], say: Say) -> Vec<Vec<Piece>> {
    let Some((first, rest)) = rules.split_first() else { return Vec::new() };
    let joined = |inner: &[Piece]| after(&[inner, rest].concat(), say);
    match first {
        One(own) if *own == say => vec![rest.to_vec()],
        One(_) => Vec::new(),
        Maybe(inner) => [joined(inner), after(rest, say)].concat(),
        Either(ways) => ways.iter().flat_map(|way| joined(way)).collect(),
        Many(these) if these.contains(&say) => vec![rules.to_vec()],
        Many(_) => after(rest, say),
    }
}

/// Whether the handshake may be over here.
pub(crate) fn may_end(rules: &[Piece]) -> bool {
    rules.iter().all(|piece| matches!(piece, Maybe(_) | Many(_)))
}

/// What is expected of the victim after a sequence of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is connected.
    Whole,
    /// It waits for more.
    Prefix,
    /// The message at this place is of a type that may not come there.
    Wrong(usize),
    /// The message at this place is of a type that may come there, but is not the one that is due.
    Misplaced(usize),
}

/// Reads a sequence. `kind` is the type on the wire; `ignored` says which messages count for nothing.
pub(crate) fn read(
    rules: &[Piece],
    sequence: &[Say],
    kind: impl Fn(Say) -> u8,
    ignored: impl Fn(usize, Say) -> bool,
    repertoire: &[Say],
) -> Reading {
    let mut states = vec![rules.to_vec()];
    for (index, say) in sequence.iter().enumerate() {
        if ignored(index, *say) {
            continue;
        }
        let next: Vec<_> = states.iter().flat_map(|state| after(state, *say)).collect();
        if next.is_empty() {
            return match may_come(&states, repertoire, |other| kind(other) == kind(*say)) {
                true => Reading::Misplaced(index),
                false => Reading::Wrong(index),
            };
        }
        states = next;
    }
    match states.iter().any(|state| may_end(state)) {
        true => Reading::Whole,
        false => Reading::Prefix,
    }
}

/// Whether any message of this description may come now.
pub(crate) fn may_come(states: &[Vec<Piece>], repertoire: &[Say], is_it: impl Fn(Say) -> bool) -> bool {
    repertoire.iter().any(|say| is_it(*say) && states.iter().any(|state| !after(state, *say).is_empty()))
}

/// The states after a legal beginning.
pub(crate) fn states_after(rules: &[Piece], beginning: &[Say]) -> Vec<Vec<Piece>> {
    let start = vec![rules.to_vec()];
    beginning.iter().fold(start, |states, say| states.iter().flat_map(|state| after(state, *say)).collect())
}

#[test]
fn the_grammar_reads_what_it_writes() {
    let rules = [
        One(Say::ServerHello),
        Maybe(vec![One(Say::CertificateRequest)]),
        Either(vec![
            vec![One(Say::Certificate), One(Say::CertificateVerify)],
            vec![One(Say::EmptyCertificate)],
        ]),
        Many(vec![Say::NewSessionTicket]),
    ];
    let all = sentences(&rules);
    assert_eq!(all.len(), 8);
    let kind = |say| if say == Say::EmptyCertificate { Say::Certificate as u8 } else { say as u8 };
    let every = [Say::ServerHello, Say::CertificateRequest, Say::Certificate, Say::EmptyCertificate];
    let read = |sequence: &[Say]| read(&rules, sequence, kind, |_, _| false, &every);
    for sentence in &all {
        assert_eq!(read(sentence), Reading::Whole, "{sentence:?}");
        assert_eq!(read(&sentence[1..]), Reading::Wrong(0));
        assert_eq!(read(&[&sentence[..], &[Say::NewSessionTicket; 3]].concat()), Reading::Whole);
    }
    assert_eq!(read(&[Say::ServerHello]), Reading::Prefix);
    assert_eq!(read(&[Say::ServerHello, Say::CertificateVerify]), Reading::Wrong(1));
    assert_eq!(states_after(&rules, &[Say::ServerHello]).len(), 1);
}
