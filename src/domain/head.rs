//! A request's head as the gates read it, and the whole request once its body is in.
//!
//! Claims nothing: anyone may build one, and the command line does. Proof begins at `gate::verify`.

use http::header::{AsHeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri};

use super::body::RawBody;

/// Method, target and headers, as parsed from the wire. Repeated headers stay repeated.
#[derive(Clone)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The target in origin form; its authority is never trusted.
    pub target: Uri,
    /// All header lines.
    pub headers: HeaderMap,
}

impl Head {
    /// Copies what it shares with the buffer that it was read into, so that the buffer can be used again. Nothing else about
    /// it changes.
    pub fn detach(&mut self) {
        for value in self.headers.values_mut() {
            // What was a value is one.
            if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
                copy.set_sensitive(value.is_sensitive());
                *value = copy;
            }
        }
        let copy = self.target.path_and_query().and_then(|target| PathAndQuery::try_from(target.as_str()).ok());
        if let (Some(target), None) = (copy, self.target.authority()) {
            self.target = Uri::from(target);
        }
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The query without its `?`, where there is one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.query()
    }

    /// What stands under a header's name, told apart from a name given twice.
    #[must_use]
    pub fn single(&self, name: impl AsHeaderName) -> Single<'_> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Single::Missing,
            (Some(value), None) => Single::One(value),
            (Some(_), Some(_)) => Single::Repeated,
        }
    }
}

impl std::fmt::Debug for Head {
    /// Method and path only: header values may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Head({} {})", self.method, self.path())
    }
}

/// A header that must stand once: a reader that takes the first of two and a receiver that takes the last would disagree.
#[derive(Debug)]
pub enum Single<'a> {
    /// No line has the name.
    Missing,
    /// One line has it.
    One(&'a HeaderValue),
    /// Two or more lines have it.
    Repeated,
}

/// A whole request: head and body, exactly as sent.
#[derive(Debug)]
pub struct Received {
    /// The head.
    pub head: Head,
    /// The body.
    pub body: RawBody,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_detached_head_is_the_same_and_holds_no_buffer() {
        let buffer = Bytes::from(b"/hooks/a?b=cone\xfftwo".to_vec());
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_maybe_shared(buffer.slice(12..15)).unwrap());
        headers.append("x-a", HeaderValue::from_maybe_shared(buffer.slice(15..)).unwrap());
        let target = Uri::from_maybe_shared(buffer.slice(..12)).unwrap();
        let mut head = Head { method: Method::POST, target, headers };
        let before = head.clone();
        head.detach();
        assert_eq!((&head.target, &head.headers), (&before.target, &before.headers));
        drop(before);
        assert!(buffer.is_unique(), "nothing of it is held any more");
    }
}
