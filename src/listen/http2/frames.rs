//! Follows the frames of one connection, and counts what they cost. pure
//!
//! Only the first nine bytes of a frame are looked at; the rest is `h2`'s. A connection is charged for
//! 1. every frame that brings no message forward: one unit, and one more for every 256 bytes of it. Small data frames
//!    count, too: a body in single bytes is work without an end;
//! 2. every reset.
//!
//! A head gives a little back, so that whoever sends many requests may say more beside them. Both allowances grow with time.

use std::time::Duration;

/// The connection is over: no HTTP/2, or too much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameFault {
    /// It does not begin as HTTP/2 begins, or has a frame larger than any that was allowed.
    #[error("no HTTP/2")]
    Foreign,
    /// More frames than the budget allows.
    #[error("too many frames without a message")]
    Flood,
    /// More requests taken back than the budget allows.
    #[error("too many resets")]
    Resets,
}

/// Follows the bytes of one connection in order.
#[derive(Debug)]
pub(super) struct Frames {
    stage: Stage,
    /// A head that goes on in the next frame.
    head_open: bool,
    /// Heads and frames that are complete.
    complete: u64,
    control: Allowance,
    resets: Allowance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Preface { seen: usize },
    Header { bytes: [u8; HEADER_BYTES], seen: usize },
    Payload { left: usize, data: bool },
}

impl Frames {
    /// For a new connection.
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Preface { seen: 0 },
            head_open: false,
            complete: 0,
            control: Allowance::full(CONTROL_BURST, CONTROL_PER_SECOND),
            resets: Allowance::full(RESET_BURST, RESETS_PER_SECOND),
        }
    }

    /// Looks at what arrived, so long after the connection's start.
    pub(super) fn feed(&mut self, mut bytes: &[u8], at: Duration) -> Result<(), FrameFault> {
        while !bytes.is_empty() {
            let taken = match &mut self.stage {
                Stage::Preface { seen } => {
                    let expected = PREFACE.get(*seen..).unwrap_or_default();
                    let here = expected.len().min(bytes.len());
                    if bytes.get(..here) != expected.get(..here) {
                        return Err(FrameFault::Foreign);
                    }
                    *seen = seen.saturating_add(here);
                    if *seen == PREFACE.len() {
                        self.stage = Stage::NEXT;
                    }
                    here
                }
                Stage::Header { bytes: header, seen } => {
                    let here = HEADER_BYTES.saturating_sub(*seen).min(bytes.len());
                    let end = seen.saturating_add(here);
                    header.get_mut(*seen..end).unwrap_or_default().copy_from_slice(bytes.get(..here).unwrap_or_default());
                    *seen = end;
                    if end == HEADER_BYTES {
                        let header = *header;
                        self.begin(header, at)?;
                    }
                    here
                }
                Stage::Payload { left, .. } => {
                    let here = (*left).min(bytes.len());
                    *left = left.saturating_sub(here);
                    if *left == 0 {
                        self.end();
                    }
                    here
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Whether something other than a body was begun and not ended; nothing may take long to say.
    pub(super) const fn is_incomplete(&self) -> bool {
        match self.stage {
            Stage::Preface { .. } => true,
            Stage::Header { seen, .. } => seen > 0 || self.head_open,
            Stage::Payload { data, .. } => !data,
        }
    }

    /// How many heads and frames are complete: another number, another wait.
    pub(super) const fn complete(&self) -> u64 {
        self.complete
    }

    /// Judges a frame by its header.
    fn begin(&mut self, header: [u8; HEADER_BYTES], at: Duration) -> Result<(), FrameFault> {
        let [high, middle, low, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        if length > super::FRAME_BYTES_MAX {
            return Err(FrameFault::Foreign);
        }
        let affordable = match kind {
            DATA => length >= SMALL_DATA_BYTES || flags & END_STREAM != 0 || self.control.spend(1, at),
            HEADERS => {
                self.head_open = flags & END_HEADERS == 0;
                self.control.earn(CONTROL_PER_HEAD);
                true
            }
            // Bounded by h2 together with its head.
            CONTINUATION => {
                self.head_open = self.head_open && flags & END_HEADERS == 0;
                true
            }
            RST_STREAM if !self.resets.spend(1, at) => return Err(FrameFault::Resets),
            RST_STREAM => true,
            _ => self.control.spend(1_u32.saturating_add(length / 256), at),
        };
        if !affordable {
            return Err(FrameFault::Flood);
        }
        self.stage = Stage::Payload { left: usize::try_from(length).unwrap_or(usize::MAX), data: kind == DATA };
        if length == 0 {
            self.end();
        }
        Ok(())
    }

    fn end(&mut self) {
        if !self.head_open {
            self.complete = self.complete.saturating_add(1);
        }
        self.stage = Stage::NEXT;
    }
}

impl Stage {
    const NEXT: Self = Self::Header { bytes: [0; HEADER_BYTES], seen: 0 };
}

/// So much at once, and so much more a second.
#[derive(Debug)]
struct Allowance {
    left_milli: u64,
    burst: u32,
    per_second: u32,
    grown_until: Duration,
}

impl Allowance {
    const fn full(burst: u32, per_second: u32) -> Self {
        Self { left_milli: burst as u64 * 1000, burst, per_second, grown_until: Duration::ZERO }
    }

    /// Takes so much, if there is so much.
    fn spend(&mut self, units: u32, at: Duration) -> bool {
        let millis = at.saturating_sub(self.grown_until).as_millis();
        if millis > 0 {
            self.grown_until = at;
            let grown = u64::try_from(millis).unwrap_or(u64::MAX).saturating_mul(u64::from(self.per_second));
            self.add_milli(grown);
        }
        let Some(left) = self.left_milli.checked_sub(u64::from(units).saturating_mul(1000)) else { return false };
        self.left_milli = left;
        true
    }

    fn earn(&mut self, units: u32) {
        self.add_milli(u64::from(units).saturating_mul(1000));
    }

    fn add_milli(&mut self, milli: u64) {
        self.left_milli = self.left_milli.saturating_add(milli).min(u64::from(self.burst).saturating_mul(1000));
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Data in smaller pieces than this is charged like a frame without a message.
const SMALL_DATA_BYTES: u32 = 64;
/// An honest sender says a handful of such frames at the start and a few for each request.
const CONTROL_BURST: u32 = 1000;
const CONTROL_PER_SECOND: u32 = 100;
const CONTROL_PER_HEAD: u32 = 4;
/// An honest sender gives up on as many requests as it has open, now and then.
const RESET_BURST: u32 = 200;
const RESETS_PER_SECOND: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], &vec![7; payload]].concat()
    }

    fn judged(bytes: &[u8], step: usize) -> Option<FrameFault> {
        let mut frames = Frames::new();
        [PREFACE, bytes].concat().chunks(step).find_map(|piece| frames.feed(piece, Duration::ZERO).err())
    }

    #[test]
    fn a_flood_is_told_from_an_honest_sender() {
        let repeat = |frame: Vec<u8>, times| frame.repeat(times);
        let cases: [(&str, Vec<u8>, Option<FrameFault>); 14] = [
            ("pings below the burst", repeat(frame(6, 0, 8), 1000), None),
            ("pings", repeat(frame(6, 0, 8), 1001), Some(FrameFault::Flood)),
            ("settings", repeat(frame(4, 0, 6), 1001), Some(FrameFault::Flood)),
            ("large settings", repeat(frame(4, 0, 16_380), 16), Some(FrameFault::Flood)),
            ("priorities", repeat(frame(2, 0, 5), 1001), Some(FrameFault::Flood)),
            ("unknown", repeat(frame(0xbe, 0, 0), 1001), Some(FrameFault::Flood)),
            ("window updates", repeat(frame(8, 0, 4), 1001), Some(FrameFault::Flood)),
            ("empty data", repeat(frame(0, 0, 0), 1001), Some(FrameFault::Flood)),
            ("single bytes", repeat(frame(0, 0, 1), 1001), Some(FrameFault::Flood)),
            ("data", repeat(frame(0, 0, 8192), 2000), None),
            ("resets", repeat([frame(1, 5, 20), frame(3, 0, 4)].concat(), 201), Some(FrameFault::Resets)),
            ("requests", repeat([frame(1, 4, 200), frame(0, 1, 1), frame(8, 0, 4), frame(6, 0, 8)].concat(), 5000), None),
            ("a frame too large", frame(0, 0, 16_385), Some(FrameFault::Foreign)),
            ("a large head", [frame(1, 0, 16_384), frame(9, 4, 10)].concat(), None),
        ];
        for (name, bytes, expected) in cases {
            for step in [1, 7, 4096] {
                assert_eq!(judged(&bytes, step), expected, "{name} in pieces of {step}");
            }
        }
    }

    #[test]
    fn allowances_grow_with_time_and_not_beyond_the_burst() {
        let mut frames = Frames::new();
        frames.feed(PREFACE, Duration::ZERO).unwrap();
        let mut pings = |count: usize, at: u64| frames.feed(&frame(6, 0, 8).repeat(count), Duration::from_millis(at));
        assert_eq!(pings(1000, 0), Ok(()));
        assert_eq!(pings(100, 1000), Ok(()));
        assert_eq!(pings(1000, 1_000_000), Ok(()));
        assert_eq!(pings(1, 1_000_000), Err(FrameFault::Flood));
    }

    #[test]
    fn another_protocol_is_seen_at_its_first_byte() {
        for start in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nXX", b"\x16\x03\x01", b"PRI * HTTP/1.1\r\n"] {
            assert_eq!(Frames::new().feed(start, Duration::ZERO), Err(FrameFault::Foreign), "{}", start.escape_ascii());
        }
    }

    #[test]
    fn what_was_begun_is_waited_for_and_bodies_are_not() {
        let after = |bytes: &[u8]| {
            let mut frames = Frames::new();
            frames.feed(&[PREFACE, bytes].concat(), Duration::ZERO).unwrap();
            frames.is_incomplete()
        };
        assert!(Frames::new().is_incomplete(), "the preface");
        assert!(!after(b""));
        assert!(after(&frame(6, 0, 8)[..3]), "half a header");
        assert!(after(&frame(1, 4, 100)[..50]), "half a head");
        assert!(after(&frame(1, 0, 100)), "a head that goes on");
        assert!(!after(&[frame(1, 0, 100), frame(9, 4, 1)].concat()));
        assert!(!after(&frame(0, 0, 100)[..50]), "half a body");
    }
}
