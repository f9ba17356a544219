//! What we tell the upstream about a delivery, as headers. Pure.
//!
//! Invariants: whatever a request says under one of these names does not leave; a text that came from a request is only
//! repeated when it is short, visible ASCII.

use http::header::{HeaderName, HeaderValue};

use super::head_text::HeadText;

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
    /// Whether nobody else may say something under this name: the names that no rule drops anyway.
    pub(super) fn sets(&self, name: &HeaderName) -> bool {
        self.trace.is_some() && matches!(name.as_str(), TRACEPARENT | TRACESTATE)
    }

    /// Writes the headers that say all this.
    pub(super) fn write(&self, text: &mut HeadText) {
        text.line("hookward-integration", self.integration.as_str().as_bytes());
        text.line("hookward-provider", self.provider.as_str().as_bytes());
        text.line("hookward-request-id", self.request_id.short().as_bytes());
        text.line("hookward-secret-id", self.secret_id.as_str().as_bytes());
        text.line("hookward-verified-at", self.verified_at.short().as_bytes());
        text.line("hookward-idempotency-key", self.idempotency_key.as_bytes());
        self.write_fields(text);
        self.write_origin(text);
        if let Some(trace) = self.trace {
            text.line(TRACEPARENT, trace.traceparent().as_bytes());
            trace.state.iter().for_each(|state| text.line(TRACESTATE, state.as_bytes()));
        }
    }

    fn write_fields(&self, text: &mut HeadText) {
        let event = self.event.filter(Field::is_repeatable);
        let delivery_id = self.delivery_id.filter(Field::is_repeatable);
        if let Some(event) = event {
            text.line("hookward-event", event.text.as_bytes());
        }
        if let Some(delivery_id) = delivery_id {
            text.line("hookward-delivery-id", delivery_id.text.as_bytes());
        }
        let is_unsigned = |field: Option<Field<'_>>| field.is_some_and(|field| !field.signed);
        // Also of one that we do not repeat: the provider's own header passes, and the receiver must not trust it.
        let unsigned = match (is_unsigned(self.event), is_unsigned(self.delivery_id)) {
            (true, true) => "event, delivery-id",
            (true, false) => "event",
            (false, true) => "delivery-id",
            (false, false) => return,
        };
        text.line("hookward-unsigned", unsigned.as_bytes());
    }

    fn write_origin(&self, text: &mut HeadText) {
        text.line("x-forwarded-for", self.source.short().as_bytes());
        text.line("x-forwarded-proto", if self.tls { b"https" } else { b"http" });
        if let Some(host) = self.host {
            text.line("x-forwarded-host", host.as_bytes());
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

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// As much of a request's text as the audit log shows.
const FIELD_BYTES_MAX: usize = 256;
