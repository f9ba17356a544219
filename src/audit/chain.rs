//! The hash chain. pure
//!
//! Rules:
//! 1. `seq` counts records from 1; `prev` is the hex SHA-256 of the line before, without its newline; the first has 64 zeros.
//! 2. After a crash the end of a file may be no record: the torn region, all bytes after the last whole record. It has no
//!    number. The `start` record that closes it has the region's hash in `prev` (without the region's last newline, with those
//!    inside it) and the last whole record's hash in `prev_record`, so that both are covered.
//! 3. The remembered head wins over a file that ends before it: the gap then stays visible for ever.

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The last record of a chain: its number and the hash of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 where there is none yet.
    pub seq: u64,
    /// The hash of its line.
    pub hash: Hash,
}

impl Head {
    /// The head of a chain without records.
    pub const GENESIS: Self = Self { seq: 0, hash: [0; 32] };

    /// The number of the record that comes next.
    #[must_use]
    pub const fn next_seq(self) -> u64 {
        self.seq.saturating_add(1)
    }

    /// The head once `line` is written after this one.
    #[must_use]
    pub fn after(self, line: &[u8]) -> Self {
        Self { seq: self.next_seq(), hash: Sha256::digest(line).into() }
    }

    /// The hash as the next record's `prev` has it.
    #[must_use]
    pub fn hex(self) -> String {
        HEXLOWER.encode(&self.hash)
    }

    /// As it is kept in the state directory.
    #[must_use]
    pub fn to_text(self) -> String {
        format!("{{\"seq\":{},\"hash\":\"{}\"}}\n", self.seq, self.hex())
    }

    /// Reads what [`Head::to_text`] wrote.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        Some(Self { seq: value.get("seq")?.as_u64()?, hash: hash_of(&value, "hash")? })
    }
}

/// What the chain needs to know of a line; `None` for a line that is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub seq: u64,
    /// What it says of the line before.
    pub prev: Hash,
    /// What a `start` record after a torn region says of the last whole record.
    pub prev_record: Option<Hash>,
}

impl Link {
    /// Reads a line.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        value.get("kind")?.as_str()?;
        let seq = value.get("seq")?.as_u64()?;
        Some(Self { seq, prev: hash_of(&value, "prev")?, prev_record: hash_of(&value, "prev_record") })
    }
}

/// Reads a hash as the chain writes it.
#[must_use]
pub fn parse_hash(text: &str) -> Option<Hash> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn hash_of(value: &Value, key: &str) -> Option<Hash> {
    parse_hash(value.get(key)?.as_str()?)
}

/// How a file ended when it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The last whole record.
    pub last: Option<Head>,
    /// The hash of the torn region after it.
    pub torn: Option<Hash>,
    /// Whether the file does not end in a newline.
    pub unterminated: bool,
}

/// What the first record of a new run is chained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The number to go on from, and what `prev` must be.
    pub head: Head,
    /// What is said of a crash, where there was one.
    pub recovery: Option<Recovery>,
    /// Whether the file ends before the remembered head, or otherwise than it.
    pub tail_cut: bool,
}

/// What a `start` record says of the crash before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The last whole record's hash, where a torn region follows it.
    pub prev_record: Option<Hash>,
}

/// Decides where the chain goes on, from the remembered head and the end of the file.
#[must_use]
pub fn resume(remembered: Option<Head>, tail: Tail) -> Resume {
    let file = tail.last.unwrap_or(Head::GENESIS);
    let remembered = remembered.unwrap_or(Head::GENESIS);
    let differs = remembered.seq > file.seq || (remembered.seq == file.seq && remembered.hash != file.hash);
    let base = if differs { remembered } else { file };
    let recovery = Recovery { prev_record: tail.torn.map(|_| base.hash) };
    Resume {
        head: tail.torn.map_or(base, |hash| Head { seq: base.seq, hash }),
        recovery: (tail.torn.is_some() || tail.unterminated).then_some(recovery),
        tail_cut: differs && tail.last.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn head(seq: u64, byte: u8) -> Head {
        Head { seq, hash: [byte; 32] }
    }

    #[test]
    fn the_first_record_has_number_one_and_zeros() {
        assert_eq!((Head::GENESIS.next_seq(), Head::GENESIS.hex()), (1, "0".repeat(64)));
        let after = Head::GENESIS.after(b"abc");
        assert_eq!(after.seq, 1);
        assert_eq!(after.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_head_survives_its_text_and_nothing_else_is_one() {
        let kept = head(u64::MAX, 0xab);
        assert_eq!(Head::from_text(kept.to_text().as_bytes()), Some(kept));
        for bad in ["", "{}", "{\"seq\":1}", "{\"seq\":-1,\"hash\":\"00\"}", "{\"seq\":1,\"hash\":\"zz\"}"] {
            assert_eq!(Head::from_text(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_chain_goes_on_from_the_later_of_file_and_memory() {
        let tail = |last| Tail { last, ..Tail::default() };
        let cases = [
            (None, tail(None), head(0, 0), false),
            (Some(head(5, 1)), tail(None), head(5, 1), false),
            (None, tail(Some(head(5, 1))), head(5, 1), false),
            (Some(head(4, 9)), tail(Some(head(5, 1))), head(5, 1), false),
            (Some(head(5, 1)), tail(Some(head(5, 1))), head(5, 1), false),
            (Some(head(5, 2)), tail(Some(head(5, 1))), head(5, 2), true),
            (Some(head(6, 1)), tail(Some(head(5, 1))), head(6, 1), true),
        ];
        for (remembered, tail, expected, tail_cut) in cases {
            assert_eq!(resume(remembered, tail), Resume { head: expected, recovery: None, tail_cut }, "{remembered:?} {tail:?}");
        }
    }

    #[test]
    fn a_torn_region_has_a_hash_and_no_number() {
        let tail = Tail { last: Some(head(5, 1)), torn: Some([7; 32]), unterminated: true };
        let resumed = resume(Some(head(4, 4)), tail);
        assert_eq!(resumed.head, head(5, 7));
        assert_eq!(resumed.recovery, Some(Recovery { prev_record: Some([1; 32]) }));
        let whole = Tail { last: Some(head(5, 1)), torn: None, unterminated: true };
        assert_eq!(resume(None, whole).recovery, Some(Recovery { prev_record: None }));
    }
}
