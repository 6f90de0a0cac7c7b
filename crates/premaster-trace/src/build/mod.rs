//! From what was heard to a trace.
mod commands;
mod exposure;
mod graph;
mod held;
mod key_pairs;
mod knowledge;
mod receipt;
mod redact;
mod steps;
mod summary;
mod wire;

pub(crate) use wire::Whole;

use crate::{
    diagnose::{self, Circumstances, Offer, Seen},
    model::{Closed, Diagnosis, Schema, Side, Trace},
    recorder::Log,
};
use premaster::observe::Receipt;

/// What a trace says of what was secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reveal {
    /// Neither secrets nor who the ends are: for sharing.
    Redacted,
    /// No secrets.
    #[default]
    Nothing,
    /// Everything: whoever reads the trace can read the connection.
    Secrets,
}

/// Both ends' logs.
#[derive(Clone, Copy)]
pub(crate) struct Logs<'a> {
    pub(crate) client: &'a Log,
    pub(crate) server: &'a Log,
}

impl<'a> Logs<'a> {
    pub(crate) fn of(&self, side: Side) -> &'a Log {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    pub(crate) fn observed(&self) -> Vec<Side> {
        [Side::Client, Side::Server].into_iter().filter(|side| !self.of(*side).heard.is_empty()).collect()
    }
}

/// The messages that crossed the wire.
pub(crate) fn messages_of(logs: Logs<'_>) -> Vec<Whole> {
    wire::Wire::assemble(logs).messages()
}

/// Why it failed, if it did.
pub(crate) fn diagnosis(logs: Logs<'_>, circumstances: &Circumstances) -> Option<Diagnosis> {
    diagnose::diagnose(&Seen::new(logs, &messages_of(logs), circumstances))
}

/// What would tell more of why.
pub(crate) fn offers(logs: Logs<'_>, circumstances: &Circumstances) -> Vec<Offer> {
    diagnose::offers(&Seen::new(logs, &messages_of(logs), circumstances))
}

/// Everything that is known of a connection.
pub(crate) struct Told<'a> {
    pub(crate) logs: Logs<'a>,
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) closed: Option<&'a Closed>,
    pub(crate) receipt: &'a Receipt,
    /// Whether a recording tells it, and no end was observed.
    pub(crate) recorded: bool,
}

/// Puts it all together.
pub(crate) fn trace(title: &str, reveal: Reveal, told: &Told<'_>) -> Trace {
    let logs = told.logs;
    let wire = wire::Wire::assemble(logs);
    let mut messages = wire.messages();
    let keys = key_pairs::find(logs, &messages);
    let mut secrets = graph::derivations(logs, &wire, &messages, &keys);
    let steps = steps::list(logs, &wire, &messages, &secrets, &keys);
    knowledge::tell(&mut messages, &steps, &logs.observed());
    let mut summary = summary::of(logs, &messages, &secrets);
    summary.closed = told.closed.cloned();
    let receipt = receipt::of(told, &messages);
    let exposure = exposure::list(&exposure::Seen {
        told,
        summary: &summary,
        messages: &messages,
        keys: &keys,
        receipt: &receipt,
    });
    if reveal == Reveal::Secrets {
        // They contain what they compute from.
        commands::fill(&mut secrets, summary::has_sha384(&summary));
    }
    summary.verdict = exposure::verdict(&summary, &exposure, &keys);
    summary.diagnosis = diagnose::diagnose(&Seen::new(logs, &messages, told.circumstances));
    let omitted = logs.client.omitted.max(logs.server.omitted);
    let trace = Trace {
        schema: Schema::TraceV1,
        title: crate::sanitize::text(title),
        contains_secrets: true,
        observed: if told.recorded { Vec::new() } else { logs.observed() },
        summary,
        flights: wire.flights(&messages),
        steps: steps.into_iter().map(|placed| placed.step).collect(),
        keys,
        secrets,
        receipt,
        exposure,
        omitted: (omitted > 0).then(|| format!("{omitted} events after the recorder's limit were left out")),
    };
    redact::apply(trace, reveal)
}
