//! The store in Redis or Valkey, shared by all replicas.
//!
//! Owns: what is kept under which key, the scripts that judge it, the thread that talks to the server. Must not know:
//! deliveries, where the URL comes from.
//!
//! 1. *Atomic.* Each step is one script on one key; of all replicas' claims on a vacant identity exactly one is fresh.
//! 2. *Never a guess.* What the server did not answer within `timeout` is unavailable. A dead server costs the calls under way
//!    their deadline and every later one nothing: there is no waiting for a connection, except that a settlement may use what
//!    is left of its deadline.
//! 3. *One memory.* The key `generation` names the memory that claims are judged by, and when it began. Where the memory may
//!    have been lost (restart, flush, failover, eviction, a clock that ran ahead) a new one begins, and deliveries from
//!    before it are judged as after a cold start. Residual: a primary that was deposed behind a partition takes claims until
//!    its replicas' absence stops it (`min-replicas-to-write`), and a success that was acknowledged by it alone is lost with it.
//! 4. *The server's clock arbitrates* between replicas: a claim is remembered until `keep_until` by the later of the claimant's
//!    wall and the server's clock, and a second more; a timed one whose `keep_until` the server's clock has passed is refused,
//!    because its entry may be gone.
//! 5. *Capacity* is the server's own `maxmemory`, without eviction; there are no shares. What is settled takes less than the
//!    claim it replaces, and is taken by a full server too (from Redis 7 on).
//!
//! Why a thread of its own: workers come one runtime each, and a connection belongs to the runtime it was made on. One
//! multiplexed connection on a third thread batches the commands of all workers into few system calls, has one state to be
//! right about instead of one a worker, and outlives any of them. Callers hand their commands over a bounded channel and
//! keep their own deadlines. Start at [`RedisStore`]; then `link`, `watch`, `script`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::filling::{Crossing, Level};
use super::key::Identity;
use super::steps::Steps;
use super::store::{Answer, Claim, Owner, ReplayStore, ShareId, StoreCounters, StoreError};
use crate::domain::name::IntegrationName;
use crate::domain::time::{Clock, Now, UnixTime};

pub mod address;
mod connect;
pub mod error;
mod generation;
mod health;
mod link;
mod loose_ends;
pub mod replicas;
mod script;
#[cfg(test)]
mod tests;
mod watch;

use address::Address;
use connect::Connector;
use error::RedisOpenError;
use generation::millis;
use link::{Call, CallError, Link, Switchboard};
use loose_ends::{LooseEnd, LooseEnds};
use replicas::ReplicaScripts;
use script::Scripts;
use watch::Watch;

/// Reads the address anew: for each connection, because passwords change. `None` where it cannot be read now.
pub type ReadAddress = Box<dyn Fn() -> Option<Address> + Send>;

/// What a store is opened with.
pub struct RedisSettings {
    /// Which servers, as which user.
    pub address: Address,
    /// The same later. What cannot be read, or differs in whether it is TLS, changes nothing.
    pub reread: ReadAddress,
    /// What every key begins with.
    pub prefix: String,
    /// The deadline of every call.
    pub timeout: Duration,
    /// What the server's certificate is trusted by; the system's roots where absent.
    pub roots: Option<PathBuf>,
}

/// Claims in Redis.
pub struct RedisStore {
    shared: Arc<Shared>,
    steps: Steps,
    crossing: Crossing,
    /// Dropped with the store, it ends the thread.
    _thread: DropGuard,
}

/// What the callers and the watch share.
struct Shared {
    board: Switchboard,
    scripts: Scripts,
    replica_scripts: ReplicaScripts,
    prefix: String,
    generation_key: Vec<u8>,
    rehearsal_key: Vec<u8>,
    timeout: Duration,
    /// Between two looks at the server.
    every: Duration,
    loose_ends: LooseEnds,
    /// Whether nothing may be claimed yet, though the server could be used.
    is_held: AtomicBool,
    entries: AtomicU64,
    /// Bytes that the server has taken, and may take; nought where it has no bound.
    memory_used: AtomicU64,
    memory_max: AtomicU64,
    /// The keys that are no deliveries and are known to be there, one bit each.
    beside: AtomicU64,
    counters: StoreCounters,
}

impl RedisStore {
    /// Starts the thread and waits for its first look at the server. One that cannot be reached is no fault: the store is
    /// unavailable until it can be. One that waiting will not mend is.
    pub async fn open(settings: RedisSettings, clock: Clock) -> Result<Self, RedisOpenError> {
        Self::open_with(settings, clock, script::CLOCK, LOOK_EVERY).await
    }

    async fn open_with(
        settings: RedisSettings,
        clock: Clock,
        server_clock: &str,
        every: Duration,
    ) -> Result<Self, RedisOpenError> {
        let connector = Connector::new(settings.address, settings.reread, settings.roots.as_deref())?;
        let shared = Arc::new(Shared {
            board: Switchboard::new(settings.timeout),
            scripts: Scripts::new(server_clock),
            replica_scripts: ReplicaScripts::new(),
            generation_key: format!("{}generation", settings.prefix).into_bytes(),
            rehearsal_key: format!("{}rehearsal", settings.prefix).into_bytes(),
            prefix: settings.prefix,
            timeout: settings.timeout,
            every,
            loose_ends: LooseEnds::default(),
            is_held: AtomicBool::new(false),
            entries: AtomicU64::new(0),
            memory_used: AtomicU64::new(0),
            memory_max: AtomicU64::new(0),
            beside: AtomicU64::new(0),
            counters: StoreCounters::default(),
        });
        let (first, looked) = oneshot::channel();
        let steps = Steps::new(clock.now());
        let watch = Watch::new(Arc::clone(&shared), connector, clock);
        let thread = start(watch, first).map_err(RedisOpenError::Thread)?;
        match looked.await {
            Ok(Err(fault)) if fault.is_for_good() => Err(RedisOpenError::Unfit(fault)),
            Ok(Ok(()) | Err(_)) | Err(_) => Ok(Self { shared, steps, crossing: Crossing::default(), _thread: thread }),
        }
    }

    /// Lets nothing be claimed until [`RedisStore::release_hold`]: its owner has to hear something first.
    pub fn hold(&self) {
        self.shared.is_held.store(true, Ordering::Release);
    }

    /// Lets deliveries be claimed.
    pub fn release_hold(&self) {
        self.shared.is_held.store(false, Ordering::Release);
    }

    async fn claim_now(&self, claim: &Claim, now: Now) -> Result<Answer, StoreError> {
        if self.shared.is_held.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable);
        }
        let link = self.shared.board.link().ok_or(StoreError::Unavailable)?;
        let owner = random().map(Owner::new).ok_or(StoreError::Unavailable)?;
        let answer = self.shared.claim(&link, claim, owner, now).await;
        match answer.as_deref() {
            Ok([0]) => Ok(Answer::Fresh(owner)),
            Ok([1]) => Ok(Answer::Settled),
            Ok([2, left_ms]) => Ok(Answer::InFlight { retry_after: whole_seconds(*left_ms) }),
            // Another generation, or a clock that is not what it was.
            Ok([3 | 4]) => {
                self.shared.board.doubt(&link);
                Err(StoreError::Unavailable)
            }
            Err(CallError::Unknown) => Err(self.leave_loose(&claim.identity, owner, now, Duration::ZERO)),
            Ok(_) | Err(CallError::Undone) => Err(StoreError::Unavailable),
        }
    }

    async fn settle_now(&self, claim: &Claim, now: Now) -> Result<(), StoreError> {
        let shared = &self.shared;
        let key = shared.key(&claim.identity);
        let until = claim.keep_until.micros().saturating_add(999) / 1000;
        let (until, left) = (until.to_string(), millis(claim.keep_until.since(now.wall)).to_string());
        let (keys, arguments): ([&[u8]; 1], [&[u8]; 2]) = ([&key], [until.as_bytes(), left.as_bytes()]);
        let done = shared.board.call_until_done(|knows_script_flags| Call {
            script: shared.scripts.settle(knows_script_flags),
            keys: &keys,
            arguments: &arguments,
        });
        done.await.map(drop).map_err(|_| {
            shared.counters.count_write_failure();
            StoreError::Unavailable
        })
    }

    /// What was not done is done later, if it can be: not before every command under way is past its deadline, by the
    /// server's clock too.
    fn leave_loose(&self, identity: &Identity, owner: Owner, now: Now, in_flight: Duration) -> StoreError {
        let due = now.monotonic.plus(self.shared.timeout.saturating_mul(3));
        let in_flight_until = now.monotonic.plus(in_flight);
        self.shared.loose_ends.add(LooseEnd { identity: *identity, owner, in_flight_until, due });
        StoreError::Unavailable
    }
}

impl Shared {
    async fn claim(&self, link: &Link, claim: &Claim, owner: Owner, now: Now) -> Result<Vec<i64>, CallError> {
        let before = link.reading.server_ms_at(now).saturating_add(millis(self.timeout)).to_string();
        // An untimed delivery has a window of its own, which no clock decides.
        let until = if claim.is_timed { claim.keep_until.micros() / 1000 } else { i64::MAX }.to_string();
        let lease = at_least_a_second(claim.lease).to_string();
        let (key, held) = (self.key(&claim.identity), held(owner));
        let call = Call {
            script: &self.scripts.claim,
            keys: &[&key, &self.generation_key],
            arguments: &[link.generation.id.as_bytes(), before.as_bytes(), until.as_bytes(), &held, lease.as_bytes()],
        };
        self.board.call(link, &call).await
    }

    async fn release(&self, identity: &Identity, owner: Owner) -> Result<(), CallError> {
        let call = Call { script: &self.scripts.release, keys: &[&self.key(identity)], arguments: &[&held(owner)] };
        self.call(&call).await.map(drop)
    }

    async fn lapse(&self, identity: &Identity, owner: Owner, in_flight: Duration) -> Result<(), CallError> {
        let left = at_least_a_second(in_flight).to_string();
        let arguments: [&[u8]; 2] = [&held(owner), left.as_bytes()];
        let call = Call { script: &self.scripts.lapse, keys: &[&self.key(identity)], arguments: &arguments };
        self.call(&call).await.map(drop)
    }

    async fn call(&self, call: &Call<'_>) -> Result<Vec<i64>, CallError> {
        let link = self.board.link().ok_or(CallError::Undone)?;
        self.board.call(&link, call).await
    }

    /// The prefix and 128 bits of the identity: SHA-256 halves do not meet by chance, and every key has one length.
    fn key(&self, identity: &Identity) -> Vec<u8> {
        let half = identity.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        format!("{}{}", self.prefix, BASE64URL_NOPAD.encode(&half)).into_bytes()
    }

    fn note_memory(&self, (used, max): (u64, u64)) {
        self.memory_used.store(used, Ordering::Relaxed);
        self.memory_max.store(max, Ordering::Relaxed);
    }

    /// All keys of the database but the generation's and those that replicas talk over.
    fn note_entries(&self, keys: i64) {
        let beside = u64::from(self.beside.load(Ordering::Relaxed).count_ones()).saturating_add(1);
        self.entries.store(u64::try_from(keys).unwrap_or(0).saturating_sub(beside), Ordering::Relaxed);
    }
}

impl ReplayStore for RedisStore {
    async fn claim(&self, claim: &Claim, now: Now) -> Result<Answer, StoreError> {
        self.claim_now(claim, now).await
    }

    async fn settle(&self, claim: &Claim, now: Now) -> Result<(), StoreError> {
        self.settle_now(claim, now).await
    }

    async fn release(&self, identity: &Identity, owner: Owner, now: Now) -> Result<(), StoreError> {
        let ended = self.shared.release(identity, owner).await;
        ended.map_err(|_| self.leave_loose(identity, owner, now, Duration::ZERO))
    }

    async fn lapse(&self, identity: &Identity, owner: Owner, in_flight: Duration, now: Now) -> Result<(), StoreError> {
        let ended = self.shared.lapse(identity, owner, in_flight).await;
        ended.map_err(|_| self.leave_loose(identity, owner, now, in_flight))
    }

    async fn forget(&self, identity: &Identity, _now: Now) -> Result<bool, StoreError> {
        let call = Call { script: &self.shared.scripts.forget, keys: &[&self.shared.key(identity)], arguments: &[] };
        let forgotten = self.shared.call(&call).await.map_err(|_| StoreError::Unavailable)?;
        Ok(forgotten == [1])
    }

    /// There are no shares: the server's memory is the bound.
    fn divide(&self, integrations: &[IntegrationName]) -> Vec<ShareId> {
        vec![ShareId::COMMON; integrations.len()]
    }

    /// The server drops what is over by itself, and the watch has a thread of its own.
    fn maintain(&self, now: Now) {
        self.steps.watch(now, &self.shared.counters);
        self.crossing.watch(self.level());
    }

    /// Keys of the database at the last look, without the generation's and the replicas': exact where the database is ours alone.
    fn entries(&self) -> u64 {
        self.shared.entries.load(Ordering::Relaxed)
    }

    /// Nought: the server's `maxmemory` bounds it, not a count.
    fn capacity(&self) -> u64 {
        0
    }

    /// Of the server's memory, at the last look.
    fn level(&self) -> Level {
        let read = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed);
        Level { taken: read(&self.shared.memory_used), of: read(&self.shared.memory_max), unit: "bytes of Redis" }
    }

    fn is_available(&self, _now: Now) -> bool {
        self.shared.board.link().is_some() && !self.shared.is_held.load(Ordering::Acquire)
    }

    fn knows_since(&self, now: Now) -> Option<UnixTime> {
        self.shared.board.link().map(|link| link.generation.knows_since(now))
    }

    fn counters(&self) -> &StoreCounters {
        &self.shared.counters
    }
}

impl std::fmt::Debug for RedisStore {
    /// Whether it can be used; a claim's own `Debug` must not print connections and scripts.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RedisStore({})", if self.shared.board.link().is_some() { "linked" } else { "out" })
    }
}

/// Runs the watch on a thread with a runtime of its own, until the guard is dropped.
fn start(watch: Watch, first: watch::FirstLook) -> std::io::Result<DropGuard> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(RESOLVERS_MAX).build()?;
    let closed = CancellationToken::new();
    let until = closed.clone();
    std::thread::Builder::new().name("redis".to_owned()).spawn(move || {
        runtime.block_on(until.run_until_cancelled(watch.run(first)));
        // Looking names up cannot be cut; nobody waits for it.
        runtime.shutdown_background();
    })?;
    Ok(closed.drop_guard())
}

fn held(owner: Owner) -> [u8; 17] {
    let mut value = [b'h'; 17];
    if let Some(token) = value.last_chunk_mut::<16>() {
        *token = owner.token().to_be_bytes();
    }
    value
}

/// A number that nobody can guess.
fn random() -> Option<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(u128::from_be_bytes(bytes))
}

/// The server takes no time to live below one; ours are seconds.
fn at_least_a_second(duration: Duration) -> i64 {
    millis(duration).max(1000)
}

fn whole_seconds(millis: i64) -> Duration {
    Duration::from_secs(u64::try_from(millis).unwrap_or(0).div_ceil(1000))
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Threads that look names up, for one connection at a time.
const RESOLVERS_MAX: usize = 2;
