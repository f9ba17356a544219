//! Ten thousand connections at a time: what each kind costs the gateway, and what an honest sender notices of it.
//!
//! A program of its own, for `make soak`: it takes minutes and as many descriptors as it opens connections. Every attack is
//! bounded in number and time and goes to loopback. `SOAK_CONNECTIONS` says how many, ten thousand unless it is set;
//! `SOAK_ATTACK` names the attacks to run, all of them unless it is set. What it prints stands in docs/limits.md.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a fault ends the run")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it says what it measured")]
#![expect(clippy::disallowed_methods, reason = "the outside of the gateway has a clock of its own")]
#![expect(dead_code, reason = "the support is the integration suite's, and not all of it is needed")]

#[path = "../it/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use support::certificate::Certificate;
use support::client::{HOST, header_lines};
use support::config::{Config, Integration};
use support::frames::{DATA, END_HEADERS, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, as_pairs, block, frame, head_of};
use support::gateway::Gateway;
use support::poll;
use support::process::{processor_ticks, resident_kib};
use support::provider::Provider;
use support::upstream::{Reply, Upstream};

const PROVIDER: Provider = Provider::StandardWebhooks;
/// As many connections of one source as the default allows.
const OF_ONE_SOURCE: usize = 500;
/// MEM-01: the budget of bodies, 256 MiB, and 200 MiB for ten thousand connections and everything else.
const MEM_01_MAX_KIB: u64 = (256 + 200) << 10;

/// One attack: a name to choose it by, and what it does with so many connections.
type Attack = (&'static str, fn(usize));

const ATTACKS: [Attack; 12] = [
    ("nothing", |_| flood("nothing", |_| std::thread::sleep(Duration::from_millis(100)))),
    ("idle-tls", |count| idle(count, true)),
    ("idle-clear", |count| idle(count, false)),
    ("silent", silent),
    ("slow-heads", slow_heads),
    ("slow-uploads", slow_uploads),
    ("slow-readers", slow_readers),
    ("handshakes", |_| flood("full handshakes", |gateway| drop(tls(gateway.ports().public, source(1))))),
    ("churn", |_| flood("connections opened and closed", |gateway| drop(dial(gateway.ports().public, source(1))))),
    ("ping", |_| flood("HTTP/2 PING", |gateway| frames(gateway, &frame(PING, 0, 0, &[7; 8]).repeat(100), 200))),
    ("settings", |_| {
        flood("HTTP/2 SETTINGS", |gateway| frames(gateway, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100), 200))
    }),
    ("rapid-reset", |_| flood("HTTP/2 HEADERS and RST_STREAM", rapid_reset)),
];

fn main() {
    let wanted = std::env::var("SOAK_CONNECTIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let only = std::env::var("SOAK_ATTACK").ok();
    println!("{wanted} connections at a time; processor time is of the gateway alone, latency of an honest sender meanwhile");
    println!("| attack | memory | processor time | p50 | p99 |\n| --- | --- | --- | --- | --- |");
    let chosen = |name: &str| only.as_deref().is_none_or(|only| only.split(',').any(|word| word == name));
    for (_, attack) in ATTACKS.iter().filter(|(name, _)| chosen(name)) {
        attack(wanted);
    }
    println!("everything as it must be");
}

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url())).set(
        "rate_limit",
        "per_source",
        "{ rate = \"100000/s\", burst = 100000 }",
    )
}

/// The source of the connection with this number.
fn source(index: usize) -> Ipv4Addr {
    let number = index / OF_ONE_SOURCE + 1;
    Ipv4Addr::new(127, 1, u8::try_from(number / 250).expect("fits"), u8::try_from(number % 250 + 1).expect("fits"))
}

fn dial(port: u16, from: Ipv4Addr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into()).expect("a loopback address");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.connect_timeout(&to.into(), Duration::from_secs(10)).expect("a connection");
    let socket = TcpStream::from(socket);
    socket.set_write_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    socket
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn tls(port: u16, from: Ipv4Addr) -> Option<Tls> {
    tls_speaking(port, from, &[])
}

fn tls_speaking(port: u16, from: Ipv4Addr, protocols: &[&str]) -> Option<Tls> {
    let mut client = (*Certificate::shared().client_speaking(protocols)).clone();
    client.resumption = rustls::client::Resumption::disabled();
    let session = ClientConnection::new(Arc::new(client), ServerName::try_from(HOST).expect("a name")).expect("a session");
    let mut stream = StreamOwned::new(session, dial(port, from));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    Some(stream)
}

/// What an honest sender measured: half of its deliveries were faster, one in a hundred was slower.
struct Honest {
    p50: Duration,
    p99: Duration,
}

/// Delivers for so long, a few a second, and asserts that every one is taken.
fn honest(gateway: &Gateway, lasting: Duration) -> Honest {
    let end = Instant::now() + lasting;
    let mut took = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "an honest delivery is taken");
        took.push(begun.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    took.sort();
    Honest { p50: took[took.len() / 2], p99: took[took.len() * 99 / 100] }
}

fn say(name: &str, memory: &str, processor: &str, honest: &Honest) {
    println!("| {name} | {memory} | {processor} | {:.1?} | {:.1?} |", honest.p50, honest.p99);
}

/// Opens connections with as many threads as there are cores.
fn open<T: Send>(count: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut held = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return held;
            }
            held.push(one(index));
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    })
}

fn open_connections(gateway: &Gateway) -> usize {
    let text = gateway.metrics().sum("hookward_connections", &[]).to_string();
    text.parse().expect("a whole number")
}

fn settles(gateway: &Gateway) {
    let gone = poll(Duration::from_secs(40), || (open_connections(gateway) <= 1).then_some(()));
    assert!(gone.is_some(), "{} are still open", open_connections(gateway));
}

/// Connections that are through their handshake and have nothing to say.
fn idle(count: usize, secure: bool) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).plain().set("limits", "header_timeout", "\"60s\""));
    honest(&gateway, Duration::from_secs(1));
    let (before, used) = (resident_kib(gateway.pid()), processor_ticks(gateway.pid()));
    let held = open(count.saturating_sub(100), |index| {
        if secure {
            (tls(gateway.ports().public, source(index)), None)
        } else {
            (None, Some(dial(gateway.ports().plain, source(index))))
        }
    });
    let all = poll(Duration::from_secs(10), || (open_connections(&gateway) >= held.len()).then_some(()));
    assert!(all.is_some(), "{} of {} are open", open_connections(&gateway), held.len());
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    let used = processor_ticks(gateway.pid()) - used;
    let honest = honest(&gateway, Duration::from_secs(2));
    let memory =
        format!("{:.1} KiB each", f64::from(u32::try_from(grown).unwrap()) / f64::from(u32::try_from(held.len()).unwrap()));
    say(if secure { "idle over TLS" } else { "idle in the clear" }, &memory, &format!("{used}0 ms"), &honest);
    assert!(grown < 40 * u64::try_from(held.len()).unwrap(), "{memory}");
    drop(held);
    settles(&gateway);
    gateway.finish();
}

/// Connections that do not even begin a handshake.
fn silent(count: usize) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let (before, used) = (resident_kib(gateway.pid()), processor_ticks(gateway.pid()));
    let held = open(count.saturating_sub(100), |index| dial(gateway.ports().public, source(index)));
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    let honest = honest(&gateway, Duration::from_secs(4));
    let used = processor_ticks(gateway.pid()) - used;
    say("no handshake", &format!("{grown} KiB"), &format!("{used}0 ms"), &honest);
    // The senders still hold them: the gateway does not.
    settles(&gateway);
    drop(held);
    gateway.finish();
}

/// Heads without an end, a byte at a time, behind a handshake.
fn slow_heads(count: usize) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let (before, used) = (resident_kib(gateway.pid()), processor_ticks(gateway.pid()));
    let over = AtomicBool::new(false);
    let (peak, honest) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut held = open(count.saturating_sub(100), |index| {
                let mut stream = tls(gateway.ports().public, source(index))?;
                stream.write_all(b"POST /hooks/standard-webhooks HTTP/1.1\r\nX: ").ok()?;
                Some(stream)
            });
            while !over.load(Ordering::Relaxed) {
                for stream in held.iter_mut().flatten() {
                    let _closed = stream.write_all(b"a");
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        let watched = scope.spawn(|| peak_kib(&gateway, &over));
        let honest = honest(&gateway, Duration::from_secs(12));
        over.store(true, Ordering::Relaxed);
        (watched.join().expect("a thread"), honest)
    });
    let used = processor_ticks(gateway.pid()) - used;
    say("slow heads over TLS", &format!("{} MiB", peak.saturating_sub(before) / 1024), &format!("{used}0 ms"), &honest);
    settles(&gateway);
    gateway.finish();
}

/// Senders whose deliveries are taken, and who do not take the answer.
fn slow_readers(count: usize) {
    let upstream = Upstream::start();
    let answer = Reply::Answer(200, "", vec![b'x'; 64 << 10]);
    upstream.choose(move |request| if request.header("x-slow").is_some() { answer.clone() } else { Reply::ok() });
    let gateway = Gateway::start(config(&upstream));
    let (before, used) = (resident_kib(gateway.pid()), processor_ticks(gateway.pid()));
    let over = AtomicBool::new(false);
    // As many as two cores can sign for and an upstream of one thread a connection can answer.
    let (peak, honest) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let held = open(count / 5, |index| {
                let mut stream = tls(gateway.ports().public, source(index))?;
                let delivery = PROVIDER.delivery();
                let headers = [delivery.headers.as_slice(), &[("X-Slow".to_owned(), "1".to_owned())]].concat();
                stream.write_all(&support::client::request(&PROVIDER.path(), &headers, &delivery.body)).ok()?;
                Some(stream)
            });
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
            }
            drop(held);
        });
        let watched = scope.spawn(|| peak_kib(&gateway, &over));
        let honest = honest(&gateway, Duration::from_secs(12));
        over.store(true, Ordering::Relaxed);
        (watched.join().expect("a thread"), honest)
    });
    let used = processor_ticks(gateway.pid()) - used;
    let name = format!("{} answers of 64 KiB that are not read", count / 5);
    say(&name, &format!("{} MiB", peak.saturating_sub(before) / 1024), &format!("{used}0 ms"), &honest);
    settles(&gateway);
    gateway.finish();
}

/// The most memory that the gateway had until it is over.
fn peak_kib(gateway: &Gateway, over: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !over.load(Ordering::Relaxed) {
        peak = resident_kib(gateway.pid()).max(peak);
        std::thread::sleep(Duration::from_millis(100));
    }
    peak
}

/// What the gateway had when it had the most memory.
#[derive(Default)]
struct Peak {
    kib: u64,
    connections: usize,
    /// Of the budget of bodies.
    inflight_bytes: f64,
}

/// The same, with what was open and what the budget counted then.
fn peak(gateway: &Gateway, over: &AtomicBool) -> Peak {
    let mut peak = Peak::default();
    while !over.load(Ordering::Relaxed) {
        let kib = resident_kib(gateway.pid());
        if kib > peak.kib {
            let inflight_bytes = gateway.metrics().sum("hookward_inflight_bytes", &[]);
            peak = Peak { kib, connections: open_connections(gateway), inflight_bytes };
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    peak
}

/// Uploads of a MiB each, a few bytes at a time.
fn slow_uploads(count: usize) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "body_timeout", "\"10s\""));
    let (before, used) = (resident_kib(gateway.pid()), processor_ticks(gateway.pid()));
    let delivery = PROVIDER.delivery();
    let mut head = format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1048576\r\n", PROVIDER.path()).into_bytes();
    head.extend_from_slice(&header_lines(&delivery.headers));
    head.extend_from_slice(b"\r\n");
    let over = AtomicBool::new(false);
    let (peak, honest) = std::thread::scope(|scope| {
        let uploads = scope.spawn(|| {
            let mut held = open(count.saturating_sub(100), |index| {
                let mut stream = tls(gateway.ports().public, source(index))?;
                stream.write_all(&head).ok()?;
                Some(stream)
            });
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                for stream in held.iter_mut().flatten() {
                    let _refused = stream.write_all(&[b'a'; 4096]);
                }
                // Just above the rate that is asked for.
                std::thread::sleep(Duration::from_millis(600).saturating_sub(begun.elapsed()));
            }
        });
        let watched = scope.spawn(|| peak(&gateway, &over));
        let honest = honest(&gateway, Duration::from_secs(25));
        over.store(true, Ordering::Relaxed);
        uploads.join().expect("a thread");
        (watched.join().expect("a thread"), honest)
    });
    let used = processor_ticks(gateway.pid()) - used;
    let Peak { kib, connections, inflight_bytes } = peak;
    let name = format!("{connections} slow uploads of 1 MiB (bound: {} MiB)", MEM_01_MAX_KIB / 1024);
    let memory = format!("{} MiB, {:.0} of it counted", kib / 1024, inflight_bytes / 1_048_576.0);
    say(&name, &memory, &format!("{used}0 ms"), &honest);
    assert!(kib <= MEM_01_MAX_KIB, "MEM-01: {kib} KiB resident, of which {before} KiB were there before");
    settles(&gateway);
    gateway.finish();
}

/// The same thing over and over for some seconds.
fn flood(name: &str, attack: impl Fn(&Gateway) + Sync) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    honest(&gateway, Duration::from_secs(1));
    let (before, used) = (resident_kib(gateway.pid()), processor_ticks(gateway.pid()));
    let (over, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let honest = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                attack(&gateway);
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
        let honest = honest(&gateway, Duration::from_secs(5));
        over.store(true, Ordering::Relaxed);
        honest
    });
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    let used = processor_ticks(gateway.pid()) - used;
    let rounds = rounds.load(Ordering::Relaxed) / 5;
    say(&format!("{name}, {rounds}/s"), &format!("{grown} KiB"), &format!("{used}0 ms"), &honest);
    assert!(grown < 100_000 && honest.p99 < Duration::from_secs(1));
    settles(&gateway);
    gateway.finish();
}

/// An HTTP/2 connection, and the same frames until it is closed or so many times.
fn frames(gateway: &Gateway, bytes: &[u8], times: usize) {
    let Some(mut stream) = tls_speaking(gateway.ports().public, source(1), &["h2"]) else { return };
    let _ = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat());
    for _ in 0..times {
        if stream.write_all(bytes).is_err() {
            return;
        }
    }
    let mut rest = [0; 4096];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

fn rapid_reset(gateway: &Gateway) {
    let Some(mut stream) = tls_speaking(gateway.ports().public, source(1), &["h2"]) else { return };
    let _ = stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat());
    let head = block(&as_pairs(&head_of(&PROVIDER.delivery(), &PROVIDER.path())));
    for number in (1..10_000).step_by(2) {
        let opened = [frame(HEADERS, END_HEADERS, number, &head), frame(DATA, 0, number, b"a")].concat();
        let reset = frame(RST_STREAM, 0, number, &[0, 0, 0, 8]);
        if stream.write_all(&[opened, reset].concat()).is_err() {
            return;
        }
    }
}
