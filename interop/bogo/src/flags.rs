//! The runner's flags: which there are, and what each connection of a test gets of them.
use crate::{failure::Failure, settings::Settings};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// What follows a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
}

/// Flags that say what to do. Whatever is not listed is unknown, and ends the test as unimplemented.
const SWITCHES: &[&str] = &[
    // How the runner drives the shim.
    "-ipv6",
    "-server",
    "-async",
    "-shim-writes-first",
    "-shim-shuts-down",
    "-check-close-notify",
    "-read-with-unfinished-write",
    "-write-different-record-sizes",
    "-key-update",
    "-key-update-before-read",
    "-use-export-context",
    "-no-op-extra-handshake",
    "-export-traffic-secrets",
    // premaster has one way to drive a handshake, and one way to choose a certificate.
    "-implicit-handshake",
    "-use-old-client-cert-callback",
    "-use-early-callback",
    "-use-custom-verify-callback",
    // What is spoken.
    "-no-tls1",
    "-no-tls11",
    "-no-tls12",
    "-no-tls13",
    "-no-key-shares",
    "-fallback-scsv",
    "-server-preference",
    "-no-legacy-server-connect",
    "-enable-ocsp-stapling",
    "-enable-signed-cert-timestamps",
    "-enable-grease",
    "-permute-extensions",
    "-reverify-on-resume",
    "-install-cert-compression-algs",
    "-decline-alpn",
    "-fips-202205",
    "-wpa-202304",
    "-cnsa1-202603",
    "-cnsa2-202603",
    "-reject-alpn",
    // premaster never starts over and never sends data before Finished is verified; these say the same.
    "-renegotiate-ignore",
    // Certificates.
    "-verify-peer",
    "-require-any-client-certificate",
    "-verify-fail",
    "-use-ocsp-callback",
    "-fail-ocsp-callback",
    "-decline-ocsp-callback",
    "-set-ocsp-in-callback",
    "-new-x509-credential",
    "-new-psk-credential",
    "-new-rpk-credential",
    "-psk-importer-sha256",
    "-psk-importer-sha384",
    "-must-match-issuer",
    // What must be so afterwards.
    "-expect-hrr",
    "-expect-no-hrr",
    "-expect-extended-master-secret",
    "-expect-secure-renegotiation",
    "-expect-no-secure-renegotiation",
    "-expect-no-peer-cert",
    "-expect-verify-result",
    "-expect-no-server-name",
    "-handshake-never-done",
    "-expect-session-miss",
    "-expect-no-session",
    "-expect-session-id",
    "-expect-no-session-id",
    "-expect-ticket-renewal",
    "-expect-ticket-supports-early-data",
    "-expect-accept-early-data",
    "-expect-reject-early-data",
    "-expect-no-offer-early-data",
    "-enable-early-data",
    "-no-ticket",
];

/// Flags that a value follows.
const VALUES: &[&str] = &[
    "-port",
    "-resumption-delay",
    "-shim-id",
    "-resume-count",
    "-min-version",
    "-max-version",
    "-cipher",
    "-curves",
    "-key-shares",
    "-server-supported-groups-hint",
    "-signing-prefs",
    "-verify-prefs",
    "-psk",
    "-psk-identity",
    "-psk-importer-key",
    "-psk-importer-identity",
    "-psk-importer-context",
    "-host-name",
    "-advertise-alpn",
    "-select-alpn",
    "-trust-cert",
    "-cert-file",
    "-key-file",
    "-ocsp-response",
    "-signed-cert-timestamps",
    "-use-client-ca-list",
    "-accepted-peer-cert-types",
    "-available-client-cert-types",
    "-max-cert-list",
    "-install-one-cert-compression-alg",
    "-read-size",
    "-max-send-fragment",
    "-shim-initial-write",
    "-repeat-shim-initial-write",
    "-export-keying-material",
    "-export-label",
    "-export-context",
    "-expect-version",
    "-expect-cipher",
    "-expect-cipher-aes",
    "-expect-cipher-no-aes",
    "-expect-curve-id",
    "-expect-alpn",
    "-expect-advertised-alpn",
    "-expect-server-name",
    "-expect-peer-signature-algorithm",
    "-expect-peer-verify-pref",
    "-expect-ocsp-response",
    "-expect-signed-cert-timestamps",
    "-expect-certificate-types",
    "-expect-client-ca-list",
    "-expect-peer-cert-file",
    "-expect-peer-certificate-type",
    "-expect-peer-rpk-sha256",
    "-expect-selected-credential",
    "-expect-total-renegotiations",
    "-expect-early-data-reason",
    "-expect-msg-callback",
];

fn takes(name: &str) -> Option<Takes> {
    if SWITCHES.contains(&name) {
        return Some(Takes::Nothing);
    }
    VALUES.contains(&name).then_some(Takes::Value)
}

/// What a test asks for: one set of settings for the first connection, one for those that resume it, one for the
/// second try after early data was rejected.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) initial: Settings,
    pub(crate) resume: Settings,
    pub(crate) retry: Settings,
}

impl Run {
    pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Self, Failure> {
        let mut run = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let flag = argument.into_string().map_err(|_| Failure::unsupported("a flag that is not text"))?;
            // There is no second process: flags for it alone would change nothing.
            let flag = flag.strip_prefix("-on-shim").unwrap_or(&flag);
            let prefixed = ["-on-initial", "-on-resume", "-on-retry"].into_iter().find_map(|prefix| {
                flag.strip_prefix(prefix).filter(|rest| rest.starts_with('-')).map(|rest| (prefix, rest))
            });
            let (scope, name) = prefixed.unwrap_or(("", flag));
            let value = match takes(name) {
                Some(Takes::Nothing) => Vec::new(),
                Some(Takes::Value) => match arguments.next() {
                    Some(value) => value.into_vec(),
                    None => return Err(Failure::unsupported(format!("{name} without its value"))),
                },
                None => return Err(Failure::unsupported(format!("the flag {flag}"))),
            };
            run.set(scope, name, &value);
        }
        Ok(run)
    }

    fn set(&mut self, scope: &str, name: &str, value: &[u8]) {
        let all = scope.is_empty();
        for (own, settings) in [
            ("-on-initial", &mut self.initial),
            ("-on-resume", &mut self.resume),
            ("-on-retry", &mut self.retry),
        ] {
            if all || scope == own {
                settings.set(name, value);
            }
        }
    }
}
