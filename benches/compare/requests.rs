//! The requests: unique, signed as GitHub signs, as raw bytes.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret that every target verifies with.
pub const SECRET: &str = "a-secret-of-the-comparison-0123456789";

/// What kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As the provider makes it.
    Honest,
    /// One hexadecimal digit of the signature is another.
    Forged,
    /// Without the signature header.
    Unsigned,
    /// Honest, for a path that nobody has.
    Unrouted,
    /// Honest, from a source that has spent its budget.
    Limited,
}

impl Kind {
    /// What a target answers; `verifies` tells whether it looks at signatures.
    pub const fn status(self, verifies: bool) -> u16 {
        match self {
            Self::Forged | Self::Unsigned if verifies => 401,
            Self::Honest | Self::Forged | Self::Unsigned => 200,
            Self::Unrouted => 404,
            Self::Limited => 429,
        }
    }
}

/// Makes requests of one kind.
pub struct Maker {
    mac: Hmac<Sha256>,
    kind: Kind,
    body: Vec<u8>,
}

impl Maker {
    pub fn new(kind: Kind, body_bytes: usize) -> Self {
        let mac = Hmac::new_from_slice(SECRET.as_bytes()).expect("any key fits");
        Self { mac, kind, body: vec![b'x'; body_bytes] }
    }

    /// One request. No number is used twice in a run, so no two are the same delivery.
    pub fn make(&mut self, number: u64) -> Vec<u8> {
        let mark = format!("{{\"n\":{number:020}}}");
        self.body[..mark.len()].copy_from_slice(mark.as_bytes());
        let path = match self.kind {
            Kind::Unrouted => "/nowhere",
            Kind::Limited => "/limited",
            Kind::Honest | Kind::Forged | Kind::Unsigned => "/github",
        };
        let length = self.body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: GitHub-Hookshot/1\r\nContent-Type: application/json\r\n\
             X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.7\r\nX-GitHub-Event: push\r\n\
             X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-{number:012x}\r\nContent-Length: {length}\r\n"
        );
        if self.kind != Kind::Unsigned {
            let _ = write!(request, "X-Hub-Signature-256: sha256={}\r\n", self.signature());
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn signature(&self) -> String {
        let mut mac = self.mac.clone();
        mac.update(&self.body);
        let mut text = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
        if self.kind == Kind::Forged {
            let last = if text.ends_with('0') { "1" } else { "0" };
            text.replace_range(63.., last);
        }
        text
    }
}
