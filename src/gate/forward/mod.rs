//! To the upstream: the one place that sends, and it demands a delivery that passed every gate.
//!
//! Owns: the request that leaves (its headers, body and target), the connections it leaves on, and the answer.
//! Must not know: whether a delivery is settled, released or lapses; it only says what may have been received.
//!
//! Invariants:
//! 1. What was verified is what is sent: the body's own chunks, the method and the provider's headers.
//! 2. Nothing the sender wrote can remove or imitate what we attest.
//! 3. A request that an upstream may have received is never sent again.
//! 4. One deadline covers waiting, connecting, sending and the whole answer.
//!
//! Start reading at [`gate`]; the only road to a connection's `send` leads through it.

mod answer;
mod chunks;
mod client;
mod connect;
mod connection;
mod deadline;
mod head_text;
mod outgoing;
mod request;
mod tls;

pub mod attestation;
pub mod error;
pub mod gate;
pub mod headers;
pub mod pool;
pub mod spec;
pub mod upstream;

#[cfg(test)]
mod tests;
