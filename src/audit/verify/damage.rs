//! A thousand random damages to a signed log: which of them the key notices, which the head, and that both together notice all.
//!
//! The log is of two runs of a gateway: each ends in `stop` and a closing checkpoint, with interval checkpoints between. The
//! one who damages it may change, cut, move, copy and add lines, and may chain everything anew; the key he has not.

use std::fs;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::audit::checkpoint::{Purpose, Signer};
use crate::audit::record::Entry;
use crate::audit::record::tests::accepted;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;

/// The lines of each run before its end.
const RUN: usize = 12;

#[derive(Clone, Debug)]
enum Damage {
    /// One byte of the file is another.
    Flip(Index, u8),
    /// Lines are gone from inside.
    Remove(Index, Index),
    /// A line stands twice.
    Copy(Index, Index),
    /// Two lines changed places.
    Swap(Index, Index),
    /// The end is gone, from any byte on.
    Cut(Index),
    /// The end is gone right behind a checkpoint.
    CutAtCheckpoint(Index),
    /// Lines were added at the end, chained as they must be.
    Extend(u8),
    /// A line was changed and everything after it chained anew; checkpoints keep signatures that no longer fit.
    Rewrite(Index),
    /// The same without the checkpoints, from that line on.
    RewriteBare(Index),
    /// The same with checkpoints of another key.
    Resign(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 1..=255_u8).prop_map(|(at, flip)| Damage::Flip(at, flip)),
        (place(), place()).prop_map(|(at, count)| Damage::Remove(at, count)),
        (place(), place()).prop_map(|(from, to)| Damage::Copy(from, to)),
        (place(), place()).prop_map(|(one, other)| Damage::Swap(one, other)),
        place().prop_map(Damage::Cut),
        place().prop_map(Damage::CutAtCheckpoint),
        (1..5_u8).prop_map(Damage::Extend),
        place().prop_map(Damage::Rewrite),
        place().prop_map(Damage::RewriteBare),
        place().prop_map(Damage::Resign),
    ]
}

fn signer(byte: u8) -> Arc<Signer> {
    Arc::new(Signer::parse(&SecretBytes::new(HEXLOWER.encode(&[byte; 32]).into_bytes())).unwrap())
}

fn entries(key: u8) -> Vec<Entry> {
    let at = UnixTime::from_seconds(1_767_225_600);
    let checkpoint = |purpose| Entry::Checkpoint(at, signer(key), purpose);
    let mut entries = Vec::new();
    for _ in 0..2 {
        entries.push(Entry::Start(at, None));
        for index in 0..RUN {
            entries.push(Entry::Request(Box::new(accepted())));
            if index % 4 == 3 {
                entries.push(checkpoint(Purpose::Interval));
            }
        }
        entries.extend([Entry::Stop(at), checkpoint(Purpose::Stop)]);
    }
    entries
}

fn chained(mut head: Head, entries: &[Entry]) -> (Vec<String>, Head) {
    let mut lines = Vec::new();
    for entry in entries {
        let mut line = String::new();
        entry.write(head, &mut line);
        head = head.after(line.as_bytes());
        lines.push(line);
    }
    (lines, head)
}

fn joined(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().into_bytes()
}

/// Chains lines anew from a place on, by their text alone: what a checkpoint says of itself stays.
fn rechained(lines: &[String], from: usize) -> Vec<String> {
    let mut head = Head::GENESIS;
    let mut anew = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut line = line.clone();
        if index >= from {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            line = line.replace(value["prev"].as_str().unwrap(), &head.hex());
            line = line.replace(&format!("\"seq\":{}", value["seq"]), &format!("\"seq\":{}", head.next_seq()));
        }
        head = head.after(line.as_bytes());
        anew.push(line);
    }
    anew
}

fn changed(line: &str) -> String {
    line.replacen("\"ts\":\"2", "\"ts\":\"3", 1)
}

fn is_checkpoint(line: &str) -> bool {
    line.contains("\"kind\":\"checkpoint\"")
}

/// The damaged file, or none where the damage came to nothing.
fn done(damage: &Damage, lines: &[String], head: Head) -> Option<Vec<u8>> {
    let whole = joined(lines);
    let mut left = lines.to_vec();
    let bytes = match damage {
        Damage::Flip(at, flip) => {
            let mut bytes = whole.clone();
            bytes[at.index(whole.len())] ^= flip;
            bytes
        }
        Damage::Remove(at, count) => {
            // Not from the front: older files may be gone, and `first_seq` says so.
            let from = 1 + at.index(lines.len() - 1);
            let count = 1 + count.index(lines.len() - from);
            left.drain(from..from + count);
            joined(&left)
        }
        Damage::Copy(from, to) => {
            left.insert(1 + to.index(lines.len()), lines[from.index(lines.len())].clone());
            joined(&left)
        }
        Damage::Swap(one, other) => {
            left.swap(one.index(lines.len()), other.index(lines.len()));
            joined(&left)
        }
        Damage::Cut(at) => whole[..at.index(whole.len())].to_vec(),
        Damage::CutAtCheckpoint(at) => {
            let ends: Vec<usize> = (1..lines.len()).filter(|end| is_checkpoint(&lines[end - 1])).collect();
            joined(&lines[..ends[at.index(ends.len())]])
        }
        Damage::Extend(count) => {
            let more = vec![Entry::Request(Box::new(accepted())); usize::from(*count)];
            left.extend(chained(head, &more).0);
            joined(&left)
        }
        Damage::Rewrite(at) => {
            let at = at.index(lines.len());
            left[at] = changed(&left[at]);
            joined(&rechained(&left, at))
        }
        Damage::RewriteBare(at) => {
            let at = at.index(lines.len());
            let mut bare = left[..at].to_vec();
            bare.push(changed(&left[at]));
            bare.extend(left[at + 1..].iter().filter(|line| !is_checkpoint(line)).cloned());
            bare[at] = bare[at].replace("checkpoint", "request");
            joined(&rechained(&bare, at))
        }
        Damage::Resign(at) => {
            let at = at.index(lines.len());
            let honest = chained(Head::GENESIS, &entries(KEY)[..at]);
            let mut resigned = honest.0;
            resigned.extend(chained(honest.1, &entries(KEY + 1)[at..]).0);
            joined(&resigned)
        }
    };
    // A last line without its newline is the same log.
    (bytes != whole && bytes != whole[..whole.len() - 1]).then_some(bytes)
}

const KEY: u8 = 7;

struct Found {
    by_key: bool,
    by_head: bool,
    by_both: bool,
}

fn found(content: &[u8], head: Head) -> Found {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let keys = [signer(KEY).public_key()];
    let caught = |anchor, keys: &[PublicKey]| {
        let report = verify_signed(&[file.path().to_owned()], anchor, keys, !keys.is_empty()).unwrap();
        report.problem.is_some()
    };
    Found { by_key: caught(None, &keys), by_head: caught(Some(head.into()), &[]), by_both: caught(Some(head.into()), &keys) }
}

#[test]
fn the_whole_log_is_sound_every_way() {
    let (lines, head) = chained(Head::GENESIS, &entries(KEY));
    let Found { by_key, by_head, by_both } = found(&joined(&lines), head);
    assert!(!by_key && !by_head && !by_both);
}

#[test]
fn a_live_log_is_proven_up_to_its_last_checkpoint_and_says_so() {
    let (lines, _) = chained(Head::GENESIS, &entries(KEY)[..8]);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), joined(&lines)).unwrap();
    let keys = [signer(KEY).public_key()];
    let files = [file.path().to_owned()];
    let report = verify_signed(&files, None, &keys, false).unwrap();
    assert_eq!((report.problem.clone(), report.sealed, report.unsealed()), (None, Some(Sealed { seq: 6, closing: false }), 2));
    let closed = verify_signed(&files, None, &keys, true).unwrap().problem.unwrap();
    assert_eq!((closed.line, closed.kind.code()), (7, "unproven"));
    // What no key can tell: a live log that was cut right behind a checkpoint is a younger live log.
    fs::write(file.path(), joined(&lines[..6])).unwrap();
    assert_eq!(verify_signed(&files, None, &keys, false).unwrap().problem, None);
    let other = verify_signed(&files, None, &[signer(KEY + 1).public_key()], false).unwrap().problem.unwrap();
    assert_eq!((other.line, other.kind.code()), (6, "forged"));
    fs::write(file.path(), joined(&lines[..4])).unwrap();
    assert_eq!(verify_signed(&files, None, &keys, false).unwrap().problem.unwrap().kind, ProblemKind::Unproven);
    fs::write(file.path(), "").unwrap();
    assert!(verify_signed(&files, None, &keys, false).unwrap().problem.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_one_of_a_thousand_damages_is_caught(damage in damage()) {
        let (lines, head) = chained(Head::GENESIS, &entries(KEY));
        let content = done(&damage, &lines, head);
        prop_assume!(content.is_some());
        let content = content.unwrap();
        let Found { by_key, by_head, by_both } = found(&content, head);
        // The end of the first run is a whole log, only an older one: its last checkpoint closes it.
        let first_run = joined(&lines[..lines.len() / 2]);
        prop_assert_eq!(by_key, content != first_run, "by the key alone: {:?}", damage);
        // The head knows nothing of what is chained to it.
        let added_behind = matches!(damage, Damage::Extend(_));
        prop_assert_eq!(by_head, !added_behind, "by the head alone: {:?}", damage);
        prop_assert!(by_both, "by both: {:?}", damage);
    }
}
