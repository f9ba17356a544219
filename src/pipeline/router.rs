//! Host and path to an integration. Pure.
//!
//! 1. The path is compared byte for byte with the configured ones; the query takes no part.
//! 2. A path that another parser could read differently (`//`, `/.`, `\`, `;`, an encoded slash, dot, backslash or NUL,
//!    anything outside printable ASCII) matches nothing, whatever is configured.
//! 3. A route with a host wins over one without.

use std::collections::HashMap;

use http::HeaderMap;

/// Where each route leads: the index of its integration.
#[derive(Debug, Default)]
pub struct Router {
    hostless: HashMap<Box<str>, usize>,
    hosted: HashMap<(Box<str>, Box<str>), usize>,
}

impl Router {
    /// Adds a route. The host is lower-case and has no port.
    pub fn insert(&mut self, host: Option<&str>, path: &str, integration: usize) {
        match host {
            Some(host) => self.hosted.insert((host.into(), path.into()), integration),
            None => self.hostless.insert(path.into(), integration),
        };
    }

    /// The integration that a request is for.
    #[must_use]
    pub fn find(&self, headers: &HeaderMap, path: &str) -> Option<usize> {
        if is_ambiguous(path) {
            return None;
        }
        self.find_hosted(headers, path).or_else(|| self.hostless.get(path).copied())
    }

    fn find_hosted(&self, headers: &HeaderMap, path: &str) -> Option<usize> {
        if self.hosted.is_empty() {
            return None;
        }
        let host = host_name(headers)?;
        self.hosted.get(&(host.into(), path.into())).copied()
    }
}

/// The host a request names, lower-case, without the port and a trailing dot.
fn host_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::HOST)?.to_str().ok()?;
    let authority: http::uri::Authority = value.parse().ok()?;
    Some(authority.host().trim_end_matches('.').to_ascii_lowercase())
}

/// Whether two parsers could disagree about which resource a path names.
fn is_ambiguous(path: &str) -> bool {
    const PAIRS: [&str; 3] = ["//", "/.", "\\"];
    const ENCODED: [&str; 4] = ["%2f", "%5c", "%2e", "%00"];
    path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b';' || byte == b'#')
        || PAIRS.iter().any(|pair| path.contains(pair))
        || (path.contains('%') && contains_any(&path.to_ascii_lowercase(), &ENCODED))
}

fn contains_any(text: &str, needles: &[&str]) -> bool {
    needles.iter().any(|needle| text.contains(needle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn router() -> Router {
        let mut router = Router::default();
        router.insert(None, "/hooks", 0);
        router.insert(Some("a.example"), "/hooks", 1);
        router.insert(Some("a.example"), "/only", 2);
        router
    }

    fn find(host: &'static str, path: &str) -> Option<usize> {
        let headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static(host))]);
        router().find(&headers, path)
    }

    #[test]
    fn host_routes_win_and_case_port_and_dot_do_not_matter() {
        assert_eq!(find("b.example", "/hooks"), Some(0));
        assert_eq!(find("A.Example.:8443", "/hooks"), Some(1));
        assert_eq!(find("b.example", "/only"), None);
        assert_eq!(find("a.example@b.example", "/only"), None);
    }

    #[test]
    fn ambiguous_paths_match_nothing() {
        let paths = [
            "/hooks/",
            "//hooks",
            "/./hooks",
            "/x/../hooks",
            "/hooks;x",
            "/hooks\\",
            "/%2e/hooks",
            "/%2Fhooks",
            "/hooks%00",
            "/hooks%5C",
            "/HOOKS",
            "/hooks#a",
        ];
        for path in paths {
            assert_eq!(find("a.example", path), None, "{path}");
        }
    }

    #[test]
    fn a_configured_ambiguous_path_still_matches_nothing() {
        let mut router = Router::default();
        router.insert(None, "/a//b", 0);
        assert_eq!(router.find(&HeaderMap::new(), "/a//b"), None);
    }
}
