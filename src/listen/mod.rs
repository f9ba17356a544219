//! Sockets: who may connect, TLS, the strict head on the wire, deadlines, the lingering close.
//!
//! Owns: listeners, connection slots, handshakes, one connection's life under hyper.
//! Must not know: integrations, providers, what a request means. It calls a handler that `server` gives it.
//! Invariants: a connection holds a slot before anything is read of it; hyper reads nothing of HTTP/1 that `wire` did not
//! pass, and no more frames of HTTP/2 than `http2` allows; every wait has a deadline.
//! Start reading: `workers` for the threads, `connection` and `http1` for one connection, `guard` and `http2` for what stands
//! before hyper, `proxied` and `forwarded` for who is believed about the source.

mod accept;
pub mod bind;
mod connection;
pub mod context;
pub mod counters;
mod descriptors;
pub mod error;
mod forwarded;
mod guard;
mod http1;
mod http2;
pub mod listeners;
mod proxied;
mod seldom;
pub mod serve;
mod slots;
mod socket;
pub mod socket_file;
pub mod spec;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod trusted;
pub mod wire;
mod worker;
pub mod workers;
