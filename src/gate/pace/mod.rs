//! The integration's own budget, spent by fresh, verified deliveries only: no stranger can use it up.
//!
//! Owns: the last refusal before an upstream. Must not know: upstreams, sources. Start at [`gate`].
//! Invariant: a delivery that is refused here has given its claim back, so that its retry passes.

pub mod error;
pub mod gate;

#[cfg(test)]
mod tests;
