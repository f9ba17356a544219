//! What is written is what OTLP means, by its own definitions.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue as ProtoKeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data as ProtoData;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as ProtoNumber;

use super::*;
use crate::domain::reason::Reason;
use crate::domain::request_id::RequestId;
use crate::domain::trace::TraceContext;
use crate::telemetry::otlp::finished::Exchange;
use crate::telemetry::otlp::outbox::REQUESTS_MAX;

const START: i64 = 1_767_225_600;

fn identity() -> Identity {
    Identity { service_name: "hooks".to_owned(), instance: "one".to_owned(), started_at: UnixTime::from_seconds(START) }
}

fn request(reason: Reason, status: u16) -> FinishedRequest {
    let at = UnixTime::from_seconds(START + 10);
    let request_id = RequestId::new(at);
    let authority = Arc::from("127.0.0.1:3000");
    FinishedRequest {
        trace: TraceContext::root(request_id, 100),
        request_id,
        at,
        latency_us: 30_000,
        method: FinishedRequest::known_method(Some("POST")),
        tls: true,
        source: crate::domain::address::Source::new("192.0.2.7".parse().unwrap()),
        integration: Some(("pay".parse().unwrap(), "stripe".parse().unwrap(), Arc::from("/webhooks/stripe"))),
        reason,
        status,
        exchange: Some(Exchange { after_us: 5_000, took_us: 20_000, status: Some(status), authority }),
    }
}

fn shown(attributes: &[ProtoKeyValue]) -> Vec<String> {
    let value = |pair: &ProtoKeyValue| match pair.value.clone().unwrap().value.unwrap() {
        ProtoValue::StringValue(text) => text,
        ProtoValue::IntValue(number) => number.to_string(),
        ProtoValue::BoolValue(truth) => truth.to_string(),
        other => panic!("{other:?}"),
    };
    let mut shown: Vec<_> = attributes.iter().map(|pair| format!("{}={}", pair.key, value(pair))).collect();
    shown.sort();
    shown
}

#[test]
fn a_request_is_a_server_span_with_a_client_span_inside() {
    let request = request(Reason::Delivered, 200);
    let decoded = ExportTraceServiceRequest::decode(traces(&identity(), std::slice::from_ref(&request)).as_slice()).unwrap();
    let resource = &decoded.resource_spans[0];
    assert!(shown(&resource.resource.as_ref().unwrap().attributes).contains(&"service.name=hooks".to_owned()));
    let spans = &resource.scope_spans[0].spans;
    let (server, client) = (&spans[0], &spans[1]);
    assert_eq!((server.name.as_str(), server.kind, client.kind), ("POST /webhooks/stripe", 2, 3));
    assert_eq!(server.trace_id, request.request_id.as_u128().to_be_bytes());
    assert_eq!((&client.trace_id, &client.parent_span_id), (&server.trace_id, &server.span_id));
    assert!(server.parent_span_id.is_empty() && client.span_id != server.span_id && server.status.is_none());
    assert_eq!(server.end_time_unix_nano - server.start_time_unix_nano, 30_000_000);
    assert_eq!(client.start_time_unix_nano - server.start_time_unix_nano, 5_000_000);
    let attributes = shown(&server.attributes);
    for expected in [
        "http.request.method=POST",
        "http.response.status_code=200",
        "http.route=/webhooks/stripe",
        "url.scheme=https",
        "hookward.reason=delivered",
    ] {
        assert!(attributes.contains(&expected.to_owned()), "{expected} in {attributes:?}");
    }
}

#[test]
fn an_error_is_one_for_us_when_it_is_ours() {
    let failed = request(Reason::UpstreamRejected, 503);
    let refused = FinishedRequest { exchange: None, ..request(Reason::SignatureMismatch, 401) };
    let decoded = ExportTraceServiceRequest::decode(traces(&identity(), &[failed, refused]).as_slice()).unwrap();
    let spans = &decoded.resource_spans[0].scope_spans[0].spans;
    let codes: Vec<_> = spans.iter().map(|span| span.status.as_ref().map(|status| status.code)).collect();
    assert_eq!(codes, [Some(2), Some(2), None]);
    assert!(shown(&spans[1].attributes).contains(&"error.type=503".to_owned()));
}

#[test]
fn metrics_follow_the_conventions_and_the_scrape() {
    let outbox = Outbox::new(true, true, 100);
    outbox.note(request(Reason::Delivered, 200));
    outbox.note(request(Reason::Delivered, 200));
    let scrape = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"y\",z=\"w\"} 3\n# HELP b Level.\n# TYPE b gauge\nb 2.5\n\
                  # HELP c_seconds Time.\n# TYPE c_seconds histogram\nc_seconds_sum 1\n";
    let body = metrics(&identity(), &outbox, scrape, UnixTime::from_seconds(START + 60));
    let decoded = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
    let metrics = &decoded.resource_metrics[0].scope_metrics[0].metrics;
    let names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["http.server.request.duration", "http.client.request.duration", "a_total", "b"]);
    let Some(ProtoData::Histogram(histogram)) = &metrics[0].data else { panic!("a histogram") };
    let point = &histogram.data_points[0];
    assert_eq!(
        (point.count, point.bucket_counts.len(), point.explicit_bounds.len(), histogram.aggregation_temporality),
        (2, 15, 14, 2)
    );
    assert!((point.sum.unwrap() - 0.06).abs() < 1e-9 && point.bucket_counts[3] == 2);
    assert_eq!(shown(&point.attributes).len(), 4);
    let Some(ProtoData::Sum(sum)) = &metrics[2].data else { panic!("a sum") };
    assert!(sum.is_monotonic && shown(&sum.data_points[0].attributes) == ["x=y", "z=w"]);
    let Some(ProtoData::Gauge(gauge)) = &metrics[3].data else { panic!("a gauge") };
    assert_eq!(gauge.data_points[0].value, Some(ProtoNumber::AsDouble(2.5)));
    assert_eq!(metrics[2].description, "Things.");
}

#[test]
fn a_record_is_a_log_with_its_line_as_the_body() {
    let line = "{\"ts\":\"2026-01-01T00:00:01.000000Z\",\"kind\":\"request\",\"reason\":\"replayed\",\"decision\":\"refused\"}";
    let decoded =
        ExportLogsServiceRequest::decode(logs(&identity(), &format!("{line}\n"), UnixTime::from_seconds(START)).as_slice());
    let records = decoded.unwrap().resource_logs[0].scope_logs[0].log_records.clone();
    let record = &records[0];
    assert_eq!((record.time_unix_nano, record.severity_number), (1_767_225_601_000_000_000, 13));
    assert_eq!((records.len(), record.event_name.as_str()), (1, "hookward.audit.request"));
    assert_eq!(record.body.clone().unwrap().value, Some(ProtoValue::StringValue(line.to_owned())));
    assert_eq!(shown(&record.attributes), ["hookward.decision=refused", "hookward.kind=request", "hookward.reason=replayed"]);
}

#[test]
fn the_outbox_is_bounded_and_counts_what_it_drops() {
    let outbox = Outbox::new(true, false, 100);
    for _ in 0..REQUESTS_MAX + 3 {
        outbox.note(request(Reason::Delivered, 200));
    }
    let mut unsampled = request(Reason::Delivered, 200);
    unsampled.trace.sampled = false;
    outbox.note(unsampled);
    assert_eq!((outbox.take().len(), outbox.take_dropped(), outbox.take_dropped()), (REQUESTS_MAX, 3, 0));
    assert!(outbox.take().is_empty() && FinishedRequest::known_method(Some("BREW")) == "_OTHER");
}
