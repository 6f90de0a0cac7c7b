//! What became of a session, and why not more of it.
use super::{State, Tls};
use crate::{reason::Reason, report::Outcome};
use premaster::wire::{AlertLevel, PerSide};

impl Tls {
    pub(super) fn outcome(&self) -> Outcome {
        let PerSide { client, server } = &self.session.records;
        let protected = client.protected + server.protected;
        let opened = client.opened + server.opened;
        match self.reason(opened == protected && protected > 0) {
            None => Outcome::Decrypted,
            Some(reason) if opened > 0 => Outcome::Partly(reason),
            Some(reason) => Outcome::Closed(reason),
        }
    }

    /// Why not everything is open. `all_open` says that every encrypted record is.
    fn reason(&self, all_open: bool) -> Option<Reason> {
        let fatal = self.session.alerts.iter().find(|(_, level, _)| *level == AlertLevel::fatal);
        let finished = self.client.saw_finished && self.server.saw_finished;
        let halves = [&self.client, &self.server];
        let closed = halves.iter().find_map(|half| half.closed.clone()).filter(|_| !all_open);
        let stopped = halves.iter().find_map(|half| half.stopped.clone());
        let lost = halves.iter().find_map(|half| half.not_found().or_else(|| half.gap.clone()));
        let cut = halves
            .iter()
            .find_map(|half| half.cut_record().map(|offset| Reason::CutRecord { side: half.side, offset }));
        let state = match &self.state {
            _ if all_open && finished => None,
            _ if fatal.is_some() && !finished => {
                fatal.map(|&(by, _, alert)| Reason::HandshakeFailed { by, alert })
            }
            _ if all_open => None,
            _ => Some(Reason::HandshakeIncomplete { last: self.last_message }),
        };
        let early = self.early_unopened.then_some(Reason::EarlyData);
        let failed = state.clone().filter(|reason| matches!(reason, Reason::HandshakeFailed { .. }));
        let unknown = closed.clone().filter(|_| matches!(self.state, State::Unknown));
        unknown.or(failed).or(closed).or(stopped).or(lost).or(cut).or(early).or(state)
    }
}
