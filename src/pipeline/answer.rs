//! What the sender is told. Pure; the one table from reasons to HTTP.
//!
//! 1. A refusal says its class and the request's id, never the reason: the sender learns nothing to aim with.
//! 2. Every reason has one status; the match is exhaustive, so a new reason does not compile until it has an answer.
//! 3. What asks to be tried again carries `Retry-After`.
//! 4. A refusal before or during the body closes the connection.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::domain::reason::Reason;
use crate::domain::request_id::RequestId;
use crate::domain::retry_after::RetryAfter;
use crate::provider::scheme::OnRefusal;

/// An answer, ready for the wire.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An answer without headers of its own.
    #[must_use]
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The answer to a request that hookward refused.
    #[must_use]
    pub fn refusal(reason: Reason, request_id: RequestId, terms: &Terms) -> Self {
        let status = if terms.temporary { StatusCode::SERVICE_UNAVAILABLE } else { status_of(reason) };
        let body = format!("{{\"error\":\"{}\",\"request_id\":\"{request_id}\"}}", class_of(status));
        let answer = Self::new(status, body)
            .with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .with(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        terms.apply(answer, reason)
    }

    /// The 200 that stands for a refusal where the provider would drop an endpoint that keeps refusing.
    #[must_use]
    pub fn acknowledgement(reason: Reason) -> Self {
        let (name, value) = match reason {
            Reason::Replayed => ("hookward-replay", "true"),
            _ => ("hookward-ignored", "event"),
        };
        Self::new(StatusCode::OK, Bytes::new()).with(HeaderName::from_static(name), HeaderValue::from_static(value))
    }

    /// The answer as hyper sends it.
    #[must_use]
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// What a refusal says besides its class.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// When to come again.
    pub retry_after: Option<RetryAfter>,
    /// The methods that are taken, for a 405.
    pub allow: Option<HeaderValue>,
    /// Whether the connection ends with this answer.
    pub close: bool,
    /// Whether the provider may try again though the reason is one for good: a kill switch has an end, a certificate may come.
    pub temporary: bool,
}

impl Terms {
    fn apply(&self, mut answer: Answer, reason: Reason) -> Answer {
        if let Some(value) = retry_seconds(answer.status, reason, self.retry_after) {
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(value));
        }
        if let Some(allow) = &self.allow {
            answer.headers.insert(ALLOW, allow.clone());
        }
        if self.close {
            answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// Whole seconds to wait: what is known, else five.
fn retry_seconds(status: StatusCode, reason: Reason, known: Option<RetryAfter>) -> Option<u64> {
    const UNKNOWN_WAIT_SECONDS: u64 = 5;
    let asks =
        matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) || reason == Reason::ReplayInFlight;
    asks.then(|| known.map_or(UNKNOWN_WAIT_SECONDS, RetryAfter::seconds))
}

/// Whether a refusal for good is answered 200 because the integration asks for it.
#[must_use]
pub const fn is_acknowledged(reason: Reason, on_replay: OnRefusal, on_event_denied: OnRefusal) -> bool {
    match reason {
        Reason::Replayed => matches!(on_replay, OnRefusal::Acknowledge),
        Reason::EventNotAllowed => matches!(on_event_denied, OnRefusal::Acknowledge),
        _ => false,
    }
}

/// The status of a reason. Acceptances have the upstream's or the handshake's own; they stand here as 200 for completeness.
#[must_use]
pub const fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::Delivered | Reason::UpstreamRejected | Reason::Handshake => StatusCode::OK,
        Reason::MalformedRequest => StatusCode::BAD_REQUEST,
        Reason::SignatureMissing
        | Reason::SignatureMalformed
        | Reason::SignatureMismatch
        | Reason::TimestampMissing
        | Reason::TimestampMalformed
        | Reason::TimestampTooOld
        | Reason::TimestampInFuture
        | Reason::SecretUnavailable => StatusCode::UNAUTHORIZED,
        Reason::Plaintext | Reason::SourceNotAllowed | Reason::EventNotAllowed | Reason::IntegrationDisabled => {
            StatusCode::FORBIDDEN
        }
        Reason::UnknownRoute => StatusCode::NOT_FOUND,
        Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reason::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        Reason::Replayed | Reason::ReplayInFlight => StatusCode::CONFLICT,
        Reason::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::RateLimitedSource | Reason::RateLimitedFailures | Reason::RateLimitedIntegration => StatusCode::TOO_MANY_REQUESTS,
        Reason::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Reason::UpstreamUnreachable | Reason::UpstreamInvalid => StatusCode::BAD_GATEWAY,
        Reason::Overloaded
        | Reason::ReplayStoreUnavailable
        | Reason::ReplayStoreFull
        | Reason::SignedBeforeStart
        | Reason::AuditUnavailable
        | Reason::Draining => StatusCode::SERVICE_UNAVAILABLE,
        Reason::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The class that a refusal names: one word a status.
const fn class_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "bad_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        408 => "timeout",
        409 => "conflict",
        413 => "too_large",
        429 => "rate_limited",
        431 => "headers_too_large",
        502 => "bad_gateway",
        504 => "gateway_timeout",
        _ => "unavailable",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::time::UnixTime;

    fn refusal(reason: Reason, terms: &Terms) -> Answer {
        Answer::refusal(reason, RequestId::new(UnixTime::from_seconds(0)), terms)
    }

    #[test]
    fn every_refusal_has_a_status_and_a_class_and_hides_its_reason() {
        for reason in Reason::ALL.into_iter().filter(|reason| status_of(*reason) != StatusCode::OK) {
            let answer = refusal(reason, &Terms::default());
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            assert!(answer.status.is_client_error() || answer.status.is_server_error(), "{}", reason.code());
            assert!(body.starts_with("{\"error\":\"") && body.contains("\"request_id\":\""), "{body}");
            assert!(answer.status.is_server_error() || !body.contains("signature"), "{body}");
        }
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        let seconds = |reason, retry_after: Option<Duration>| {
            let answer = refusal(reason, &Terms { retry_after: retry_after.map(RetryAfter::new), ..Terms::default() });
            answer.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(seconds(Reason::RateLimitedSource, Some(Duration::from_millis(1200))).as_deref(), Some("2"));
        assert_eq!(seconds(Reason::ReplayInFlight, Some(Duration::ZERO)).as_deref(), Some("1"));
        assert_eq!(seconds(Reason::Overloaded, None).as_deref(), Some("5"));
        assert_eq!(seconds(Reason::Replayed, None), None);
        assert_eq!(seconds(Reason::UpstreamTimeout, None), None);
    }

    #[test]
    fn a_switch_with_an_end_is_503() {
        let answer = refusal(Reason::IntegrationDisabled, &Terms { temporary: true, ..Terms::default() });
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers.contains_key(RETRY_AFTER));
        assert_eq!(refusal(Reason::IntegrationDisabled, &Terms::default()).status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn acknowledgements_follow_the_integration() {
        use OnRefusal::{Acknowledge, Reject};
        assert!(is_acknowledged(Reason::Replayed, Acknowledge, Reject));
        assert!(!is_acknowledged(Reason::Replayed, Reject, Acknowledge));
        assert!(is_acknowledged(Reason::EventNotAllowed, Reject, Acknowledge));
        assert!(!is_acknowledged(Reason::ReplayInFlight, Acknowledge, Acknowledge));
        assert_eq!(Answer::acknowledgement(Reason::Replayed).headers["hookward-replay"], "true");
        assert_eq!(Answer::acknowledgement(Reason::EventNotAllowed).headers["hookward-ignored"], "event");
    }
}
