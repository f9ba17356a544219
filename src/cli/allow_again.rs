//! `allow-again REQUEST_ID --reason R`: one settled delivery is forgotten, so that the provider may send it once more.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::output::FormatArgument;
use crate::cli::switching;

/// Arguments of `allow-again`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The request that delivered it: `request_id` of the record with the reason `delivered`.
    #[arg(value_name = "REQUEST_ID")]
    request_id: String,
    /// Why; in the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    configuration: ConfigurationArgument,
    #[command(flatten)]
    output: FormatArgument,
}

/// Has the gateway forget it.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let order = json!({ "request_id": arguments.request_id, "reason": arguments.reason });
    switching::order(&arguments.configuration, "/api/v1/allow-again", &order, arguments.output)
}
