//! The walk along a chain: each record against the one before, and the first fault named.
//!
//! Invariants: two units of look-ahead; the rest of the files is read again only to tell *moved* from *removed* and *added*.

use std::collections::VecDeque;

use crate::audit::chain::Head;
use crate::audit::checkpoint::Mark;
use crate::audit::error::AuditError;

use super::units::{Place, Record, Region, Unit, Units};
use super::{Anchor, Problem, ProblemKind, Report, Sealed};

pub(super) struct Walk {
    units: Units,
    ahead: VecDeque<Unit>,
    anchor: Option<Anchor>,
    /// The last record that follows, and where it stands.
    last: Option<(Head, Place)>,
    first_seq: Option<u64>,
    lines: u64,
    anchored: bool,
    sealed: Option<Sealed>,
}

impl Walk {
    pub(super) const fn new(units: Units, anchor: Option<Anchor>) -> Self {
        Self { units, ahead: VecDeque::new(), anchor, last: None, first_seq: None, lines: 0, anchored: false, sealed: None }
    }

    pub(super) fn run(mut self) -> Result<Report, AuditError> {
        let problem = match self.walk()? {
            Some(problem) => Some(problem),
            None => self.missing_tail(),
        };
        Ok(Report {
            lines: self.lines,
            first_seq: self.first_seq,
            last_seq: self.last.as_ref().map(|(head, _)| head.seq),
            tail_proven: problem.is_none() && self.anchored,
            sealed: self.sealed,
            end: self.last.map(|(_, place)| place),
            problem,
        })
    }

    fn walk(&mut self) -> Result<Option<Problem>, AuditError> {
        while let Some(unit) = self.take()? {
            let problem = match unit {
                Unit::Record(record) if self.follows(&record, None) => self.advance(record),
                Unit::Record(record) => Some(self.misfit(&record)?),
                Unit::Region(region) => self.region(&region)?,
            };
            if problem.is_some() {
                return Ok(problem);
            }
        }
        Ok(None)
    }

    fn take(&mut self) -> Result<Option<Unit>, AuditError> {
        match self.ahead.pop_front() {
            Some(unit) => Ok(Some(unit)),
            None => self.units.next(),
        }
    }

    fn peek(&mut self) -> Result<Option<Unit>, AuditError> {
        self.peek_at(0)
    }

    fn peek_at(&mut self, distance: usize) -> Result<Option<Unit>, AuditError> {
        while self.ahead.len() <= distance {
            let Some(unit) = self.units.next()? else { break };
            self.ahead.push_back(unit);
        }
        Ok(self.ahead.get(distance).cloned())
    }

    /// Whether a record stands where it was written: after the last one, or after a torn region that it closes.
    fn follows(&self, record: &Record, region: Option<&Region>) -> bool {
        let Some((last, _)) = &self.last else { return begins(record, region) };
        let linked = match region {
            None => record.link.prev == last.hash,
            Some(region) => record.link.prev == region.hash && record.link.prev_record == Some(last.hash),
        };
        linked && record.link.seq == last.next_seq()
    }

    /// Moves on; a problem only where the head knows this number with another hash.
    fn advance(&mut self, record: Record) -> Option<Problem> {
        self.lines = self.lines.saturating_add(1);
        self.first_seq = self.first_seq.or(Some(record.link.seq));
        let head = Head { seq: record.link.seq, hash: record.hash };
        let contradicts = self.anchor.is_some_and(|anchor| anchor.seq == Some(head.seq) && anchor.hash != head.hash);
        self.anchored |= self.anchor.is_some_and(|anchor| anchor.hash == head.hash && !contradicts);
        let forged = record.mark == Mark::Forged;
        if let Mark::Sound { closing } = record.mark {
            self.sealed = Some(Sealed { seq: head.seq, closing });
        }
        let kind = if contradicts { ProblemKind::Changed } else { ProblemKind::Forged };
        let problem = (contradicts || forged).then(|| problem(&record.place, kind));
        self.last = Some((head, record.place));
        problem
    }

    fn region(&mut self, region: &Region) -> Result<Option<Problem>, AuditError> {
        let kind = match self.peek()? {
            Some(Unit::Record(start)) if self.follows(&start, Some(region)) => {
                self.ahead.pop_front();
                return Ok(self.advance(start));
            }
            Some(Unit::Record(start)) if start.link.prev_record.is_some() => {
                self.ahead.pop_front();
                return self.misclosed(region, &start).map(Some);
            }
            Some(Unit::Record(next)) if self.last.is_some() && self.follows(&next, None) => ProblemKind::Added,
            None if !region.terminated => ProblemKind::Torn,
            _ => ProblemKind::Changed,
        };
        Ok(Some(problem(&region.place, kind)))
    }

    /// A region and the record that closes it do not belong together: one of the two was changed, or the record before both.
    fn misclosed(&mut self, region: &Region, start: &Record) -> Result<Problem, AuditError> {
        let intact = self.is_intact(start)?;
        let blamed = match &self.last {
            _ if !intact => &start.place,
            Some((_, last)) if start.link.prev == region.hash => last,
            _ => &region.place,
        };
        Ok(problem(blamed, ProblemKind::Changed))
    }

    fn misfit(&mut self, record: &Record) -> Result<Problem, AuditError> {
        let Some((last, last_place)) = self.last.clone() else {
            return Ok(problem(&record.place, ProblemKind::Changed));
        };
        let expected = last.next_seq();
        if let Some(Unit::Record(next)) = self.peek()?
            && self.follows(&next, None)
        {
            let kind = self.added_or_moved(record, expected)?;
            return Ok(problem(&record.place, kind));
        }
        if record.link.seq == expected {
            let blamed = if self.is_intact(record)? { &last_place } else { &record.place };
            return Ok(problem(blamed, ProblemKind::Changed));
        }
        let kind = if record.link.prev == last.hash {
            ProblemKind::Changed
        } else if record.link.seq < expected {
            self.behind(record.link.seq)
        } else if self.stands_further_on(|later| later.link.seq == expected)? {
            ProblemKind::Moved
        } else {
            ProblemKind::Removed
        };
        Ok(problem(&record.place, kind))
    }

    /// The line after `record` fits instead of it. Its own place is empty if the chain reaches it and no other stands there.
    fn added_or_moved(&mut self, record: &Record, expected: u64) -> Result<ProblemKind, AuditError> {
        let seq = record.link.seq;
        if seq < expected {
            return Ok(self.behind(seq));
        }
        let mut end = expected;
        let stands_twice = self.stands_further_on(|later| {
            end = end.max(later.link.seq);
            later.link.seq == seq
        })?;
        Ok(if stands_twice || seq > end.saturating_add(1) { ProblemKind::Added } else { ProblemKind::Moved })
    }

    /// A number that was passed stands twice; one from before the first record belongs there.
    fn behind(&self, seq: u64) -> ProblemKind {
        if self.first_seq.is_some_and(|first| seq < first) { ProblemKind::Moved } else { ProblemKind::Added }
    }

    /// Whether what comes after a record, across a torn region if need be, knows its hash.
    fn is_intact(&mut self, record: &Record) -> Result<bool, AuditError> {
        let after = match self.peek()? {
            Some(Unit::Region(_)) => self.peek_at(1)?,
            next => next,
        };
        Ok(match after {
            Some(Unit::Record(next)) => next.link.prev == record.hash || next.link.prev_record == Some(record.hash),
            Some(Unit::Region(_)) => false,
            None => self.anchor.is_none_or(|anchor| anchor.hash == record.hash),
        })
    }

    fn stands_further_on(&mut self, mut is_it: impl FnMut(&Record) -> bool) -> Result<bool, AuditError> {
        while let Some(unit) = self.take()? {
            if matches!(&unit, Unit::Record(record) if is_it(record)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The chain holds as far as it goes; the head may know that it went further.
    fn missing_tail(&self) -> Option<Problem> {
        let anchor = self.anchor.filter(|_| !self.anchored)?;
        let (last, place) = self.last.as_ref()?;
        let is_behind = anchor.seq.is_some_and(|seq| seq < last.seq);
        let after = Place { file: place.file.clone(), line: place.line.saturating_add(1) };
        (!is_behind).then(|| problem(&after, ProblemKind::Removed))
    }
}

/// Whether a chain can begin with this record. Older files may be gone, so it need not be the first one; but only the first one
/// follows nothing.
fn begins(record: &Record, region: Option<&Region>) -> bool {
    let genesis = Head::GENESIS.hash;
    match (record.link.seq, region) {
        (0, _) => false,
        (1, None) => record.link.prev == genesis,
        (1, Some(region)) => record.link.prev == region.hash && record.link.prev_record == Some(genesis),
        (_, None) => record.link.prev != genesis,
        (_, Some(region)) => record.link.prev == region.hash && record.link.prev_record.is_some_and(|before| before != genesis),
    }
}

fn problem(place: &Place, kind: ProblemKind) -> Problem {
    Problem { file: place.file.clone(), line: place.line, kind }
}
