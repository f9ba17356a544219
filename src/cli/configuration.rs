//! `--config`, and what a verb does when the configuration is not valid.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::admin_client::AdminClient;
use crate::cli::output;
use crate::config;
use crate::config::plan::Plan;
use crate::document::Fault;
use crate::secrets;

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
        valid(self.read())
    }

    /// A client of the admin listener that the configuration names. Only that section must be valid: a gateway that runs
    /// can be asked even if its next configuration is being written.
    pub(crate) fn admin_client(&self) -> Result<AdminClient> {
        let admin = valid(config::load_admin(&self.file))?;
        let token = admin.token.as_ref().map(secrets::read).transpose();
        match token {
            Ok(token) => Ok(AdminClient::new(admin.bind, token)),
            // On loopback questions need no token; the gateway may run as somebody who can read it.
            Err(_) if admin.bind.ip().is_loopback() => Ok(AdminClient::new(admin.bind, None)),
            Err(error) => Err(error).context("the admin token cannot be read"),
        }
    }
}

fn valid<T>(loaded: Result<T, Vec<Fault>>) -> Result<T> {
    loaded.or_else(|faults| {
        faults.iter().for_each(output::talk);
        bail!("the configuration is not valid: {}", count(faults.len(), "fault"))
    })
}

/// `1 fault`, `2 faults`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
