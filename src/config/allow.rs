//! Findings that the operator accepts: `allow = [{ lint = "…", reason = "…" }]`.

use super::plan::AllowedLint;
use super::value;
use crate::document::{Entry, Table};

/// Every lint of `check`, by its id.
pub const LINTS: [&str; 25] = [
    "secret-expired",
    "tls-expired",
    "admin-exposed",
    "review-overdue",
    "secret-permissions",
    "weak-secret",
    "secret-expiring",
    "stale-secret",
    "no-owner",
    "broad-source",
    "long-tolerance",
    "unsigned-provider",
    "unproven-provider",
    "legacy-algorithm",
    "replay-off",
    "memory-replay",
    "cold-start-accept",
    "plaintext-upstream",
    "trusted-proxy-any",
    "tls-expiring",
    "shared-secret",
    "unreachable-route",
    "no-event-scope",
    "no-review-date",
    "replay-capacity",
];

const HINT: &str = "write it as { lint = \"…\", reason = \"…\" }";

/// The lints that a table silences.
pub(super) fn read(table: &Table<'_>) -> Vec<AllowedLint> {
    let elements = value::optional(table, "allow", |entry| value::list(entry, 0..=LINTS.len(), HINT));
    elements.unwrap_or_default().iter().filter_map(|entry| entry.table(one).flatten()).collect()
}

fn one(table: &Table<'_>) -> Option<AllowedLint> {
    let lint = table.required("lint", HINT).and_then(|entry| known(&entry));
    let reason = table.required("reason", "say why it is accepted").and_then(|entry| value::line(&entry));
    Some(AllowedLint { lint: lint?, reason: reason? })
}

fn known(entry: &Entry<'_>) -> Option<&'static str> {
    let text = entry.text()?;
    let lint = LINTS.into_iter().find(|lint| *lint == text);
    if lint.is_none() {
        entry.fault("is no lint of this version", "`hookward check` names each finding's lint");
    }
    lint
}
