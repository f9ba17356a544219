//! One segment: appended to by one writer, read from its beginning.
//!
//! Reading:
//! 1. A record that is not right where it stands is passed over; the next is looked for where the next must be.
//! 2. What is not right after the last that is, is *torn*: a batch that a crash cut off. Nobody was told that it was durable.
//! 3. What is not right before it is *ruined*. It may be a batch that a power loss wrote out of order, but it may also have been a
//!    delivery that was acknowledged; the two cannot be told apart, so whoever reads must expect the worse.

use std::fs::File;
use std::io::{self, BufReader, Read};

use super::cell::{CELL_BYTES, Cell, VERSION};
use super::folder::Folder;
use super::name::SegmentName;

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: SegmentName,
    file: File,
    /// Records in it.
    cells: u64,
    /// Whether any record in it is durable.
    pub(super) is_relied_on: bool,
}

impl Segment {
    pub(super) fn create(folder: &Folder, name: SegmentName) -> io::Result<Self> {
        let file = folder.create(&name)?;
        Ok(Self { name, file, cells: 0, is_relied_on: false })
    }

    /// Hands records to the kernel. After an error the segment is not to be written to again.
    pub(super) fn append(&mut self, folder: &Folder, cells: &[Cell]) -> io::Result<()> {
        let first = (self.cells == 0).then_some(Cell::First { version: VERSION });
        let mut bytes = Vec::with_capacity(cells.len().saturating_add(1).saturating_mul(CELL_BYTES));
        for cell in first.iter().chain(cells) {
            bytes.extend_from_slice(&cell.encode(&self.name, self.cells));
            self.cells = self.cells.saturating_add(1);
        }
        folder.write(&self.file, &bytes)
    }

    /// Makes them durable. After an error the segment is not to be trusted again.
    pub(super) fn sync(&mut self, folder: &Folder) -> io::Result<()> {
        folder.sync(&self.file)?;
        self.is_relied_on = true;
        Ok(())
    }
}

/// What reading a segment found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Records that are right, without the first.
    pub(super) entries: u64,
    /// Records that are not, before one that is.
    pub(super) ruined: u64,
    /// Records that are not, after all that are; a part of one counts as one.
    pub(super) torn: u64,
}

/// Reads a segment's records in order.
pub(super) fn read(folder: &Folder, name: &SegmentName, visit: &mut dyn FnMut(Cell)) -> io::Result<Findings> {
    let mut reader = BufReader::with_capacity(READ_BYTES, folder.read(name)?);
    let mut findings = Findings::default();
    let mut bytes = [0; CELL_BYTES];
    for place in 0.. {
        match fill(&mut reader, &mut bytes)? {
            0 => break,
            CELL_BYTES => {}
            _part => {
                findings.torn = findings.torn.saturating_add(1);
                break;
            }
        }
        let Some(cell) = Cell::decode(name, place, &bytes) else {
            findings.torn = findings.torn.saturating_add(1);
            continue;
        };
        findings.ruined = findings.ruined.saturating_add(std::mem::take(&mut findings.torn));
        if !matches!(cell, Cell::First { version: VERSION }) {
            findings.entries = findings.entries.saturating_add(1);
            visit(cell);
        }
    }
    Ok(findings)
}

/// Reads a whole record, or what is left.
fn fill(reader: &mut impl Read, bytes: &mut [u8; CELL_BYTES]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

const READ_BYTES: usize = 1 << 20;
