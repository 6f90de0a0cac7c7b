//! Demonstrations: handshakes with fixed keys, a clock that stands still and randomness that repeats itself.
use super::{
    fixtures::{NOW, Who, credential, verifier},
    link::{Link, Rehearsed, Standing},
};
use crate::{exit::ExitCode, failure::Failure};
use premaster::{
    ClientConfig, Error, Policy, Secret, ServerConfig,
    config::{
        ClientAuthentication, ClientConfigBuilder, ClientResumption, ConfigError, LegacyOptIn,
        ServerConfigBuilder, ServerSessions,
    },
    identity::{Credential, Credentials, ExternalPsk, PskSource},
    pki_types::UnixTime,
    resume::{MemoryStore, Rotation, SessionCache, TicketKeys},
    wire::{
        CipherSuite as Suite, NamedGroup as Group, ProtocolVersion as Version, SignatureScheme as Scheme,
    },
};
use premaster_trace::{Recorder, Reveal, Trace};
use std::{sync::Arc, time::Duration};

/// A demonstration.
struct Demo {
    name: &'static str,
    title: &'static str,
    play: fn(Stage) -> Result<(), Failure>,
}

/// What a demonstration starts from: who records, and what the randomness of both ends is called.
pub(super) struct Stage {
    recorder: Arc<Recorder>,
    randomness: (&'static str, &'static str),
}

const ALL: &[Demo] = &[
    Demo {
        name: "ecdhe",
        title: "TLS 1.2, ECDHE over X25519, an RSA certificate that signs: the textbook handshake",
        play: ecdhe,
    },
    Demo {
        name: "dhe",
        title: "TLS 1.2, Diffie-Hellman in a finite field with a key made for this handshake",
        play: dhe,
    },
    Demo {
        name: "static-rsa",
        title: "TLS 1.2, the pre-master secret encrypted to the certificate's key: no forward secrecy",
        play: static_rsa,
    },
    Demo {
        name: "static-ecdh",
        title: "TLS 1.2, the certificate's own key agrees: no forward secrecy",
        play: static_ecdh,
    },
    Demo { name: "tls13", title: "TLS 1.3, X25519", play: tls13 },
    Demo {
        name: "hello-retry",
        title: "TLS 1.3, where the server asks for a share in another group",
        play: hello_retry,
    },
    Demo {
        name: "x25519mlkem768",
        title: "TLS 1.3 with a hybrid that a quantum computer does not open",
        play: hybrid,
    },
    Demo { name: "mutual", title: "TLS 1.3 where the client shows a certificate too", play: mutual },
    Demo {
        name: "key-update",
        title: "TLS 1.3 where both sides change their keys in the middle",
        play: key_update,
    },
    Demo {
        name: "static-dh",
        title: "TLS 1.2, the certificate's own Diffie-Hellman key agrees: no forward secrecy",
        play: static_dh,
    },
    Demo {
        name: "psk",
        title: "TLS 1.2 with a key that both sides have had all along, and nothing else: no forward secrecy",
        play: psk,
    },
    Demo {
        name: "resume-id",
        title: "TLS 1.2 resumed by session ID: the server has kept the master secret",
        play: resume_id,
    },
    Demo {
        name: "resume-ticket",
        title: "TLS 1.2 resumed by ticket: the client brings the master secret, locked with the server's ticket key",
        play: resume_ticket,
    },
    Demo {
        name: "resume-psk",
        title: "TLS 1.3 resumed with a pre-shared key and a fresh key exchange",
        play: resume_psk,
    },
    Demo {
        name: "early-data",
        title: "TLS 1.3 with data in the first flight: fast, replayable, and without forward secrecy",
        play: early_data,
    },
    Demo {
        name: "mitm-anonymous",
        title: "an attack: the \"server\" is the attacker, nobody shows who they are, and the client does not notice",
        play: mitm_anonymous,
    },
    Demo {
        name: "mitm",
        title: "an attack: the same attacker puts a key of its own in place of the server's signed one, and is found out",
        play: mitm,
    },
    Demo { name: "expired", title: "a failure: the server's certificate has expired", play: expired },
    Demo { name: "wrong-name", title: "a failure: the certificate is for another name", play: wrong_name },
    Demo {
        name: "unknown-issuer",
        title: "a failure: nobody trusts who issued the certificate",
        play: unknown_issuer,
    },
    Demo { name: "no-shared-suite", title: "a failure: no cipher suite in common", play: no_shared_suite },
    Demo { name: "no-shared-group", title: "a failure: no group in common", play: no_shared_group },
    Demo {
        name: "downgrade",
        title: "an attack: somebody takes TLS 1.3 out of the ClientHello, and is found out",
        play: downgrade,
    },
];

/// The names, each with what it shows.
pub(super) fn list() -> String {
    ALL.iter().fold(String::new(), |out, demo| format!("{out}{:16} {}\n", demo.name, demo.title))
}

/// Plays one.
pub(super) fn run(name: &str, reveal: Reveal) -> Result<Trace, Failure> {
    let demo = ALL.iter().find(|demo| demo.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|demo| demo.name).collect();
        Failure::usage(format!("there is no demonstration {name}"))
            .remedy(format!("one of {}", names.join(", ")))
    })?;
    let recorder = Arc::new(Recorder::new());
    (demo.play)(Stage { recorder: Arc::clone(&recorder), randomness: ("client", "server") })?;
    Ok(recorder.trace(&format!("demonstration {name}: {}", demo.title), reveal))
}

pub(super) fn bug(error: impl std::fmt::Display) -> Failure {
    Failure::new(ExitCode::Bug, "the demonstration does not work").why(error)
}

impl Stage {
    /// An earlier connection, which is not shown.
    fn before() -> Self {
        Self::named("client before", "server before")
    }

    /// Nobody records it; its randomness is called this.
    pub(super) fn named(client: &'static str, server: &'static str) -> Self {
        Self { recorder: Arc::default(), randomness: (client, server) }
    }

    pub(super) fn client(&self, policy: Policy) -> Result<ClientConfigBuilder, Failure> {
        Ok(ClientConfig::builder()
            .policy(policy)
            .verifier(verifier()?)
            .random(Rehearsed::new(self.randomness.0))
            .clock(Arc::new(Standing(NOW)))
            .observer(self.recorder.clone()))
    }

    pub(super) fn server(&self, policy: Policy, credential: Arc<Credential>) -> ServerConfigBuilder {
        ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(credential))
            .random(Rehearsed::new(self.randomness.1))
            .clock(Arc::new(Standing(NOW)))
            .observer(self.recorder.clone())
    }

    pub(super) fn link(
        client: ClientConfigBuilder,
        server: ServerConfigBuilder,
        name: &str,
    ) -> Result<Link, Failure> {
        let wrong = |error: ConfigError| bug(error);
        let (client, server) = (client.build().map_err(wrong)?, server.build().map_err(wrong)?);
        let name = name.to_owned().try_into().map_err(bug)?;
        Link::new(Arc::new(client), Arc::new(server), name).map_err(bug)
    }

    /// A handshake, a word each way, and a clean end.
    fn succeed(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Result<(), Failure> {
        Self::succeed_as(client, server, NAME)
    }

    fn succeed_as(
        client: ClientConfigBuilder,
        server: ServerConfigBuilder,
        name: &str,
    ) -> Result<(), Failure> {
        let mut link = Self::link(client, server, name)?;
        link.run().and_then(|()| link.talk()).and_then(|()| link.close()).map_err(bug)
    }

    /// A handshake that must not come off.
    fn fail(client: ClientConfigBuilder, server: ServerConfigBuilder, name: &str) -> Result<(), Failure> {
        match Self::link(client, server, name)?.run() {
            Ok(()) => Err(bug("the handshake succeeded, and must not")),
            Err(_) => Ok(()),
        }
    }
}

pub(super) const NAME: &str = "demo.example";

pub(super) fn version12(suite: Suite, group: Group) -> Policy {
    Policy::MODERN.with_versions(&[Version::TLS_1_2]).with_cipher_suites(&[suite]).with_groups(&[group])
}

fn version13(groups: &[Group]) -> Policy {
    Policy::MODERN
        .with_versions(&[Version::TLS_1_3])
        .with_cipher_suites(&[Suite::TLS_AES_128_GCM_SHA256])
        .with_groups(groups)
        .with_signature_schemes(&[Scheme::ed25519])
}

/// Of RSA's signatures in TLS 1.2 the old ones are the same for the same content: a demonstration needs that.
pub(super) fn rsa() -> Result<Arc<Credential>, Failure> {
    let credential = Arc::into_inner(credential(Who::Rsa)?).ok_or_else(|| bug("the credential is shared"))?;
    credential.with_schemes(&[Scheme::rsa_pkcs1_sha256]).map(Arc::new).map_err(bug)
}

fn ecdhe(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, Group::x25519);
    Stage::succeed(stage.client(policy.clone())?, stage.server(policy, rsa()?))
}

fn dhe(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, Group::ffdhe2048);
    Stage::succeed(stage.client(policy.clone())?, stage.server(policy, rsa()?))
}

/// What RFC 10015 deprecates, for the lesson.
fn fenced(stage: &Stage, suite: Suite, who: Who) -> Result<(), Failure> {
    let policy = version12(suite, Group::secp256r1);
    let opt_in = || LegacyOptIn::for_every_peer("a demonstration of why nobody should");
    let credential = if matches!(who, Who::Rsa) { rsa()? } else { credential(who)? };
    let client = stage.client(policy.clone())?.allow_legacy(opt_in());
    Stage::succeed(client, stage.server(policy, credential).allow_legacy(opt_in()))
}

fn static_rsa(stage: Stage) -> Result<(), Failure> {
    fenced(&stage, Suite::TLS_RSA_WITH_AES_128_GCM_SHA256, Who::Rsa)
}

fn static_ecdh(stage: Stage) -> Result<(), Failure> {
    fenced(&stage, Suite::TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256, Who::P256)
}

fn tls13(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::x25519]);
    Stage::succeed(stage.client(policy.clone())?, stage.server(policy, credential(Who::Ed25519)?))
}

fn hello_retry(stage: Stage) -> Result<(), Failure> {
    let client = version13(&[Group::x25519, Group::secp256r1]);
    let server = version13(&[Group::secp256r1]);
    Stage::succeed(stage.client(client)?, stage.server(server, credential(Who::Ed25519)?))
}

fn hybrid(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::X25519MLKEM768]);
    Stage::succeed(stage.client(policy.clone())?, stage.server(policy, credential(Who::Ed25519)?))
}

fn mutual(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::x25519]);
    let client = stage.client(policy.clone())?.credentials(Credentials::always(credential(Who::Client)?));
    let server = stage.server(policy, credential(Who::Ed25519)?);
    let server = server.client_authentication(ClientAuthentication::Required(verifier()?.into()));
    Stage::succeed(client, server)
}

fn key_update(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::x25519]);
    let server = stage.server(policy.clone(), credential(Who::Ed25519)?);
    let mut link = Stage::link(stage.client(policy)?, server, NAME)?;
    let mut play = || -> Result<(), Error> {
        link.run()?;
        link.talk()?;
        link.client.connection.update_keys(true, &mut link.client.output)?;
        link.talk()?;
        link.close()
    };
    play().map_err(bug)
}

fn expired(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::x25519]);
    Stage::fail(stage.client(policy.clone())?, stage.server(policy, credential(Who::Expired)?), NAME)
}

fn wrong_name(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::x25519]);
    Stage::fail(
        stage.client(policy.clone())?,
        stage.server(policy, credential(Who::Ed25519)?),
        "other.example",
    )
}

fn unknown_issuer(stage: Stage) -> Result<(), Failure> {
    let policy = version13(&[Group::x25519]);
    Stage::fail(stage.client(policy.clone())?, stage.server(policy, credential(Who::UnknownIssuer)?), NAME)
}

fn no_shared_suite(stage: Stage) -> Result<(), Failure> {
    let client = version13(&[Group::x25519]);
    let server = version13(&[Group::x25519]).with_cipher_suites(&[Suite::TLS_CHACHA20_POLY1305_SHA256]);
    Stage::fail(stage.client(client)?, stage.server(server, credential(Who::Ed25519)?), NAME)
}

fn no_shared_group(stage: Stage) -> Result<(), Failure> {
    let (client, server) = (version13(&[Group::x25519]), version13(&[Group::secp384r1]));
    Stage::fail(stage.client(client)?, stage.server(server, credential(Who::Ed25519)?), NAME)
}

/// The attacker changes the ClientHello on its way, so that supported_versions names nothing that the server knows
/// and the server falls back to TLS 1.2; but its random then ends in DOWNGRD, and the client knows better.
fn downgrade(stage: Stage) -> Result<(), Failure> {
    let policy = Policy::MODERN
        .with_groups(&[Group::x25519])
        .with_cipher_suites(&[Suite::TLS_AES_128_GCM_SHA256, Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
    let server = stage.server(policy.clone(), rsa()?);
    let mut link = Stage::link(stage.client(policy)?, server, NAME)?;
    match link.run_with(hide_supported_versions, |_| ()) {
        Ok(()) => Err(bug("the handshake succeeded, and must not")),
        Err(_) => Ok(()),
    }
}

/// Renames supported_versions to an extension that nobody knows.
#[allow(clippy::ptr_arg, reason = "the link hands out the buffer that is on its way")]
fn hide_supported_versions(hello: &mut Vec<u8>) {
    const EXTENSION: [u8; 7] = [0x00, 0x2b, 0x00, 0x05, 0x04, 0x03, 0x04];
    if let Some(at) = hello.windows(EXTENSION.len()).position(|window| window == EXTENSION)
        && let Some(code) = hello.get_mut(at..at + 2)
    {
        code.copy_from_slice(&[0xfe, 0xed]);
    }
}

fn static_dh(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_DH_RSA_WITH_AES_128_GCM_SHA256, Group::ffdhe2048);
    let opt_in = || LegacyOptIn::for_every_peer("a demonstration of why nobody should");
    let client = stage.client(policy.clone())?.allow_legacy(opt_in());
    let server = stage.server(policy, credential(Who::StaticDh)?).allow_legacy(opt_in());
    Stage::succeed_as(client, server, "localhost")
}

fn psk(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_PSK_WITH_AES_128_GCM_SHA256, Group::x25519);
    let key =
        Arc::new(ExternalPsk::new("sensor 7", Secret::from(&b"both sides have had this for years"[..])));
    let client = stage.client(policy.clone())?.external_psks([Arc::clone(&key)]);
    let server = stage.server(policy, rsa()?).external_psks(PskSource::These(Arc::new([key])));
    Stage::succeed(client, server)
}

/// What both ends keep between two connections.
struct Memory {
    sessions: Arc<SessionCache>,
    server: ServerSessions,
}

impl Memory {
    fn new(server: ServerSessions) -> Self {
        Self { sessions: Arc::new(SessionCache::new(4, 4)), server: server.tickets_per_handshake(1) }
    }

    /// Two connections, of which the second is shown. `second` plays it.
    fn play(
        &self,
        stage: &Stage,
        policy: &Policy,
        credential: &Arc<Credential>,
        early: bool,
        second: fn(&mut Link) -> Result<(), Error>,
    ) -> Result<(), Failure> {
        let before = Stage::before();
        for (stage, play) in
            [(&before, talk_and_close as fn(&mut Link) -> Result<(), Error>), (stage, second)]
        {
            let resumption = ClientResumption::with(self.sessions.clone()).early_data(early);
            let client = stage.client(policy.clone())?.resumption(resumption);
            let server = stage.server(policy.clone(), Arc::clone(credential)).sessions(self.server.clone());
            play(&mut Stage::link(client, server, NAME)?).map_err(bug)?;
        }
        Ok(())
    }
}

fn talk_and_close(link: &mut Link) -> Result<(), Error> {
    link.run()?;
    link.talk()?;
    link.close()
}

fn ticket_keys() -> Arc<TicketKeys> {
    let rotation = Rotation::new(Duration::from_secs(3600), Duration::from_secs(24 * 3600));
    Arc::new(TicketKeys::rotating(rotation))
}

fn store() -> Arc<MemoryStore> {
    // Made well before the connections: it has to have seen whatever it vouches for.
    Arc::new(MemoryStore::new(16, 1 << 16, UnixTime::since_unix_epoch(Duration::from_secs(NOW - 3600))))
}

fn resume_id(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, Group::x25519);
    let memory = Memory::new(ServerSessions::none().with_store(store()));
    memory.play(&stage, &policy, &rsa()?, false, talk_and_close)
}

fn resume_ticket(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, Group::x25519);
    let memory = Memory::new(ServerSessions::none().with_tickets(ticket_keys()));
    memory.play(&stage, &policy, &rsa()?, false, talk_and_close)
}

fn resume_psk(stage: Stage) -> Result<(), Failure> {
    let memory = Memory::new(ServerSessions::none().with_tickets(ticket_keys()));
    memory.play(&stage, &version13(&[Group::x25519]), &credential(Who::Ed25519)?, false, talk_and_close)
}

fn early_data(stage: Stage) -> Result<(), Failure> {
    let sessions = ServerSessions::none().with_tickets(ticket_keys()).with_store(store()).early_data(1024);
    let memory = Memory::new(sessions);
    memory.play(&stage, &version13(&[Group::x25519]), &credential(Who::Ed25519)?, true, |link| {
        link.client.connection.send_early(b"What time is it?", &mut link.client.output)?;
        talk_and_close(link)
    })
}

/// Two connections, one to each victim; the attacker carries what they say from one to the other, and reads it.
fn mitm_anonymous(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_DH_anon_WITH_AES_128_GCM_SHA256, Group::ffdhe2048);
    let opt_in = || LegacyOptIn::for_every_peer("a demonstration of why nobody should");
    let behind = Stage::before();
    let link = |stage: &Stage| -> Result<Link, Failure> {
        let client = stage.client(policy.clone())?.allow_legacy(opt_in());
        Stage::link(client, stage.server(policy.clone(), rsa()?).allow_legacy(opt_in()), NAME)
    };
    let (mut front, mut back) = (link(&stage)?, link(&behind)?);
    let mut play = || -> Result<(), Error> {
        front.run()?;
        back.run()?;
        front.client.connection.send(b"The password is swordfish.", &mut front.client.output)?;
        front.run()?;
        let overheard = std::mem::take(&mut front.server.received);
        back.client.connection.send(&overheard, &mut back.client.output)?;
        back.run()?;
        back.server.connection.send(b"Welcome.", &mut back.server.output)?;
        back.run()?;
        let overheard = std::mem::take(&mut back.client.received);
        front.server.connection.send(&overheard, &mut front.server.output)?;
        front.run()?;
        front.close()
    };
    play().map_err(bug)
}

/// ServerKeyExchange carries the server's ephemeral key and a signature over it. The attacker can change the key,
/// but cannot sign.
fn mitm(stage: Stage) -> Result<(), Failure> {
    let policy = version12(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, Group::x25519);
    let mut link = Stage::link(stage.client(policy.clone())?, stage.server(policy, rsa()?), NAME)?;
    match link.run_with(|_| (), put_own_key) {
        Ok(()) => Err(bug("the handshake succeeded, and must not")),
        Err(_) => Ok(()),
    }
}

/// Puts a public key of the attacker's in place of the server's.
#[allow(clippy::ptr_arg, reason = "the link hands out the buffer that is on its way")]
fn put_own_key(flight: &mut Vec<u8>) {
    // named_curve, x25519, and a key of 32 bytes.
    const PARAMETERS: [u8; 4] = [3, 0, 0x1d, 32];
    // The base point: the public half of the number one.
    let mut own = [0; 32];
    own[0] = 9;
    if let Some(at) = flight.windows(PARAMETERS.len()).position(|window| window == PARAMETERS)
        && let Some(key) = flight.get_mut(at + 4..at + 36)
    {
        key.copy_from_slice(&own);
    }
}
