//! A copy of what was written, for whoever sends it on: never instead of the log, and never in its way.
//!
//! Invariants: a line is offered once the kernel has it; what finds no room is dropped and counted; nobody waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

/// The most bytes of lines that wait: some ten thousand records.
pub const TAP_BYTES_MAX: usize = 8 << 20;

/// Lines that were written since somebody took them.
#[derive(Debug, Default)]
pub struct Tap {
    open: AtomicBool,
    lines: Mutex<String>,
    dropped: AtomicU64,
}

impl Tap {
    /// Lets lines through from now on.
    pub fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Offers whole lines.
    pub(super) fn offer(&self, written: &[u8]) {
        if !self.open.load(Ordering::Relaxed) {
            return;
        }
        // Our own lines are ASCII.
        let text = std::str::from_utf8(written).unwrap_or_default();
        let mut lines = self.lines.lock();
        if lines.len().saturating_add(text.len()) <= TAP_BYTES_MAX {
            lines.push_str(text);
            return;
        }
        drop(lines);
        let count = u64::try_from(memchr::memchr_iter(b'\n', written).count()).unwrap_or(u64::MAX);
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Everything that waits.
    #[must_use]
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.lines.lock())
    }

    /// How many lines found no room, since this was last asked.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_tap_holds_nothing_and_an_open_one_not_too_much() {
        let tap = Tap::default();
        tap.offer(b"one\n");
        assert_eq!(tap.take(), "");
        tap.open();
        tap.offer(b"one\ntwo\n");
        tap.offer(&vec![b'\n'; TAP_BYTES_MAX]);
        assert_eq!((tap.take().as_str(), tap.take_dropped(), tap.take_dropped()), ("one\ntwo\n", TAP_BYTES_MAX as u64, 0));
    }
}
