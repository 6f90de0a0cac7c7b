//! TLS 1.2: from what was captured to the master secret, and from that to the keys (RFC 5246 section 8).
use super::{
    Context,
    half::Half,
    hello::{ClientFacts, ServerFacts},
};
use crate::{
    memory::{Original, SessionName},
    reason::{Reason, SecretSource},
    report::Session,
};
use premaster::{
    Secret,
    crypto::SystemRandom,
    exchange::{SharedSecret, psk_premaster},
    identity::Certificate,
    observe::{Choice, Epoch, Event, Resumed, SecretRef, Tap},
    record::{CbcOrder, Opener},
    schedule::{
        Kdf, Transcript,
        tls12::{KeyBlock, MasterSecret, PremasterSecret},
    },
    suite::{KeyExchange, Protection, Suite},
    wire::{
        HandshakeType, NamedGroup, ProtocolVersion, Side,
        message::{
            Certificate12, ClientKeyExchange, ClientKeyExchangeShape, ExchangeKeys, KeysShape,
            NewSessionTicket12, Params, ParamsShape, ServerKeyExchange, ServerKeyExchangeShape, handshake,
        },
    },
};

/// How the master secret is known from a ticket, which holds it (RFC 5077 section 4).
const FROM_TICKET: &str = "the session in the ticket, opened with the ticket key";

/// A TLS 1.2 handshake that is listened to.
pub(super) struct Tls12 {
    suite: &'static Suite,
    client: ClientFacts,
    server: ServerFacts,
    /// ClientHello, ServerHello.
    hellos: Vec<u8>,
    /// What the server says between its hello and ServerHelloDone, with that.
    server_flight: Vec<u8>,
    /// What the client says before its Finished.
    client_flight: Vec<u8>,
    /// How much of that ends with ClientKeyExchange.
    through_exchange: usize,
    /// Between ServerHelloDone or ServerHello, and the server's Finished: NewSessionTicket.
    server_ticket: Vec<u8>,
    done: bool,
    exchange: Option<Vec<u8>>,
    leaf: Option<Vec<u8>>,
    /// The ticket that the server gave.
    given_ticket: Option<Vec<u8>>,
    master: Option<MasterSecret>,
    block: Option<Result<KeyBlock, Reason>>,
    /// Whether to wait for the ticket, which holds the master secret and may be opened.
    expects_ticket: bool,
    /// Whether messages before change_cipher_spec are missing.
    missed: bool,
    /// The first Finished message, for the second one's transcript.
    first_finished: Option<Vec<u8>>,
}

impl Tls12 {
    pub(super) fn new(
        suite: &'static Suite,
        client: ClientFacts,
        server: ServerFacts,
        hellos: Vec<u8>,
        expects_ticket: bool,
    ) -> Self {
        Self {
            expects_ticket,
            missed: false,
            suite,
            client,
            server,
            hellos,
            server_flight: Vec::new(),
            client_flight: Vec::new(),
            through_exchange: 0,
            server_ticket: Vec::new(),
            done: false,
            exchange: None,
            leaf: None,
            given_ticket: None,
            master: None,
            block: None,
            first_finished: None,
        }
    }

    /// Whether `side`'s change_cipher_spec can be followed now: the other side's messages that the keys depend on
    /// are there, if there are any. They may have been captured late.
    pub(super) fn may_change_cipher(&self, side: Side) -> bool {
        let full = self.exchange.is_some();
        let has_ticket = !self.expects_ticket || self.given_ticket.is_some() || self.block.is_some();
        match side {
            _ if self.missed => true,
            Side::Client => !full || self.done && has_ticket,
            Side::Server => !self.done || full,
        }
    }

    /// Something of `half` is missing. It may have been its change_cipher_spec: if a key log has the master secret,
    /// what follows is tried with its keys.
    pub(super) fn miss(&mut self, half: &mut Half, session: &mut Session, context: &mut Context<'_>) {
        if half.protected {
            return;
        }
        self.missed = true;
        let mut logged = context.keys.iter().filter_map(|store| store.session(&self.client.random));
        if logged.any(|logged| logged.master.is_some()) {
            self.change_cipher(half, session, context);
        }
    }

    /// A message in the clear.
    pub(super) fn message(&mut self, side: Side, message: &[u8], session: &mut Session, tap: &Tap) {
        let Ok((msg_type, body)) = handshake::decode(message) else { return };
        match side {
            Side::Server => {
                match msg_type {
                    HandshakeType::HELLO_REQUEST => return,
                    HandshakeType::CERTIFICATE => self.certificate(body, session),
                    HandshakeType::SERVER_KEY_EXCHANGE => self.server_key_exchange(body, session, tap),
                    HandshakeType::SERVER_HELLO_DONE => self.done = true,
                    HandshakeType::NEW_SESSION_TICKET => {
                        let ticket = NewSessionTicket12::decode(body).ok();
                        self.given_ticket = ticket.map(|ticket| ticket.ticket.to_vec());
                        self.server_ticket.extend_from_slice(message);
                        return;
                    }
                    _ => {}
                }
                self.server_flight.extend_from_slice(message);
            }
            Side::Client => {
                self.client_flight.extend_from_slice(message);
                if msg_type == HandshakeType::CLIENT_KEY_EXCHANGE {
                    self.exchange = Some(body.to_vec());
                    self.through_exchange = self.client_flight.len();
                }
            }
        }
    }

    fn certificate(&mut self, body: &[u8], session: &mut Session) {
        let Ok(certificate) = Certificate12::decode(body) else { return };
        self.leaf = certificate.certificate_list.first().map(|leaf| leaf.0.to_vec());
        session.certificate =
            self.leaf.as_deref().and_then(Certificate::parse).map(|certificate| certificate.subject());
    }

    fn server_key_exchange(&mut self, body: &[u8], session: &mut Session, tap: &Tap) {
        let exchange = self.suite.key_exchange;
        let params = match (exchange.is_ephemeral(), exchange.is_elliptic()) {
            (true, true) => ParamsShape::Ec,
            (true, false) => ParamsShape::Dh,
            (false, _) => ParamsShape::None,
        };
        let shape =
            ServerKeyExchangeShape { psk_hint: exchange.has_psk(), params, signed: exchange.is_signed() };
        let Ok(message) = ServerKeyExchange::decode(body, shape) else { return };
        session.group = match message.params {
            Some(Params::Ecdhe(params)) => Some(params.group),
            Some(Params::Dhe(params)) => known_prime(params.p),
            None => None,
        };
        if let Some(group) = session.group {
            tap.emit(|| Event::Chose { what: Choice::Group(group), because: "the server chose it" });
        }
    }

    /// `half`'s side changes its cipher.
    pub(super) fn change_cipher(
        &mut self,
        half: &mut Half,
        session: &mut Session,
        context: &mut Context<'_>,
    ) {
        if self.block.is_none() {
            let resumed = match (&self.exchange, &self.client.ticket) {
                (Some(_), _) => Resumed::Full,
                // The server only sends these in a full handshake.
                _ if self.leaf.is_some() || self.done => Resumed::Full,
                (None, Some(_)) => Resumed::Ticket,
                (None, None) => Resumed::Id,
            };
            // With messages missing, nothing says that it is.
            session.resumed = (!self.missed || resumed == Resumed::Full).then_some(resumed);
            self.block = Some(self.keys(resumed, session, context));
        }
        // Each time: the client changes its cipher before the server gives it a ticket.
        self.remember(context);
        let direction = context.direction(half.side);
        match &self.block {
            Some(Ok(block)) => {
                let opener = opener(self.suite, block, half.side, self.server.encrypt_then_mac);
                half.set_keys(Epoch::Application(0), opener);
            }
            Some(Err(reason)) => {
                // With messages missing it is not known whether one of these is so.
                let is_guess =
                    matches!(reason, Reason::OriginalNotCaptured { .. } | Reason::HandshakeIncomplete { .. });
                half.closed = Some(reason.clone()).filter(|_| !self.missed || !is_guess);
                half.set_keys(Epoch::Application(0), None);
            }
            None => {}
        }
        // Its end has them, whether or not they are known here.
        context.tap.emit(|| Event::KeysInstalled { direction, epoch: Epoch::Application(0) });
    }

    fn keys(
        &mut self,
        resumed: Resumed,
        session: &mut Session,
        context: &mut Context<'_>,
    ) -> Result<KeyBlock, Reason> {
        let (master, source) = self.master(resumed, session, context)?;
        session.source = Some(source);
        let layout = self.suite.key_block_layout();
        let block = master.key_block(layout, &self.client.random, &self.server.random);
        self.master = Some(master);
        Ok(block)
    }

    /// The master secret, and where it is from.
    fn master(
        &self,
        resumed: Resumed,
        session: &Session,
        context: &mut Context<'_>,
    ) -> Result<(MasterSecret, SecretSource), Reason> {
        let kdf = Kdf::new(self.suite.hash, context.tap.clone());
        let recorded = |secret: &Secret, how: &'static str, source| {
            let value = SecretRef::from(secret);
            context.tap.emit(|| Event::Derived { secret: "master_secret", how, inputs: &[], value });
            (MasterSecret::from_session(kdf.clone(), copy(secret)), source)
        };
        let mut premaster = None;
        for store in context.keys {
            if let Some(logged) = store.session(&self.client.random) {
                if let Some(master) = &logged.master {
                    return Ok(recorded(master, "key log: CLIENT_RANDOM", SecretSource::KeyLog));
                }
                premaster = premaster.or(logged.premaster.as_ref());
            }
            let id = &self.server.session_id;
            if let Some(master) = store.session_id(id).filter(|_| !id.is_empty()) {
                return Ok(recorded(master, "key log: RSA Session-ID", SecretSource::KeyLog));
            }
        }
        if resumed != Resumed::Full {
            let ticket = self.client.ticket.as_deref().filter(|_| resumed == Resumed::Ticket);
            let from_ticket = ticket.and_then(|ticket| context.ticket(ticket, ProtocolVersion::TLS_1_2));
            return match (context.memory.find(&self.names(resumed)), from_ticket) {
                (Some(Original::Opened(master)), _) => {
                    Ok(recorded(master, "the session that is resumed", SecretSource::Original))
                }
                (_, Some(master)) => Ok(recorded(&master, FROM_TICKET, SecretSource::Ticket)),
                _ if ticket.is_some() && context.has_ticket_keys() => {
                    Err(Reason::TicketDoesNotOpen { how: resumed })
                }
                (Some(Original::Closed), _) => Err(Reason::OriginalNotOpened { how: resumed }),
                _ => Err(Reason::OriginalNotCaptured { how: resumed }),
            };
        }
        let premaster = match premaster {
            Some(premaster) => Ok((PremasterSecret::new(copy(premaster)), SecretSource::KeyLog)),
            None => self.premaster(session, context),
        };
        let derived =
            premaster.and_then(|(premaster, source)| Ok((self.master_of(premaster, kdf.clone())?, source)));
        derived.or_else(|reason| {
            let given = self.given_ticket.as_deref();
            let master = given.and_then(|ticket| context.ticket(ticket, ProtocolVersion::TLS_1_2));
            Ok(recorded(&master.ok_or(reason)?, FROM_TICKET, SecretSource::Ticket))
        })
    }

    fn master_of(&self, premaster: PremasterSecret, kdf: Kdf) -> Result<MasterSecret, Reason> {
        if !self.server.extended_master_secret {
            return Ok(premaster.into_master(kdf, &self.client.random, &self.server.random));
        }
        // RFC 7627 section 3: the session hash is over every message up to ClientKeyExchange, with it.
        if !self.done || self.missed {
            return Err(Reason::ExtendedMasterSecretNeedsHandshake);
        }
        let mut transcript = self.transcript();
        transcript.add(self.client_flight.get(..self.through_exchange).unwrap_or_default());
        Ok(premaster.into_extended_master(kdf, &transcript.hash()))
    }

    /// The hellos and the server's flight.
    fn transcript(&self) -> Transcript {
        let mut transcript = Transcript::new();
        transcript.add(&self.hellos);
        transcript.add(&self.server_flight);
        transcript.start_hash(self.suite.hash);
        transcript
    }

    /// The premaster secret, with the keys that the exchange was made with.
    fn premaster(
        &self,
        session: &Session,
        context: &Context<'_>,
    ) -> Result<(PremasterSecret, SecretSource), Reason> {
        let exchange = self.suite.key_exchange;
        let malformed =
            |what: &str| Reason::Malformed { side: Side::Client, offset: 0, what: what.to_owned() };
        let body = self.exchange.as_deref().ok_or(Reason::HandshakeIncomplete { last: "ServerHello" })?;
        let message = ClientKeyExchange::decode(body, client_shape(exchange))
            .map_err(|error| malformed(&error.to_string()))?;
        let shared = match message.exchange_keys {
            Some(ExchangeKeys::Rsa(reply) | ExchangeKeys::Dh(reply) | ExchangeKeys::Ec(reply))
                if exchange.is_static() =>
            {
                let logged = context.keys.iter().find_map(|store| store.encrypted_premaster(reply));
                match logged {
                    Some(premaster) if exchange == KeyExchange::Rsa => {
                        return Ok((PremasterSecret::new(copy(premaster)), SecretSource::KeyLog));
                    }
                    _ => Some(self.open_static(reply, session, context)?),
                }
            }
            Some(_) => return Err(context.no_log(exchange, session.group, self.leaf.as_deref())),
            None => None,
        };
        let Some(identity) = message.psk_identity else {
            let source = SecretSource::PrivateKey;
            return shared.map(|shared| (shared.into(), source)).ok_or(malformed("no secret was exchanged"));
        };
        let fits = |own: &Option<Vec<u8>>| own.as_deref().is_none_or(|own| own == identity);
        let psk = context.keys.iter().flat_map(|store| store.psks()).find(|psk| fits(&psk.identity));
        let psk = psk.ok_or_else(|| Reason::NoPsk { identity: identity.to_vec() })?;
        let premaster =
            psk_premaster(shared, psk.key.expose()).map_err(|_| malformed("the PSK is too long"))?;
        Ok((PremasterSecret::new(premaster), SecretSource::Psk))
    }

    /// Opens what was encapsulated to the certificate's key.
    fn open_static(
        &self,
        reply: &[u8],
        session: &Session,
        context: &Context<'_>,
    ) -> Result<SharedSecret, Reason> {
        let leaf = self.leaf.as_deref().ok_or(Reason::HandshakeIncomplete { last: "ServerHello" })?;
        let key = context.keys.iter().find_map(|store| store.private_key(leaf));
        let Some(key) = key else {
            let subject = session.certificate.clone().unwrap_or_default();
            let given = context.keys.iter().any(|store| store.has_private_keys());
            return Err(match given {
                true => Reason::KeyIsNotThisCertificates { subject },
                false => Reason::NoPrivateKey { exchange: self.suite.key_exchange, subject },
            });
        };
        key.open(reply, self.client.offered, &SystemRandom).map_err(|error| Reason::Malformed {
            side: Side::Client,
            offset: 0,
            what: error.to_string(),
        })
    }

    /// What a later session could call this one, or this one an earlier.
    fn names(&self, resumed: Resumed) -> Vec<SessionName> {
        match (resumed, &self.client.ticket) {
            (Resumed::Ticket, Some(ticket)) => {
                [SessionName::ticket(ticket)].into_iter().chain(self.own_name()).collect()
            }
            _ => self.own_name().into_iter().collect(),
        }
    }

    /// What the server calls this session, if it does.
    fn own_name(&self) -> Option<SessionName> {
        let id = &self.server.session_id;
        (!id.is_empty()).then(|| SessionName::id(id))
    }

    /// Later sessions of the capture may resume this one.
    fn remember(&self, context: &mut Context<'_>) {
        let ticket = self.given_ticket.as_deref().map(SessionName::ticket);
        for name in self.own_name().into_iter().chain(ticket) {
            let original = match &self.master {
                Some(master) => Original::Opened(copy(master.secret())),
                None => Original::Closed,
            };
            context.memory.remember(name, original);
        }
    }

    /// A decrypted message.
    pub(super) fn protected_message(&mut self, half: &mut Half, message: &[u8], context: &mut Context<'_>) {
        let Ok((HandshakeType::FINISHED, _)) = handshake::decode(message) else { return };
        half.saw_finished = true;
        if !context.tap.is_on() || self.missed {
            return;
        }
        let Some(master) = &self.master else { return };
        let mut transcript = self.transcript();
        transcript.add(&self.client_flight);
        // In a full handshake the ticket comes after the client's Finished; else before the server's.
        let full = self.exchange.is_some();
        let (before, after): (&[u8], &[u8]) = match full {
            true => (&[], &self.server_ticket),
            false => (&self.server_ticket, &[]),
        };
        transcript.add(before);
        if let Some(first) = &self.first_finished {
            transcript.add(first);
            transcript.add(after);
        }
        master.verify_data(half.side, &transcript.hash());
        self.first_finished.get_or_insert_with(|| message.to_vec());
    }
}

/// The keys that `side` sends under.
fn opener(suite: &Suite, block: &KeyBlock, side: Side, encrypt_then_mac: bool) -> Option<Opener> {
    let keys = block.keys(side);
    match suite.protection {
        Protection::Aead(aead) => Opener::tls12_aead(aead, keys.key, keys.iv),
        Protection::Cbc { cipher, mac } => {
            let order = match encrypt_then_mac {
                true => CbcOrder::EncryptThenMac,
                false => CbcOrder::MacThenEncrypt,
            };
            Opener::tls12_cbc(cipher, mac, keys.key, keys.mac_key, order)
        }
    }
    .ok()
}

/// What the suite's ClientKeyExchange consists of.
const fn client_shape(exchange: KeyExchange) -> ClientKeyExchangeShape {
    let keys = match exchange {
        KeyExchange::Rsa | KeyExchange::RsaPsk => KeysShape::Rsa,
        KeyExchange::Psk => KeysShape::None,
        exchange if exchange.is_elliptic() => KeysShape::Ec,
        _ => KeysShape::Dh,
    };
    ClientKeyExchangeShape { psk: exchange.has_psk(), keys }
}

/// The group of RFC 7919 with this prime.
fn known_prime(p: &[u8]) -> Option<NamedGroup> {
    let limits = premaster::exchange::KeyLimits { max_unknown_dh_bits: 0, ..Default::default() };
    let parameters = premaster::exchange::DhParameters::accept(p, &[2], &limits).ok()?;
    parameters.name().and_then(NamedGroup::from_name)
}

fn copy(secret: &Secret) -> Secret {
    Secret::from(secret.expose())
}
