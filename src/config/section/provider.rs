//! `[provider.NAME]`: providers that the operator defines, in the language of the catalogue files.

use crate::config::context::Register;
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
        Ok(name) => entry.table(|table| Scheme::read(&name, table, Some(Evidence::Custom))).flatten(),
        Err(error) => {
            entry.fault(format!("the name {error}"), "[provider.in-house]");
            None
        }
    }
}
