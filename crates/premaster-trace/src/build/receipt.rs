//! The receipt: what became of each secret, as far as it was seen.
use super::{Told, wire::Whole};
use crate::model::{Moment, Receipt, SecretLife, Side};
use premaster::observe;

pub(crate) fn of(told: &Told<'_>, messages: &[Whole]) -> Receipt {
    let lives = told.receipt.lives();
    let secrets = lives.iter().map(|life| SecretLife {
        side: life.side.into(),
        name: life.secret.clone(),
        made: moment(&life.made, messages),
        erased: life.erased.as_ref().map(|erased| moment(erased, messages)),
    });
    Receipt { secrets: secrets.collect(), gaps: gaps(told, lives.is_empty()) }
}

fn moment(moment: &observe::Moment, messages: &[Whole]) -> Moment {
    let found = moment.after.and_then(|after| {
        let sender = Side::from(after.sender);
        let is_one = |whole: &&Whole| match after.is_alert {
            true => whole.alert,
            false => whole.handshake,
        };
        messages
            .iter()
            .filter(|whole| whole.sender == sender)
            .filter(is_one)
            .nth(after.number.checked_sub(1)?)
    });
    let named = moment.after.map_or("the start", |after| after.message);
    let after = match (found, moment.after) {
        // A HelloRetryRequest is a ServerHello by its number.
        (Some(whole), Some(after)) if !after.is_alert => whole.dissected.name.clone(),
        _ => named.to_owned(),
    };
    Moment {
        message: found.map(|whole| whole.id.clone()),
        after,
        microseconds: moment.elapsed.map(|elapsed| u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)),
    }
}

fn gaps(told: &Told<'_>, is_empty: bool) -> Vec<String> {
    if told.recorded {
        return vec![
            "A recording has no receipt: it shows what crossed the wire, not what the ends had in memory. That they made secrets follows from the protocol; when they erased them, and whether, only they can say.".to_owned(),
            "An end that is observed says it: premaster explain HOST, or the observer of a configuration.".to_owned(),
        ];
    }
    let mut gaps = Vec::new();
    if let [side] = *told.logs.observed() {
        gaps.push(format!(
            "This is the {}'s account: what the {} erased, and when, the {0} cannot see.",
            side.name(),
            side.peer().name()
        ));
    }
    let omitted = told.receipt.omitted();
    if omitted > 0 {
        gaps.push(format!("{omitted} more secrets were made after these."));
    }
    if !is_empty {
        gaps.push(
            "The keys of the records are not listed one by one: each is erased when the next takes its place, or with the connection."
                .to_owned(),
        );
    }
    gaps
}
