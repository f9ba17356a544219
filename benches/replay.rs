//! A claim and its settlement with a million deliveries remembered; what remembering one costs in memory and on disk, with one
//! million and with ten; how long a claim waits at worst while all are forgotten; how many a second each store takes, and how
//! long they take; and how long a restart reads.
//!
//! Bytes a claim in memory are the growth of this process's resident set under the allocator of the gateway, so spare capacity is
//! counted, too. The disk is the one under `target`, synced for real. Redis is `redis-server` on loopback, on the same processors;
//! where it is missing, that is said.

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::{Clock, Now, UnixTime};
use hookward::gate::replay::disk::DiskStore;
use hookward::gate::replay::key::Identity;
use hookward::gate::replay::memory::MemoryStore;
use hookward::gate::replay::redis::address::Address;
use hookward::gate::replay::redis::{RedisSettings, RedisStore};
use hookward::gate::replay::store::{Answer, Claim, ReplayStore, ShareId, Store};
use sha2::{Digest, Sha256};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELD: u64 = 1_000_000;
const HELD_MOST: u64 = 10_000_000;
/// Room for the most in the common nine tenths.
const CAPACITY: u64 = 12_000_000;

struct Held {
    store: MemoryStore,
    share: ShareId,
    clock: Clock,
}

fn claim_of(number: u64, share: ShareId, now: Now) -> Claim {
    let identity = Identity::from_bytes(Sha256::digest(number.to_be_bytes()).into());
    let keep_until = now.wall.plus(Duration::from_secs(601));
    Claim { identity, share, keep_until, is_timed: true, lease: Duration::from_secs(30) }
}

/// A memory store is ready at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a memory store never waits"),
    }
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 4096
}

impl Held {
    fn open() -> Self {
        let clock = Clock::manual(UnixTime::from_seconds(1_700_000_000));
        let store = MemoryStore::new(CAPACITY, clock.now());
        let share = store.divide(&["payments".parse().unwrap_or_else(|_| unreachable!())]).first().copied();
        Self { store, share: share.unwrap_or(ShareId::COMMON), clock }
    }

    fn claim_and_settle(&self, claim: &Claim, now: Now) -> bool {
        let fresh = matches!(ready(self.store.claim(claim, now)), Ok(Answer::Fresh(_)));
        fresh && ready(self.store.settle(claim, now)).is_ok()
    }

    #[expect(clippy::print_stdout, reason = "a bench says what it measured")]
    fn fill(&self, held: u64) {
        let now = self.clock.now();
        let before = resident_bytes();
        let taken = (0..held).filter(|number| self.claim_and_settle(&claim_of(*number, self.share, now), now)).count();
        let grown = resident_bytes().saturating_sub(before);
        println!("{taken} held in memory: {} bytes of resident memory a claim, {} MiB", grown / held, grown >> 20);
    }

    /// Everything held is over; maintenance drops it while claims go on.
    #[expect(clippy::print_stdout, reason = "a bench says what it measured")]
    #[expect(clippy::disallowed_methods, reason = "a bench measures wall time")]
    fn expire(&self) {
        self.clock.advance(Duration::from_secs(700));
        let (now, before) = (self.clock.now(), self.store.entries());
        let is_over = AtomicBool::new(false);
        let claiming = || {
            let mut waits = Vec::new();
            for number in (u64::MAX / 2).. {
                let claim = claim_of(number, self.share, now);
                let asked = Instant::now();
                black_box(self.claim_and_settle(&claim, now));
                waits.push(asked.elapsed());
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            waits.sort_unstable();
            waits
        };
        std::thread::scope(|scope| {
            let claims = scope.spawn(claiming);
            let begun = Instant::now();
            (0..8).for_each(|_| self.store.maintain(now));
            let took = begun.elapsed();
            is_over.store(true, Ordering::Relaxed);
            let waits = claims.join().unwrap_or_default();
            let at =
                |thousandth: usize| waits.get(waits.len().saturating_sub(1) * thousandth / 1000).copied().unwrap_or_default();
            println!(
                "{before} dropped in {took:?}; a claim meanwhile: p50 {:?}, p99.9 {:?}, longest {:?}",
                at(500),
                at(999),
                at(1000)
            );
        });
    }
}

fn replay(criterion: &mut Criterion) {
    let held = Held::open();
    held.fill(HELD);
    Held::open().fill(HELD_MOST);
    let now = held.clock.now();
    let next = AtomicU64::new(HELD);
    let number = || next.fetch_add(1, Ordering::Relaxed);
    let mut group = criterion.benchmark_group("replay_1m_held");
    // Forgotten again at once, so that the store neither grows nor fills up while it is measured.
    group.bench_function("claim_settle_forget", |bencher| {
        bencher.iter_batched_ref(
            || claim_of(number(), held.share, now),
            |claim| {
                let fresh = held.claim_and_settle(claim, now);
                black_box(fresh && ready(held.store.forget(&claim.identity, now)).is_ok())
            },
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("replay", |bencher| {
        bencher.iter_batched_ref(
            || claim_of(number() % HELD, held.share, now),
            |claim| black_box(ready(held.store.claim(claim, now)) == Ok(Answer::Settled)),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
    held.expire();
}

/// How many deliveries a second a store takes from so many that are under way at once, on two threads.
#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
#[expect(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "a bench measures wall time")]
fn load(name: &str, store: &Arc<Store>, clock: &Clock, next: &Arc<AtomicU64>, (under_way, total): (u64, u64)) {
    let begun = Instant::now();
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| {
            scope.spawn(|| {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return Vec::new() };
                runtime.block_on(async {
                    let each = total / 2 / under_way.div_ceil(2);
                    let deliver = |_| tokio::spawn(deliveries(Arc::clone(store), clock.clone(), Arc::clone(next), each));
                    let tasks: Vec<_> = (0..under_way.div_ceil(2)).map(deliver).collect();
                    let mut waits = Vec::new();
                    for task in tasks {
                        waits.extend(task.await.unwrap_or_default());
                    }
                    waits
                })
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |hundredth: usize| waits.get(waits.len() * hundredth / 100).copied().unwrap_or_default();
    let (half, most, longest) = (at(50), at(99), waits.last().copied().unwrap_or_default());
    println!(
        "{name:<7} {under_way:>5} at once: {rate:>9.0} a second, p50 {half:>9.1?}, p99 {most:>9.1?}, longest {longest:>9.1?}"
    );
}

/// Claims and settles one after the other; how long each took.
#[expect(clippy::disallowed_methods, reason = "a bench measures wall time")]
async fn deliveries(store: Arc<Store>, clock: Clock, next: Arc<AtomicU64>, count: u64) -> Vec<Duration> {
    let mut waits = Vec::new();
    for _ in 0..count {
        let claim = claim_of(next.fetch_add(1, Ordering::Relaxed), ShareId::COMMON, clock.now());
        let asked = Instant::now();
        let fresh = matches!(store.claim(&claim, clock.now()).await, Ok(Answer::Fresh(_)));
        if fresh && store.settle(&claim, clock.now()).await.is_ok() {
            waits.push(asked.elapsed());
        }
        // As a delivery that goes to an upstream would.
        tokio::task::yield_now().await;
    }
    waits
}

fn bytes_under(folder: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
#[expect(clippy::disallowed_methods, reason = "a bench measures wall time")]
fn stores_under_load(_: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) else { return };
    let clock = Clock::manual(UnixTime::from_seconds(1_700_000_000));
    let open = || DiskStore::open(folder.path(), CAPACITY, clock.now()).map(|store| Arc::new(Store::Disk(store)));
    let Ok(disk) = open() else { return };
    let memory = Arc::new(Store::Memory(MemoryStore::new(CAPACITY, clock.now())));
    let next = Arc::new(AtomicU64::new(0));
    for under_way in [1, 8, 64, 512, 4096] {
        let total = (under_way * 400).clamp(2000, 200_000);
        load("memory", &memory, &clock, &next, (under_way, total));
        load("disk", &disk, &clock, &next, (under_way, total));
    }
    drop(memory);
    for held in [HELD, HELD_MOST] {
        load("disk", &disk, &clock, &next, (4096, held.saturating_sub(disk.entries())));
        let entries = disk.entries();
        println!("{entries} on disk: {} bytes a claim", bytes_under(&folder.path().join("replay")) / entries.max(1));
    }
    drop(disk);
    for restart in ["first", "second"] {
        let (begun, before) = (Instant::now(), resident_bytes());
        let Ok(again) = open() else { return };
        let grown = resident_bytes().saturating_sub(before);
        println!("{restart} restart: {} remembered in {:?}, {} bytes of memory", again.entries(), begun.elapsed(), grown);
        if restart == "second" {
            clock.advance(Duration::from_secs(700));
            println!("while all of them are forgotten and their files unlinked:");
            std::thread::scope(|scope| {
                scope.spawn(|| (0..8).for_each(|_| again.maintain(clock.now())));
                load("disk", &again, &clock, &next, (64, 100_000));
            });
            println!("{} left, {} bytes on disk", again.entries(), bytes_under(&folder.path().join("replay")));
        }
    }
}

/// The same of a Redis on this machine, which the server itself is a part of.
#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
fn redis_under_load(_: &mut Criterion) {
    let Some(server) = RedisServer::start() else {
        println!("redis: redis-server is missing, nothing measured");
        return;
    };
    let clock = Clock::system();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let Some(store) = runtime.block_on(server.open(clock.clone())) else { return };
    let (store, next) = (Arc::new(Store::Redis(store)), Arc::new(AtomicU64::new(0)));
    for under_way in [1, 8, 64, 512] {
        load("redis", &store, &clock, &next, (under_way, (under_way * 400).clamp(5000, 100_000)));
    }
    let (before, used) = (next.load(Ordering::Relaxed), server.used_bytes());
    load("redis", &store, &clock, &next, (512, HELD));
    let grown = server.used_bytes().saturating_sub(used);
    println!("redis: {} bytes of its memory a claim", grown / (next.load(Ordering::Relaxed) - before).max(1));
}

/// A Redis of our own, ended by its pid.
struct RedisServer {
    child: Child,
    port: u16,
}

impl RedisServer {
    /// Nothing where there is none to start.
    #[expect(clippy::disallowed_methods, reason = "a bench may be told which server to measure")]
    fn start() -> Option<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?.local_addr().ok()?.port();
        let program = std::env::var_os("HOOKWARD_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let settings = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &port.to_string()];
        let child = Command::new(program).args(settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { child, port };
        for _ in 0..500 {
            if server.info().is_some() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    async fn open(&self, clock: Clock) -> Option<RedisStore> {
        let url = format!("redis://127.0.0.1:{}", self.port);
        let address = Address::parse(&SecretBytes::new(url.into_bytes())).ok()?;
        let (reread, timeout) = (Box::new(|| None), Duration::from_secs(5));
        let settings = RedisSettings { address, reread, prefix: "hookward:".to_owned(), timeout, roots: None };
        RedisStore::open(settings, clock).await.ok()
    }

    fn info(&self) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.write_all(b"INFO memory\r\nQUIT\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok().map(|_| text)
    }

    fn used_bytes(&self) -> u64 {
        let info = self.info().unwrap_or_default();
        info.lines().find_map(|line| line.trim_end().strip_prefix("used_memory:")?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = replay, stores_under_load, redis_under_load
}
criterion_main!(benches);
