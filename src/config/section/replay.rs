//! `[replay]`: the store of claims and its bounds.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use crate::config::context::without_effect;
use crate::config::integration::secret;
use crate::config::value;
use crate::document::{Entry, Faults, Table};
use crate::gate::replay::spec::{ColdStart, RedisSpec, ReplaySpec, StoreSpec};

/// How long an untimed delivery may be remembered.
pub(in crate::config) const UNTIMED_WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(366 * 86_400);
const REDIS_HINT: &str = "redis = { url = { env = \"HOOKWARD_REDIS_URL\" } }";
/// Less would fail on a busy machine; more would be a pile of waiting deliveries.
const REDIS_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(5);

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
pub(super) fn read(table: &Table<'_>, base: &Path, notes: &Faults) -> ReplaySpec {
    let default = default();
    let words = [("refuse", ColdStart::Refuse), ("accept", ColdStart::Accept)];
    ReplaySpec {
        store: store(table, base, notes).unwrap_or(default.store),
        capacity: value::optional(table, "capacity", |entry| value::number(entry, 1..=1_000_000_000)).unwrap_or(default.capacity),
        untimed_window: value::optional(table, "untimed_window", |entry| value::duration(entry, UNTIMED_WINDOW))
            .unwrap_or(default.untimed_window),
        cold_start: value::optional(table, "cold_start", |entry| entry.word(&words)).unwrap_or(default.cold_start),
    }
}

/// The store and what belongs to it; `None` also when it was named and cannot be had, and then there is a fault.
fn store(table: &Table<'_>, base: &Path, notes: &Faults) -> Option<StoreSpec> {
    let entry = table.entry("store");
    let redis = table.entry("redis");
    let spec = redis.as_ref().and_then(|entry| entry.table(|table| redis_table(table, base)).flatten());
    let name = entry.as_ref().and_then(Entry::text);
    if name == Some("redis") {
        if let Some(entry) = table.entry("capacity") {
            without_effect(notes, &entry, "the store is Redis, whose maxmemory bounds it", "remove it");
        }
        return table.required("redis", REDIS_HINT).and(spec).map(StoreSpec::Redis);
    }
    if let Some(entry) = redis {
        without_effect(notes, &entry, "the store is another one", "write store = \"redis\", or remove it");
    }
    match name? {
        "memory" => Some(StoreSpec::Memory),
        "disk" => Some(StoreSpec::Disk),
        _ => {
            entry?.fault("must be \"disk\", \"memory\" or \"redis\"", "");
            None
        }
    }
}

fn redis_table(table: &Table<'_>, base: &Path) -> Option<RedisSpec> {
    let url = table.required("url", REDIS_HINT).and_then(|entry| secret::reference(&entry, base));
    let prefix = value::optional(table, "prefix", prefix);
    let timeout = value::optional(table, "timeout", |entry| value::duration(entry, REDIS_TIMEOUT));
    let ca = value::optional(table, "ca", |entry| value::path(entry, base));
    Some(RedisSpec {
        url: url?,
        prefix: prefix.unwrap_or_else(|| "hookward:".to_owned()),
        timeout: timeout.unwrap_or(Duration::from_millis(250)),
        ca,
    })
}

/// What every key begins with: nothing that a pattern of an ACL could take for more than itself.
fn prefix(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":._-{}".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
        entry.fault("must be 1 to 64 letters, digits and any of : . _ - { }", "");
        return None;
    }
    Some(text.to_owned())
}
