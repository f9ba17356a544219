//! Lines on their way to the sink.
//!
//! Invariant: a batch is rendered once; its bytes, and with them the chain, do not change between attempts to write it.

use tokio::sync::OwnedSemaphorePermit;

use crate::audit::auditor::Queued;
use crate::audit::chain::Head;
use crate::audit::recent::Recent;

/// The most entries of one write.
pub(super) const BATCH_ENTRIES: usize = 1024;

/// Lines on their way to the sink.
#[derive(Debug)]
pub(in crate::audit) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// The head once all of it is written.
    pub(super) head: Head,
    /// Given back when the batch is dropped, which is when it is written.
    _places: Vec<OwnedSemaphorePermit>,
}

/// Chains entries to a head, and shows the decisions among them to whoever looks.
pub(super) fn render(mut head: Head, entries: impl Iterator<Item = Queued>, recent: &Recent) -> Batch {
    let mut bytes = Vec::new();
    let mut places = Vec::new();
    let mut line = String::new();
    for queued in entries {
        line.clear();
        queued.entry.write(head, &mut line);
        head = head.after(line.as_bytes());
        line.push('\n');
        bytes.extend_from_slice(line.as_bytes());
        places.extend(queued.place);
        recent.note(queued.entry);
    }
    Batch { bytes, head, _places: places }
}
