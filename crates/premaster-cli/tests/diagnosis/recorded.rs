//! The same verdicts from a capture of the handshake that failed, which knows neither end's mind.
use super::{Expected, openssl_server, relay::Relay, rsa, weak_parameters};
use crate::{
    support::{Certificates, Server, run},
    tape::{Link, Tape},
};
use premaster_interop::need;

/// What `explain` says of a connection to this port that passes a relay, from the capture alone.
fn from_capture(certificates: &Certificates, port: u16, options: &str) -> serde_json::Value {
    let relay = Relay::to(port, |_| ());
    run(&format!("connect localhost:{} --no-probe {options}", relay.port));
    let mut tape = Tape::new(Link::Ethernet);
    tape.open();
    for (from_client, bytes) in relay.end() {
        tape.say(from_client, &bytes);
    }
    tape.close();
    let path = certificates.write("failed.pcap", &tape.pcap());
    let trace = run(&format!("explain {} --format json", path.display())).json();
    trace["summary"]["diagnosis"].clone()
}

#[test]
fn failures_that_were_recorded() {
    need!(OpenSsl);
    let certificates = Certificates::new();
    let (rsa, ca) = (rsa(&certificates), certificates.ca());
    let weak = format!(
        "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0 -dhparam {}",
        weak_parameters(&certificates)
    );
    for (case, server, client, expected) in [
        (
            "old server",
            "-tls1_2",
            "--tls 1.3",
            Expected::new("no_shared_version", "both", "supported_versions").client("TLS 1.3"),
        ),
        (
            "weak DH",
            weak.as_str(),
            "--kx dhe --tls 1.2",
            Expected::new("weak_dh_group", "server", "dh_p").server("1024 bits"),
        ),
        (
            "unknown issuer",
            "-tls1_2",
            "--tls 1.2",
            Expected::new("unknown_issuer", "both", "issuer").line("curl --cacert ca.pem"),
        ),
    ] {
        let server = openssl_server(&format!("{rsa} {server}"));
        let ca = if case == "unknown issuer" { String::new() } else { format!("--ca {ca}") };
        expected.check(case, &from_capture(&certificates, server.port, &format!("{client} {ca}")));
    }
}

#[test]
fn failures_of_our_own() {
    let certificates = Certificates::new();
    let expired = certificates.issue("expired", &["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let other = certificates.issue("other", &["other.example"], |_| {});
    let ca = certificates.ca();
    let good = certificates.good();
    for (case, server, client, expected) in [
        ("expired", expired, "--tls 1.2", Expected::new("certificate_expired", "server", "notAfter")),
        (
            "wrong name",
            other,
            "--tls 1.2",
            Expected::new("wrong_name", "server", "subjectAltName")
                .client("localhost")
                .server("other.example"),
        ),
        (
            "ALPN",
            format!("{good} --alpn h2"),
            "--alpn http/1.1",
            Expected::new("no_shared_application_protocol", "both", "application_layer_protocol_negotiation")
                .client("http/1.1"),
        ),
    ] {
        let server = Server::start(&server);
        expected.check(case, &from_capture(&certificates, server.port, &format!("--ca {ca} {client}")));
        server.kill();
    }
}
