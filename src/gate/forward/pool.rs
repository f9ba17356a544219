//! One worker's connections to one upstream: how many at once, and which stay open between requests.
//!
//! Invariants:
//! 1. At most `IN_USE_MAX` requests are under way, at most `WAITING_MAX` wait for one of them to end, for a bounded time. One
//!    whose turn would come too late, as long as the last ones took, is told so at once instead of at its deadline.
//! 2. At most `IDLE_MAX` connections are idle, none longer than `IDLE_TIMEOUT`, which is shorter than most upstreams'
//!    own: a connection is closed by us before it is closed under a request.
//! 3. No connection is used again that is older than `AGE_MAX`, however busy it is: behind the same name there may be another
//!    address by now, and each new connection asks for it anew.
//! 4. The last one used is the first one taken, so that after a burst the surplus grows old and goes.
//! 5. The lock is held for moves of memory only.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::error::ForwardError;
use super::upstream::Target;
use crate::domain::time::{Clock, Monotonic};

/// The connections of one worker to one upstream.
pub struct UpstreamPool {
    pub(super) target: Arc<Target>,
    pub(super) clock: Clock,
    /// Shared with the sweeper only.
    idle: Arc<Mutex<Idle>>,
    idle_timeout: Duration,
    in_use: Semaphore,
    waiting: Semaphore,
    /// How long one request holds its place, in microseconds: an average over the last ones of a busy time.
    held_us: AtomicU64,
}

/// The right to use one connection.
pub(super) struct Slot<'p> {
    pool: &'p UpstreamPool,
    _permit: SemaphorePermit<'p>,
    /// Taken while many were under way.
    since: Option<Monotonic>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(since) = self.since {
            self.pool.note_held(self.pool.clock.now().monotonic.since(since));
        }
    }
}

#[derive(Default)]
struct Idle {
    /// The newest at the back.
    connections: VecDeque<Parked>,
    /// Whether a sweeper runs.
    swept: bool,
}

struct Parked {
    connection: Connection,
    since: Monotonic,
}

impl UpstreamPool {
    pub(super) fn new(target: Arc<Target>, clock: Clock, idle_timeout: Duration) -> Self {
        Self {
            target,
            clock,
            idle: Arc::default(),
            idle_timeout,
            in_use: Semaphore::new(IN_USE_MAX),
            waiting: Semaphore::new(WAITING_MAX),
            held_us: AtomicU64::new(0),
        }
    }

    /// The right to use one connection; waits no longer than connecting may take.
    pub(super) async fn slot(&self) -> Result<Slot<'_>, ForwardError> {
        if let Ok(permit) = self.in_use.try_acquire() {
            return Ok(self.held(permit));
        }
        let share = self.target.connect_share();
        let _place = self.waiting.try_acquire().map_err(|_| ForwardError::Busy)?;
        // Some take longer than the average of them.
        if self.expected_wait() > share / 4 * 3 {
            return Err(ForwardError::Busy);
        }
        match timeout(share, self.in_use.acquire()).await {
            Ok(Ok(permit)) => Ok(self.held(permit)),
            Ok(Err(_)) | Err(_) => Err(ForwardError::Busy),
        }
    }

    fn held<'p>(&'p self, permit: SemaphorePermit<'p>) -> Slot<'p> {
        let is_busy = self.in_use.available_permits() < IN_USE_MAX - BUSY_FROM;
        Slot { pool: self, _permit: permit, since: is_busy.then(|| self.clock.now().monotonic) }
    }

    /// Counts one sixteenth. Two at once may lose one of them, which an average can bear.
    fn note_held(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let average = match self.held_us.load(Ordering::Relaxed) {
            0 => took,
            average => average.saturating_sub(average / 16).saturating_add(took / 16),
        };
        self.held_us.store(average, Ordering::Relaxed);
    }

    /// When the last one that waits has its turn at the latest: those who came at once end at once, so turns come in rounds.
    fn expected_wait(&self) -> Duration {
        let waiting = WAITING_MAX.saturating_sub(self.waiting.available_permits());
        let rounds = u64::try_from(waiting.div_ceil(IN_USE_MAX)).unwrap_or(u64::MAX);
        Duration::from_micros(self.held_us.load(Ordering::Relaxed).saturating_mul(rounds))
    }

    /// The connection used last that may be used again. Its upstream may have ended it: sending finds that out.
    pub(super) fn take_idle(&self, now: Monotonic) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.sweep(now, self.idle_timeout);
        let mut connections = std::iter::from_fn(|| idle.connections.pop_back()).map(|parked| parked.connection);
        connections.find(|connection| may_stay(connection, now))
    }

    /// Keeps a connection for the next request. One whose exchange is not over is closed: an upstream that answered without
    /// reading the whole request would hold its bytes for as long as it likes.
    pub(super) fn park(&self, connection: Connection, now: Monotonic) {
        if !may_stay(&connection, now) {
            return;
        }
        let mut idle = self.idle.lock();
        idle.sweep(now, self.idle_timeout);
        if idle.connections.len() >= IDLE_MAX {
            return;
        }
        idle.connections.push_back(Parked { connection, since: now });
        if !idle.swept {
            idle.swept = true;
            tokio::spawn(sweep_until_empty(Arc::downgrade(&self.idle), self.clock.clone(), self.idle_timeout));
        }
    }

    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.idle.lock().connections.len()
    }
}

impl Idle {
    fn sweep(&mut self, now: Monotonic, idle_timeout: Duration) {
        // Parked one after the other, so the oldest stand in front.
        while self.connections.front().is_some_and(|parked| now.since(parked.since) >= idle_timeout) {
            self.connections.pop_front();
        }
    }

    fn drop_ended(&mut self, now: Monotonic) {
        self.connections.retain_mut(|parked| may_stay(&parked.connection, now) && parked.connection.is_ready());
    }
}

fn may_stay(connection: &Connection, now: Monotonic) -> bool {
    connection.age(now) < AGE_MAX && connection.is_free()
}

/// Closes what nobody asks for any more. Ends when nothing is idle or the pool is gone.
async fn sweep_until_empty(idle: Weak<Mutex<Idle>>, clock: Clock, idle_timeout: Duration) {
    loop {
        sleep(idle_timeout.min(LOOK_EVERY)).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut idle = idle.lock();
        let now = clock.now().monotonic;
        idle.sweep(now, idle_timeout);
        idle.drop_ended(now);
        if idle.connections.is_empty() {
            idle.swept = false;
            return;
        }
    }
}

/// Requests under way at once.
pub(super) const IN_USE_MAX: usize = 256;

/// From how many on the time that each takes is looked at.
const BUSY_FROM: usize = IN_USE_MAX / 4;

/// Requests that wait for one of them to end.
pub(super) const WAITING_MAX: usize = 1024;

/// Connections kept for later.
const IDLE_MAX: usize = 64;

/// How often the sockets of idle ones are looked at: what an upstream ended is closed by us, too.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a connection is used.
pub(super) const AGE_MAX: Duration = Duration::from_secs(30);

/// How long they are kept.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
