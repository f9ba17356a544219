//! The ledger under faults: providers that send again until they are told that it is taken, an upstream that fails, hangs, resets
//! and lies, somebody who sends again what was taken long ago, and a gateway that is killed over and over (`killed`) or a Redis
//! that fails in every way under several gateways (`redis`). What must hold in the end:
//!
//! 1. No delivery was acknowledged and lost: what a provider was told is taken, the upstream took before.
//! 2. No delivery was forwarded after it was acknowledged, whoever sent it again.
//! 3. Every delivery was taken in the end.
//! 4. The upstream took a delivery twice only where the outcome was unknown: the sender was not told that it is taken.
//! 5. All attempts of one delivery carry the same idempotency key.
//!
//! `LEDGER_KILLS`, `LEDGER_FAULTS` and `LEDGER_SEED` make it longer and other: `make soak`.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the outside of the gateway has a clock of its own")]

#[path = "../it/support/mod.rs"]
#[expect(dead_code, clippy::expect_used, clippy::print_stderr, reason = "the harness of the integration suite")]
mod support;

mod book;
#[path = "../it/support/redis_faults.rs"]
mod faults;
mod killed;
mod redis;
