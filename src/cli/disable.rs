//! `disable NAME --reason R [--for 2h] [--answer 503|403] [--secret ID]`, `disable --all …`: the kill switch.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value};

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::output::FormatArgument;
use crate::cli::switching::{self, TargetArgument};
use crate::domain::size::{QuantityError, parse_duration};

/// Arguments of `disable`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: TargetArgument,
    /// Why; in the audit log and the inventory.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long, such as 30m or 2h; until `enable` when absent.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lasts: Option<String>,
    /// What senders are answered: 503, come again, or 403; default: 503 with --for, else 403.
    #[arg(long, value_name = "STATUS", value_parser = ["503", "403"], conflicts_with = "secret")]
    answer: Option<String>,
    #[command(flatten)]
    configuration: ConfigurationArgument,
    #[command(flatten)]
    output: FormatArgument,
}

/// The text of a duration, once it is one.
fn duration(text: &str) -> Result<String, QuantityError> {
    let lasts: Duration = parse_duration(text)?;
    if lasts.is_zero() { Err(QuantityError::Zero) } else { Ok(text.to_owned()) }
}

/// Has the gateway turn it off.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let Arguments { target, reason, lasts, answer, .. } = arguments;
    let members = [
        ("reason", Some(reason.as_str())),
        ("for", lasts.as_deref()),
        ("answer", answer.as_deref()),
        ("secret", target.secret()),
    ];
    let order: Map<_, _> = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?)))).collect();
    switching::order(&arguments.configuration, &target.path("disable")?, &Value::Object(order), arguments.output)
}
