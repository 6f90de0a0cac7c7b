//! What the examination of every case has in common: certificates, keys, and this process's end of a connection.
use crate::{
    Failure,
    case::{Case, Certificate, Opening},
    child::TICKET_KEY_LIFE,
    ledger::{Kind, Ledger},
    process::Examined,
    scenario::{Examination, Outcome},
    software::{self, Files, PSK_IDENTITY, Software},
};
use premaster::{
    ClientConfig, Secret, ServerConfig,
    config::{ClientResumption, LegacyOptIn, ServerSessions},
    crypto::random::{Random, SystemRandom},
    identity::{ChainVerifier, Credential, Credentials, ExternalPsk, PskSource, Roots},
    resume::{Rotation, SessionCache, TicketKeys},
    wire::Side,
};
use premaster_interop::{Authority, Issued, Key};
use std::{fs, net::TcpListener, path::Path, sync::Arc};

/// A static Diffie-Hellman certificate, which this project's authority does not issue.
const DH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/premaster/testdata/static");

/// The authorities, the certificates, and the pre-shared key.
pub struct Laboratory {
    authority: Authority,
    issued: [(Key, Issued); 4],
    psk: [u8; 32],
}

/// How to start the examined process.
pub struct Start<'a> {
    /// The program of this package.
    pub program: &'a Path,
    /// Whether it deliberately keeps what it should not.
    pub keep: bool,
}

/// This process's configuration, for one side.
pub type Configs = (Option<Arc<ClientConfig>>, Option<Arc<ServerConfig>>);

/// A key that both sides have had all along.
pub fn external_psk(key: &[u8]) -> Arc<ExternalPsk> {
    Arc::new(ExternalPsk::new(PSK_IDENTITY, Secret::from(key)))
}

/// Nothing is refused for its age here.
pub fn opt_in() -> LegacyOptIn {
    LegacyOptIn::for_every_peer("an examination of every exchange")
}

impl Laboratory {
    /// With fresh keys.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new() -> Result<Self, Failure> {
        let authority = Authority::new();
        let issued = [Key::Rsa2048, Key::P256, Key::P384, Key::P521].map(|key| (key, authority.issue(key)));
        let mut psk = [0; 32];
        SystemRandom.fill(&mut psk).map_err(|_| "no randomness")?;
        Ok(Self { authority, issued, psk })
    }

    fn issued(&self, key: Key) -> Result<&Issued, Failure> {
        let found = self.issued.iter().find(|(of, _)| *of == key);
        Ok(found.map(|(_, issued)| issued).ok_or("no such certificate")?)
    }

    /// Examines one case.
    ///
    /// # Errors
    /// If it cannot be examined; what is found is no error.
    pub fn examine(&self, case: Case, start: &Start<'_>) -> Result<Outcome, Failure> {
        let ledger = Arc::new(Ledger::default());
        if case.exchange.has_psk() {
            // It comes first, so that what contains it is not taken for it.
            ledger.add("external PSK", Kind::External, self.psk.to_vec());
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let program = case.software.program(start.program)?;
        let port = listener.local_addr()?.port();
        let mut command = software::command(&case, &program, &self.files(&case)?, port, start.keep);
        let child = Examined::start(&mut command)?;
        let port = match (case.software, case.side) {
            (Software::OpenSsl, Side::Server) => {
                child.wait_for("ACCEPT")?.rsplit(':').next().unwrap_or_default().parse()?
            }
            (Software::OpenSsl, Side::Client) => 0,
            _ => child.wait_for("port ")?.parse()?,
        };
        let configs = self.configure(&case, case.tickets, &ledger)?;
        let strangers = self.configure(&case, false, &ledger)?;
        Examination::new(case, child, ledger, (listener, port), [configs, strangers]).run()
    }

    fn files(&self, case: &Case) -> Result<Files, Failure> {
        let files = |ca: &Path, certificate: &Path, key: &Path| {
            let [ca, certificate, key] = [ca, certificate, key].map(|path| path.display().to_string());
            Files { ca, certificate, key, psk: self.psk.to_vec() }
        };
        Ok(match case.exchange.certificate() {
            Certificate::Dh => {
                let [ca, certificate, key] =
                    ["authority.pem", "dh.pem", "dh.key.pem"].map(|name| Path::new(DH).join(name));
                files(&ca, &certificate, &key)
            }
            Certificate::Issued(key) => {
                let issued = self.issued(key)?;
                files(&self.authority.file(), &issued.certificate_file, &issued.key_file)
            }
        })
    }

    /// The other side of a case.
    fn configure(&self, case: &Case, tickets: bool, ledger: &Arc<Ledger>) -> Result<Configs, Failure> {
        let policy = case.exchange.policy(case.side.peer(), false);
        let psks = case.exchange.has_psk().then(|| external_psk(&self.psk));
        let files = self.files(case)?;
        if case.side == Side::Server {
            let cache = Arc::new(SessionCache::new(10, 10));
            let resumption = if tickets { ClientResumption::with(cache) } else { ClientResumption::none() };
            let mut roots = Roots::new();
            roots.add_pem(&fs::read(files.ca)?)?;
            let builder = ClientConfig::builder()
                .policy(policy)
                .verifier(ChainVerifier::new(roots))
                .allow_legacy(opt_in())
                .external_psks(psks)
                .allow_psk_ke(case.exchange.opening == Opening::PskKe)
                .resumption(resumption)
                .observer(ledger.clone());
            return Ok((Some(Arc::new(builder.build()?)), None));
        }
        let keys = Arc::new(TicketKeys::rotating(Rotation::new(TICKET_KEY_LIFE, TICKET_KEY_LIFE)));
        let sessions = match tickets {
            true => ServerSessions::none().with_tickets(keys),
            false => ServerSessions::none(),
        };
        let credential = Credential::from_pem(&fs::read(files.certificate)?, &fs::read(files.key)?)?;
        let builder = ServerConfig::builder()
            .policy(policy)
            .credentials(Credentials::always(Arc::new(credential)))
            .allow_legacy(opt_in())
            .external_psks(psks.map_or(PskSource::None, |key| PskSource::These(Arc::new([key]))))
            .allow_psk_ke(case.exchange.opening == Opening::PskKe)
            .sessions(sessions)
            .observer(ledger.clone());
        Ok((None, Some(Arc::new(builder.build()?))))
    }
}
