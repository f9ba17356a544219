//! What is known of the other replicas' switches, and what they do not know of ours yet. Pure.
//!
//! 1. A position that was thrown here is *untold* until the store that all share has taken it, or has kept a stricter one.
//! 2. Of what the others threw, everything later than what is known here is heard; an untold position of ours is not
//!    overwritten, it is told first, and the store judges.
//! 3. In a history that we do not know (the store lost its own, or this is the first look) nothing of ours is taken back: what
//!    is stricter here is told, what is stricter there is heard.

use std::collections::BTreeMap;

use super::order::{Order, Target, Why};
use super::positions::Positions;
use crate::domain::time::UnixTime;

/// What this replica and the others agree on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The history that the revisions are of; empty before the first look.
    pub epoch: String,
    /// The revision of each position that is known here.
    pub revisions: BTreeMap<Target, u64>,
    /// What was thrown here and not told yet, with the reason.
    pub untold: BTreeMap<Target, Why>,
}

/// A position as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Of what.
    pub target: Target,
    /// Which write it is.
    pub revision: u64,
    /// The order; absent where it is on.
    pub order: Option<Order>,
    /// Why, in the operator's words.
    pub why: Why,
    /// The replica that it was thrown at.
    pub origin: String,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Of what.
    pub target: Target,
    /// The history known.
    pub epoch: String,
    /// The revision it was thrown in view of.
    pub base: u64,
    /// The order; absent where it is on.
    pub order: Option<Order>,
    /// Why.
    pub why: Why,
}

impl Agreement {
    /// Notes that something was thrown here.
    pub fn throw(&mut self, target: &Target, why: &Why) {
        self.untold.insert(target.clone(), why.clone());
    }

    /// Everything to be told.
    #[must_use]
    pub fn untold(&self, positions: &Positions) -> Vec<Untold> {
        let one = |(target, why): (&Target, &Why)| Untold {
            target: target.clone(),
            epoch: self.epoch.clone(),
            base: self.known(target),
            order: positions.order(target).cloned(),
            why: why.clone(),
        };
        self.untold.iter().map(one).collect()
    }

    /// Which of the store's positions are news; what is stricter here becomes untold.
    pub fn hear(&mut self, epoch: &str, all: Vec<Foreign>, positions: &Positions, now: UnixTime) -> Vec<Foreign> {
        if self.epoch != epoch {
            epoch.clone_into(&mut self.epoch);
            self.revisions.clear();
        }
        self.tell_what_is_missing(&all, positions, now);
        let news = all.into_iter().filter(|foreign| self.is_news(foreign, positions, now)).collect();
        self.revisions.retain(|target, _| positions.order(target).is_some());
        news
    }

    /// Notes that a position is as the store has it.
    pub fn agree(&mut self, target: &Target, revision: u64) {
        self.revisions.insert(target.clone(), revision);
    }

    fn known(&self, target: &Target) -> u64 {
        self.revisions.get(target).copied().unwrap_or(0)
    }

    fn is_news(&mut self, foreign: &Foreign, positions: &Positions, now: UnixTime) -> bool {
        let known = self.known(&foreign.target);
        if self.untold.contains_key(&foreign.target) || foreign.revision <= known {
            return false;
        }
        let own = positions.order(&foreign.target);
        if let Some(own) = own.filter(|_| known == 0 && strictness(own, now) > strictness(foreign.order.as_ref(), now)) {
            self.throw(&foreign.target, &own.why);
            return false;
        }
        if own == foreign.order.as_ref() {
            self.agree(&foreign.target, foreign.revision);
            return false;
        }
        true
    }

    /// Orders in force that the store has never heard of, or has forgotten.
    fn tell_what_is_missing(&mut self, all: &[Foreign], positions: &Positions, now: UnixTime) {
        let there: std::collections::BTreeSet<_> = all.iter().map(|foreign| &foreign.target).collect();
        for target in positions.targets().filter(|target| !there.contains(target)) {
            if let Some(order) = positions.order(&target).filter(|order| !order.is_over(now)) {
                self.throw(&target, &order.why);
            }
        }
    }
}

/// How long an order still holds; nought where nothing does.
fn strictness(order: Option<&Order>, now: UnixTime) -> u64 {
    order.filter(|order| !order.is_over(now)).map_or(0, Order::until_ms)
}

#[cfg(test)]
mod tests;
