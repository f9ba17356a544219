//! What is written down: one record a decision, chained.

pub mod spec;
