//! `check`: everything `serve` would refuse to start over, all at once.
//!
//! 1. A configuration that is not valid, or refers to a secret or certificate that is not there: exit 2.
//! 2. Settings without effect are warnings; with `--deny warnings` they are findings: exit 1. Notes never are.
//!
//! Faults are what was asked for, so they are data: they go to stdout.

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::configuration::{ConfigurationArgument, count};
use crate::cli::examination;
use crate::cli::exit::Verdict;
use crate::cli::output::{self, Format, FormatArgument};
use crate::cli::replay_capacity;
use crate::config::plan::Plan;
use crate::document::Fault;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// What makes the answer no, besides errors.
    #[arg(long, value_enum, value_name = "LEVEL")]
    deny: Option<Denied>,
    #[command(flatten)]
    output: FormatArgument,
}

/// What `--deny` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Warnings.
    Warnings,
}

/// The configuration is not valid; the faults have been printed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not valid: {}", count(*.0, "fault"))]
struct Invalid(usize);

/// What was found.
#[derive(Debug, Default)]
struct Report {
    summary: String,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    notes: Vec<String>,
}

/// Checks and prints.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let report = examine(&arguments.configuration);
    match arguments.output.format {
        Format::Text => output::data(report.text().as_bytes())?,
        Format::Json => output::json(&report.json())?,
    };
    if !report.faults.is_empty() {
        return Err(Invalid(report.faults.len()).into());
    }
    Ok(Verdict::from(report.warnings.is_empty() || arguments.deny.is_none()))
}

fn examine(configuration: &ConfigurationArgument) -> Report {
    match configuration.read() {
        Err(faults) => Report { faults, ..Report::default() },
        Ok(plan) => Report {
            faults: examination::faults(&plan, &configuration.file),
            summary: summary(&plan),
            notes: replay_capacity::note(&plan).into_iter().collect(),
            warnings: plan.without_effect,
        },
    }
}

fn summary(plan: &Plan) -> String {
    let secrets = plan.integrations.iter().map(|integration| integration.secrets.len()).sum();
    let parts = [(plan.integrations.len(), "integration"), (plan.listeners.len(), "listener"), (secrets, "secret")];
    parts.map(|(number, noun)| count(number, noun)).join(", ")
}

impl Report {
    fn text(&self) -> String {
        let faults = self.faults.iter().map(|fault| format!("{fault}\n"));
        let warnings = self.warnings.iter().map(|warning| format!("warning: {warning}\n"));
        let summary = self.faults.is_empty().then(|| format!("ok: {}\n", self.summary));
        let notes = self.notes.iter().map(|note| format!("note: {note}\n"));
        faults.chain(warnings).chain(notes).chain(summary).collect()
    }

    fn json(&self) -> Value {
        json!({
            "ok": self.faults.is_empty(),
            "faults": self.faults.iter().map(fault_json).collect::<Vec<_>>(),
            "warnings": self.warnings.iter().map(fault_json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn fault_json(fault: &Fault) -> Value {
    json!({
        "file": fault.place.file, "line": fault.place.line, "column": fault.place.column,
        "key": fault.key, "reason": fault.reason, "hint": fault.hint,
    })
}

#[cfg(test)]
mod tests;
