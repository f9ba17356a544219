//! Why a delivery has to wait.

use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;

/// Why a delivery has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// The integration's budget is spent.
    #[error("the integration takes no more for another {retry_after} s")]
    RateLimitedIntegration {
        /// When it has one again.
        retry_after: RetryAfter,
    },
}

impl PaceError {
    /// The reason of the audit log and the answer.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::RateLimitedIntegration { .. } => Reason::RateLimitedIntegration,
        }
    }
}
