//! Text to plan: load, check, all faults at once.
//!
//! Owns: the configuration's grammar, defaults, cross-checks, faults with places and hints.
//! Must not know: how anything is built or run.

pub mod plan;
