//! What each integration's life has looked like so far: who came, with what, from where, how often.
//!
//! Owns: the bounded memory of what was seen, the comparison with it, the findings that follow, the files that keep it.
//! Must not know: why a request was refused, how a finding is shown, how time passes: `now` is an argument everywhere.
//! Invariants:
//! 1. Nothing here refuses a request, waits for a disk on its behalf, or allocates for what was seen before.
//! 2. Every list has a bound; what is over it is counted or takes the place of the oldest.
//! 3. Only what verified is remembered, besides the time and reason of the last refusal: a stranger cannot fill a list.
//! 4. A file that cannot be read is set aside and said loudly; it never keeps the gateway from starting.
//!
//! Start at [`board::Inventory`], then [`life::Life`]; [`finding`] says what follows from it, [`hours`] what a usual hour is.

pub mod board;
pub mod finding;
pub mod hours;
pub mod known;
pub mod life;
pub mod network;

mod file;

#[cfg(test)]
mod month;
