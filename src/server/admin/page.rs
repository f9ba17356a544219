//! The status page: tables for a person with a browser, whole without a script; with one they stay up to date.
//!
//! Invariants: nothing is loaded from anywhere else; no script and no style stands in the page; what others wrote is escaped
//! in one place, [`Text`].

use std::fmt::{self, Display, Write as _};

use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};

use super::{guard_headers, spark};
use crate::audit::recent::Decision;
use crate::pipeline::answer::Answer;
use crate::server::inventory::SecretEntry;
use crate::server::live::picture::{Frame, Item};

mod sections;

/// What the page may load and do. No string becomes a script or markup in it, whatever the script does.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// No page that opens this one has a hand in it.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What there is under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The page.
    Page,
    /// What it loads.
    File(File),
}

/// A file that was built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File {
    kind: &'static str,
    text: &'static str,
}

const SCRIPT: File = File { kind: "text/javascript; charset=utf-8", text: include_str!("page/status.js") };
const STYLE: File = File { kind: "text/css; charset=utf-8", text: include_str!("page/status.css") };
const ICON: File = File { kind: "image/svg+xml", text: include_str!("page/status.svg") };

/// The part of the page that a path names.
pub(super) fn part(path: &str) -> Option<Part> {
    match path {
        "/" => Some(Part::Page),
        "/status.js" => Some(Part::File(SCRIPT)),
        "/status.css" => Some(Part::File(STYLE)),
        "/status.svg" => Some(Part::File(ICON)),
        _ => None,
    }
}

/// A file as an answer.
pub(super) fn file(file: File) -> Answer {
    guard_headers(Answer::new(StatusCode::OK, file.text), file.kind)
}

/// The page.
pub(super) fn status(frame: &Frame, items: &[Item], decisions: &[Decision]) -> Answer {
    guard_headers(Answer::new(StatusCode::OK, html(frame, items, decisions)), "text/html; charset=utf-8")
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .with(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .with(OPENER_POLICY, HeaderValue::from_static("same-origin"))
}

fn html(frame: &Frame, items: &[Item], decisions: &[Decision]) -> String {
    let mut page = String::from(include_str!("page/head.html"));
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        page,
        "<header><h1>hookward</h1><p id=\"readiness\" class=\"pill {0}\">{0}</p><p id=\"live\" hidden></p>\
         <p id=\"version\">{1}</p></header><main>",
        frame.readiness.status,
        Text(frame.version)
    );
    sections::notices(&mut page, frame);
    sections::totals(&mut page, frame, items);
    sections::integrations(&mut page, items);
    sections::findings(&mut page, items);
    sections::refusals(&mut page, frame, items);
    sections::decisions(&mut page, decisions);
    page.push_str(include_str!("page/foot.html"));
    page
}

/// What others wrote, as text.
struct Text<T>(T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string().chars().try_for_each(|character| match character {
            '&' => formatter.write_str("&amp;"),
            '<' => formatter.write_str("&lt;"),
            '>' => formatter.write_str("&gt;"),
            '"' => formatter.write_str("&quot;"),
            '\'' => formatter.write_str("&#39;"),
            other => formatter.write_char(other),
        })
    }
}

/// What may be absent.
fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("–")
}

/// A secret in a line: its id, whether it may be used, its age and its last use.
fn secret(secret: &SecretEntry) -> String {
    let days = secret.age_seconds / 86_400;
    format!("{} · {} · {days} d old · last used {}", secret.id, secret.state, secret.last_used.as_deref().unwrap_or("never"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_text() {
        assert_eq!(Text("<script a='\"&>").to_string(), "&lt;script a=&#39;&quot;&amp;&gt;");
    }

    #[test]
    fn the_page_loads_only_what_is_built_in() {
        for place in [include_str!("page/head.html"), include_str!("page/foot.html"), SCRIPT.text, STYLE.text] {
            for word in ["http:", "https:", "//cdn", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                let found = place.replace("http://www.w3.org/2000/svg", "");
                assert!(!found.contains(word), "{word}");
            }
        }
        let head = include_str!("page/head.html");
        for path in ["/status.js", "/status.css", "/status.svg"] {
            assert!(part(path).is_some() && head.contains(path), "{path}");
        }
        assert_eq!((part("/status.html"), part("/index.html")), (None, None));
    }

    #[test]
    fn neither_script_nor_style_stands_in_the_page() {
        let page = [include_str!("page/head.html"), include_str!("page/foot.html")].concat();
        for word in ["<style", "style=", "onclick", "<script>", "javascript:"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
