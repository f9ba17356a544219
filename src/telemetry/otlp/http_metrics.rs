//! `http.server.request.duration` and `http.client.request.duration`, as the semantic conventions define them. pure
//!
//! Invariants: attributes are words of closed lists, statuses, and routes of the configuration; beyond [`SERIES_MAX`] series
//! everything counts into one that says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finished::FinishedRequest;
use super::messages::{CUMULATIVE, Data, HistogramData, HistogramPoint, KeyValue, Metric, number, text, truth};

/// What the conventions advise, in seconds.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const SERIES_MAX: usize = 2000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Series {
    Server { method: &'static str, tls: bool, route: Option<Arc<str>>, status: u16 },
    Client { method: &'static str, authority: Arc<str>, status: Option<u16>, error: Option<&'static str> },
    ServerOverflow,
    ClientOverflow,
}

#[derive(Clone, Debug, Default)]
struct Histogram {
    count: u64,
    sum: f64,
    buckets: [u64; BOUNDS.len() + 1],
}

impl Histogram {
    fn observe(&mut self, micros: u64) {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one request stay far below 2^52")]
        let seconds = micros as f64 / 1e6;
        self.count = self.count.saturating_add(1);
        self.sum += seconds;
        let index = BOUNDS.iter().take_while(|bound| seconds > **bound).count();
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket = bucket.saturating_add(1);
        }
    }
}

/// The histograms of the process.
#[derive(Debug, Default)]
pub(super) struct HttpMetrics(BTreeMap<Series, Histogram>);

impl HttpMetrics {
    pub(super) fn note(&mut self, request: &FinishedRequest) {
        let route = request.integration.as_ref().map(|(_, _, route)| Arc::clone(route));
        let FinishedRequest { method, tls, status, .. } = *request;
        self.observe(Series::Server { method, tls, route, status }, Series::ServerOverflow, request.latency_us);
        if let Some(exchange) = &request.exchange {
            let error = exchange.status.is_none().then(|| request.reason.code());
            let series = Series::Client { method, authority: Arc::clone(&exchange.authority), status: exchange.status, error };
            self.observe(series, Series::ClientOverflow, exchange.took_us);
        }
    }

    fn observe(&mut self, series: Series, overflow: Series, micros: u64) {
        let is_room = self.0.len() < SERIES_MAX || self.0.contains_key(&series);
        self.0.entry(if is_room { series } else { overflow }).or_default().observe(micros);
    }

    /// Both metrics, since `start`.
    pub(super) fn metrics(&self, start_nanos: u64, time_nanos: u64) -> Vec<Metric> {
        let points = |of_server: bool| {
            let series = self.0.iter().filter(move |(series, _)| series.is_server() == of_server);
            let point = |(series, histogram): (&Series, &Histogram)| HistogramPoint {
                start_nanos,
                time_nanos,
                count: histogram.count,
                sum: Some(histogram.sum),
                bucket_counts: histogram.buckets.to_vec(),
                bounds: BOUNDS.to_vec(),
                attributes: series.attributes(),
            };
            series.map(point).collect::<Vec<_>>()
        };
        let metric = |name: &str, description: &str, points: Vec<HistogramPoint>| Metric {
            name: name.to_owned(),
            description: description.to_owned(),
            unit: "s".to_owned(),
            data: Some(Data::Histogram(HistogramData { points, temporality: CUMULATIVE })),
        };
        vec![
            metric("http.server.request.duration", "Duration of HTTP server requests.", points(true)),
            metric("http.client.request.duration", "Duration of HTTP client requests.", points(false)),
        ]
    }
}

impl Series {
    const fn is_server(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::ServerOverflow)
    }

    fn attributes(&self) -> Vec<KeyValue> {
        match self {
            Self::ServerOverflow | Self::ClientOverflow => vec![truth("otel.metric.overflow", true)],
            Self::Server { method, tls, route, status } => {
                let mut attributes = vec![
                    text("http.request.method", *method),
                    text("url.scheme", if *tls { "https" } else { "http" }),
                    number("http.response.status_code", *status),
                ];
                attributes.extend(route.as_ref().map(|route| text("http.route", route.as_ref())));
                attributes.extend((*status >= 500).then(|| text("error.type", status.to_string())));
                attributes
            }
            Self::Client { method, authority, status, error } => {
                let mut attributes = vec![text("http.request.method", *method), text("server.address", authority.as_ref())];
                attributes.extend(status.map(|status| number("http.response.status_code", status)));
                let failed = status.filter(|status| *status >= 400).map(|status| status.to_string());
                attributes.extend(failed.or(error.map(str::to_owned)).map(|error| text("error.type", error)));
                attributes
            }
        }
    }
}
