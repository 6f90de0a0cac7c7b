//! Takes out of a trace what is not to be shown.
use super::Reveal;
use crate::model::{Action, Field, Sensitivity, Trace};

pub(crate) fn apply(mut trace: Trace, reveal: Reveal) -> Trace {
    if reveal == Reveal::Secrets {
        return trace;
    }
    trace.contains_secrets = false;
    for secret in trace.secrets.iter_mut().filter(|secret| !secret.public) {
        secret.value = None;
    }
    let most = if reveal == Reveal::Redacted { Sensitivity::Public } else { Sensitivity::Identifying };
    let shown = |sensitivity| match most {
        Sensitivity::Public => sensitivity == Sensitivity::Public,
        _ => sensitivity != Sensitivity::Secret,
    };
    for message in trace
        .flights
        .iter_mut()
        .flat_map(|flight| &mut flight.records)
        .flat_map(|record| &mut record.messages)
    {
        message.fields.iter_mut().for_each(|field| strip(field, &shown));
    }
    if reveal == Reveal::Redacted {
        anonymize(&mut trace);
    }
    trace
}

fn strip(field: &mut Field, shown: &impl Fn(Sensitivity) -> bool) {
    if !shown(field.sensitivity) {
        field.value = None;
        field.decoded = None;
    }
    field.children.iter_mut().for_each(|child| strip(child, shown));
}

/// Names of hosts and clients, wherever they stand in words.
fn anonymize(trace: &mut Trace) {
    trace.title = "a connection (redacted)".to_owned();
    trace.summary.server_name = None;
    if let Some(closed) = &mut trace.summary.closed {
        // The sentence may name whom a certificate is for.
        trace.summary.verdict = trace.summary.verdict.replace(&closed.reason, &closed.code);
        closed.reason.clone_from(&closed.code);
    }
    // Errors and verdicts may be about names.
    if let Some(failure) = &mut trace.summary.failure {
        failure.what = "redacted: see the alert, the rule and the field".to_owned();
        trace.summary.verdict = format!("No connection: the {} gave up.", failure.side.name());
    }
    if let Some(verdict) = &mut trace.summary.diagnosis {
        verdict.what = "redacted: see the kind, the rule and the field".to_owned();
        verdict.client.clear();
        verdict.server.clear();
        verdict.changes.clear();
    }
    for message in trace
        .flights
        .iter_mut()
        .flat_map(|flight| &mut flight.records)
        .flat_map(|record| &mut record.messages)
    {
        message.gist.retain(|gist| !gist.starts_with("for ") && !gist.starts_with("names the key"));
        if ["Certificate", "CertificateStatus", "CertificateRequest"].contains(&message.name.as_str()) {
            message.gist.clear();
            message.fields.iter_mut().for_each(|field| strip(field, &|_| false));
        }
    }
    for key in trace.keys.iter_mut().filter(|key| key.id.ends_with("long_term")) {
        key.public.clear();
    }
    for step in &mut trace.steps {
        match step.action {
            Action::Failed => step.text = "gives up".to_owned(),
            // Why it is not believed may be about names too.
            Action::ExaminedCertificate => {
                if let Some((verdict, _)) = step.text.split_once(" (") {
                    step.text = verdict.to_owned();
                }
            }
            _ => {}
        }
        if let (Some(open), Some(close)) = (step.text.find(" ("), step.text.rfind(')'))
            && step.text.contains("certificate (")
            && open < close
        {
            step.text.replace_range(open..=close, "");
        }
        if step.text.starts_with("certificate: ") {
            step.text = "certificate".to_owned();
        }
    }
}
