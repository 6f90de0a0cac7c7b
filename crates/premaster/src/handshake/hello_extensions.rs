//! The extensions of a ClientHello (RFC 9846 section 4.2, RFC 5246 section 7.4.1.4), in the order in which they are sent
//! unless they change places.
use super::{certificate, certificate_types, client::Offer, exchange12::is_cbc, psk13, record_size};
use crate::wire::{
    EcPointFormat, List, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
    extension::{self, KeyShareEntry, ProtocolName, push},
};
use pki_types::ServerName;
use smallvec::SmallVec;

impl Offer {
    /// Writes them all.
    pub(super) fn extensions(&self, out: &mut Vec<u8>) {
        let (config, policy) = (&self.config, &self.policy);
        self.disguise.push_first(out);
        if let (ServerName::DnsName(name), true) = (&self.name, config.send_server_name) {
            push(out, &extension::ServerName { host_name: name.as_ref().as_bytes() });
        }
        if self.offers(ProtocolVersion::TLS_1_2) {
            self.extensions12(out);
        }
        let groups = self.groups();
        if !groups.is_empty() {
            push(out, &extension::SupportedGroups { named_group_list: List::from(&*groups) });
        }
        let disguised = self.disguise.scheme().map(SignatureScheme).into_iter();
        let schemes: SmallVec<[_; 24]> = disguised.chain(policy.signature_schemes.iter().copied()).collect();
        push(out, &extension::SignatureAlgorithms { supported_signature_algorithms: List::from(&*schemes) });
        certificate_types::push_lists(out, config);
        if config.request_ocsp {
            push(out, &extension::CertificateStatusRequest::ocsp());
        }
        if config.request_scts {
            push(out, &extension::SignedCertificateTimestampRequest);
        }
        if !config.alpn.is_empty() {
            let names: Vec<ProtocolName<'_>> = config.alpn.iter().map(|name| ProtocolName(name)).collect();
            push(out, &extension::ProtocolNameList { protocol_name_list: List::from(&names) });
        }
        record_size::push_limits(out, config);
        if self.offers(ProtocolVersion::TLS_1_3) {
            self.extensions13(out);
        }
        self.disguise.push_last(out);
        if !self.psks.is_empty() {
            // RFC 9846 section 4.2.11: it MUST be the last.
            psk13::push_offer(out, &self.psks);
        }
    }

    /// What only TLS 1.2 knows.
    fn extensions12(&self, out: &mut Vec<u8>) {
        push(out, &extension::ExtendedMasterSecret);
        push(out, &extension::RenegotiationInfo { renegotiated_connection: &[] });
        if self.config.resumption.sessions.is_some() {
            push(out, &extension::SessionTicket { ticket: self.session_ticket() });
        }
        if self.policy.encrypt_then_mac && self.policy.suites(ProtocolVersion::TLS_1_2).any(is_cbc) {
            push(out, &extension::EncryptThenMac);
        }
        let uncompressed = List::from(&[EcPointFormat::uncompressed]);
        push(out, &extension::EcPointFormats { ec_point_format_list: uncompressed });
    }

    /// What only TLS 1.3 knows, but for the pre-shared keys.
    fn extensions13(&self, out: &mut Vec<u8>) {
        let config = &self.config;
        certificate::push_algorithms(out, &config.certificate_compression);
        let spoken = [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];
        let spoken = spoken.into_iter().filter(|version| self.offers(*version));
        let disguised = self.disguise.version().map(ProtocolVersion).into_iter();
        let versions: SmallVec<[ProtocolVersion; 3]> = disguised.chain(spoken).collect();
        push(out, &extension::SupportedVersionsClientHello { versions: List::from(&*versions) });
        let modes: &[PskKeyExchangeMode] = match config.allow_psk_ke {
            true => &[PskKeyExchangeMode::psk_dhe_ke, PskKeyExchangeMode::psk_ke],
            false => &[PskKeyExchangeMode::psk_dhe_ke],
        };
        push(out, &extension::PskKeyExchangeModes { ke_modes: List::from(modes) });
        if self.early_data > 0 {
            push(out, &extension::EarlyData);
        }
        let keeps = config.resumption.sessions.is_some();
        if let Some(request) = config.resumption.ticket_request.filter(|_| keeps) {
            push(out, &request);
        }
        if let Some(cookie) = &self.cookie {
            push(out, &extension::Cookie { cookie });
        }
        push(out, &extension::KeyShareClientHello { client_shares: List::from(&*self.key_shares()) });
    }

    fn key_shares(&self) -> SmallVec<[KeyShareEntry<'_>; 3]> {
        // RFC 9846 section 4.1.2: after a HelloRetryRequest the share that it asks for is the only one.
        let disguised = self.disguise.group().filter(|_| self.hello.is_empty());
        let disguised = disguised.map(|group| KeyShareEntry { group: NamedGroup(group), key_exchange: &[0] });
        let own = self.shares.iter();
        let own = own.map(|share| KeyShareEntry { group: share.group().code, key_exchange: share.public() });
        disguised.into_iter().chain(own).collect()
    }

    /// The groups, of which the hybrids are for TLS 1.3 alone (draft-ietf-tls-ecdhe-mlkem section 4).
    fn groups(&self) -> SmallVec<[NamedGroup; 16]> {
        let tls13 = self.offers(ProtocolVersion::TLS_1_3);
        let rows = self.policy.group_rows().filter(|group| tls13 || !group.quantum_safe);
        let mut groups: SmallVec<[NamedGroup; 16]> = rows.map(|group| group.code).collect();
        if let Some(disguised) = self.disguise.group().filter(|_| !groups.is_empty()) {
            groups.insert(0, NamedGroup(disguised));
        }
        groups
    }
}
