//! Who holds what may leak, and until when.
use super::{Told, wire::Whole};
use crate::{
    model::{Held, Moment, Receipt, SecretLife, Side, Until},
    recorder::Heard,
};
use premaster::observe::Kept;
use time::OffsetDateTime;

/// What was heard of who holds what.
pub(super) struct Holding<'a> {
    told: &'a Told<'a>,
    receipt: &'a Receipt,
    /// How many seconds a ticket may be used, as the server says in the clear or to who can read it.
    lifetime: Option<String>,
}

impl<'a> Holding<'a> {
    pub(super) fn new(told: &'a Told<'a>, messages: &[Whole], receipt: &'a Receipt) -> Self {
        let ticket = messages.iter().find(|whole| whole.is("NewSessionTicket"));
        let said = |name: &str| ticket?.find(name)?.decoded.clone();
        let lifetime = said("ticket_lifetime").or_else(|| said("ticket_lifetime_hint"));
        Self { told, receipt, lifetime }
    }

    /// Whether this end was observed, and so would have told.
    pub(super) fn is_observed(&self, side: Side) -> bool {
        !self.told.recorded && self.told.logs.observed().contains(&side)
    }

    /// The last moment at which something that is kept is of use, in seconds since 1970.
    pub(super) fn until(&self, what: Kept) -> Option<u64> {
        let heard = [Side::Client, Side::Server].into_iter().flat_map(|side| &self.told.logs.of(side).heard);
        heard
            .filter_map(|heard| match heard {
                Heard::Kept(kept, until) if *kept == what => Some(*until),
                _ => None,
            })
            .max()
    }

    /// Something that is kept beyond the connection.
    pub(super) fn kept(&self, what: Kept) -> Held {
        let by = if what == Kept::Cache { Side::Client } else { Side::Server };
        let who = by.name();
        let end = match what {
            Kept::TicketKey => "then it is erased",
            _ => "then the session is over",
        };
        match (self.until(what), &self.lifetime) {
            (Some(time), _) => Held {
                by: vec![by],
                until: Until::Time,
                time: Some(time),
                text: format!("the {who}, until {}: {end}", utc(time)),
            },
            (None, Some(lifetime)) if what == Kept::Cache => Held {
                by: vec![by],
                until: Until::Unknown,
                time: None,
                text: format!(
                    "the {who}, if it keeps it: until the ticket's lifetime is over, {lifetime} seconds"
                ),
            },
            (None, _) => Held {
                by: vec![by],
                until: Until::Unknown,
                time: None,
                text: format!("the {who}: until when, only the {who} knows"),
            },
        }
    }

    /// Something for which nobody set an end.
    pub(super) fn for_good(by: &[Side], text: &str) -> Held {
        let names: Vec<String> = by.iter().map(|side| format!("the {}", side.name())).collect();
        let text = match names.as_slice() {
            [] => text.to_owned(),
            names => format!("{}, {text}", names.join(" and ")),
        };
        Held { by: by.to_vec(), until: Until::OpenEnd, time: None, text }
    }

    /// Secrets in the memory of both ends, as far as these were observed.
    pub(super) fn in_memory(&self, is_one: impl Fn(&SecretLife) -> bool) -> Held {
        let by = vec![Side::Client, Side::Server];
        let fates = [Side::Client, Side::Server].map(|side| (side, fate(self.receipt, side, &is_one)));
        let [(_, client), (_, server)] = &fates;
        let words = fates.iter().map(|(side, fate)| match fate {
            Fate::Erased(after) => format!("the {} erased it after {}", side.name(), after.text()),
            Fate::Held => format!("the {} held it still when this was written", side.name()),
            Fate::Unseen => format!("what the {} did the wire does not show", side.name()),
        });
        let text = words.collect::<Vec<_>>().join("; ");
        let (until, text) = match (client, server) {
            (Fate::Unseen, Fate::Unseen) => {
                (Until::Unknown, "either end, until it erases it: when that is the wire does not show".into())
            }
            (Fate::Erased(_), Fate::Erased(_)) => (Until::Erased, format!("nobody: {text}")),
            (Fate::Held, _) | (_, Fate::Held) => (Until::OpenEnd, text),
            (Fate::Unseen, _) | (_, Fate::Unseen) => (Until::Unknown, text),
        };
        Held { by, until, time: None, text }
    }
}

/// What became of an end's secrets of a kind.
enum Fate<'r> {
    /// Nothing is known of any.
    Unseen,
    /// Not all are erased.
    Held,
    /// All are, the last of them then.
    Erased(&'r Moment),
}

fn fate<'r>(receipt: &'r Receipt, side: Side, is_one: &impl Fn(&SecretLife) -> bool) -> Fate<'r> {
    let place = |moment: &Moment| {
        let number = moment.message.as_deref().and_then(|id| id.get(1..)?.parse::<usize>().ok());
        (number, moment.microseconds)
    };
    let of = receipt.secrets.iter().filter(|life| life.side == side).filter(|life| is_one(life));
    of.fold(Fate::Unseen, |fate, life| match (fate, &life.erased) {
        (_, None) | (Fate::Held, _) => Fate::Held,
        (Fate::Erased(last), Some(erased)) if place(last) > place(erased) => Fate::Erased(last),
        (_, Some(erased)) => Fate::Erased(erased),
    })
}

/// A time as people write it.
pub(super) fn utc(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    let Some(time) = time else { return "the end of time".to_owned() };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    format!("{year}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", u8::from(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(utc(1_798_761_600), "2027-01-01 00:00:00 UTC");
        assert_eq!((utc(0), utc(u64::MAX)), ("1970-01-01 00:00:00 UTC".into(), "the end of time".into()));
    }
}
