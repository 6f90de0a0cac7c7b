//! The puppet's messages, apart from hellos.
use super::{Part, Puppet, Say, V12, V13};
use premaster::{
    crypto::SystemRandom,
    exchange::{EphemeralKey, Group, ServerKey},
    identity::{CertificateVerifyContent, SchemeUse, server_key_exchange_content},
    wire::{
        ClientCertificateType, HandshakeType, KeyUpdateRequest, List, Side, SignatureScheme,
        extension::{self, Extensions, push},
        message::{
            Asn1Cert, Certificate12, Certificate13, CertificateEntry, CertificateRequest12,
            CertificateRequest13, CertificateStatus, CertificateVerify, ClientKeyExchange, DheParams,
            EcdheParams, EncryptedExtensions, EndOfEarlyData, ExchangeKeys, Finished, HelloRequest,
            KeyUpdate, KeysShape, NewSessionTicket12, NewSessionTicket13, Params, ServerHelloDone,
            ServerKeyExchange, Signed,
            handshake::{self, Body},
        },
    },
};

fn encoded(body: &impl Body) -> Vec<u8> {
    let mut message = Vec::new();
    handshake::encode(body, &mut message);
    message
}

impl Puppet {
    /// Makes a message as it is due now, header included; or the body of a change_cipher_spec.
    pub fn make(&mut self, say: Say) -> Vec<u8> {
        self.listen();
        match say {
            Say::ClientHello => self.client_hello(false),
            Say::SecondClientHello => self.client_hello(true),
            Say::HelloRetryRequest => {
                let suite = self.part.suites[0];
                self.restart_transcript(suite);
                self.hello_retry_request()
            }
            Say::ServerHello => self.server_hello(),
            Say::EncryptedExtensions => {
                encoded(&EncryptedExtensions { extensions: Extensions::from_encoded(&[]) })
            }
            Say::Certificate => self.certificate(false),
            Say::EmptyCertificate => self.certificate(true),
            Say::CertificateStatus => encoded(&CertificateStatus { ocsp_response: &[0x30, 0] }),
            Say::ServerKeyExchange => self.server_key_exchange(),
            Say::CertificateRequest => self.certificate_request(),
            Say::ServerHelloDone => {
                if self.suite().key_exchange.is_static() {
                    let key = self.part.static_key.as_ref().map(|key| ServerKey::Static(key()));
                    self.state.server_key = key;
                }
                encoded(&ServerHelloDone)
            }
            Say::ClientKeyExchange => self.client_key_exchange(),
            Say::CertificateVerify => self.certificate_verify(),
            Say::ChangeCipherSpec => vec![1],
            Say::NewSessionTicket => self.new_session_ticket(),
            Say::Finished => self.finished(),
            Say::KeyUpdate => encoded(&KeyUpdate { request_update: KeyUpdateRequest::update_not_requested }),
            Say::EndOfEarlyData => encoded(&EndOfEarlyData),
            Say::HelloRequest => encoded(&HelloRequest),
        }
    }

    fn certificate(&self, empty: bool) -> Vec<u8> {
        let chain = if empty { &[][..] } else { &self.part.chain };
        if self.part.version == V12 {
            let chain: Vec<Asn1Cert<'_>> = chain.iter().map(|one| Asn1Cert(one)).collect();
            return encoded(&Certificate12 { certificate_list: List::from(&chain) });
        }
        let extensions = Extensions::from_encoded(&[]);
        let chain: Vec<_> = chain.iter().map(|one| CertificateEntry { data: one, extensions }).collect();
        encoded(&Certificate13 {
            certificate_request_context: &self.state.request_context,
            certificate_list: List::from(&chain),
        })
    }

    fn certificate_request(&self) -> Vec<u8> {
        let supported_signature_algorithms = List::from(&self.part.schemes);
        if self.part.version == V12 {
            let types = [ClientCertificateType::ecdsa_sign, ClientCertificateType::rsa_sign];
            return encoded(&CertificateRequest12 {
                certificate_types: List::from(&types),
                supported_signature_algorithms,
                certificate_authorities: List::default(),
            });
        }
        let mut extensions = Vec::new();
        push(&mut extensions, &extension::SignatureAlgorithms { supported_signature_algorithms });
        encoded(&CertificateRequest13 {
            certificate_request_context: &[],
            extensions: Extensions::from_encoded(&extensions),
        })
    }

    fn server_key_exchange(&mut self) -> Vec<u8> {
        let exchange = self.suite().key_exchange;
        let group = Group::find(self.part.group).unwrap();
        let mut params = Vec::new();
        let mut public = Vec::new();
        if exchange.is_ephemeral() {
            let key = EphemeralKey::generate(group, &SystemRandom).unwrap();
            public = key.public().to_vec();
            self.state.server_key = Some(ServerKey::Ephemeral(key));
        }
        let own = self.part.dh.clone();
        let params_value = match (&own, group.dh_parameters()) {
            (Some([p, g, ys]), _) => Some(Params::Dhe(DheParams { p, g, ys })),
            (None, Some((p, g))) => Some(Params::Dhe(DheParams { p, g, ys: &public })),
            (None, None) => Some(Params::Ecdhe(EcdheParams { group: group.code, public: &public })),
        }
        .filter(|_| exchange.is_ephemeral());
        if let Some(value) = &params_value {
            value.encode(&mut params);
        }
        let signature = exchange.is_signed().then(|| {
            let randoms = self.state.randoms.as_ref();
            let (client, server) = randoms.map_or(([0; 32], [0; 32]), |both| (both.client, both.server));
            let content = server_key_exchange_content(&client, &server, &params);
            self.part.sign(SchemeUse::Tls12, &content)
        });
        encoded(&ServerKeyExchange {
            psk_identity_hint: exchange.has_psk().then_some(&[][..]),
            params: params_value,
            signed: signature.as_ref().map(|(scheme, signature)| Signed { scheme: *scheme, signature }),
        })
    }

    fn client_key_exchange(&mut self) -> Vec<u8> {
        let replied = self.state.published.as_ref().and_then(|key| key.encapsulate(V12, &SystemRandom).ok());
        let (reply, shared) = replied.unzip();
        let reply = self.part.reply.as_ref().map(|(reply, _)| reply.clone()).or(reply);
        // Something must stand there, even if there is nothing yet to reply to.
        let reply = reply.unwrap_or_else(|| vec![4; 65]);
        let shape = self.client_shape();
        let exchange_keys = match shape.keys {
            KeysShape::None => None,
            KeysShape::Rsa => Some(ExchangeKeys::Rsa(&reply)),
            KeysShape::Dh => Some(ExchangeKeys::Dh(&reply)),
            KeysShape::Ec => Some(ExchangeKeys::Ec(&reply)),
        };
        let psk = self.part.psk.clone();
        let identity = psk.as_ref().filter(|_| shape.psk).map(|psk| psk.identity());
        let message = encoded(&ClientKeyExchange { psk_identity: identity, exchange_keys });
        self.pending_shared = shared;
        message
    }

    /// The master secret covers ClientKeyExchange itself.
    pub(super) fn exchange12(&mut self) {
        let shared = self.pending_shared.take();
        self.master12(shared);
    }

    fn certificate_verify(&mut self) -> Vec<u8> {
        let (usage, content) = match self.part.version {
            V12 => (SchemeUse::Tls12, self.transcript.clone()),
            _ => {
                let hash = self.transcript_hash();
                let content = CertificateVerifyContent::new(self.side, hash.as_ref()).unwrap();
                (SchemeUse::Tls13, content.to_vec())
            }
        };
        let (scheme, signature) = self.part.sign(usage, &content);
        encoded(&CertificateVerify { scheme, signature: &signature })
    }

    fn new_session_ticket(&self) -> Vec<u8> {
        if self.part.version == V13 {
            return encoded(&NewSessionTicket13 {
                ticket_lifetime: 60,
                ticket_age_add: 1,
                ticket_nonce: &[0],
                ticket: b"a ticket",
                extensions: Extensions::from_encoded(&[]),
            });
        }
        let own = self.part.session.as_ref().map(|session| &session.ticket[..]);
        encoded(&NewSessionTicket12 { lifetime_hint: 60, ticket: own.unwrap_or(b"a ticket") })
    }

    pub fn finished(&self) -> Vec<u8> {
        let hash = self.transcript_hash();
        if self.part.version == V13 {
            let traffic = self.state.handshake.as_ref().map(|traffic| traffic.of(self.side));
            return match traffic {
                Some(traffic) => encoded(&Finished { verify_data: traffic.verify_data(&hash).as_ref() }),
                None => encoded(&Finished { verify_data: &vec![0; self.suite().hash.output_len()] }),
            };
        }
        let master = self.state.master.as_ref();
        let verify_data = master.map_or([0; 12], |master| master.verify_data(self.side, &hash));
        encoded(&Finished { verify_data: &verify_data })
    }

    /// Every message that a side of this version may ever say, for a test that says it at the wrong time.
    pub fn repertoire(side: Side, version: premaster::wire::ProtocolVersion) -> &'static [Say] {
        use Say::*;
        match (side, version) {
            (Side::Client, V13) => &[
                ClientHello,
                Certificate,
                EmptyCertificate,
                CertificateVerify,
                Finished,
                KeyUpdate,
                EndOfEarlyData,
            ],
            (Side::Client, _) => &[
                ClientHello,
                Certificate,
                EmptyCertificate,
                ClientKeyExchange,
                CertificateVerify,
                ChangeCipherSpec,
                Finished,
            ],
            (Side::Server, V13) => &[
                ServerHello,
                HelloRetryRequest,
                EncryptedExtensions,
                CertificateRequest,
                Certificate,
                EmptyCertificate,
                CertificateVerify,
                Finished,
                NewSessionTicket,
                KeyUpdate,
                HelloRequest,
            ],
            (Side::Server, _) => &[
                HelloRequest,
                ServerHello,
                Certificate,
                CertificateStatus,
                ServerKeyExchange,
                CertificateRequest,
                ServerHelloDone,
                NewSessionTicket,
                ChangeCipherSpec,
                Finished,
            ],
        }
    }
}

impl Part {
    /// Signs with the part's key; a part without one signs with nothing.
    pub fn sign(&self, usage: SchemeUse, content: &[u8]) -> (SignatureScheme, Vec<u8>) {
        let Some(key) = &self.key else {
            return (self.scheme.unwrap_or(SignatureScheme::ecdsa_secp256r1_sha256), vec![0; 64]);
        };
        let usable = |scheme: &&SignatureScheme| key.kind().fits(**scheme, usage);
        let own = key.schemes().iter().find(usable).copied();
        let real = own.unwrap_or(SignatureScheme::ecdsa_secp256r1_sha256);
        // A scheme that this key cannot make is claimed all the same.
        match self.scheme {
            Some(scheme) if key.kind().fits(scheme, usage) => {
                (scheme, key.sign(scheme, usage, content).unwrap_or_default())
            }
            Some(scheme) => (scheme, key.sign(real, usage, content).unwrap_or_default()),
            None => (real, key.sign(real, usage, content).unwrap_or_default()),
        }
    }
}

/// The same message under another type.
pub fn retyped(message: &[u8], kind: HandshakeType) -> Vec<u8> {
    let mut message = message.to_vec();
    message[0] = kind.0;
    message
}

/// The same message with another body; the header's length follows.
pub fn rebodied(message: &[u8], body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    [&[message[0], a, b, c], body].concat()
}
