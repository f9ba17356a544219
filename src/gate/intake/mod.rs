//! The body: read once, bounded in size, time and memory.
//!
//! Owns: the budget of buffered bytes, the reading of one body.
//! Must not know: what the body is for, who verifies it.
//!
//! A body is received iff, in this order:
//!
//! 1. its declared length, if it has one, is within the largest allowed (judged before the body is polled, so that a sender
//!    who waits for `100 Continue` never sends a body that is refused anyway);
//! 2. its bytes, as they arrive, stay within the largest allowed;
//! 3. they fit into what all buffered bodies together may take, and into the eighth of it that one source may hold unverified;
//!    the last eighth of the whole is kept for sources that hold next to nothing;
//! 4. they arrive within `body_timeout`, and after two seconds not slower than 4 KiB a second;
//! 5. they end where the framing says.
//!
//! A body that does not come in one piece is charged for the buffer it is read into besides its bytes. Nothing is reserved for
//! what is only declared. Trailers are dropped.

mod budget;
pub mod error;
pub mod gate;
mod pace;
pub mod spec;
#[cfg(test)]
mod tests;
