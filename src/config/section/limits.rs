//! `[limits]` and `[rate_limit]`: every bound of connections, heads, bodies and sources.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::plan::DrainSpec;
use crate::config::value;
use crate::document::Table;
use crate::domain::size::{ByteSize, Rate};
use crate::gate::admit::spec::SourceLimits;
use crate::gate::intake::spec::IntakeLimits;
use crate::listen::spec::ConnectionLimits;

/// The largest body that any setting may ask for.
pub(in crate::config) const BODY_BYTES_MAX: u64 = 1 << 30;
/// No timeout may be nought, which would refuse everything, or longer than anyone waits.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
const DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

/// `[limits]`.
pub(in crate::config) struct Limits {
    /// The largest body, where neither the integration nor its preset says more.
    pub(in crate::config) max_body: ByteSize,
    pub(super) intake: IntakeLimits,
    pub(super) drain: DrainSpec,
    connections: ConnectionLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: ByteSize(1 << 20),
            intake: IntakeLimits { max_inflight_bytes: 256 << 20, body_timeout: Duration::from_secs(10) },
            drain: DrainSpec { delay: Duration::ZERO, timeout: Duration::from_secs(20) },
            connections: ConnectionLimits {
                max_header_bytes: 16 << 10,
                max_connections: 10_000,
                max_connections_per_source: 500,
                header_timeout: Duration::from_secs(5),
                idle_timeout: Duration::from_secs(60),
                quiet_after: Duration::from_secs(1),
                answer_timeout: Duration::from_secs(10),
                requests_max: 100_000,
                age_max: Duration::from_secs(3600),
                linger_bytes: 0,
            },
        }
    }
}

impl Limits {
    /// All buffered bodies together.
    pub(in crate::config) const fn max_inflight(&self) -> ByteSize {
        ByteSize(self.intake.max_inflight_bytes)
    }

    /// The bounds of connections, when the largest body of any integration is known.
    pub(super) fn connections(&self, largest_body_bytes: u64) -> ConnectionLimits {
        let largest = largest_body_bytes.max(self.max_body.0);
        ConnectionLimits { linger_bytes: largest.saturating_add(largest / 2), ..self.connections.clone() }
    }
}

/// Reads `[limits]`.
pub(super) fn read(table: &Table<'_>) -> Limits {
    let default = Limits::default();
    let time = |key, fallback| value::optional(table, key, |entry| value::duration(entry, TIMEOUT)).unwrap_or(fallback);
    let delay = value::optional(table, "drain_delay", |entry| value::duration(entry, DELAY));
    let connections = ConnectionLimits {
        header_timeout: time("header_timeout", default.connections.header_timeout),
        idle_timeout: time("idle_timeout", default.connections.idle_timeout),
        ..connection_numbers(table, &default.connections)
    };
    let intake = IntakeLimits {
        max_inflight_bytes: value::optional(table, "max_inflight_bytes", |entry| value::size(entry, (64 << 10)..=(1 << 40)))
            .map_or(default.intake.max_inflight_bytes, |size| size.0),
        body_timeout: time("body_timeout", default.intake.body_timeout),
    };
    let drain = DrainSpec { delay: delay.unwrap_or(default.drain.delay), timeout: time("drain_timeout", default.drain.timeout) };
    let max_body = max_body(table, default.max_body, ByteSize(intake.max_inflight_bytes));
    Limits { max_body, intake, drain, connections }
}

fn connection_numbers(table: &Table<'_>, default: &ConnectionLimits) -> ConnectionLimits {
    let header = value::optional(table, "max_header_bytes", |entry| value::size(entry, (1 << 10)..=(1 << 20)));
    let all = value::optional(table, "max_connections", |entry| value::number(entry, 1..=1_000_000));
    let max_connections = all.unwrap_or(default.max_connections);
    let of_one = value::optional(table, "max_connections_per_source", |entry| {
        let number = value::number(entry, 1..=1_000_000)?;
        if number > max_connections {
            entry.fault("must not be more than limits.max_connections", "");
        }
        Some(number)
    });
    ConnectionLimits {
        max_header_bytes: header.map_or(default.max_header_bytes, ByteSize::as_usize),
        max_connections,
        max_connections_per_source: of_one.unwrap_or(default.max_connections_per_source.min(max_connections)),
        ..default.clone()
    }
}

fn max_body(table: &Table<'_>, default: ByteSize, inflight: ByteSize) -> ByteSize {
    let hint = "a body that does not fit into limits.max_inflight_bytes could never be received";
    let Some(entry) = table.entry("max_body") else {
        if default > inflight {
            table.fault("max_inflight_bytes is less than the default of max_body", hint);
        }
        return default;
    };
    let size = value::size(&entry, 1..=BODY_BYTES_MAX);
    if size.is_some_and(|size| size > inflight) {
        entry.fault("must not be more than limits.max_inflight_bytes", hint);
    }
    size.unwrap_or(default)
}

/// An absent `[rate_limit]`.
pub(super) const BY_SOURCE: SourceLimits = SourceLimits {
    per_source: Rate { count: 500, period: Duration::from_secs(1), burst: 1000 },
    failures_per_source: Rate { count: 1, period: Duration::from_secs(1), burst: 30 },
};

/// Reads `[rate_limit]`.
pub(super) fn by_source(table: &Table<'_>) -> SourceLimits {
    SourceLimits {
        per_source: value::optional(table, "per_source", value::rate).unwrap_or(BY_SOURCE.per_source),
        failures_per_source: value::optional(table, "failures_per_source", value::rate).unwrap_or(BY_SOURCE.failures_per_source),
    }
}
