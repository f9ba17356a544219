//! What the listener knows about a request besides the request.

use super::wire::WireFault;
use crate::domain::address::Peer;
use crate::domain::name::ListenerName;

/// Handed to the handler with every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// Where the connection came in.
    pub listener: ListenerName,
    /// The socket's other end.
    pub peer: Peer,
    /// What was agreed on, where TLS ended here.
    pub tls: Option<TlsFacts>,
    /// What the listener speaks.
    pub entry: Entry,
    /// What is wrong with the head. If anything is, the request itself is only a stand-in: its method, target and headers
    /// were not sent by anybody and must be neither judged nor recorded.
    pub fault: Option<WireFault>,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// TLS, ended here.
    Tls,
    /// Plaintext, on which every request is refused.
    PlaintextReject,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
}
