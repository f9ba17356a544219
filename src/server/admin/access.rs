//! Who may ask what. Pure.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use subtle::ConstantTimeEq as _;

use crate::domain::secret::SecretBytes;

/// Who may look. Changing needs the token everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Probes and metrics only.
    Probes,
    /// Everything, to whoever can reach a loopback address.
    Loopback,
    /// Everything but the probes needs the token; where there is none, nobody gets in.
    Token,
}

/// What browsers say of the page behind a call.
static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the bearer token is the one. Compared in constant time; the length is no secret.
pub(super) fn presents(headers: &HeaderMap, token: &SecretBytes) -> bool {
    let presented = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix(b"Bearer "));
    presented.is_some_and(|presented| bool::from(presented.ct_eq(token.expose())))
}

/// Whether the host is an address or localhost: no name that somebody else's DNS could point at us.
pub(super) fn names_us(headers: &HeaderMap) -> bool {
    let host = only(headers, &HOST).and_then(|host| std::str::from_utf8(host).ok());
    let Some(authority) = host.and_then(|host| host.parse::<http::uri::Authority>().ok()) else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether the call comes from no web page, or from one of ours.
pub(super) fn has_no_foreign_origin(headers: &HeaderMap) -> bool {
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let (Some(origin), Some(host)) = (only(headers, &ORIGIN), only(headers, &HOST)) else { return false };
    origin.strip_prefix(b"http://").is_some_and(|own| own == host)
}

/// Whether a browser says that the call comes from a page of ours, or from nobody's. Whoever is no browser says nothing.
pub(super) fn is_from_no_other_site(headers: &HeaderMap) -> bool {
    !headers.contains_key(&FETCH_SITE) || only(headers, &FETCH_SITE).is_some_and(|site| site == b"same-origin" || site == b"none")
}

/// Whether the body is said to be JSON: what a form of a foreign page cannot say without asking first.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = only(headers, &CONTENT_TYPE).and_then(|kind| std::str::from_utf8(kind).ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The value of a header that stands once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}
