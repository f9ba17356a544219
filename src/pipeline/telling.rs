//! What OTLP is told of a request besides its record. Made only where somebody listens.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};

use crate::audit::record::RequestRecord;
use crate::domain::request_id::RequestId;
use crate::domain::trace::TraceContext;
use crate::listen::context::{Origin, RequestContext};
use crate::pipeline::integration::Integration;
use crate::telemetry::otlp::{Exchange, FinishedRequest, Outbox};

/// A request's place in a trace, and its exchange with the upstream.
pub(super) struct Telling {
    outbox: Arc<Outbox>,
    trace: TraceContext,
    exchange: Option<Exchange>,
    tls: bool,
}

impl Telling {
    /// Only a trusted proxy is believed where it says that a trace began before us.
    pub(super) fn open(outbox: &Arc<Outbox>, context: &RequestContext, headers: &HeaderMap, request: RequestId) -> Self {
        let one = |name: &str| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_| values.next().is_none())
        };
        let parent = one("traceparent").filter(|_| context.trusted && context.fault.is_none());
        let state = one("tracestate").and_then(|state| state.to_str().ok());
        let continued = parent.and_then(|parent| TraceContext::continued(request, parent.as_bytes(), state));
        let trace = continued.unwrap_or_else(|| TraceContext::root(request, outbox.sample_percent));
        Self { outbox: Arc::clone(outbox), trace, exchange: None, tls: matches!(context.origin, Origin::Secure(_)) }
    }

    /// The place in a trace, where the upstream is to know of it.
    pub(super) fn trace(&self) -> Option<&TraceContext> {
        self.outbox.traces().then_some(&self.trace)
    }

    /// Notes the exchange with the upstream, which ended so long after the head.
    pub(super) fn upstream(&mut self, integration: &Integration, status: Option<u16>, took: Duration, since: Duration) {
        let (after_us, took_us) = (micros(since.saturating_sub(took)), micros(took));
        self.exchange = Some(Exchange { after_us, took_us, status, authority: Arc::clone(&integration.about.upstream) });
    }

    /// Tells all of it.
    pub(super) fn finish(self, record: &RequestRecord, integration: Option<&Integration>) {
        let about = |integration: &Integration| {
            (integration.name.clone(), integration.scheme.name.clone(), Arc::clone(&integration.about.route))
        };
        self.outbox.note(FinishedRequest {
            trace: self.trace,
            request_id: record.request_id,
            at: record.at,
            latency_us: record.latency_us,
            method: FinishedRequest::known_method(record.method.as_ref().map(Method::as_str)),
            tls: self.tls,
            source: record.source,
            integration: integration.map(about),
            reason: record.reason,
            status: record.status,
            exchange: self.exchange,
        });
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
