//! s2n-tls under examination, over tokio, as its crates have it.
#![forbid(unsafe_code)]
use premaster_erasure_peers::{Failure, Task, obey};
use s2n_tls::{
    callbacks::{SessionTicket, SessionTicketCallback},
    config::{Builder, Config},
    connection::{Builder as ConnectionBuilder, Connection},
    enums::Mode,
    error::Error,
    security::Policy,
};
use s2n_tls_tokio::{TlsAcceptor, TlsConnector, TlsStream};
use std::{
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The session to resume.
#[derive(Clone, Default)]
struct Saved(Arc<Mutex<Option<Vec<u8>>>>);

impl Saved {
    fn set(&self, session: Vec<u8>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }
}

impl SessionTicketCallback for Saved {
    fn on_session_ticket(&self, _: &mut Connection, ticket: &SessionTicket) {
        let Ok(len) = ticket.len() else { return };
        let mut session = vec![0; len];
        if ticket.data(&mut session).is_ok() {
            self.set(session);
        }
    }
}

/// Connections that resume the session.
#[derive(Clone)]
struct Resuming {
    config: Config,
    saved: Saved,
}

impl ConnectionBuilder for Resuming {
    type Output = Connection;

    fn build_connection(&self, mode: Mode) -> Result<Connection, Error> {
        let mut connection = self.config.build_connection(mode)?;
        if let Some(session) = &*self.saved.0.lock().unwrap_or_else(PoisonError::into_inner) {
            connection.set_session_ticket(session)?;
        }
        Ok(connection)
    }
}

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let saved = Saved::default();
    let config = config(&task, &saved)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    obey(|socket| runtime.block_on(converse(&task, &config, &saved, socket)))
}

fn config(task: &Task, saved: &Saved) -> Result<Config, Failure> {
    let mut builder = Config::builder();
    // Suites and groups come in named lists only. This one has all of them, and the other side has one of each.
    builder.set_security_policy(&Policy::from_version("test_all")?)?;
    builder.with_system_certs(false)?;
    // Against an attacker who measures time; here it would only delay the reading.
    builder.set_max_blinding_delay(0)?;
    if task.client {
        builder.trust_pem(&task.ca)?;
        if task.tickets {
            builder.set_session_ticket_callback(saved.clone())?;
        }
    } else {
        builder.load_pem(&task.certificate, &task.key)?;
        if task.tickets {
            ticket_key(&mut builder)?;
        }
    }
    builder.enable_session_tickets(task.tickets)?;
    Ok(builder.build()?)
}

fn ticket_key(builder: &mut Builder) -> Result<(), Failure> {
    builder.enable_session_tickets(true)?;
    builder.add_session_ticket_key(b"erasure", &[0x33; 32], SystemTime::now())?;
    Ok(())
}

async fn converse(task: &Task, config: &Config, saved: &Saved, socket: TcpStream) -> Result<(), Failure> {
    socket.set_nonblocking(true)?;
    let socket = tokio::net::TcpStream::from_std(socket)?;
    if !task.client {
        return echo(TlsAcceptor::new(config.clone()).accept(socket).await?).await;
    }
    let builder = Resuming { config: config.clone(), saved: saved.clone() };
    let stream = TlsConnector::new(builder).connect("localhost", socket).await?;
    // TLS 1.2 has its ticket by now, and calls nobody back.
    if task.tickets && !task.tls13 {
        let connection: &Connection = stream.as_ref();
        let mut session = vec![0; connection.session_ticket_length()?];
        connection.session_ticket(&mut session)?;
        saved.set(session);
    }
    echo(stream).await
}

async fn echo(mut stream: TlsStream<tokio::net::TcpStream>) -> Result<(), Failure> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(stream.shutdown().await?),
            read => {
                stream.write_all(&buffer[..read]).await?;
                stream.flush().await?;
            }
        }
    }
}
