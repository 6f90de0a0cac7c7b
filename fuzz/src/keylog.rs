//! Files of keys, and what is found inside records: key logs, private keys, pre-shared keys, HTTP.
use crate::script::Script;
use premaster::wire::Side;
use premaster_capture::{HttpSummary, KeyStore};

/// Reads the bytes as each kind of file.
pub fn run(data: &[u8]) {
    let mut store = KeyStore::new();
    let summary = store.add_key_log(data);
    assert!(summary.bad_lines.len() <= data.len());
    summary.bad_lines.iter().for_each(|line| assert!(!line.to_string().is_empty()));
    if let Err(error) = store.add_private_keys(data) {
        assert!(!error.to_string().is_empty());
    }
    if let Err(error) = store.add_psks(data) {
        assert!(!error.to_string().is_empty());
    }
    // Secrets stay out of what can be shown.
    assert!(format!("{store:?}").len() < 1000);
    let mut merged = KeyStore::new();
    merged.merge(store);
    let mut script = Script::new(data);
    let mut http = HttpSummary::new();
    while !script.is_over() {
        let side = if script.byte() & 1 == 0 { Side::Client } else { Side::Server };
        http.push(side, script.bytes());
    }
}

/// A line of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let random = "5a".repeat(32);
    let secret = "c3".repeat(48);
    let labels = [
        "CLIENT_RANDOM",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "EXPORTER_SECRET",
    ];
    let log: String = labels.map(|label| format!("{label} {random} {secret}\n")).concat();
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let said = |side: u8, text: &str| [&[side, text.len() as u8], text.as_bytes()].concat();
    vec![
        log.into_bytes(),
        format!("# a comment\r\nRSA {} {secret}\n", "5a".repeat(8)).into_bytes(),
        format!("name:{random}\n").into_bytes(),
        [said(0, get), said(1, answer)].concat(),
        include_bytes!("../../crates/premaster-capture/tests/data/openssl-four-sessions.rsa.key.pem")
            .to_vec(),
        include_bytes!("../../crates/premaster-capture/tests/data/openssl-four-sessions.keys").to_vec(),
    ]
}
