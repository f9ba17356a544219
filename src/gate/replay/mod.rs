//! Claim, settle, release, lapse: one delivery is forwarded once.

pub mod spec;
