//! `[provider.NAME]`: providers that the operator defines, in the language of the catalogue files.

use super::limits::BODY_BYTES_MAX;
use crate::config::context::Register;
use crate::config::integration::TOLERANCE;
use crate::document::{Entry, Table};
use crate::domain::name::ProviderName;
use crate::provider::Catalogue;
use crate::provider::scheme::{Evidence, Scheme};

/// The providers of one file.
pub(in crate::config) fn providers(root: &Table<'_>, taken: &Register<String>) -> Vec<Scheme> {
    let read = |table: &Table<'_>| {
        let entries = table.entries();
        entries.iter().filter_map(|(name, _, entry)| one(name, entry, taken)).collect()
    };
    root.entry("provider").and_then(|entry| entry.table(read)).unwrap_or_default()
}

fn one(name: &str, entry: &Entry<'_>, taken: &Register<String>) -> Option<Scheme> {
    if Catalogue::builtin().get(name).is_some() {
        entry.fault("is the name of a preset", "a preset cannot be redefined: choose another name");
    }
    taken.enter(name.to_owned(), entry, "is defined already");
    match name.parse::<ProviderName>() {
        Ok(name) => entry.table(|table| scheme(&name, table)).flatten(),
        Err(error) => {
            entry.fault(format!("the name {error}"), "[provider.in-house]");
            None
        }
    }
}

/// A scheme inside the bounds that an integration's own settings have, whose defaults it gives.
fn scheme(name: &ProviderName, table: &Table<'_>) -> Option<Scheme> {
    let scheme = Scheme::read(name, table, Some(Evidence::Custom))?;
    let fault = |key: &str, reason: &str| {
        if let Some(entry) = table.entry(key) {
            entry.fault(reason, "");
        }
    };
    // One that is too short is a fault of the scheme itself.
    if scheme.documented_tolerance().is_some_and(|tolerance| tolerance > *TOLERANCE.end()) {
        fault("timestamp", "must have a tolerance of at most 7d");
    }
    if scheme.max_body.is_some_and(|size| size.0 > BODY_BYTES_MAX) {
        fault("max_body", "must be at most 1GiB");
    }
    Some(scheme)
}
