//! A page that says what was negotiated.
use super::{
    content::{Ended, Session},
    http::{self, Request},
};
use crate::{parameters, peer};
use premaster::Info;

/// Answers with the page, whatever path was asked for.
pub async fn respond(session: &mut Session, request: &Request) -> Result<(), Ended> {
    let page = session.link.connection().info().map(page).unwrap_or_default();
    let mut response = http::head("200 OK", "text/html; charset=utf-8", page.len() as u64);
    if !request.head_only {
        response.push_str(&page);
    }
    session.write(response.as_bytes()).await
}

fn page(info: &Info) -> String {
    let mut rows = parameters::rows(info);
    if let Some(client) = info.peer.as_deref() {
        rows.push(("client certificate", peer::line(client)));
    }
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), escape(value)))
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>premaster</title>\n\
         <style>body{{font-family:sans-serif;margin:2em}}th{{text-align:left;padding-right:1em}}</style>\n\
         </head>\n<body>\n<h1>You are connected over {}</h1>\n<table>\n{rows}</table>\n</body>\n</html>\n",
        escape(&info.version.to_string())
    )
}

/// The name that a client asked for, or its certificate's subject, may be anything.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
