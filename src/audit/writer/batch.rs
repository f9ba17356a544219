//! Lines on their way to the sink.
//!
//! Invariant: a batch is rendered once; its bytes, and with them the chain, do not change between attempts to write it.

use tokio::sync::OwnedSemaphorePermit;

use crate::audit::auditor::Queued;
use crate::audit::chain::Head;
use crate::audit::recent::Recent;

/// The most entries of one write.
pub(super) const BATCH_ENTRIES: usize = 1024;

/// About as long as a delivery's line is.
const LINE_BYTES: usize = 900;

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
    let (count, _) = entries.size_hint();
    let mut lines = String::with_capacity(count.saturating_mul(LINE_BYTES));
    let mut places = Vec::with_capacity(count);
    for queued in entries {
        let start = lines.len();
        queued.entry.write(head, &mut lines);
        head = head.after(lines.as_bytes().get(start..).unwrap_or_default());
        lines.push('\n');
        places.extend(queued.place);
        recent.note(queued.entry);
    }
    Batch { bytes: lines.into_bytes(), head, _places: places }
}
