//! Certificates that are not believed, of servers and of clients.
use super::{Expected, mends, openssl, openssl_server, verdict_of};
use crate::support::Certificates;
use premaster_interop::need;
use rcgen::{BasicConstraints, CustomExtension, IsCa, KeyUsagePurpose};

/// authorityInfoAccess: where the issuer's certificate can be had (RFC 5280 section 4.2.2.1).
fn issuer_is_at(url: &str) -> CustomExtension {
    let location = [&[0x86, url.len() as u8][..], url.as_bytes()].concat();
    let method = [&[6, 8, 0x2b, 6, 1, 5, 5, 7, 48, 2][..], &location].concat();
    let description = [&[0x30, method.len() as u8][..], &method].concat();
    let list = [&[0x30, description.len() as u8][..], &description].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], list)
}

#[test]
fn of_a_server() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let ca = certificates.ca();
    let other = Certificates::of("an authority of its own");
    let dated = |name: &'static str, from: i32, to: i32| {
        certificates.issue(name, &["localhost"], |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        })
    };
    let issue = |name: &str, names: &[&str], change: &dyn Fn(&mut rcgen::CertificateParams)| {
        certificates.issue(name, names, |params| change(params))
    };
    let authority = issue("authority", &["localhost"], &|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    });
    let client_only = issue("purpose", &["localhost"], &|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let stranger = other.good();
    let intermediate = other.issue("below", &["localhost"], |params| {
        params.custom_extensions = vec![issuer_is_at("http://ca.example/ca.der")];
    });
    let cases = [
        (
            "expired",
            dated("expired", 2020, 2021),
            &ca,
            "localhost",
            Expected::new("certificate_expired", "server", "notAfter").line("certbot renew"),
        ),
        (
            "not yet valid",
            dated("future", 2090, 2091),
            &ca,
            "localhost",
            Expected::new("certificate_not_yet_valid", "server", "notBefore"),
        ),
        (
            "wrong name",
            issue("wrong", &["other.example"], &|_| {}),
            &ca,
            "localhost",
            Expected::new("wrong_name", "server", "subjectAltName")
                .client("localhost")
                .server("other.example")
                .line("--name other.example"),
        ),
        (
            "IP without SAN",
            issue("address", &["localhost"], &|_| {}),
            &ca,
            "127.0.0.1",
            Expected::new("address_not_named", "server", "subjectAltName")
                .client("127.0.0.1")
                .server("localhost")
                .line("--name localhost"),
        ),
        (
            "CA as leaf",
            authority,
            &ca,
            "localhost",
            Expected::new("authority_as_leaf", "server", "basicConstraints"),
        ),
        (
            "wrong purpose",
            client_only,
            &ca,
            "localhost",
            Expected::new("wrong_purpose", "server", "extKeyUsage"),
        ),
        (
            "unknown issuer",
            stranger,
            &ca,
            "localhost",
            Expected::new("unknown_issuer", "both", "issuer")
                .server("issuer CN=an authority of its own")
                .line("--ca ca.pem"),
        ),
        (
            "missing intermediate",
            intermediate,
            &ca,
            "localhost",
            Expected::new("missing_intermediate", "server", "certificate_list")
                .line("ssl_certificate fullchain.pem;"),
        ),
    ];
    for (case, credential, ca, host, expected) in cases {
        let server = openssl_server(&format!("{} -www", credential.replace("--", "-")));
        let verdict = verdict_of(&format!("{host}:{} --ca {ca}", server.port));
        expected.check(case, &verdict);
        assert_eq!(verdict["certain"], true, "{case}");
        if case == "wrong name" || case == "IP without SAN" {
            mends(case, &verdict);
        }
    }
}

#[test]
fn of_a_server_that_only_openssl_can_make() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    let own = "req -x509 -newkey rsa:2048 -nodes -days 30 -keyout self.key -out self.pem -addext basicConstraints=critical,CA:FALSE";
    openssl(&certificates, &format!("{own} {subject}"));
    let root = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=root -keyout root.key -out root.pem -addext keyUsage=keyCertSign";
    openssl(&certificates, root);
    certificates.write("leaf.ext", b"subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n");
    certificates.write("ca.ext", b"basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n");
    let issue = |name: &str, bits: u32, hash: &str, more: &str, issuer: &str| {
        openssl(
            &certificates,
            &format!("req -newkey rsa:{bits} -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"),
        );
        let sign = format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -{hash} -out {name}.pem {more}"
        );
        openssl(&certificates, &sign);
    };
    issue("sha1", 2048, "sha1", "-days 30 -extfile leaf.ext", "root");
    issue("small", 1024, "sha256", "-days 30 -extfile leaf.ext", "root");
    issue("middle", 2048, "sha256", "-days 30 -extfile ca.ext", "root");
    issue("below", 2048, "sha256", "-days 30 -extfile leaf.ext", "middle");
    let at = |name: &str| certificates.path(name);
    for (case, name, more, expected) in [
        (
            "self-signed",
            "self",
            String::new(),
            Expected::new("self_signed", "server", "issuer").line("--ca ca.pem"),
        ),
        (
            "SHA-1",
            "sha1",
            String::new(),
            Expected::new("weak_certificate_signature", "server", "signatureAlgorithm"),
        ),
        ("1024-bit RSA", "small", String::new(), Expected::new("weak_key", "server", "subjectPublicKeyInfo")),
    ] {
        let options = format!(
            "-cert {} -key {} -cipher DEFAULT:@SECLEVEL=0 {more}",
            at(&format!("{name}.pem")),
            at(&format!("{name}.key"))
        );
        let server = openssl_server(&options);
        let verdict = verdict_of(&format!("localhost:{} --ca {}", server.port, at("root.pem")));
        expected.check(case, &verdict);
    }
    // With its intermediate it is believed; whoever leaves that out is told of it.
    let chain = format!("-cert {} -key {} -www", at("below.pem"), at("below.key"));
    let server = openssl_server(&format!("{chain} -cert_chain {}", at("middle.pem")));
    let line = format!("connect localhost:{} --ca {} --brief", server.port, at("root.pem"));
    crate::support::run(&line).ended(0, "");
}

#[test]
fn of_a_client() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let other = Certificates::of("an authority of its own");
    let stranger = other.issue("stranger", &["client"], |_| {});
    let good = certificates.good().replace("--", "-");
    let client = certificates.issue("client", &["client"], |_| {});
    let ca = certificates.ca();
    for version in ["-tls1_2", "-tls1_3"] {
        let server =
            openssl_server(&format!("{good} {version} -Verify 1 -verify_return_error -CAfile {ca} -www"));
        let base = format!("localhost:{} --ca {ca} --get /", server.port);
        Expected::new("client_certificate_required", "client", "certificate_list")
            .client("none")
            .line("--cert client.pem --key client.key")
            .check(version, &verdict_of(&base));
        Expected::new("client_certificate_refused", "both", "issuer")
            .client("issuer CN=an authority of its own")
            .line("ssl_client_certificate ca.pem;")
            .check(version, &verdict_of(&format!("{base} {stranger}")));
        crate::support::run(&format!("connect {base} {client}")).ended(0, "");
        let explain = format!("explain localhost:{} --ca {ca} {client} --receipt", server.port);
        let told = crate::support::run(&explain).ended(0, "").out;
        assert!(told.contains("the client's certificate key   opens nothing recorded"), "{version}: {told}");
        assert!(told.contains("This is the client's account"), "{version}: {told}");
    }
}
