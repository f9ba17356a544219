//! What the writer takes from the queue, and what it gives up under `on_failure = continue`.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::audit::auditor::{DELIVERY_PLACES, Message};
use crate::audit::record::Entry;
use crate::audit::spec::OnAuditFailure;

use super::Writer;
use super::batch::BATCH_ENTRIES;

/// After the first entry of a batch, others are waited for: one write and one wake-up then serve many. Nobody waits for them, and
/// places suffice for a million records a second.
const LINGER: Duration = Duration::from_millis(4);

/// How long the outcome of a sync may wait to be heard, where nothing else happens.
const GLANCE: Duration = Duration::from_millis(20);

/// Why the writer ends.
pub(super) enum Stop {
    Asked(oneshot::Sender<bool>),
    /// All handles are gone.
    Abandoned,
}

impl Writer {
    /// Waits for entries, at most until something else is due.
    pub(super) fn gather(&mut self) -> Option<Stop> {
        let first = if self.failures > 0 {
            thread::sleep(self.retry_delay());
            self.messages.recv_timeout(Duration::ZERO)
        } else if self.waiting.is_empty() {
            let wait = self.next_sync.since(self.clock.now().monotonic);
            let wait = if self.syncer.is_busy() { wait.min(GLANCE) } else { wait };
            let first = self.messages.recv_timeout(wait);
            if first.is_ok() {
                thread::sleep(LINGER);
            }
            first
        } else {
            return self.take_queued();
        };
        match first {
            Ok(Message::Entry(queued)) => {
                self.waiting.push_back(queued);
                self.take_queued()
            }
            Ok(Message::Stop(answer)) => Some(Stop::Asked(answer)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Stop::Abandoned),
        }
    }

    /// Takes what is there, up to a batch; all of it where the oldest may be shed.
    pub(super) fn take_queued(&mut self) -> Option<Stop> {
        let most = if self.is_shedding() { usize::MAX } else { BATCH_ENTRIES };
        while self.waiting.len() < most {
            match self.messages.try_recv() {
                Ok(Message::Entry(queued)) => self.waiting.push_back(queued),
                Ok(Message::Stop(answer)) => return Some(Stop::Asked(answer)),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => return Some(Stop::Abandoned),
            }
        }
        None
    }

    fn is_shedding(&self) -> bool {
        self.failures > 0 && self.shared.on_failure == OnAuditFailure::Continue
    }

    pub(super) fn shed(&mut self) {
        if !self.is_shedding() {
            return;
        }
        let surplus = self.waiting.len().saturating_sub(DELIVERY_PLACES / 2);
        let (shed, kept) = self
            .waiting
            .drain(..)
            .enumerate()
            .partition::<VecDeque<_>, _>(|(index, queued)| *index < surplus && matches!(queued.entry, Entry::Request(_)));
        self.waiting = kept.into_iter().map(|(_, queued)| queued).collect();
        for (_, queued) in shed {
            if let Entry::Request(record) = queued.entry {
                self.shared.lose(&record);
            }
        }
    }

    pub(super) fn messages_left(&mut self) -> bool {
        match self.messages.try_recv() {
            Ok(Message::Entry(queued)) => self.waiting.push_back(queued),
            // A second stop is answered by the hang-up.
            Ok(Message::Stop(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
        }
        true
    }
}
