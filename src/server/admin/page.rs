//! The status page: the inventory as HTML for a person with a browser. No script, nothing loaded from anywhere.

use std::fmt::Write as _;

use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderValue, StatusCode};

use super::guard_headers;
use crate::pipeline::answer::Answer;
use crate::server::inventory::InventoryEntry;
use crate::server::readiness::Readiness;

/// Style in the page itself, and nothing else at all.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>hookward</title><style>\
    body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1b1f24}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #d8dee4;vertical-align:top}\
    .disabled,.unavailable{color:#b42318}.degraded{color:#9a6700}.enabled,.ready{color:#1a7f37}</style><h1>hookward</h1>";

/// The page.
pub(super) fn status(readiness: &Readiness, inventory: &[InventoryEntry]) -> Answer {
    guard_headers(Answer::new(StatusCode::OK, html(readiness, inventory)), "text/html; charset=utf-8")
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .with(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
}

fn html(readiness: &Readiness, inventory: &[InventoryEntry]) -> String {
    let mut page = HEAD.to_owned();
    // Writing to a string cannot fail.
    let _ = write!(page, "<p class=\"{0}\">{0}</p>", readiness.status);
    for cause in &readiness.causes {
        let _ = write!(page, "<p>{cause}</p>");
    }
    for degraded in &readiness.degraded {
        let _ = write!(page, "<p>{}: {}</p>", degraded.cause, escape(&degraded.details.join("; ")));
    }
    page.push_str(
        "<table><tr><th>Integration<th>Provider<th>Path<th>Owner<th>State<th>Secrets, last used<th>Last accepted<th>Refused</tr>",
    );
    for entry in inventory {
        row(&mut page, entry);
    }
    page.push_str("</table></html>\n");
    page
}

fn row(page: &mut String, entry: &InventoryEntry) {
    let absent = || "-".to_owned();
    let secrets = entry
        .secrets
        .iter()
        .map(|secret| format!("{} ({}, {})", secret.id, secret.state, secret.last_used.as_deref().unwrap_or("never")));
    let refused = entry.refusals.iter().map(|(reason, count)| format!("{reason} {count}"));
    let reason = entry.disabled.as_ref().and_then(|disabled| disabled.reason.as_ref());
    let state = reason.map_or_else(|| entry.state.to_owned(), |reason| format!("{}: {reason}", entry.state));
    let cells = [
        entry.name.clone(),
        entry.provider.clone(),
        entry.path.clone(),
        entry.owner.clone().unwrap_or_else(absent),
        state,
        secrets.collect::<Vec<_>>().join(", "),
        entry.last_accepted.clone().unwrap_or_else(absent),
        refused.collect::<Vec<_>>().join(", "),
    ];
    let _ = write!(page, "<tr class=\"{}\">", entry.state);
    for cell in cells {
        let _ = write!(page, "<td>{}", escape(&cell));
    }
    page.push_str("</tr>");
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_text() {
        assert_eq!(escape("<script a='\"&>"), "&lt;script a=&#39;&quot;&amp;&gt;");
    }
}
