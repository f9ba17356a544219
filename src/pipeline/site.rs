//! The whole that a request is judged by: one immutable site, and what outlives it.
//!
//! A request holds one `Arc<Site>` for its whole life, so that a change of configuration cannot split it. [`Shared`] holds
//! what no change may lose: the clock, the claims, the budgets, the audit log, the running deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio_util::task::TaskTracker;

use crate::audit::auditor::Auditor;
use crate::domain::time::Clock;
use crate::fetch::client::Fetcher;
use crate::fetch::sources::Sources;
use crate::gate::admit::sources::SourceTable;
use crate::gate::intake::gate::Intake;
use crate::gate::replay::spec::ColdStart;
use crate::gate::replay::store::Store;
use crate::inventory::board::Inventory;
use crate::pipeline::certificates::Certificates;
use crate::pipeline::exposure::{Lookout, Needles};
use crate::pipeline::integration::Integration;
use crate::pipeline::router::Router;
use crate::pipeline::settled::Settled;
use crate::secrets::handover::Handovers;
use crate::secrets::live::LiveTexts;
use crate::switch::board::Switchboard;
use crate::telemetry::handles::RequestMetrics;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::Outbox;

/// All integrations of one configuration.
pub struct Site {
    /// Host and path to an index of `integrations`.
    pub router: Router,
    /// The integrations.
    pub integrations: Vec<Arc<Integration>>,
    /// What becomes of deliveries from before the store's memory; readiness waits for it, too.
    pub cold_start: ColdStart,
    /// Bodies in memory. Kept by the next site unless its limits differ.
    pub intake: Arc<Intake>,
    /// Budgets of sources: requests, and failures at each integration. Kept by the next site unless its limits differ.
    pub sources: Arc<SourceTable>,
    /// Our own secrets, looked for in what was forwarded.
    pub needles: Needles,
    /// What outlives this site.
    pub shared: Arc<Shared>,
}

/// What outlives a configuration. Held by every site, by the admin listener and by the housekeeper.
pub struct Shared {
    /// Where `now` comes from.
    pub clock: Clock,
    /// The claims.
    pub store: Arc<Store>,
    /// What is asked of others at a sender's word.
    pub fetcher: Fetcher,
    /// The certificates that deliveries name.
    pub certificates: Arc<Certificates>,
    /// What is fetched in the background.
    pub key_sources: Sources,
    /// The texts of secrets that came while the gateway runs.
    pub texts: Arc<LiveTexts>,
    /// The secrets that providers may hand over now.
    pub handovers: Arc<Handovers>,
    /// The kill switches.
    pub switches: Switchboard,
    /// The settled deliveries that can be forgotten by the ids of their requests.
    pub settled: Settled,
    /// What was seen of each integration.
    pub inventory: Inventory,
    /// The audit log.
    pub auditor: Auditor,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// Requests that no integration was found for.
    pub unrouted: RequestMetrics,
    /// Deliveries between claim and settlement; the drain waits for them.
    pub deliveries: TaskTracker,
    /// What is told by OTLP, if anything is.
    pub outbox: Option<Arc<Outbox>>,
    /// What was forwarded and is to be looked through.
    pub lookout: Lookout,
    /// Requests between head and answer.
    pub inflight: Inflight,
    /// How far the gateway's end has come.
    pub ending: Ending,
}

/// How far the gateway's end has come. Moved by the drain only, and only forward.
#[derive(Debug, Default)]
pub struct Ending {
    leaving: AtomicBool,
    draining: AtomicBool,
}

impl Ending {
    /// No longer ready, still serving: whoever balances load has time to notice.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// New requests are refused; those under way end.
    pub fn drain(&self) {
        self.leave();
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether readiness is off.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Whether new requests are refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// How many requests are between head and answer.
#[derive(Debug, Default)]
pub struct Inflight(AtomicU64);

impl Inflight {
    pub(crate) fn began(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
