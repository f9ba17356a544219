//! What callers and the watch share: the connection that may be used, and the way to say that it may not.
//!
//! Invariants:
//! 1. A link is there if and only if the last look at the server found nothing wrong and no caller has since. Nobody waits
//!    for a link but a settlement, and that not beyond its own deadline: this is the breaker, and it is closed by the watch.
//! 2. Every call has one deadline around all of it. A call that it cuts takes the link away: the next ones fail at once.
//! 3. At most [`CALLS_MAX`] calls are under way.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::connect::Driver;
use super::error::RedisFault;
use super::generation::{Generation, Reading};
use super::script::Script;

/// A connection to a server that was found fit, and what is known of it. Held by the calls under way.
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Arc<Driver>,
    pub(super) generation: Generation,
    pub(super) reading: Reading,
    pub(super) knows_script_flags: bool,
}

/// One run of a script.
pub(super) struct Call<'a> {
    pub(super) script: &'a Script,
    pub(super) keys: &'a [&'a [u8]],
    pub(super) arguments: &'a [&'a [u8]],
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The server did not do it.
    Undone,
    /// The server may have done it, or may yet.
    Unknown,
}

/// The place of the link.
pub(super) struct Switchboard {
    link: ArcSwapOption<Link>,
    /// Somebody doubts the server: the watch looks at once.
    doubted: Notify,
    /// There is a link again.
    linked: Notify,
    calls: Semaphore,
    timeout: Duration,
}

impl Switchboard {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            link: ArcSwapOption::empty(),
            doubted: Notify::new(),
            linked: Notify::new(),
            calls: Semaphore::new(CALLS_MAX),
            timeout,
        }
    }

    pub(super) fn link(&self) -> Option<Arc<Link>> {
        self.link.load_full()
    }

    /// The watch found nothing wrong.
    pub(super) fn publish(&self, link: Link) {
        self.link.store(Some(Arc::new(link)));
        self.linked.notify_waiters();
    }

    /// The watch found something wrong.
    pub(super) fn withdraw(&self) {
        self.link.store(None);
    }

    /// Returns when somebody doubts the server.
    pub(super) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    /// Takes this connection away and has the watch look. Another one, published meanwhile, stays.
    pub(super) fn doubt(&self, link: &Link) {
        loop {
            let present = self.link.load();
            if !present.as_ref().is_some_and(|present| Arc::ptr_eq(&present.driver, &link.driver)) {
                return;
            }
            let before = self.link.compare_and_swap(&*present, None);
            if same(before.as_ref(), present.as_ref()) {
                self.doubted.notify_one();
                return;
            }
        }
    }

    /// Runs a script once, within the deadline.
    pub(super) async fn call(&self, link: &Link, call: &Call<'_>) -> Result<Vec<i64>, CallError> {
        match timeout(self.timeout, self.run(link, call)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => Err(self.failed(link, &fault)),
            Err(_) => Err(self.failed(link, &RedisFault::TimedOut)),
        }
    }

    /// Runs a script that may run twice, until it has run or the deadline is over: a connection that broke is replaced.
    /// `call` is told whether the server knows flags of scripts.
    pub(super) async fn call_until_done<'a>(&self, call: impl Fn(bool) -> Call<'a>) -> Result<Vec<i64>, CallError> {
        let mut pending: Option<Arc<Link>> = None;
        let done = timeout(self.timeout, async {
            loop {
                let link = pending.insert(self.await_link().await);
                match self.run(link, &call(link.knows_script_flags)).await {
                    Err(fault) if self.failed(link, &fault) == CallError::Unknown => {}
                    answer => return answer.map_err(|_| CallError::Undone),
                }
            }
        });
        match done.await {
            Ok(answer) => answer,
            Err(_) => Err(pending.map_or(CallError::Undone, |link| self.failed(&link, &RedisFault::TimedOut))),
        }
    }

    async fn await_link(&self) -> Arc<Link> {
        loop {
            let linked = self.linked.notified();
            if let Some(link) = self.link() {
                return link;
            }
            linked.await;
        }
    }

    async fn run(&self, link: &Link, call: &Call<'_>) -> Result<Vec<i64>, RedisFault> {
        // Closed never: the error cannot be.
        let _place = self.calls.acquire().await.map_err(|_| RedisFault::TimedOut)?;
        run(&link.connection, call).await
    }

    /// What a fault means for the caller. A script has no reason to fail, so the server is not what it was: the watch looks.
    fn failed(&self, link: &Link, fault: &RedisFault) -> CallError {
        let was_refused = matches!(fault, RedisFault::Refused { .. });
        if !was_refused {
            link.driver.give_up();
        }
        self.doubt(link);
        if was_refused { CallError::Undone } else { CallError::Unknown }
    }
}

/// Runs a script by its name, else by its text.
pub(super) async fn run<T: FromRedisValue>(connection: &MultiplexedConnection, call: &Call<'_>) -> Result<T, RedisFault> {
    let mut connection = connection.clone();
    let command = |by_text| call.script.command(by_text, call.keys, call.arguments);
    match command(false).query_async(&mut connection).await.map_err(RedisFault::from) {
        Err(RedisFault::Refused { code }) if code == "NOSCRIPT" => Ok(command(true).query_async(&mut connection).await?),
        answer => answer,
    }
}

fn same(one: Option<&Arc<Link>>, other: Option<&Arc<Link>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Calls under way at once; more wait inside their deadlines.
const CALLS_MAX: usize = 4096;
