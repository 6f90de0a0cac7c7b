//! One direction of a session: bytes to records, and the keys that open them.
use super::resync::{MAX_TRIALS, Search};
use crate::reason::Reason;
use premaster::{
    Error,
    crypto::hash::Digest,
    error::Misbehaved,
    observe::Epoch,
    record::{Joiner, Opener},
    schedule::tls13::TrafficSecret,
    wire::{
        ContentType, Side,
        record::{HEADER_LEN, MAX_CIPHERTEXT_12, RecordHeader},
    },
};
use std::{collections::VecDeque, time::Duration};

/// One direction of a session.
pub(super) struct Half {
    pub(super) side: Side,
    /// What is not processed yet starts at `start`.
    pub(super) buffer: Vec<u8>,
    pub(super) start: usize,
    /// Where in the stream that is.
    pub(super) offset: u64,
    /// Where pieces end that came at a time.
    pub(super) marks: VecDeque<(u64, Duration)>,
    pub(super) joiner: Joiner,
    /// Whether records are encrypted from here on (TLS 1.2), or those of type application_data (TLS 1.3).
    pub(super) protected: bool,
    pub(super) rungs: Vec<Rung>,
    /// The rung whose keys are in force.
    pub(super) rung: usize,
    /// Where the records end that can be told apart: nothing more is read.
    pub(super) stopped: Option<Reason>,
    /// Why records are not opened, although they can be told apart.
    pub(super) closed: Option<Reason>,
    pub(super) saw_finished: bool,
    /// Why bytes are missing, and what it takes to find the next record after them.
    pub(super) gap: Option<Reason>,
    pub(super) search: Option<Search>,
    /// How many bytes may still be decrypted in vain.
    pub(super) trials: u64,
}

/// Keys that follow each other in one direction: early data, handshake, application data.
pub(super) struct Rung {
    pub(super) epoch: Epoch,
    pub(super) keys: Option<(Opener, Option<TrafficSecret>)>,
    /// Records that were opened with them.
    pub(super) opened: u64,
}

/// A record that was taken off a stream.
pub(super) struct Taken {
    pub(super) offset: u64,
    pub(super) time: Duration,
    pub(super) header: RecordHeader,
}

/// What a record was opened to.
pub(super) struct Opened {
    pub(super) content_type: ContentType,
    pub(super) len: usize,
    pub(super) epoch: Epoch,
}

/// Why a record was not opened.
pub(super) enum Unopened {
    /// There are no keys for it.
    NoKeys,
    /// It does not open under the first keys, which never opened anything.
    Never,
    /// It does not open, and others did.
    NotThis,
    /// It opened to something that breaks a rule.
    Broken(Error),
}

impl Half {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            marks: VecDeque::new(),
            joiner: Joiner::new(),
            protected: false,
            rungs: Vec::new(),
            rung: 0,
            stopped: None,
            closed: None,
            saw_finished: false,
            gap: None,
            search: None,
            trials: MAX_TRIALS,
        }
    }

    /// Bytes that follow those before.
    pub(super) fn push(&mut self, offset: u64, bytes: &[u8], time: Duration) {
        if self.stopped.is_some() || bytes.is_empty() {
            return;
        }
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            self.offset = offset;
            self.marks.clear();
        } else if self.start > 1 << 16 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
        let end = offset + bytes.len() as u64;
        match self.marks.back_mut() {
            Some((last, at)) if *at == time => *last = end,
            _ => self.marks.push_back((end, time)),
        }
    }

    /// How many bytes wait.
    pub(super) fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Nothing more can be read.
    pub(super) fn stop(&mut self, reason: Reason) {
        self.stopped.get_or_insert(reason);
        self.search = None;
        self.buffer = Vec::new();
        self.start = 0;
        self.marks = VecDeque::new();
    }

    pub(super) fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The content type of the record that is due.
    pub(super) fn peek(&self) -> Option<ContentType> {
        self.waiting().first().copied().map(ContentType)
    }

    /// Where the record starts that is due, if a part of it is there.
    pub(super) fn cut_record(&self) -> Option<u64> {
        (!self.waiting().is_empty()).then_some(self.offset)
    }

    /// Takes the next whole record off, into `record`.
    pub(super) fn take(&mut self, record: &mut Vec<u8>) -> Option<Taken> {
        let header = RecordHeader::decode(self.waiting().first_chunk()?);
        let known = ContentType::KNOWN.contains(&header.content_type) && header.version.0 >> 8 == 3;
        if !known || usize::from(header.length) > MAX_CIPHERTEXT_12 {
            let what = "there should be the header of a record".to_owned();
            self.stop(Reason::Malformed { side: self.side, offset: self.offset, what });
            return None;
        }
        let len = HEADER_LEN + usize::from(header.length);
        let bytes = self.waiting().get(..len)?;
        record.clear();
        record.extend_from_slice(bytes);
        let offset = self.offset;
        let time = self.pass(len);
        Some(Taken { offset, time, header })
    }

    /// Is done with `len` bytes. Answers when the last of them came.
    pub(super) fn pass(&mut self, len: usize) -> Duration {
        self.start += len;
        self.offset += len as u64;
        while self.marks.len() > 1 && self.marks.front().is_some_and(|&(end, _)| end < self.offset) {
            self.marks.pop_front();
        }
        self.marks.front().map_or(Duration::ZERO, |&(_, time)| time)
    }

    /// Keys that come after those before, or a gap where they are not known.
    pub(super) fn add_keys(&mut self, epoch: Epoch, keys: Option<(Opener, Option<TrafficSecret>)>) {
        self.rungs.push(Rung { epoch, keys, opened: 0 });
    }

    /// Keys in place of all those before.
    pub(super) fn set_keys(&mut self, epoch: Epoch, opener: Option<Opener>) {
        self.rungs.clear();
        self.rung = 0;
        self.add_keys(epoch, opener.map(|opener| (opener, None)));
        self.protected = true;
    }

    /// Which keys are in force.
    pub(super) fn epoch(&self) -> Epoch {
        match self.protected {
            true => self.rungs.get(self.rung).map_or(Epoch::Plaintext, |rung| rung.epoch),
            false => Epoch::Plaintext,
        }
    }

    /// On to the keys after these, as a message just said.
    pub(super) fn climb(&mut self) {
        if self.rung + 1 < self.rungs.len() {
            self.rung += 1;
        }
    }

    /// The traffic secret in force, taken out to make the next one of it.
    pub(super) fn take_secret(&mut self) -> Option<(TrafficSecret, u64)> {
        let rung = self.rungs.get_mut(self.rung)?;
        let Epoch::Application(generation) = rung.epoch else { return None };
        let (_, secret) = rung.keys.as_mut()?;
        secret.take().map(|secret| (secret, generation))
    }

    /// The secret of application data once more, for the one that was known before its time.
    pub(super) fn put_secret(&mut self, secret: TrafficSecret) {
        let own = self.rungs.iter_mut().find(|rung| rung.epoch == Epoch::Application(0));
        if let Some((_, Some(before))) = own.and_then(|rung| rung.keys.as_mut()) {
            *before = secret;
        }
    }

    /// The last traffic secret, if it is that of the keys in force or after them, taken out likewise.
    pub(super) fn take_last_secret(&mut self) -> Option<(TrafficSecret, u64)> {
        let last = self.rungs.last()?.epoch;
        let (Epoch::Application(last), current) = (last, self.epoch()) else { return None };
        // One update ahead is enough to look for.
        if matches!(current, Epoch::Application(generation) if generation < last) {
            return None;
        }
        let secret = self.rungs.last_mut()?.keys.as_mut()?.1.take()?;
        Some((secret, last))
    }

    /// The keys after those in force, if they are there already.
    pub(super) fn foreseen(&self) -> Option<Epoch> {
        let next = self.rungs.get(self.rung + 1)?;
        matches!(self.epoch(), Epoch::Application(_)).then_some(next.epoch)
    }

    /// Tells the listener what the Finished is made of that comes after these messages.
    pub(super) fn verify_data(&self, transcript: &Digest) {
        let keys = self.rungs.get(self.rung).and_then(|rung| rung.keys.as_ref());
        if let Some((_, Some(secret))) = keys {
            secret.verify_data(transcript);
        }
    }

    /// Opens `record` into `out`, with the keys in force; or, if those never opened anything or are not known,
    /// with the next that do. So early data that the server refuses is passed over, and so are handshake
    /// messages if only the keys of application data are known.
    pub(super) fn open(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<Opened, Unopened> {
        out.resize(record.len().max(out.len()), 0);
        let mut tried = false;
        for index in self.rung..self.rungs.len() {
            let Some(rung) = self.rungs.get_mut(index) else { break };
            if let Some((opener, _)) = &mut rung.keys {
                match opener.open_to(record, out) {
                    Ok((content_type, len)) => {
                        rung.opened += 1;
                        let epoch = rung.epoch;
                        self.rung = index;
                        return Ok(Opened { content_type, len, epoch });
                    }
                    Err(Error::Misbehaved(Misbehaved::BadRecordMac)) => tried = true,
                    Err(error) => return Err(Unopened::Broken(error)),
                }
            }
            // Early data ends where the server refused it; other keys only where they never fit.
            if rung.opened > 0 && rung.epoch != Epoch::EarlyData {
                return Err(Unopened::NotThis);
            }
        }
        Err(if tried { Unopened::Never } else { Unopened::NoKeys })
    }
}
