//! What is written down: one record a decision, one JSON line a record, each line chained to the one before.
//!
//! Owns: the form of a record, the hash chain, the writer thread with its bounded queue, files and their rotation, and the
//! check of a chain.
//! Must not know: why a request was refused, who asks, what a gate is. The pipeline hands over finished facts.
//! Invariants:
//! 1. A place is reserved before a delivery is claimed; whoever holds one can always write.
//! 2. A record is never lost in silence: it is written, kept and retried, or counted in a `folded` record.
//! 3. No torn line ever stands in the middle of a file; a line is part of the chain only when the kernel has all of it.
//! 4. Strangers cannot fill the places of deliveries: refusals, deliveries and notes of the operator have budgets of their own.
//! 5. Where a key is given, what is written is signed within a second, by the writer, never on a request's path.
//! 6. What comes from a request is cut and escaped in one place, [`mod@line`].
//!
//! Start at [`auditor::Auditor`]; the check of files is [`verify`].

pub mod auditor;
pub mod chain;
pub mod checkpoint;
pub mod error;
pub mod fold;
pub mod line;
pub mod open;
pub mod query;
pub mod recent;
pub mod record;
pub mod spec;
pub mod tap;
pub mod verify;

mod sink;
mod writer;
