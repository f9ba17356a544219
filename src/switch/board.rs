//! All switches: thrown here, asked through the handles.
//!
//! Invariants: what the handles say and what [`Switchboard::disable`] was told agree when it returns, also when it returns an
//! error about the file; one throw at a time; a request takes no lock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use super::agreement::Agreement;
use super::error::SwitchError;
use super::file;
use super::order::{Order, Target, Why};
use super::positions::{Position, Positions};
use crate::domain::barred::{Bar, Barred};
use crate::domain::name::IntegrationName;
use crate::domain::time::UnixTime;

pub mod sharing;

/// The file of positions in the state directory.
const FILE_NAME: &str = "switches.json";

/// All switches of a gateway.
#[derive(Debug)]
pub struct Switchboard {
    path: PathBuf,
    all: Arc<ArcSwapOption<Order>>,
    /// Held while a switch is thrown and written down: seconds at most, and never by a request.
    state: Mutex<State>,
    /// Whether the file lags behind. Written under the lock only.
    unsaved: AtomicBool,
}

#[derive(Debug)]
struct State {
    positions: Positions,
    /// What the other replicas know; empty where there are none.
    agreement: Agreement,
    is_shared: bool,
    handles: BTreeMap<IntegrationName, Arc<Switch>>,
}

/// One integration's switch. Kept over reloads.
#[derive(Debug)]
pub struct Switch {
    whole: ArcSwapOption<Order>,
    all: Arc<ArcSwapOption<Order>>,
    barred: Arc<Barred>,
}

/// Why an integration takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Off {
    /// The order in force.
    pub order: Arc<Order>,
    /// Whether it is the order for all.
    pub is_for_all: bool,
}

impl Switch {
    /// The order in force now, if there is one; the one for all comes first.
    #[must_use]
    pub fn off(&self, now: UnixTime) -> Option<Off> {
        let in_force = |order: &ArcSwapOption<Order>| order.load_full().filter(|order| !order.is_over(now));
        let all = in_force(&self.all).map(|order| Off { order, is_for_all: true });
        all.or_else(|| in_force(&self.whole).map(|order| Off { order, is_for_all: false }))
    }

    /// The integration's barred secrets.
    #[must_use]
    pub const fn barred(&self) -> &Arc<Barred> {
        &self.barred
    }

    fn turn(&self, position: &Position) {
        self.whole.store(position.whole.clone().map(Arc::new));
        let bars = position.secrets.iter().map(|(id, order)| Bar { id: id.clone(), until: order.until });
        self.barred.set(bars.collect());
    }
}

impl Switchboard {
    /// Reads the positions that the last process left.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn open(state_dir: &Path) -> Result<Self, SwitchError> {
        let path = state_dir.join(FILE_NAME);
        let (positions, agreement) = file::read(&path)?;
        let all = Arc::new(ArcSwapOption::from(positions.all.clone().map(Arc::new)));
        let state = State { positions, agreement, is_shared: false, handles: BTreeMap::new() };
        let state = Mutex::new(state);
        Ok(Self { path, all, state, unsaved: AtomicBool::new(false) })
    }

    /// The switch of an integration: always the same one for the same name.
    #[must_use]
    pub fn switch(&self, name: &IntegrationName) -> Arc<Switch> {
        let mut state = self.state.lock();
        if let Some(switch) = state.handles.get(name) {
            return Arc::clone(switch);
        }
        let switch = Arc::new(Switch { whole: ArcSwapOption::empty(), all: Arc::clone(&self.all), barred: Arc::default() });
        switch.turn(&state.positions.of(name));
        state.handles.insert(name.clone(), Arc::clone(&switch));
        switch
    }

    /// Lets go of the handles of integrations that nobody has any more. Their positions stay.
    pub fn forget_unused(&self) {
        self.state.lock().handles.retain(|_, switch| Arc::strong_count(switch) > 1);
    }

    /// Turns something off at once, and writes it down.
    ///
    /// # Errors
    /// [`SwitchError::Full`]: nothing happened. Any other: it is off, and not yet written down.
    pub fn disable(&self, target: &Target, order: Order) -> Result<(), SwitchError> {
        let mut state = self.state.lock();
        state.positions.forget_over(order.since);
        let why = order.why.clone();
        state.positions.disable(target, order)?;
        if state.is_shared {
            state.agreement.throw(target, &why);
        }
        self.turn(&state, target);
        self.unsaved.store(true, Ordering::Release);
        self.save(&state)
    }

    /// Writes down that something is on again, then turns it on; `why` is for the other replicas. Answers whether it was off.
    ///
    /// # Errors
    /// When it cannot be written down; it stays off then.
    pub fn enable(&self, target: &Target, why: &Why, now: UnixTime) -> Result<bool, SwitchError> {
        let mut state = self.state.lock();
        let (mut positions, mut agreement) = (state.positions.clone(), state.agreement.clone());
        positions.forget_over(now);
        let was_off = positions.enable(target);
        if state.is_shared {
            agreement.throw(target, why);
        }
        file::write(&self.path, &positions, &agreement)?;
        (state.positions, state.agreement) = (positions, agreement);
        self.unsaved.store(false, Ordering::Release);
        self.turn(&state, target);
        Ok(was_off)
    }

    /// Tries again to write down what could not be. Whether everything is written down.
    pub fn keep(&self) -> bool {
        self.is_kept() || self.save(&self.state.lock()).is_ok()
    }

    /// Whether everything is written down.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !self.unsaved.load(Ordering::Acquire)
    }

    /// Whether an integration has orders of its own, also one that the configuration does not have.
    #[must_use]
    pub fn has_orders(&self, name: &IntegrationName) -> bool {
        self.state.lock().positions.integrations.contains_key(name)
    }

    /// Whether a target has an order of its own in force.
    #[must_use]
    pub fn is_off(&self, target: &Target, now: UnixTime) -> bool {
        self.state.lock().positions.order(target).is_some_and(|order| !order.is_over(now))
    }

    /// Everything that has an order.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.state.lock().positions.targets().collect()
    }

    /// The order for all, if one is in force.
    #[must_use]
    pub fn all_off(&self, now: UnixTime) -> Option<Arc<Order>> {
        self.all.load_full().filter(|order| !order.is_over(now))
    }

    fn save(&self, state: &State) -> Result<(), SwitchError> {
        file::write(&self.path, &state.positions, &state.agreement)?;
        self.unsaved.store(false, Ordering::Release);
        Ok(())
    }

    fn turn(&self, state: &State, target: &Target) {
        match target {
            Target::All => self.all.store(state.positions.all.clone().map(Arc::new)),
            Target::Integration(name) | Target::Secret(name, _) => {
                if let Some(switch) = state.handles.get(name) {
                    switch.turn(&state.positions.of(name));
                }
            }
        }
    }
}
