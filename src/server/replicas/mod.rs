//! The replicas that share a Redis: their switches agree, and each knows which others there are.
//!
//! Owns: when they talk, what is said of each. Must not know: who may throw a switch, what wins (`switch::agreement` and the
//! store's scripts say).
//!
//! 1. Every [`POLL`], and at once when a switch is thrown here: what was not told is told, what is new is heard. Every
//!    [`BEAT`] a replica says that it is there.
//! 2. Every exchange has a deadline of its own and is no part of a request. While none succeeds, what is known here stands, a
//!    switch thrown here acts here at once, and readiness is degraded.
//! 3. At the start nothing is claimed before the others were heard: a replica that knows nothing yet takes no delivery that is
//!    off elsewhere. Where the server refuses to say (a missing right), what is known here stands.
//! 4. What another replica threw is in this one's audit log, too, with its origin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::Notify;

mod exchange;
mod notice;
pub(crate) mod peer;

use exchange::Known;
use peer::{Own, Peer};

use crate::domain::time::{Monotonic, UnixTime};
use crate::gate::replay::redis::RedisStore;
use crate::gate::replay::redis::replicas::ExchangeError;
use crate::gate::replay::store::Store;
use crate::pipeline::site::Site;
use crate::switch::order::Target;

/// Between two looks at the others' switches.
const POLL: Duration = Duration::from_millis(150);
/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(1);
/// The deadline of each exchange.
const DEADLINE: Duration = Duration::from_millis(250);
/// How long without an exchange is a fault that somebody should know of.
const OUT_OF_STEP: Duration = Duration::from_secs(2);
/// How long a caller waits until the others can know what it threw.
const TELL_PATIENCE: Duration = Duration::from_millis(500);
const TELL_LOOK: Duration = Duration::from_millis(10);

/// This replica among the others.
pub(crate) struct Replicas {
    site: Arc<ArcSwap<Site>>,
    own: Own,
    poked: Notify,
    failures: AtomicU64,
    state: Mutex<Talk>,
}

/// How it goes.
#[derive(Default)]
struct Talk {
    spoke_at: Option<Monotonic>,
    fault: Option<ExchangeError>,
    peers: Vec<Peer>,
}

impl Replicas {
    /// This replica, where there is a store that others can share.
    pub(crate) fn of(site: &Arc<ArcSwap<Site>>) -> Option<Arc<Self>> {
        let present = site.load();
        matches!(*present.shared.store, Store::Redis(_)).then(|| {
            let own = Own::new(present.shared.clock.now().wall);
            let (poked, failures, state) = (Notify::new(), AtomicU64::new(0), Mutex::default());
            Arc::new(Self { site: Arc::clone(site), own, poked, failures, state })
        })
    }

    /// Begins to share, and hears the others once, or finds that they cannot be heard now.
    pub(crate) async fn begin(&self) -> Known {
        let site = self.site.load_full();
        site.shared.switches.share();
        if let Some(store) = store(&site) {
            store.hold();
        }
        let mut known = Known::default();
        self.round(&mut known).await;
        known
    }

    /// Talks to the others. Never ends by itself.
    pub(crate) async fn run(self: Arc<Self>, mut known: Known) {
        loop {
            let _poked = tokio::time::timeout(POLL, self.poked.notified()).await;
            self.round(&mut known).await;
        }
    }

    /// Says that this replica ends.
    pub(crate) async fn leave(&self) {
        let site = self.site.load_full();
        if let Some(store) = store(&site) {
            // Whoever cannot hear it finds out by the silence.
            let _unheard = store.leave(&self.own.id, DEADLINE).await;
        }
    }

    /// Has the others told of a switch, and waits for it a little. Whether they can know.
    pub(crate) async fn tell(&self, target: &Target) -> bool {
        let is_told = || {
            let untold = self.site.load().shared.switches.untold();
            !untold.iter().any(|untold| untold.target == *target)
        };
        self.poked.notify_one();
        let told = tokio::time::timeout(TELL_PATIENCE, async {
            while !is_told() {
                tokio::time::sleep(TELL_LOOK).await;
            }
        });
        told.await.is_ok()
    }

    /// What this replica is called where something is said of it.
    pub(crate) fn label(&self) -> &str {
        &self.own.label
    }

    /// Everybody who was heard lately, this replica among them.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let site = self.site.load();
        let silence = self.silence(site.shared.clock.now().monotonic);
        self.state.lock().peers.iter().map(|peer| peer.after(silence)).collect()
    }

    /// How many replicas were heard lately.
    pub(crate) fn count(&self) -> u64 {
        let heard = self.peers().iter().filter(|peer| peer.state != "lost").count();
        u64::try_from(heard).unwrap_or(u64::MAX)
    }

    /// How many exchanges failed, since the start.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Why the switches of the replicas may differ, if they may.
    pub(crate) fn out_of_step(&self) -> Option<String> {
        let site = self.site.load();
        let untold = site.shared.switches.untold_count();
        let is_silent = self.silence(site.shared.clock.now().monotonic) > OUT_OF_STEP;
        let fault = self.state.lock().fault.as_ref().map_or_else(|| "no answer".to_owned(), ToString::to_string);
        is_silent.then(|| format!("switches of other replicas are not heard ({fault}); {untold} of ours not told"))
    }

    /// How long ago there was an exchange.
    fn silence(&self, now: Monotonic) -> Duration {
        self.state.lock().spoke_at.map_or(Duration::MAX, |at| now.since(at))
    }

    async fn round(&self, known: &mut Known) {
        let site = self.site.load_full();
        let Some(store) = store(&site) else { return };
        let talked = self.exchange(&site, store, known).await;
        let is_heard = talked.is_ok() || talked.as_ref().is_err_and(ExchangeError::is_refusal);
        if is_heard {
            store.release_hold();
        }
        self.note(talked, site.shared.clock.now().monotonic);
    }

    /// Says a change once, and keeps it for whoever asks.
    fn note(&self, talked: Result<(), ExchangeError>, now: Monotonic) {
        let mut state = self.state.lock();
        let fault = talked.err();
        match &fault {
            None => state.spoke_at = Some(now),
            Some(_) => drop(self.failures.fetch_add(1, Ordering::Relaxed)),
        }
        match (&state.fault, &fault) {
            (None, Some(fault)) => tracing::warn!(%fault, "switches are not shared with the other replicas"),
            (Some(_), None) => tracing::info!("switches are shared with the other replicas again"),
            _ => {}
        }
        state.fault = fault;
    }

    fn heard(&self, peers: Vec<Peer>) {
        self.state.lock().peers = peers;
    }

    fn wall(&self) -> UnixTime {
        self.site.load().shared.clock.now().wall
    }
}

fn store(site: &Site) -> Option<&RedisStore> {
    match &*site.shared.store {
        Store::Redis(store) => Some(store),
        _ => None,
    }
}
