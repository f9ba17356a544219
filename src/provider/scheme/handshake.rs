//! A provider's challenge, as data: what it looks like, and what it is answered.
//!
//! An unsigned challenge has exactly the query fields that are named here.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use http::{HeaderName, Method};

use super::Locator;

/// A challenge of the producer and the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What a request must look like.
    pub shape: HandshakeShape,
    /// What it is answered.
    pub reply: HandshakeReply,
}

impl Handshake {
    /// The options that its shape and its answer ask for.
    pub fn option_names(&self) -> impl Iterator<Item = &str> {
        let fixed = match &self.shape {
            HandshakeShape::Unsigned { fixed, .. } => fixed.as_slice(),
            HandshakeShape::Signed { .. } => &[],
        };
        let appended = match &self.reply {
            HandshakeReply::Sha256 { appended, .. } => appended.as_slice(),
            _ => &[],
        };
        fixed.iter().map(|(_, value)| value).chain(appended).filter_map(|value| option_in(value))
    }

    pub(super) fn bind(&mut self, options: &BTreeMap<String, String>) {
        let fixed = match &mut self.shape {
            HandshakeShape::Unsigned { fixed, .. } => fixed.as_mut_slice(),
            HandshakeShape::Signed { .. } => &mut [],
        };
        let appended = match &mut self.reply {
            HandshakeReply::Sha256 { appended, .. } => appended.as_mut_slice(),
            _ => &mut [],
        };
        for value in fixed.iter_mut().map(|(_, value)| value).chain(appended) {
            if let Some(known) = option_in(value).and_then(|name| options.get(name)) {
                value.clone_from(known);
            }
        }
    }
}

/// The option that a fixed value stands for.
pub(in crate::provider) fn option_in(value: &str) -> Option<&str> {
    value.strip_prefix("{option:")?.strip_suffix('}')
}

/// What a challenge looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeShape {
    /// Signed like any delivery: the field holds the value.
    Signed {
        /// The field.
        field: Locator,
        /// The value, as text.
        equals: String,
    },
    /// Unsigned and bodyless: the method, with exactly these query fields.
    Unsigned {
        /// The method, such as `GET`.
        method: Method,
        /// Query fields that must have the given value; `{option:NAME}` stands for an option of the integration.
        fixed: Vec<(String, String)>,
        /// Query fields that may stand there, whatever they say: what the operator put into the URL.
        ignored: Vec<String>,
        /// What is answered to, where there is something.
        echoed: Option<Echoed>,
    },
}

/// The value of an unsigned challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echoed {
    /// In a query field.
    Query(String),
    /// In a header.
    Header(HeaderName),
}

/// The answer to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeReply {
    /// A fixed status, content type and body.
    Fixed {
        /// The status.
        status: u16,
        /// The content type, where there is a body.
        content_type: Option<String>,
        /// The body.
        body: String,
    },
    /// The value as `text/plain`.
    EchoText {
        /// Where it stands in a signed challenge; an unsigned one has but one value.
        field: Option<Locator>,
    },
    /// The value of an unsigned challenge in a header, if it names a host; no body.
    EchoHeader {
        /// The header.
        header: HeaderName,
    },
    /// `{"<member>": <the value>}` as `application/json`.
    EchoJson {
        /// Where the value stands in a signed challenge.
        field: Option<Locator>,
        /// The member of the answer.
        member: String,
    },
    /// `{"<member>": "<SHA-256 of the value and what is appended, in hex>"}` as `application/json`.
    Sha256 {
        /// Where the value stands in a signed challenge.
        field: Option<Locator>,
        /// What stands behind it; `{option:NAME}` for an option of the integration.
        appended: Vec<String>,
        /// The member of the answer.
        member: String,
    },
    /// `{"<member>": "<prefix><the scheme's MAC over the value>"}` as `application/json`.
    Mac {
        /// Where the value stands in a signed challenge.
        field: Option<Locator>,
        /// The member that holds the value itself, where the provider wants it back.
        plain: Option<String>,
        /// The member that holds the MAC.
        member: String,
        /// What stands before it.
        prefix: String,
        /// How it is written.
        encoding: MacEncoding,
    },
    /// `<the key's id><separator><the scheme's MAC over the value>` as `text/plain`, of an unsigned challenge whose value is
    /// lower-case hex.
    NamedMac {
        /// What stands between them.
        separator: char,
        /// How many hex digits the value may have.
        digits: RangeInclusive<usize>,
        /// How the MAC is written.
        encoding: MacEncoding,
    },
}

/// How the MAC of an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacEncoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Standard base64 with padding.
    Base64,
}
