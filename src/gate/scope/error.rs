//! Why a delivery is out of scope.

use crate::domain::reason::Reason;

/// Why a delivery is out of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Its event type is on no allow-list.
    #[error("the event type is not allowed")]
    NotAllowed,
    /// There is an allow-list, and it names no event type, or two.
    #[error("no event type was found to be judged")]
    NoEvent,
}

impl ScopeError {
    /// The reason that audit log and metrics name.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::NotAllowed | Self::NoEvent => Reason::EventNotAllowed,
        }
    }
}
