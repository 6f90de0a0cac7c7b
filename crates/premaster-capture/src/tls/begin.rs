//! The hellos of a session: which version and suite it has, and so how to go on.
use super::{Context, State, Tls, hello, tls12::Tls12, tls13::Tls13};
use crate::reason::Reason;
use premaster::{
    Error,
    observe::{Choice, Event, Resumed},
    suite::Suite,
    wire::{HandshakeType, ProtocolVersion, Side},
};
use std::mem;

impl Tls {
    /// ClientHello, ServerHello and HelloRetryRequest.
    pub(super) fn hello(
        &mut self,
        side: Side,
        msg_type: HandshakeType,
        message: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let State::Hello(hellos) = &mut self.state else { return Ok(()) };
        match (side, msg_type) {
            (Side::Client, HandshakeType::CLIENT_HELLO) => {
                let facts = hello::client(message, &mut self.session)?;
                context.tap.identify(&facts.random);
                hellos.messages.push(message.to_vec());
                hellos.wants_second = false;
                hellos.client = Some(facts);
            }
            (Side::Server, HandshakeType::SERVER_HELLO) => self.server_hello(message, context)?,
            _ => {}
        }
        Ok(())
    }

    fn server_hello(&mut self, message: &[u8], context: &mut Context<'_>) -> Result<(), Error> {
        let State::Hello(hellos) = &mut self.state else { return Ok(()) };
        let session = &mut self.session;
        let facts = hello::server(message, session)?;
        let code = facts.cipher_suite;
        let suite = Suite::find(code).filter(|suite| suite.version() == facts.version);
        session.suite = suite;
        session.group = facts.group;
        if facts.is_retry && !session.hello_retry {
            session.hello_retry = true;
            hellos.messages.push(message.to_vec());
            hellos.wants_second = true;
            hellos.suite = suite;
            let because = "the server asks for a second ClientHello";
            context.tap.emit(|| Event::Chose { what: Choice::HelloRetryRequest, because });
            return Ok(());
        }
        let problem = match (facts.version, suite) {
            _ if facts.is_compressed => Some(Reason::Compressed),
            (ProtocolVersion::TLS_1_2 | ProtocolVersion::TLS_1_3, Some(_)) => None,
            (ProtocolVersion::TLS_1_2 | ProtocolVersion::TLS_1_3, None) => {
                Some(Reason::UnknownCipherSuite(code))
            }
            (version, _) => Some(Reason::UnknownVersion(version)),
        };
        let (Some(suite), None, Some(client)) = (suite, &problem, hellos.client.take()) else {
            let lost = self.client.stopped.clone();
            let reason = problem.or(lost).unwrap_or(Reason::HandshakeNotCaptured);
            for half in [&mut self.client, &mut self.server] {
                half.closed = Some(reason.clone());
            }
            self.state = State::Unknown;
            return Ok(());
        };
        let because = "the server chose it from those offered";
        context.tap.emit(|| Event::Chose { what: Choice::Version(facts.version), because });
        context.tap.emit(|| Event::Chose { what: Choice::CipherSuite(code), because });
        session.resumed = None;
        let messages = mem::take(&mut hellos.messages);
        self.state = match facts.version {
            ProtocolVersion::TLS_1_3 => {
                session.resumed = Some(Resumed::Full);
                if let Some(group) = facts.group {
                    context.tap.emit(|| Event::Chose { what: Choice::Group(group), because });
                }
                let halves = (&mut self.client, &mut self.server);
                let tls13 =
                    Tls13::start(suite, &client, &facts, &messages, message, halves, session, context);
                State::Tls13(Box::new(tls13))
            }
            _ => {
                session.extended_master_secret = facts.extended_master_secret;
                let hellos = [messages.concat(), message.to_vec()].concat();
                let expects_ticket = facts.session_ticket && context.has_ticket_keys();
                State::Tls12(Box::new(Tls12::new(suite, client, facts, hellos, expects_ticket)))
            }
        };
        Ok(())
    }
}
