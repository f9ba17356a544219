//! Reads the audit log as anybody could, and checks its chain without asking the product.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Record(Value);

impl Record {
    pub(crate) fn get(&self, key: &str) -> &Value {
        &self.0[key]
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or_else(|| panic!("{key} is no number in {}", self.0))
    }

    pub(crate) fn kind(&self) -> &str {
        self.text("kind")
    }

    pub(crate) fn reason(&self) -> &str {
        self.text("reason")
    }

    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.0[key].is_null()
    }
}

/// The log of one gateway, its chain proven.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) records: Vec<Record>,
}

impl Ledger {
    /// Parses the whole text and proves the chain.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        let ledger = Self { records: parse(text) };
        prove(text);
        ledger
    }

    /// The records of requests.
    pub(crate) fn requests(&self) -> Vec<&Record> {
        self.records.iter().filter(|record| record.kind() == "request").collect()
    }

    /// How many decisions of each reason there were, folded ones among them.
    pub(crate) fn decisions(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for record in &self.records {
            match record.kind() {
                "request" => *counts.entry(record.reason().to_owned()).or_default() += 1,
                "folded" => *counts.entry(record.reason().to_owned()).or_default() += record.number("count"),
                _ => {}
            }
        }
        counts
    }

    /// Reason and status of every request, in the order of the log.
    pub(crate) fn outcomes(&self) -> Vec<(String, u64)> {
        self.requests().iter().map(|record| (record.reason().to_owned(), record.number("status"))).collect()
    }

    /// Asserts that these requests and no others were recorded, whatever their order.
    #[track_caller]
    pub(crate) fn holds_exactly(&self, expected: &[(&str, u64)]) {
        let mut expected = expected.iter().map(|(reason, status)| ((*reason).to_owned(), *status)).collect::<Vec<_>>();
        let mut outcomes = self.outcomes();
        expected.sort();
        outcomes.sort();
        assert_eq!(outcomes, expected);
    }

    /// The one record of a request.
    #[track_caller]
    pub(crate) fn of(&self, request_id: &str) -> &Record {
        let found = self.requests().into_iter().filter(|record| record.text("request_id") == request_id).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "exactly one record of {request_id}");
        found[0]
    }

    /// The one request that ended for a reason.
    #[track_caller]
    pub(crate) fn only(&self, reason: &str) -> &Record {
        let found = self.requests().into_iter().filter(|record| record.reason() == reason).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "exactly one {reason} in {:?}", self.outcomes());
        found[0]
    }
}

/// The records of a log that may still be written to.
#[track_caller]
pub(crate) fn parse(text: &str) -> Vec<Record> {
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let record = |line: &str| Record(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    whole.lines().map(record).collect()
}

/// Proves the chain: numbers without a gap, each line holding the hash of the one before.
#[track_caller]
pub(crate) fn prove(text: &str) {
    let mut previous = "0".repeat(64);
    for (index, line) in text.lines().enumerate() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(record["seq"].as_u64(), Some(index as u64 + 1), "{line}");
        assert_eq!(record["prev"].as_str(), Some(previous.as_str()), "line {}: {line}", index + 1);
        previous = HEXLOWER.encode(&Sha256::digest(line));
    }
}
