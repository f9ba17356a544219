//! The audit log's chain: whatever is done to the file, the head of the chain gives it away.

use std::fs;

use hookward::audit::chain::Head;
use hookward::audit::verify::{Anchor, verify_files};
use sha2::{Digest as _, Sha256};

use crate::campaign::run;

/// A chain of so many records and its head, written by hand from the contract.
fn chain(count: u64) -> (Vec<u8>, Head) {
    let mut text = String::new();
    let mut prev = [0; 32];
    for seq in 1..=count {
        let hex = data_encoding::HEXLOWER.encode(&prev);
        let line = format!(
            "{{\"ts\":\"2026-01-01T00:00:{seq:02}.000000Z\",\"seq\":{seq},\"prev\":\"{hex}\",\"kind\":\"request\",\"reason\":\"delivered\"}}"
        );
        prev = Sha256::digest(&line).into();
        text = text + &line + "\n";
    }
    (text.into_bytes(), Head { seq: count, hash: prev })
}

#[test]
fn changes_of_a_chain_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let (original, head) = chain(12);
    let lines: Vec<&[u8]> = original.split_inclusive(|byte| *byte == b'\n').collect();
    let words: Vec<&[u8]> = [&lines[..], &[b"\n", b"\"seq\":3", b"\"kind\":\"start\",", b"}\n{", b"\r"]].concat();
    run("audit", 1500, std::slice::from_ref(&original), &words, |input, _| {
        fs::write(&path, input).unwrap();
        let report = verify_files(std::slice::from_ref(&path), Some(Anchor::from(head))).unwrap();
        let is_whole = report.problem.is_none() && report.tail_proven && report.lines == 12;
        // The newline behind the last record is nobody's record.
        let is_original = input == original || Some(input) == original.strip_suffix(b"\n");
        assert_eq!(is_whole, is_original, "{report:?}");
    });
}
