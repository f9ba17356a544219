//! The queue in front of the writer's thread: what is handed over is durable when the answer comes, or there is none in time.
//!
//! 1. The queue is bounded. Full, it is a disk that does not keep up: no answer.
//! 2. Whoever waits too long gives up, and the store counts as unavailable until the writer has made something durable again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::catalogue::Catalogue;
use super::durable;
use super::error::DiskError;
use super::folder::Folder;
use super::pause::Pause;
use super::writer::{Line, Message, Request, Writer};
use crate::domain::time::Now;
use crate::gate::replay::store::StoreError;

#[derive(Debug)]
pub(super) struct Journal {
    /// Some until the end.
    messages: Option<SyncSender<Message>>,
    /// Closed when the writer has ended.
    ended: Mutex<Receiver<()>>,
    available: Arc<AtomicBool>,
}

impl Journal {
    pub(super) fn start(folder: &Arc<Folder>, catalogue: &Arc<Catalogue>) -> Result<Self, DiskError> {
        let (messages, received) = mpsc::sync_channel(QUEUE);
        let (alive, ended) = mpsc::channel::<()>();
        let available = Arc::new(AtomicBool::new(true));
        let writer = Writer {
            messages: received,
            folder: Arc::clone(folder),
            catalogue: Arc::clone(catalogue),
            available: Arc::clone(&available),
            open: Vec::new(),
            pause: Pause::default(),
            failures: 0,
        };
        let work = move || {
            writer.run();
            drop(alive);
        };
        thread::Builder::new().name("replay".to_owned()).spawn(work).map_err(DiskError::Thread)?;
        Ok(Self { messages: Some(messages), ended: Mutex::new(ended), available })
    }

    /// Whether the last line became durable in time.
    pub(super) fn is_available(&self) -> bool {
        self.available.load(Ordering::Acquire)
    }

    /// Returns when the line is durable.
    pub(super) async fn write(&self, line: Line, now: Now) -> Result<(), StoreError> {
        let (waiting, answer) = durable::wait();
        self.send(Message::Write(Request { line, now, waiting }))?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(word)) => {
                drop(word);
                Ok(())
            }
            Ok(Err(_)) => Err(StoreError::Unavailable),
            Err(_) => {
                self.available.store(false, Ordering::Release);
                // Should the writer have come round in this very moment, it looks again.
                self.look();
                Err(StoreError::Unavailable)
            }
        }
    }

    /// Lets the writer see what has changed. One that has more to do than that comes round to it anyway.
    pub(super) fn look(&self) {
        self.send(Message::Look).unwrap_or_default();
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        let messages = self.messages.as_ref().ok_or(StoreError::Unavailable)?;
        messages.try_send(message).map_err(|_| StoreError::Unavailable)
    }
}

impl Drop for Journal {
    /// Waits for the writer's end, so that another store may be opened at once; not for ever, for its disk may hang.
    fn drop(&mut self) {
        self.messages = None;
        let _ended = self.ended.lock().recv_timeout(PATIENCE);
    }
}

/// More than there can be deliveries at once.
const QUEUE: usize = 16 * 1024;
/// How long a settlement may take: providers wait five seconds and more.
const PATIENCE: Duration = Duration::from_secs(3);
