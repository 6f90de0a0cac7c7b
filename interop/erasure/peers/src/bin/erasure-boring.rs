//! BoringSSL under examination.
use boring::{
    pkey::PKey,
    ssl::{
        Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession, SslSessionCacheMode,
        SslVerifyMode, SslVersion,
    },
    x509::X509,
};
use premaster_erasure_peers::{Failure, Task, echo, obey};
use std::{
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
};

/// The session to resume.
type Saved = Arc<Mutex<Option<SslSession>>>;

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let saved = Saved::default();
    let context = context(&task, &saved)?;
    obey(|socket| converse(&task, &context, &saved, socket))
}

fn context(task: &Task, saved: &Saved) -> Result<SslContext, Failure> {
    let mut builder = SslContext::builder(SslMethod::tls())?;
    let version = if task.tls13 { SslVersion::TLS1_3 } else { SslVersion::TLS1_2 };
    builder.set_min_proto_version(Some(version))?;
    builder.set_max_proto_version(Some(version))?;
    // The suites of TLS 1.3 cannot be configured: the other side offers or accepts one only.
    if !task.tls13 {
        builder.set_cipher_list(&task.suite)?;
    }
    if task.group != "-" {
        builder.set_curves_list(&groups(task))?;
    }
    if !task.tickets {
        builder.set_options(SslOptions::NO_TICKET);
    }
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    if task.client {
        client(task, saved, &mut builder)?
    } else {
        server(task, &mut builder)?
    }
    Ok(builder.build())
}

fn groups(task: &Task) -> String {
    let name = match task.group.as_str() {
        "secp256r1" => "P-256",
        "secp384r1" => "P-384",
        "secp521r1" => "P-521",
        "x25519" => "X25519",
        other => other,
    };
    // TLS 1.2 looks in the same list for the curve of the certificate.
    if task.tls13 || name == "P-256" { name.to_owned() } else { format!("{name}:P-256") }
}

fn client(task: &Task, saved: &Saved, builder: &mut SslContextBuilder) -> Result<(), Failure> {
    builder.cert_store_mut().add_cert(&X509::from_pem(&task.ca)?)?;
    builder.set_verify(SslVerifyMode::PEER);
    if task.tickets {
        builder.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        let saved = Arc::clone(saved);
        builder.set_new_session_callback(move |_, session| {
            *saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        });
    }
    Ok(())
}

fn server(task: &Task, builder: &mut SslContextBuilder) -> Result<(), Failure> {
    builder.set_certificate(&*X509::from_pem(&task.certificate)?)?;
    builder.set_private_key(&*PKey::private_key_from_pem(&task.key)?)?;
    Ok(builder.set_session_id_context(b"erasure")?)
}

fn converse(task: &Task, context: &SslContext, saved: &Saved, socket: TcpStream) -> Result<(), Failure> {
    let mut ssl = Ssl::new(context)?;
    let mut stream = if task.client {
        ssl.set_hostname("localhost")?;
        ssl.param_mut().set_host("localhost")?;
        if let Some(session) = &*saved.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: the session is of this process's one context.
            unsafe { ssl.set_session(session)? };
        }
        ssl.connect(socket)
    } else {
        ssl.accept(socket)
    }
    .map_err(|error| error.to_string())?;
    echo(&mut stream)?;
    let _ = stream.shutdown();
    Ok(())
}
