//! Work that outlives whoever waits for it.
//!
//! A delivery goes on when its sender hangs up. It runs where it is waited for, for a task of its own costs two wake-ups a
//! delivery; only when nobody waits any more, it becomes one.
//!
//! Invariants: the tracker counts it from its beginning to its end; a panic inside ends the work, not whoever waits.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TrackedFuture;

/// The work. Waiting for it answers its result, or that it broke.
pub(crate) struct Outliving<F: Future<Output: Send> + Send + 'static> {
    running: Option<Pin<Box<TrackedFuture<F>>>>,
}

/// The work panicked; whatever it held was dropped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl<F: Future<Output: Send> + Send + 'static> Outliving<F> {
    /// Work that begins when it is first polled, or when it is dropped before.
    pub(crate) fn new(tracker: &TaskTracker, work: F) -> Self {
        Self { running: Some(Box::pin(tracker.track_future(work))) }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Outliving<F> {
    type Output = Result<F::Output, Broken>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.running else { return Poll::Ready(Err(Broken)) };
        let polled = match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(_panic) => Err(Broken),
        };
        self.running = None;
        Poll::Ready(polled)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Outliving<F> {
    /// Where the runtime is ending, too, the work ends here.
    fn drop(&mut self) {
        if let (Some(running), Ok(runtime)) = (self.running.take(), Handle::try_current()) {
            runtime.spawn(running);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_answers_and_its_end_is_seen() {
        let tracker = TaskTracker::new();
        let work = Outliving::new(&tracker, async { 7 });
        assert_eq!(tracker.len(), 1);
        assert_eq!(work.await, Ok(7));
        assert_eq!(tracker.len(), 0);
    }

    #[tokio::test]
    async fn it_goes_on_when_nobody_waits() {
        for polls_before in [0, 1] {
            let (tracker, steps) = (TaskTracker::new(), Arc::new(AtomicUsize::new(0)));
            let (done, go_on) = (Arc::clone(&steps), Arc::new(Notify::new()));
            let told = Arc::clone(&go_on);
            let mut work = Box::pin(Outliving::new(&tracker, async move {
                told.notified().await;
                done.fetch_add(1, Ordering::Relaxed);
            }));
            for _ in 0..polls_before {
                assert!(tokio::time::timeout(Duration::ZERO, work.as_mut()).await.is_err());
            }
            drop(work);
            assert_eq!((tracker.len(), steps.load(Ordering::Relaxed)), (1, 0));
            go_on.notify_one();
            tracker.close();
            tracker.wait().await;
            assert_eq!(steps.load(Ordering::Relaxed), 1);
        }
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_only() {
        let tracker = TaskTracker::new();
        let work = Outliving::new(&tracker, async { panic!("broken") });
        assert_eq!(work.await, Err::<(), _>(Broken));
        assert_eq!(tracker.len(), 0);
    }

    #[test]
    fn without_a_runtime_it_ends_with_whoever_waited() {
        let tracker = TaskTracker::new();
        drop(Outliving::new(&tracker, async {}));
        assert_eq!(tracker.len(), 0);
    }
}
