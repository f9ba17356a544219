//! `audit`: questions about the audit log.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cli::audit_verify;
use crate::cli::exit::Verdict;

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
}

/// Answers the question.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    match &arguments.question {
        Question::Verify(arguments) => audit_verify::run(arguments),
    }
}
