//! A request's head as the gates read it, and the whole request once its body is in.
//!
//! Claims nothing: anyone may build one, and the command line does. Proof begins at `gate::verify`.

use http::{HeaderMap, Method, Uri, header::HeaderValue};

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
    pub fn single(&self, name: &str) -> Single<'_> {
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
