//! Files as a stream of records and of regions that are none.
//!
//! Invariants: a line is hashed as it is read and only its first bytes are kept, so no line is too long; lines that are no
//! records and follow one another are one region, hashed with the newlines between them.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::audit::chain::{Hash, Link};
use crate::audit::checkpoint::{Mark, PublicKey, mark};
use crate::audit::error::AuditError;
use crate::audit::open::open;

/// No record is longer.
const LINE_BYTES: usize = 64 << 10;
/// How many lines are looked at to tell where in the chain a file belongs.
const LINES_TO_ORDER: u64 = 64;

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: u64,
}

/// A line that is a record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) place: Place,
    pub(super) link: Link,
    pub(super) hash: Hash,
    pub(super) mark: Mark,
}

/// Lines that are none.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) place: Place,
    pub(super) hash: Hash,
    pub(super) terminated: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Unit {
    Record(Record),
    Region(Region),
}

/// The units of several files, one after the other.
pub(super) struct Units {
    files: VecDeque<PathBuf>,
    keys: Arc<[PublicKey]>,
    lines: Option<Lines>,
    /// A record that ended a region.
    next: Option<Record>,
}

impl Units {
    pub(super) fn new(files: Vec<PathBuf>, keys: Arc<[PublicKey]>) -> Self {
        Self { files: files.into(), keys, lines: None, next: None }
    }

    pub(super) fn next(&mut self) -> Result<Option<Unit>, AuditError> {
        if let Some(record) = self.next.take() {
            return Ok(Some(Unit::Record(record)));
        }
        let mut region: Option<(Place, Sha256, bool)> = None;
        while let Some(line) = self.next_line(region.as_ref().map(|(_, hasher, _)| hasher))? {
            if let Some(record) = line.record {
                self.next = region.is_some().then(|| record.clone());
                return Ok(Some(region.map_or(Unit::Record(record), close)));
            }
            let place = region.map_or(line.place, |(place, ..)| place);
            region = Some((place, line.region, line.terminated));
        }
        Ok(region.map(close))
    }

    fn next_line(&mut self, region: Option<&Sha256>) -> Result<Option<LineRead>, AuditError> {
        loop {
            if self.lines.is_none() {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                self.lines = Some(Lines::open(path, Arc::clone(&self.keys))?);
            }
            if let Some(line) = self.lines.as_mut().map(|lines| lines.next(region)).transpose()?.flatten() {
                return Ok(Some(line));
            }
            self.lines = None;
        }
    }
}

fn close((place, hasher, terminated): (Place, Sha256, bool)) -> Unit {
    Unit::Region(Region { place, hash: hasher.finalize().into(), terminated })
}

/// One line, and the region it would be the end of.
struct LineRead {
    place: Place,
    record: Option<Record>,
    region: Sha256,
    terminated: bool,
}

struct Lines {
    path: PathBuf,
    keys: Arc<[PublicKey]>,
    reader: Box<dyn BufRead>,
    line: u64,
}

impl Lines {
    fn open(path: PathBuf, keys: Arc<[PublicKey]>) -> Result<Self, AuditError> {
        match open(&path) {
            Ok(reader) => Ok(Self { reader, keys, path, line: 0 }),
            Err(source) => Err(AuditError::Open { path, source }),
        }
    }

    fn next(&mut self, region: Option<&Sha256>) -> Result<Option<LineRead>, AuditError> {
        let mut raw = RawLine::after(region);
        let found = raw.read(&mut self.reader).map_err(|source| AuditError::Read { path: self.path.clone(), source })?;
        if !found {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        let place = Place { file: self.path.clone(), line: self.line };
        let hash = raw.own.clone().finalize().into();
        let link = if raw.whole { Link::parse(&raw.start) } else { None };
        let mark = || mark(&raw.start, &self.keys);
        let record = link.map(|link| Record { place: place.clone(), link, hash, mark: mark() });
        Ok(Some(LineRead { place, record, region: raw.region.unwrap_or(raw.own), terminated: raw.terminated }))
    }
}

/// A line as it is read.
struct RawLine {
    start: Vec<u8>,
    whole: bool,
    terminated: bool,
    own: Sha256,
    region: Option<Sha256>,
}

impl RawLine {
    fn after(region: Option<&Sha256>) -> Self {
        let region = region.map(|hasher| hasher.clone().chain_update(b"\n"));
        Self { start: Vec::new(), whole: true, terminated: false, own: Sha256::new(), region }
    }

    /// Answers whether there was one.
    fn read(&mut self, reader: &mut impl BufRead) -> io::Result<bool> {
        let mut found = false;
        while !self.terminated {
            let buffer = reader.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            found = true;
            let end = memchr::memchr(b'\n', buffer);
            self.terminated = end.is_some();
            let content = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            self.take(content);
            let consumed = content.len().saturating_add(usize::from(end.is_some()));
            reader.consume(consumed);
        }
        Ok(found)
    }

    fn take(&mut self, content: &[u8]) {
        self.own.update(content);
        if let Some(region) = &mut self.region {
            region.update(content);
        }
        if self.start.len().saturating_add(content.len()) > LINE_BYTES {
            self.whole = false;
        } else {
            self.start.extend_from_slice(content);
        }
    }
}

/// The files in the order of the chain. Empty ones are left out; one without records stays where it was put, at the end.
pub(super) fn in_order(files: &[PathBuf]) -> Result<Vec<PathBuf>, AuditError> {
    let mut placed = Vec::with_capacity(files.len());
    for path in files {
        placed.push((first_seq(path)?, path.clone()));
    }
    placed.sort_by_key(|(seq, _)| *seq);
    Ok(placed.into_iter().map(|(_, path)| path).collect())
}

fn first_seq(path: &Path) -> Result<u64, AuditError> {
    let mut lines = Lines::open(path.to_owned(), Arc::default())?;
    for index in 0..LINES_TO_ORDER {
        let Some(line) = lines.next(None)? else { break };
        if let Some(record) = line.record {
            return Ok(record.link.seq.saturating_sub(index));
        }
    }
    Ok(u64::MAX)
}
