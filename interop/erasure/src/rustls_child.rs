//! The same process with rustls in it.
use crate::{Failure, case::Case, software::Files};
use premaster::wire::{ProtocolVersion, Side};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, RootCertStore, ServerConfig, ServerConnection,
    SideData, StreamOwned,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Runs until standard input ends: see [`child::run`](crate::child::run).
///
/// # Errors
/// Whatever keeps it from starting.
pub fn run(case: Case, files: &Files) -> Result<(), Failure> {
    let provider = Arc::new(provider(&case));
    let version = if case.exchange.version() == ProtocolVersion::TLS_1_3 { &TLS13 } else { &TLS12 };
    let (mut client, mut server) = (None, None);
    match case.side {
        Side::Client => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(&files.ca)?)?;
            let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version])?;
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            if !case.tickets {
                config.resumption = rustls::client::Resumption::disabled();
            }
            client = Some(Arc::new(config));
        }
        Side::Server => {
            let chain = vec![CertificateDer::from_pem_file(&files.certificate)?];
            let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version])?;
            let mut config = builder
                .with_no_client_auth()
                .with_single_cert(chain, PrivateKeyDer::from_pem_file(&files.key)?)?;
            config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
            match case.tickets {
                true => config.ticketer = aws_lc_rs::Ticketer::new()?,
                false => config.send_tls13_tickets = 0,
            }
            server = Some(Arc::new(config));
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("port {}", listener.local_addr()?.port());
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        let ended = match (line.trim().split_once(' '), &client, &server) {
            (Some((_, port)), Some(config), _) => {
                let socket = TcpStream::connect(("127.0.0.1", port.parse()?))?;
                echo(ClientConnection::new(config.clone(), ServerName::try_from("localhost")?)?, socket)
            }
            (_, _, Some(config)) => echo(ServerConnection::new(config.clone())?, listener.accept()?.0),
            _ => Err("no configuration".into()),
        };
        println!("{}", if ended.is_ok() { "done" } else { "failed" });
        line.clear();
    }
    Ok(())
}

/// rustls's own, with one suite and one group.
fn provider(case: &Case) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| u16::from(suite.suite()) == case.exchange.suite.code.0);
    let certified = case.exchange.version() == ProtocolVersion::TLS_1_2;
    provider.kx_groups.retain(|group| {
        let code = u16::from(group.name());
        case.exchange.group.is_some_and(|group| group.0 == code) || (certified && code == 23)
    });
    provider
        .kx_groups
        .sort_by_key(|group| case.exchange.group.is_none_or(|wanted| wanted.0 != u16::from(group.name())));
    provider
}

fn echo<C, S>(connection: C, socket: TcpStream) -> Result<(), Failure>
where
    C: DerefMut + Deref<Target = ConnectionCommon<S>>,
    S: SideData,
{
    socket.set_nodelay(true)?;
    let mut stream = StreamOwned::new(connection, socket);
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => stream.write_all(&buffer[..read])?,
        }
    }
    stream.conn.send_close_notify();
    Ok(stream.flush()?)
}
