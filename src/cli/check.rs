//! `check`: everything `serve` would refuse to start over, all at once; then what is valid and still unwise.
//!
//! 1. A configuration that is not valid, or refers to a secret, certificate or directory that cannot be used: exit 2.
//! 2. Errors among the findings: exit 1. With `--deny warnings` warnings, too, and settings without effect.
//! 3. Findings that the configuration allows are listed and change nothing.
//!
//! Faults are what was asked for, so they are data: they go to stdout.

mod report;
mod sarif;

use anyhow::Result;
use clap::{Args, ValueEnum};

use self::report::Report;
use crate::cli::configuration::{ConfigurationArgument, count};
use crate::cli::exit::Verdict;
use crate::cli::output;
use crate::domain::time::Clock;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// What makes the answer no, besides errors.
    #[arg(long, value_enum, value_name = "LEVEL")]
    deny: Option<Denied>,
    /// How the data on stdout is written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

/// What `--deny` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Warnings.
    Warnings,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
}

/// The configuration is not valid; the faults have been printed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not valid: {}", count(*.0, "fault"))]
struct Invalid(usize);

/// Checks and prints.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let report = Report::of(arguments.configuration.file(), Clock::system().now().wall);
    match arguments.format {
        Format::Text => output::data(report.text().as_bytes())?,
        Format::Json => output::json(&report.json())?,
        Format::Sarif => output::json(&sarif::log(&report))?,
    };
    if !report.faults.is_empty() {
        return Err(Invalid(report.faults.len()).into());
    }
    Ok(Verdict::from(!report.has_errors() && (arguments.deny.is_none() || !report.has_warnings())))
}

#[cfg(test)]
mod tests;
