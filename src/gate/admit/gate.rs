//! The first ticket: the source may be here, has not been here too often, and uses a method the scheme knows.
//!
//! Owns: the order of the three. Nothing of the request but its method is looked at.

use http::Method;

use super::error::AdmitError;
use super::sources::SourceTable;
use super::terms::AdmitTerms;
use crate::domain::address::Source;
use crate::domain::budget::Spent;
use crate::domain::time::Now;

/// A request that may be read.
#[must_use = "an admitted request is read or refused"]
#[derive(Debug)]
pub struct Admitted {
    source: Source,
}

impl Admitted {
    /// Where it comes from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }
}

/// Admits a request, or says why not.
pub fn admit(terms: &AdmitTerms, table: &SourceTable, source: Source, method: &Method, now: Now) -> Result<Admitted, AdmitError> {
    if !terms.allows_source(source) {
        return Err(AdmitError::SourceNotAllowed);
    }
    let spent = table.spend_request(source.limit_key(), now.monotonic);
    spent.map_err(|Spent { retry_after }| AdmitError::RateLimitedSource { retry_after })?;
    if !terms.allows_method(method) {
        return Err(AdmitError::MethodNotAllowed { allow: terms.allow().to_owned() });
    }
    Ok(Admitted { source })
}
