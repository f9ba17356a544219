//! What the listener knows about a request besides the request.

use super::wire::WireFault;
use crate::domain::address::{Peer, Source};
use crate::domain::name::ListenerName;

/// Handed to the handler with every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// Where the connection came in.
    pub listener: ListenerName,
    /// The socket's other end, or whom a PROXY header names.
    pub peer: Peer,
    /// Where the request comes from, as far as anybody who is believed says.
    pub origin: Origin,
    /// Whether the socket's other end is one of the trusted proxies.
    pub trusted: bool,
    /// What was agreed on, where TLS ended here.
    pub tls: Option<TlsFacts>,
    /// What the listener speaks.
    pub entry: Entry,
    /// What is wrong with the head. If anything is, the request itself is only a stand-in: its method, target and headers
    /// were not sent by anybody and must be neither judged nor recorded.
    pub fault: Option<WireFault>,
}

impl RequestContext {
    /// Whom limits count the request for.
    #[must_use]
    pub fn source(&self) -> Source {
        match self.origin {
            Origin::Secure(source) => source,
            Origin::Plaintext | Origin::Malformed => self.peer.source(),
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From this source, over TLS as far as anybody can know.
    Secure(Source),
    /// In the clear, somewhere between the sender and us.
    Plaintext,
    /// A trusted proxy says something that cannot be understood.
    Malformed,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// TLS, ended here.
    Tls,
    /// Plaintext, on which every request is refused.
    PlaintextReject,
    /// Plaintext, behind a proxy that ended TLS.
    TrustedProxy,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// What is spoken inside.
    pub protocol: Protocol,
}

/// A version of HTTP, as far as it matters for framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or 1.0.
    Http1,
    /// HTTP/2, agreed on by ALPN.
    Http2,
}
