//! A tiny HTTP/1.1 server over the blocking stream, just enough for curl.
use premaster::{ServerConfig, Stream};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

/// A request, as far as anybody here cares.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Accepts one TLS connection, and answers each request on it until the client leaves.
///
/// # Errors
/// The transport's, or the library's inside an [`io::Error`].
pub fn serve(
    config: Arc<ServerConfig>,
    transport: TcpStream,
    answer: impl Fn(&Request) -> Vec<u8>,
) -> io::Result<Vec<Request>> {
    let mut stream = BufReader::new(Stream::accept(config, transport)?);
    let mut requests = Vec::new();
    while let Some(request) = read_request(&mut stream)? {
        let body = answer(&request);
        requests.push(request);
        let stream = stream.get_mut();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
        stream.write_all(&body)?;
        stream.flush()?;
    }
    // The client has said close_notify; so do we. It may be gone already.
    let _ = stream.get_mut().close();
    Ok(requests)
}

fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    Ok(Some(Request { method, path, body }))
}
