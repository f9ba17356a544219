//! Where secrets come from: the environment and files. Never the configuration itself.

pub mod spec;
