//! Questions about records: which of them fit, over any number of files, plain or compressed.
//!
//! Rules:
//! 1. Files are read in the order of the chain, line by line; memory does not grow with them. A line that is longer than any
//!    record, or is none, is counted and passed over.
//! 2. Every term that is given must fit. Terms on fields that a kind of record does not have leave that record out.
//! 3. A `folded` record stands for `count` requests, and weighs as much.
//!
//! Must not know: how an answer is printed.

use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde_json::Value;

use crate::domain::time::UnixTime;

use super::error::AuditError;
use super::open::open;
use super::verify::in_order;

/// No record is longer.
const LINE_BYTES: u64 = 64 << 10;

/// What a record must be to fit. Absent terms fit everything.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Fields that must have one of the texts.
    pub fields: Vec<(&'static str, Vec<String>)>,
    /// Networks, in one of which the source must lie.
    pub sources: Vec<IpNet>,
    /// Not before.
    pub since: Option<UnixTime>,
    /// Before.
    pub until: Option<UnixTime>,
}

/// One record that fits.
#[derive(Debug)]
pub struct Found<'a> {
    /// Its line as it stands in the file.
    pub line: &'a str,
    /// The same, read.
    pub record: &'a Value,
}

impl Found<'_> {
    /// The text of a field; numbers and truth values as they are written. `day` and `hour` are of the record's time.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        let value = match field {
            "day" => return self.record.get("ts")?.as_str()?.get(..10).map(str::to_owned),
            "hour" => return self.record.get("ts")?.as_str()?.get(..13).map(|hour| format!("{hour}h")),
            field => self.record.get(field)?,
        };
        match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// How many requests it stands for.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.record.get("count").and_then(Value::as_u64).unwrap_or(1)
    }
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that fitted.
    pub found: u64,
    /// Lines that are no records.
    pub unread: u64,
}

/// Hands every record that fits to `see`, until it has enough.
pub fn query(files: &[PathBuf], terms: &Terms, mut see: impl FnMut(&Found<'_>) -> ControlFlow<()>) -> Result<Tally, AuditError> {
    let mut tally = Tally::default();
    for file in in_order(files)? {
        if query_file(&file, terms, &mut tally, &mut see)?.is_break() {
            break;
        }
    }
    Ok(tally)
}

fn query_file(
    path: &Path,
    terms: &Terms,
    tally: &mut Tally,
    see: &mut impl FnMut(&Found<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, AuditError> {
    let mut reader = open(path).map_err(|source| AuditError::Open { path: path.to_owned(), source })?;
    let mut line = Vec::new();
    let unreadable = |source| AuditError::Read { path: path.to_owned(), source };
    while next_line(&mut reader, &mut line).map_err(unreadable)? {
        let text = std::str::from_utf8(&line).unwrap_or_default().trim_end();
        let record = serde_json::from_str(text).ok().filter(|record: &Value| record.get("kind").is_some());
        let Some(record) = record else {
            tally.unread = tally.unread.saturating_add(1);
            continue;
        };
        if terms.fit(&record) {
            tally.found = tally.found.saturating_add(1);
            if see(&Found { line: text, record: &record }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Reads one line; of one that is too long only its beginning, which is no record.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = io::Read::take(&mut *reader, LINE_BYTES).read_until(b'\n', line)?;
    if !line.ends_with(b"\n") && u64::try_from(read).is_ok_and(|read| read == LINE_BYTES) {
        line.clear();
        reader.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

impl Terms {
    fn fit(&self, record: &Value) -> bool {
        self.has_fields(record) && self.is_from(record) && self.is_in_time(record)
    }

    fn has_fields(&self, record: &Value) -> bool {
        let is = |field: &str, texts: &[String]| {
            let value = record.get(field).and_then(Value::as_str);
            value.is_some_and(|value| texts.iter().any(|text| text == value))
        };
        self.fields.iter().all(|(field, texts)| is(field, texts))
    }

    /// A folded record has the first and the last of its sources.
    fn is_from(&self, record: &Value) -> bool {
        let source = |field| record.get(field).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let sources = ["source", "first_source", "last_source"].into_iter().filter_map(source);
        let fits = |source: std::net::IpAddr| self.sources.iter().any(|network| network.contains(&source));
        self.sources.is_empty() || sources.into_iter().any(fits)
    }

    fn is_in_time(&self, record: &Value) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let at: Option<UnixTime> = record.get("ts").and_then(Value::as_str).and_then(|text| text.parse().ok());
        at.is_some_and(|at| self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn record(seq: u64, more: &str) -> String {
        format!("{{\"ts\":\"2026-01-0{seq}T10:00:00.000000Z\",\"seq\":{seq},\"prev\":\"{}\",{more}}}\n", "0".repeat(64))
    }

    fn log() -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let old = record(1, "\"kind\":\"start\"")
            + &record(2, "\"kind\":\"request\",\"integration\":\"a\",\"reason\":\"delivered\",\"source\":\"192.0.2.1\"");
        let new = record(3, "\"kind\":\"request\",\"integration\":\"b\",\"reason\":\"replayed\",\"source\":\"2001:db8::1\"")
            + &record(4, "\"kind\":\"folded\",\"reason\":\"unknown_route\",\"count\":7,\"first_source\":\"192.0.2.9\"")
            + "no record\n"
            + &"x".repeat(200_000)
            + "\n"
            + &record(5, "\"kind\":\"stop\"");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(old.as_bytes()).unwrap();
        let files = [folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1.gz")];
        fs::write(&files[0], new).unwrap();
        fs::write(&files[1], gzip.finish().unwrap()).unwrap();
        (folder, files.to_vec())
    }

    fn found(files: &[PathBuf], terms: &Terms) -> Vec<u64> {
        let mut seen = Vec::new();
        let tally = query(files, terms, |found| {
            seen.push(found.record["seq"].as_u64().unwrap());
            ControlFlow::Continue(())
        });
        assert_eq!(tally.unwrap(), Tally { found: seen.len() as u64, unread: 2 });
        seen
    }

    #[test]
    fn every_term_narrows_and_all_must_fit() {
        let (_folder, files) = log();
        let field = |field, text: &str| Terms { fields: vec![(field, vec![text.to_owned()])], ..Terms::default() };
        let from = |network: &str| Terms { sources: vec![network.parse().unwrap()], ..Terms::default() };
        let time = |since: Option<&str>, until: Option<&str>| {
            let moment = |text: &str| text.parse().unwrap();
            Terms { since: since.map(moment), until: until.map(moment), ..Terms::default() }
        };
        let cases = [
            (Terms::default(), vec![1, 2, 3, 4, 5]),
            (field("integration", "a"), vec![2]),
            (field("reason", "replayed"), vec![3]),
            (field("secret_id", "x"), vec![]),
            (from("192.0.2.0/24"), vec![2, 4]),
            (from("2001:db8::/32"), vec![3]),
            (time(Some("2026-01-03T10:00:00Z"), None), vec![3, 4, 5]),
            (time(Some("2026-01-02T00:00:00Z"), Some("2026-01-03T10:00:00Z")), vec![2]),
            (Terms { sources: vec!["192.0.2.0/24".parse().unwrap()], ..field("kind", "folded") }, vec![4]),
        ];
        for (terms, expected) in cases {
            assert_eq!(found(&files, &terms), expected, "{terms:?}");
        }
    }

    #[test]
    fn it_ends_when_it_is_told_and_weighs_what_was_folded() {
        let (_folder, files) = log();
        let tally = query(&files, &Terms::default(), |_| ControlFlow::Break(())).unwrap();
        assert_eq!(tally.found, 1);
        let mut weights = Vec::new();
        let terms = Terms { fields: vec![("kind", vec!["folded".to_owned()])], ..Terms::default() };
        query(&files, &terms, |found| {
            weights.push((found.weight(), found.text("day"), found.text("hour"), found.text("event"), found.text("seq")));
            ControlFlow::Continue(())
        })
        .unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(weights, [(7, text("2026-01-04"), text("2026-01-04T10h"), None, text("4"))]);
        assert!(query(&[PathBuf::from("/nowhere")], &terms, |_| ControlFlow::Continue(())).is_err());
    }
}
