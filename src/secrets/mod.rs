//! Where secrets come from: the environment and files. Never the configuration itself.
//!
//! Owns: the bounded, blocking-free reading of one secret's text, and of all secrets of an integration at once.
//! Must not know: how a text is decoded into a key, who uses it, when it is read again.
//! Also owns what comes while the gateway runs: [`live`] texts, and the windows in which a provider may hand one over.
//! Invariants: an error names the variable or the path and never a value; a text that exists is not blank and has at most
//! [`SECRET_BYTES_MAX`] bytes; the leaf files are the only ones of this room that touch the environment and the disk.
//!
//! Start at [`read`], then [`load_all`].

pub mod handover;
pub mod live;
pub mod spec;

mod environment;
mod error;
mod file;

pub use error::{SecretError, SecretFault};

use zeroize::Zeroizing;

use crate::domain::secret::SecretBytes;
use crate::secrets::spec::{SecretSource, SecretSpec};

/// The largest text of a secret: room for a certificate chain, too small to hurt.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

/// A secret's text beside the reference it was read by.
#[derive(Debug)]
pub struct LoadedSecret {
    /// Where it was read and what is known about it.
    pub spec: SecretSpec,
    /// The text, not decoded.
    pub text: SecretBytes,
}

/// Reads one text.
///
/// # Errors
/// [`SecretError`] when it is missing, blank, too large, no regular file or cannot be read.
pub fn read(source: &SecretSource) -> Result<SecretBytes, SecretError> {
    let text = match source {
        SecretSource::Environment(name) => environment::read(name),
        SecretSource::File(path) | SecretSource::Handshake(path) => file::read(path),
        // It is fetched while the gateway runs; until then it is not there.
        SecretSource::Url(_) | SecretSource::Certificates(_) => Err(SecretError::Missing { from: source.clone() }),
    }?;
    if text.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLarge { from: source.clone(), bytes_max: SECRET_BYTES_MAX });
    }
    if text.trim_ascii().is_empty() {
        return Err(SecretError::Empty { from: source.clone() });
    }
    Ok(wrap(text))
}

/// Reads every secret of an integration, or says everything that is wrong. One that comes while the gateway runs may be missing.
///
/// # Errors
/// One [`SecretFault`] for each secret that cannot be read.
pub fn load_all(specs: &[SecretSpec]) -> Result<Vec<LoadedSecret>, Vec<SecretFault>> {
    let mut loaded = Vec::with_capacity(specs.len());
    let mut faults = Vec::new();
    for spec in specs {
        match read(&spec.source) {
            Ok(text) => loaded.push(LoadedSecret { spec: spec.clone(), text }),
            // It comes by itself, or never; until then there is nothing to verify with.
            Err(SecretError::Missing { .. }) if spec.source.is_live() => {}
            Err(error) => faults.push(SecretFault { id: spec.id.clone(), error }),
        }
    }
    if faults.is_empty() { Ok(loaded) } else { Err(faults) }
}

/// Hands the buffer over without copying it; what is left behind is empty.
fn wrap(mut text: Zeroizing<Vec<u8>>) -> SecretBytes {
    SecretBytes::new(std::mem::take(&mut *text))
}

#[cfg(test)]
mod tests;
