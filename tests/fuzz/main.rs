//! Short fuzz runs: every parser, and the whole life of a request over a real socket.
//!
//! Bounded and repeatable: `HOOKWARD_FUZZ_SEED` (a number; one of its own when absent) begins the same run again, and a
//! failure prints it with the round and the input. `HOOKWARD_FUZZ_ROUNDS=20` makes twenty times as many rounds. Every entry of
//! `tests/corpus` is tried as it stands before any is changed; what once failed goes there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it tried"
)]

mod audit_log;
mod campaign;
mod dice;
mod keys;
mod life;
mod operator;
mod oracle;
mod request;
