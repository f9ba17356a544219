//! `reload`: the running gateway reads its configuration, secrets and certificates again; exit 1 if it refused them.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::output::FormatArgument;
use crate::cli::switching;

/// Arguments of `reload`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    #[command(flatten)]
    output: FormatArgument,
}

/// Has the gateway reload, and says how that ended.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    switching::order(&arguments.configuration, "/api/v1/reload", &json!({}), arguments.output)
}
