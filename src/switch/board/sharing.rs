//! The board among replicas: what must be told, what was heard. Must not know: how they talk.
//!
//! What the others turned off acts here first and is written down then; what they turned on is written down first.

use std::sync::atomic::Ordering;

use super::{State, Switchboard};
use crate::domain::time::UnixTime;
use crate::switch::agreement::{Foreign, Untold};
use crate::switch::file;

/// What became of what was heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// What is in force here now, and was not before.
    pub changes: Vec<Foreign>,
    /// Whether that is all; if not, what was turned on could not be written down, and must be heard again.
    pub is_whole: bool,
}

impl Switchboard {
    /// Begins to share: what is thrown from now on must be told.
    pub fn share(&self) {
        self.state.lock().is_shared = true;
    }

    /// What was thrown here and not told yet.
    #[must_use]
    pub fn untold(&self) -> Vec<Untold> {
        let state = self.state.lock();
        state.agreement.untold(&state.positions)
    }

    /// How many positions were not told yet.
    #[must_use]
    pub fn untold_count(&self) -> usize {
        self.state.lock().agreement.untold.len()
    }

    /// Notes that the store took a position as this revision, unless it was thrown anew meanwhile.
    pub fn told(&self, told: &Untold, epoch: &str, revision: u64) {
        let mut state = self.state.lock();
        if state.agreement.epoch != epoch {
            // The store began anew meanwhile; what it has now is heard, and this is told again.
            return;
        }
        state.agreement.agree(&told.target, revision);
        if state.positions.order(&told.target) == told.order.as_ref() {
            state.agreement.untold.remove(&told.target);
        }
        self.note(&state);
    }

    /// The store kept another position, which stands from now on, unless ours was thrown anew meanwhile.
    pub fn overruled(&self, told: &Untold, kept: Foreign, now: UnixTime) -> Heard {
        let mut state = self.state.lock();
        if state.positions.order(&told.target) != told.order.as_ref() {
            return Heard { changes: Vec::new(), is_whole: true };
        }
        state.agreement.untold.remove(&told.target);
        if kept.order == told.order {
            state.agreement.agree(&kept.target, kept.revision);
            self.note(&state);
            return Heard { changes: Vec::new(), is_whole: true };
        }
        self.adopt(&mut state, vec![kept], now)
    }

    /// Hears all positions of the store.
    pub fn hear(&self, epoch: &str, all: Vec<Foreign>, now: UnixTime) -> Heard {
        let mut state = self.state.lock();
        let before = state.agreement.clone();
        let State { agreement, positions, .. } = &mut *state;
        let news = agreement.hear(epoch, all, positions, now);
        if news.is_empty() {
            if before != state.agreement {
                self.note(&state);
            }
            return Heard { changes: Vec::new(), is_whole: true };
        }
        self.adopt(&mut state, news, now)
    }

    fn adopt(&self, state: &mut State, news: Vec<Foreign>, now: UnixTime) -> Heard {
        let (off, on): (Vec<_>, Vec<_>) = news.into_iter().partition(|foreign| foreign.order.is_some());
        state.positions.forget_over(now);
        let mut changes = Vec::with_capacity(off.len());
        for foreign in off {
            let Some(order) = foreign.order.clone() else { continue };
            if let Err(error) = state.positions.disable(&foreign.target, order) {
                tracing::error!(%error, origin = foreign.origin, "a switch of another replica cannot be thrown here");
                continue;
            }
            state.agreement.agree(&foreign.target, foreign.revision);
            self.turn(state, &foreign.target);
            changes.push(foreign);
        }
        let (mut positions, mut agreement) = (state.positions.clone(), state.agreement.clone());
        for foreign in &on {
            positions.enable(&foreign.target);
            agreement.revisions.remove(&foreign.target);
        }
        self.unsaved.store(true, Ordering::Release);
        if let Err(error) = file::write(&self.path, &positions, &agreement) {
            tracing::error!(%error, "what other replicas switched is not written down");
            return Heard { changes, is_whole: on.is_empty() };
        }
        self.unsaved.store(false, Ordering::Release);
        (state.positions, state.agreement) = (positions, agreement);
        for foreign in &on {
            self.turn(state, &foreign.target);
        }
        changes.extend(on);
        Heard { changes, is_whole: true }
    }

    /// Writes down what is known of the others; if that fails it is tried again, like everything here.
    fn note(&self, state: &State) {
        self.unsaved.store(true, Ordering::Release);
        if let Err(error) = self.save(state) {
            tracing::error!(%error, "what is known of other replicas' switches is not written down");
        }
    }
}
