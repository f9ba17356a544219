//! Sockets: who may connect, TLS, the strict head on the wire, deadlines, the lingering close.
//!
//! Owns: listeners, connection slots, handshakes, one connection's life under hyper.
//! Must not know: integrations, providers, what a request means. It calls a handler that `server` gives it.

pub mod spec;
