//! One HTTP/1.1 GET (RFC 9112).
use super::{
    report::Report,
    talk::{self, Stopped},
};
use crate::{
    exit::ExitCode,
    link::{Broken, Heard, Link},
    target::Target,
    terminal::Io,
};
use premaster::Error;
use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};
use tokio::time::timeout;

/// A path that can stand in a request line.
pub fn parse_path(text: &str) -> Result<String, String> {
    match text.starts_with('/') && text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        true => Ok(text.to_owned()),
        false => Err("a path begins with / and has no spaces; percent-encode the rest".into()),
    }
}

/// The request for a path.
pub fn request(target: &Target, path: &str) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let host = host(target);
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: premaster/{version}\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Asks, unless that was done already and `request` is empty, and shows the whole answer, unless only a report is
/// wanted.
pub async fn get(
    link: &mut Link,
    request: &[u8],
    limit: Duration,
    is_report: bool,
    report: &mut Report,
    io: &mut Io,
) -> Result<ExitCode, Stopped> {
    link.send(request)?;
    let to_terminal = stdout().is_terminal();
    let mut answer = Answer::default();
    let mut data = Vec::new();
    while !answer.is_complete() {
        let read = timeout(limit, link.read(&mut data)).await;
        answer.take(&data);
        report.response(answer.status, answer.received);
        match is_report {
            true => data.clear(),
            false => talk::show(&mut data, to_terminal, io)?,
        }
        match read {
            Ok(Ok(Heard::All)) => {}
            Ok(Ok(Heard::Closed)) => break,
            // Many servers do without close_notify; what the head promised tells whether anything is missing.
            Ok(Err(Broken::Tls(Error::Truncated))) if answer.is_complete() => break,
            Ok(Err(broken)) => return Err(broken.into()),
            Err(_) => return Err(Broken::Silent("the rest of the answer").into()),
        }
    }
    link.close();
    if answer.lacks_something() {
        return Err(Broken::Tls(Error::Truncated).into());
    }
    Ok(ExitCode::Ok)
}

/// The Host header: the port only if it is not the scheme's own (RFC 9110 section 7.2).
fn host(target: &Target) -> String {
    let host = match target.host.contains(':') {
        true => format!("[{}]", target.host),
        false => target.host.clone(),
    };
    match target.port {
        443 => host,
        port => format!("{host}:{port}"),
    }
}

/// The longest head that is looked at for the length of the body.
const LONGEST_HEAD: usize = 1 << 16;

/// What has come of an answer.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    /// Whether `head` is whole, or too long to bother.
    head_ended: bool,
    status: Option<u16>,
    /// Where the answer ends, if its head says so.
    length: Option<u64>,
    received: u64,
}

impl Answer {
    fn take(&mut self, data: &[u8]) {
        self.received += data.len() as u64;
        if self.head_ended {
            return;
        }
        self.head.extend_from_slice(data);
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&self.head) {
            Ok(httparse::Status::Complete(head)) => {
                self.head_ended = true;
                self.status = response.code;
                self.length =
                    body_length(response.code, response.headers).map(|body| body.saturating_add(head as u64));
            }
            Ok(httparse::Status::Partial) if self.head.len() < LONGEST_HEAD => return,
            _ => self.head_ended = true,
        }
        self.head = Vec::new();
    }

    fn is_complete(&self) -> bool {
        self.length.is_some_and(|length| self.received >= length)
    }

    fn lacks_something(&self) -> bool {
        self.length.is_some_and(|length| self.received < length)
    }
}

/// How long the body is, if it does not just go on to the end of the connection (RFC 9112 section 6.3).
fn body_length(status: Option<u16>, headers: &[httparse::Header<'_>]) -> Option<u64> {
    if matches!(status, Some(204 | 304)) {
        return Some(0);
    }
    let header = |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    if header("transfer-encoding").is_some() {
        return None;
    }
    std::str::from_utf8(header("content-length")?.value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pieces: &[&str]) -> Answer {
        let mut answer = Answer::default();
        pieces.iter().for_each(|piece| answer.take(piece.as_bytes()));
        answer
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let whole = answer(&["HTTP/1.1 200 OK\r\nContent-", "Length: 3\r\n\r\na", "bc"]);
        assert!(whole.is_complete() && !whole.lacks_something());
        assert_eq!(whole.status, Some(200));
        let cut = answer(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"]);
        assert!(!cut.is_complete() && cut.lacks_something());
        let open = answer(&["HTTP/1.1 200 OK\r\n\r\nab"]);
        assert!(!open.is_complete() && !open.lacks_something());
        let chunked =
            answer(&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nab"]);
        assert!(!chunked.is_complete() && !chunked.lacks_something());
        assert!(answer(&["HTTP/1.1 204 No Content\r\n\r\n"]).is_complete());
        assert!(!answer(&["SSH-2.0-x\r\n"]).is_complete());
        let huge = answer(&["HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"]);
        assert!(!huge.is_complete());
    }
}
