//! Whole bodies of OTLP requests. pure

use prost::Message;

use super::finished::FinishedRequest;
use super::messages::{
    AnyValue, CUMULATIVE, Data, Export, GaugeData, KeyValue, LogRecord, Metric, NumberPoint, OfResource, OfScope, Resource,
    Scope, SumData, Value, text,
};
use super::outbox::Outbox;
use super::spans::{nanos, spans_of};
use crate::domain::time::UnixTime;

/// Who tells.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `service.name`.
    pub service_name: String,
    /// `service.instance.id`, another for each process.
    pub instance: String,
    /// When the process began to count.
    pub started_at: UnixTime,
}

impl Identity {
    fn export<S: Message + Default + std::fmt::Debug>(&self, items: Vec<S>) -> Vec<u8> {
        let attributes = vec![
            text("service.name", self.service_name.as_str()),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", self.instance.as_str()),
        ];
        let scope = Scope { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let scopes = vec![OfScope { scope: Some(scope), items }];
        Export { resources: vec![OfResource { resource: Some(Resource { attributes }), scopes }] }.encode_to_vec()
    }
}

/// The spans of requests.
#[must_use]
pub fn traces(identity: &Identity, requests: &[FinishedRequest]) -> Vec<u8> {
    identity.export(requests.iter().flat_map(spans_of).collect())
}

/// The histograms of the conventions, and all counters and gauges of a scrape under their own names.
#[must_use]
pub fn metrics(identity: &Identity, outbox: &Outbox, scrape: &str, now: UnixTime) -> Vec<u8> {
    let (start, time) = (nanos(identity.started_at), nanos(now));
    let mut all = outbox.http_metrics(start, time);
    all.extend(scraped(scrape, start, time));
    identity.export(all)
}

/// Audit records, a line each, as they stand in the log.
#[must_use]
pub fn logs(identity: &Identity, lines: &str, now: UnixTime) -> Vec<u8> {
    identity.export(lines.lines().map(|line| log(line, nanos(now))).collect())
}

fn log(line: &str, observed_nanos: u64) -> LogRecord {
    let record: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    let field = |key: &str| record.get(key).and_then(serde_json::Value::as_str);
    let at = field("ts").and_then(|ts| ts.parse().ok()).map_or(observed_nanos, nanos);
    // The numbers of the severities INFO and WARN.
    let (severity_number, severity_text) = if field("decision") == Some("refused") { (13, "WARN") } else { (9, "INFO") };
    let keys = ["kind", "request_id", "integration", "provider", "source", "secret_id", "event", "decision", "reason"];
    let attribute = |key: &&str| field(key).map(|value| text(&format!("hookward.{key}"), value));
    LogRecord {
        time_nanos: at,
        observed_nanos,
        severity_number,
        severity_text: severity_text.to_owned(),
        body: Some(AnyValue { value: Some(Value::Text(line.to_owned())) }),
        attributes: keys.iter().filter_map(attribute).collect(),
        event_name: format!("hookward.audit.{}", field("kind").unwrap_or("record")),
    }
}

/// Counters and gauges out of Prometheus text; its histograms are told by the conventions' own.
fn scraped(scrape: &str, start_nanos: u64, time_nanos: u64) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    let mut description = "";
    for line in scrape.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            description = help.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            metrics.extend(family(name, kind, description));
        } else if let Some((name, attributes, number)) = sample(line)
            && let Some(metric) = metrics.last_mut().filter(|metric| metric.name == name)
        {
            let point = NumberPoint { start_nanos, time_nanos, number: Some(number), attributes };
            match &mut metric.data {
                Some(Data::Gauge(gauge)) => gauge.points.push(point),
                Some(Data::Sum(sum)) => sum.points.push(point),
                Some(Data::Histogram(_)) | None => {}
            }
        }
    }
    metrics
}

fn family(name: &str, kind: &str, description: &str) -> Option<Metric> {
    let data = match kind {
        "counter" => Data::Sum(SumData { points: Vec::new(), temporality: CUMULATIVE, is_monotonic: true }),
        "gauge" => Data::Gauge(GaugeData { points: Vec::new() }),
        _ => return None,
    };
    let unit = if name.ends_with("_seconds") { "s" } else { "" };
    Some(Metric { name: name.to_owned(), description: description.to_owned(), unit: unit.to_owned(), data: Some(data) })
}

/// `name{label="value",…} number`. Our labels are names and closed words, which hold no quotes and no commas.
fn sample(line: &str) -> Option<(&str, Vec<KeyValue>, f64)> {
    let (series, number) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let pairs = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
    let attributes = pairs.map(|(key, value)| text(key, value.trim_matches('"'))).collect();
    Some((name, attributes, number.parse().ok()?))
}

#[cfg(test)]
mod tests;
