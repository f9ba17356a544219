//! What is going on now, for the status page: traffic of the last hour, and a stream of what changed.
//!
//! Owns: the history of counts, who listens, what they are sent. Must not know: who may listen.
//! Invariants: nothing here is on a request's way; who listens is bounded, and so is what waits for each of them; a listener
//! that does not keep up is let go and counted; the work is spaced out by what it took.
//!
//! Start at [`hub`].

pub(crate) mod hub;
pub(crate) mod picture;
pub(crate) mod traffic;
