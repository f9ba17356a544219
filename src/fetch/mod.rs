//! What is asked of others while the gateway runs: a GET of an exact URL, and nothing of a request decides where it goes.
//!
//! Owns: the client, its roots, how often it may be used.
//! Must not know: who asks, and what for.
//! Invariants: https to port 443 of the host that the URL names, its certificate verified against the system's roots for that
//! name; no redirect is followed; time, size, places and rate are bounded, and what is over the bound is refused at once.
//!
//! Start at [`client`]; [`sources`] knows when what is fetched again and again is due, [`shelf`] holds what is fetched when it is
//! first named.

pub mod client;
pub mod error;
mod minute;
mod public;
pub mod shelf;
pub mod sources;
#[cfg(test)]
mod tests;
