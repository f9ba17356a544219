//! Sends by OTLP over HTTP what the outbox and the audit log's tap hold, on a thread of its own.
//!
//! Rules:
//! 1. Every interval one request a signal, each on a connection of its own, ended at the timeout.
//! 2. What a receiver could not take now (no connection, no answer, 408, 429, 5xx) is kept and sent again at the next interval;
//!    one batch a signal. Meanwhile the queues fill up to their bounds, and what finds no room is counted.
//! 3. What a receiver refuses for good is dropped and counted.
//! 4. At the end there is one last round, after the audit log was closed; four seconds are the most that it is waited for.
//!
//! Nothing waits for this: not the request path, not the audit log. A receiver that is gone costs a line in the log when that
//! begins and one when it ends.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::domain::request_id::RequestId;
use crate::domain::time::Clock;
use crate::pipeline::site::Shared;
use crate::server::build::BuildError;
use crate::server::observe::Observed;
use crate::telemetry::otlp::{self, Identity, Outbox, Signal};
use crate::telemetry::spec::OtlpSpec;

mod client;

pub(crate) use client::ClientError;
use client::{Client, Delivered};

/// Reads everything that telemetry is sent with, and throws it away.
pub(crate) fn examine(spec: &OtlpSpec) -> Result<(), ClientError> {
    Client::new(spec).map(drop)
}

/// The running thread.
pub(crate) struct ExporterThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl ExporterThread {
    /// Starts it, or says why what it is told to send with cannot be had.
    pub(crate) fn start(spec: &OtlpSpec, shared: &Arc<Shared>, observed: &Arc<Observed>) -> Result<Option<Self>, BuildError> {
        let Some(outbox) = shared.outbox.clone() else { return Ok(None) };
        let client = Client::new(spec)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| BuildError::System { what: "starting the exporter of telemetry", source })?;
        if spec.logs {
            shared.auditor.tap().open();
        }
        let (stop, stopped) = mpsc::channel();
        let mut exporter = Exporter::new(spec.clone(), client, runtime, outbox, Arc::clone(shared), Arc::clone(observed));
        let interval = spec.interval;
        let thread = thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                exporter.round();
            }
            exporter.client.hurry(END_TIMEOUT);
            exporter.round();
        });
        let thread = thread.map_err(|source| BuildError::System { what: "starting the exporter of telemetry", source })?;
        Ok(Some(Self { stop, thread }))
    }

    /// Ends the thread after a last round; a receiver that hangs does not hold the gateway's end for long.
    pub(crate) async fn stop(self) {
        let _already_gone = self.stop.send(());
        for _ in 0..END_LOOKS {
            if self.thread.is_finished() {
                let _panicked = self.thread.join();
                return;
            }
            tokio::time::sleep(END_LOOK).await;
        }
        tracing::warn!("the last telemetry was not sent in time");
    }
}

/// How long each request of the last round may take.
const END_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the end looks whether the thread is over, and how many times.
const END_LOOK: Duration = Duration::from_millis(20);
const END_LOOKS: u32 = 200;

struct Exporter {
    spec: OtlpSpec,
    client: Client,
    runtime: Runtime,
    identity: Identity,
    outbox: Arc<Outbox>,
    shared: Arc<Shared>,
    observed: Arc<Observed>,
    /// What is sent again, in the order of [`Signal::ALL`]; metrics are made anew each time.
    kept: [Option<Vec<u8>>; Signal::ALL.len()],
    is_failing: bool,
}

impl Exporter {
    fn new(
        spec: OtlpSpec,
        client: Client,
        runtime: Runtime,
        outbox: Arc<Outbox>,
        shared: Arc<Shared>,
        observed: Arc<Observed>,
    ) -> Self {
        let started_at = now(&shared.clock);
        let instance = RequestId::new(started_at).to_string();
        let identity = Identity { service_name: spec.service_name.clone(), instance, started_at };
        Self { spec, client, runtime, identity, outbox, shared, observed, kept: [None, None, None], is_failing: false }
    }

    fn round(&mut self) {
        let mut failed = None;
        for signal in Signal::ALL {
            if let Err(error) = self.send(signal) {
                self.shared.metrics.count_otlp_failure(signal);
                failed = Some(error);
            }
        }
        self.shared.metrics.count_otlp_dropped(Signal::Traces, self.outbox.take_dropped());
        self.shared.metrics.count_otlp_dropped(Signal::Logs, self.shared.auditor.tap().take_dropped());
        match &failed {
            Some(error) if !self.is_failing => tracing::warn!(%error, "telemetry cannot be sent; it is tried again"),
            None if self.is_failing => tracing::info!("telemetry is sent again"),
            _ => {}
        }
        self.is_failing = failed.is_some();
    }

    fn send(&mut self, signal: Signal) -> Result<(), ClientError> {
        let index = signal as usize;
        let kept = self.kept.get_mut(index).and_then(Option::take);
        let Some(body) = kept.or_else(|| self.body(signal)) else { return Ok(()) };
        let sent = self.runtime.block_on(self.client.post(signal, body.clone()));
        if matches!(sent, Ok(Delivered::Later) | Err(_))
            && signal != Signal::Metrics
            && let Some(kept) = self.kept.get_mut(index)
        {
            *kept = Some(body);
        }
        match sent? {
            Delivered::Taken => Ok(()),
            Delivered::Later => Err(ClientError::Busy),
            Delivered::Refused(status) => Err(ClientError::Refused { status }),
        }
    }

    /// What there is to say now.
    fn body(&self, signal: Signal) -> Option<Vec<u8>> {
        match signal {
            Signal::Traces if self.spec.traces => {
                let requests = self.outbox.take();
                (!requests.is_empty()).then(|| otlp::traces(&self.identity, &requests))
            }
            Signal::Metrics if self.spec.metrics => {
                let scrape = self.observed.metrics();
                Some(otlp::metrics(&self.identity, &self.outbox, &scrape, now(&self.shared.clock)))
            }
            Signal::Logs if self.spec.logs => {
                let lines = self.shared.auditor.tap().take();
                (!lines.is_empty()).then(|| otlp::logs(&self.identity, &lines, now(&self.shared.clock)))
            }
            Signal::Traces | Signal::Metrics | Signal::Logs => None,
        }
    }
}

fn now(clock: &Clock) -> crate::domain::time::UnixTime {
    clock.now().wall
}
