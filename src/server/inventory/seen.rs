//! What was seen of an integration, as the inventory shows it.

use serde::Serialize;

use crate::domain::reason::Reason;
use crate::domain::time::UnixTime;
use crate::inventory::finding::{Finding, Terms};
use crate::inventory::known::{Known, Seen};
use crate::inventory::life::{Life, UpstreamHealth};

/// When something was refused or failed, and why.
#[derive(Debug, Serialize)]
pub(crate) struct RefusalEntry {
    pub(crate) at: String,
    pub(crate) reason: &'static str,
}

impl RefusalEntry {
    pub(super) fn of((at, reason): (i64, Reason)) -> Self {
        Self { at: time(at), reason: reason.code() }
    }
}

/// What may come, and what came.
#[derive(Debug, Serialize)]
pub(crate) struct ScopeEntry {
    /// Absent where everything may.
    pub(crate) allowed: Option<Vec<String>>,
    /// The last seen first.
    pub(crate) seen: Vec<SeenEntry>,
    /// How many were seen and had to make room.
    pub(crate) forgotten: u64,
}

/// One event or network.
#[derive(Debug, Serialize)]
pub(crate) struct SeenEntry {
    pub(crate) name: String,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) count: u64,
}

impl ScopeEntry {
    pub(super) fn of_events(terms: &Terms, life: &Life) -> Self {
        let allowed = terms.events.as_ref().map(|allowed| allowed.iter().map(ToString::to_string).collect());
        Self::of(allowed, &life.events, ToString::to_string)
    }

    pub(super) fn of_sources(terms: &Terms, life: &Life) -> Self {
        let allowed = terms.sources.as_ref().map(|allowed| allowed.iter().map(ToString::to_string).collect());
        Self::of(allowed, &life.networks, ToString::to_string)
    }

    fn of<K>(allowed: Option<Vec<String>>, known: &Known<K>, name: impl Fn(&K) -> String) -> Self {
        let mut seen: Vec<&Seen<K>> = known.entries().iter().collect();
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.last));
        let entry = |seen: &Seen<K>| SeenEntry {
            name: name(&seen.key),
            first: time(seen.first),
            last: time(seen.last),
            count: seen.count,
        };
        Self { allowed, seen: seen.into_iter().map(entry).collect(), forgotten: known.forgotten() }
    }
}

/// How the upstream does.
#[derive(Debug, Serialize)]
pub(crate) struct UpstreamEntry {
    /// `ok`, `failing`, or `unknown` before the first delivery.
    pub(crate) state: &'static str,
    pub(crate) last_success: Option<String>,
    pub(crate) last_failure: Option<RefusalEntry>,
    pub(crate) failures_in_a_row: u64,
}

impl UpstreamEntry {
    pub(super) fn of(health: &UpstreamHealth) -> Self {
        let state = match (health.failures_in_a_row, health.last_success) {
            (0, None) => "unknown",
            (0, Some(_)) => "ok",
            _ => "failing",
        };
        Self {
            state,
            last_success: health.last_success.map(time),
            last_failure: health.last_failure.map(RefusalEntry::of),
            failures_in_a_row: health.failures_in_a_row,
        }
    }
}

/// Something that somebody should look at.
#[derive(Debug, Serialize)]
pub(crate) struct FindingEntry {
    pub(crate) finding: &'static str,
    pub(crate) about: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) text: String,
}

impl FindingEntry {
    pub(super) fn of(finding: Finding) -> Self {
        Self {
            finding: finding.kind.code(),
            about: finding.about,
            since: finding.since.map(|at| at.to_string()),
            text: finding.text,
        }
    }
}

fn time(seconds: i64) -> String {
    UnixTime::from_seconds(seconds).to_string()
}
