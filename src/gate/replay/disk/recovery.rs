//! What was written before: read back into the index, and tidied up.
//!
//! 1. Deliveries that were allowed again are read first; they void what segments before theirs say.
//! 2. What is over by the wall is not remembered, but timed entries raise the mark of what was forgotten.
//! 3. Segments from before are never appended to. Several of one slot, or one that is torn or ruined, are written anew as one;
//!    the old ones go only after the new one is durable. Where that fails they stay, and nothing is lost.
//! 4. Nothing is written anew before the history says what was found: a crash in between must not make a ruined store look whole.
//! 5. A segment that is whole is synced once: its last process may have been killed before it was.

use std::collections::HashMap;
use std::io;

use super::catalogue::Catalogue;
use super::cell::Cell;
use super::error::DiskError;
use super::folder::Folder;
use super::name::{SegmentName, Slot};
use super::segment::{self, Findings, Segment};
use crate::domain::time::Now;
use crate::gate::replay::memory::{JournalEntry, MemoryStore};

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovered {
    /// Segments read.
    pub(super) segments: usize,
    /// Deliveries remembered again.
    pub(super) remembered: u64,
    /// Records that were wrong, and what that means: see [`segment`].
    pub(super) ruined: u64,
    pub(super) torn: u64,
}

/// Where everything is read from and remembered in.
pub(super) struct Recovery<'a> {
    pub(super) folder: &'a Folder,
    pub(super) catalogue: &'a Catalogue,
    pub(super) memory: &'a MemoryStore,
    pub(super) now: Now,
}

/// For a half of an identity: the number of the first segment that counts again.
type Voided = HashMap<[u8; 16], u64>;

/// What is left to be done once the history is written down.
#[derive(Debug, Default)]
pub(super) struct Untidy {
    slots: Vec<(Vec<SegmentName>, bool)>,
    voided: Voided,
}

impl Recovery<'_> {
    /// Reads everything back, and changes nothing.
    pub(super) fn run(&self) -> Result<(Recovered, Untidy), DiskError> {
        let names = self.folder.segments()?;
        self.catalogue.number_after(names.iter().map(|name| name.number).max().unwrap_or(0));
        let (mut recovered, mut untidy) = (Recovered { segments: names.len(), ..Recovered::default() }, Untidy::default());
        for slot in names.chunk_by(|one, next| one.slot == next.slot) {
            let mut found = Findings::default();
            for name in slot {
                let (findings, remembered) = self.read(name, &mut untidy.voided)?;
                (found.ruined, found.torn) = (found.ruined + findings.ruined, found.torn + findings.torn);
                recovered.remembered += remembered;
            }
            (recovered.ruined, recovered.torn) = (recovered.ruined + found.ruined, recovered.torn + found.torn);
            let is_whole = slot.len() == 1 && found.ruined == 0 && found.torn == 0;
            untidy.slots.push((slot.to_vec(), is_whole));
        }
        Ok((recovered, untidy))
    }

    /// Puts together what belongs together, and makes all of it durable.
    pub(super) fn tidy_all(&self, untidy: &Untidy) -> Result<(), DiskError> {
        untidy.slots.iter().try_for_each(|(slot, is_whole)| self.tidy(slot, *is_whole, &untidy.voided))
    }

    /// Reads a segment; how many deliveries it has that are news.
    fn read(&self, name: &SegmentName, voided: &mut Voided) -> Result<(Findings, u64), DiskError> {
        let path = || self.folder.path_of(&name.to_string());
        self.catalogue.add(*name, self.now);
        let (mut remembered, mut is_readable) = (0, true);
        let mut visit = |cell| match cell {
            Cell::First { .. } => is_readable = false,
            Cell::Settled(entry) if counts(&entry, name, voided) => remembered += u64::from(self.restore(&entry, name)),
            Cell::Settled(_) => {}
            Cell::Forgotten { half, before, .. } => {
                let known = voided.entry(half).or_default();
                *known = before.max(*known);
            }
        };
        let findings = segment::read(self.folder, name, &mut visit);
        let findings = findings.map_err(|source| DiskError::Read { path: path(), source })?;
        if is_readable { Ok((findings, remembered)) } else { Err(DiskError::Version { path: path() }) }
    }

    /// Remembers one again; whether it is news.
    fn restore(&self, entry: &JournalEntry, name: &SegmentName) -> bool {
        if entry.is_timed {
            self.catalogue.appends(name, Some(entry.second), self.now);
        }
        let is_over = i64::from(entry.second) <= self.now.wall.seconds() && entry.second != u32::MAX;
        if is_over && entry.is_timed {
            self.memory.raise_forgotten(entry.second);
        }
        !is_over && self.memory.restore(entry, self.now)
    }

    /// Whatever becomes of a slot, what was read from it is answered for from now on: so it is durable, or there is no start.
    fn tidy(&self, slot: &[SegmentName], is_whole: bool, voided: &Voided) -> Result<(), DiskError> {
        let rewritten = if is_whole { Ok(()) } else { self.rewrite(slot, voided) };
        if let Err(error) = &rewritten {
            tracing::warn!(%error, "segments of the replay store cannot be put together; they stay as they are");
        }
        if is_whole || rewritten.is_err() {
            slot.iter().try_for_each(|name| self.sync(name))?;
        }
        Ok(())
    }

    /// Of a segment that is gone nothing can be lost: a rewrite that failed half way had made its place durable elsewhere.
    fn sync(&self, name: &SegmentName) -> Result<(), DiskError> {
        let synced = match self.folder.read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened.and_then(|file| self.folder.sync(&file)),
        };
        synced.map_err(|source| DiskError::Write { path: self.folder.path_of(&name.to_string()), source })
    }

    /// Writes a slot's segments anew as one, then drops them.
    fn rewrite(&self, slot: &[SegmentName], voided: &Voided) -> io::Result<()> {
        let Some(first) = slot.first() else { return Ok(()) };
        let mut gathered = Gathered { recovery: self, slot: first.slot, segment: None, cells: Vec::new(), written: Ok(()) };
        for name in slot {
            let mut visit = |cell| match cell {
                Cell::Settled(entry) if !counts(&entry, name, voided) => {}
                cell => gathered.take(cell),
            };
            segment::read(self.folder, name, &mut visit)?;
        }
        gathered.finish()?;
        for name in slot {
            self.folder.remove(name)?;
            self.catalogue.remove(name);
        }
        Ok(())
    }
}

fn counts(entry: &JournalEntry, name: &SegmentName, voided: &Voided) -> bool {
    voided.get(&entry.half).is_none_or(|before| name.number >= *before)
}

/// The segment that a slot is gathered in.
struct Gathered<'a> {
    recovery: &'a Recovery<'a>,
    slot: Slot,
    segment: Option<Segment>,
    cells: Vec<Cell>,
    written: io::Result<()>,
}

impl Gathered<'_> {
    fn take(&mut self, cell: Cell) {
        self.cells.push(cell);
        if self.cells.len() >= CELLS_AT_ONCE {
            self.write();
        }
    }

    fn write(&mut self) {
        if self.written.is_ok() {
            self.written = self.append();
        }
        self.cells.clear();
    }

    fn append(&mut self) -> io::Result<()> {
        let Recovery { folder, catalogue, now, .. } = self.recovery;
        let segment = if let Some(segment) = &mut self.segment {
            segment
        } else {
            let segment = Segment::create(folder, catalogue.name(self.slot))?;
            catalogue.add(segment.name, *now);
            self.segment.insert(segment)
        };
        catalogue.appends(&segment.name, self.cells.iter().filter_map(Cell::timed_until).max(), *now);
        segment.append(folder, &self.cells)
    }

    /// Makes what was gathered durable.
    fn finish(mut self) -> io::Result<()> {
        if !self.cells.is_empty() {
            self.write();
        }
        self.written?;
        self.segment.map_or(Ok(()), |mut segment| segment.sync(self.recovery.folder))
    }
}

const CELLS_AT_ONCE: usize = 32 * 1024;
