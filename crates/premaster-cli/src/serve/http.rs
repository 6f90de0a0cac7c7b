//! As much of HTTP/1.1 (RFC 9112) as one request and one response take.
use super::content::{Ended, Session};
use crate::link::Heard;

/// The longest head of a request.
const LONGEST_HEAD: usize = 16 << 10;

/// A request whose method is GET or HEAD.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether only the head of the response is wanted.
    pub head_only: bool,
    /// What was asked for, as it was sent: the path, without a query.
    pub path: String,
}

/// What a client asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// It closed the connection without asking.
    Nothing,
    /// This.
    For(Request),
    /// Something that cannot be answered.
    Refused(Refusal),
}

/// Why a request is not answered: a status, and how it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: &'static str,
    text: &'static str,
}

/// There is nothing of this name.
pub const NOT_FOUND: Refusal = Refusal { status: "404 Not Found", text: "There is nothing here.\n" };
const BAD: Refusal = Refusal { status: "400 Bad Request", text: "This is not an HTTP/1.1 request.\n" };
const TOO_LARGE: Refusal = Refusal {
    status: "431 Request Header Fields Too Large",
    text: "The head of the request is too large.\n",
};
const METHOD: Refusal =
    Refusal { status: "405 Method Not Allowed", text: "Only GET and HEAD are answered.\n" };

/// Reads one request's head. A body, which GET and HEAD do not have, is left unread.
pub async fn request(session: &mut Session) -> Result<Asked, Ended> {
    let mut head = Vec::new();
    loop {
        let heard = session.read(&mut head).await?;
        if let Some(asked) = parse(&head) {
            return Ok(asked);
        }
        if heard == Heard::Closed {
            return Ok(if head.is_empty() { Asked::Nothing } else { Asked::Refused(BAD) });
        }
    }
}

/// None if more has to come.
fn parse(head: &[u8]) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Partial) if head.len() > LONGEST_HEAD => return Some(Asked::Refused(TOO_LARGE)),
        Ok(httparse::Status::Partial) => return None,
        Err(httparse::Error::TooManyHeaders) => return Some(Asked::Refused(TOO_LARGE)),
        Err(_) => return Some(Asked::Refused(BAD)),
        Ok(httparse::Status::Complete(_)) => {}
    }
    let head_only = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Some(Asked::Refused(METHOD)),
    };
    let target = request.path.unwrap_or_default();
    // RFC 9112 section 3.2.2: the absolute form MUST be accepted.
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
    match path.starts_with('/') {
        true => Some(Asked::For(Request { head_only, path })),
        false => Some(Asked::Refused(BAD)),
    }
}

/// The head of a response; the connection ends with it.
pub fn head(status: &str, content_type: &str, length: u64) -> String {
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{allow}\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
}

/// Answers with a refusal.
pub async fn refuse(session: &mut Session, refusal: Refusal) -> Result<(), Ended> {
    let mut response = head(refusal.status, "text/plain; charset=utf-8", refusal.text.len() as u64);
    response.push_str(refusal.text);
    session.write(response.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(head: &str) -> Option<String> {
        match parse(head.as_bytes())? {
            Asked::For(request) => Some(request.path),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn requests() {
        assert_eq!(path("GET / HTTP/1.1\r\nHost: a\r\n"), None);
        assert_eq!(path("GET / HTTP/1.1\r\nHost: a\r\n\r\n").as_deref(), Some("/"));
        assert_eq!(path("GET / HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n").as_deref(), Some("/"));
        assert_eq!(path("GET /a/b?c HTTP/1.1\r\n\r\n").as_deref(), Some("/a/b"));
        assert_eq!(path("GET https://h/a HTTP/1.1\r\n\r\n").as_deref(), Some("/a"));
        assert_eq!(path("GET https://h HTTP/1.1\r\n\r\n").as_deref(), Some("/"));
        let head = parse(b"HEAD /a HTTP/1.1\r\n\r\n");
        assert_eq!(head, Some(Asked::For(Request { head_only: true, path: "/a".into() })));
    }

    #[test]
    fn refusals() {
        assert_eq!(parse(b"POST / HTTP/1.1\r\n\r\n"), Some(Asked::Refused(METHOD)));
        assert_eq!(parse(b"GET a HTTP/1.1\r\n\r\n"), Some(Asked::Refused(BAD)));
        assert_eq!(parse(b"\x16\x03\x01"), Some(Asked::Refused(BAD)));
        let long = format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(LONGEST_HEAD));
        assert_eq!(parse(long.as_bytes()), Some(Asked::Refused(TOO_LARGE)));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
        assert_eq!(parse(many.as_bytes()), Some(Asked::Refused(TOO_LARGE)));
    }
}
