//! One exchange with the others: tell, hear, show a sign of life.

use std::sync::Arc;

use super::peer::{self, Peer};
use super::{BEAT, DEADLINE, Replicas, notice};
use crate::audit::record::SwitchAction;
use crate::domain::time::Monotonic;
use crate::gate::replay::redis::RedisStore;
use crate::gate::replay::redis::replicas::{ExchangeError, Position, Write, Written};
use crate::pipeline::site::Site;
use crate::server::thrown::Thrown;
use crate::switch::agreement::{Foreign, Untold};
use crate::switch::board::sharing::Heard;

/// How many positions are told in one exchange; the rest is told in the next.
const TOLD_AT_ONCE: usize = 64;
/// How long a replica that is silent is told of.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(120);

/// What is known of the store's positions, and when to show the next sign of life.
#[derive(Debug, Default)]
pub(crate) struct Known {
    epoch: String,
    revision: u64,
    next_beat: Option<Monotonic>,
}

impl Replicas {
    /// Tells what is not told, hears what is new. What is behind a fault waits for the next exchange.
    pub(super) async fn exchange(&self, site: &Arc<Site>, store: &RedisStore, known: &mut Known) -> Result<(), ExchangeError> {
        for untold in site.shared.switches.untold().into_iter().take(TOLD_AT_ONCE) {
            self.tell_one(site, store, untold).await?;
        }
        self.hear(site, store, known).await?;
        self.beat(site, store, known).await
    }

    async fn tell_one(&self, site: &Arc<Site>, store: &RedisStore, untold: Untold) -> Result<(), ExchangeError> {
        let (field, text) = (untold.target.word(), notice::write(&untold, self.label()));
        let until_ms = notice::until_ms(untold.order.as_ref());
        let write = Write { epoch: &untold.epoch, base: untold.base, field: &field, until_ms, text: &text };
        match store.write_position(&write, DEADLINE).await? {
            Written::Stands { epoch, revision } => {
                let site = Arc::clone(site);
                blocking(move || site.shared.switches.told(&untold, &epoch, revision)).await;
            }
            Written::Kept(position) => self.yield_to(site, untold, &position).await,
            Written::Full => tracing::error!(field, "there are too many switches to be shared"),
        }
        Ok(())
    }

    async fn yield_to(&self, site: &Arc<Site>, untold: Untold, position: &Position) {
        let (Some(kept), now) = (readable(position), self.wall()) else { return };
        let board = Arc::clone(site);
        let heard = blocking(move || board.shared.switches.overruled(&untold, kept, now)).await;
        write_down(site, &heard.unwrap_or_default());
    }

    async fn hear(&self, site: &Arc<Site>, store: &RedisStore, known: &mut Known) -> Result<(), ExchangeError> {
        let board = store.read_positions(&known.epoch, known.revision, DEADLINE).await?;
        let Some(positions) = board.positions else { return Ok(()) };
        let all: Vec<Foreign> = positions.iter().filter_map(readable).collect();
        let (switches, epoch, now) = (Arc::clone(site), board.epoch.clone(), self.wall());
        let heard = blocking(move || switches.shared.switches.hear(&epoch, all, now)).await.unwrap_or_default();
        write_down(site, &heard);
        if heard.is_whole {
            (known.epoch, known.revision) = (board.epoch, board.revision);
        }
        Ok(())
    }

    async fn beat(&self, site: &Arc<Site>, store: &RedisStore, known: &mut Known) -> Result<(), ExchangeError> {
        let now = site.shared.clock.now();
        if known.next_beat.is_some_and(|next| now.monotonic < next) {
            return Ok(());
        }
        known.next_beat = Some(now.monotonic.plus(BEAT));
        let text = self.own.text(site, peer::findings(site, now.wall));
        let heard = store.beat(&self.own.id, &text, REMEMBERED, DEADLINE).await?;
        let mut peers: Vec<_> = heard.iter().map(|heard| Peer::of(heard, &self.own.id)).collect();
        peers.sort_by(|one, other| (&one.name, &one.started, &one.id).cmp(&(&other.name, &other.started, &other.id)));
        self.heard(peers);
        Ok(())
    }
}

fn readable(position: &Position) -> Option<Foreign> {
    let read = notice::read(position);
    if read.is_none() {
        tracing::warn!(field = position.field, "a switch of another replica cannot be read");
    }
    read
}

fn write_down(site: &Site, heard: &Heard) {
    for change in &heard.changes {
        let action = if change.order.is_some() { SwitchAction::Disable } else { SwitchAction::Enable };
        let until = change.order.as_ref().and_then(|order| order.until);
        Thrown { action, target: &change.target, why: &change.why, until, origin: Some(&change.origin) }.write_down(site);
    }
}

/// Runs what waits for a disk on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| tracing::error!(%error, "an exchange with replicas broke")).ok()
}
