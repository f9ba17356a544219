//! What a store cannot know: deliveries that were forwarded before its memory begins. Pure.
//!
//! 1. A timed delivery signed up to the instant from which the store knows everything is refused, unless the operator
//!    accepts it; then it passes blind.
//! 2. An untimed one passes, and is blind as long as the store is younger than the integration's window.
//! 3. After a reload that raised the tolerance, a delivery that could have been taken before it is judged by what was
//!    remembered then: its entry is gone when the old tolerance ends, and the new one would let it in a second time.

use std::time::Duration;

use super::spec::ColdStart;
use crate::domain::time::{Now, UnixTime};

/// What an integration says about the time before the store's memory.
#[derive(Clone, Copy, Debug)]
pub struct HistoryTerms {
    /// What happens to timed deliveries that could have been forgotten.
    pub cold_start: ColdStart,
    /// How long an untimed delivery is remembered.
    pub untimed_window: Duration,
    /// The last reload that raised the tolerance, while it matters.
    pub raised: Option<ToleranceRaised>,
}

/// A reload that raised an integration's tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToleranceRaised {
    at: UnixTime,
    remembered: Duration,
}

/// Whether the store would know the delivery, had it been forwarded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// It would.
    Whole,
    /// It may have been forgotten, and passes nevertheless.
    Blind,
    /// It may have been forgotten, and is refused.
    Refused,
}

impl HistoryTerms {
    /// Judges a delivery by its signed time; `knows_since` is the store's.
    pub(super) fn judge(&self, knows_since: Option<UnixTime>, signed_at: Option<UnixTime>, now: Now) -> Knowledge {
        let Some(signed_at) = signed_at else { return self.judge_untimed(knows_since, now) };
        if self.raised.is_some_and(|raised| raised.may_have_forgotten(signed_at, now)) {
            return Knowledge::Refused;
        }
        match (knows_since, self.cold_start) {
            (Some(since), ColdStart::Refuse) if signed_at <= since => Knowledge::Refused,
            (Some(since), ColdStart::Accept) if signed_at <= since => Knowledge::Blind,
            (Some(_) | None, _) => Knowledge::Whole,
        }
    }

    fn judge_untimed(&self, knows_since: Option<UnixTime>, now: Now) -> Knowledge {
        match knows_since {
            Some(since) if now.wall < since.plus(self.untimed_window) => Knowledge::Blind,
            Some(_) | None => Knowledge::Whole,
        }
    }
}

impl ToleranceRaised {
    /// What the next terms carry after a reload: `before` is what the terms until now carried.
    #[must_use]
    pub fn by_reload(before: Option<Self>, tolerance_before: Duration, tolerance_after: Duration, at: UnixTime) -> Option<Self> {
        let still_matters = before.filter(|raised| at <= raised.at.plus(raised.remembered).plus(tolerance_before));
        let remembered = still_matters.map_or(tolerance_before, |raised| raised.remembered.min(tolerance_before));
        (remembered < tolerance_after).then_some(Self { at, remembered })
    }

    /// It could have been taken before the reload, and its entry may be gone.
    fn may_have_forgotten(self, signed_at: UnixTime, now: Now) -> bool {
        signed_at <= self.at.plus(self.remembered) && now.wall > signed_at.plus(self.remembered)
    }
}

/// When `/readyz` may turn 200: at once, or when no delivery would be refused for being signed before the start. Providers sign
/// whole seconds, so the last second that is refused must be over.
#[must_use]
pub fn ready_at(knows_since: Option<UnixTime>, cold_start: ColdStart, now: Now) -> Option<UnixTime> {
    let ready = |since: UnixTime| UnixTime::from_seconds(since.seconds().saturating_add(1));
    match cold_start {
        ColdStart::Accept => None,
        ColdStart::Refuse => knows_since.map(ready).filter(|ready| now.wall < *ready),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Monotonic;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn now(seconds: i64) -> Now {
        Now { wall: at(seconds), monotonic: Monotonic::from_duration(Duration::from_secs(1)) }
    }

    fn terms(cold_start: ColdStart, raised: Option<ToleranceRaised>) -> HistoryTerms {
        HistoryTerms { cold_start, untimed_window: Duration::from_secs(100), raised }
    }

    #[test]
    fn a_store_without_history_refuses_or_is_blind() {
        use ColdStart::{Accept, Refuse};
        let table = [
            (Refuse, Some(1002), Some(1002), 1010, Knowledge::Refused),
            (Refuse, Some(1002), Some(1003), 1010, Knowledge::Whole),
            (Accept, Some(1002), Some(1002), 1010, Knowledge::Blind),
            (Accept, Some(1002), Some(1003), 1010, Knowledge::Whole),
            (Refuse, None, Some(5), 1010, Knowledge::Whole),
            (Refuse, Some(1002), None, 1101, Knowledge::Blind),
            (Refuse, Some(1002), None, 1102, Knowledge::Whole),
            (Accept, Some(1002), None, 1101, Knowledge::Blind),
            (Refuse, None, None, 1010, Knowledge::Whole),
        ];
        for (cold_start, since, signed, present, expected) in table {
            let knowledge = terms(cold_start, None).judge(since.map(at), signed.map(at), now(present));
            assert_eq!(knowledge, expected, "{cold_start:?} {since:?} {signed:?} {present}");
        }
    }

    #[test]
    fn a_raised_tolerance_counts_from_the_reload() {
        let (five, ten) = (Duration::from_secs(300), Duration::from_secs(600));
        let raised = ToleranceRaised::by_reload(None, five, ten, at(10_000));
        let table = [
            (9_900, 10_199, Knowledge::Whole),
            (9_900, 10_201, Knowledge::Refused),
            (9_600, 10_000, Knowledge::Refused),
            (10_300, 10_601, Knowledge::Refused),
            (10_301, 10_800, Knowledge::Whole),
        ];
        for (signed, present, expected) in table {
            let knowledge = terms(ColdStart::Accept, raised).judge(None, Some(at(signed)), now(present));
            assert_eq!(knowledge, expected, "signed {signed}, now {present}");
        }
    }

    #[test]
    fn reloads_add_up() {
        let seconds = Duration::from_secs;
        let by = |before, old, new, when| ToleranceRaised::by_reload(before, seconds(old), seconds(new), at(when));
        assert_eq!(by(None, 300, 300, 0), None);
        assert_eq!(by(None, 300, 200, 0), None);
        let first = by(None, 300, 600, 1000);
        assert_eq!(first, Some(ToleranceRaised { at: at(1000), remembered: seconds(300) }));
        assert_eq!(by(first, 600, 900, 1500), Some(ToleranceRaised { at: at(1500), remembered: seconds(300) }));
        assert_eq!(by(first, 600, 600, 1500), Some(ToleranceRaised { at: at(1500), remembered: seconds(300) }));
        assert_eq!(by(first, 600, 900, 2000), Some(ToleranceRaised { at: at(2000), remembered: seconds(600) }));
        assert_eq!(by(first, 600, 300, 1500), None);
    }

    #[test]
    fn ready_when_nothing_would_be_refused() {
        let table = [
            (Some(1002), ColdStart::Refuse, 1002, Some(1003)),
            (Some(1002), ColdStart::Refuse, 1003, None),
            (Some(1002), ColdStart::Accept, 1000, None),
            (None, ColdStart::Refuse, 1000, None),
        ];
        for (since, cold_start, present, expected) in table {
            assert_eq!(ready_at(since.map(at), cold_start, now(present)), expected.map(at), "{since:?} {cold_start:?} {present}");
        }
    }
}
