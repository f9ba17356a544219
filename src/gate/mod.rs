//! The gates, in the order of a delivery's life: admit, intake, verify, scope, replay, pace, forward.
//!
//! A gate may import the ticket of the gate before it and nothing else of it. A ticket is built in its own `gate.rs` only,
//! owns the ticket before it, and is what the next gate demands: what was not proven cannot be forwarded, by the compiler.

pub mod admit;
pub mod forward;
pub mod intake;
pub mod pace;
pub mod replay;
pub mod scope;
pub mod verify;
