//! `[audit]` and `[log]`: what is written down, and what is said meanwhile.

use std::path::Path;

use crate::audit::spec::{AuditOutput, AuditSpec, OnAuditFailure};
use crate::config::context::without_effect;
use crate::config::integration::secret;
use crate::config::value;
use crate::document::{Faults, Table};
use crate::telemetry::spec::{LogFormat, LogLevel, LogSpec};

/// An absent `[audit]`.
pub(super) fn default() -> AuditSpec {
    AuditSpec {
        output: AuditOutput::Stdout,
        max_size_bytes: 256 << 20,
        keep: 8,
        on_failure: OnAuditFailure::Refuse,
        signing_key: None,
    }
}

/// Reads `[audit]`.
pub(super) fn read(table: &Table<'_>, base: &Path, notes: &Faults) -> AuditSpec {
    let default = default();
    let output = value::optional(table, "output", |entry| match entry.text()? {
        "stdout" => Some(AuditOutput::Stdout),
        _ => value::path(entry, base).map(AuditOutput::File),
    });
    let output = output.unwrap_or(default.output);
    let max_size = value::optional(table, "max_size", |entry| value::size(entry, (1 << 10)..=(1 << 40)));
    let keep = value::optional(table, "keep", |entry| value::number(entry, 1..=10_000));
    if output == AuditOutput::Stdout {
        for entry in ["max_size", "keep"].iter().filter_map(|key| table.entry(key)) {
            without_effect(notes, &entry, "the audit log goes to standard output", "name a file in audit.output");
        }
    }
    let words = [("refuse", OnAuditFailure::Refuse), ("continue", OnAuditFailure::Continue)];
    let on_failure = value::optional(table, "on_failure", |entry| entry.word(&words));
    AuditSpec {
        output,
        max_size_bytes: max_size.map_or(default.max_size_bytes, |size| size.0),
        keep: keep.unwrap_or(default.keep),
        on_failure: on_failure.unwrap_or(default.on_failure),
        signing_key: value::optional(table, "signing_key", |entry| secret::reference(entry, base)),
    }
}

/// An absent `[log]`.
pub(super) const LOG: LogSpec = LogSpec { level: LogLevel::Info, format: LogFormat::Auto };

/// Reads `[log]`.
pub(super) fn log(table: &Table<'_>) -> LogSpec {
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogSpec {
        level: value::optional(table, "level", |entry| entry.word(&levels)).unwrap_or(LOG.level),
        format: value::optional(table, "format", |entry| entry.word(&formats)).unwrap_or(LOG.format),
    }
}
