//! Why a body was not received.

use std::time::Duration;

use crate::domain::reason::Reason;

/// Why a body was not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// It is, or says that it is, larger than allowed.
    #[error("the body is larger than {max_body_bytes} bytes")]
    BodyTooLarge {
        /// The most allowed.
        max_body_bytes: u64,
    },
    /// It came too slowly.
    #[error("the body came too slowly: {received_bytes} bytes in {allowed:?}")]
    BodyTimeout {
        /// What had arrived.
        received_bytes: u64,
        /// How long that may take.
        allowed: Duration,
    },
    /// All buffered bodies together, or those of its source, take all the memory they may.
    #[error("no memory for the body: {scope} is used up")]
    Overloaded {
        /// What is used up.
        scope: BudgetScope,
    },
    /// Its framing is broken, its declared length is no number, or the sender hung up in the middle of it.
    #[error("the body did not end as its framing says")]
    Broken,
}

/// Which budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetScope {
    /// That of all bodies together.
    Global,
    /// That of one source's unverified bodies.
    Source,
}

impl std::fmt::Display for BudgetScope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Global => "the budget of all bodies",
            Self::Source => "the source's budget",
        })
    }
}

impl IntakeError {
    /// The reason that the audit log and the answer go by.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::BodyTooLarge { .. } => Reason::BodyTooLarge,
            Self::BodyTimeout { .. } => Reason::BodyTimeout,
            Self::Overloaded { .. } => Reason::Overloaded,
            Self::Broken => Reason::MalformedRequest,
        }
    }
}
