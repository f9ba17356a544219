//! What can go wrong on the way to an upstream, and what the upstream may have received when it did.
//!
//! Invariants: no header value and no body is ever part of an error.

use std::io;
use std::path::PathBuf;

use http::HeaderName;

use crate::domain::reason::Reason;

/// What the upstream may hold of a delivery that got no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Not one byte of it was sent.
    NeverSent,
    /// It may have been received, wholly or in part.
    Unknown,
}

/// Why a delivery has no complete answer of its upstream.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The delivery's query does not fit behind the upstream's path.
    #[error("the query does not fit behind the upstream's path")]
    QueryTooLong,
    /// All connections to this upstream are in use and none became free.
    #[error("all connections to the upstream are in use")]
    Busy,
    /// No connection came about.
    #[error("the upstream cannot be reached")]
    Unreachable(#[source] ConnectError),
    /// Fresh connections are closed before anything can be written.
    #[error("the upstream closes connections before anything is sent")]
    ClosedBeforeSend,
    /// The deadline passed.
    #[error("the upstream did not answer in time")]
    TimedOut {
        /// What it may have received by then.
        exposure: Exposure,
    },
    /// The connection broke or spoke garbage after the request was begun.
    #[error("the upstream's answer is broken")]
    Broken(#[source] AnswerFault),
    /// The answer switches protocols, which nobody asked for.
    #[error("the upstream answered 101")]
    ProtocolSwitched,
    /// The answer says in two ways where its body ends.
    #[error("the upstream's answer has ambiguous framing")]
    AmbiguousFraming,
    /// The answer's body is larger than the bound.
    #[error("the upstream's answer has more than {max_bytes} bytes")]
    AnswerTooLarge {
        /// The bound.
        max_bytes: usize,
    },
}

impl ForwardError {
    /// The reason in the audit log and the metrics.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::QueryTooLong => Reason::MalformedRequest,
            Self::Busy => Reason::Overloaded,
            Self::Unreachable(_) | Self::ClosedBeforeSend => Reason::UpstreamUnreachable,
            Self::TimedOut { .. } => Reason::UpstreamTimeout,
            Self::Broken(_) | Self::ProtocolSwitched | Self::AmbiguousFraming | Self::AnswerTooLarge { .. } => {
                Reason::UpstreamInvalid
            }
        }
    }

    /// What the upstream may hold: the fact that the settlement of a claim rests on.
    #[must_use]
    pub const fn exposure(&self) -> Exposure {
        match self {
            Self::QueryTooLong | Self::Busy | Self::Unreachable(_) | Self::ClosedBeforeSend => Exposure::NeverSent,
            Self::TimedOut { exposure } => *exposure,
            Self::Broken(_) | Self::ProtocolSwitched | Self::AmbiguousFraming | Self::AnswerTooLarge { .. } => Exposure::Unknown,
        }
    }
}

/// What is wrong with an answer, or how it broke off.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    /// The connection failed.
    #[error("the connection failed")]
    Transport(#[source] io::Error),
    /// The connection ended before the answer did.
    #[error("the connection ended before the answer did")]
    Ended,
    /// What stands there is no head.
    #[error("its head is not HTTP")]
    Head(#[source] httparse::Error),
    /// A line of the head is no header.
    #[error("a line of its head is no header")]
    HeaderLine,
    /// The head is larger than the bound.
    #[error("its head is too large")]
    HeadTooLarge,
    /// The length is no number.
    #[error("its length is no number")]
    Length,
    /// The body is not in chunks, though the head says so.
    #[error("its chunks are malformed")]
    Chunks,
}

/// Why there is no connection. Nothing of a delivery was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name does not resolve.
    #[error("the upstream's name does not resolve")]
    Resolve(#[source] io::Error),
    /// The name resolves to nothing.
    #[error("the upstream's name has no address")]
    NoAddress,
    /// The transport refused.
    #[error("connecting failed")]
    Transport(#[source] io::Error),
    /// TLS failed: among others, the certificate is not for this name or not from a trusted root.
    #[error("TLS failed")]
    Tls(#[source] io::Error),
}

/// Why an upstream cannot be built from its spec.
#[derive(Debug, thiserror::Error)]
pub enum ForwardBuildError {
    /// The authority is no value of `Host`.
    #[error("the upstream's authority is no valid Host")]
    Authority,
    /// The path is no request target, or is too long.
    #[error("the upstream's path is no valid request target of at most {max_bytes} bytes")]
    Path {
        /// The bound.
        max_bytes: usize,
    },
    /// A header is ours to set or belongs to the connection.
    #[error("the upstream header {name} cannot be configured")]
    HeaderReserved {
        /// The header.
        name: HeaderName,
    },
    /// A header's secret value is no header text.
    #[error("the value of the upstream header {name} is no header text")]
    HeaderValue {
        /// The header.
        name: HeaderName,
    },
    /// The host can stand in no certificate.
    #[error("the host {host:?} is no name that a certificate can have")]
    ServerName {
        /// The host.
        host: String,
    },
    /// The system offers no roots to trust.
    #[error("the system has no certificates to trust; set upstream_tls.ca")]
    NoSystemRoots,
    /// A PEM file cannot be read or holds something else.
    #[error("{} cannot be used", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A PEM file holds no certificate.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up, such as with a key that does not fit its certificate.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}
