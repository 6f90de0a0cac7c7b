//! One HTTP GET over a blocking stream: `get HOST PORT CA.pem PATH`.
use premaster::{
    ClientConfig, Stream,
    identity::{ChainVerifier, Roots},
};
use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, ca, path] = &arguments[..] else {
        return Err("usage: get HOST PORT CA.pem PATH".into());
    };

    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(ca)?)?;
    let config = ClientConfig::builder().verifier(ChainVerifier::new(roots)).build()?;
    let transport = TcpStream::connect((host.as_str(), port.parse::<u16>()?))?;
    let mut stream = Stream::connect(Arc::new(config), host.clone().try_into()?, transport)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    std::io::stdout().write_all(&answer)?;
    Ok(())
}
