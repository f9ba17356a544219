//! Segments: which one an entry belongs to, and how they are named. Pure.
//!
//! 1. A segment holds what is over within one slot of time, so that it can be unlinked whole. Nothing long-lived ever stands
//!    among the short-lived, so no segment is mostly dead, and none needs rewriting while the gateway runs.
//! 2. Slots are as wide as a part of how long an entry has to go: at least a sixty-fourth, at most a quarter (or two minutes).
//!    That bounds the dead space, and the number of files to some 260 however long the windows are.
//! 3. Segments are numbered in the order of their making; the name says everything that reading one needs to know.

use std::fmt;

/// What a segment's records say, in the order in which they must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Deliveries that were allowed again.
    Forgotten,
    /// Deliveries that were taken.
    Settled,
}

/// A slot of time, and what is kept in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// Its width in seconds is this power of two.
    pub(super) exponent: u32,
    /// The second of the wall by which everything in it is over.
    pub(super) end: u32,
}

/// A segment's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) slot: Slot,
    pub(super) number: u64,
}

/// Two minutes, half an hour, nine hours, six days.
const EXPONENTS: [u32; 4] = [7, 11, 15, 19];
const SLOTS_AHEAD: u32 = 64;
const EXTENSION: &str = ".segment";

impl Slot {
    /// The slot of what is over at a second, seen from now.
    pub(super) fn of(kind: Kind, second: u32, now_second: i64) -> Self {
        let left = i64::from(second).saturating_sub(now_second);
        let fits = |exponent: &&u32| left <= i64::from(SLOTS_AHEAD << **exponent);
        let exponent = EXPONENTS.iter().find(fits).or(EXPONENTS.last()).copied().unwrap_or(0);
        let end = ((second >> exponent).saturating_add(1)).saturating_mul(1 << exponent);
        Self { kind, exponent, end }
    }
}

impl SegmentName {
    /// The segment that a file's name names.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix(EXTENSION)?.split('-');
        let kind = match parts.next()? {
            "settled" => Kind::Settled,
            "forgotten" => Kind::Forgotten,
            _ => return None,
        };
        let slot = Slot { kind, exponent: parts.next()?.parse().ok()?, end: parts.next()?.parse().ok()? };
        let name = Self { slot, number: parts.next()?.parse().ok()? };
        // Only as it is written, so that no two files are the same segment.
        (name.to_string() == text).then_some(name)
    }

    /// The name as part of every record's check.
    pub(super) fn digest_input(&self) -> [u8; 17] {
        let kind = match self.slot.kind {
            Kind::Settled => 1,
            Kind::Forgotten => 2,
        };
        let (exponent, end) = (self.slot.exponent.to_be_bytes(), self.slot.end.to_be_bytes());
        let parts = [kind].into_iter().chain(exponent).chain(end).chain(self.number.to_be_bytes());
        let mut input = [0; 17];
        input.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        input
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.slot.kind {
            Kind::Settled => "settled",
            Kind::Forgotten => "forgotten",
        };
        let Slot { exponent, end, .. } = self.slot;
        write!(formatter, "{kind}-{exponent}-{end}-{:08}{EXTENSION}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u32 = 1_700_000_000;

    #[test]
    fn an_entry_is_over_before_its_slot_and_not_long_before() {
        for left in [0, 1, 127, 128, 300, 600, 8192, 8193, 86_400, 131_073, 700_000, 31_622_400] {
            let second = NOW + left;
            let slot = Slot::of(Kind::Settled, second, i64::from(NOW));
            let dead = slot.end - second;
            assert!(dead > 0 && dead <= 1 << slot.exponent, "{left}: {slot:?}");
            assert!(dead <= (left / 4).max(128), "{left}: {slot:?}");
            assert!(left <= 64 << slot.exponent, "{left}: at most 65 slots of each width");
        }
    }

    #[test]
    fn the_ends_of_time_have_slots() {
        for second in [0, 1, u32::MAX - 1, u32::MAX] {
            for now in [i64::MIN, -5, 0, i64::from(NOW), i64::MAX] {
                let slot = Slot::of(Kind::Settled, second, now);
                assert!(slot.end > second || slot.end == u32::MAX, "{second} {now} {slot:?}");
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written_and_no_other_way() {
        for kind in [Kind::Settled, Kind::Forgotten] {
            let name = SegmentName { slot: Slot::of(kind, NOW, 0), number: 123_456_789_012 };
            assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        }
        let good = "settled-7-1700000128-00000007.segment";
        assert_eq!(SegmentName::parse(good).map(|name| name.number), Some(7));
        for bad in ["settled-7-1700000128-7.segment", "settled-07-1700000128-00000007.segment", "other-7-1-00000001.segment", ""]
        {
            assert_eq!(SegmentName::parse(bad), None, "{bad}");
        }
        assert_eq!(SegmentName::parse(&format!("{good}.new")), None);
    }
}
