//! The body: read once, bounded in size, time and memory.

pub mod spec;
