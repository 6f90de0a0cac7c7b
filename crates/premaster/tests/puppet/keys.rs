//! What the puppet derives, and which keys it puts in when.
use super::{Puppet, Say, V12, V13, secret};
use premaster::{
    crypto::hash::{Digest, digest},
    exchange::{SharedSecret, psk_premaster},
    observe::Tap,
    record::{CbcOrder, Opener, Sealer},
    schedule::{
        Kdf,
        tls12::{MasterSecret, PremasterSecret},
        tls13::{EarlySecret, TrafficSecret},
    },
    suite::{Protection, Suite},
    wire::{PerSide, Side, codec::put_vec16},
};

/// A TLS 1.2 session that the puppet can resume, or let resume.
#[derive(Clone, Debug)]
pub struct Resumable {
    /// The server's name for it, if the server keeps it.
    pub id: Vec<u8>,
    /// The ticket, if the client keeps it.
    pub ticket: Vec<u8>,
    pub master: Vec<u8>,
}

impl Puppet {
    pub fn kdf(&self) -> Kdf {
        Kdf::new(self.suite().hash, Tap::OFF)
    }

    pub fn transcript_hash(&self) -> Digest {
        digest(self.suite().hash, &[&self.transcript])
    }

    /// What a real peer does after it has said this.
    pub(super) fn after(&mut self, say: Say) {
        match (say, self.side) {
            (Say::ChangeCipherSpec, _) if self.part.version == V12 => self.install_write12(),
            (Say::ClientKeyExchange, Side::Client) if self.state().master.is_none() => self.exchange12(),
            (Say::ServerHello, Side::Server) if self.part.version == V12 => self.resume12(),
            (Say::ServerHello, Side::Server) => self.install_handshake13(),
            (Say::Finished, Side::Server) if self.part.version == V13 => {
                self.derive_application13();
                self.install_application13(Side::Server);
            }
            (Say::Finished, Side::Client) if self.part.version == V13 => {
                self.install_application13(Side::Client)
            }
            (Say::KeyUpdate, _) => self.update_write13(),
            _ => {}
        }
    }

    /// pre-master secret -> master secret -> key block, from the reply that was made or heard.
    pub(super) fn master12(&mut self, shared: Option<SharedSecret>) {
        let psk = self.part.psk.as_ref().filter(|_| self.suite().key_exchange.has_psk());
        let premaster = match (&self.part.reply, psk, shared) {
            (Some((_, premaster)), None, _) if self.side == Side::Client => {
                PremasterSecret::new(secret(premaster))
            }
            // RFC 4279 section 2: both, each after its length.
            (Some((_, other)), Some(psk), _) if self.side == Side::Client => {
                let mut premaster = Vec::new();
                put_vec16(&mut premaster, other);
                put_vec16(&mut premaster, psk.key().expose());
                PremasterSecret::new(secret(&premaster))
            }
            (_, Some(psk), shared) => {
                PremasterSecret::new(psk_premaster(shared, psk.key().expose()).unwrap())
            }
            (_, None, Some(shared)) => shared.into(),
            _ => return,
        };
        let Some(randoms) = self.state.randoms else { return };
        let master = match self.state.extended_master_secret {
            true => premaster.into_extended_master(self.kdf(), &self.transcript_hash()),
            false => premaster.into_master(self.kdf(), &randoms.client, &randoms.server),
        };
        self.keep_master12(master);
    }

    pub(super) fn keep_master12(&mut self, master: MasterSecret) {
        let Some(randoms) = self.state.randoms else { return };
        let layout = self.suite().key_block_layout();
        self.state.block = Some(master.key_block(layout, &randoms.client, &randoms.server));
        self.state.master = Some(master);
    }

    /// Takes up the session, if it is resumed.
    pub(super) fn resume12(&mut self) {
        if let (true, Some(session)) = (self.state.resumes, self.part.session.clone()) {
            let master = MasterSecret::from_session(self.kdf(), secret(&session.master));
            self.keep_master12(master);
        }
    }

    fn install_write12(&mut self) {
        if let Some(block) = &self.state.block {
            self.sealer = sealer12(self.suite(), block, self.side, self.order());
        }
    }

    pub(super) fn install_read12(&mut self) {
        if let Some(block) = &self.state.block {
            self.opener = opener12(self.suite(), block, self.side.peer(), self.order());
        }
    }

    fn order(&self) -> CbcOrder {
        self.state.cbc_order.unwrap_or(CbcOrder::MacThenEncrypt)
    }

    /// The first stage of the TLS 1.3 schedule.
    pub fn early13(&self) -> EarlySecret {
        match self.part.psk.as_ref().filter(|_| self.state.psk_chosen) {
            Some(psk) => EarlySecret::with_psk(self.kdf(), psk.key().expose()),
            None => EarlySecret::without_psk(self.kdf()),
        }
    }

    /// shared secret -> handshake traffic secrets. The transcript ends with ServerHello.
    pub(super) fn derive_handshake13(&mut self, shared: Option<SharedSecret>) {
        let early = self.early13();
        let handshake = match shared {
            Some(shared) => early.into_handshake(shared),
            None => early.into_handshake_psk_only(),
        };
        self.state.handshake = Some(handshake.traffic(&self.transcript_hash()));
        self.state.main = Some(handshake.into_main());
    }

    pub(super) fn install_handshake13(&mut self) {
        let Some(traffic) = &self.state.handshake else { return };
        let (own, theirs) = of(traffic, self.side);
        let (sealer, opener) = (sealer13(self.suite(), own), opener13(self.suite(), theirs));
        self.sealer = sealer;
        self.opener = opener;
    }

    /// The transcript ends with the server's Finished.
    pub(super) fn derive_application13(&mut self) {
        if let Some(main) = &self.state.main {
            self.state.application = Some(main.application_traffic(&self.transcript_hash()));
        }
    }

    /// The keys that `side` sends under from here on.
    pub(super) fn install_application13(&mut self, side: Side) {
        let Some(traffic) = &self.state.application else { return };
        let secret = traffic.of(side);
        match side == self.side {
            true => self.sealer = sealer13(self.suite(), secret),
            false => self.opener = opener13(self.suite(), secret),
        }
    }

    pub fn update_write13(&mut self) {
        let Some(PerSide { client, server }) = self.state.application.take() else { return };
        let traffic = match self.side {
            Side::Client => PerSide { client: client.into_next(), server },
            Side::Server => PerSide { client, server: server.into_next() },
        };
        self.state.application = Some(traffic);
        self.install_application13(self.side);
    }
}

fn of(traffic: &PerSide<TrafficSecret>, side: Side) -> (&TrafficSecret, &TrafficSecret) {
    (traffic.of(side), traffic.of(side.peer()))
}

fn aead(suite: &Suite) -> premaster::record::AeadAlgorithm {
    match suite.protection {
        Protection::Aead(aead) => aead,
        Protection::Cbc { .. } => panic!("TLS 1.3 has no CBC"),
    }
}

pub fn sealer13(suite: &Suite, secret: &TrafficSecret) -> Sealer {
    let aead = aead(suite);
    secret.with_key_and_iv(aead.key_len(), |key, iv| Sealer::tls13(aead, key, iv)).unwrap()
}

pub fn opener13(suite: &Suite, secret: &TrafficSecret) -> Opener {
    let aead = aead(suite);
    secret.with_key_and_iv(aead.key_len(), |key, iv| Opener::tls13(aead, key, iv)).unwrap()
}

fn sealer12(
    suite: &Suite,
    block: &premaster::schedule::tls12::KeyBlock,
    side: Side,
    order: CbcOrder,
) -> Sealer {
    let keys = block.keys(side);
    match suite.protection {
        Protection::Aead(aead) => Sealer::tls12_aead(aead, keys.key, keys.iv),
        Protection::Cbc { cipher, mac } => Sealer::tls12_cbc(cipher, mac, keys.key, keys.mac_key, order),
    }
    .unwrap()
}

fn opener12(
    suite: &Suite,
    block: &premaster::schedule::tls12::KeyBlock,
    side: Side,
    order: CbcOrder,
) -> Opener {
    let keys = block.keys(side);
    match suite.protection {
        Protection::Aead(aead) => Opener::tls12_aead(aead, keys.key, keys.iv),
        Protection::Cbc { cipher, mac } => Opener::tls12_cbc(cipher, mac, keys.key, keys.mac_key, order),
    }
    .unwrap()
}

impl Puppet {
    /// Sends under the application keys from now on, which a client knows from the server's Finished.
    pub fn install_own_application_keys(&mut self) {
        self.listen();
        self.install_application13(self.side);
    }
}
