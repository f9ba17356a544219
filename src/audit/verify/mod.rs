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
//! What a chain cannot tell: whether lines before its first one existed (`first_seq` says where it begins), and, without a head,
//! whether its last lines were changed or cut (`tail_proven`).

use std::path::{Path, PathBuf};

use super::chain::{Hash, Head};
use super::error::AuditError;
use super::sink::head::load;

mod units;
mod walk;

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
        }
    }
}

/// Checks the chain over files, which may be given in any order.
pub fn verify_files(files: &[PathBuf], anchor: Option<Anchor>) -> Result<Report, AuditError> {
    let files = units::in_order(files)?;
    let mut report = walk::Walk::new(units::Units::new(files.clone()), anchor).run()?;
    if report.lines == 0 && anchor.is_some_and(|anchor| anchor.hash != Head::GENESIS.hash) {
        // Not one record is left of a chain that has a head.
        let everything = files.first().map(|file| Problem { file: file.clone(), line: 1, kind: ProblemKind::Removed });
        report.problem = report.problem.or(everything);
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
