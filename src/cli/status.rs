//! `status [--watch]`: the inventory of the running gateway.
//!
//! Must not know: how the inventory is made. What the gateway says is printed; a member that is missing is `-`.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use http::StatusCode;
use serde_json::Value;

use crate::cli::admin_client::AdminClient;
use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::output::{self, Audience, Format, FormatArgument};
use crate::cli::replica_table;
use crate::domain::size::parse_duration;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// Ask again and again, until interrupted.
    #[arg(long)]
    watch: bool,
    /// How long to wait between an answer and the next question: 1s to 1h.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = interval, requires = "watch")]
    interval: Duration,
    /// The replicas that share the Redis of the replay store, instead of the integrations.
    #[arg(long, conflicts_with = "watch")]
    replicas: bool,
    #[command(flatten)]
    output: FormatArgument,
}

fn interval(text: &str) -> Result<Duration> {
    let interval = parse_duration(text)?;
    if interval < Duration::from_secs(1) || interval > Duration::from_secs(3600) {
        bail!("must lie between 1s and 1h");
    }
    Ok(interval)
}

/// Asks once, or until nobody listens.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let client = arguments.configuration.admin_client()?;
    if arguments.replicas {
        print_replicas(&client, arguments.output.format)?;
        return Ok(Verdict::Yes);
    }
    if !arguments.watch {
        print(&inventory(&client)?, arguments.output.format)?;
        if arguments.output.format == Format::Text {
            print_replicas(&client, Format::Text)?;
        }
        return Ok(Verdict::Yes);
    }
    while refresh(&client, arguments.output.format)? == Audience::Listening {
        std::thread::sleep(arguments.interval);
    }
    Ok(Verdict::Yes)
}

/// One round of `--watch`: a gateway that is down for a moment is told about and asked again.
fn refresh(client: &AdminClient, format: Format) -> Result<Audience> {
    match inventory(client) {
        Ok(inventory) => print(&inventory, format),
        Err(error) => {
            output::talk(format_args!("hookward: {error:#}"));
            Ok(Audience::Listening)
        }
    }
}

fn inventory(client: &AdminClient) -> Result<Value> {
    let answer = client.ask("/api/v1/integrations")?;
    match answer.status {
        StatusCode::OK => serde_json::from_slice(&answer.body).context("the gateway's answer is not JSON"),
        StatusCode::UNAUTHORIZED => bail!("the gateway at {} wants a token: set [admin] token", client.address()),
        other => bail!("the gateway at {} answered {other}", client.address()),
    }
}

fn print(inventory: &Value, format: Format) -> Result<Audience> {
    Ok(match format {
        Format::Json => output::json(inventory)?,
        Format::Text => output::data(table(inventory).as_bytes())?,
    })
}

fn print_replicas(client: &AdminClient, format: Format) -> Result<Audience> {
    let replicas = replica_table::replicas(client)?;
    Ok(match format {
        Format::Json => output::json(&replicas)?,
        Format::Text => output::data(replica_table::table(&replicas).as_bytes())?,
    })
}

fn table(inventory: &Value) -> String {
    let list = inventory.get("integrations").unwrap_or(inventory).as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> = list.iter().map(row).collect();
    output::table(["NAME", "PROVIDER", "STATE", "PATH", "OWNER", "LAST ACCEPTED", "REFUSED"], &rows)
}

fn row(integration: &Value) -> [String; 7] {
    let text = |member: &str| match integration.get(member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let [name, provider, state] = ["name", "provider", "state"].map(text);
    let [path, owner, last_accepted] = ["path", "owner", "last_accepted"].map(text);
    let why = integration.get("disabled").and_then(|disabled| disabled.get("reason")).and_then(Value::as_str);
    let state = why.map_or(state.clone(), |why| format!("{state}: {why}"));
    [name, provider, state, path, owner, last_accepted, refused(integration.get("refusals"))]
}

/// The refusals of all reasons together: `{"reason": count}`.
fn refused(refusals: Option<&Value>) -> String {
    let Some(Value::Object(by_reason)) = refusals else { return "-".to_owned() };
    by_reason.values().filter_map(Value::as_u64).fold(0, u64::saturating_add).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_inventory_becomes_a_table() {
        let one = json!({
            "name": "payments", "provider": "stripe", "state": "enabled", "path": "/in", "owner": null,
            "last_accepted": "2026-01-02T03:04:05Z", "refusals": {"replayed": 2, "signature_mismatch": 3},
        });
        let expected = "NAME      PROVIDER  STATE    PATH  OWNER  LAST ACCEPTED         REFUSED\n\
                        payments  stripe    enabled  /in   -      2026-01-02T03:04:05Z  5\n";
        assert_eq!(table(&json!([one])), expected);
        assert_eq!(table(&json!({ "integrations": [one] })), expected);
        assert_eq!(table(&json!({})).lines().count(), 1);
        let off = json!({ "name": "a", "state": "disabled", "disabled": { "by": "integration", "reason": "leaked" } });
        assert!(table(&json!([off])).contains("disabled: leaked"));
    }

    #[test]
    fn the_refresh_is_bounded() {
        assert_eq!(interval("1s").unwrap(), Duration::from_secs(1));
        for bad in ["0s", "500ms", "2h", "soon"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
