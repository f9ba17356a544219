//! Why a request is not admitted.

use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;

/// Why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// The integration lists the sources it takes, and this is none of them.
    #[error("the source is not on the integration's list")]
    SourceNotAllowed,
    /// The source's budget of requests is spent.
    #[error("the source has sent too many requests; again in {retry_after} s")]
    RateLimitedSource {
        /// When it has one again.
        retry_after: RetryAfter,
    },
    /// The scheme does not know the method.
    #[error("the method is not one of {allow}")]
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// The source's budget of failures is spent, and as many of its requests as may be are being verified.
    #[error("the source has failed too often; again in {retry_after} s")]
    RateLimitedFailures {
        /// When it may be tried again.
        retry_after: RetryAfter,
    },
}

impl AdmitError {
    /// The reason of the audit log and the answer.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::SourceNotAllowed => Reason::SourceNotAllowed,
            Self::RateLimitedSource { .. } => Reason::RateLimitedSource,
            Self::MethodNotAllowed { .. } => Reason::MethodNotAllowed,
            Self::RateLimitedFailures { .. } => Reason::RateLimitedFailures,
        }
    }
}
