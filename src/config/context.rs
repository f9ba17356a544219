//! What the reader of one part must know of the others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::section::Settings;
use crate::document::{Entry, Fault, Faults, Place, Table};
use crate::provider::Catalogue;
use crate::secrets::spec::{SecretSource, SecretSpec};

/// What the integrations of one file are read with.
pub(super) struct Context<'a> {
    /// The directory of the file: relative paths start here.
    pub(super) base: &'a Path,
    /// The presets and the providers of every file.
    pub(super) catalogue: &'a Catalogue,
    /// The main file's settings.
    pub(super) settings: &'a Settings,
    /// Routes taken so far: host, then path.
    pub(super) routes: &'a Register<(Option<String>, String)>,
    /// Names of integrations taken so far.
    pub(super) names: &'a Register<String>,
    /// Names of the providers that the files define, faulty ones too.
    pub(super) providers: &'a Register<String>,
    /// Settings without effect.
    pub(super) notes: &'a Faults,
    /// Secrets of integrations that are no plan.
    pub(super) unplanned: &'a RefCell<Vec<UnplannedSecret>>,
}

/// A secret whose integration has faults, so that there is no plan to find it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnplannedSecret {
    /// The file that names it.
    pub file: String,
    /// The keys from the root of that file to it.
    pub keys: Vec<String>,
    /// Where the secret itself is.
    pub source: SecretSource,
}

impl Context<'_> {
    /// Keeps the secrets of an integration that has faults: whether they can be read is asked all the same.
    pub(super) fn keep_unplanned(&self, table: &Table<'_>, secrets: Vec<SecretSpec>) {
        let file = table.place().file;
        let root: Vec<String> = table.path().split('.').map(str::to_owned).collect();
        let one = |(index, secret): (usize, SecretSpec)| {
            let keys = root.iter().cloned().chain(["secrets".to_owned(), index.to_string()]).collect();
            UnplannedSecret { file: file.clone(), keys, source: secret.source }
        };
        // What comes while the gateway runs may be missing until then.
        let there = secrets.into_iter().enumerate().filter(|(_, secret)| !secret.source.is_live());
        self.unplanned.borrow_mut().extend(there.map(one));
    }

    /// Notes a setting that is right and changes nothing where it stands.
    pub(super) fn without_effect(&self, entry: &Entry<'_>, why: &str, hint: &str) {
        without_effect(self.notes, entry, why, hint);
    }
}

/// Notes a setting that is right and changes nothing where it stands.
pub(super) fn without_effect(notes: &Faults, entry: &Entry<'_>, why: &str, hint: &str) {
    notes.push(Fault::new(entry.place(), entry.path(), format!("has no effect: {why}")).hint(hint));
}

/// What may stand only once, and where it stood first.
#[derive(Debug)]
pub(super) struct Register<K>(RefCell<BTreeMap<K, Place>>);

impl<K: Ord> Register<K> {
    /// An empty register.
    pub(super) fn new() -> Self {
        Self(RefCell::new(BTreeMap::new()))
    }

    /// Whether nothing was entered.
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Whether a key was entered.
    pub(super) fn has<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.borrow().contains_key(key)
    }

    /// Enters a key; one that is there already is a fault of the entry.
    pub(super) fn enter(&self, key: K, entry: &Entry<'_>, reason: &str) {
        let mut taken = self.0.borrow_mut();
        match taken.get(&key) {
            Some(first) => entry.fault(format!("{reason} at {first}"), ""),
            None => drop(taken.insert(key, entry.place())),
        }
    }
}
