//! Accepted and refused requests of each integration, by the minute, for the last hour. Pure.
//!
//! Invariants: as many rows as integrations; a counter that begins again is counted from nought; minutes without a look are
//! empty, and what came meanwhile stands in the minute of the look.

use std::collections::HashMap;

use serde::Serialize;

use crate::domain::reason::{Decision, Reason};
use crate::domain::time::UnixTime;
use crate::pipeline::integration::Integration;

/// How many minutes are held, the present one among them.
pub(crate) const MINUTES: usize = 60;

/// The history of all integrations.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    minute: i64,
    rows: HashMap<String, Row>,
}

#[derive(Debug, Default)]
struct Row {
    accepted: Counts,
    refused: Counts,
    is_there: bool,
}

#[derive(Debug)]
struct Counts {
    total: u64,
    minutes: [u32; MINUTES],
}

impl Default for Counts {
    fn default() -> Self {
        Self { total: 0, minutes: [0; MINUTES] }
    }
}

/// The last hour of one integration, oldest minute first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Hour {
    pub(crate) accepted: Vec<u32>,
    pub(crate) refused: Vec<u32>,
}

impl Traffic {
    /// Reads all counters.
    pub(crate) fn look<'a>(&mut self, integrations: impl Iterator<Item = &'a Integration>, now: UnixTime) {
        self.turn(now.seconds().div_euclid(60));
        for row in self.rows.values_mut() {
            row.is_there = false;
        }
        for integration in integrations {
            let total = |decision| totals(integration, decision);
            self.note(integration.name.as_str(), total(Decision::Accepted), total(Decision::Refused));
        }
        self.rows.retain(|_, row| row.is_there);
    }

    /// The last hour of an integration; empty where there was no look yet.
    pub(crate) fn hour(&self, name: &str) -> Hour {
        self.rows.get(name).map(Row::hour).unwrap_or_default()
    }

    fn note(&mut self, name: &str, accepted: u64, refused: u64) {
        if !self.rows.contains_key(name) {
            self.rows.insert(name.to_owned(), Row::default());
        }
        if let Some(row) = self.rows.get_mut(name) {
            row.accepted.note(accepted);
            row.refused.note(refused);
            row.is_there = true;
        }
    }

    /// Moves on to a minute; a clock that was set back moves nothing.
    fn turn(&mut self, minute: i64) {
        let by = usize::try_from(minute.saturating_sub(self.minute)).unwrap_or(0).min(MINUTES);
        for row in self.rows.values_mut() {
            row.accepted.turn(by);
            row.refused.turn(by);
        }
        self.minute = minute;
    }
}

impl Row {
    fn hour(&self) -> Hour {
        Hour { accepted: self.accepted.minutes.to_vec(), refused: self.refused.minutes.to_vec() }
    }
}

impl Counts {
    fn note(&mut self, total: u64) {
        let more = if total < self.total { total } else { total.saturating_sub(self.total) };
        self.total = total;
        if let Some(present) = self.minutes.last_mut() {
            *present = present.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        }
    }

    fn turn(&mut self, by: usize) {
        self.minutes.rotate_left(by.min(MINUTES));
        for minute in self.minutes.iter_mut().rev().take(by) {
            *minute = 0;
        }
    }
}

fn totals(integration: &Integration, decision: Decision) -> u64 {
    let of_decision = Reason::ALL.into_iter().filter(|reason| reason.decision() == decision);
    of_decision.map(|reason| integration.metrics.requests.counted(reason)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_move_and_the_hour_ends() {
        let mut traffic = Traffic::default();
        traffic.turn(100);
        traffic.note("a", 5, 0);
        traffic.note("a", 7, 1);
        assert_eq!(traffic.hour("a").accepted[MINUTES - 1], 7);
        traffic.turn(101);
        traffic.note("a", 8, 1);
        let hour = traffic.hour("a");
        assert_eq!((hour.accepted[MINUTES - 2], hour.accepted[MINUTES - 1]), (7, 1));
        assert_eq!((hour.refused[MINUTES - 2], hour.refused[MINUTES - 1]), (1, 0));
        traffic.turn(99);
        assert_eq!(traffic.hour("a"), hour, "a clock that was set back moves nothing");
        traffic.turn(100_000);
        assert!(traffic.hour("a").accepted.iter().all(|count| *count == 0));
        assert_eq!(traffic.hour("b"), Hour::default());
    }

    #[test]
    fn a_counter_that_begins_again_is_counted_from_nought() {
        let mut traffic = Traffic::default();
        traffic.note("a", 100, 0);
        traffic.note("a", 3, 0);
        assert_eq!(traffic.hour("a").accepted[MINUTES - 1], 103);
    }

    #[test]
    fn who_is_gone_has_no_row() {
        let mut traffic = Traffic::default();
        traffic.note("a", 1, 0);
        traffic.look(std::iter::empty(), UnixTime::from_seconds(60));
        assert!(traffic.rows.is_empty());
    }
}
