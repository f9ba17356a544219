//! Why a request stops: the sum of the gates' errors, and what the answer needs of each.

use http::HeaderValue;

use crate::audit::error::AuditUnavailable;
use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;
use crate::domain::time::UnixTime;
use crate::fetch::error::FetchError;
use crate::gate::admit::error::AdmitError;
use crate::gate::forward::error::ForwardError;
use crate::gate::intake::error::IntakeError;
use crate::gate::pace::error::PaceError;
use crate::gate::replay::error::ReplayError;
use crate::gate::scope::error::ScopeError;
use crate::gate::verify::error::VerifyError;
use crate::listen::wire::{FaultKind, WireFault};
use crate::pipeline::answer::Terms;
use crate::pipeline::certificates::Missing;
use crate::secrets::handover::HandoverError;
use crate::switch::board::Off;
use crate::switch::order::SwitchAnswer;

/// Why a request stops.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// It came over plaintext.
    #[error("the request came over plaintext")]
    Plaintext,
    /// Its head is not strict HTTP.
    #[error(transparent)]
    Wire(#[from] WireFault),
    /// Its head is well formed and asks for what a receiver of webhooks never does.
    #[error("the request's target or method is not one of a webhook")]
    Head,
    /// A trusted proxy says something about its source that cannot be understood.
    #[error("a trusted proxy names no address where the source must stand")]
    Forwarded,
    /// The gateway is ending.
    #[error("the gateway is ending")]
    Draining,
    /// No integration has its host and path.
    #[error("no integration has this host and path")]
    UnknownRoute,
    /// The configuration has the integration switched off.
    #[error("the integration is disabled")]
    Disabled,
    /// An operator switched it off.
    #[error("the integration is disabled: {}", .0.order.why.as_str())]
    SwitchedOff(Off, UnixTime),
    /// Its head is not admitted.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// Its scheme's headers are missing or malformed; its body was not looked at.
    #[error(transparent)]
    Present(VerifyError),
    /// It failed, and its source has failed too often.
    #[error("the source has failed too often; again in {retry_after} s")]
    Muted {
        /// When it may be tried again.
        retry_after: RetryAfter,
        /// Whether its body was read before it failed.
        body_was_read: bool,
    },
    /// Its body could not be had.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// It hands a secret over that could not be kept.
    #[error("the secret that was handed over is not taken: {0}")]
    Handover(#[from] HandoverError),
    /// It hands a secret over, and the taking broke.
    #[error("taking the secret that was handed over broke")]
    HandoverBroke,
    /// It wants its subscription confirmed, and that did not work.
    #[error("the subscription could not be confirmed: {0}")]
    Unconfirmed(FetchError),
    /// It names a certificate that cannot be had now, and nothing else verifies it.
    #[error("the certificate that it names cannot be had: {0}")]
    Certificate(Missing),
    /// It is whole and not verified.
    #[error(transparent)]
    Verify(VerifyError),
    /// Its record could not be written.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// Its event is out of scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// It is not new, or nobody can know.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Its integration's budget is spent.
    #[error(transparent)]
    Pace(#[from] PaceError),
    /// Its upstream gave no complete answer.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}

impl Stop {
    /// The reason in the audit log and the metrics.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Plaintext => Reason::Plaintext,
            Self::Wire(WireFault { kind: FaultKind::HeadersTooLarge, .. }) => Reason::HeadersTooLarge,
            Self::Wire(_) | Self::Head | Self::Forwarded => Reason::MalformedRequest,
            Self::Draining => Reason::Draining,
            Self::UnknownRoute => Reason::UnknownRoute,
            Self::Disabled | Self::SwitchedOff(..) => Reason::IntegrationDisabled,
            Self::Admit(error) => error.reason(),
            Self::Muted { .. } => Reason::RateLimitedFailures,
            Self::Intake(error) => error.reason(),
            Self::Unconfirmed(FetchError::Busy) => Reason::Overloaded,
            Self::Unconfirmed(_) => Reason::UpstreamUnreachable,
            Self::Handover(_) | Self::HandoverBroke | Self::Certificate(_) => Reason::SecretUnavailable,
            Self::Present(error) | Self::Verify(error) => error.reason(),
            Self::Audit(_) => Reason::AuditUnavailable,
            Self::Scope(error) => error.reason(),
            Self::Replay(error) => error.reason(),
            Self::Pace(error) => error.reason(),
            Self::Forward(error) => error.reason(),
        }
    }

    /// What the answer says besides the class. The connection ends unless the whole body was read.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            retry_after: self.retry_after(),
            allow: self.allow(),
            close: !self.is_after_body(),
            temporary: self.is_temporary(),
        }
    }

    /// What the provider should send again, though the reason's own status says no.
    fn is_temporary(&self) -> bool {
        match self {
            Self::SwitchedOff(off, _) => off.order.answer == SwitchAnswer::Unavailable,
            Self::Certificate(_) => true,
            _ => false,
        }
    }

    fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Admit(AdmitError::RateLimitedSource { retry_after } | AdmitError::RateLimitedFailures { retry_after })
            | Self::Muted { retry_after, .. }
            | Self::Replay(ReplayError::ReplayInFlight { retry_after } | ReplayError::SignedBeforeStart { retry_after })
            | Self::Pace(PaceError::RateLimitedIntegration { retry_after }) => Some(*retry_after),
            Self::SwitchedOff(off, now) => {
                Some(off.order.until.map_or(SWITCHED_OFF_WAIT, |until| RetryAfter::new(until.since(*now))))
            }
            _ => None,
        }
    }

    fn allow(&self) -> Option<HeaderValue> {
        match self {
            Self::Admit(AdmitError::MethodNotAllowed { allow }) => HeaderValue::from_str(allow).ok(),
            _ => None,
        }
    }

    const fn is_after_body(&self) -> bool {
        match self {
            Self::Muted { body_was_read, .. } => *body_was_read,
            Self::Handover(_)
            | Self::HandoverBroke
            | Self::Unconfirmed(_)
            | Self::Certificate(_)
            | Self::Verify(_)
            | Self::Audit(_)
            | Self::Scope(_)
            | Self::Replay(_)
            | Self::Pace(_)
            | Self::Forward(_) => true,
            _ => false,
        }
    }
}

/// When to come again where nobody knows when the switch will be thrown back.
const SWITCHED_OFF_WAIT: RetryAfter = RetryAfter::MINUTE;
