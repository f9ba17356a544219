//! The gate: a verified delivery in, a [`Scoped`] one or a reason out.

use super::error::ScopeError;
use super::rules::EventRules;
use crate::gate::verify::gate::Verified;

/// A verified delivery whose event type is in scope.
#[derive(Debug)]
#[must_use]
pub struct Scoped {
    verified: Verified,
}

/// Judges the event type.
///
/// # Errors
/// [`ScopeError`] when there is an allow-list and the event type is not on it, or not known.
pub fn scope(rules: &EventRules, verified: Verified) -> Result<Scoped, ScopeError> {
    if let Some(allow) = &rules.allow {
        let event = verified.event().ok_or(ScopeError::NoEvent)?;
        if !allow.iter().any(|pattern| pattern.matches(&event.text)) {
            return Err(ScopeError::NotAllowed);
        }
    }
    Ok(Scoped { verified })
}

impl Scoped {
    /// The proof before this one.
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Gives the proof before this one back.
    pub fn into_verified(self) -> Verified {
        self.verified
    }
}

#[cfg(test)]
mod tests;
