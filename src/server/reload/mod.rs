//! The configuration is replaced while requests run: load, check, build everything, then swap.
//!
//! 1. A configuration that cannot be loaded, checked or built changes nothing: the old one, its secrets and its certificates
//!    go on. It is logged with every fault, counted, noted in the audit log, and shown by `/readyz` until one succeeds.
//! 2. Asked for by an operator (SIGHUP, `reload`), by a file that changed, and, while the last one was refused, every few
//!    seconds: a file that was empty or half written then may be whole now.
//! 3. One at a time. Whoever asked before one began is answered by it.
//! 4. A request in flight keeps the site that it began with; the next request sees the new one.
//!
//! Start at [`engine`] for what is replaced; this file is who asks and who is told.

pub mod engine;
pub(crate) mod fixed;
pub mod outcome;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use self::engine::Engine;
use self::outcome::{Outcome, Report};
use crate::audit::record::Note;
use crate::pipeline::site::Shared;
use crate::server::observe::Observed;
use crate::server::watch::Watch;
use crate::telemetry::metrics::ReloadResult;

/// How many may wait for an answer at once.
const ASKING_MAX: usize = 64;
/// How soon a refused configuration is looked at again.
const RETRY_EVERY: Duration = Duration::from_secs(3);

/// Asks for reloads. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<oneshot::Sender<Outcome>>);

impl Reloads {
    /// Asks for one and waits for its end.
    pub async fn ask(&self) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let asked = self.0.try_send(answer).is_ok();
        let outcome = if asked { outcome.await.ok() } else { None };
        outcome.unwrap_or_else(|| Outcome::refused("too many reloads are waiting, or the gateway is ending"))
    }
}

/// Why a reload is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Operator,
    Files,
    Retry,
}

/// Whoever reloads.
pub(crate) struct Reloader {
    asks: mpsc::Receiver<oneshot::Sender<Outcome>>,
    watch: Watch,
    shared: Arc<Shared>,
    observed: Arc<Observed>,
    refused: Option<Outcome>,
}

impl Reloader {
    /// A reloader of what an engine has built, and the way to ask it.
    pub(crate) fn new(engine: &Engine, observed: Arc<Observed>) -> (Self, Reloads) {
        let (sender, asks) = mpsc::channel(ASKING_MAX);
        let watch = Watch::begin(engine.targets().clone());
        let shared = Arc::clone(engine.shared());
        (Self { asks, watch, shared, observed, refused: None }, Reloads(sender))
    }

    /// Reloads until nobody can ask any more or the gateway drains.
    pub(crate) async fn run(mut self, mut engine: Engine) {
        loop {
            let mut waiting = Vec::new();
            let cause = tokio::select! {
                biased;
                asked = self.asks.recv() => match asked {
                    Some(answer) => { waiting.push(answer); Cause::Operator }
                    None => return,
                },
                () = self.watch.changed() => Cause::Files,
                () = sleep(RETRY_EVERY), if self.refused.is_some() => Cause::Retry,
            };
            if self.shared.ending.is_draining() {
                return;
            }
            // Asked before this one reads its first file: it answers them, too.
            while let Ok(answer) = self.asks.try_recv() {
                waiting.push(answer);
            }
            let Some((worked, report)) = work(engine).await else { return };
            engine = worked;
            self.watch.follow(report.targets.clone(), report.seen.clone());
            self.tell(cause, &report);
            for answer in waiting {
                // Whoever asked may have gone.
                let _ = answer.send(report.outcome.clone());
            }
        }
    }

    /// Says what happened: log, metrics, audit, readiness. A retry that finds the same faults is no news.
    fn tell(&mut self, cause: Cause, report: &Report) {
        let is_news = cause != Cause::Retry || self.refused.as_ref() != Some(&report.outcome);
        self.refused = report.outcome.faults().map(|_| report.outcome.clone());
        self.observed.reloaded(&report.outcome);
        if !is_news {
            return;
        }
        let result = match &report.outcome {
            Outcome::Applied { integrations } => {
                tracing::info!(?cause, integrations, "configuration applied");
                ReloadResult::Applied
            }
            Outcome::Refused { faults } => {
                for fault in faults {
                    tracing::error!(?cause, %fault, "configuration refused; the old one goes on");
                }
                ReloadResult::Refused
            }
        };
        self.shared.metrics.count_reload(result);
        self.shared.auditor.note(self.shared.clock.now().wall, note(report));
    }
}

fn note(report: &Report) -> Note {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Note::Config {
        applied: report.outcome.faults().is_none(),
        integrations: number(report.integrations),
        faults: number(report.outcome.faults().map_or(0, <[String]>::len)),
    }
}

/// One reload, on a thread that may wait for disks. None when that thread broke, and the engine with it.
async fn work(mut engine: Engine) -> Option<(Engine, Report)> {
    let worked = tokio::task::spawn_blocking(move || {
        let report = engine.reload();
        (engine, report)
    });
    worked.await.inspect_err(|error| tracing::error!(%error, "the reloader broke; restart to change the configuration")).ok()
}
