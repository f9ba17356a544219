//! Claim, settle, release, lapse: one delivery is forwarded once.
//!
//! Owns: what makes two deliveries the same, who may forward one, how long that is remembered. Must not know: HTTP answers,
//! upstreams, how a claim's refusal is shown. Start at [`gate`]; [`store`] is what a store must offer.
//!
//! # The contract of a store
//!
//! ```text
//!                 claim: Fresh(owner)                settle
//!      Vacant ─────────────────────────► InFlight ─────────────► Settled
//!        ▲                                │    │                    │
//!        │   release (by its owner)       │    │ lapse (by its      │
//!        ├────────────────────────────────┘    │ owner): the lease  │
//!        │   the lease ran out                 │ ends later         │
//!        ├─────────────────────────────────────┘                    │
//!        │   forget, or kept until no clock could accept it again   │
//!        └──────────────────────────────────────────────────────────┘
//! ```
//!
//! 1. *Atomic.* Of any number of claims at once on a vacant identity exactly one is fresh.
//! 2. *Never early.* A settled delivery answers `Settled` until `keep_until`, by the later of the wall's and the monotonic
//!    clock's reckoning. It may stay two seconds longer. A timed one that a wall set back makes acceptable again after that
//!    gets no answer.
//! 3. *Full is an answer.* A claim for which there is no place is refused; nothing is forgotten to make one. Released and
//!    forgotten places are free at once, those that are over within a second of being asked for.
//! 4. *Owners.* `release` and `lapse` by anyone but the present owner change nothing and are no error: the lease ran out and
//!    another took over.
//! 5. *A success is a fact.* `settle` holds whoever owns the claim by then, and is idempotent. If it takes a new place and
//!    there is none, it fails.
//! 6. *Leases.* An abandoned claim is in flight until its lease ends, on the monotonic clock; then it is vacant.
//! 7. *Dividing.* Up to nine tenths of the places are common; the last tenth is divided evenly among the integrations.
//! 8. A store that cannot answer says so within its own deadline; it never guesses.

pub mod capacity;
pub mod disk;
pub mod error;
pub mod filling;
pub mod gate;
pub mod history;
pub mod key;
pub mod memory;
mod reckoning;
pub mod redis;
pub mod settlement;
pub mod spec;
mod steps;
pub mod store;
pub mod terms;

#[cfg(test)]
mod conformance;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod model;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod tests;
