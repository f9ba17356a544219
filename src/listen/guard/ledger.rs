//! What a connection's stream, its service and whoever runs both tell each other: which request is at fault, whether one is
//! being answered, whether nobody says anything.
//!
//! Both count requests in the order of the wire, so a fault found in bytes that were read ahead belongs to the request it
//! stands in and to no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::listen::wire::{FaultPlace, WireFault};

/// Shared by the stream (inside hyper) and the service of one connection; both run in the connection's task.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Mutex<Entries>,
    quiet: AtomicBool,
}

#[derive(Debug, Default)]
struct Entries {
    heads_passed: u64,
    begun: u64,
    answered: u64,
    in_body: bool,
    bad_head: Option<(u64, WireFault)>,
}

impl Ledger {
    /// The stream: so many heads have passed, and whether the next byte is a body's.
    pub(super) fn passed(&self, heads: u64, in_body: bool) {
        let mut entries = self.entries.lock();
        entries.heads_passed = heads;
        entries.in_body = in_body;
    }

    /// The stream: what follows the heads that have passed is bad. A bad head counts as one, for its stand-in will pass.
    pub(super) fn faulted(&self, fault: WireFault) {
        let mut entries = self.entries.lock();
        if fault.place == FaultPlace::Head {
            entries.heads_passed = entries.heads_passed.saturating_add(1);
            entries.bad_head = Some((entries.heads_passed, fault));
        }
    }

    /// The stream: whether a request that passed has not been answered.
    pub(super) fn is_answering(&self) -> bool {
        let entries = self.entries.lock();
        entries.heads_passed > entries.answered
    }

    /// The stream: nobody says anything, and nobody is owed anything.
    pub(super) fn quiet(&self) {
        self.quiet.store(true, Relaxed);
    }

    /// Whether that was said since the last call. Asked after every step, so it costs no more than a look.
    pub(crate) fn take_quiet(&self) -> bool {
        self.quiet.load(Relaxed) && self.quiet.swap(false, Relaxed)
    }

    /// The service: the next request arrived. Answers what is wrong with its head.
    pub(crate) fn begin(self: &Arc<Self>) -> (Answering, Option<WireFault>) {
        let mut entries = self.entries.lock();
        entries.begun = entries.begun.saturating_add(1);
        let begun = entries.begun;
        let fault = entries.bad_head.filter(|(request, _)| *request == begun).map(|(_, fault)| fault);
        (Answering { ledger: Arc::clone(self), number: begun }, fault)
    }
}

/// A request being answered; dropped when its answer is ready or nobody waits for it.
#[derive(Debug)]
pub(crate) struct Answering {
    ledger: Arc<Ledger>,
    number: u64,
}

impl Answering {
    /// Which request of its connection it is, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Whether some of the request's body is still on its way: the connection cannot be used for another one.
    pub(crate) fn body_is_open(&self) -> bool {
        let entries = self.ledger.entries.lock();
        entries.in_body && entries.heads_passed == entries.begun
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut entries = self.ledger.entries.lock();
        entries.answered = entries.answered.saturating_add(1);
    }
}
