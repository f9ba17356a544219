//! The line: the one place that knows the order of judgement.
//!
//! Owns: the route, the order, the record of each request, the table from reasons to answers.
//! Must not know: sockets, configuration files, how any gate judges.
//! Invariants: every request ends in exactly one answer and one record; what the gates refuse is not retried here.
//!
//! Start at [`life`].

pub mod answer;
pub(crate) mod attempt;
pub mod certificates;
pub mod exposure;
pub(crate) mod handover;
pub mod integration;
pub mod keys;
pub mod life;
pub(crate) mod outliving;
pub mod router;
pub mod settled;
pub mod site;
pub mod stop;
mod telling;
