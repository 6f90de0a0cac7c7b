//! Servers that have nothing in common with the client.
use super::{Expected, mends, openssl_server, rsa, verdict_of, weak_parameters};
use crate::support::{Certificates, Server};
use premaster_interop::need;

const SUITES: &str = "cipher_suites";

#[test]
fn servers_of_openssl_with_nothing_in_common() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let rsa = rsa(&certificates);
    let cases = [
        (
            "only static RSA",
            "-tls1_2 -cipher AES128-GCM-SHA256",
            "",
            Expected::new("no_shared_cipher_suite", "server", SUITES)
                .client("TLS_AES_128_GCM_SHA256")
                .server("TLS_RSA_WITH_AES_128_GCM_SHA256")
                .line("--suite TLS_RSA_WITH_AES_128_GCM_SHA256 --legacy"),
        ),
        (
            "only CBC",
            "-tls1_2 -cipher ECDHE-RSA-AES128-SHA",
            "",
            Expected::new("no_shared_cipher_suite", "both", SUITES)
                .server("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")
                .line("--suite TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
        ),
        (
            "only TLS 1.2",
            "-tls1_2",
            "--tls 1.3",
            Expected::new("no_shared_version", "both", "supported_versions")
                .client("TLS 1.3")
                .server("TLS 1.2")
                .line("--tls 1.3 --json --tls 1.2"),
        ),
        (
            "only TLS 1.3",
            "-tls1_3",
            "--tls 1.2",
            Expected::new("no_shared_version", "both", "supported_versions")
                .client("TLS 1.2")
                .server("TLS 1.3"),
        ),
        (
            "no shared group, TLS 1.3",
            "-tls1_3 -groups P-384",
            "--group x25519",
            Expected::new("no_shared_group", "both", "supported_groups")
                .client("x25519")
                .server("secp384r1")
                .line("--group secp384r1"),
        ),
        (
            "no shared group, TLS 1.2",
            "-tls1_2 -groups P-521",
            "--group x25519 --tls 1.2",
            Expected::new("no_shared_group", "both", "supported_groups").server("secp521r1"),
        ),
        (
            "no shared suite, TLS 1.3",
            "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
            "--suite TLS_AES_128_GCM_SHA256",
            Expected::new("no_shared_cipher_suite", "both", SUITES)
                .client("TLS_AES_128_GCM_SHA256")
                .server("TLS_CHACHA20_POLY1305_SHA256")
                .line("--suite TLS_CHACHA20_POLY1305_SHA256"),
        ),
        (
            "an RSA key for a client of ECDSA",
            "-tls1_2",
            "--suite ECDHE-ECDSA-AES128-GCM-SHA256",
            Expected::new("no_shared_cipher_suite", "both", SUITES)
                .client("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ),
    ];
    for (case, server, client, expected) in cases {
        let server = openssl_server(&format!("{rsa} -www {server}"));
        let verdict = verdict_of(&format!("localhost:{} --ca {} {client}", server.port, certificates.ca()));
        expected.check(case, &verdict);
        assert_eq!(verdict["certain"], true, "{case}: {verdict:#}");
        mends(case, &verdict);
    }
}

#[test]
fn servers_that_nothing_here_can_speak_with() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let rsa = rsa(&certificates);
    let weak = weak_parameters(&certificates);
    let weak = format!("-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0 -dhparam {weak}");
    let old = Expected::new("no_shared_version", "server", "supported_versions")
        .client("TLS 1.3")
        .line("ssl_protocols TLSv1.2 TLSv1.3;");
    let small =
        Expected::new("weak_dh_group", "server", "dh_p").server("1024 bits").line("ssl_dhparam dh2048.pem;");
    for (case, server, client, expected) in [
        ("only TLS 1.0", "-tls1 -cipher DEFAULT:@SECLEVEL=0", "", old.server("TLS 1.0")),
        ("only TLS 1.1", "-tls1_1 -cipher DEFAULT:@SECLEVEL=0", "", old.server("TLS 1.1")),
        ("only 1024-bit DH, not offered", weak.as_str(), "", small),
        ("only 1024-bit DH, offered", weak.as_str(), "--kx dhe --tls 1.2", small),
    ] {
        let server = openssl_server(&format!("{rsa} {server}"));
        let verdict = verdict_of(&format!("localhost:{} --ca {} {client}", server.port, certificates.ca()));
        expected.check(case, &verdict);
    }
}

#[test]
fn no_application_protocol() {
    let certificates = Certificates::new();
    let server = Server::start(&format!("--www {} --alpn h2", certificates.good()));
    let verdict =
        verdict_of(&format!("localhost:{} --ca {} --alpn http/1.1", server.port, certificates.ca()));
    Expected::new("no_shared_application_protocol", "both", "application_layer_protocol_negotiation")
        .client("http/1.1")
        .line("--alpn h2")
        .check("ALPN", &verdict);
    mends("ALPN", &verdict);
    server.kill();
}

#[test]
fn nothing_is_asked_again_if_that_is_not_wanted() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let server = openssl_server(&format!("{} -tls1_2 -cipher AES128-GCM-SHA256", rsa(&certificates)));
    let verdict = verdict_of(&format!("localhost:{} --no-probe", server.port));
    assert_eq!((&verdict["kind"], &verdict["certain"]), (&"refused".into(), &false.into()), "{verdict:#}");
}
