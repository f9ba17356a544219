//! To the upstream: the one place that sends, and it demands a delivery that passed every gate.

pub mod spec;
