//! `enable NAME --reason R [--secret ID]`, `enable --all …`: takes back what `disable` did.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::output::FormatArgument;
use crate::cli::switching::{self, TargetArgument};

/// Arguments of `enable`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: TargetArgument,
    /// Why; in the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    configuration: ConfigurationArgument,
    #[command(flatten)]
    output: FormatArgument,
}

/// Has the gateway turn it on.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let mut order = json!({ "reason": arguments.reason });
    if let (Some(secret), Some(members)) = (arguments.target.secret(), order.as_object_mut()) {
        members.insert("secret".to_owned(), secret.into());
    }
    switching::order(&arguments.configuration, &arguments.target.path("enable")?, &order, arguments.output)
}
