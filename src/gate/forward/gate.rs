//! The gate: a delivery that passed every other one, by reference, and the upstream's complete answer out.
//!
//! Only this file makes a [`Forwarded`], and only from here is a pool's `send` reached. The ticket is borrowed, not taken:
//! its claim must still be ended by what came of this.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::attestation::{Attestation, Field};
use super::error::ForwardError;
use super::headers::downstream_headers;
use super::pool::UpstreamPool;
use super::request::outgoing;
use crate::domain::address::Source;
use crate::domain::name::{IntegrationName, ProviderName};
use crate::domain::request_id::RequestId;
use crate::domain::time::{Now, UnixTime};
use crate::domain::trace::TraceContext;
use crate::gate::pace::gate::Paced;

/// What is known of a delivery besides its ticket.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The integration it came in by.
    pub integration: &'a IntegrationName,
    /// Its provider.
    pub provider: &'a ProviderName,
    /// Its request id.
    pub request_id: RequestId,
    /// When it was verified.
    pub verified_at: UnixTime,
    /// When it is sent.
    pub sent_at: Now,
    /// Where it came from.
    pub source: Source,
    /// Whether it came to us, or to the trusted proxy before us, over TLS.
    pub tls: bool,
    /// Its place in a trace, where the upstream is to know of one.
    pub trace: Option<&'a TraceContext>,
}

/// A delivery that its upstream answered completely; whether it took it, the status says.
#[derive(Debug)]
#[must_use]
pub struct Forwarded {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    answered_at: Now,
}

/// Sends a delivery to its upstream, at most once, and waits for the whole answer.
///
/// # Errors
/// [`ForwardError`] when there is no complete answer; it says whether the upstream may have received the delivery.
pub async fn forward(pool: &UpstreamPool, paced: &Paced, arrival: &Arrival<'_>) -> Result<Forwarded, ForwardError> {
    let verified = paced.claimed().scoped().verified();
    let request = outgoing(&pool.target, verified.head(), verified.body(), &attestation(paced, arrival))?;
    let (answer, answered_at) = pool.send(&request, arrival.sent_at.monotonic).await?;
    Ok(Forwarded { status: answer.status, headers: downstream_headers(answer.headers), body: answer.body, answered_at })
}

fn attestation<'a>(paced: &'a Paced, arrival: &Arrival<'a>) -> Attestation<'a> {
    let claimed = paced.claimed();
    let verified = claimed.scoped().verified();
    Attestation {
        integration: arrival.integration,
        provider: arrival.provider,
        request_id: arrival.request_id,
        secret_id: verified.secret_id(),
        verified_at: arrival.verified_at,
        event: verified.event().map(|event| Field { text: &event.text, signed: event.signed }),
        delivery_id: verified.delivery_id().map(|id| Field { text: &id.text, signed: id.signed }),
        idempotency_key: claimed.idempotency_key(),
        source: arrival.source,
        tls: arrival.tls,
        trace: arrival.trace,
        host: verified.head().headers.get(header::HOST),
    }
}

impl Forwarded {
    /// The upstream's status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the upstream took the delivery: a 2xx, and nothing else.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// When the last byte of the answer was there.
    #[must_use]
    pub const fn answered_at(&self) -> Now {
        self.answered_at
    }

    /// What the sender gets: status, headers that may pass, body.
    #[must_use]
    pub fn into_answer(self) -> (StatusCode, HeaderMap, Bytes) {
        (self.status, self.headers, self.body)
    }
}
