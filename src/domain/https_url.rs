//! A URL that may be fetched: one spelling, so that whoever compares it and whoever connects read the same.
//!
//! 1. `https://`, in lower case. No user, no port, no fragment.
//! 2. The host is a DNS name in lower case of two labels at least, without a trailing dot; never an address.
//! 3. Path and query are visible ASCII without what readers take in different ways: `\`, quotes, angle brackets, `//`, `/.`. Only
//!    `/.well-known/` may begin a path, where RFC 8615 puts key sets.

use std::fmt;
use std::str::FromStr;

/// The longest URL.
pub const HTTPS_URL_BYTES_MAX: usize = 2048;

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpsUrlError {
    /// It is too long.
    #[error("must have at most {HTTPS_URL_BYTES_MAX} characters")]
    Length,
    /// It begins with something else.
    #[error("must begin with https://")]
    Scheme,
    /// Its host is no name, or has company.
    #[error("must name its host in lower case, without user and port")]
    Host,
    /// Its path or query has more than one reading.
    #[error("must have a path, and no fragment, backslash, quote, `//` or `/.` in it, but /.well-known/ first")]
    Target,
}

/// A URL that may be fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpsUrl {
    text: String,
    host_end: usize,
}

const SCHEME: &str = "https://";

impl HttpsUrl {
    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(SCHEME.len()..self.host_end).unwrap_or_default()
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        self.text.get(self.host_end..).unwrap_or("/")
    }
}

impl FromStr for HttpsUrl {
    type Err = HttpsUrlError;

    fn from_str(text: &str) -> Result<Self, HttpsUrlError> {
        if text.len() > HTTPS_URL_BYTES_MAX {
            return Err(HttpsUrlError::Length);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(HttpsUrlError::Scheme)?;
        let length = rest.find('/').ok_or(HttpsUrlError::Target)?;
        let (host, target) = rest.split_at(length);
        if !is_name(host) {
            return Err(HttpsUrlError::Host);
        }
        let path = target.split('?').next().unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#\"'<>`{}|^".contains(&byte);
        if !target.bytes().all(is_plain) || path.contains("//") || behind_well_known(path).contains("/.") {
            return Err(HttpsUrlError::Target);
        }
        Ok(Self { text: text.to_owned(), host_end: SCHEME.len().saturating_add(length) })
    }
}

fn behind_well_known(path: &str) -> &str {
    path.strip_prefix("/.well-known").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn is_name(host: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && host.contains('.') && host.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_and_no_other() {
        let url: HttpsUrl = "https://www.googleapis.com/oauth2/v3/certs?a=b:c%20d".parse().unwrap();
        assert_eq!((url.host(), url.target()), ("www.googleapis.com", "/oauth2/v3/certs?a=b:c%20d"));
        assert_eq!(url.to_string(), "https://www.googleapis.com/oauth2/v3/certs?a=b:c%20d");
        let keys: HttpsUrl = "https://developer.example.com/.well-known/jwks.json".parse().unwrap();
        assert_eq!(keys.target(), "/.well-known/jwks.json");
        let long = format!("https://example.com/{}", "a".repeat(HTTPS_URL_BYTES_MAX));
        let wrong = [
            ("http://example.com/", HttpsUrlError::Scheme),
            ("HTTPS://example.com/", HttpsUrlError::Scheme),
            ("//example.com/", HttpsUrlError::Scheme),
            ("", HttpsUrlError::Scheme),
            ("https://example.com", HttpsUrlError::Target),
            ("https://example.com?a=/", HttpsUrlError::Host),
            ("https://example.com#/", HttpsUrlError::Host),
            ("https://Example.com/", HttpsUrlError::Host),
            ("https://example.com./", HttpsUrlError::Host),
            ("https://.example.com/", HttpsUrlError::Host),
            ("https://example..com/", HttpsUrlError::Host),
            ("https://-example.com/", HttpsUrlError::Host),
            ("https://localhost/", HttpsUrlError::Host),
            ("https://127.0.0.1/", HttpsUrlError::Host),
            ("https://0x7f.1/", HttpsUrlError::Host),
            ("https://[::1]/", HttpsUrlError::Host),
            ("https://example.com:443/", HttpsUrlError::Host),
            ("https://user@example.com/", HttpsUrlError::Host),
            ("https://user:word@example.com/", HttpsUrlError::Host),
            ("https://example.com\\@other.com/", HttpsUrlError::Host),
            ("https://exam%70le.com/", HttpsUrlError::Host),
            ("https://ex\u{e4}mple.com/", HttpsUrlError::Host),
            ("https://example\u{3002}com/", HttpsUrlError::Host),
            ("https://example.com\t/", HttpsUrlError::Host),
            ("https:///example.com/", HttpsUrlError::Host),
            ("https://example.com/a#b", HttpsUrlError::Target),
            ("https://example.com/a b", HttpsUrlError::Target),
            ("https://example.com/\r\nX: y", HttpsUrlError::Target),
            ("https://example.com//other.com/", HttpsUrlError::Target),
            ("https://example.com/../a", HttpsUrlError::Target),
            ("https://example.com/.", HttpsUrlError::Target),
            ("https://example.com/.hidden", HttpsUrlError::Target),
            ("https://example.com/.well-known", HttpsUrlError::Target),
            ("https://example.com/.well-known/../a", HttpsUrlError::Target),
            ("https://example.com/.well-known/.a", HttpsUrlError::Target),
            ("https://example.com/.well-known//a", HttpsUrlError::Target),
            ("https://example.com/a/.well-known/b", HttpsUrlError::Target),
            ("https://example.com/.well-known-not/../a", HttpsUrlError::Target),
            ("https://example.com/a\\b", HttpsUrlError::Target),
            (&long, HttpsUrlError::Length),
        ];
        for (text, expected) in wrong {
            assert_eq!(text.parse::<HttpsUrl>(), Err(expected), "{text}");
        }
    }
}
