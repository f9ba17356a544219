//! Host and path: by what a request finds its integration.
//!
//! 1. The path is exact and stands as the request line writes it: it begins with `/`, is printable ASCII, and has no query.
//! 2. What the strict head refuses in every request cannot be routed: `//`, `/.`, `\`, `;`, `#`, and an encoded slash, dot,
//!    backslash or NUL. Such a path is a fault here, because it could never match.
//! 3. The host is compared in lower case, without its port.
//! 4. Two integrations may share a path under different hosts; one without a host takes what no other host takes.

use std::net::Ipv6Addr;

use crate::config::context::Context;
use crate::document::Table;

/// Where an integration is found.
pub(super) struct Route {
    pub(super) host: Option<String>,
    pub(super) path: String,
}

/// Why a text is no host or path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RouteError {
    #[error("must begin with `/`")]
    Start,
    #[error("must have at most {max} characters")]
    Length { max: usize },
    #[error("must be printable ASCII without spaces")]
    Alphabet,
    #[error("must not hold {what}: such a request matches no route")]
    Forbidden { what: &'static str },
    #[error("must be a host name or an address, without scheme and port")]
    Host,
}

const PATH_LENGTH_MAX: usize = 1024;
const FORBIDDEN: [(&str, &str); 10] = [
    ("?", "a query"),
    ("#", "a fragment"),
    ("//", "`//`"),
    ("/.", "`/.`"),
    ("\\", "a backslash"),
    (";", "`;`"),
    ("%2f", "an encoded slash"),
    ("%5c", "an encoded backslash"),
    ("%2e", "an encoded dot"),
    ("%00", "an encoded NUL"),
];

/// Reads `host` and `path`.
pub(super) fn read(table: &Table<'_>, context: &Context<'_>) -> Option<Route> {
    let host_entry = table.entry("host");
    let host = host_entry.as_ref().map(|entry| entry.parsed("host = \"hooks.example.com\"", parse_host));
    let entry = table.required("path", "path = \"/webhooks/stripe\"")?;
    let path = entry.parsed("path = \"/webhooks/stripe\", exactly as the provider sends it", parse_path)?;
    // A host that is there and could not be read is a fault already, and no route to compare.
    let host = host.map_or(Some(None), |read| read.map(Some))?;
    context.routes.enter((host.clone(), path.clone()), &entry, "is the route of another integration,");
    Some(Route { host, path })
}

pub(super) fn parse_path(text: &str) -> Result<String, RouteError> {
    if !text.starts_with('/') {
        return Err(RouteError::Start);
    }
    if text.len() > PATH_LENGTH_MAX {
        return Err(RouteError::Length { max: PATH_LENGTH_MAX });
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RouteError::Alphabet);
    }
    let folded = text.to_ascii_lowercase();
    match FORBIDDEN.into_iter().find(|(part, _)| folded.contains(part)) {
        Some((_, what)) => Err(RouteError::Forbidden { what }),
        None => Ok(text.to_owned()),
    }
}

pub(super) fn parse_host(text: &str) -> Result<String, RouteError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fits = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(text) && !text.ends_with('.'),
    };
    if fits { Ok(text.to_ascii_lowercase()) } else { Err(RouteError::Host) }
}

/// Letters, digits, `-`, `_` and single dots.
pub(super) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let name = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && name.split('.').all(|part| !part.is_empty() && part.len() <= 63 && label(part))
}
