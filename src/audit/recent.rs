//! The last decisions, for whoever looks at the gateway now. What must be kept is in the log; this is not.
//!
//! Invariants: filled by the writer's thread, so no request pays for it; at most [`RECENT_MAX`] entries, each a record that
//! was cut already; numbers rise by one and are never given twice.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::Serialize;

use super::line::excerpt;
use super::record::{Entry, Folded, RequestRecord};

/// How many decisions are held.
pub const RECENT_MAX: usize = 100;

/// The last decisions.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    noted: u64,
    entries: VecDeque<Entry>,
}

/// One decision as it is shown. Texts are as they were sent, cut at 256 bytes: whoever shows them escapes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its place in the order of writing.
    pub number: u64,
    /// When.
    pub ts: String,
    /// How many were folded into it; one for a decision of its own.
    pub count: u64,
    /// `accepted` or `refused`.
    pub decision: &'static str,
    /// The reason's code.
    pub reason: &'static str,
    /// What the sender was answered; absent where several were folded.
    pub status: Option<u16>,
    /// What it was routed to.
    pub integration: Option<String>,
    /// Its name.
    pub request_id: Option<String>,
    /// Where it came from.
    pub source: String,
    /// Its path.
    pub path: Option<String>,
    /// Its event type.
    pub event: Option<String>,
    /// The provider's id of the delivery.
    pub delivery_id: Option<String>,
    /// Which secret verified it.
    pub secret_id: Option<String>,
    /// From its head to its answer.
    pub latency_us: Option<u64>,
}

impl Recent {
    /// Keeps an entry that was written, if it is a decision.
    pub(super) fn note(&self, entry: Entry) {
        if !matches!(entry, Entry::Request(_) | Entry::Folded(..)) {
            return;
        }
        let mut ring = self.0.lock();
        if ring.entries.len() >= RECENT_MAX {
            ring.entries.pop_front();
        }
        ring.entries.push_back(entry);
        ring.noted = ring.noted.saturating_add(1);
    }

    /// The decisions behind a number, oldest first.
    #[must_use]
    pub fn after(&self, number: u64) -> Vec<Decision> {
        let ring = self.0.lock();
        let held = u64::try_from(ring.entries.len()).unwrap_or(u64::MAX);
        let numbers = ring.noted.saturating_sub(held).saturating_add(1)..;
        let numbered = numbers.zip(&ring.entries).filter(|(own, _)| *own > number);
        numbered.filter_map(|(own, entry)| Decision::of(own, entry)).collect()
    }
}

impl Decision {
    fn of(number: u64, entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Request(record) => Some(Self::of_request(number, record)),
            Entry::Folded(_, folded) => Some(Self::of_folded(number, folded)),
            _ => None,
        }
    }

    fn of_request(number: u64, record: &RequestRecord) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(|text| excerpt(text).to_owned());
        Self {
            number,
            ts: record.at.rfc3339_micros(),
            count: 1,
            decision: record.reason.decision().code(),
            reason: record.reason.code(),
            status: Some(record.status),
            integration: record.integration.as_ref().map(ToString::to_string),
            request_id: Some(record.request_id.to_string()),
            source: record.source.to_string(),
            path: text(&record.path),
            event: text(&record.event),
            delivery_id: text(&record.delivery_id),
            secret_id: record.secret_id.as_ref().map(ToString::to_string),
            latency_us: Some(record.latency_us),
        }
    }

    fn of_folded(number: u64, folded: &Folded) -> Self {
        Self {
            number,
            ts: folded.last.at.rfc3339_micros(),
            count: folded.count,
            decision: folded.reason.decision().code(),
            reason: folded.reason.code(),
            status: None,
            integration: folded.integration.as_ref().map(ToString::to_string),
            request_id: None,
            source: folded.last.source.to_string(),
            path: None,
            event: None,
            delivery_id: None,
            secret_id: None,
            latency_us: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::record::Sighting;
    use crate::audit::record::tests::{accepted, refused};
    use crate::domain::reason::Reason;
    use crate::domain::time::UnixTime;

    #[test]
    fn a_hundred_are_held_and_numbers_go_on() {
        let recent = Recent::default();
        assert!(recent.after(0).is_empty());
        for _ in 0..RECENT_MAX + 20 {
            recent.note(Entry::Request(Box::new(accepted())));
            recent.note(Entry::Stop(UnixTime::from_seconds(1)));
        }
        let shown = recent.after(0);
        assert_eq!((shown.len(), shown[0].number, shown[99].number), (RECENT_MAX, 21, 120));
        assert_eq!(recent.after(118).len(), 2);
        assert!(recent.after(120).is_empty() && recent.after(u64::MAX).is_empty());
    }

    #[test]
    fn what_was_folded_is_one_decision_with_a_count() {
        let recent = Recent::default();
        let record = refused(Reason::SignatureMismatch);
        let sighting = Sighting { at: record.at, source: record.source };
        let folded = Folded { integration: None, reason: record.reason, count: 7, first: sighting, last: sighting };
        recent.note(Entry::Folded(record.at, folded));
        let mut long = refused(Reason::UnknownRoute);
        long.path = Some("<".repeat(1000));
        recent.note(Entry::Request(Box::new(long)));
        let shown = recent.after(0);
        assert_eq!((shown[0].count, shown[0].decision, shown[0].status), (7, "refused", None));
        assert_eq!((shown[1].count, shown[1].path.as_deref()), (1, Some("<".repeat(256).as_str())));
    }
}
