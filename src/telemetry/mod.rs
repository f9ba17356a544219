//! Process-wide instruments: metrics, logs, and what OTLP carries.
//!
//! Owns: every metric's name, help and labels; how logs look and how much of them there is.
//! Must not know: what a delivery is. The pipeline counts; this room only holds what it counts with.
//! Invariants: no label and no log field comes from a request; no instrument blocks on I/O or grows with traffic.
//! Start at [`metrics::Metrics`] and [`logging::init`].

pub mod findings;
pub mod handles;
pub mod logging;
pub mod metrics;
pub mod otlp;
pub mod spec;
pub mod table;

mod exposition;
mod labels;
