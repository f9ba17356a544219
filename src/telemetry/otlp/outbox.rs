//! The bounded queues between the request path and whoever sends.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::finished::FinishedRequest;
use super::http_metrics::HttpMetrics;
use super::messages::Metric;

/// The most requests whose spans wait.
pub(super) const REQUESTS_MAX: usize = 4096;

/// What is sent apart from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Audit records.
    Logs,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The word of the configuration, of the metrics, and of the path that OTLP over HTTP has for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// What ended since somebody took it.
#[derive(Debug)]
pub struct Outbox {
    traces: bool,
    metrics: bool,
    /// How many of a hundred traces that begin here are recorded.
    pub sample_percent: u8,
    waiting: Mutex<VecDeque<FinishedRequest>>,
    http: Mutex<HttpMetrics>,
    dropped: AtomicU64,
}

impl Outbox {
    /// For these signals.
    #[must_use]
    pub fn new(traces: bool, metrics: bool, sample_percent: u8) -> Self {
        Self { traces, metrics, sample_percent, waiting: Mutex::default(), http: Mutex::default(), dropped: AtomicU64::new(0) }
    }

    /// Whether requests have a place in a trace.
    #[must_use]
    pub const fn traces(&self) -> bool {
        self.traces
    }

    /// Takes a request that ended. Never waits for anybody who sends.
    pub fn note(&self, request: FinishedRequest) {
        if self.metrics {
            self.http.lock().note(&request);
        }
        if !self.traces || !request.trace.sampled {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() < REQUESTS_MAX {
            waiting.push_back(request);
        } else {
            drop(waiting);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything that waits.
    #[must_use]
    pub fn take(&self) -> Vec<FinishedRequest> {
        std::mem::take(&mut *self.waiting.lock()).into()
    }

    /// How many requests found no room, since this was last asked.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    pub(super) fn http_metrics(&self, start_nanos: u64, time_nanos: u64) -> Vec<Metric> {
        self.http.lock().metrics(start_nanos, time_nanos)
    }
}
