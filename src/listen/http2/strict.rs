//! The strict head of HTTP/2, and its translation into the one that everything behind reads. pure
//!
//! 1. `CONNECT`, plain or extended, is refused.
//! 2. The scheme is `https`: HTTP/2 is spoken inside TLS only.
//! 3. There is exactly one authority: `:authority`, a host with an optional port and nothing else. A `host` header may
//!    repeat it once, word for word.
//! 4. The path begins with `/` and has the bytes and the length of an HTTP/1 target; at most so many header lines.
//! 5. `content-length` stands at most once, as plain digits; `expect` at most once, and `upgrade` not at all.
//!
//! What passes has an origin-form target and one `Host`, as if it had come over HTTP/1.1.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, UPGRADE};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use crate::listen::wire::{FaultKind, HEADERS_MAX, is_authority, is_target, parse_length};

/// The head as HTTP/1.1 would have brought it, or what is wrong with it.
pub(super) fn translate(mut head: Parts) -> Result<Parts, FaultKind> {
    if head.headers.len() > HEADERS_MAX {
        return Err(FaultKind::HeadersTooLarge);
    }
    let sound = head.method != Method::CONNECT && head.uri.scheme() == Some(&Scheme::HTTPS) && are_sound(&head.headers);
    let (Some(authority), Some(target)) = (authority(&head), target(&head.uri)) else { return Err(FaultKind::Malformed) };
    if !sound {
        return Err(FaultKind::Malformed);
    }
    head.headers.insert(HOST, authority);
    head.uri = Uri::from(target);
    Ok(head)
}

/// What stands in place of a head that must not be read.
pub(super) fn stand_in() -> Parts {
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = Method::POST;
    head
}

/// The one authority, as it was sent.
fn authority(head: &Parts) -> Option<HeaderValue> {
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes())?;
    let mut hosts = head.headers.get_all(HOST).iter();
    let agrees = hosts.next().is_none_or(|host| host.as_bytes() == authority) && hosts.next().is_none();
    if agrees && is_authority(authority) { HeaderValue::from_bytes(authority).ok() } else { None }
}

fn target(uri: &Uri) -> Option<PathAndQuery> {
    uri.path_and_query().filter(|target| is_target(target.as_str().as_bytes())).cloned()
}

fn are_sound(headers: &HeaderMap) -> bool {
    let at_most_once = |name: HeaderName, fits: fn(&[u8]) -> bool| {
        let mut values = headers.get_all(name).iter();
        values.next().is_none_or(|value| fits(value.as_bytes())) && values.next().is_none()
    };
    at_most_once(CONTENT_LENGTH, |value| parse_length(value).is_some())
        && at_most_once(EXPECT, |value| value.eq_ignore_ascii_case(b"100-continue"))
        && !headers.contains_key(UPGRADE)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields<'a> = &'a [(&'static str, &'a str)];

    fn head(method: &str, uri: &str, headers: Fields<'_>) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_sound_head_looks_like_one_of_http_1() {
        let sound =
            head("POST", "https://Hooks.example:8443/a/b?c=d", &[("host", "Hooks.example:8443"), ("content-length", "2")]);
        let translated = translate(sound).unwrap();
        assert_eq!((translated.uri.to_string().as_str(), translated.uri.authority()), ("/a/b?c=d", None));
        assert_eq!(translated.headers.get_all(HOST).iter().collect::<Vec<_>>(), ["Hooks.example:8443"]);
        let bare = translate(head("POST", "https://[2001:db8::1]/", &[("expect", "100-Continue")])).unwrap();
        assert_eq!(bare.headers["host"], "[2001:db8::1]");
    }

    #[test]
    fn everything_else_is_malformed() {
        let long = format!("https://a/{}", "x".repeat(2048));
        let cases: [(&str, &str, Fields<'_>); 15] = [
            ("CONNECT", "a:443", &[]),
            ("POST", "http://a/", &[]),
            ("POST", "/no/authority", &[]),
            ("POST", "/no/authority", &[("host", "a")]),
            ("POST", "https://a/", &[("host", "b")]),
            ("POST", "https://a/", &[("host", "A")]),
            ("POST", "https://a/", &[("host", "a"), ("host", "a")]),
            ("POST", "https://user@a/", &[]),
            ("POST", "https://user:word@a/", &[]),
            ("POST", &long, &[]),
            ("POST", "https://a/", &[("content-length", "2"), ("content-length", "2")]),
            ("POST", "https://a/", &[("content-length", "+2")]),
            ("POST", "https://a/", &[("content-length", "02")]),
            ("POST", "https://a/", &[("expect", "200-ok")]),
            ("POST", "https://a/", &[("upgrade", "websocket")]),
        ];
        for (method, uri, headers) in cases {
            let verdict = translate(head(method, uri, headers)).map(|head| head.uri);
            assert_eq!(verdict, Err(FaultKind::Malformed), "{method} {uri} {headers:?}");
        }
    }

    #[test]
    fn lines_are_counted() {
        let lines = |count: usize| head("POST", "https://a/", &vec![("x-many", "1"); count]);
        assert!(translate(lines(HEADERS_MAX)).is_ok());
        assert_eq!(translate(lines(HEADERS_MAX + 1)).map(|head| head.uri), Err(FaultKind::HeadersTooLarge));
    }
}
