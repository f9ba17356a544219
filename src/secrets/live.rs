//! Texts of secrets that came while the gateway runs: handed over by a provider, or fetched.
//!
//! Owns: the last good text of each source, and a count of how often any changed, for whoever made keys of them.
//! Invariants: a text is only ever replaced by a later one; a reader that finds the same revision needs to ask nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::domain::secret::SecretBytes;
use crate::secrets::spec::SecretSource;

/// The texts of one gateway. Outlives every configuration.
#[derive(Debug, Default)]
pub struct LiveTexts {
    /// At most one for each source that a configuration of this process named.
    texts: Mutex<BTreeMap<SecretSource, Arc<SecretBytes>>>,
    revision: AtomicU64,
}

impl LiveTexts {
    /// How often a text changed. Asked for before the texts.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The text of a source, if one came.
    #[must_use]
    pub fn text(&self, source: &SecretSource) -> Option<Arc<SecretBytes>> {
        self.texts.lock().get(source).cloned()
    }

    /// Puts a text in the place of the one before.
    pub fn publish(&self, source: SecretSource, text: SecretBytes) {
        let mut texts = self.texts.lock();
        texts.insert(source, Arc::new(text));
        self.revision.fetch_add(1, Ordering::Release);
    }
}
