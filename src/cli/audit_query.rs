//! `audit query`: which records fit, or how many of each kind there are.
//!
//! 1. Without files, the log that the configuration names and everything that was rotated from it, compressed or not.
//! 2. Text is a table, a line a record, in the order of the log; JSON is the records as they stand in it, one a line. Both
//!    stream. `--count-by` counts instead: requests by the field, the most first.
//! 3. Lines that are no records are passed over, and told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use ipnet::IpNet;
use serde_json::json;

use crate::audit::query::{Found, Terms, query};
use crate::audit::spec::AuditOutput;
use crate::cli::configuration::{ConfigurationArgument, count};
use crate::cli::exit::Verdict;
use crate::cli::output::{self, Audience, Format, FormatArgument};
use crate::domain::size::parse_duration;
use crate::domain::time::{Clock, UnixTime};

/// Arguments of `audit query`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Records of this integration; this and the following may be repeated, and then one of them must fit.
    #[arg(long, value_name = "NAME")]
    integration: Vec<String>,
    /// Requests that ended for this reason.
    #[arg(long, value_name = "REASON")]
    reason: Vec<String>,
    /// Requests from this address or network.
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    source: Vec<IpNet>,
    /// Deliveries that this secret verified.
    #[arg(long, value_name = "ID")]
    secret: Vec<String>,
    /// Deliveries of this event type.
    #[arg(long, value_name = "TYPE")]
    event: Vec<String>,
    /// The record of this request.
    #[arg(long, value_name = "ID")]
    request_id: Vec<String>,
    /// Records of this kind: request, folded, config, switch, exposure, start, stop, checkpoint.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Not before: Unix seconds, RFC 3339, or how long ago, such as 24h.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<UnixTime>,
    /// Before: as --since.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<UnixTime>,
    /// Count requests by a field of the record, such as integration, reason, source, secret or event, or by day or hour.
    #[arg(long, value_name = "FIELD", value_parser = field)]
    count_by: Option<String>,
    /// No more than so many records.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    output: FormatArgument,
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// The log and its rotated files, plain or compressed (gzip, Zstandard).
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What records can be counted by: what they hold that takes few values or names somebody, and their time.
const FIELDS: [&str; 19] = [
    "integration",
    "provider",
    "reason",
    "decision",
    "status",
    "upstream_status",
    "source",
    "secret_id",
    "event",
    "event_signed",
    "replay_blind",
    "delivery_id",
    "listener",
    "method",
    "path",
    "tls",
    "kind",
    "day",
    "hour",
];
/// The most values that are counted one by one.
const VALUES_MAX: usize = 100_000;
/// Where the values beyond them are counted.
const OTHERS: &str = "(others)";

fn network(text: &str) -> Result<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse().map(|address: std::net::IpAddr| address.into()).ok());
    network.context("must be an address or a network, such as 203.0.113.0/24")
}

fn moment(text: &str) -> Result<UnixTime> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(Clock::system().now().wall.minus(ago));
    }
    text.parse().ok().context("must be Unix seconds, RFC 3339, or a duration such as 24h")
}

/// The field that is meant; a secret is counted by its id, as `--secret` names it.
fn field(text: &str) -> Result<String> {
    let text = if text == "secret" { "secret_id" } else { text };
    if !FIELDS.contains(&text) {
        bail!("must be one of {}", FIELDS.join(", "));
    }
    Ok(text.to_owned())
}

/// Asks and prints.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let files = if arguments.files.is_empty() { configured(&arguments.configuration)? } else { arguments.files.clone() };
    let unread = match &arguments.count_by {
        Some(field) => count_by(arguments, &files, field)?,
        None => list(arguments, &files)?,
    };
    if unread > 0 {
        let lines = usize::try_from(unread).map_or_else(|_| unread.to_string(), |unread| count(unread, "line"));
        output::talk(format_args!("note: {lines} passed over, being no records"));
    }
    Ok(Verdict::Yes)
}

fn terms(arguments: &Arguments) -> Terms {
    let given = [
        ("integration", &arguments.integration),
        ("reason", &arguments.reason),
        ("secret_id", &arguments.secret),
        ("event", &arguments.event),
        ("request_id", &arguments.request_id),
        ("kind", &arguments.kind),
    ];
    let fields = given.into_iter().filter(|(_, texts)| !texts.is_empty());
    Terms {
        fields: fields.map(|(field, texts)| (field, texts.clone())).collect(),
        sources: arguments.source.clone(),
        since: arguments.since,
        until: arguments.until,
    }
}

/// The columns of the table, their fields and widths; the last is as wide as it is.
const COLUMNS: [(&str, &str, usize); 8] = [
    ("time", "ts", 27),
    ("kind", "kind", 10),
    ("integration", "integration", 16),
    ("event", "event", 20),
    ("source", "source", 15),
    ("secret", "secret_id", 12),
    ("status", "status", 6),
    ("reason", "reason", 0),
];

fn list(arguments: &Arguments, files: &[PathBuf]) -> Result<u64> {
    let is_text = arguments.output.format == Format::Text;
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    if is_text {
        output::line(&row(|title, _| title.to_owned()))?;
    }
    let mut failed = None;
    let tally = query(files, &terms(arguments), |found| {
        let line = if is_text { row(|_, field| cell(found, field)) } else { found.line.to_owned() };
        left = left.saturating_sub(1);
        match output::line(&line) {
            Ok(Audience::Listening) if left > 0 => ControlFlow::Continue(()),
            Ok(_) => ControlFlow::Break(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(tally.unread),
    }
}

fn row(cell: impl Fn(&str, &str) -> String) -> String {
    let cells = COLUMNS.map(|(title, field, width)| format!("{:<width$}", cell(title, field)));
    cells.join("  ").trim_end().to_owned()
}

/// What stands in a column; what a folded record or a note has instead.
fn cell(found: &Found<'_>, field: &str) -> String {
    let text = match field {
        "reason" => described(found),
        field => found.text(field),
    };
    output::printable(&text.unwrap_or_else(|| "-".to_owned()))
}

fn described(found: &Found<'_>) -> Option<String> {
    let reason = found.text("reason");
    match found.text("kind")?.as_str() {
        "folded" => reason.map(|reason| format!("{reason} ({} folded)", found.weight())),
        "switch" => found.text("action").map(|action| format!("{action}: {}", reason.unwrap_or_default())),
        "config" => found.text("result"),
        "checkpoint" => found.text("purpose"),
        _ => reason.map(|reason| found.text("request_id").map_or(reason.clone(), |id| format!("{reason}  {id}"))),
    }
}

fn count_by(arguments: &Arguments, files: &[PathBuf], field: &str) -> Result<u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let tally = query(files, &terms(arguments), |found| {
        // Requests are counted; a record of something else only by what it says itself.
        let is_request = matches!(found.text("kind").as_deref(), Some("request" | "folded"));
        let Some(mut value) = found.text(field).or_else(|| is_request.then(|| "-".to_owned())) else {
            return ControlFlow::Continue(());
        };
        if counts.len() >= VALUES_MAX && !counts.contains_key(&value) {
            OTHERS.clone_into(&mut value);
        }
        let seen = counts.entry(value).or_default();
        *seen = seen.saturating_add(found.weight());
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    match arguments.output.format {
        Format::Text => {
            let rows: Vec<_> = counts.into_iter().map(|(value, count)| [count.to_string(), value]).collect();
            output::data(output::table(["count", field], &rows).as_bytes())?;
        }
        Format::Json => {
            let rows: Vec<_> = counts.into_iter().map(|(value, count)| json!({ "value": value, "count": count })).collect();
            output::json(&json!({ "field": field, "counts": rows }))?;
        }
    }
    Ok(tally.unread)
}

/// The files of the log that the configuration names: `audit.jsonl`, `audit.jsonl.3`, `audit.jsonl.4.gz`, `audit.jsonl.5.zst`.
fn configured(configuration: &ConfigurationArgument) -> Result<Vec<PathBuf>> {
    let AuditOutput::File(path) = configuration.load()?.audit.output else {
        bail!("the audit log goes to standard output: name the files it was kept in");
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?.path();
        let found = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_rotated(name, found) {
            files.push(entry);
        }
    }
    if files.is_empty() {
        bail!("there is no audit log at {}", path.display());
    }
    Ok(files)
}

fn is_rotated(name: &str, found: &str) -> bool {
    let Some(rest) = found.strip_prefix(name) else { return false };
    let rest = rest.strip_suffix(".gz").or_else(|| rest.strip_suffix(".zst")).unwrap_or(rest);
    let is_number = |age: &str| !age.is_empty() && age.bytes().all(|byte| byte.is_ascii_digit());
    rest.is_empty() || rest.strip_prefix('.').is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_belong_to_the_log_and_others_do_not() {
        for found in ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.12.gz", "audit.jsonl.3.zst"] {
            assert!(is_rotated("audit.jsonl", found), "{found}");
        }
        for found in ["audit.jsonl.bak", "audit.json", "other.jsonl", "audit.jsonl.", "audit.jsonl.1.xz"] {
            assert!(!is_rotated("audit.jsonl", found), "{found}");
        }
    }

    #[test]
    fn arguments_are_read() {
        assert_eq!(network("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert!(network("somewhere").is_err() && moment("soon").is_err());
        assert!(moment("24h").unwrap() < moment("1h").unwrap());
        assert_eq!(moment("2026-01-01T00:00:00Z").unwrap(), moment("1767225600").unwrap());
        assert!(field("reason").is_ok() && field("Rea son").is_err() && field("").is_err());
    }
}
