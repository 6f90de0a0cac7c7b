//! What the two sides show each other: X.509 certificates, unless both want raw public keys (RFC 7250 section 4).
use crate::{
    Error,
    config::{ClientConfig, ServerConfig},
    error::{Incompatible, Misbehaved},
    identity::Credential,
    wire::{
        CertificateType, ExtensionType, List,
        extension::{
            ClientCertificateTypes, Extensions, SelectedClientCertificateType, SelectedServerCertificateType,
            ServerCertificateTypes, push,
        },
        message::ClientHello,
    },
};
use smallvec::SmallVec;

const DEFAULT: &[CertificateType] = &[CertificateType::X509];

/// A client's lists: what it can check, and what it can show.
pub(super) fn push_lists(out: &mut Vec<u8>, config: &ClientConfig) {
    // RFC 7250 section 4.1: a list of the default alone MUST be left out.
    let differs = |types: &[CertificateType]| !types.is_empty() && types != DEFAULT;
    let own = config.credentials.certificate_types();
    if differs(&own) {
        push(out, &ClientCertificateTypes { client_certificate_types: List::from(&own) });
    }
    let checkable = config.verifier.certificate_types();
    if differs(checkable) {
        push(out, &ServerCertificateTypes { server_certificate_types: List::from(checkable) });
    }
}

/// What a server made of a client's lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected {
    /// What the server shows. The verifier refuses what it was not offered.
    pub(super) server: CertificateType,
    /// What the client is to show, should it be asked.
    pub(super) client: CertificateType,
}

impl Selected {
    /// Reads the server's answers; none means X.509.
    pub(super) fn read(config: &ClientConfig, extensions: &Extensions<'_>) -> Result<Self, Error> {
        let server = extensions.get::<SelectedServerCertificateType>()?;
        let server = server.map(|selected| selected.server_certificate_type);
        let client = extensions.get::<SelectedClientCertificateType>()?;
        let client = client.map(|selected| selected.client_certificate_type);
        // RFC 7250 section 4.2: the type MUST be one of the client's list.
        if server.is_some_and(|selected| !config.verifier.certificate_types().contains(&selected))
            || client.is_some_and(|selected| !config.credentials.certificate_types().contains(&selected))
        {
            return Err(Misbehaved::UnofferedCertificateType.into());
        }
        let or_default = |selected: Option<_>| selected.unwrap_or(CertificateType::X509);
        Ok(Self { server: or_default(server), client: or_default(client) })
    }
}

/// A client's lists, as a server reads them.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    /// What the client can check.
    pub(super) server: Types,
    /// What it can show.
    client: Types,
}

/// Nearly always X.509 alone.
type Types = SmallVec<[CertificateType; 2]>;

impl Offered {
    /// Reads them; none means X.509.
    pub(super) fn read(hello: &ClientHello<'_>) -> Result<Self, Error> {
        let server = hello.extensions.get::<ServerCertificateTypes<'_>>()?;
        let client = hello.extensions.get::<ClientCertificateTypes<'_>>()?;
        Ok(Self {
            server: known(server.map(|list| list.server_certificate_types))?,
            client: known(client.map(|list| list.client_certificate_types))?,
        })
    }

    /// The type to ask the client for, if the server asks: its verifier's first that the client can show.
    pub(super) fn to_ask(&self, config: &ServerConfig) -> Result<Option<CertificateType>, Error> {
        let Some(verifier) = config.client_authentication.verifier() else { return Ok(None) };
        let chosen = verifier.certificate_types().iter().find(|of| self.client.contains(of));
        // RFC 7250 section 4.2: with none in common the handshake ends.
        chosen.copied().map(Some).ok_or_else(|| Incompatible::CertificateType.into())
    }
}

fn known(list: Option<List<'_, CertificateType>>) -> Result<Types, Error> {
    let Some(list) = list else { return Ok(DEFAULT.into()) };
    // RFC 7250 section 4.1: a client that has the default alone MUST leave the list out.
    match list == List::from(DEFAULT) {
        true => Err(Misbehaved::NeedlessCertificateTypes.into()),
        false => Ok(list.iter().filter(|of| CertificateType::KNOWN.contains(of)).collect()),
    }
}

/// A server's answers: what it shows, and what it asks for, if it does. Only for those who sent a list.
pub(super) fn push_selected(
    out: &mut Vec<u8>,
    hello: &ClientHello<'_>,
    credential: Option<&Credential>,
    asked: Option<CertificateType>,
) {
    if let Some(client_certificate_type) = asked
        && hello.extensions.contains(ExtensionType::CLIENT_CERTIFICATE_TYPE)
    {
        push(out, &SelectedClientCertificateType { client_certificate_type });
    }
    if let Some(credential) = credential
        && hello.extensions.contains(ExtensionType::SERVER_CERTIFICATE_TYPE)
    {
        push(out, &SelectedServerCertificateType { server_certificate_type: credential.certificate_type() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ProtocolVersion;

    fn read(client: &[u8], server: &[u8]) -> Result<Offered, Error> {
        let mut extensions = Vec::new();
        for (extension, list) in [
            (ExtensionType::CLIENT_CERTIFICATE_TYPE, client),
            (ExtensionType::SERVER_CERTIFICATE_TYPE, server),
        ] {
            if !list.is_empty() {
                crate::wire::extension::push_encoded(&mut extensions, extension, list);
            }
        }
        Offered::read(&ClientHello {
            legacy_version: ProtocolVersion::TLS_1_2,
            random: &[0; 32],
            session_id: &[],
            cipher_suites: List::default(),
            compression_methods: &[0],
            extensions: Extensions::from_encoded(&extensions),
        })
    }

    #[test]
    fn no_list_means_x509_and_unknown_types_are_ignored() {
        let offered = read(&[], &[]).unwrap();
        assert_eq!((&*offered.client, &*offered.server), (DEFAULT, DEFAULT));
        let offered = read(&[3, 9, 2, 0], &[1, 9]).unwrap();
        assert_eq!(offered.client[..], [CertificateType::RawPublicKey, CertificateType::X509]);
        assert!(offered.server.is_empty());
    }

    #[test]
    fn a_list_that_should_have_been_left_out_or_is_none_is_refused() {
        let needless = Err(Misbehaved::NeedlessCertificateTypes.into());
        assert_eq!(read(&[1, 0], &[]).map(|_| ()), needless);
        assert_eq!(read(&[], &[1, 0]).map(|_| ()), needless);
        for broken in [&[0][..], &[2, 0], &[1, 2, 0]] {
            assert!(matches!(read(broken, &[]), Err(Error::Malformed(_))), "{broken:?}");
        }
    }
}
