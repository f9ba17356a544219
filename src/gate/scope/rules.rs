//! Which event types an integration may send.

use crate::domain::pattern::Pattern;

/// The rules of one integration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRules {
    /// The patterns of which one must match; everything is allowed when absent.
    pub allow: Option<Vec<Pattern>>,
}
