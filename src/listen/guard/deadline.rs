//! Deadlines that cost nothing while nothing is late: a timer is set when it is first needed, and set again only when it rings.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Now, for whoever sets the runtime's timers by it.
pub(in crate::listen) fn now() -> Instant {
    Instant::now()
}

/// One timer.
#[derive(Debug, Default)]
pub(in crate::listen) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Deadline {
    /// Ready when `allowed` has passed since the first call after [`Deadline::stop`].
    pub(in crate::listen) fn poll_after(&mut self, allowed: Duration, context: &mut Context<'_>) -> Poll<()> {
        if !self.running {
            self.set(Instant::now() + allowed);
        }
        self.poll(context)
    }

    /// There was progress.
    pub(in crate::listen) const fn stop(&mut self) {
        self.running = false;
    }

    /// Ready at `due` or later. A timer that would ring earlier is left as it is.
    pub(super) fn poll_until(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        let rings = self.sleep.as_ref().filter(|_| self.running).map(|sleep| sleep.deadline());
        if rings.is_none_or(|rings| rings > due) {
            self.set(due);
        }
        self.poll(context)
    }

    fn set(&mut self, due: Instant) {
        self.running = true;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(due),
            None => self.sleep = Some(Box::pin(sleep_until(due))),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        ready!(sleep.as_mut().poll(context));
        self.running = false;
        Poll::Ready(())
    }
}

/// Waiting for a head.
#[derive(Debug)]
pub(super) struct Waiting {
    timer: Deadline,
    /// When the peer or we last did something that starts the wait anew.
    since: Instant,
}

impl Waiting {
    /// From now.
    pub(super) fn begin() -> Self {
        Self { timer: Deadline::default(), since: Instant::now() }
    }

    /// The wait starts anew.
    pub(super) fn restart(&mut self) {
        self.restart_at(Instant::now());
    }

    /// The wait starts anew at an instant that is known already.
    pub(super) const fn restart_at(&mut self, now: Instant) {
        self.since = now;
    }

    /// Ready when `allowed` is over. While a request is being answered the wait starts anew each time the timer rings.
    pub(super) fn poll_over(
        &mut self,
        allowed: Duration,
        is_answering: impl Fn() -> bool,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            ready!(self.timer.poll_until(self.since + allowed, context));
            if is_answering() {
                self.restart();
            }
            if self.since + allowed <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}
