//! What is told by OTLP: spans, metrics by the semantic conventions, audit records as logs. pure
//!
//! Owns: the forms, and the bounded queues between the request path and whoever sends.
//! Must not know: how anything is sent, and what an audit record holds beyond its line.
//! Invariants:
//! 1. Off, it costs the request path one look at an option. On, it takes one short lock and never waits: what finds no room is
//!    dropped and counted.
//! 2. No secret, signature, header value, body or query enters anything here; a path is that of the configuration.
//! 3. No metric has an attribute that a stranger chooses.
//!
//! Start at [`Outbox`].

mod bodies;
mod finished;
mod http_metrics;
mod messages;
mod outbox;
mod spans;

pub use bodies::{Identity, logs, metrics, traces};
pub use finished::{Exchange, FinishedRequest};
pub use outbox::{Outbox, Signal};
