//! A captured request: a raw HTTP/1.1 message in a file. Pure.
//!
//! 1. Request line and headers end in CRLF or LF, then an empty line.
//! 2. Everything after the empty line is the body, to the last byte: framing headers are ignored, because tools that
//!    capture have already undone chunking.
//! 3. What the strict head of the gateway would not read is not read here either.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::domain::head::{Head, Received};

/// The most header lines read.
const HEADERS_MAX: usize = 256;

/// Why a file is no captured request.
#[derive(Debug, thiserror::Error)]
pub enum CapturedError {
    /// The head never ends.
    #[error("is no HTTP/1.1 request: no empty line ends the headers")]
    Unfinished,
    /// The head breaks the grammar.
    #[error("is no HTTP/1.1 request")]
    Grammar(#[from] httparse::Error),
    /// The method is none.
    #[error("has an invalid method")]
    Method(#[from] http::method::InvalidMethod),
    /// The target is not in origin form.
    #[error("has a target that is not a path (the request line is `POST /path HTTP/1.1`)")]
    Target,
    /// A header's name is none.
    #[error("has an invalid header name")]
    HeaderName(#[from] http::header::InvalidHeaderName),
    /// A header's value is none.
    #[error("has an invalid header value")]
    HeaderValue(#[from] http::header::InvalidHeaderValue),
}

/// Reads a captured request.
pub fn parse(message: &Bytes) -> Result<Received, CapturedError> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut lines);
    let head_bytes = match request.parse(message)? {
        httparse::Status::Complete(head_bytes) => head_bytes,
        httparse::Status::Partial => return Err(CapturedError::Unfinished),
    };
    let head = Head {
        method: Method::from_bytes(request.method.unwrap_or_default().as_bytes())?,
        target: origin_form(request.path.unwrap_or_default())?,
        headers: headers(request.headers)?,
    };
    Ok(Received { head, body: message.slice(head_bytes..).into() })
}

fn origin_form(target: &str) -> Result<Uri, CapturedError> {
    let uri = target.parse::<Uri>().map_err(|_| CapturedError::Target)?;
    if target.starts_with('/') { Ok(uri) } else { Err(CapturedError::Target) }
}

fn headers(lines: &[httparse::Header<'_>]) -> Result<HeaderMap, CapturedError> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        headers.append(HeaderName::from_bytes(line.name.as_bytes())?, HeaderValue::from_bytes(line.value)?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Result<Received, CapturedError> {
        parse(&Bytes::copy_from_slice(message.as_bytes()))
    }

    #[test]
    fn line_ends_may_be_crlf_or_lf_and_the_body_is_the_rest() {
        let cases = [
            ("POST /a?b=c HTTP/1.1\r\nHost: x\r\nA: 1\r\nA: 2\r\n\r\n{\"a\":1}\r\n", "{\"a\":1}\r\n"),
            ("POST /a?b=c HTTP/1.1\nHost: x\nA: 1\nA: 2\n\n{\"a\":1}\n", "{\"a\":1}\n"),
            ("POST /a?b=c HTTP/1.1\r\nA: 1\nA:   2 \r\n\nx", "x"),
            ("POST /a?b=c HTTP/1.1\nA: 1\nA: 2\nContent-Length: 1\n\nmore than one", "more than one"),
            ("POST /a?b=c HTTP/1.1\nA: 1\nA: 2\nTransfer-Encoding: chunked\n\n5\r\nhello", "5\r\nhello"),
            ("POST /a?b=c HTTP/1.1\nA: 1\nA: 2\n\n", ""),
        ];
        for (message, body) in cases {
            let received = read(message).unwrap();
            assert_eq!(received.body.contiguous().as_ref(), body.as_bytes(), "{message}");
            assert_eq!((received.head.method.as_str(), received.head.path()), ("POST", "/a"));
            assert_eq!(received.head.query(), Some("b=c"));
            let repeated: Vec<_> = received.head.headers.get_all("a").iter().collect();
            assert_eq!(repeated, ["1", "2"], "{message}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let received = parse(&Bytes::from_static(b"POST / HTTP/1.1\n\n\x00\xff\n\n")).unwrap();
        assert_eq!(received.body.contiguous().as_ref(), b"\x00\xff\n\n");
    }

    #[test]
    fn what_is_no_request_says_why() {
        use CapturedError as E;
        type Expected = fn(&CapturedError) -> bool;
        let cases: [(&str, Expected); 9] = [
            ("", |e| matches!(e, E::Unfinished)),
            ("POST / HTTP/1.1\r\nA: 1\r\n", |e| matches!(e, E::Unfinished)),
            ("{\"id\":1}\n\n", |e| matches!(e, E::Grammar(_))),
            ("POST / HTTP/2\n\n", |e| matches!(e, E::Grammar(_))),
            ("POST / HTTP/1.1\nA: 1\n folded\n\n", |e| matches!(e, E::Grammar(_))),
            ("POST / HTTP/1.1\nA : 1\n\n", |e| matches!(e, E::Grammar(_))),
            ("POST https://example.com/ HTTP/1.1\n\n", |e| matches!(e, E::Target)),
            ("OPTIONS * HTTP/1.1\n\n", |e| matches!(e, E::Target)),
            (&"POST / HTTP/1.1\n\n".replace('\n', &format!("\n{}", "A: 1\n".repeat(300))), |e| matches!(e, E::Grammar(_))),
        ];
        for (message, expected) in cases {
            let error = read(message).unwrap_err();
            assert!(expected(&error), "{message}: {error:?}");
        }
    }

    #[test]
    fn conversions_keep_their_cause() {
        assert!(matches!(Method::from_bytes(b"").map_err(CapturedError::from), Err(CapturedError::Method(_))));
        assert!(matches!(HeaderName::from_bytes(b"").map_err(CapturedError::from), Err(CapturedError::HeaderName(_))));
        assert!(matches!(HeaderValue::from_bytes(b"\n").map_err(CapturedError::from), Err(CapturedError::HeaderValue(_))));
    }
}
