//! Refusals that are counted instead of written one by one. pure
//!
//! Rules:
//! 1. Of refusals before verification, ten a second of one reason at one integration are written; the others are folded.
//! 2. Whatever has no place in the writer's queue is folded, too.
//! 3. What was folded is drained into one record a second for each reason and integration.
//!
//! Invariants: keys are a closed enum and names of the configuration, and a group without work is dropped at the next drain, so
//! strangers cannot make it grow.

use std::collections::HashMap;

use crate::domain::name::IntegrationName;
use crate::domain::reason::Reason;
use crate::domain::time::Monotonic;

use super::record::{Folded, RequestRecord, Sighting};

/// How many refusals before verification are written, a second and reason and integration.
const WRITTEN_PER_SECOND: u32 = 10;

/// What is being folded.
#[derive(Debug, Default)]
pub struct Fold {
    groups: HashMap<Key, Group>,
}

type Key = (Reason, Option<IntegrationName>);

#[derive(Debug, Default)]
struct Group {
    second: u64,
    written: u32,
    tally: Option<Tally>,
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    first: Sighting,
    last: Sighting,
}

impl Fold {
    /// Whether a refusal before verification is written by itself; if not, it is counted here.
    pub fn passes(&mut self, record: &RequestRecord, now: Monotonic) -> bool {
        let second = now.as_duration().as_secs();
        let group = self.group(record);
        if group.second != second {
            (group.second, group.written) = (second, 0);
        }
        let passes = group.written < WRITTEN_PER_SECOND;
        if passes {
            group.written = group.written.saturating_add(1);
        } else {
            group.count(record);
        }
        passes
    }

    /// Counts a decision whose record cannot be written.
    pub fn count(&mut self, record: &RequestRecord) {
        self.group(record).count(record);
    }

    /// Everything counted since the last drain.
    pub fn drain(&mut self, now: Monotonic) -> Vec<Folded> {
        let second = now.as_duration().as_secs();
        let mut drained: Vec<Folded> = self.groups.iter_mut().filter_map(|(key, group)| group.drain(key)).collect();
        self.groups.retain(|_, group| group.second == second);
        drained.sort_by(|a, b| (a.reason, &a.integration).cmp(&(b.reason, &b.integration)));
        drained
    }

    fn group(&mut self, record: &RequestRecord) -> &mut Group {
        self.groups.entry((record.reason, record.integration.clone())).or_default()
    }
}

impl Group {
    fn count(&mut self, record: &RequestRecord) {
        let sighting = Sighting { at: record.at, source: record.source };
        let tally = self.tally.get_or_insert(Tally { count: 0, first: sighting, last: sighting });
        tally.count = tally.count.saturating_add(1);
        tally.last = sighting;
    }

    fn drain(&mut self, (reason, integration): &Key) -> Option<Folded> {
        let Tally { count, first, last } = self.tally.take()?;
        Some(Folded { integration: integration.clone(), reason: *reason, count, first, last })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::audit::record::tests::{accepted, refused};
    use crate::domain::time::UnixTime;

    const fn second(seconds: u64) -> Monotonic {
        Monotonic::from_duration(Duration::from_secs(seconds))
    }

    #[test]
    fn ten_a_second_are_written_and_the_rest_is_one_record() {
        let mut fold = Fold::default();
        let mut record = refused(Reason::UnknownRoute);
        record.integration = None;
        for index in 0..25_u32 {
            record.at = UnixTime::from_seconds(i64::from(index));
            assert_eq!(fold.passes(&record, second(1)), index < 10, "{index}");
        }
        assert!(fold.passes(&refused(Reason::UnknownRoute), second(1)), "an integration has a budget of its own");
        assert!(fold.passes(&refused(Reason::Plaintext), second(1)), "a reason has a budget of its own");
        let drained = fold.drain(second(1));
        assert_eq!(drained.len(), 1);
        assert_eq!((drained[0].count, drained[0].reason), (15, Reason::UnknownRoute));
        assert_eq!((drained[0].first.at, drained[0].last.at), (UnixTime::from_seconds(10), UnixTime::from_seconds(24)));
        assert!(!fold.passes(&record, second(1)), "a drain does not refill the budget");
        assert!(fold.passes(&record, second(2)), "the next second does");
        assert_eq!(fold.drain(second(3)).iter().map(|folded| folded.count).sum::<u64>(), 1);
    }

    #[test]
    fn groups_without_work_are_forgotten_and_nothing_is_counted_twice() {
        let mut fold = Fold::default();
        fold.count(&accepted());
        fold.count(&accepted());
        assert_eq!(fold.drain(second(9)).iter().map(|folded| folded.count).collect::<Vec<_>>(), [2]);
        assert!(fold.groups.is_empty() && fold.drain(second(9)).is_empty());
    }
}
