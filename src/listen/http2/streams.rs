//! The streams of one connection: a task each, counted while it lives, ended when its answer is not taken.
//!
//! hyper polls a stream's handler and then sends its answer, in one future that it hands out. When the handler is done is
//! told from inside that future, by a value that belongs to the task.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::listen::counters::{ListenCounters, ListenLimit};
use crate::listen::guard::{Deadline, now};

tokio::task_local! {
    /// Whether this task's handler has answered.
    static ANSWERED: Cell<bool>;
}

/// How many streams are open, and since when none is.
#[derive(Debug)]
pub(super) struct Streams(Mutex<Open>);

#[derive(Debug)]
struct Open {
    count: usize,
    idle_since: Instant,
}

impl Streams {
    /// Of a connection that just began.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Open { count: 0, idle_since: now() })))
    }

    /// Ready when no stream was open for so long, counted from `since` at the earliest.
    pub(super) async fn idle(&self, since: Instant, allowed: Duration) {
        loop {
            let due = self.idle_since().unwrap_or_else(now).max(since) + allowed;
            sleep_until(due).await;
            if self.idle_since().is_some_and(|idle| idle.max(since) + allowed <= now()) {
                return;
            }
        }
    }

    fn idle_since(&self) -> Option<Instant> {
        let open = self.0.lock();
        (open.count == 0).then_some(open.idle_since)
    }

    fn opened(self: &Arc<Self>) -> OpenStream {
        let mut open = self.0.lock();
        open.count = open.count.saturating_add(1);
        OpenStream(Arc::clone(self))
    }
}

/// One open stream.
struct OpenStream(Arc<Streams>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.0.0.lock();
        open.count = open.count.saturating_sub(1);
        open.idle_since = now();
    }
}

/// Runs the streams of one connection, each as a task of its worker.
#[derive(Clone, Debug)]
pub(super) struct StreamTasks {
    pub(super) streams: Arc<Streams>,
    /// How long a sender may take to take an answer.
    pub(super) answer_timeout: Duration,
    pub(super) counters: Arc<ListenCounters>,
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let (open, answer_timeout, counters) = (self.streams.opened(), self.answer_timeout, Arc::clone(&self.counters));
        // Boxed: each future that it passes through would have room for another one, of 4 KiB.
        let stream = Box::pin(stream);
        tokio::spawn(ANSWERED.scope(Cell::new(false), async move {
            let _open = open;
            if !ends_in_time(stream, answer_timeout).await {
                counters.reached(ListenLimit::AnswerTimeout);
            }
        }));
    }
}

/// The handler of this stream is done: from now on its sender has to take the answer.
pub(super) fn answered() {
    // Outside of a stream's task there is nobody to be told.
    let _told = ANSWERED.try_with(|answered| answered.set(true));
}

/// Runs a stream to its end, or, and then the answer is no, until its answer was not taken in time; dropped, it is reset.
async fn ends_in_time(stream: impl Future<Output = ()>, answer_timeout: Duration) -> bool {
    let mut stream = pin!(stream);
    let mut deadline = Deadline::default();
    poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        if ANSWERED.with(Cell::get) { deadline.poll_after(answer_timeout, context).map(|()| false) } else { Poll::Pending }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::listen::tests::block_on;

    const TICK: Duration = Duration::from_millis(100);

    #[test]
    fn idleness_begins_with_the_last_stream_s_end() {
        block_on(async {
            let streams = Streams::none();
            let (first, second) = (streams.opened(), streams.opened());
            let start = now();
            tokio::spawn(async move {
                tokio::time::sleep(2 * TICK).await;
                drop(first);
                tokio::time::sleep(3 * TICK).await;
                drop(second);
            });
            streams.idle(start, 4 * TICK).await;
            assert!(now() - start >= 9 * TICK, "{:?}", now() - start);
        });
    }

    #[test]
    fn a_peer_that_is_asked_to_leave_is_given_time_from_then_on() {
        block_on(async {
            let streams = Streams::none();
            tokio::time::sleep(4 * TICK).await;
            let asked = now();
            streams.idle(asked, 3 * TICK).await;
            assert!(now() - asked >= 3 * TICK, "{:?}", now() - asked);
        });
    }

    #[test]
    fn an_answer_that_is_not_taken_ends_its_stream_and_a_slow_handler_does_not() {
        block_on(async {
            let streams = Streams::none();
            let counters = Arc::new(ListenCounters::default());
            let tasks = StreamTasks { streams: Arc::clone(&streams), answer_timeout: 3 * TICK, counters: Arc::clone(&counters) };
            tasks.execute(async {
                answered();
                pending::<()>().await;
            });
            tasks.execute(async {
                tokio::time::sleep(9 * TICK).await;
                answered();
            });
            let open_after = async |wait: Duration| {
                tokio::time::sleep(wait).await;
                streams.0.lock().count
            };
            assert_eq!(open_after(TICK).await, 2);
            assert_eq!(open_after(5 * TICK).await, 1, "nobody took it");
            assert_eq!(open_after(6 * TICK).await, 0, "it was answered and is done");
            assert_eq!(counters.hits(ListenLimit::AnswerTimeout), 1);
        });
    }
}
