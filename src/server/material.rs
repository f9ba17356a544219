//! What an integration was built from, for telling whether that changed.
//!
//! Invariants: a seal is keyed with randomness of this process: it says nothing about what it was made of, and is compared with
//! other seals of the process only.

use std::hash::{BuildHasher as _, Hash, RandomState};

use crate::domain::name::SecretId;

/// Makes seals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seal(RandomState);

/// Equal when what was sealed is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sealed(u64);

/// The text of each secret.
pub(crate) type SealedSecrets = Vec<(SecretId, Sealed)>;

/// What one integration was built from, besides its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Material {
    /// Its secrets.
    pub(crate) secrets: SealedSecrets,
    /// What its upstream needs: header values, certificates.
    pub(crate) upstream: Sealed,
}

impl Material {
    /// The text of one secret.
    pub(crate) fn secret(&self, id: &SecretId) -> Option<Sealed> {
        self.secrets.iter().find(|(known, _)| known == id).map(|(_, sealed)| *sealed)
    }
}

impl Seal {
    /// Seals bytes.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Sealed {
        self.of(bytes)
    }

    /// Seals anything.
    pub(crate) fn of<T: Hash + ?Sized>(&self, value: &T) -> Sealed {
        Sealed(self.0.hash_one(value))
    }
}
