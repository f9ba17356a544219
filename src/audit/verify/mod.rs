//! The check of a chain over its files.
//!
//! Owns: which line is named, and what is said of it. Files are read line by line; memory does not grow with them.
//!
//! Rules, for the first line that does not follow the one before it:
//! 1. The line after it fits where it stands: it was *added* — or *moved* there, if its own place is empty.
//! 2. It has the right number but another `prev`: the line before it was *changed* if this one is intact, else this one was. A
//!    line is intact when the next one, or the head, knows its hash.
//! 3. It has the right `prev` but another number: it was *changed*.
//! 4. Its number is too high: what is missing was *moved* if it stands further on, else *removed*.
//! 5. Its number was there before: it was *added*.
//! 6. A line that is no record was *changed* or *added*, unless a `start` record closes it (see [`super::chain`]); at the very
//!    end and without a newline it is *torn*.
//!
//! 7. With keys, a checkpoint that none of them signed is *forged*; a log without any checkpoint, or one that is to be closed
//!    and does not end in a closing checkpoint, is *unproven* from the line after its last checkpoint on.
//!
//! What a chain cannot tell: whether lines before its first one existed (`first_seq` says where it begins), and, without a head,
//! whether its last lines were changed or cut (`tail_proven`). What keys cannot tell without a head: whether the log was cut
//! right behind a checkpoint — with the demand that it be closed, right behind the last line of an earlier run. What a head
//! cannot tell without keys: whether lines were added behind it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chain::{Hash, Head};
use super::checkpoint::PublicKey;
use super::error::AuditError;
use super::sink::head::load;

mod units;
mod walk;

use units::Place;

/// What is known of the chain's end from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The number of the record, where it is known.
    pub seq: Option<u64>,
    /// The hash of its line.
    pub hash: Hash,
}

impl Anchor {
    /// The head that the gateway remembers in its state directory; `None` where there is none.
    pub fn from_state_dir(state_dir: &Path) -> Result<Option<Self>, AuditError> {
        Ok(load(state_dir)?.map(Self::from))
    }
}

impl From<Head> for Anchor {
    fn from(head: Head) -> Self {
        Self { seq: Some(head.seq), hash: head.hash }
    }
}

/// What the check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many records follow one another, up to the problem if there is one.
    pub lines: u64,
    /// The number of the first of them.
    pub first_seq: Option<u64>,
    /// The number of the last of them.
    pub last_seq: Option<u64>,
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
    /// Whether the chain reaches the head that was given. What comes after that head is chained, but could be cut unseen.
    pub tail_proven: bool,
    /// The last checkpoint that a key signed; everything up to it is proven.
    pub sealed: Option<Sealed>,
    /// Where the last record stands.
    end: Option<Place>,
}

impl Report {
    /// How many records at the end no checkpoint covers.
    #[must_use]
    pub fn unsealed(&self) -> u64 {
        let sealed = self.sealed.map_or(0, |sealed| sealed.seq);
        let first = self.first_seq.map_or(0, |first| first.saturating_sub(1));
        self.last_seq.map_or(0, |last| last.saturating_sub(sealed.max(first)))
    }

    /// What is demanded of a log for which there are keys, and is not so.
    fn demand(&self, closed: bool) -> Option<Problem> {
        let is_closed = self.unsealed() == 0 && self.sealed.is_some_and(|sealed| sealed.closing);
        if self.sealed.is_some() && (is_closed || !closed) {
            return None;
        }
        let end = self.end.as_ref()?;
        let back = self.unsealed().saturating_sub(1);
        // The first line that nothing covers, if it stands in the last file.
        let line = if self.unsealed() == 0 { end.line.saturating_add(1) } else { end.line.saturating_sub(back).max(1) };
        Some(Problem { file: end.file.clone(), line, kind: ProblemKind::Unproven })
    }
}

/// A checkpoint that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its number.
    pub seq: u64,
    /// Whether it closed a run.
    pub closing: bool,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In which file.
    pub file: PathBuf,
    /// At which line, from 1.
    pub line: u64,
    /// What happened there.
    pub kind: ProblemKind,
}

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Its text is not what was written.
    Changed,
    /// Records are missing before it.
    Removed,
    /// It was not written there.
    Added,
    /// It, or what should stand here, was written elsewhere.
    Moved,
    /// It ends in the middle: a crash, or a write under way.
    Torn,
    /// It says that it is a checkpoint, and none of the keys signed it.
    Forged,
    /// From here on no checkpoint covers what stands there, and one was demanded.
    Unproven,
}

impl ProblemKind {
    /// The word for reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Moved => "moved",
            Self::Torn => "torn",
            Self::Forged => "forged",
            Self::Unproven => "unproven",
        }
    }
}

/// Files in the order of the chain, whatever the order they are given in.
pub fn in_order(files: &[PathBuf]) -> Result<Vec<PathBuf>, AuditError> {
    units::in_order(files)
}

/// Checks the chain over files, which may be given in any order.
pub fn verify_files(files: &[PathBuf], anchor: Option<Anchor>) -> Result<Report, AuditError> {
    verify_signed(files, anchor, &[], false)
}

/// The same with keys: checkpoints are demanded, and where `closed`, that the log ends in a closing one.
pub fn verify_signed(files: &[PathBuf], anchor: Option<Anchor>, keys: &[PublicKey], closed: bool) -> Result<Report, AuditError> {
    let files = units::in_order(files)?;
    let units = units::Units::new(files.clone(), Arc::from(keys));
    let mut report = walk::Walk::new(units, anchor).run()?;
    if report.lines == 0 && anchor.is_some_and(|anchor| anchor.hash != Head::GENESIS.hash) {
        // Not one record is left of a chain that has a head.
        let everything = files.first().map(|file| Problem { file: file.clone(), line: 1, kind: ProblemKind::Removed });
        report.problem = report.problem.or(everything);
    }
    if !keys.is_empty() && report.problem.is_none() {
        let nothing = files.first().map(|file| Problem { file: file.clone(), line: 1, kind: ProblemKind::Unproven });
        report.problem = if report.lines == 0 { nothing } else { report.demand(closed) };
    }
    Ok(report)
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod tests;
