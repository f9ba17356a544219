//! Sockets: who may connect, TLS, the strict head on the wire, deadlines, the lingering close.
//!
//! Owns: listeners, connection slots, handshakes, one connection's life under hyper.
//! Must not know: integrations, providers, what a request means. It calls a handler that `server` gives it.
//! Invariants: a connection holds a slot before anything is read of it; hyper reads nothing that `wire` did not pass;
//! every wait has a deadline.
//! Start reading: `workers` for the threads, `connection` for one connection, `guard` for what stands before hyper.

mod accept;
pub mod bind;
mod connection;
pub mod context;
pub mod counters;
pub mod error;
mod guard;
pub mod serve;
mod slots;
pub mod spec;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod wire;
mod worker;
pub mod workers;
