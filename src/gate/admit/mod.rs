//! Head-only refusals: the source allow-list, the per-source limits, the method, the failures budget.

pub mod spec;
