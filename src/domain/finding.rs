//! What may be wrong with an integration as it lives: the closed list that the inventory, the metrics and the audit log share.
//!
//! Invariants: codes are final, they are the interface; a finding refuses nothing.

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Nothing came for longer than `expect_every`.
    Silent,
    /// Nothing came in 90 days.
    Abandoned,
    /// `review_by` is past.
    ReviewOverdue,
    /// A secret's `not_after` is past.
    SecretExpired,
    /// A secret ends within 14 days.
    SecretExpiring,
    /// A secret is not used any more.
    UnusedSecret,
    /// A delivery carried the secret itself.
    SecretInDelivery,
    /// An allowed event was never seen.
    UnseenEvent,
    /// An allowed source was never seen.
    UnseenSource,
    /// The upstream failed several times in a row.
    UpstreamFailing,
    /// Far more came than ever at this hour of the week.
    RateHigh,
    /// Far less came than ever at this hour of the week.
    RateLow,
    /// A network that never sent before.
    NewSource,
    /// A type of event that never came before.
    NewEvent,
}

impl FindingKind {
    /// Every kind, in the order of the enum; `ALL[kind as usize] == kind`.
    pub const ALL: [Self; 14] = [
        Self::Silent,
        Self::Abandoned,
        Self::ReviewOverdue,
        Self::SecretExpired,
        Self::SecretExpiring,
        Self::UnusedSecret,
        Self::SecretInDelivery,
        Self::UnseenEvent,
        Self::UnseenSource,
        Self::UpstreamFailing,
        Self::RateHigh,
        Self::RateLow,
        Self::NewSource,
        Self::NewEvent,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Abandoned => "abandoned",
            Self::ReviewOverdue => "review-overdue",
            Self::SecretExpired => "secret-expired",
            Self::SecretExpiring => "secret-expiring",
            Self::UnusedSecret => "unused-secret",
            Self::SecretInDelivery => "secret-in-delivery",
            Self::UnseenEvent => "unseen-event",
            Self::UnseenSource => "unseen-source",
            Self::UpstreamFailing => "upstream-failing",
            Self::RateHigh => "rate-high",
            Self::RateLow => "rate-low",
            Self::NewSource => "new-source",
            Self::NewEvent => "new-event",
        }
    }

    /// Whether it is a departure from the integration's own history: an event with a time, not a state.
    #[must_use]
    pub const fn is_anomaly(self) -> bool {
        matches!(self, Self::RateHigh | Self::RateLow | Self::NewSource | Self::NewEvent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_in_order() {
        for (index, kind) in FindingKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{}", kind.code());
        }
        assert_eq!(FindingKind::ALL.iter().filter(|kind| kind.is_anomaly()).count(), 4);
    }
}
