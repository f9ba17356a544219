//! `[replay]`: the store of claims and its bounds.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::value;
use crate::document::{Entry, Table};
use crate::gate::replay::spec::{ColdStart, ReplaySpec, StoreSpec};

/// How long an untimed delivery may be remembered.
pub(in crate::config) const UNTIMED_WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(366 * 86_400);
const NOT_AVAILABLE: &str = "is not available in this version";

/// An absent `[replay]`.
pub(super) fn default() -> ReplaySpec {
    ReplaySpec {
        store: StoreSpec::Disk,
        capacity: 10_000_000,
        untimed_window: Duration::from_secs(86_400),
        cold_start: ColdStart::Refuse,
    }
}

/// Reads `[replay]`.
pub(super) fn read(table: &Table<'_>) -> ReplaySpec {
    let default = default();
    table.refuse(&["redis"], NOT_AVAILABLE, "use store = \"disk\"");
    let words = [("refuse", ColdStart::Refuse), ("accept", ColdStart::Accept)];
    ReplaySpec {
        store: value::optional(table, "store", store).unwrap_or(default.store),
        capacity: value::optional(table, "capacity", |entry| value::number(entry, 1..=1_000_000_000)).unwrap_or(default.capacity),
        untimed_window: value::optional(table, "untimed_window", |entry| value::duration(entry, UNTIMED_WINDOW))
            .unwrap_or(default.untimed_window),
        cold_start: value::optional(table, "cold_start", |entry| entry.word(&words)).unwrap_or(default.cold_start),
    }
}

fn store(entry: &Entry<'_>) -> Option<StoreSpec> {
    match entry.text()? {
        "memory" => return Some(StoreSpec::Memory),
        "disk" => return Some(StoreSpec::Disk),
        "redis" => entry.fault(format!("\"redis\" {NOT_AVAILABLE}"), "use \"disk\""),
        _ => entry.fault("must be \"disk\" or \"memory\"", ""),
    }
    None
}
