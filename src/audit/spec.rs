//! Checked settings of the audit log.

use std::path::PathBuf;

use crate::secrets::spec::SecretSource;

/// Where the records go and what happens when they cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSpec {
    /// Where they go.
    pub output: AuditOutput,
    /// The size at which a file is rotated.
    pub max_size_bytes: u64,
    /// How many rotated files are kept.
    pub keep: u32,
    /// What happens when a record cannot be written.
    pub on_failure: OnAuditFailure,
    /// Where the key is that signs checkpoints; without one there are none.
    pub signing_key: Option<SecretSource>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditOutput {
    /// Standard output.
    Stdout,
    /// A file, rotated by size.
    File(PathBuf),
}

/// What happens to deliveries while records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAuditFailure {
    /// New deliveries are refused.
    Refuse,
    /// They go on; the loss is counted and logged.
    Continue,
}
