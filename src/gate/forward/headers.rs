//! Which headers pass, in both directions. Pure.
//!
//! To the upstream, in this order:
//! 1. Dropped: what belongs to the sender's connection, to framing and to us; every name starting with `Hookward-`; every
//!    name with an underscore (CGI and WSGI read `_` as `-`); what claims an origin (`Forwarded`, `X-Forwarded-*`,
//!    `X-Real-IP`); what makes an upstream see another method or path than was judged; siblings of the scheme's headers.
//! 2. Dropped: what `Connection` nominates, except content headers and the scheme's own. Headers of ours come later, so no
//!    nomination reaches them (CVE-2022-31813, CVE-2024-45410: proxies that let the sender remove what they attest).
//! 3. Set: the attestation, the configured headers, `Host`. Nothing else may stand under their names.
//!
//! Back to the sender: everything but the connection's own headers, what `Connection` nominates, `Server`, `Hookward-*`, and
//! the length, which the server computes.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::attestation::Attestation;
use super::head_text::HeadText;
use crate::provider::scheme::{Locator, Part, Scheme, TimestampPlace};

/// The headers of one upstream and its scheme, worked out once.
#[derive(Debug)]
pub struct HeaderRules {
    /// The scheme's own headers: no nomination removes them.
    pub protected: Vec<HeaderName>,
    /// Headers of sibling schemes.
    pub stripped: Vec<HeaderName>,
    /// The target's authority.
    pub host: HeaderValue,
    /// Configured headers, marked sensitive.
    pub added: Vec<(HeaderName, HeaderValue)>,
}

/// Writes the headers of a request to the upstream, but for its `Host` and its length.
pub(super) fn write_headers(inbound: &HeaderMap, facts: &Attestation<'_>, rules: &HeaderRules, text: &mut HeadText) {
    let nominated = nominated(inbound, &rules.protected);
    let is_set = |name: &HeaderName| facts.sets(name) || rules.added.iter().any(|(added, _)| added == name);
    for (name, value) in inbound {
        if !is_dropped(name) && !rules.stripped.contains(name) && !nominated.contains(name) && !is_set(name) {
            text.header(name, value);
        }
    }
    for (index, (name, value)) in rules.added.iter().enumerate() {
        let is_set_again = rules.added.iter().skip(index.saturating_add(1)).any(|(later, _)| later == name);
        if !is_set_again && !facts.sets(name) {
            text.header(name, value);
        }
    }
    facts.write(text);
}

/// The headers of an answer, as the sender gets them.
#[must_use]
pub fn downstream_headers(mut headers: HeaderMap) -> HeaderMap {
    let is_kept =
        |name: &HeaderName| !is_of_connection(name.as_str()) && *name != header::SERVER && !name.as_str().starts_with(OUR_PREFIX);
    let mut gone = nominated(&headers, &[]);
    gone.extend(headers.keys().filter(|name| !is_kept(name)).cloned());
    for name in gone {
        headers.remove(name);
    }
    headers
}

/// The headers that a scheme reads: signatures, times, ids, events, and whatever else is signed.
#[must_use]
pub fn headers_of(scheme: &Scheme) -> Vec<HeaderName> {
    let timestamp = scheme.timestamp.as_ref().and_then(|rule| match &rule.place {
        TimestampPlace::Header(name) => Some(name),
        TimestampPlace::SignatureField(_) | TimestampPlace::Json(_) | TimestampPlace::Form(_) | TimestampPlace::Claim(_) => None,
    });
    let signed = scheme.content.iter().filter_map(|part| match part {
        Part::Header(name) | Part::NamedHeaders(name) => Some(name),
        _ => None,
    });
    let located = scheme.event.iter().chain(&scheme.delivery_id).filter_map(|locator| match locator {
        Locator::Header(name) => Some(name),
        Locator::Json(_) | Locator::Form(_) | Locator::AnyForm(_) | Locator::FormJson { .. } | Locator::Query(_) => None,
    });
    let own = [scheme.signature.key_id_header.as_ref(), scheme.id_header.as_ref(), timestamp];
    let signatures = scheme.signature.headers().map(|(name, _)| Some(name));
    let fixed = scheme.fixed_headers.iter().map(|(name, _)| name);
    signatures.chain(own).flatten().chain(signed).chain(fixed).chain(located).cloned().collect()
}

/// Whether a sender's header is never passed on.
fn is_dropped(name: &HeaderName) -> bool {
    let text = name.as_str();
    is_of_connection(text)
        || text.starts_with(OUR_PREFIX)
        || text.starts_with("x-forwarded")
        || text.bytes().any(|byte| byte == b'_')
        || is_claim(text)
}

/// Whether a header cannot be configured for an upstream: it is the connection's or ours.
pub(super) fn is_reserved(name: &HeaderName) -> bool {
    is_of_connection(name.as_str()) || name.as_str().starts_with(OUR_PREFIX) || ORIGIN.contains(&name.as_str())
}

fn is_of_connection(name: &str) -> bool {
    name.starts_with("proxy-") || is_framing(name)
}

/// What a head calls its connection's own, unless it is content or protected.
fn nominated(headers: &HeaderMap, protected: &[HeaderName]) -> Vec<HeaderName> {
    let lines = headers.get_all(header::CONNECTION).iter();
    let tokens = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let names = tokens.filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok());
    names.filter(|name| !name.as_str().starts_with("content-") && !protected.contains(name)).collect()
}

const OUR_PREFIX: &str = "hookward-";

/// RFC 9110 section 7.6.1, and what says where a message goes and ends. Told apart by length first, as the compiler does it.
fn is_framing(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
            | "content-length"
            | "host"
    )
}

/// What we say about the origin.
const ORIGIN: [&str; 3] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];

/// Other claims about the origin, and headers that stand in for the method or the path.
fn is_claim(name: &str) -> bool {
    matches!(
        name,
        "forwarded"
            | "x-real-ip"
            | "x-http-method-override"
            | "x-http-method"
            | "x-method-override"
            | "x-original-url"
            | "x-rewrite-url"
    )
}
