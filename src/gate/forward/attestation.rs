//! What we tell the upstream about a delivery, as headers. Pure.
//!
//! Invariants: every name is set, never appended, so whatever stood there before is gone; a text that came from a request
//! is only repeated when it is short, visible ASCII.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::address::Source;
use crate::domain::name::{IntegrationName, ProviderName, SecretId};
use crate::domain::request_id::RequestId;
use crate::domain::time::UnixTime;
use crate::domain::trace::TraceContext;

/// The facts of one verified delivery.
#[derive(Clone, Copy, Debug)]
pub struct Attestation<'a> {
    /// The integration it came in by.
    pub integration: &'a IntegrationName,
    /// Its provider.
    pub provider: &'a ProviderName,
    /// Its request id.
    pub request_id: RequestId,
    /// The secret that its signature holds under.
    pub secret_id: &'a SecretId,
    /// When it was verified.
    pub verified_at: UnixTime,
    /// Its event type, if known.
    pub event: Option<Field<'a>>,
    /// Its delivery id, if known.
    pub delivery_id: Option<Field<'a>>,
    /// The same for every retry of the same delivery.
    pub idempotency_key: &'a str,
    /// Where it came from.
    pub source: Source,
    /// Whether it came to us, or to the trusted proxy before us, over TLS.
    pub tls: bool,
    /// The host it was sent to.
    pub host: Option<&'a HeaderValue>,
    /// Its place in a trace. Where there is one, whatever the sender said of another is gone.
    pub trace: Option<&'a TraceContext>,
}

/// A text out of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The text.
    pub text: &'a str,
    /// Whether the signature covers it.
    pub signed: bool,
}

impl Attestation<'_> {
    /// Sets the headers that say all this.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        set(headers, INTEGRATION, self.integration.as_str());
        set(headers, PROVIDER, self.provider.as_str());
        set(headers, REQUEST_ID, &self.request_id.to_string());
        set(headers, SECRET_ID, self.secret_id.as_str());
        set(headers, VERIFIED_AT, &self.verified_at.to_string());
        set(headers, IDEMPOTENCY_KEY, self.idempotency_key);
        self.write_fields(headers);
        self.write_origin(headers);
        if let Some(trace) = self.trace {
            set(headers, TRACEPARENT, &trace.traceparent());
            headers.remove(TRACESTATE);
            trace.state.iter().for_each(|state| set(headers, TRACESTATE, state));
        }
    }

    fn write_fields(&self, headers: &mut HeaderMap) {
        let event = self.event.filter(Field::is_repeatable);
        let delivery_id = self.delivery_id.filter(Field::is_repeatable);
        if let Some(event) = event {
            set(headers, EVENT, event.text);
        }
        if let Some(delivery_id) = delivery_id {
            set(headers, DELIVERY_ID, delivery_id.text);
        }
        let is_unsigned = |field: Option<Field<'_>>| field.is_some_and(|field| !field.signed);
        // Also of one that we do not repeat: the provider's own header passes, and the receiver must not trust it.
        let unsigned = match (is_unsigned(self.event), is_unsigned(self.delivery_id)) {
            (true, true) => "event, delivery-id",
            (true, false) => "event",
            (false, true) => "delivery-id",
            (false, false) => return,
        };
        headers.insert(UNSIGNED, HeaderValue::from_static(unsigned));
    }

    fn write_origin(&self, headers: &mut HeaderMap) {
        set(headers, FORWARDED_FOR, &self.source.to_string());
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(if self.tls { "https" } else { "http" }));
        if let Some(host) = self.host {
            headers.insert(FORWARDED_HOST, host.clone());
        }
    }
}

impl Field<'_> {
    /// A longer or stranger text would be another text after the upstream's parser, or break its head: better none.
    fn is_repeatable(&self) -> bool {
        (1..=FIELD_BYTES_MAX).contains(&self.text.len())
            && self.text.trim_ascii().len() == self.text.len()
            && self.text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

const INTEGRATION: HeaderName = HeaderName::from_static("hookward-integration");
const PROVIDER: HeaderName = HeaderName::from_static("hookward-provider");
const REQUEST_ID: HeaderName = HeaderName::from_static("hookward-request-id");
const SECRET_ID: HeaderName = HeaderName::from_static("hookward-secret-id");
const VERIFIED_AT: HeaderName = HeaderName::from_static("hookward-verified-at");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("hookward-idempotency-key");
const EVENT: HeaderName = HeaderName::from_static("hookward-event");
const DELIVERY_ID: HeaderName = HeaderName::from_static("hookward-delivery-id");
const UNSIGNED: HeaderName = HeaderName::from_static("hookward-unsigned");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// As much of a request's text as the audit log shows.
const FIELD_BYTES_MAX: usize = 256;
