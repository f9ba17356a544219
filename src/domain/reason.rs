//! Why a request ended as it did: the closed list that the audit log, the metrics and the answers share.
//!
//! Invariants: codes are final, they are the interface; every reason is either an acceptance or a refusal.

/// Why a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is its code in words; the table of answers explains them")]
pub enum Reason {
    Delivered,
    UpstreamRejected,
    Handshake,
    MalformedRequest,
    SignatureMissing,
    SignatureMalformed,
    SignatureMismatch,
    TimestampMissing,
    TimestampMalformed,
    TimestampTooOld,
    TimestampInFuture,
    SecretUnavailable,
    Plaintext,
    SourceNotAllowed,
    EventNotAllowed,
    IntegrationDisabled,
    UnknownRoute,
    MethodNotAllowed,
    BodyTimeout,
    Replayed,
    ReplayInFlight,
    BodyTooLarge,
    RateLimitedSource,
    RateLimitedFailures,
    RateLimitedIntegration,
    HeadersTooLarge,
    UpstreamUnreachable,
    UpstreamInvalid,
    Overloaded,
    ReplayStoreUnavailable,
    ReplayStoreFull,
    SignedBeforeStart,
    AuditUnavailable,
    Draining,
    UpstreamTimeout,
}

/// Whether a request was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It passed every step, or was a handshake that we answered.
    Accepted,
    /// It did not.
    Refused,
}

impl Decision {
    /// The word in the audit log and the metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }
}

impl Reason {
    /// Every reason, in the order of the enum; `ALL[reason as usize] == reason`.
    pub const ALL: [Self; 35] = [
        Self::Delivered,
        Self::UpstreamRejected,
        Self::Handshake,
        Self::MalformedRequest,
        Self::SignatureMissing,
        Self::SignatureMalformed,
        Self::SignatureMismatch,
        Self::TimestampMissing,
        Self::TimestampMalformed,
        Self::TimestampTooOld,
        Self::TimestampInFuture,
        Self::SecretUnavailable,
        Self::Plaintext,
        Self::SourceNotAllowed,
        Self::EventNotAllowed,
        Self::IntegrationDisabled,
        Self::UnknownRoute,
        Self::MethodNotAllowed,
        Self::BodyTimeout,
        Self::Replayed,
        Self::ReplayInFlight,
        Self::BodyTooLarge,
        Self::RateLimitedSource,
        Self::RateLimitedFailures,
        Self::RateLimitedIntegration,
        Self::HeadersTooLarge,
        Self::UpstreamUnreachable,
        Self::UpstreamInvalid,
        Self::Overloaded,
        Self::ReplayStoreUnavailable,
        Self::ReplayStoreFull,
        Self::SignedBeforeStart,
        Self::AuditUnavailable,
        Self::Draining,
        Self::UpstreamTimeout,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::UpstreamRejected => "upstream_rejected",
            Self::Handshake => "handshake",
            Self::MalformedRequest => "malformed_request",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TimestampMissing => "timestamp_missing",
            Self::TimestampMalformed => "timestamp_malformed",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampInFuture => "timestamp_in_future",
            Self::SecretUnavailable => "secret_unavailable",
            Self::Plaintext => "plaintext",
            Self::SourceNotAllowed => "source_not_allowed",
            Self::EventNotAllowed => "event_not_allowed",
            Self::IntegrationDisabled => "integration_disabled",
            Self::UnknownRoute => "unknown_route",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTimeout => "body_timeout",
            Self::Replayed => "replayed",
            Self::ReplayInFlight => "replay_in_flight",
            Self::BodyTooLarge => "body_too_large",
            Self::RateLimitedSource => "rate_limited_source",
            Self::RateLimitedFailures => "rate_limited_failures",
            Self::RateLimitedIntegration => "rate_limited_integration",
            Self::HeadersTooLarge => "headers_too_large",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamInvalid => "upstream_invalid",
            Self::Overloaded => "overloaded",
            Self::ReplayStoreUnavailable => "replay_store_unavailable",
            Self::ReplayStoreFull => "replay_store_full",
            Self::SignedBeforeStart => "signed_before_start",
            Self::AuditUnavailable => "audit_unavailable",
            Self::Draining => "draining",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// Accepted for what reached an upstream or was a handshake of the provider; refused for everything else.
    #[must_use]
    pub const fn decision(self) -> Decision {
        match self {
            Self::Delivered | Self::UpstreamRejected | Self::Handshake => Decision::Accepted,
            _ => Decision::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_in_order() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index, "{}", reason.code());
        }
        let mut codes = Reason::ALL.map(Reason::code);
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
