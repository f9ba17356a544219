//! `health [--ready]`: is the gateway alive, or ready? For scripts and container health checks.
//!
//! 1. 200 is yes: exit 0.
//! 2. 503, or no answer at all, is no: exit 1. A gateway that cannot be reached is not healthy.
//! 3. Anything else means that something else was asked: exit 2.

use anyhow::{Result, bail};
use clap::Args;
use http::StatusCode;

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exchange::Answer;
use crate::cli::exit::Verdict;
use crate::cli::output::{self, Format, FormatArgument};

/// Arguments of `health`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Ask whether it takes deliveries, not only whether it is alive.
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    output: FormatArgument,
}

/// Asks and prints the answer.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let client = arguments.configuration.admin_client()?;
    let path = if arguments.ready { "/readyz" } else { "/healthz" };
    match client.ask(path) {
        Ok(answer) => report(path, &answer, arguments.output.format),
        Err(error) => {
            output::talk(format_args!("hookward: {error:#}"));
            Ok(Verdict::No)
        }
    }
}

fn report(path: &str, answer: &Answer, format: Format) -> Result<Verdict> {
    let verdict = verdict(path, answer.status)?;
    let said = String::from_utf8_lossy(&answer.body);
    match format {
        Format::Json => output::json(&serde_json::json!({
            "ok": verdict == Verdict::Yes,
            "status": answer.status.as_u16(),
            "said": serde_json::from_slice(&answer.body).unwrap_or_else(|_| serde_json::Value::from(said.trim())),
        }))?,
        Format::Text => output::data(&[said.trim_end().as_bytes(), b"\n"].concat())?,
    };
    Ok(verdict)
}

fn verdict(path: &str, status: StatusCode) -> Result<Verdict> {
    match status {
        StatusCode::OK => Ok(Verdict::Yes),
        StatusCode::SERVICE_UNAVAILABLE => Ok(Verdict::No),
        other => bail!("{path} was answered {other}: is this the admin listener, and is its token right?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_yes_no_or_neither() {
        assert_eq!(verdict("/readyz", StatusCode::OK).unwrap(), Verdict::Yes);
        assert_eq!(verdict("/readyz", StatusCode::SERVICE_UNAVAILABLE).unwrap(), Verdict::No);
        for other in [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::FOUND] {
            assert!(verdict("/readyz", other).is_err());
        }
    }
}
