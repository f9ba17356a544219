//! Process-wide instruments: metrics and logs.

pub mod spec;
