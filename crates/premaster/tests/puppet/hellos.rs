//! The puppet's hellos.
use super::{Puppet, V12, V13, random};
use premaster::{
    crypto::{SystemRandom, hash::digest},
    exchange::{EphemeralKey, Group},
    observe::Tap,
    record::CbcOrder,
    schedule::{
        Kdf,
        tls13::{EarlySecret, PskSource},
    },
    suite::Protection,
    wire::{
        CipherSuite, EcPointFormat, ExtensionType, List, NamedGroup, PerSide, PskKeyExchangeMode,
        extension::{self, Extension, Extensions, KeyShareEntry, PskBinderEntry, PskIdentity, push},
        message::{ClientHello, HELLO_RETRY_REQUEST_RANDOM, ServerHello, handshake},
    },
};

impl Puppet {
    pub(super) fn client_hello(&mut self, second: bool) -> Vec<u8> {
        if self.state.randoms.is_none() || !second {
            self.state.randoms = Some(PerSide { client: random(), server: [0; 32] });
            let session = self.part.session.as_ref();
            self.state.session_id = match (session, self.part.version) {
                (Some(session), _) if !session.id.is_empty() => session.id.clone(),
                (Some(_), _) | (None, V13) => random().to_vec(),
                _ => Vec::new(),
            };
        }
        let client_random = self.state.randoms.map(|randoms| randoms.client).unwrap();
        let extensions = self.client_extensions(second);
        let hello = ClientHello {
            legacy_version: V12,
            random: &client_random,
            session_id: &self.state.session_id,
            cipher_suites: List::from(&self.part.suites),
            compression_methods: &[0],
            extensions: Extensions::from_encoded(&extensions),
        };
        let mut message = Vec::new();
        handshake::encode(&hello, &mut message);
        self.bind(&mut message);
        message
    }

    fn client_extensions(&mut self, second: bool) -> Vec<u8> {
        let part = self.part.clone();
        let mut out = Vec::new();
        if let Some(name) = part.server_name {
            push(&mut out, &extension::ServerName { host_name: name.as_bytes() });
        }
        // RFC 8422 section 5.1: in TLS 1.2 these are the curves of certificates as well.
        let mut groups = vec![part.group];
        if part.version == V12 && part.group != NamedGroup::secp256r1 {
            groups.push(NamedGroup::secp256r1);
        }
        push(&mut out, &extension::SupportedGroups { named_group_list: List::from(&groups) });
        let schemes = List::from(&part.schemes);
        push(&mut out, &extension::SignatureAlgorithms { supported_signature_algorithms: schemes });
        out.extend_from_slice(&part.more);
        if part.version == V13 {
            self.client_extensions13(second, &mut out);
            return out;
        }
        if part.extended_master_secret {
            push(&mut out, &extension::ExtendedMasterSecret);
        }
        if part.encrypt_then_mac {
            push(&mut out, &extension::EncryptThenMac);
        }
        if part.renegotiation_info {
            push(&mut out, &extension::RenegotiationInfo { renegotiated_connection: &[] });
        }
        let uncompressed = List::from(&[EcPointFormat::uncompressed]);
        push(&mut out, &extension::EcPointFormats { ec_point_format_list: uncompressed });
        if part.ticket || part.session.is_some() {
            let ticket = part.session.as_ref().map(|session| &session.ticket[..]).unwrap_or_default();
            push(&mut out, &extension::SessionTicket { ticket });
        }
        out
    }

    fn client_extensions13(&mut self, second: bool, out: &mut Vec<u8>) {
        push(out, &extension::SupportedVersionsClientHello { versions: List::from(&[V13]) });
        if let Some(cookie) = &self.state.cookie {
            push(out, &extension::Cookie { cookie });
        }
        self.state.shares.clear();
        if second || !self.part.wants_retry {
            let group = self.state.retry_group.unwrap_or(self.part.group);
            let key = EphemeralKey::generate(Group::find(group).unwrap(), &SystemRandom).unwrap();
            self.state.shares.push(key);
        }
        let shares: Vec<KeyShareEntry<'_>> = (self.state.shares.iter())
            .map(|key| KeyShareEntry { group: key.group().code, key_exchange: key.public() })
            .collect();
        push(out, &extension::KeyShareClientHello { client_shares: List::from(&shares) });
        if let Some(psk) = &self.part.psk {
            push(
                out,
                &extension::PskKeyExchangeModes { ke_modes: List::from(&[PskKeyExchangeMode::psk_dhe_ke]) },
            );
            let identity = PskIdentity { identity: psk.identity(), obfuscated_ticket_age: 0 };
            let binder = vec![0; psk.hash().output_len()];
            push(
                out,
                &extension::PreSharedKeyClientHello {
                    identities: List::from(&[identity]),
                    binders: List::from(&[PskBinderEntry(&binder)]),
                },
            );
        }
    }

    /// Writes the binder over the zeros that stand for it.
    pub fn bind(&self, message: &mut [u8]) {
        let Some(psk) = self.part.psk.as_ref().filter(|_| self.part.version == V13) else { return };
        let len = psk.hash().output_len();
        let end = message.len() - len - 3;
        let hash = digest(psk.hash(), &[&self.transcript, &message[..end]]);
        let early = EarlySecret::with_psk(Kdf::new(psk.hash(), Tap::OFF), psk.key().expose());
        let binder = early.binder_key(PskSource::External).binder(&hash);
        let start = message.len() - len;
        message[start..].copy_from_slice(binder.as_ref());
    }

    pub(super) fn hello_retry_request(&mut self) -> Vec<u8> {
        let group = self.part.group;
        let mut extensions = Vec::new();
        push(&mut extensions, &extension::SupportedVersionsServerHello { selected_version: V13 });
        push(&mut extensions, &extension::KeyShareHelloRetryRequest { selected_group: group });
        self.encode_server_hello(&HELLO_RETRY_REQUEST_RANDOM, &extensions)
    }

    pub(super) fn server_hello(&mut self) -> Vec<u8> {
        let mut extensions = Vec::new();
        let shared = match self.part.version {
            V13 => self.server_extensions13(&mut extensions),
            _ => {
                self.server_extensions12(&mut extensions);
                None
            }
        };
        extensions.extend_from_slice(&self.part.more);
        let randoms = self.state.randoms.get_or_insert(PerSide { client: [0; 32], server: random() });
        if let Some(sentinel) = self.part.sentinel {
            randoms.server[24..].copy_from_slice(&sentinel);
        }
        let server_random = randoms.server;
        let message = self.encode_server_hello(&server_random, &extensions);
        if self.part.version == V13 && self.state.handshake.is_none() {
            // The keys cover this very message.
            let before = self.transcript.len();
            self.transcript.extend_from_slice(&message);
            self.derive_handshake13(shared);
            self.transcript.truncate(before);
        }
        message
    }

    fn encode_server_hello(&mut self, random: &[u8; 32], extensions: &[u8]) -> Vec<u8> {
        let suite = *self.part.suites.first().unwrap();
        self.state.suite = premaster::suite::Suite::find(suite);
        let echoes = self.part.version == V13 || self.state.resumes;
        let own = self.part.session.as_ref().filter(|_| !echoes).map(|session| session.id.clone());
        let session_id = if echoes { self.state.session_id.clone() } else { own.unwrap_or_default() };
        let hello = ServerHello {
            legacy_version: V12,
            random,
            session_id: &session_id,
            cipher_suite: suite,
            compression_method: 0,
            extensions: Extensions::from_encoded(extensions),
        };
        let mut message = Vec::new();
        handshake::encode(&hello, &mut message);
        message
    }

    fn server_extensions12(&mut self, out: &mut Vec<u8>) {
        let part = &self.part;
        let offers = |kind| {
            let hello = ClientHello::decode(&self.state.hello);
            hello.is_ok_and(|hello| hello.extensions.contains(kind))
        };
        if part.renegotiation_info {
            push(out, &extension::RenegotiationInfo { renegotiated_connection: &[] });
        }
        if part.extended_master_secret {
            push(out, &extension::ExtendedMasterSecret);
        }
        if part.ticket && offers(ExtensionType::SESSION_TICKET) {
            push(out, &extension::SessionTicketServerHello);
        }
        if part.staples && !self.state.resumes {
            push(out, &extension::StatusRequestEmpty);
        }
        let cbc = premaster::suite::Suite::find(part.suites[0])
            .is_some_and(|suite| matches!(suite.protection, Protection::Cbc { .. }));
        self.state.cbc_order = Some(CbcOrder::MacThenEncrypt);
        if part.encrypt_then_mac && cbc {
            push(out, &extension::EncryptThenMac);
            self.state.cbc_order = Some(CbcOrder::EncryptThenMac);
        }
        self.state.extended_master_secret = self.part.extended_master_secret;
    }

    /// The share that answers the client's, and the secret that both share.
    fn server_extensions13(&mut self, out: &mut Vec<u8>) -> Option<premaster::exchange::SharedSecret> {
        push(out, &extension::SupportedVersionsServerHello { selected_version: V13 });
        let theirs = self.client_share(self.part.group);
        let group = Group::find(self.part.group).unwrap();
        let replied = theirs.and_then(|theirs| group.encapsulate(&theirs, &SystemRandom).ok());
        let (reply, shared) = replied.unzip();
        let reply = reply.unwrap_or_else(|| vec![9; group.reply_len]);
        let server_share = KeyShareEntry { group: group.code, key_exchange: &reply };
        push(out, &extension::KeyShareServerHello { server_share });
        if self.part.psk.is_some() {
            push(out, &extension::PreSharedKeyServerHello { selected_identity: 0 });
            self.state.psk_chosen = true;
        }
        shared
    }

    /// The share that the client sent for a group.
    pub fn client_share(&self, group: NamedGroup) -> Option<Vec<u8>> {
        let hello = ClientHello::decode(&self.state.hello).ok()?;
        let shares = hello.extensions.get::<extension::KeyShareClientHello<'_>>().ok()??;
        let share = shares.client_shares.iter().find(|share| share.group == group)?;
        Some(share.key_exchange.to_vec())
    }
}

/// A ServerHello, a ClientHello or another hello's message with an extension taken out, put in or replaced.
pub fn with_extension<'a, E: Extension<'a>>(block: &[u8], new: &E) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, data) in Extensions::from_encoded(block).iter() {
        if kind != E::TYPE {
            extension::push_encoded(&mut out, kind, data);
        }
    }
    push(&mut out, new);
    out
}

/// The block without the extension of this type.
pub fn without_extension(block: &[u8], gone: ExtensionType) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, data) in Extensions::from_encoded(block).iter().filter(|(kind, _)| *kind != gone) {
        extension::push_encoded(&mut out, kind, data);
    }
    out
}

/// A ServerHello with another block of extensions, or another suite.
pub fn change_server_hello(message: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let hello = ServerHello::decode(&message[4..]).unwrap();
    let block = change(hello.extensions.encoded());
    let mut out = Vec::new();
    handshake::encode(&ServerHello { extensions: Extensions::from_encoded(&block), ..hello }, &mut out);
    out
}

/// A ClientHello with another block of extensions.
pub fn change_client_hello(message: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let hello = ClientHello::decode(&message[4..]).unwrap();
    let block = change(hello.extensions.encoded());
    let mut out = Vec::new();
    handshake::encode(&ClientHello { extensions: Extensions::from_encoded(&block), ..hello }, &mut out);
    out
}

pub fn with_suite(message: &[u8], suite: CipherSuite) -> Vec<u8> {
    let hello = ServerHello::decode(&message[4..]).unwrap();
    let mut out = Vec::new();
    handshake::encode(&ServerHello { cipher_suite: suite, ..hello }, &mut out);
    out
}
