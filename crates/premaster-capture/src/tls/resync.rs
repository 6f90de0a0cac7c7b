//! After a loss: where the next record starts, and how many were missed.
//!
//! A record is recognized by opening under the keys that are in force, or will be: its number is searched forward
//! from the one that is due, no farther than there can have been records in the bytes that are missing. Before there
//! are keys, in TLS 1.2, the stream is taken up again at change_cipher_spec.
use super::{
    Context, State, Tls,
    half::{Half, Opened, Taken},
};
use crate::reason::Reason;
use premaster::{
    observe::{Epoch, Event},
    record::Joiner,
    wire::{
        ContentType, ProtocolVersion, Side,
        record::{HEADER_LEN, MAX_CIPHERTEXT_12, RecordHeader},
    },
};

/// How many bytes are decrypted in vain in one direction before the search is given up.
pub(super) const MAX_TRIALS: u64 = 1 << 28;

/// The shortest protected record: a header, a content type and a tag of 8 bytes (RFC 6655 section 6.1).
const SHORTEST: u64 = HEADER_LEN as u64 + 9;

/// change_cipher_spec as a record of TLS 1.2.
const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];

/// Looks for the next record.
#[derive(Default)]
pub(super) struct Search {
    /// How many bytes lie between the last record and those that wait now.
    missed: u64,
    /// How many could have been one, and did not open.
    failed: u64,
}

impl Half {
    /// `len` bytes are missing after those that came.
    pub(super) fn lose(&mut self, len: u64, reason: Reason) {
        if self.stopped.is_some() {
            return;
        }
        self.gap.get_or_insert(reason);
        let held = self.held() as u64;
        self.search.get_or_insert_default().missed += held + len;
        self.buffer.clear();
        self.start = 0;
        self.marks.clear();
        self.joiner = Joiner::new();
        let has_keys = self.rungs.iter().skip(self.rung).any(|rung| rung.keys.is_some());
        if self.protected && !has_keys {
            self.stopped = self.gap.clone();
            self.search = None;
        }
    }

    /// Whether it is not known where the next record starts.
    pub(super) const fn is_lost(&self) -> bool {
        self.search.is_some()
    }

    /// Goes on to the next change_cipher_spec. False if it is not there yet.
    fn find_change_cipher_spec(&mut self) -> bool {
        let found = self.waiting().windows(6).position(|window| window == CHANGE_CIPHER_SPEC);
        let skipped = found.unwrap_or_else(|| self.held().saturating_sub(5));
        self.pass(skipped);
        if found.is_some() {
            self.search = None;
        }
        found.is_some()
    }

    /// The next record that opens, into `record` and `out`. None if there is none yet; at the `end` of the stream
    /// there is no use in waiting for the rest of what looks like one.
    fn find_record(&mut self, record: &mut Vec<u8>, out: &mut Vec<u8>, end: bool) -> Option<(Taken, Opened)> {
        loop {
            let header = RecordHeader::decode(self.waiting().first_chunk()?);
            let len = HEADER_LEN + usize::from(header.length);
            let plausible = header.version == ProtocolVersion::TLS_1_2
                && ContentType::KNOWN.contains(&header.content_type)
                && (SHORTEST as usize..=HEADER_LEN + MAX_CIPHERTEXT_12).contains(&len);
            if plausible {
                match self.waiting().get(..len) {
                    Some(bytes) => {
                        record.clear();
                        record.extend_from_slice(bytes);
                        if let Some(opened) = self.try_each(record, out) {
                            let offset = self.offset;
                            let time = self.pass(len);
                            self.search = None;
                            return Some((Taken { offset, time, header }, opened));
                        }
                    }
                    None if !end => return None,
                    None => {}
                }
            }
            self.pass(1);
            self.search.get_or_insert_default().missed += 1;
            if self.trials == 0 {
                self.stopped = self.gap.clone();
                self.search = None;
                return None;
            }
        }
    }

    /// Opens `record` under the keys in force or those after them, wherever their count is by now.
    fn try_each(&mut self, record: &[u8], out: &mut Vec<u8>) -> Option<Opened> {
        out.resize(record.len().max(out.len()), 0);
        let ahead = self.search.as_ref()?.missed / SHORTEST;
        for index in self.rung..self.rungs.len() {
            let affordable = self.trials / record.len().max(1) as u64;
            let rung = self.rungs.get_mut(index)?;
            let Some((opener, _)) = &mut rung.keys else { continue };
            let ahead = ahead.min(affordable);
            if let Ok((content_type, len, _)) = opener.open_after_loss(record, out, ahead) {
                rung.opened += 1;
                let epoch = rung.epoch;
                self.rung = index;
                return Some(Opened { content_type, len, epoch });
            }
            self.trials = self.trials.saturating_sub((ahead + 1) * record.len() as u64);
        }
        self.search.as_mut()?.failed += 1;
        None
    }

    /// Why nothing was found, at the end.
    pub(super) fn not_found(&self) -> Option<Reason> {
        let failed = self.search.as_ref()?.failed;
        let updates = self.rungs.last().is_some_and(|rung| matches!(rung.epoch, Epoch::Application(1..)));
        (failed > 0 && updates).then_some(Reason::KeyUpdate { side: self.side })
    }
}

impl Tls {
    /// Looks for the next record of `side`. False if more has to come first.
    pub(super) fn search(&mut self, side: Side, end: bool, context: &mut Context<'_>) -> bool {
        if !self.half(side).protected {
            return self.half(side).find_change_cipher_spec();
        }
        let before = self.half(side).epoch();
        let mut record = std::mem::take(&mut self.record);
        let mut plaintext = std::mem::take(&mut self.plaintext);
        let half = self.half(side);
        half.trials = half.trials.min(context.memory.trials);
        let trials = half.trials;
        let found = half.find_record(&mut record, &mut plaintext, end);
        context.memory.trials = context.memory.trials.saturating_sub(trials - half.trials);
        let is_found = found.is_some();
        if let Some((taken, opened)) = found {
            self.noticed_update(side, before, opened.epoch, context);
            let traffic = self.traffic(side);
            traffic.records += 1;
            traffic.protected += 1;
            traffic.opened += 1;
            let content = plaintext.get(..opened.len).unwrap_or_default();
            self.content(side, &taken, &record, &opened, content, context);
        }
        self.plaintext = plaintext;
        self.record = record;
        is_found
    }

    /// A KeyUpdate is among what is missing, if later keys are in force now.
    fn noticed_update(&mut self, side: Side, before: Epoch, now: Epoch, context: &Context<'_>) {
        let (Epoch::Application(old), Epoch::Application(new)) = (before, now) else { return };
        if new > old && matches!(self.state, State::Tls13(_)) {
            match side {
                Side::Client => self.session.key_updates.client += 1,
                Side::Server => self.session.key_updates.server += 1,
            }
            let direction = context.direction(side);
            context.tap.emit(|| Event::KeysInstalled { direction, epoch: now });
        }
    }
}
