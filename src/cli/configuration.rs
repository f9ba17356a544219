//! `--config`, and what a verb does when the configuration is not valid.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::output;
use crate::config;
use crate::config::plan::Plan;
use crate::document::Fault;

/// `--config` of the verbs that read one.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigurationArgument {
    /// The configuration.
    #[arg(long = "config", value_name = "FILE", env = "HOOKWARD_CONFIG", default_value = "hookward.toml")]
    pub(crate) file: PathBuf,
}

impl ConfigurationArgument {
    /// The checked configuration, or every fault of it.
    pub(crate) fn read(&self) -> Result<Plan, Vec<Fault>> {
        config::load(&self.file)
    }

    /// The checked configuration; its faults are told on stderr, one a line.
    pub(crate) fn load(&self) -> Result<Plan> {
        match self.read() {
            Ok(plan) => Ok(plan),
            Err(faults) => {
                faults.iter().for_each(output::talk);
                bail!("the configuration is not valid: {}", count(faults.len(), "fault"))
            }
        }
    }
}

/// `1 fault`, `2 faults`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
