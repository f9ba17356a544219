//! The positions of all switches at one moment. Pure.
//!
//! Invariants: an integration without an order has no entry; there are at most [`INTEGRATIONS_MAX`] entries.

use std::collections::BTreeMap;

use super::error::SwitchError;
use super::order::{Order, Target};
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;

/// The most integrations with an order of their own.
pub const INTEGRATIONS_MAX: usize = 10_000;

/// What is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// The order for all.
    pub all: Option<Order>,
    /// Each integration's own orders.
    pub integrations: BTreeMap<IntegrationName, Position>,
}

/// The orders of one integration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The order for the whole of it.
    pub whole: Option<Order>,
    /// The orders for its secrets.
    pub secrets: BTreeMap<SecretId, Order>,
}

impl Position {
    fn is_empty(&self) -> bool {
        self.whole.is_none() && self.secrets.is_empty()
    }
}

impl Positions {
    /// Puts an order in force, in place of the one before it.
    pub fn disable(&mut self, target: &Target, order: Order) -> Result<(), SwitchError> {
        let (name, secret) = match target {
            Target::All => {
                self.all = Some(order);
                return Ok(());
            }
            Target::Integration(name) => (name, None),
            Target::Secret(name, id) => (name, Some(id)),
        };
        if self.integrations.len() >= INTEGRATIONS_MAX && !self.integrations.contains_key(name) {
            return Err(SwitchError::Full { max: INTEGRATIONS_MAX });
        }
        let position = self.integrations.entry(name.clone()).or_default();
        match secret {
            None => position.whole = Some(order),
            Some(id) => drop(position.secrets.insert(id.clone(), order)),
        }
        Ok(())
    }

    /// Takes an order back; whether there was one.
    pub fn enable(&mut self, target: &Target) -> bool {
        let (name, secret) = match target {
            Target::All => return self.all.take().is_some(),
            Target::Integration(name) => (name, None),
            Target::Secret(name, id) => (name, Some(id)),
        };
        let Some(position) = self.integrations.get_mut(name) else { return false };
        let was_there = match secret {
            None => position.whole.take().is_some(),
            Some(id) => position.secrets.remove(id).is_some(),
        };
        if position.is_empty() {
            self.integrations.remove(name);
        }
        was_there
    }

    /// Forgets orders whose end has come.
    pub fn forget_over(&mut self, now: UnixTime) {
        let over = |order: &mut Option<Order>| {
            if order.as_ref().is_some_and(|order| order.is_over(now)) {
                *order = None;
            }
        };
        over(&mut self.all);
        for position in self.integrations.values_mut() {
            over(&mut position.whole);
            position.secrets.retain(|_, order| !order.is_over(now));
        }
        self.integrations.retain(|_, position| !position.is_empty());
    }

    /// The order for a target.
    #[must_use]
    pub fn order(&self, target: &Target) -> Option<&Order> {
        match target {
            Target::All => self.all.as_ref(),
            Target::Integration(name) => self.integrations.get(name)?.whole.as_ref(),
            Target::Secret(name, id) => self.integrations.get(name)?.secrets.get(id),
        }
    }

    /// Everything that has an order.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        let own = |(name, position): (&IntegrationName, &Position)| {
            let whole = position.whole.iter().map(|_| Target::Integration(name.clone())).collect::<Vec<_>>();
            whole
                .into_iter()
                .chain(position.secrets.keys().map(|id| Target::Secret(name.clone(), id.clone())).collect::<Vec<_>>())
        };
        self.all.iter().map(|_| Target::All).chain(self.integrations.iter().flat_map(own))
    }

    /// The orders of an integration.
    #[must_use]
    pub fn of(&self, name: &IntegrationName) -> Position {
        self.integrations.get(name).cloned().unwrap_or_default()
    }
}
