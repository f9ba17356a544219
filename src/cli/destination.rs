//! Where a signed request goes: the URL of `sign --url`. Pure.
//!
//! Invariants: http or https, a host, no user and password, no fragment; the target is in origin form.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// An absolute http or https URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Whether TLS is spoken.
    pub(crate) tls: bool,
    /// The host without brackets.
    pub(crate) host: String,
    /// The port, the scheme's own when absent.
    pub(crate) port: u16,
    /// The value of `Host`.
    pub(crate) authority: String,
    /// Path and query, beginning with `/`.
    pub(crate) target: String,
}

/// Why a text is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DestinationError {
    /// It is no URL at all.
    #[error("is no URL")]
    Grammar,
    /// It is another kind of URL.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It names no host, or a user besides it.
    #[error("must name a host, and no user")]
    Host,
    /// It has a fragment, which is never sent.
    #[error("must have no #fragment")]
    Fragment,
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if text.contains('#') {
            return Err(DestinationError::Fragment);
        }
        let uri = text.parse::<Uri>().map_err(|_| DestinationError::Grammar)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(DestinationError::Scheme),
        };
        let authority = uri.authority().ok_or(DestinationError::Host)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(DestinationError::Host);
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.to_string(),
            target: uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
        })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart_and_together() {
        let cases = [
            ("http://localhost:8080/", "http://localhost:8080/", "localhost", 8080),
            ("https://example.com", "https://example.com/", "example.com", 443),
            ("http://[::1]:9/a?b=c", "http://[::1]:9/a?b=c", "::1", 9),
            ("http://127.0.0.1", "http://127.0.0.1/", "127.0.0.1", 80),
        ];
        for (text, whole, host, port) in cases {
            let destination = text.parse::<Destination>().unwrap();
            assert_eq!((destination.host.as_str(), destination.port), (host, port));
            assert_eq!(destination.to_string(), whole);
        }
    }

    #[test]
    fn other_texts_say_why_not() {
        let cases = [
            ("http://a b/", DestinationError::Grammar),
            ("ftp://a/", DestinationError::Scheme),
            ("/path", DestinationError::Scheme),
            ("http://user:secret@a/", DestinationError::Host),
            ("http://a/#x", DestinationError::Fragment),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Destination>(), Err(error), "{text}");
        }
    }
}
