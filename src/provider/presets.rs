//! The presets: one file for each provider, compiled in.
//!
//! Adding a provider is adding its file. A preset is read when it is first named.

use std::sync::{Arc, OnceLock};

use super::scheme::Scheme;
use crate::document::{Document, Faults};

/// Each name with the text of its file, as `build.rs` lists them.
const PRESETS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/presets.rs"));

/// Each as it was read when it was first named; nothing where its file has a fault, and a test says which.
static READ: [OnceLock<Option<Arc<Scheme>>>; PRESETS.len()] = [const { OnceLock::new() }; PRESETS.len()];

/// The preset of a name. A gateway needs a few of them, and all together take half a MiB.
pub(super) fn get(name: &str) -> Option<&'static Arc<Scheme>> {
    let (index, (name, text)) = PRESETS.iter().enumerate().find(|(_, (known, _))| *known == name)?;
    READ.get(index)?.get_or_init(|| read(name, text, &Faults::default()).map(Arc::new)).as_ref()
}

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// Reads one, unless it has a fault.
fn read(name: &str, text: &str, faults: &Faults) -> Option<Scheme> {
    let document = Document::new(format!("presets/{name}.toml"), text);
    let scheme = document.read(faults, |table| Scheme::read(&name.parse().ok()?, table, None));
    scheme.filter(|_| faults.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_without_a_fault() {
        for (name, text) in PRESETS {
            let faults = Faults::default();
            assert!(read(name, text, &faults).is_some() && faults.is_empty(), "{name}: {:?}", faults.into_sorted());
        }
    }
}
