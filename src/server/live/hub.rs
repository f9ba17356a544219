//! Who listens, and the one task that tells them.
//!
//! 1. A frame is made once, whoever listens; who has just come gets everything, the others what changed.
//! 2. At most [`LISTENERS_MAX`] listen. For each at most [`FRAMES_MAX`] frames wait; who leaves more than that lying is let go
//!    and counted.
//! 3. Nobody listens: the counters are read now and then, for the history, and that is all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};

use super::picture::{self, Changes, Frame, Item, Sent};
use super::traffic::Traffic;
use crate::server::observe::Observed;

/// How many may listen at once.
pub(crate) const LISTENERS_MAX: usize = 16;
/// How many frames may wait for one of them.
pub(crate) const FRAMES_MAX: usize = 8;

/// The place where listeners come.
#[derive(Default)]
pub(crate) struct Hub {
    traffic: Mutex<Traffic>,
    listeners: Mutex<Vec<Listener>>,
    came: Notify,
    dropped: AtomicU64,
    can_change: AtomicBool,
}

struct Listener {
    frames: mpsc::Sender<Bytes>,
    is_new: bool,
}

/// A listener's end of the stream. Dropped, it is let go.
pub(crate) struct Frames(mpsc::Receiver<Bytes>);

impl Frames {
    pub(crate) const fn receiver(&mut self) -> &mut mpsc::Receiver<Bytes> {
        &mut self.0
    }
}

impl Hub {
    /// A place among the listeners; `None` while all are taken.
    pub(crate) fn listen(&self) -> Option<Frames> {
        let mut listeners = self.listeners.lock();
        listeners.retain(|listener| !listener.frames.is_closed());
        if listeners.len() >= LISTENERS_MAX {
            return None;
        }
        let (frames, receiver) = mpsc::channel(FRAMES_MAX);
        listeners.push(Listener { frames, is_new: true });
        self.came.notify_one();
        Some(Frames(receiver))
    }

    /// How many listen now.
    pub(crate) fn listeners(&self) -> u64 {
        let listening = self.listeners.lock().iter().filter(|listener| !listener.frames.is_closed()).count();
        u64::try_from(listening).unwrap_or(u64::MAX)
    }

    /// How many did not keep up, since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// All integrations as they are now, with the history so far.
    pub(crate) fn items(&self, observed: &Observed) -> Vec<Item> {
        self.look(observed);
        picture::items(observed, &self.traffic.lock())
    }

    /// Says whether there is a token that something can be changed with.
    pub(crate) fn allow_changes(&self, can_change: bool) {
        self.can_change.store(can_change, Ordering::Relaxed);
    }

    pub(crate) fn can_change(&self) -> bool {
        self.can_change.load(Ordering::Relaxed)
    }

    /// Reads the counters, and tells whoever listens. Never ends by itself.
    pub(crate) async fn run(self: Arc<Self>, observed: Arc<Observed>) {
        let (mut sent, mut told) = (Sent::default(), 0);
        let mut pause = IDLE_PAUSE;
        loop {
            // Whoever comes is told soon, but coming and going makes no work without end.
            if tokio::time::timeout(pause, self.came.notified()).await.is_ok() {
                tokio::time::sleep(WELCOME_PAUSE).await;
            }
            let clock = observed.site().shared.clock.clone();
            let began = clock.now().monotonic;
            if self.listeners() > 0 {
                self.publish(&observed, &mut sent, &mut told);
                let took = clock.now().monotonic.since(began);
                pause = PAUSE.max(took.saturating_mul(PAUSE_FACTOR));
            } else {
                self.look(&observed);
                pause = IDLE_PAUSE;
            }
        }
    }

    fn look(&self, observed: &Observed) {
        let site = observed.site();
        let now = site.shared.clock.now().wall;
        self.traffic.lock().look(site.integrations.iter().map(AsRef::as_ref), now);
    }

    fn publish(&self, observed: &Observed, sent: &mut Sent, told: &mut u64) {
        let site = observed.site();
        let decisions = site.shared.auditor.recent();
        let changes = sent.changes(&self.items(observed));
        let frame = Frame::of(observed, self.can_change());
        let (recent, all_recent) = (decisions.after(*told), decisions.after(0));
        *told = all_recent.last().map_or(*told, |last| last.number);
        let (news, whole) = (state(&frame, &changes, false), state(&frame, &changes, true));
        let news = Bytes::from(news + &event("decisions", &recent));
        let whole = Bytes::from(whole + &event("decisions", &all_recent));
        self.tell(&news, &whole);
    }

    fn tell(&self, news: &Bytes, whole: &Bytes) {
        self.listeners.lock().retain_mut(|listener| {
            let frame = if std::mem::take(&mut listener.is_new) { whole } else { news };
            match listener.frames.try_send(frame.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    false
                }
            }
        });
    }
}

/// The event that carries everything but decisions: all integrations, or those that changed.
fn state(frame: &Frame, changes: &Changes, whole: bool) -> String {
    let integrations = if whole {
        changes.all.iter().map(AsRef::as_ref).collect()
    } else {
        changes.changed.iter().filter_map(|index| changes.all.get(*index)).map(AsRef::as_ref).collect()
    };
    let removed: &[String] = if whole { &[] } else { &changes.removed };
    event("state", &State { frame, whole, removed, integrations })
}

#[derive(Serialize)]
struct State<'a> {
    frame: &'a Frame,
    whole: bool,
    removed: &'a [String],
    integrations: Vec<&'a RawValue>,
}

/// One server-sent event. JSON on one line, so nothing in it can end it.
fn event(name: &str, data: &impl Serialize) -> String {
    format!("event: {name}\ndata: {}\n\n", serde_json::to_string(data).unwrap_or_default())
}

/// Between coming and the first frame.
const WELCOME_PAUSE: Duration = Duration::from_millis(50);
/// Between two frames.
const PAUSE: Duration = Duration::from_millis(500);
/// A twentieth of one core at most goes into the page.
const PAUSE_FACTOR: u32 = 20;
/// Between two looks at the counters while nobody listens.
const IDLE_PAUSE: Duration = Duration::from_secs(5);
