//! Where the facts of a scheme come from: `docs`, `checked`, `evidence`, `sources`, `traps`.

use super::text;
use crate::document::Table;
use crate::provider::scheme::{Evidence, Origin};

const EVIDENCE: [(&str, Evidence); 4] =
    [("vector", Evidence::Vector), ("sdk", Evidence::Sdk), ("document", Evidence::Document), ("secondary", Evidence::Secondary)];

pub(super) fn read(table: &Table<'_>, default: Option<Evidence>) -> Option<Origin> {
    if default.is_none() {
        for (key, hint) in [
            ("docs", "the provider's page about it"),
            ("checked", "the day the facts were checked, such as 2026-11-21"),
            ("evidence", "\"vector\", \"sdk\", \"document\" or \"secondary\""),
        ] {
            let _ = table.required(key, hint);
        }
    }
    let evidence = match table.entry("evidence") {
        Some(entry) => entry.word(&EVIDENCE),
        None => default,
    };
    let docs = text(table, "docs").unwrap_or_default();
    let checked = checked(table).unwrap_or_default();
    let sources = texts(table, "sources");
    let traps = texts(table, "traps");
    Some(Origin { docs, checked, evidence: evidence?, sources, traps })
}

fn checked(table: &Table<'_>) -> Option<String> {
    let entry = table.entry("checked")?;
    let datetime = entry.datetime()?;
    if datetime.date.is_none() || datetime.time.is_some() {
        entry.fault("must be a date", "such as 2026-11-21");
    }
    datetime.date.map(|date| date.to_string())
}

fn texts(table: &Table<'_>, key: &str) -> Vec<String> {
    let entries = table.entry(key).and_then(|entry| entry.list()).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.text().map(str::to_owned)).collect()
}
