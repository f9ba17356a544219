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
use crate::inventory::finding::span;

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

/// The integrations, their secrets, and what somebody should look at.
fn table(inventory: &Value) -> String {
    let list = inventory.get("integrations").unwrap_or(inventory).as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> = list.iter().map(row).collect();
    let titles = ["NAME", "PROVIDER", "STATE", "PATH", "OWNER", "REVIEW BY", "UPSTREAM", "LAST ACCEPTED", "REFUSED"];
    let mut text = output::table(titles, &rows);
    let secrets: Vec<_> = list.iter().flat_map(|integration| nested(integration, "secrets", secret)).collect();
    if !secrets.is_empty() {
        text.push('\n');
        text.push_str(&output::table(["SECRET OF", "ID", "STATE", "AGE", "LAST USED"], &secrets));
    }
    let findings: Vec<_> = list.iter().flat_map(|integration| nested(integration, "findings", finding)).collect();
    if !findings.is_empty() {
        text.push('\n');
        text.push_str(&output::table(["FINDING OF", "KIND", "WHAT"], &findings));
    }
    text
}

/// A member as text; what is missing is `-`.
fn member(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn row(integration: &Value) -> [String; 9] {
    let [name, provider, state] = ["name", "provider", "state"].map(|name| member(integration, name));
    let [path, owner, review] = ["path", "owner", "review_by"].map(|name| member(integration, name));
    let last_accepted = member(integration, "last_accepted");
    let upstream = integration.get("upstream").map_or_else(|| "-".to_owned(), |upstream| member(upstream, "state"));
    let why = integration.get("disabled").and_then(|disabled| disabled.get("reason")).and_then(Value::as_str);
    let state = why.map_or(state.clone(), |why| format!("{state}: {why}"));
    let refused = refused(integration.get("refusals"), integration.get("last_refused"));
    [name, provider, state, path, owner, review, upstream, last_accepted, refused]
}

fn nested<const N: usize>(integration: &Value, list: &str, row: impl Fn(String, &Value) -> [String; N]) -> Vec<[String; N]> {
    let elements = integration.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    elements.iter().map(|element| row(member(integration, "name"), element)).collect()
}

fn secret(integration: String, secret: &Value) -> [String; 5] {
    let age = secret.get("age_seconds").and_then(Value::as_i64).map_or_else(|| "-".to_owned(), span);
    [integration, member(secret, "id"), member(secret, "state"), age, member(secret, "last_used")]
}

fn finding(integration: String, finding: &Value) -> [String; 3] {
    [integration, member(finding, "finding"), member(finding, "text")]
}

/// The refusals of all reasons together (`{"reason": count}`), and why the last one was.
fn refused(refusals: Option<&Value>, last: Option<&Value>) -> String {
    let Some(Value::Object(by_reason)) = refusals else { return "-".to_owned() };
    let all = by_reason.values().filter_map(Value::as_u64).fold(0, u64::saturating_add);
    match last.and_then(|last| last.get("reason")).and_then(Value::as_str) {
        Some(reason) => format!("{all}, last {reason}"),
        None => all.to_string(),
    }
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
        let expected = "NAME      PROVIDER  STATE    PATH  OWNER  REVIEW BY  UPSTREAM  LAST ACCEPTED         REFUSED\n\
                        payments  stripe    enabled  /in   -      -          -         2026-01-02T03:04:05Z  5\n";
        assert_eq!(table(&json!([one])), expected);
        assert_eq!(table(&json!({ "integrations": [one] })), expected);
        assert_eq!(table(&json!({})).lines().count(), 1);
        let off = json!({ "name": "a", "state": "disabled", "disabled": { "by": "integration", "reason": "leaked" } });
        assert!(table(&json!([off])).contains("disabled: leaked"));
        let more = json!({
            "name": "a", "upstream": { "state": "failing" }, "refusals": { "replayed": 1 }, "last_refused": { "reason": "replayed" },
            "secrets": [ { "id": "old", "state": "valid", "age_seconds": 259_200, "last_used": null } ],
            "findings": [ { "finding": "unused-secret", "text": "`old` last used 3 days ago: safe to remove" } ],
        });
        let more = table(&json!([more]));
        for line in ["1, last replayed", "\na          old  valid  3 days  -\n", "unused-secret  `old` last used 3 days ago"] {
            assert!(more.contains(line), "{line} in\n{more}");
        }
    }

    #[test]
    fn the_refresh_is_bounded() {
        assert_eq!(interval("1s").unwrap(), Duration::from_secs(1));
        for bad in ["0s", "500ms", "2h", "soon"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
