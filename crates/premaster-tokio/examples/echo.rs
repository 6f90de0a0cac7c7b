//! Echoes: `echo serve ADDRESS CHAIN.pem KEY.pem`, and in another terminal `echo connect HOST PORT CA.pem`, which
//! sends what it reads from standard input and prints what comes back.
use premaster::{
    ClientConfig, ServerConfig,
    identity::{ChainVerifier, Credential, Credentials, Roots},
};
use premaster_tokio::{TlsAcceptor, TlsConnector};
use std::{error::Error, fs, io, sync::Arc};
use tokio::{
    io::{AsyncWriteExt, copy, split, stdin, stdout},
    net::{TcpListener, TcpStream},
};

async fn connect(host: &str, port: u16, ca: &str) -> Result<(), Box<dyn Error>> {
    let mut roots = Roots::new();
    roots.add_pem(&fs::read(ca)?)?;
    let config = ClientConfig::builder().verifier(ChainVerifier::new(roots)).build()?;
    let connector = TlsConnector::from(Arc::new(config));

    let transport = TcpStream::connect((host, port)).await?;
    let stream = connector.connect(host.to_owned().try_into()?, transport).await?;
    let (mut reads, mut writes) = split(stream);
    let sending = async {
        copy(&mut stdin(), &mut writes).await?;
        writes.shutdown().await
    };
    let receiving = async {
        copy(&mut reads, &mut stdout()).await?;
        stdout().flush().await
    };
    tokio::try_join!(sending, receiving)?;
    Ok(())
}

async fn serve(address: &str, chain: &str, key: &str) -> Result<(), Box<dyn Error>> {
    let credential = Credential::from_pem(&fs::read(chain)?, &fs::read(key)?)?;
    let config = ServerConfig::builder().credentials(Credentials::always(credential)).build()?;
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let listener = TcpListener::bind(address).await?;
    loop {
        let (transport, client) = listener.accept().await?;
        let accept = acceptor.accept(transport);
        tokio::spawn(async move {
            let echoed = async {
                let (mut reads, mut writes) = split(accept.await?);
                let bytes = copy(&mut reads, &mut writes).await?;
                writes.shutdown().await?;
                io::Result::Ok(bytes)
            };
            match echoed.await {
                Ok(bytes) => println!("{client}: {bytes} bytes"),
                Err(error) => eprintln!("{client}: {error}"),
            }
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["connect", host, port, ca] => connect(host, port.parse()?, ca).await,
        ["serve", address, chain, key] => serve(address, chain, key).await,
        _ => Err("usage: echo connect HOST PORT CA.pem | echo serve ADDRESS CHAIN.pem KEY.pem".into()),
    }
}
