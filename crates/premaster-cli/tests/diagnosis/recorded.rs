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

/// How a recording ends in the middle of a handshake.
enum End {
    /// It was stopped.
    Stopped,
    /// This end closed the connection: the client if it is true.
    Closed(bool),
}

#[test]
fn recordings_that_end_in_the_middle_of_a_handshake() {
    let certificates = Certificates::new();
    let server = Server::start(&certificates.good());
    let relay = Relay::to(server.port, |_| ());
    run(&format!("connect localhost:{} --ca {} --tls 1.2 --brief", relay.port, certificates.ca()))
        .ended(0, "");
    let said = relay.end();
    server.kill();
    // The client's hello; and with it the server's flight, as far as ServerHelloDone.
    for (flights, end, certain, side, what) in [
        (
            1,
            End::Stopped,
            false,
            "network",
            "the recording ends after the client's ClientHello: what the server",
        ),
        (1, End::Closed(true), false, "network", "the server said nothing in time"),
        (1, End::Closed(false), false, "server", "the server closed the connection without an alert"),
        (
            2,
            End::Stopped,
            false,
            "network",
            "the recording ends after the server's ServerHelloDone: what the client",
        ),
        (2, End::Closed(true), false, "client", "the client closed the connection without an alert"),
        (2, End::Closed(false), false, "network", "the client said nothing in time"),
    ] {
        let mut tape = Tape::new(Link::Ethernet);
        tape.open();
        let mut flight = 0;
        let mut before = None;
        for (from_client, bytes) in &said {
            flight += usize::from(before != Some(*from_client));
            before = Some(*from_client);
            if flight <= flights {
                tape.say(*from_client, bytes);
            }
        }
        match end {
            End::Stopped => {}
            End::Closed(by_client) => tape.fin(by_client),
        }
        let path = certificates.write("cut.pcap", &tape.pcap());
        let trace = run(&format!("explain {} --format json", path.display())).json();
        let verdict = &trace["summary"]["diagnosis"];
        assert!(verdict["what"].as_str().is_some_and(|said| said.starts_with(what)), "{what}: {verdict}");
        assert_eq!(
            (verdict["certain"].as_bool(), verdict["side"].as_str()),
            (Some(certain), Some(side)),
            "{what}"
        );
        assert!(!verdict["changes"].as_array().unwrap().is_empty(), "{what}");
        let told = run(&format!("explain {}", path.display())).ended(0, "").out;
        assert!(
            told.contains("whose turn")
                && told.lines().all(|line| line.starts_with("   $ ") || line.chars().count() <= 80),
            "{told}"
        );
        assert!(told.contains("A recording has no receipt"), "{told}");
    }
}
