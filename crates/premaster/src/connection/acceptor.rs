//! A ClientHello seen before a configuration is chosen for it.
use super::{Connection, joiner};
use crate::{
    Error, Output,
    config::{Limits, ServerConfig},
    error::Misbehaved,
    handshake::{self, peer::Message},
    record::{Joiner, Opener, Sealer},
    wire::{
        AlertDescription, AlertLevel, CipherSuite, ContentType, HandshakeType, NamedGroup, ProtocolVersion,
        SignatureScheme,
        extension::{self, Place},
        message,
        record::MAX_PLAINTEXT,
    },
};
use std::{fmt, sync::Arc};

/// Takes in a ClientHello, for a server that chooses its [`ServerConfig`] by what the client says.
///
/// ```
/// use premaster::{ClientConfig, Connection, Output, connection::Acceptor};
/// # use premaster::identity::{ChainVerifier, Roots};
/// # let config = ClientConfig::builder().verifier(ChainVerifier::new(Roots::mozilla())).build()?;
/// # let (mut sent, name) = (Output::new(), "example.org".try_into()?);
/// # let _client = Connection::client(std::sync::Arc::new(config), name, &mut sent)?;
/// # let received = sent.as_slice();
/// let mut acceptor = Acceptor::new();
/// let mut output = Output::new();
/// let (consumed, accepted) = acceptor.receive(received, &mut output)?;
/// let accepted = accepted.expect("all of it was there");
/// assert_eq!(consumed, received.len());
/// assert_eq!(accepted.client_hello().server_name(), Some("example.org"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Acceptor {
    limits: Limits,
    joiner: Joiner,
    /// The records so far, as they came: the connection receives them again, so that it checks them by its own
    /// limits and its observer sees them.
    records: Vec<u8>,
    failed: Option<Error>,
}

impl Acceptor {
    /// Takes in a ClientHello of the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Takes in a ClientHello of at most [`Limits::handshake_message`] bytes.
    pub fn with_limits(limits: Limits) -> Self {
        Self { joiner: joiner(&limits), limits, records: Vec::new(), failed: None }
    }

    /// The limits on what the client may send.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes whole records from the front of `input` until the ClientHello is whole, and says how many bytes it
    /// consumed. Without a ClientHello it wants more than it left, and `input` has to have room for a record.
    ///
    /// # Errors
    /// Whatever the client did wrong; the alert for it is in `output` already. After that, the same error again.
    pub fn receive(&mut self, input: &[u8], output: &mut Output) -> Result<(usize, Option<Accepted>), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.receive_records(input).inspect_err(|error| {
            if let Some(description) = error.alert() {
                let alert = [AlertLevel::fatal.0, description.0];
                // An alert of two bytes without protection: there is nothing to fail.
                let _ = Sealer::plaintext().seal(ContentType::ALERT, &alert, 0, output);
            }
            self.failed = Some(error.clone());
            (self.joiner, self.records) = (Joiner::new(), Vec::new());
        })
    }

    fn receive_records(&mut self, input: &[u8]) -> Result<(usize, Option<Accepted>), Error> {
        let mut opener = Opener::plaintext();
        let mut rest = input;
        while let Some(length) = opener.frame(rest)?
            && let Some((record, after)) = rest.split_at_checked(length)
        {
            rest = after;
            let start = self.records.len();
            if start + length > 2 * self.limits.handshake_message.max(MAX_PLAINTEXT) {
                // Tiny records, each with its header, take more memory than the message in them.
                return Err(Misbehaved::MessageTooLong.into());
            }
            self.records.extend_from_slice(record);
            let (content_type, range) = opener.open(self.records.get_mut(start..).unwrap_or_default())?;
            let fragment = record.get(range).unwrap_or_default();
            match content_type {
                ContentType::HANDSHAKE => self.joiner.push(fragment)?,
                ContentType::ALERT => return Err(alert(fragment)),
                got => {
                    let got = got.name().unwrap_or("an unknown record");
                    return Err(Error::Unexpected { expected: "ClientHello", got });
                }
            }
            if let Some(bytes) = self.joiner.pop()? {
                let hello = ClientHello::read(Message::from(bytes))?;
                let accepted = Accepted { hello, records: std::mem::take(&mut self.records) };
                return Ok((input.len() - rest.len(), Some(accepted)));
            }
        }
        Ok((input.len() - rest.len(), None))
    }
}

impl Default for Acceptor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("received", &self.records.len()).finish_non_exhaustive()
    }
}

/// An alert in place of the ClientHello: the client has thought better of it (RFC 9846 section 6).
fn alert(fragment: &[u8]) -> Error {
    match *fragment {
        [_, description] => Error::Refused(AlertDescription(description)),
        _ => Misbehaved::BadAlert.into(),
    }
}

/// A ClientHello that waits for a configuration.
pub struct Accepted {
    hello: ClientHello,
    records: Vec<u8>,
}

impl Accepted {
    /// What the client says.
    pub const fn client_hello(&self) -> &ClientHello {
        &self.hello
    }

    /// The server's end, with this ClientHello received.
    ///
    /// # Errors
    /// Whatever is wrong with the ClientHello under this configuration; the alert for it is in `output` already.
    pub fn into_connection(
        self,
        config: Arc<ServerConfig>,
        output: &mut Output,
    ) -> Result<Connection, Error> {
        let mut connection = Connection::server(config);
        self.replay(&mut connection, output)?;
        Ok(connection)
    }

    /// Gives the ClientHello to a server's connection that has received nothing yet.
    ///
    /// # Errors
    /// As [`into_connection`](Self::into_connection). The connection has failed then.
    pub fn replay(mut self, connection: &mut Connection, output: &mut Output) -> Result<(), Error> {
        let mut rest = self.records.as_mut_slice();
        while !rest.is_empty() {
            let consumed = connection.receive(rest, output)?.consumed;
            if consumed == 0 {
                // It waits in the middle of these records, which it does only after a whole ClientHello.
                return Err(Misbehaved::HelloTooEarly.into());
            }
            rest = rest.get_mut(consumed..).unwrap_or_default();
        }
        Ok(())
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("client_hello", &self.hello).finish_non_exhaustive()
    }
}

/// What a client says in its ClientHello, as far as a server chooses by it.
#[derive(Debug)]
pub struct ClientHello {
    message: Message,
    server_name: Option<String>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<ProtocolVersion>,
    cipher_suites: Vec<CipherSuite>,
    named_groups: Vec<NamedGroup>,
    signature_schemes: Vec<SignatureScheme>,
}

impl ClientHello {
    fn read(message: Message) -> Result<Self, Error> {
        if message.handshake_type() != HandshakeType::CLIENT_HELLO {
            let got = message.handshake_type().name().unwrap_or("an unknown handshake message");
            return Err(Error::Unexpected { expected: "ClientHello", got });
        }
        let hello = message::ClientHello::decode(message.body())?;
        handshake::check_extensions(Place::ClientHello, &hello.extensions)?;
        let alpn = hello.extensions.get::<extension::ProtocolNameList<'_>>()?;
        let groups = hello.extensions.get::<extension::SupportedGroups<'_>>()?;
        let schemes = hello.extensions.get::<extension::SignatureAlgorithms<'_>>()?;
        Ok(Self {
            server_name: handshake::server_name(&hello)?,
            alpn: alpn.iter().flat_map(|list| list.protocol_name_list).map(|name| name.0.to_vec()).collect(),
            versions: handshake::offered_versions(&hello)?.into_vec(),
            cipher_suites: hello.cipher_suites.to_vec(),
            named_groups: groups.map(|list| list.named_group_list.to_vec()).unwrap_or_default(),
            signature_schemes: schemes
                .map(|list| list.supported_signature_algorithms.to_vec())
                .unwrap_or_default(),
            message,
        })
    }

    /// The name that it asks for, in lower case (RFC 6066 section 3).
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The application protocols that it offers, in its order of preference (RFC 7301).
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        self.alpn.iter().map(Vec::as_slice)
    }

    /// The versions that it speaks, from supported_versions or else up to legacy_version.
    pub fn versions(&self) -> &[ProtocolVersion] {
        &self.versions
    }

    /// The cipher suites that it offers, in its order of preference.
    pub fn cipher_suites(&self) -> &[CipherSuite] {
        &self.cipher_suites
    }

    /// The groups that it supports, in its order of preference.
    pub fn named_groups(&self) -> &[NamedGroup] {
        &self.named_groups
    }

    /// The signature schemes that it can verify, in its order of preference.
    pub fn signature_schemes(&self) -> &[SignatureScheme] {
        &self.signature_schemes
    }

    /// The whole handshake message, with its header of four bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.message.bytes()
    }
}
