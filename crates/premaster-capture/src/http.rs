//! A summary of HTTP/1 (RFC 9112): one line a message, and no more of it in memory than that.
use premaster::wire::Side;

/// The longest head of a message that is looked at.
const MAX_HEAD: usize = 1 << 16;

/// How many messages are remembered.
const MAX_MESSAGES: usize = 10_000;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpMessage {
    /// Who sent it.
    pub side: Side,
    /// The request line or status line, as it was sent but without control characters.
    pub line: String,
    /// The Host of a request, or the Content-Type of a response.
    pub detail: Option<String>,
    /// Bytes of the body so far.
    pub body: u64,
}

/// Reads one connection's data for messages of HTTP/1.
#[derive(Debug)]
pub struct HttpSummary {
    directions: [Direction; 2],
    messages: Vec<HttpMessage>,
}

#[derive(Debug)]
struct Direction {
    side: Side,
    state: State,
    head: Vec<u8>,
    /// Which message the body belongs to.
    message: Option<usize>,
    /// Whether the answers' bodies are missing: the methods of requests that wait for one.
    heads: std::collections::VecDeque<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of a body are due.
    Body(u64),
    /// The line with the length of a chunk is due.
    ChunkSize,
    Chunk(u64),
    /// After the last chunk: trailers, up to an empty line.
    Trailers,
    /// To the end of the connection.
    Rest,
    /// It is not HTTP/1.
    Other,
}

impl Default for HttpSummary {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpSummary {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            directions: [Direction::new(Side::Client), Direction::new(Side::Server)],
            messages: Vec::new(),
        }
    }

    /// The messages, in the order in which their heads came.
    pub fn messages(&self) -> &[HttpMessage] {
        &self.messages
    }

    /// Application data of one direction, in order.
    pub fn push(&mut self, side: Side, mut data: &[u8]) {
        while !data.is_empty() {
            let [client, server] = &mut self.directions;
            let (own, other) = match side {
                Side::Client => (client, server),
                Side::Server => (server, client),
            };
            let taken = own.take(data, other, &mut self.messages);
            data = data.get(taken.max(1)..).unwrap_or_default();
        }
    }
}

impl Direction {
    fn new(side: Side) -> Self {
        let heads = std::collections::VecDeque::new();
        Self { side, state: State::Head, head: Vec::new(), message: None, heads }
    }

    /// Takes the front of `data`, and says how much.
    fn take(&mut self, data: &[u8], other: &mut Self, messages: &mut Vec<HttpMessage>) -> usize {
        match self.state {
            State::Other => data.len(),
            State::Rest => {
                self.count(data.len() as u64, messages);
                data.len()
            }
            State::Body(left) | State::Chunk(left) => {
                let taken = left.min(data.len() as u64);
                self.count(taken, messages);
                self.state = match (self.state, left - taken) {
                    (State::Body(_), 0) => State::Head,
                    (State::Body(_), left) => State::Body(left),
                    // The line end after a chunk is read as a line before the next size.
                    (_, 0) => State::ChunkSize,
                    (_, left) => State::Chunk(left),
                };
                taken as usize
            }
            State::Head | State::ChunkSize | State::Trailers => {
                let end = data.iter().position(|&byte| byte == b'\n').map_or(data.len(), |at| at + 1);
                self.head.extend_from_slice(data.get(..end).unwrap_or_default());
                if self.head.len() > MAX_HEAD {
                    self.state = State::Other;
                    self.head = Vec::new();
                } else if self.head.ends_with(b"\n") {
                    self.line(other, messages);
                }
                end
            }
        }
    }

    fn count(&mut self, bytes: u64, messages: &mut [HttpMessage]) {
        if let Some(message) = self.message.and_then(|index| messages.get_mut(index)) {
            message.body += bytes;
        }
    }

    /// A line is whole.
    fn line(&mut self, other: &mut Self, messages: &mut Vec<HttpMessage>) {
        match self.state {
            State::ChunkSize => {
                let line = String::from_utf8_lossy(&self.head).into_owned();
                self.head.clear();
                let size = line.split(';').next().unwrap_or_default().trim();
                if size.is_empty() {
                    return;
                }
                self.state = match u64::from_str_radix(size, 16) {
                    Ok(0) => State::Trailers,
                    Ok(size) => State::Chunk(size),
                    Err(_) => State::Other,
                };
            }
            State::Trailers => {
                if self.head.trim_ascii().is_empty() {
                    self.state = State::Head;
                }
                self.head.clear();
            }
            _ => {
                let is_last = self.head.ends_with(b"\n\r\n") || self.head.ends_with(b"\n\n");
                if self.head.trim_ascii().is_empty() {
                    // Empty lines before a message are skipped (RFC 9112 section 2.2).
                    self.head.clear();
                } else if is_last {
                    let head = std::mem::take(&mut self.head);
                    self.head_is_whole(&head, other, messages);
                } else if !self.head.contains(&b'\n') || !is_start_line(&self.head, self.side) {
                    self.state = State::Other;
                    self.head = Vec::new();
                }
            }
        }
    }

    fn head_is_whole(&mut self, head: &[u8], other: &mut Self, messages: &mut Vec<HttpMessage>) {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.lines();
        let line = lines.next().unwrap_or_default().trim();
        let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
        let field = |name: &str| {
            let found = fields.iter().find(|(own, _)| own.trim().eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim())
        };
        let detail = field(if self.side == Side::Client { "host" } else { "content-type" });
        if messages.len() >= MAX_MESSAGES {
            self.state = State::Other;
            return;
        }
        self.message = Some(messages.len());
        messages.push(HttpMessage { side: self.side, line: clean(line), detail: detail.map(clean), body: 0 });
        let chunked =
            field("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        let length = field("content-length").and_then(|value| value.parse().ok());
        let status = line.split_ascii_whitespace().nth(1).unwrap_or_default();
        let is_interim = self.side == Side::Server && status.starts_with('1') && status != "101";
        // RFC 9112 section 6.3: what has no body, whatever its fields say.
        let bodiless = match self.side {
            Side::Client => {
                other.heads.push_back(line.starts_with("HEAD "));
                other.heads.truncate(MAX_MESSAGES);
                false
            }
            Side::Server if is_interim => true,
            Side::Server => self.heads.pop_front() == Some(true) || ["204", "304"].contains(&status),
        };
        self.state = match (bodiless, chunked, length) {
            (true, ..) | (false, false, Some(0)) => State::Head,
            (_, true, _) => State::ChunkSize,
            (_, _, Some(length)) => State::Body(length),
            (_, _, None) if self.side == Side::Client => State::Head,
            (_, _, None) => State::Rest,
        };
    }
}

/// Whether it starts like a message of HTTP/1.
fn is_start_line(head: &[u8], side: Side) -> bool {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    match side {
        Side::Server => line.starts_with(b"HTTP/1."),
        Side::Client => line.len() > 9 && line.get(line.len() - 9..line.len() - 1) == Some(b" HTTP/1."),
    }
}

/// Without control characters, so that no peer writes on somebody's terminal.
fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(512).collect()
}
