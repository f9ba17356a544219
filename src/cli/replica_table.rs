//! The replicas of a gateway, for `status`. What the gateway says is printed; a member that is missing is `-`.

use anyhow::{Context as _, Result, bail};
use http::StatusCode;
use serde_json::Value;

use crate::cli::admin_client::AdminClient;
use crate::cli::output;

/// What the gateway knows of those that share its store; an empty list where nobody can.
pub(super) fn replicas(client: &AdminClient) -> Result<Value> {
    let answer = client.ask("/api/v1/replicas")?;
    match answer.status {
        StatusCode::OK => serde_json::from_slice(&answer.body).context("the gateway's answer is not JSON"),
        // One of an earlier version has no replicas to speak of.
        StatusCode::NOT_FOUND => Ok(Value::Array(Vec::new())),
        other => bail!("the gateway at {} answered {other}", client.address()),
    }
}

/// A table of them; nothing where there are none.
pub(super) fn table(replicas: &Value) -> String {
    let list = replicas.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = list.iter().map(row).collect();
    output::table(["REPLICA", "ID", "VERSION", "CONFIGURATION", "LAST HEARD", "FINDINGS", "DISABLED"], &rows)
}

fn row(replica: &Value) -> [String; 7] {
    let text = |member: &str| replica.get(member).and_then(Value::as_str).unwrap_or("-").to_owned();
    let number = |member: &str| replica.get(member).and_then(Value::as_u64);
    let is_self = replica.get("is_self").and_then(Value::as_bool).unwrap_or(false);
    let id = if is_self { format!("{} (this)", text("id")) } else { text("id") };
    let ago = number("heard_ms").map_or_else(|| "-".to_owned(), |millis| format!("{} s ago", millis / 1000));
    let heard = if text("state") == "heard" { ago } else { format!("{ago}, {}", text("state")) };
    let off = replica.get("off").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let off: Vec<_> = off.iter().filter_map(Value::as_str).collect();
    let off = if off.is_empty() { "-".to_owned() } else { off.join(" ") };
    let findings = number("findings").map_or_else(|| "-".to_owned(), |count| count.to_string());
    [text("name"), id, text("version"), text("configuration"), heard, findings, off]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_become_a_table_and_none_nothing() {
        assert_eq!(table(&json!([])), "");
        let one = json!({
            "id": "3fa9c2d1", "name": "gate-0", "version": "0.1.0", "configuration": "c0ffee", "heard_ms": 1400, "state": "heard",
            "is_self": true, "off": ["all", "i:stripe"], "findings": 2,
        });
        let shown = table(&json!([one, { "id": "b", "heard_ms": 9000, "state": "late" }]));
        assert!(
            shown.contains("3fa9c2d1 (this)") && shown.contains("all i:stripe") && shown.contains("9 s ago, late"),
            "{shown}"
        );
    }
}
