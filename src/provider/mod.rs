//! How a producer signs: the scheme language, and the catalogue of presets written in it.
//!
//! Owns: the closed description of a signature scheme, its file grammar, where fields stand in a request, what a signature
//! covers, the producer's handshakes.
//! Must not know: keys' values, clocks, sockets, who asks.
//! Invariants: a [`scheme::Scheme`] that exists is consistent; a preset is data, never code.
//!
//! Start at [`scheme::Scheme`], then [`mod@file`] for how one is written, then [`Catalogue`].

pub mod alternative;
pub mod canonical;
pub mod certificate;
pub mod content;
pub mod coverage;
pub mod describe;
pub mod file;
pub mod handshake;
pub mod locate;
mod presets;
pub mod scheme;
pub mod subscription;
pub mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use scheme::Scheme;

/// The schemes that `provider = "…"` may name: the presets, and those that an operator defines.
#[derive(Clone, Debug)]
pub struct Catalogue {
    custom: BTreeMap<String, Arc<Scheme>>,
}

static BUILTIN: Catalogue = Catalogue { custom: BTreeMap::new() };

impl Catalogue {
    /// The presets that are compiled in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// The scheme of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Scheme>> {
        self.custom.get(name).or_else(|| presets::get(name)).map(Arc::clone)
    }

    /// All schemes in alphabetical order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Scheme>> {
        let presets = presets::names().filter_map(|name| Some((name, presets::get(name)?)));
        let mut all: BTreeMap<&str, &Arc<Scheme>> = presets.collect();
        all.extend(self.custom.iter().map(|(name, scheme)| (name.as_str(), scheme)));
        all.into_values()
    }

    /// This catalogue and more schemes; one of a known name takes its place, so whoever minds checks [`Self::get`] first.
    #[must_use]
    pub fn with_custom(&self, more: Vec<Scheme>) -> Self {
        let mut custom = self.custom.clone();
        custom.extend(more.into_iter().map(|scheme| (scheme.name.to_string(), Arc::new(scheme))));
        Self { custom }
    }
}

#[cfg(test)]
mod tests;
