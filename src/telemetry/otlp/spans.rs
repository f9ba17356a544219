//! Requests as spans: one of kind server for each, one of kind client for its exchange with an upstream. pure

use super::finished::{Exchange, FinishedRequest};
use super::messages::{KeyValue, Span, SpanKind, Status, number, text};
use crate::domain::time::UnixTime;

const ERROR: i32 = 2;
/// The parent is another process's.
const HAS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// The spans of one request.
pub(super) fn spans_of(request: &FinishedRequest) -> impl Iterator<Item = Span> + '_ {
    let exchange = request.exchange.as_ref().map(|exchange| client(request, exchange));
    std::iter::once(server(request)).chain(exchange)
}

fn server(request: &FinishedRequest) -> Span {
    let trace = &request.trace;
    let name = request.route().map_or_else(|| request.method.to_owned(), |route| format!("{} {route}", request.method));
    let start = nanos(request.at);
    let failed = Status { message: String::new(), code: ERROR };
    let remote = if trace.parent_id.is_some() { IS_REMOTE } else { 0 };
    Span {
        trace_id: trace.trace_id.to_be_bytes().to_vec(),
        id: trace.span_id.to_be_bytes().to_vec(),
        trace_state: trace.state.clone().unwrap_or_default(),
        parent_span_id: trace.parent_id.map(|parent| parent.to_be_bytes().to_vec()).unwrap_or_default(),
        name,
        kind: SpanKind::Server.into(),
        start_nanos: start,
        end_nanos: start.saturating_add(request.latency_us.saturating_mul(1000)),
        attributes: server_attributes(request),
        status: request.is_error().then_some(failed),
        flags: u32::from(trace.sampled) | HAS_REMOTE | remote,
    }
}

fn server_attributes(request: &FinishedRequest) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("http.request.method", request.method),
        text("url.scheme", request.scheme()),
        text("client.address", request.source.to_string()),
        number("http.response.status_code", request.status),
        text("hookward.request_id", request.request_id.to_string()),
        text("hookward.decision", request.reason.decision().code()),
        text("hookward.reason", request.reason.code()),
    ];
    if let Some((integration, provider, route)) = &request.integration {
        attributes.push(text("http.route", route.as_ref()));
        attributes.push(text("hookward.integration", integration.as_str()));
        attributes.push(text("hookward.provider", provider.as_str()));
    }
    if request.is_error() {
        attributes.push(text("error.type", request.status.to_string()));
    }
    attributes
}

fn client(request: &FinishedRequest, exchange: &Exchange) -> Span {
    let trace = &request.trace;
    let start = nanos(request.at).saturating_add(exchange.after_us.saturating_mul(1000));
    let mut attributes = vec![text("http.request.method", request.method), text("server.address", exchange.authority.as_ref())];
    let error = match exchange.status {
        Some(status) => {
            attributes.push(number("http.response.status_code", status));
            (status >= 400).then(|| status.to_string())
        }
        None => Some(request.reason.code().to_owned()),
    };
    let status = error.as_ref().map(|_| Status { message: String::new(), code: ERROR });
    attributes.extend(error.map(|error| text("error.type", error)));
    Span {
        trace_id: trace.trace_id.to_be_bytes().to_vec(),
        id: trace.upstream_span().to_be_bytes().to_vec(),
        trace_state: trace.state.clone().unwrap_or_default(),
        parent_span_id: trace.span_id.to_be_bytes().to_vec(),
        name: request.method.to_owned(),
        kind: SpanKind::Client.into(),
        start_nanos: start,
        end_nanos: start.saturating_add(exchange.took_us.saturating_mul(1000)),
        attributes,
        status,
        flags: u32::from(trace.sampled) | HAS_REMOTE,
    }
}

/// Nanoseconds since 1970.
pub(super) fn nanos(at: UnixTime) -> u64 {
    u64::try_from(at.micros()).unwrap_or(0).saturating_mul(1000)
}
