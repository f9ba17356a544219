//! Whether a store fills up: from four fifths on, somebody should look while there is still room.
//!
//! 1. *Filling* is a fact of the moment, and readiness shows it: the gateway serves, and somebody should look.
//! 2. The log says it once for each crossing. A store that hovers about the mark has not crossed it again before it fell well below.

use std::sync::atomic::{AtomicBool, Ordering};

/// How full a store is, in places or in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// How much of it is taken.
    pub taken: u64,
    /// How much there is; nought where there is no bound.
    pub of: u64,
    /// What is counted.
    pub unit: &'static str,
}

impl Level {
    /// Four fifths are taken.
    #[must_use]
    pub const fn is_filling(self) -> bool {
        self.of > 0 && self.taken >= self.of - self.of / 5
    }

    /// Less than seven tenths are taken.
    const fn has_room_again(self) -> bool {
        self.taken < self.of - self.of.div_ceil(10).saturating_mul(3) || self.of == 0
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { taken, of, unit } = self;
        write!(formatter, "{taken} of {of} {unit} are taken; full is 503 for new deliveries")
    }
}

/// Says once what is crossed. Asked by the housekeeper only.
#[derive(Debug, Default)]
pub(super) struct Crossing(AtomicBool);

impl Crossing {
    /// Looks again; whether the mark was crossed upwards since.
    pub(super) fn watch(&self, level: Level) -> bool {
        let was_said = self.0.load(Ordering::Relaxed);
        let crossed = level.is_filling() && !was_said;
        if crossed {
            self.0.store(true, Ordering::Relaxed);
            tracing::warn!(%level, "the replay store is filling up");
        } else if was_said && level.has_room_again() {
            self.0.store(false, Ordering::Relaxed);
            tracing::info!("the replay store has room again");
        }
        crossed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(taken: u64, of: u64) -> Level {
        Level { taken, of, unit: "places" }
    }

    #[test]
    fn four_fifths_are_the_mark() {
        let table = [(79, 100, false), (80, 100, true), (3, 4, false), (4, 4, true), (0, 0, false), (9, 0, false), (1, 1, true)];
        for (taken, of, expected) in table {
            assert_eq!(level(taken, of).is_filling(), expected, "{taken} of {of}");
        }
        assert!(level(u64::MAX, u64::MAX).is_filling());
        assert_eq!(level(8, 10).to_string(), "8 of 10 places are taken; full is 503 for new deliveries");
    }

    #[test]
    fn each_crossing_is_said_once() {
        let crossing = Crossing::default();
        let said = [10, 80, 100, 79, 80, 70, 95, 69, 80, 81, 0, 79, 80].map(|taken| crossing.watch(level(taken, 100)));
        let expected = [false, true, false, false, false, false, false, false, true, false, false, false, true];
        assert_eq!(said, expected);
    }
}
