//! What was negotiated, in words.
use crate::{peer, terminal::safe_bytes};
use premaster::Info;

/// One line for people.
pub fn line(info: &Info) -> String {
    let group = info.group.map_or_else(String::new, |group| format!(", {group}"));
    let scheme = info.peer_scheme.map_or_else(String::new, |scheme| format!(", signed with {scheme}"));
    let alpn = info.alpn.as_deref().map_or_else(String::new, |name| format!(", {}", safe_bytes(name)));
    let resumed =
        if info.resumed.is_resumed() { format!(", resumed ({})", info.resumed) } else { String::new() };
    format!("{}, {}{group}{scheme}{alpn}{resumed}, {}", info.version, info.suite.name(), secrecy(info))
}

const fn secrecy(info: &Info) -> &'static str {
    if info.forward_secret { "forward secret" } else { "NOT forward secret" }
}

/// One line of words that a script can cut: version, suite, group, secrecy, verdict, and what else there is.
pub fn summary(info: &Info) -> String {
    let mut words = vec![info.version.to_string().replace(' ', ""), info.suite.name().to_owned()];
    words.push(info.group.map_or_else(|| "no-group".into(), |group| group.to_string()));
    words.push(if info.forward_secret { "forward-secret" } else { "not-forward-secret" }.into());
    words.push(match info.peer.as_deref() {
        Some(peer) if peer.is_verified() => "verified".into(),
        Some(_) => "not-verified".into(),
        None => "no-certificate".into(),
    });
    words.extend(info.external_psk.as_deref().map(|name| format!("psk={}", safe_bytes(name))));
    words.extend(info.alpn.as_deref().map(|name| format!("alpn={}", safe_bytes(name))));
    words.extend(info.resumed.is_resumed().then(|| format!("resumed={}", info.resumed)));
    words.join(" ")
}

/// One line about a client, for a server's log.
pub fn server_line(info: &Info) -> String {
    let mut line = summary(info).replace(" no-certificate", "");
    if let Some(name) = &info.server_name {
        line.push_str(&format!(" name={name}"));
    }
    if let Some(client) = info.peer.as_deref() {
        line.push_str(&format!("; client {}", peer::line(client)));
    }
    line
}

/// Everything, as names and values.
pub fn rows(info: &Info) -> Vec<(&'static str, String)> {
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
    vec![
        ("version", info.version.to_string()),
        ("cipher suite", info.suite.name().into()),
        ("group", or_none(info.group.map(|group| group.to_string()))),
        ("forward secrecy", yes(info.forward_secret)),
        ("server's signature", or_none(info.own_scheme.map(|scheme| scheme.to_string()))),
        ("extended master secret", yes(info.extended_master_secret)),
        ("resumed", info.resumed.to_string()),
        ("second hello", yes(info.hello_retry)),
        ("application protocol", or_none(info.alpn.as_deref().map(safe_bytes))),
        ("name asked for", or_none(info.server_name.clone())),
    ]
}
