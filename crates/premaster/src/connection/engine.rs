//! What becomes of a record: opened, joined into messages, handed to the handshake or to the application.
use super::{Connection, Content, Received, State, traffic::Traffic};
use crate::{
    Error, Output,
    crypto::wipe,
    error::Misbehaved,
    handshake::peer::{EarlyData, Inbound, Message},
    observe::{Direction, Epoch, Event, Resumption},
    wire::{
        AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion, Side,
        record::{HEADER_LEN, MAX_CIPHERTEXT_13, RecordHeader},
    },
};
use std::{
    ops::Range,
    sync::PoisonError,
    task::{Context, Poll, Waker},
};

/// What a record brought, before it is borrowed from the input.
enum Opened {
    Progress,
    Data(Place, Range<usize>),
    Closed,
}

/// Which buffer plaintext lies in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The input: it was opened in place.
    Input,
    /// The one that the caller wants data in.
    Data,
}

/// [`Content`], before it is borrowed from one of the two.
enum Taken {
    NeedMore(usize),
    Progress,
    Data(Place, Range<usize>),
    Closed,
    Waiting,
}

impl Connection {
    /// Takes one record from the front of `input` and opens it in place; of a handshake as many as are whole, up to
    /// the one that ends it or brings data.
    ///
    /// # Errors
    /// Whatever the peer did wrong; the alert for it is in `output` already. After that, the same error again.
    pub fn receive<'a>(&mut self, input: &'a mut [u8], output: &mut Output) -> Result<Received<'a>, Error> {
        self.receive_to(input, &mut [], output)
    }

    /// As [`receive`](Self::receive), for a caller whose buffer application data has to end up in: if `data` has
    /// room for the whole fragment of a record, as long as it says in its header, an AEAD opens that straight to the
    /// front of `data`, and [`Content::Data`] lies there. Otherwise, and with CBC, it lies in `input`, as ever.
    ///
    /// What is in `data` behind [`Content::Data`], or all of it if there is none, is of no use.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_to<'a>(
        &mut self,
        input: &'a mut [u8],
        data: &'a mut [u8],
        output: &mut Output,
    ) -> Result<Received<'a>, Error> {
        let handshaking = self.is_handshaking();
        let taken = self.receive_records(input, data, output);
        let quiet = match &taken {
            // Nothing was done yet.
            Ok((_, Taken::NeedMore(_))) => true,
            // All that data brings to the stack is the record's key, which the opener sees to.
            Ok((_, Taken::Data(..))) => !handshaking,
            _ => false,
        };
        if !quiet {
            wipe::after_handshake();
        }
        let (consumed, taken) = taken?;
        let content = match taken {
            Taken::NeedMore(length) => Content::NeedMore(length),
            Taken::Progress => Content::Progress,
            Taken::Data(Place::Input, range) => Content::Data(input.get(range).unwrap_or_default()),
            Taken::Data(Place::Data, range) => Content::Data(data.get(range).unwrap_or_default()),
            Taken::Closed => Content::Closed,
            Taken::Waiting => Content::Waiting,
        };
        Ok(Received { consumed, content })
    }

    /// How many bytes are done with, and what they held. What there is of a handshake is taken at once, so that what
    /// it leaves on the stack is wiped once.
    fn receive_records(
        &mut self,
        input: &mut [u8],
        data: &mut [u8],
        output: &mut Output,
    ) -> Result<(usize, Taken), Error> {
        let mut consumed = 0;
        loop {
            let rest = input.get_mut(consumed..).unwrap_or_default();
            let (length, taken) = self.receive_record(rest, data, output)?;
            let start = consumed;
            consumed += length;
            match taken {
                Taken::Progress if self.is_handshaking() => {}
                // The next call tells of a part of a record that comes after whole ones.
                Taken::NeedMore(_) if consumed > 0 => return Ok((consumed, Taken::Progress)),
                Taken::Data(Place::Input, range) => {
                    return Ok((consumed, Taken::Data(Place::Input, start + range.start..start + range.end)));
                }
                taken => return Ok((consumed, taken)),
            }
        }
    }

    /// How many bytes are done with, and what they held.
    fn receive_record(
        &mut self,
        input: &mut [u8],
        data: &mut [u8],
        output: &mut Output,
    ) -> Result<(usize, Taken), Error> {
        if let State::Failed(error) = &self.state {
            return Err((**error).clone());
        }
        if self.received_close_notify {
            // RFC 9846 section 6.1: data after close_notify is ignored.
            return Ok((input.len(), Taken::Closed));
        }
        if self.is_waiting() {
            return Ok((0, Taken::Waiting));
        }
        let length = match self.opener.frame(input) {
            Ok(Some(length)) => length,
            Ok(None) => HEADER_LEN,
            Err(error) => match self.skipped_frame(input, error) {
                Ok(length) => length,
                Err(error) => return Err(self.fail(error, output)),
            },
        };
        let Some(record) = input.get_mut(..length) else {
            return Ok((0, Taken::NeedMore(length)));
        };
        let opened = self.open(record, data, output).map_err(|error| match self.state {
            State::Failed(_) => error,
            _ => self.fail(error, output),
        })?;
        let taken = match opened {
            Opened::Data(place, range) => Taken::Data(place, range),
            Opened::Closed => Taken::Closed,
            Opened::Progress if self.is_waiting() => Taken::Waiting,
            Opened::Progress => Taken::Progress,
        };
        Ok((length, taken))
    }

    fn open(&mut self, record: &mut [u8], data: &mut [u8], output: &mut Output) -> Result<Opened, Error> {
        self.tap.emit(|| Event::Record { direction: Direction::Received, bytes: record });
        let outer = ContentType(record.first().copied().unwrap_or_default());
        let tls13 = self.version() == Some(ProtocolVersion::TLS_1_3);
        if outer == ContentType::CHANGE_CIPHER_SPEC && (tls13 || self.opener.is_protected()) {
            return self.skip_change_cipher_spec(record.get(HEADER_LEN..).unwrap_or_default(), tls13);
        }
        if self.is_early_plaintext_alert(record, tls13) {
            // The peer failed before it had keys to say so under.
            return self.alert(record.get(HEADER_LEN..).unwrap_or_default(), output);
        }
        if outer == ContentType::APPLICATION_DATA
            && self.skips_early_data(record.len())?
            && !self.opener.is_protected()
        {
            return Ok(Opened::Progress);
        }
        if let (true, State::Established(traffic)) = (self.opener.is_resting(), &self.state) {
            traffic.wake(&mut self.opener)?;
        }
        let (content_type, place, range) = match self.open_record(record, data) {
            Err(Error::Misbehaved(Misbehaved::BadRecordMac)) if self.skips_early_data(record.len())? => {
                self.count_skipped(record.len());
                return Ok(Opened::Progress);
            }
            opened => opened?,
        };
        self.opener_is_unused = false;
        self.stop_skipping();
        let plaintext = match place {
            Place::Input => record.get(range.clone()).unwrap_or_default(),
            Place::Data => data.get(range.clone()).unwrap_or_default(),
        };
        let epoch = self.read_epoch;
        self.tap.emit(|| Event::Content { direction: Direction::Received, content_type, plaintext, epoch });
        if content_type != ContentType::HANDSHAKE && !self.joiner.is_empty() {
            // RFC 9846 section 5.1: nothing may come between the parts of a handshake message.
            return Err(Misbehaved::InterleavedMessage.into());
        }
        // An empty record between them brings nothing either.
        if content_type != ContentType::ALERT && !range.is_empty() {
            self.counters.warnings = 0;
        }
        match content_type {
            ContentType::HANDSHAKE => {
                self.joiner.push(plaintext)?;
                self.pump(output)?;
                Ok(Opened::Progress)
            }
            ContentType::ALERT => {
                let alert: Vec<u8> = plaintext.to_vec();
                self.alert(&alert, output)
            }
            ContentType::APPLICATION_DATA => self.application_data(place, range),
            ContentType::CHANGE_CIPHER_SPEC => {
                let legal = plaintext == [1];
                self.change_cipher_spec(legal, output)
            }
            _ => Err(Misbehaved::UnknownContentType.into()),
        }
    }

    /// Straight to `data`, if it is established that the peer may send some, and there is room.
    fn open_record(
        &mut self,
        record: &mut [u8],
        data: &mut [u8],
    ) -> Result<(ContentType, Place, Range<usize>), Error> {
        let is_data = record.first() == Some(&ContentType::APPLICATION_DATA.0);
        let has_room = data.len() >= record.len().saturating_sub(HEADER_LEN);
        if is_data && has_room && self.opener.opens_apart() && !self.is_handshaking() {
            let (content_type, len) = self.opener.open_to(record, data)?;
            return Ok((content_type, Place::Data, 0..len));
        }
        self.opener.open(record).map(|(content_type, range)| (content_type, Place::Input, range))
    }

    fn version(&self) -> Option<ProtocolVersion> {
        match &self.state {
            State::Handshaking(handshaking) => handshaking.peer.mailbox().version,
            State::Established(traffic) => Some(traffic.info.version),
            State::Failed(_) => None,
        }
    }

    fn is_early_plaintext_alert(&self, record: &[u8], tls13: bool) -> bool {
        tls13
            && self.is_handshaking()
            && self.side == Side::Server
            && self.opener.is_protected()
            && self.opener_is_unused
            && record.first() == Some(&ContentType::ALERT.0)
    }

    /// RFC 9846 section 5: TLS 1.3 skips change_cipher_spec records that keep middleboxes quiet.
    fn skip_change_cipher_spec(&mut self, fragment: &[u8], tls13: bool) -> Result<Opened, Error> {
        if !tls13 || !self.is_handshaking() {
            return Err(Misbehaved::UnexpectedChangeCipherSpec.into());
        }
        if fragment != [1] {
            return Err(Misbehaved::BadChangeCipherSpec.into());
        }
        if !self.joiner.is_empty() {
            return Err(Misbehaved::InterleavedMessage.into());
        }
        self.counters.change_cipher_specs += 1;
        if self.counters.change_cipher_specs > self.limits.change_cipher_specs {
            return Err(Misbehaved::TooManyChangeCipherSpecs.into());
        }
        self.tap.emit(|| Event::ChangeCipherSpec(Direction::Received));
        Ok(Opened::Progress)
    }

    /// The TLS 1.2 change_cipher_spec belongs to the handshake.
    fn change_cipher_spec(&mut self, legal: bool, output: &mut Output) -> Result<Opened, Error> {
        if !legal {
            return Err(Misbehaved::BadChangeCipherSpec.into());
        }
        self.tap.emit(|| Event::ChangeCipherSpec(Direction::Received));
        match &mut self.state {
            State::Handshaking(handshaking) => {
                handshaking.peer.mailbox().inbound = Some(Inbound::ChangeCipherSpec)
            }
            _ => return Err(Misbehaved::UnexpectedChangeCipherSpec.into()),
        }
        self.drive(output)?;
        Ok(Opened::Progress)
    }

    /// The length of a record of early data that is skipped without a key: it is as long as a protected one may
    /// be, where only plaintext is due (RFC 9846 section 4.2.10, after a HelloRetryRequest).
    fn skipped_frame(&self, input: &[u8], error: Error) -> Result<usize, Error> {
        let Some(header) = input.first_chunk().map(RecordHeader::decode) else { return Err(error) };
        let length = usize::from(header.length);
        let protected = header.content_type == ContentType::APPLICATION_DATA && length <= MAX_CIPHERTEXT_13;
        let too_long = error == Misbehaved::RecordTooLong.into();
        match too_long && protected && self.skips_early_data(HEADER_LEN + length)? {
            true => Ok(HEADER_LEN + length),
            false => Err(error),
        }
    }

    fn skips_early_data(&self, length: usize) -> Result<bool, Error> {
        let State::Handshaking(handshaking) = &self.state else { return Ok(false) };
        match handshaking.peer.early_data() {
            EarlyData::Skipped(left) if length <= left => Ok(true),
            EarlyData::Skipped(_) => Err(Misbehaved::TooMuchEarlyData.into()),
            _ => Ok(false),
        }
    }

    fn count_skipped(&mut self, length: usize) {
        if let State::Handshaking(handshaking) = &self.state
            && let EarlyData::Skipped(left) = handshaking.peer.early_data()
        {
            handshaking.peer.set_early_data(EarlyData::Skipped(left.saturating_sub(length)));
        }
    }

    /// Something could be opened: whatever comes from here on is meant to be.
    fn stop_skipping(&mut self) {
        if let State::Handshaking(handshaking) = &self.state
            && self.opener.is_protected()
            && matches!(handshaking.peer.early_data(), EarlyData::Skipped(_))
        {
            handshaking.peer.set_early_data(EarlyData::Refused);
        }
    }

    fn application_data(&mut self, place: Place, range: Range<usize>) -> Result<Opened, Error> {
        match &self.state {
            State::Established(_) => {}
            State::Handshaking(handshaking) => match handshaking.peer.early_data() {
                EarlyData::Accepted(left) if range.len() <= left => {
                    handshaking.peer.set_early_data(EarlyData::Accepted(left - range.len()));
                }
                EarlyData::Accepted(_) => return Err(Misbehaved::TooMuchEarlyData.into()),
                // No data before Finished: whoever the peer is, it has not shown it yet.
                _ => return Err(Misbehaved::UnexpectedData.into()),
            },
            State::Failed(error) => return Err((**error).clone()),
        }
        if range.is_empty() {
            self.counters.empty_records += 1;
            if self.counters.empty_records > self.limits.empty_records {
                return Err(Misbehaved::TooManyEmptyRecords.into());
            }
            return Ok(Opened::Progress);
        }
        self.counters.empty_records = 0;
        self.counters.key_updates = 0;
        Ok(Opened::Data(place, range))
    }

    /// RFC 9846 section 6, RFC 5246 section 7.2.
    fn alert(&mut self, alert: &[u8], output: &mut Output) -> Result<Opened, Error> {
        let &[level, description] = alert else { return Err(Misbehaved::BadAlert.into()) };
        let (level, description) = (AlertLevel(level), AlertDescription(description));
        self.tap.emit(|| Event::Alert { direction: Direction::Received, level, description });
        if description == AlertDescription::close_notify {
            self.received_close_notify = true;
            return match &self.state {
                State::Handshaking(_) => Err(self.refused(description)),
                _ => Ok(Opened::Closed),
            };
        }
        if ![AlertLevel::warning, AlertLevel::fatal].contains(&level) {
            return Err(Misbehaved::UnknownAlertLevel.into());
        }
        let tls13 = self.version() == Some(ProtocolVersion::TLS_1_3);
        let harmless = match tls13 {
            // RFC 9846 section 6.2: every alert but these two is fatal, whatever its level says.
            true => description == AlertDescription::user_canceled,
            false => level == AlertLevel::warning,
        };
        if !harmless {
            return Err(self.refused(description));
        }
        self.counters.warnings += 1;
        if self.counters.warnings > self.limits.warnings {
            return Err(Misbehaved::TooManyWarnings.into());
        }
        let _ = output;
        Ok(Opened::Progress)
    }

    fn refused(&mut self, description: AlertDescription) -> Error {
        let error = Error::Refused(description);
        self.tap.emit(|| Event::Failed(&error));
        if description != AlertDescription::close_notify {
            self.forget_sessions();
        }
        self.state = State::Failed(Box::new(error.clone()));
        error
    }

    /// Hands whole messages on, as long as somebody wants them.
    pub(super) fn pump(&mut self, output: &mut Output) -> Result<(), Error> {
        while !self.is_waiting() {
            let Some(bytes) = self.joiner.pop()? else { break };
            let message = Message::from(bytes);
            self.tap.emit(|| Event::Message { direction: Direction::Received, bytes: message.bytes() });
            match &mut self.state {
                State::Handshaking(handshaking) => {
                    handshaking.received += message.bytes().len();
                    if handshaking.received > self.limits.handshake_total {
                        return Err(Misbehaved::MessageTooLong.into());
                    }
                    // RFC 5246 section 7.4.1.1: ignored during a handshake; TLS 1.3 knows no such message.
                    let tls13 = handshaking.peer.mailbox().version == Some(ProtocolVersion::TLS_1_3);
                    if self.side == Side::Client
                        && message.handshake_type() == HandshakeType::HELLO_REQUEST
                        && !tls13
                    {
                        self.hello_request(&message, output)?;
                        continue;
                    }
                    handshaking.peer.mailbox().inbound = Some(Inbound::Message(message));
                    self.drive(output)?;
                }
                State::Established(_) => self.post_handshake(message, output)?,
                State::Failed(error) => return Err((**error).clone()),
            }
        }
        Ok(())
    }

    /// Polls the handshake, and does what it asked for.
    pub(super) fn drive(&mut self, output: &mut Output) -> Result<(), Error> {
        let State::Handshaking(handshaking) = &mut self.state else { return Ok(()) };
        // Unless it says otherwise, a script that is pending waits for something that is not the peer.
        handshaking.peer.mailbox().waiting_for = None;
        let waker = handshaking.waker.clone();
        let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        let script = handshaking.script.get_mut().unwrap_or_else(PoisonError::into_inner);
        // What the script seals goes straight to the caller's buffer, behind what is there.
        let before = output.len();
        std::mem::swap(&mut handshaking.peer.mailbox().output, output);
        let polled = script.as_mut().poll(&mut context);

        let (next_opener, flushed) = {
            let mut mailbox = handshaking.peer.mailbox();
            let flushed = match &polled {
                Poll::Ready(Err(_)) => Ok(()),
                _ => mailbox.flush(),
            };
            // What the peer sends after a flight of this side it cannot have begun before it (RFC 9846 section 4).
            let straddles = flushed.is_ok() && mailbox.output.len() > before && !self.joiner.is_empty();
            if straddles && mailbox.write_epoch == Epoch::Plaintext {
                // Unsent, it changes no keys of the peer's, who can then read the alert.
                mailbox.output.truncate(before);
            }
            std::mem::swap(&mut mailbox.output, output);
            let flushed = match straddles {
                true => Err(Misbehaved::MessageAcrossKeyChange.into()),
                false => flushed,
            };
            (mailbox.next_opener.take(), flushed)
        };
        if let Some((opener, epoch)) = next_opener {
            self.opener = opener;
            self.read_epoch = epoch;
            self.opener_is_unused = true;
        }
        let established = match (polled, flushed) {
            (Poll::Ready(Err(error)), _) | (_, Err(error)) => return Err(self.fail(error, output)),
            (Poll::Ready(Ok(established)), Ok(())) => established,
            (Poll::Pending, Ok(())) => return self.check_boundary(output),
        };
        let traffic = {
            let State::Handshaking(handshaking) = &mut self.state else { return Ok(()) };
            let mut mailbox = handshaking.peer.mailbox();
            Traffic::new(self.side, established, &mut mailbox)
        };
        self.tap.emit(|| Event::Resumption(Resumption::Done(traffic.info.resumed)));
        self.tap.emit(|| Event::Established(traffic.summary(self.side)));
        self.state = State::Established(Box::new(traffic));
        self.check_boundary(output)
    }

    /// RFC 9846 section 5.1: no message may straddle a change of keys.
    fn check_boundary(&mut self, output: &mut Output) -> Result<(), Error> {
        if self.opener_is_unused && self.opener.is_protected() && !self.joiner.is_empty() {
            return Err(self.fail(Misbehaved::MessageAcrossKeyChange.into(), output));
        }
        Ok(())
    }
}
