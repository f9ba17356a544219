//! OTLP: what a receiver gets, decoded by OTLP's own definitions; what it never gets; and that nobody waits for it.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port};
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::upstream::{Reply, Upstream};

const PROVIDER: Provider = Provider::Stripe;
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn otlp(port: u16) -> String {
    format!(
        "{{ endpoint = \"http://127.0.0.1:{port}\", interval = \"200ms\", timeout = \"2s\", service_name = \"hooks\", \
         headers = {{ Authorization = {{ file = \"otlp.token\" }} }} }}"
    )
}

fn config(upstream: &Upstream, port: u16) -> Config {
    let trusted = "plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.0/8\"]";
    let config = Config::of(Integration::new(PROVIDER, &upstream.url())).plain_with(trusted);
    config.set("telemetry", "otlp", &otlp(port)).file("otlp.token", "Bearer of-the-collector")
}

/// Everything of one signal that was received so far.
fn bodies(receiver: &Upstream, signal: &str) -> Vec<Vec<u8>> {
    let target = format!("/v1/{signal}");
    receiver.received().into_iter().filter(|request| request.target == target).map(|request| request.body).collect()
}

fn spans(receiver: &Upstream) -> Vec<Span> {
    let decoded = bodies(receiver, "traces").into_iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
    let scopes = decoded.flat_map(|export| export.resource_spans).flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

fn logs(receiver: &Upstream) -> Vec<LogRecord> {
    let decoded = bodies(receiver, "logs").into_iter().map(|body| ExportLogsServiceRequest::decode(body.as_slice()).unwrap());
    let scopes = decoded.flat_map(|export| export.resource_logs).flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).collect()
}

fn last_metrics(receiver: &Upstream) -> Vec<Metric> {
    let last = bodies(receiver, "metrics").pop().unwrap_or_default();
    let export = ExportMetricsServiceRequest::decode(last.as_slice()).unwrap();
    let scopes = export.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).collect()
}

#[track_caller]
fn await_spans(receiver: &Upstream, count: usize) -> Vec<Span> {
    let spans = poll(PATIENCE, || Some(spans(receiver)).filter(|spans| spans.len() >= count));
    spans.unwrap_or_else(|| panic!("fewer than {count} spans"))
}

#[test]
fn a_delivery_is_a_trace_of_its_own_whatever_a_stranger_says() {
    let (upstream, receiver) = (Upstream::start(), Upstream::start());
    let gateway = Gateway::start(config(&upstream, receiver.port()));
    let delivery = PROVIDER.delivery().with("traceparent", PARENT).with("tracestate", "evil=1");
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let spans = await_spans(&receiver, 2);
    let (server, client) = (&spans[0], &spans[1]);
    assert_eq!((server.name.as_str(), server.kind, client.kind), ("POST /hooks/stripe", 2, 3));
    assert!(server.parent_span_id.is_empty() && server.trace_state.is_empty());
    assert_eq!((&client.trace_id, &client.parent_span_id), (&server.trace_id, &server.span_id));
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let seen = &upstream.received()[0];
    let told = format!("00-{}-{}-01", hex(&server.trace_id), hex(&client.span_id));
    assert_eq!((seen.all("traceparent"), seen.header("tracestate")), (vec![told.as_str()], None));
    let request = &receiver.received()[0];
    assert_eq!(request.header("authorization"), Some("Bearer of-the-collector"));
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
}

#[test]
fn a_trusted_proxy_is_believed_and_an_unsampled_trace_is_not_recorded() {
    let (upstream, receiver) = (Upstream::start(), Upstream::start());
    let gateway = Gateway::start(config(&upstream, receiver.port()));
    for parent in [PARENT.replace("-01", "-00"), PARENT.to_owned()] {
        let delivery =
            PROVIDER.delivery().with("traceparent", &parent).with("tracestate", "a=1").with("X-Forwarded-Proto", "https");
        let mut connection = gateway.connect_plain();
        connection.send_delivery(&PROVIDER.path(), &delivery);
        assert_eq!(connection.answer().status, 200);
    }
    let spans = await_spans(&receiver, 2);
    assert_eq!(spans.len(), 2, "the first was not to be recorded");
    let server = &spans[0];
    assert_eq!(data_encoding::HEXLOWER.encode(&server.trace_id), &PARENT[3..35]);
    assert_eq!(data_encoding::HEXLOWER.encode(&server.parent_span_id), &PARENT[36..52]);
    assert_eq!(server.trace_state, "a=1");
    for (request, flag) in upstream.received().iter().zip(["-00", "-01"]) {
        let told = request.header("traceparent").unwrap();
        assert!(told.starts_with(&PARENT[..36]) && told.ends_with(flag) && !told.contains("b7ad6b7169203331"), "{told}");
        assert_eq!(request.header("tracestate"), Some("a=1"));
    }
}

#[test]
fn records_are_logs_word_for_word_and_metrics_follow_the_conventions() {
    let (upstream, receiver) = (Upstream::start(), Upstream::start());
    let mut gateway = Gateway::start(config(&upstream, receiver.port()));
    gateway.deliver(&PROVIDER.delivery());
    gateway.deliver(&PROVIDER.delivery().with_tampered_body());
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let text = |record: LogRecord| match record.body.unwrap().value.unwrap() {
        Value::StringValue(line) => line,
        other => panic!("{other:?}"),
    };
    let lines: Vec<_> = logs(&receiver).into_iter().map(text).collect();
    // The tap is opened once the gateway is built, so the very first record may stand in the file alone.
    let file: Vec<_> = gateway.audit_text().lines().map(str::to_owned).collect();
    let missing = file.len() - lines.len();
    assert!(missing <= 1 && lines == file[missing..], "{lines:#?}");
    let metrics = last_metrics(&receiver);
    let of = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}"));
    let Some(Data::Histogram(server)) = &of("http.server.request.duration").data else { panic!("a histogram") };
    assert_eq!(server.data_points.iter().map(|point| point.count).sum::<u64>(), 2);
    let Some(Data::Histogram(client)) = &of("http.client.request.duration").data else { panic!("a histogram") };
    assert_eq!(client.data_points.iter().map(|point| point.count).sum::<u64>(), 1);
    assert!(matches!(of("hookward_requests_total").data, Some(Data::Sum(_))));
}

#[test]
fn nothing_secret_is_ever_sent() {
    let (upstream, receiver) = (Upstream::start(), Upstream::start());
    let mut gateway = Gateway::start(config(&upstream, receiver.port()));
    let secret = PROVIDER.secret("current").configured;
    let delivery = PROVIDER.delivery().with("X-Canary", "canary-of-a-header");
    gateway.deliver_to("/hooks/stripe?canary-of-a-query", &delivery);
    gateway.deliver(&PROVIDER.delivery().with_tampered_signature());
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let sent = receiver.received().into_iter().flat_map(|request| request.body).collect::<Vec<_>>();
    let sent = String::from_utf8_lossy(&sent);
    assert!(sent.contains("hookward.request_id") && sent.contains("invoice.paid"), "something is sent");
    let body = String::from_utf8(delivery.body.clone()).unwrap();
    for canary in [secret.as_str(), delivery.bare_signature(), "canary-of-a-header", "canary-of-a-query", &body] {
        assert!(!sent.contains(canary), "{canary}");
    }
}

#[test]
fn a_receiver_that_is_gone_stops_nothing_and_gets_what_was_kept() {
    let upstream = Upstream::start();
    let port = free_port();
    let gateway = Gateway::start(config(&upstream, port));
    for _ in 0..3 {
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    }
    let failures = || gateway.metrics().sum("hookward_otlp_failures_total", &[("signal", "traces")]);
    poll(PATIENCE, || (failures() > 0.5).then_some(())).expect("a failure is counted");
    poll(PATIENCE, || gateway.stderr().contains("telemetry cannot be sent").then_some(())).expect("that is told");
    let receiver = Upstream::on_port(port);
    receiver.next(Reply::status(503)).next(Reply::status(429));
    let spans = await_spans(&receiver, 6);
    assert!(spans.iter().filter(|span| span.kind == 2).count() >= 3);
    poll(PATIENCE, || gateway.stderr().contains("telemetry is sent again").then_some(())).expect("its end is told");
}

#[test]
fn a_receiver_that_hangs_does_not_hold_the_end() {
    let (upstream, receiver) = (Upstream::start(), Upstream::start());
    receiver.always(Reply::Hang);
    let slow = otlp(receiver.port()).replace("\"2s\"", "\"60s\"");
    let mut gateway = Gateway::start(config(&upstream, receiver.port()).set("telemetry", "otlp", &slow));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    receiver.wait_for(1);
    gateway.signal("TERM");
    // The exporter's own timeout would be a minute.
    gateway.exit_cleanly().holds_exactly(&[("delivered", 200)]);
    assert!(gateway.stderr().contains("not sent in time"), "{}", gateway.stderr());
}

#[test]
fn without_telemetry_nothing_is_told_and_the_senders_own_header_passes() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(PROVIDER, &upstream.url())));
    assert_eq!(gateway.deliver(&PROVIDER.delivery().with("traceparent", PARENT)).status, 200);
    assert_eq!(upstream.received()[0].header("traceparent"), Some(PARENT));
}

#[test]
fn what_cannot_be_sent_with_is_found_at_the_start() {
    let upstream = Upstream::start();
    let odd = Config::of(Integration::new(PROVIDER, &upstream.url())).set("telemetry", "otlp", &otlp(4318));
    let mut gateway = Gateway::start_refused(odd);
    assert_eq!(gateway.wait_exit(Duration::from_secs(15)).code(), Some(2));
    assert!(gateway.stderr().contains("telemetry.otlp.headers"), "{}", gateway.stderr());
    let check = gateway.verb(&["check"]);
    let said = String::from_utf8_lossy(&[check.stdout.as_slice(), &check.stderr].concat()).into_owned();
    assert!(check.status.code() != Some(0) && said.contains("telemetry.otlp.headers"), "{said}");
}
