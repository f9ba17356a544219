//! Waiting for what hardly ever happens, beside what happens all the time.
//!
//! A connection's end is one of several things that its task waits for. Looking at each of them whenever a byte arrives takes
//! as long as reading the byte; so they are looked at when one of them rings, and else one flag is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// A future that is polled only after something woke it.
pub(super) struct Seldom<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What it is woken by.
struct Bell {
    has_rung: AtomicBool,
    /// Whoever waits. The lock is held for a comparison or a wake-up.
    task: Mutex<Option<Waker>>,
}

impl<F: Future> Seldom<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { has_rung: AtomicBool::new(true), task: Mutex::default() });
        Self { future: Box::pin(future), waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.bell.is_for(context.waker());
        // After whoever waits is known: what rings from here on wakes it.
        if !self.bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = self.waker.clone();
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Bell {
    fn is_for(&self, waker: &Waker) {
        let mut task = self.task.lock();
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_something_woke_it_and_ends_like_what_it_holds() {
        let mut polls = 0;
        let mut pause = Box::pin(sleep(Duration::from_millis(300)));
        let inner = poll_fn(|context| {
            polls += 1;
            pause.as_mut().poll(context)
        });
        let mut seldom = Box::pin(Seldom::new(inner));
        for _ in 0..100 {
            assert!(tokio::time::timeout(Duration::ZERO, seldom.as_mut()).await.is_err());
        }
        seldom.await;
        assert_eq!(polls, 2, "once at the beginning, once when it rang");
    }

    #[tokio::test]
    async fn another_task_may_go_on_waiting() {
        let (bell, rung) = tokio::sync::oneshot::channel::<()>();
        let mut seldom = Box::pin(Seldom::new(rung));
        assert!(tokio::time::timeout(Duration::ZERO, seldom.as_mut()).await.is_err());
        let waiting = tokio::spawn(seldom);
        tokio::task::yield_now().await;
        bell.send(()).unwrap();
        waiting.await.unwrap().unwrap();
    }
}
