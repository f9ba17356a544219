//! One settled delivery in words that outlive the process: what a journal writes down and reads back. Pure.

use super::ledger::ShareTag;

/// A settled delivery, as a journal keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gate::replay) struct JournalEntry {
    /// The half of its identity that the index knows.
    pub(in crate::gate::replay) half: [u8; 16],
    /// The second of the wall at which it is over.
    pub(in crate::gate::replay) second: u32,
    /// Whose place it has.
    pub(in crate::gate::replay) share: ShareTag,
    /// Whether it is over because no clock could accept it again, rather than because its window ended.
    pub(in crate::gate::replay) is_timed: bool,
}
