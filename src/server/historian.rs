//! Looks at what was seen, on a thread of its own: tells anomalies, counts findings, writes the inventory down.
//!
//! 1. Every few seconds each integration is looked at: what departs from its history is logged, counted and noted in the audit
//!    log, at most so many at once that its notes have room; the others follow in the next round.
//! 2. Every minute, and at the end, what changed is written down: a crash forgets a minute of sightings, never a claim.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::audit::record::Note;
use crate::domain::time::UnixTime;
use crate::inventory::life::Anomaly;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::server::build::BuildError;

const ROUND: Duration = Duration::from_secs(5);
/// Rounds between two times that the inventory is written.
const KEEP_EVERY: u32 = 12;
/// How many anomalies are noted in a round: a quarter of the room for notes.
const TOLD_MAX: usize = 16;

/// The running thread.
pub(crate) struct Historian {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Historian {
    pub(crate) fn start(site: &Arc<ArcSwap<Site>>) -> Result<Self, BuildError> {
        let (stop, stopped) = mpsc::channel();
        let site = Arc::clone(site);
        let thread = thread::Builder::new().name("historian".to_owned()).spawn(move || {
            let first = site.load_full();
            first.shared.inventory.forget_gone(first.shared.clock.now().wall);
            drop(first);
            let mut rounds = 0_u32;
            loop {
                let goes_on = stopped.recv_timeout(if rounds == 0 { FIRST } else { ROUND }) == Err(RecvTimeoutError::Timeout);
                let site = site.load_full();
                look(&site);
                rounds = rounds.wrapping_add(1);
                if !goes_on || rounds.is_multiple_of(KEEP_EVERY) {
                    site.shared.inventory.keep();
                }
                if !goes_on {
                    return;
                }
            }
        });
        let thread = thread.map_err(|source| BuildError::System { what: "starting the historian", source })?;
        Ok(Self { stop, thread })
    }

    /// Looks once more, writes everything down and ends the thread.
    pub(crate) fn stop(self) {
        let _already_gone = self.stop.send(());
        let _panicked = self.thread.join();
    }
}

/// The findings of the last process are shown soon.
const FIRST: Duration = Duration::from_millis(200);

/// One round over all integrations.
fn look(site: &Site) {
    let now = site.shared.clock.now().wall;
    let mut left = TOLD_MAX;
    for integration in &site.integrations {
        for anomaly in integration.track.tick(now, integration.is_taking(now), left) {
            left = left.saturating_sub(1);
            tell(site, integration, anomaly, now);
        }
        integration.metrics.findings.set(integration.findings(now).iter().map(|finding| finding.kind));
    }
}

fn tell(site: &Site, integration: &Integration, anomaly: Anomaly, now: UnixTime) {
    let Anomaly { kind, about, odd, .. } = anomaly;
    tracing::warn!(integration = %integration.name, anomaly = kind.code(), ?odd, "not as it always was");
    integration.metrics.findings.count_anomaly(kind);
    site.shared.auditor.note(
        now,
        Note::Anomaly {
            integration: integration.name.clone(),
            anomaly: kind,
            about,
            observed: odd.map(|odd| odd.observed),
            expected: odd.map(|odd| odd.expected),
        },
    );
}
