//! `audit`: questions about the audit log.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cli::exit::Verdict;
use crate::cli::{audit_query, audit_verify};

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// Check the hash chain of one or more log files, in any order.
    Verify(audit_verify::Arguments),
    /// Find records, or count them by a field.
    Query(Box<audit_query::Arguments>),
}

/// Answers the question.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    match &arguments.question {
        Question::Verify(arguments) => audit_verify::run(arguments),
        Question::Query(arguments) => audit_query::run(arguments),
    }
}
