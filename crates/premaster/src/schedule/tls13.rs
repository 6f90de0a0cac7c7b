//! The TLS 1.3 key schedule (RFC 9846 section 7.1): one type for each row of its diagram.
//!
//! ```text
//!             0
//!             │
//!   PSK ──► EarlySecret ──────┬──► binder_key, client_early_traffic_secret, early_exporter_secret
//!             │ "derived"
//! (EC)DHE ──► HandshakeSecret ┬──► client_handshake_traffic_secret, server_handshake_traffic_secret
//!             │ "derived"
//!     0 ──► MainSecret ───────┴──► client_application_traffic_secret_0, server_application_traffic_secret_0,
//!                                  exporter_secret, resumption_secret
//! ```
//! A stage is spent to reach the next, so nothing can be derived from the wrong one:
//!
//! ```compile_fail,E0599
//! # use premaster::{crypto::hash::{Digest, HashAlgorithm}, schedule::{Kdf, tls13::EarlySecret}};
//! fn too_early(early: EarlySecret, transcript: &Digest) {
//!     early.application_traffic(transcript);
//! }
//! ```
//! ```compile_fail,E0382
//! # use premaster::{exchange::SharedSecret, schedule::tls13::EarlySecret};
//! fn twice(early: EarlySecret, one: SharedSecret, other: SharedSecret) {
//!     let handshake = early.into_handshake(one);
//!     let again = early.into_handshake(other);
//! }
//! ```
use super::{
    Kdf,
    kdf::{Block, DefaultBlock as _, Life, expand_label, extract},
};
use crate::{
    Secret,
    crypto::{
        hash::{Digest, HmacKey, digest, hmac_unwiped},
        wipe,
    },
    exchange::SharedSecret,
    observe::Input,
    wire::PerSide,
};

/// Keyed by the PSK, or by nothing.
#[derive(Debug)]
pub struct EarlySecret(Stage);

/// Keyed by the key exchange as well.
#[derive(Debug)]
pub struct HandshakeSecret(Stage);

/// Keyed by everything.
#[derive(Debug)]
pub struct MainSecret(Stage);

/// Protects one direction for one epoch.
#[derive(Debug)]
pub struct TrafficSecret(Stage);

/// Keying material for the application comes from it (RFC 9846 section 7.5).
#[derive(Debug)]
pub struct ExporterSecret(Stage);

/// PSKs for later connections come from it.
#[derive(Debug)]
pub struct ResumptionSecret(Stage);

/// Shows that a PSK's owner sent the ClientHello (RFC 9846 section 4.2.11.2).
#[derive(Debug)]
pub struct BinderKey(Stage);

/// Where a PSK comes from; each has a binder label of its own, so that one never passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PskSource {
    /// Provisioned outside TLS.
    External,
    /// From a NewSessionTicket.
    Resumption,
    /// Provisioned outside TLS and imported (RFC 9258).
    Imported,
}

impl EarlySecret {
    /// When no PSK is used.
    pub fn without_psk(kdf: Kdf) -> Self {
        let zeros = [0; 64];
        let len = kdf.output_len();
        Self(Stage::extract(kdf, "early_secret", &[], &zeros[..len], &[Input::Public("0", &zeros[..len])]))
    }

    /// When `psk` is used.
    pub fn with_psk(kdf: Kdf, psk: &[u8]) -> Self {
        Self(Stage::extract(kdf, "early_secret", &[], psk, &[Input::Secret("PSK")]))
    }

    /// What the binder is made with.
    pub fn binder_key(&self, source: PskSource) -> BinderKey {
        let empty = digest(self.0.kdf().hash(), &[]);
        let (label, how) = match source {
            PskSource::External => ("ext binder", "Derive-Secret \"ext binder\""),
            PskSource::Resumption => ("res binder", "Derive-Secret \"res binder\""),
            PskSource::Imported => ("imp binder", "Derive-Secret \"imp binder\""),
        };
        BinderKey(self.0.derive("binder_key", label, how, "Hash(\"\")", &empty))
    }

    /// Protects early data. `hello` is the transcript through ClientHello.
    pub fn early_traffic(&self, hello: &Digest) -> TrafficSecret {
        let how = "Derive-Secret \"c e traffic\"";
        TrafficSecret(self.0.derive("client_early_traffic_secret", "c e traffic", how, CLIENT_HELLO, hello))
    }

    /// Exports keying material before the handshake is done. `hello` is the transcript through ClientHello.
    pub fn early_exporter(&self, hello: &Digest) -> ExporterSecret {
        let how = "Derive-Secret \"e exp master\"";
        ExporterSecret(self.0.derive("early_exporter_secret", "e exp master", how, CLIENT_HELLO, hello))
    }

    /// Mixes in the key exchange.
    pub fn into_handshake(self, shared: SharedSecret) -> HandshakeSecret {
        self.0.kdf().derived("shared_secret", "key exchange", &[], shared.input_keying_material());
        let inputs = [Input::Secret("derived_secret"), Input::Secret("shared_secret")];
        let _life = self.0.kdf().life("shared_secret");
        // Dropped, and so erased, before the listener hears of it.
        let shared = shared;
        HandshakeSecret(self.0.next("handshake_secret", shared.input_keying_material(), &inputs))
    }

    /// Goes on without a key exchange: psk_ke, which gives up forward secrecy.
    pub fn into_handshake_psk_only(self) -> HandshakeSecret {
        let zeros = [0; 64];
        let zeros = &zeros[..self.0.kdf().output_len()];
        let inputs = [Input::Secret("derived_secret"), Input::Public("0", zeros)];
        HandshakeSecret(self.0.next("handshake_secret", zeros, &inputs))
    }
}

const CLIENT_HELLO: &str = "Hash(ClientHello)";
const SERVER_HELLO: &str = "Hash(ClientHello...ServerHello)";
const SERVER_FINISHED: &str = "Hash(ClientHello...server Finished)";
const CLIENT_FINISHED: &str = "Hash(ClientHello...client Finished)";

impl HandshakeSecret {
    /// `hello` is the transcript through ServerHello.
    pub fn traffic(&self, hello: &Digest) -> PerSide<TrafficSecret> {
        let derive = |name, label, how| TrafficSecret(self.0.derive(name, label, how, SERVER_HELLO, hello));
        PerSide {
            client: derive(
                "client_handshake_traffic_secret",
                "c hs traffic",
                "Derive-Secret \"c hs traffic\"",
            ),
            server: derive(
                "server_handshake_traffic_secret",
                "s hs traffic",
                "Derive-Secret \"s hs traffic\"",
            ),
        }
    }

    /// Nothing more to mix in.
    pub fn into_main(self) -> MainSecret {
        let zeros = [0; 64];
        let zeros = &zeros[..self.0.kdf().output_len()];
        let inputs = [Input::Secret("derived_secret"), Input::Public("0", zeros)];
        MainSecret(self.0.next("main_secret", zeros, &inputs))
    }
}

impl MainSecret {
    /// `finished` is the transcript through the server's Finished.
    pub fn application_traffic(&self, finished: &Digest) -> PerSide<TrafficSecret> {
        let derive =
            |name, label, how| TrafficSecret(self.0.derive(name, label, how, SERVER_FINISHED, finished));
        PerSide {
            client: derive(
                "client_application_traffic_secret_0",
                "c ap traffic",
                "Derive-Secret \"c ap traffic\"",
            ),
            server: derive(
                "server_application_traffic_secret_0",
                "s ap traffic",
                "Derive-Secret \"s ap traffic\"",
            ),
        }
    }

    /// `finished` is the transcript through the server's Finished.
    pub fn exporter(&self, finished: &Digest) -> ExporterSecret {
        let how = "Derive-Secret \"exp master\"";
        ExporterSecret(self.0.derive("exporter_secret", "exp master", how, SERVER_FINISHED, finished))
    }

    /// `finished` is the transcript through the client's Finished. The last thing that comes from this stage.
    pub fn into_resumption(self, finished: &Digest) -> ResumptionSecret {
        let how = "Derive-Secret \"res master\"";
        ResumptionSecret(self.0.into_derived(
            "resumption_secret",
            "res master",
            how,
            CLIENT_FINISHED,
            finished,
        ))
    }
}

impl TrafficSecret {
    /// One that somebody wrote down, such as the other end's key log (RFC 9850). `name` is its name in the
    /// RFC, `how` where it is from, for the listener.
    pub fn recorded(kdf: Kdf, name: &'static str, how: &'static str, secret: &[u8]) -> Self {
        kdf.derived(name, how, &[], secret);
        let keyed = HmacKey::new(kdf.hash(), secret);
        Self(Stage::new(kdf, name, keyed))
    }

    /// Lends the record key of `key_len` bytes and the IV of twelve to `install` (RFC 9846 section 7.3).
    pub fn with_key_and_iv<T>(&self, key_len: usize, install: impl FnOnce(&[u8], &[u8]) -> T) -> T {
        let mut key = Block::default_block();
        let mut iv = Block::default_block();
        wipe::after_deriving(|| {
            self.0.expand("key", "key", "HKDF-Expand-Label \"key\"", &mut key[..key_len]);
            self.0.expand("iv", "iv", "HKDF-Expand-Label \"iv\"", &mut iv[..12]);
        });
        install(&key[..key_len], &iv[..12])
    }

    /// `verify_data` of the Finished that follows `transcript` (RFC 9846 section 4.4.4).
    pub fn verify_data(&self, transcript: &Digest) -> Digest {
        self.0.verify_data(transcript)
    }

    /// Whether `verify_data` is that of the Finished that follows `transcript`, in constant time.
    pub fn verify(&self, transcript: &Digest, verify_data: &[u8]) -> bool {
        self.0.verify_data(transcript).verify(verify_data)
    }

    /// The secret after a KeyUpdate (RFC 9846 section 7.2).
    pub fn into_next(self) -> Self {
        let mut stage = self.0;
        wipe::after_deriving(|| {
            let mut next = Block::default_block();
            let next = &mut next[..stage.kdf().output_len()];
            let how = "HKDF-Expand-Label \"traffic upd\"";
            stage.expand("application_traffic_secret_N+1", "traffic upd", how, next);
            stage.keyed.replace_unwiped(next);
        });
        let name = "application_traffic_secret_N";
        Self(stage.renamed(name))
    }
}

impl BinderKey {
    /// The binder over the ClientHello up to the binders.
    pub fn binder(&self, transcript: &Digest) -> Digest {
        self.0.verify_data(transcript)
    }

    /// Whether `binder` is right, in constant time.
    pub fn verify(&self, transcript: &Digest, binder: &[u8]) -> bool {
        self.0.verify_data(transcript).verify(binder)
    }
}

impl ExporterSecret {
    /// The hash's length, in bytes.
    pub fn output_len(&self) -> usize {
        self.0.kdf().output_len()
    }

    /// Keying material for the application (RFC 9846 section 7.5). At most 255 hash outputs.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) {
        let hash = self.0.kdf().hash();
        let (empty, context) = (digest(hash, &[]), digest(hash, &[context]));
        wipe::after_deriving(|| {
            let mut secret = Block::default_block();
            let secret = &mut secret[..hash.output_len()];
            expand_label(&self.0.keyed, label, empty.as_ref(), secret);
            expand_label(&HmacKey::new_unwiped(hash, secret), "exporter", context.as_ref(), out);
        });
    }
}

impl ResumptionSecret {
    /// The PSK that goes with the ticket of this nonce (RFC 9846 section 4.6.1).
    pub fn psk(&self, ticket_nonce: &[u8]) -> Secret {
        let kdf = self.0.kdf();
        let psk = Secret::fill(kdf.output_len(), |out| {
            wipe::after_deriving(|| expand_label(&self.0.keyed, "resumption", ticket_nonce, out));
        });
        let inputs = [Input::Secret(self.0.life.secret), Input::Public("ticket_nonce", ticket_nonce)];
        kdf.derived("PSK", "HKDF-Expand-Label \"resumption\"", &inputs, psk.expose());
        psk
    }
}

/// A secret, keyed so that each expansion costs two compressions, and the KDF that made it. The bytes
/// themselves are gone once an observer has seen them.
#[derive(Debug)]
struct Stage {
    keyed: HmacKey,
    /// Its name, and the KDF.
    life: Life,
}

impl Stage {
    fn new(kdf: Kdf, name: &'static str, keyed: HmacKey) -> Self {
        Self { keyed, life: Life::new(kdf, name) }
    }

    const fn kdf(&self) -> &Kdf {
        &self.life.kdf
    }

    /// What stands here now has this name; what stood here is gone.
    fn renamed(mut self, name: &'static str) -> Self {
        self.life = self.kdf().life(name);
        self
    }

    fn extract(kdf: Kdf, name: &'static str, salt: &[u8], input: &[u8], inputs: &[Input<'_>]) -> Self {
        let keyed = wipe::after_deriving(|| {
            let secret = extract(kdf.hash(), salt, input);
            let secret = &secret[..kdf.output_len()];
            kdf.derived(name, "HKDF-Extract", inputs, secret);
            HmacKey::new_unwiped(kdf.hash(), secret)
        });
        Self::new(kdf, name, keyed)
    }

    /// The next row of the diagram: down the "derived" arrow, then in with `input`.
    fn next(mut self, name: &'static str, input: &[u8], inputs: &[Input<'_>]) -> Self {
        let empty = digest(self.kdf().hash(), &[]);
        let _life = self.kdf().life("derived_secret");
        wipe::after_deriving(|| {
            let mut salt = Block::default_block();
            let salt = &mut salt[..self.kdf().output_len()];
            expand_label(&self.keyed, "derived", empty.as_ref(), salt);
            let from = [Input::Secret(self.life.secret), Input::Public("Hash(\"\")", empty.as_ref())];
            self.kdf().derived("derived_secret", "Derive-Secret \"derived\"", &from, salt);
            let secret = extract(self.kdf().hash(), salt, input);
            let secret = &secret[..self.kdf().output_len()];
            self.kdf().derived(name, "HKDF-Extract", inputs, secret);
            // Where the stage that is spent was.
            self.keyed.replace_unwiped(secret);
        });
        self.renamed(name)
    }

    fn derive(
        &self,
        name: &'static str,
        label: &str,
        how: &'static str,
        hashed: &'static str,
        transcript: &Digest,
    ) -> Self {
        let keyed = wipe::after_deriving(|| {
            let secret = self.derive_secret(name, label, how, (hashed, transcript));
            HmacKey::new_unwiped(self.kdf().hash(), &secret[..self.kdf().output_len()])
        });
        Self::new(self.kdf().clone(), name, keyed)
    }

    /// The last that is derived from a stage takes its place.
    fn into_derived(
        mut self,
        name: &'static str,
        label: &str,
        how: &'static str,
        hashed: &'static str,
        transcript: &Digest,
    ) -> Self {
        wipe::after_deriving(|| {
            let secret = self.derive_secret(name, label, how, (hashed, transcript));
            self.keyed.replace_unwiped(&secret[..self.kdf().output_len()]);
        });
        self.renamed(name)
    }

    /// Derive-Secret (RFC 9846 section 7.1), of a transcript and what is hashed in it.
    fn derive_secret(
        &self,
        name: &'static str,
        label: &str,
        how: &'static str,
        (hashed, transcript): (&'static str, &Digest),
    ) -> Block {
        let mut secret = Block::default_block();
        let out = &mut secret[..self.kdf().output_len()];
        expand_label(&self.keyed, label, transcript.as_ref(), out);
        let inputs = [Input::Secret(self.life.secret), Input::Public(hashed, transcript.as_ref())];
        self.kdf().derived(name, how, &inputs, out);
        secret
    }

    fn expand(&self, name: &'static str, label: &str, how: &'static str, out: &mut [u8]) {
        expand_label(&self.keyed, label, &[], out);
        self.kdf().derived(name, how, &[Input::Secret(self.life.secret)], out);
    }

    fn verify_data(&self, transcript: &Digest) -> Digest {
        let _life = self.kdf().life("finished_key");
        let len = self.kdf().output_len();
        Digest::fill(len, |out| {
            wipe::after_deriving(|| {
                let mut key = Block::default_block();
                let key = &mut key[..len];
                self.expand("finished_key", "finished", "HKDF-Expand-Label \"finished\"", key);
                hmac_unwiped(self.kdf().hash(), key, &[transcript.as_ref()], out);
            });
        })
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, secret};
    use crate::{crypto::hash::HashAlgorithm, observe::Tap};

    #[test]
    fn the_schedule_does_not_branch_on_secrets() {
        constant_time(|| {
            let psk = secret([6; 32]);
            let early = EarlySecret::with_psk(Kdf::new(HashAlgorithm::Sha256, Tap::OFF), &psk);
            let transcript = Digest::fill(32, |out| out.fill(4));
            // A binder that is wrong, and a Finished.
            assert!(!early.binder_key(PskSource::Resumption).verify(&transcript, &[1; 32]));
            let shared = SharedSecret::whole(Secret::from(&[5; 32][..]));
            secret(shared.input_keying_material());
            let handshake = early.into_handshake(shared);
            let traffic = handshake.traffic(&transcript);
            assert!(!traffic.client.verify(&transcript, &[1; 32]));
            let main = handshake.into_main();
            let application = main.application_traffic(&transcript);
            application.server.with_key_and_iv(16, |key, iv| assert_eq!((key.len(), iv.len()), (16, 12)));
            let next = application.client.into_next();
            next.with_key_and_iv(32, |key, _| assert_eq!(key.len(), 32));
            assert_eq!(main.into_resumption(&transcript).psk(&[0]).len(), 32);
        });
    }
}
