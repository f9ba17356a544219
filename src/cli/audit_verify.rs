//! `audit verify`: does the hash chain of the log hold?
//!
//! 1. The chain holds: exit 0. Without a head the end is unproven, and the answer says so.
//! 2. A line was changed, removed, added, moved or torn: the first one is named, exit 1.
//! 3. With a public key, checkpoints are demanded: a forged one, or none at all, is exit 1. What follows the last one is said to
//!    be unproven; with `--closed` it is exit 1, too, and so is a log that does not end as a gateway that was stopped ends it.
//! 4. A file that cannot be read, or a state directory without a head: exit 2.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use crate::audit::chain::{self, Hash};
use crate::audit::checkpoint::PublicKey;
use crate::audit::verify::{Anchor, Report, verify_signed};
use crate::cli::configuration::count;
use crate::cli::exit::Verdict;
use crate::cli::output::{self, Format, FormatArgument};

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The gateway's state directory, which remembers the head of the chain.
    #[arg(long, value_name = "DIR", conflicts_with = "head")]
    state_dir: Option<PathBuf>,
    /// The head of the chain: the SHA-256 of the last line, in lower-case hex.
    #[arg(long, value_name = "HEX", value_parser = head)]
    head: Option<Hash>,
    /// A public key, PEM or hex, that checkpoints must be signed with; may be repeated, for keys that were exchanged.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// Demand that the log ends in the checkpoint that a stopped gateway writes last.
    #[arg(long, requires = "public_key")]
    closed: bool,
    /// The log and its rotated files, plain or compressed.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: FormatArgument,
}

fn head(text: &str) -> Result<Hash> {
    chain::parse_hash(text).context("must be 64 lower-case hexadecimal digits")
}

/// Checks and prints.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let anchor = anchor(arguments)?;
    let keys = arguments.public_key.iter().map(|file| public_key(file)).collect::<Result<Vec<_>>>()?;
    let report = verify_signed(&arguments.files, anchor, &keys, arguments.closed)?;
    match arguments.output.format {
        Format::Text => output::line(&output::printable(&text(&report, anchor.is_some())))?,
        Format::Json => output::json(&json(&report))?,
    };
    Ok(report.problem.is_none().into())
}

fn anchor(arguments: &Arguments) -> Result<Option<Anchor>> {
    if let Some(state_dir) = &arguments.state_dir {
        let absent = || format!("{} holds no head of a chain", state_dir.display());
        return Anchor::from_state_dir(state_dir)?.with_context(absent).map(Some);
    }
    Ok(arguments.head.map(|hash| Anchor { seq: None, hash }))
}

fn public_key(file: &Path) -> Result<PublicKey> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    PublicKey::parse(&text).map_err(|fault| anyhow::anyhow!("{} {fault}", file.display()))
}

/// What the checkpoints prove.
fn sealed(report: &Report) -> Option<String> {
    let sealed = report.sealed?;
    let what = if sealed.closing { "closing checkpoint" } else { "checkpoint" };
    Some(match report.unsealed() {
        0 => format!("; all of it is signed, up to the {what} {}", sealed.seq),
        rest => format!("; signed up to the {what} {}, {rest} after it unproven by the key", sealed.seq),
    })
}

fn text(report: &Report, has_head: bool) -> String {
    let records = usize::try_from(report.lines).map_or_else(|_| report.lines.to_string(), |lines| count(lines, "record"));
    if let Some(problem) = &report.problem {
        let (file, line, kind) = (problem.file.display(), problem.line, problem.kind.code());
        return format!("{file}:{line}: {kind}; up to there {records} follow one another");
    }
    let end = match (report.tail_proven, has_head) {
        (true, _) => "the end is proven by the head",
        (false, true) => "the head stands outside these files, so the end is unproven",
        (false, false) => "without a head the end is unproven: records cut from it would not be missed",
    };
    let end = format!("{end}{}", sealed(report).unwrap_or_default());
    let range = report.first_seq.zip(report.last_seq).map(|(first, last)| format!(" ({first} to {last})"));
    format!("ok: {records}{}; {end}", range.unwrap_or_default())
}

fn json(report: &Report) -> Value {
    let problem = report
        .problem
        .as_ref()
        .map(|problem| json!({ "file": problem.file.display().to_string(), "line": problem.line, "kind": problem.kind.code() }));
    json!({
        "ok": report.problem.is_none(), "records": report.lines, "first_seq": report.first_seq, "last_seq": report.last_seq,
        "tail_proven": report.tail_proven, "problem": problem,
        "signed_seq": report.sealed.map(|sealed| sealed.seq), "closed": report.sealed.map(|sealed| sealed.closing),
        "unproven_by_key": report.sealed.map(|_| report.unsealed()),
    })
}

#[cfg(test)]
mod tests {
    use crate::audit::chain::Head;

    use super::*;

    /// A log of three records in a folder, and its head.
    fn log() -> (tempfile::TempDir, Head) {
        let folder = tempfile::tempdir().unwrap();
        let (mut head, mut text) = (Head::GENESIS, String::new());
        for _ in 0..3 {
            let line = format!(r#"{{"seq":{},"prev":"{}","kind":"request"}}"#, head.next_seq(), head.hex());
            head = head.after(line.as_bytes());
            text = format!("{text}{line}\n");
        }
        fs::write(folder.path().join("audit.jsonl"), text).unwrap();
        (folder, head)
    }

    fn arguments(folder: &tempfile::TempDir, head: Option<Head>) -> Arguments {
        let files = vec![folder.path().join("audit.jsonl")];
        let output = FormatArgument { format: Format::Text };
        let head = head.map(|head| head.hash);
        Arguments { state_dir: None, head, public_key: Vec::new(), closed: false, files, output }
    }

    fn checked(arguments: &Arguments) -> (Report, String) {
        let anchor = anchor(arguments).unwrap();
        let report = verify_signed(&arguments.files, anchor, &[], false).unwrap();
        let text = text(&report, anchor.is_some());
        (report, text)
    }

    #[test]
    fn a_whole_chain_is_proven_by_its_head_only() {
        let (folder, head) = log();
        let (report, text) = checked(&arguments(&folder, Some(head)));
        assert_eq!(text, "ok: 3 records (1 to 3); the end is proven by the head");
        assert_eq!(json(&report)["tail_proven"], true);
        let (report, text) = checked(&arguments(&folder, None));
        assert!(text.contains("unproven") && !report.tail_proven, "{text}");
        assert_eq!(run(&arguments(&folder, Some(head))).unwrap(), Verdict::Yes);
    }

    #[test]
    fn the_first_changed_line_is_named() {
        let (folder, head) = log();
        let file = folder.path().join("audit.jsonl");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen("request", "requost", 1)).unwrap();
        let (report, text) = checked(&arguments(&folder, Some(head)));
        assert!(text.contains("audit.jsonl:1: changed"), "{text}");
        assert_eq!(json(&report)["problem"]["line"], 1);
        assert_eq!(run(&arguments(&folder, None)).unwrap(), Verdict::No);
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        let (folder, _) = log();
        let mut arguments = arguments(&folder, None);
        arguments.state_dir = Some(folder.path().join("state"));
        assert!(run(&arguments).is_err());
        arguments.state_dir = None;
        arguments.files = vec![folder.path().join("absent")];
        assert!(run(&arguments).is_err());
        assert!(head("xyz").is_err() && head(&"A".repeat(64)).is_err() && head(&"a".repeat(64)).is_ok());
    }
}
