//! Checked settings of the limits by source.

use crate::domain::size::Rate;

/// The budgets of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Requests of one source, counted before any body is read.
    pub per_source: Rate,
    /// Failed verifications of one source at one integration.
    pub failures_per_source: Rate,
}
