//! What the puppet makes of what its victim says.
use super::{Heard, Puppet, V12, V13};
use premaster::{
    crypto::{SystemRandom, hash::digest},
    exchange::{DhParameters, Group, KeyLimits, PublishedKey, StaticPublicKey},
    identity::Certificate,
    record::CbcOrder,
    suite::Suite,
    wire::{
        ContentType, ExtensionType, HandshakeType, PerSide, Side, extension,
        message::{
            Certificate12, Certificate13, CertificateRequest13, ClientHello, ClientKeyExchange,
            ClientKeyExchangeShape, ExchangeKeys, KeysShape, NewSessionTicket12, Params, ParamsShape,
            ServerHello, ServerKeyExchange, ServerKeyExchangeShape,
        },
    },
};

impl Puppet {
    /// Reads all that the victim has sent, as far as there are keys for it.
    pub fn listen(&mut self) {
        while let Some(record) = self.wire.get(self.unread) {
            let mut record = record.clone();
            self.unread += 1;
            if record[0] == ContentType::CHANGE_CIPHER_SPEC.0 {
                self.heard.push(Heard::ChangeCipherSpec);
                if self.part.version == V12 {
                    self.install_read12();
                }
                continue;
            }
            // A victim that fails early says so in the clear, and TLS 1.3's opener would not have it.
            let plain = record[0] == ContentType::ALERT.0 && record.len() == 7;
            let opened = match plain {
                true => Ok((ContentType::ALERT, 5..7)),
                false => self.opener.open(&mut record),
            };
            let Ok((content_type, range)) = opened else {
                self.heard.push(Heard::Sealed(record.len()));
                continue;
            };
            let content = record[range].to_vec();
            match content_type {
                ContentType::HANDSHAKE => {
                    // Out of step it takes ciphertext for messages.
                    self.misheard |= self.joiner.push(&content).is_err();
                    while let Ok(Some(message)) = self.joiner.pop() {
                        self.misheard |= self.hear(&message).is_none();
                        self.heard.push(Heard::Message(message));
                    }
                }
                ContentType::ALERT if content.len() == 2 => {
                    self.heard.push(Heard::Alert(content[0], content[1]));
                }
                _ => self.heard.push(Heard::Data(content)),
            }
        }
    }

    fn hear(&mut self, message: &[u8]) -> Option<()> {
        let (kind, body) = (HandshakeType(message[0]), &message[4..]);
        let retry = kind == HandshakeType::SERVER_HELLO
            && ServerHello::decode(body).is_ok_and(|hello| hello.is_hello_retry_request());
        if retry {
            let suite = ServerHello::decode(body).ok()?.cipher_suite;
            self.restart_transcript(Suite::find(suite)?.code);
        }
        self.transcript.extend_from_slice(message);
        match (kind, self.side) {
            (HandshakeType::CLIENT_HELLO, Side::Server) => self.hear_client_hello(body)?,
            (HandshakeType::CLIENT_KEY_EXCHANGE, Side::Server) => self.hear_client_key_exchange(body)?,
            (HandshakeType::FINISHED, _) if self.part.version == V13 => {
                if self.side == Side::Client {
                    self.derive_application13();
                }
                self.install_application13(self.side.peer());
            }
            (HandshakeType::SERVER_HELLO, Side::Client) if retry => self.hear_retry(body)?,
            (HandshakeType::SERVER_HELLO, Side::Client) => self.hear_server_hello(body)?,
            (HandshakeType::CERTIFICATE, Side::Client) => self.hear_certificate(body)?,
            (HandshakeType::SERVER_KEY_EXCHANGE, Side::Client) => self.hear_server_key_exchange(body)?,
            (HandshakeType::CERTIFICATE_REQUEST, Side::Client) if self.part.version == V13 => {
                let request = CertificateRequest13::decode(body).ok()?;
                self.state.request_context = request.certificate_request_context.to_vec();
            }
            (HandshakeType::NEW_SESSION_TICKET, Side::Client) if self.part.version == V12 => {
                self.state.ticket = Some(NewSessionTicket12::decode(body).ok()?.ticket.to_vec());
            }
            _ => {}
        }
        Some(())
    }

    /// message_hash stands for the first ClientHello (RFC 9846 section 4.4.1).
    pub(super) fn restart_transcript(&mut self, suite: premaster::wire::CipherSuite) {
        let hash = Suite::find(suite).unwrap().hash;
        let first = digest(hash, &[&self.transcript]);
        let header = [HandshakeType::MESSAGE_HASH.0, 0, 0, first.as_ref().len() as u8];
        self.transcript = [&header, first.as_ref()].concat();
    }

    fn hear_client_hello(&mut self, body: &[u8]) -> Option<()> {
        let hello = ClientHello::decode(body).ok()?;
        self.state.hello = body.to_vec();
        self.state.randoms = Some(PerSide { client: *hello.random, server: super::random() });
        self.state.session_id = hello.session_id.to_vec();
        let offered = hello.extensions.get::<extension::SessionTicket<'_>>().ok()?;
        let offered = offered.map(|offered| offered.ticket).unwrap_or_default();
        self.state.resumes = self.part.session.as_ref().is_some_and(|session| {
            let by_id = !session.id.is_empty() && session.id == hello.session_id;
            by_id || (!session.ticket.is_empty() && session.ticket == offered)
        });
        Some(())
    }

    fn hear_client_key_exchange(&mut self, body: &[u8]) -> Option<()> {
        let exchange = ClientKeyExchange::decode(body, self.client_shape()).ok()?;
        let offered = ClientHello::decode(&self.state.hello).ok()?.legacy_version;
        let keys = exchange.exchange_keys;
        let shared = match (self.state.server_key.take(), keys) {
            (
                Some(key),
                Some(ExchangeKeys::Rsa(reply) | ExchangeKeys::Dh(reply) | ExchangeKeys::Ec(reply)),
            ) => key.open(reply, offered, &SystemRandom).ok(),
            _ => None,
        };
        self.master12(shared);
        Some(())
    }

    fn hear_retry(&mut self, body: &[u8]) -> Option<()> {
        let hello = ServerHello::decode(body).ok()?;
        self.state.suite = Suite::find(hello.cipher_suite);
        let group = hello.extensions.get::<extension::KeyShareHelloRetryRequest>().ok()?;
        self.state.retry_group = group.map(|group| group.selected_group);
        let cookie = hello.extensions.get::<extension::Cookie<'_>>().ok()?;
        self.state.cookie = cookie.map(|cookie| cookie.cookie.to_vec());
        Some(())
    }

    fn hear_server_hello(&mut self, body: &[u8]) -> Option<()> {
        let hello = ServerHello::decode(body).ok()?;
        self.state.suite = Suite::find(hello.cipher_suite);
        if let Some(randoms) = &mut self.state.randoms {
            randoms.server = *hello.random;
        }
        let extensions = hello.extensions;
        self.state.extended_master_secret = extensions.contains(ExtensionType::EXTENDED_MASTER_SECRET);
        self.state.cbc_order = Some(match extensions.contains(ExtensionType::ENCRYPT_THEN_MAC) {
            true => CbcOrder::EncryptThenMac,
            false => CbcOrder::MacThenEncrypt,
        });
        if self.part.version == V13 {
            self.state.psk_chosen = extensions.contains(ExtensionType::PRE_SHARED_KEY);
            let share = extensions.get::<extension::KeyShareServerHello<'_>>().ok()?;
            let shared = share.and_then(|share| {
                let share = share.server_share;
                let keys = std::mem::take(&mut self.state.shares);
                let key = keys.into_iter().find(|key| key.group().code == share.group)?;
                key.open(share.key_exchange).ok()
            });
            self.derive_handshake13(shared);
            self.install_handshake13();
        } else {
            let echoed = !hello.session_id.is_empty() && hello.session_id == self.state.session_id;
            self.state.resumes = self.part.session.is_some() && echoed;
            self.resume12();
        }
        Some(())
    }

    fn hear_certificate(&mut self, body: &[u8]) -> Option<()> {
        self.state.leaf = match self.part.version {
            V12 => Certificate12::decode(body).ok()?.certificate_list.first().map(|leaf| leaf.0.to_vec()),
            _ => Certificate13::decode(body).ok()?.certificate_list.first().map(|leaf| leaf.data.to_vec()),
        }
        .unwrap_or_default();
        if self.part.version == V12 && self.suite().key_exchange.is_static() {
            let leaf = Certificate::parse(&self.state.leaf)?;
            let key = StaticPublicKey::from_spki(leaf.spki(), &KeyLimits::STANDARD).ok()?;
            self.state.published = Some(PublishedKey::Static(key));
        }
        Some(())
    }

    fn hear_server_key_exchange(&mut self, body: &[u8]) -> Option<()> {
        let exchange = ServerKeyExchange::decode(body, self.server_shape()).ok()?;
        self.state.published = match exchange.params {
            Some(Params::Ecdhe(params)) => {
                Some(PublishedKey::Named(Group::find(params.group)?, params.public.to_vec()))
            }
            Some(Params::Dhe(params)) => {
                let parameters = DhParameters::accept(params.p, params.g, &KeyLimits::STANDARD).ok()?;
                Some(PublishedKey::Explicit(parameters, params.ys.to_vec()))
            }
            None => None,
        };
        Some(())
    }

    pub(super) fn client_shape(&self) -> ClientKeyExchangeShape {
        use premaster::suite::KeyExchange;
        let exchange = self.suite().key_exchange;
        let keys = match exchange {
            KeyExchange::Rsa | KeyExchange::RsaPsk => KeysShape::Rsa,
            KeyExchange::Psk => KeysShape::None,
            exchange if exchange.is_elliptic() => KeysShape::Ec,
            _ => KeysShape::Dh,
        };
        ClientKeyExchangeShape { psk: exchange.has_psk(), keys }
    }

    pub(super) fn server_shape(&self) -> ServerKeyExchangeShape {
        let exchange = self.suite().key_exchange;
        let params = match (exchange.is_ephemeral(), exchange.is_elliptic()) {
            (true, true) => ParamsShape::Ec,
            (true, false) => ParamsShape::Dh,
            (false, _) => ParamsShape::None,
        };
        ServerKeyExchangeShape { psk_hint: exchange.has_psk(), params, signed: exchange.is_signed() }
    }
}
