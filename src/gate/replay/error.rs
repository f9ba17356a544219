//! Why a delivery is not forwarded now, or its success not passed on.

use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;
use crate::gate::replay::store::StoreError;

/// Why a delivery is not forwarded now, or its success not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The same delivery was forwarded, and taken.
    #[error("the delivery was taken before")]
    Replayed,
    /// The same delivery is being forwarded.
    #[error("the delivery is being forwarded; its attempt is over in {retry_after} s")]
    ReplayInFlight {
        /// When the attempt under way is over at the latest.
        retry_after: RetryAfter,
    },
    /// There is no place to remember it in.
    #[error("the replay store is full")]
    StoreFull,
    /// The store gave no answer.
    #[error("the replay store is unavailable")]
    StoreUnavailable,
    /// It may have been forwarded before the store's memory begins.
    #[error("the delivery was signed before the store's memory begins")]
    SignedBeforeStart {
        /// When a delivery signed anew would pass.
        retry_after: RetryAfter,
    },
}

impl ReplayError {
    /// The reason of the audit log and the answer.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Replayed => Reason::Replayed,
            Self::ReplayInFlight { .. } => Reason::ReplayInFlight,
            Self::StoreFull => Reason::ReplayStoreFull,
            Self::StoreUnavailable => Reason::ReplayStoreUnavailable,
            Self::SignedBeforeStart { .. } => Reason::SignedBeforeStart,
        }
    }
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::StoreFull,
            StoreError::Unavailable => Self::StoreUnavailable,
        }
    }
}
