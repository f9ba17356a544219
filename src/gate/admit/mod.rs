//! Head-only refusals: the source allow-list, the per-source limit, the method; and the budget of failures.
//!
//! Owns: what one source may cost us before it has proven anything. Must not know: bodies, signatures, stores.
//! Start at [`gate`].
//!
//! 1. The allow-list is judged first: who is not on it spends nothing of anybody's budget.
//! 2. Each source has one budget of requests, shared by all integrations, spent before any body is read.
//! 3. The method is the scheme's, or that of one of its unsigned handshakes.
//! 4. Failures spend a second budget, for each source and integration. While it is empty, requests without the scheme's
//!    headers are refused unread; those with them are still verified, at most sixteen at once a source. So a stranger
//!    behind a provider's address can make us work, a little, and can never mute the provider.
//! 5. Both tables are bounded. Past the bound nobody who is known is forgotten; newcomers share budgets with other newcomers
//!    of their network, and each time is counted.

pub mod error;
pub mod failures;
pub mod gate;
pub mod sources;
pub mod spec;
pub mod terms;

mod table;

#[cfg(test)]
mod tests;
