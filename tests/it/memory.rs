//! Memory: what senders announce costs nothing, what they send is counted, and what is counted is all there is.
//!
//! The same at full size, ten thousand connections, is `make soak`; docs/limits.md has its figures.

#![expect(clippy::cast_precision_loss, reason = "counts of some thousands are exact in f64")]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::client::{HOST, header_lines, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::process::{processor_ticks, resident_kib};
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, poll, unix_now};

const PROVIDER: Provider = Provider::StandardWebhooks;
const CROWD: usize = 300;
/// What one connection with TLS, its buffers and its task may take, in a debug build.
const OF_ONE_CONNECTION_KIB: u64 = 100;

fn source(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(index / 40 + 1).unwrap())
}

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

fn sized(bytes: usize) -> Delivery {
    PROVIDER.sign(&PROVIDER.secret("current"), &fresh_id(), unix_now(), &vec![b'a'; bytes])
}

/// The head of a delivery that announces so many bytes.
fn announced(length: usize) -> Vec<u8> {
    let delivery = PROVIDER.delivery();
    let mut head = format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n", PROVIDER.path()).into_bytes();
    head.extend_from_slice(&header_lines(&delivery.headers));
    head.extend_from_slice(b"\r\n");
    head
}

/// Waits until everything was given back.
#[track_caller]
fn at_rest(gateway: &Gateway) {
    let rest = poll(Duration::from_secs(20), || {
        let metrics = gateway.metrics();
        let held = metrics.sum("hookward_inflight_bytes", &[]) + metrics.sum("hookward_inflight_requests", &[]);
        (held < 0.5).then_some(())
    });
    assert!(rest.is_some(), "{}", gateway.metrics().text);
}

#[test]
fn mem_01_slow_uploads_share_one_budget() {
    const BUDGET_KIB: u64 = 16 << 10;
    let upstream = Upstream::start();
    let limits = config(&upstream).set("limits", "max_inflight_bytes", "\"16MiB\"").set("limits", "body_timeout", "\"6s\"");
    let gateway = Gateway::start(limits);
    assert_eq!(gateway.deliver(&sized(1000)).status, 200);
    let before = resident_kib(gateway.pid());
    let mut uploads = (0..CROWD)
        .map(|index| {
            let mut connection = gateway.connect_from(source(index));
            connection.send(&announced(1 << 20));
            connection
        })
        .collect::<Vec<_>>();
    // Together they send six times the budget, in pieces that fill half of what they are read into.
    let mut peak = before;
    for _ in 0..80 {
        for connection in &mut uploads {
            let _refused = connection.try_send(&[b'a'; 4096]);
        }
        peak = peak.max(resident_kib(gateway.pid()));
    }
    let held = gateway.metrics().sum("hookward_inflight_bytes", &[]);
    assert!(held < 16.0 * 1024.0 * 1024.0 + 0.5, "{held}");
    let grown = peak - before;
    let allowed = BUDGET_KIB * 3 / 2 + OF_ONE_CONNECTION_KIB * CROWD as u64;
    eprintln!("{CROWD} slow uploads against a budget of {BUDGET_KIB} KiB: {grown} KiB more resident");
    assert!(grown < allowed, "{grown} of {allowed} KiB");
    let mut refused = 0;
    for mut connection in uploads {
        if let Ok(answer) = connection.try_answer(Duration::from_secs(10)) {
            assert!([408, 503].contains(&answer.status), "{}", answer.status);
            assert!(answer.closed);
            refused += u64::from(answer.status == 503);
        }
    }
    assert!(refused > 0, "the budget was hit");
    at_rest(&gateway);
    let metrics = gateway.metrics();
    let hits = |limit| metrics.sum("hookward_limit_reached_total", &[("limit", limit)]);
    assert!(hits("inflight_bytes") + hits("inflight_bytes_per_source") > 0.5, "{}", metrics.text);
    let refusals = metrics.sum("hookward_requests_total", &[("outcome", "refused")]);
    assert!((refusals - CROWD as f64).abs() < 0.5, "one decision each: {refusals}");
    assert_eq!(upstream.received().len(), 1);
    assert_eq!(gateway.deliver(&sized(1000)).status, 200);
    gateway.finish();
}

#[test]
fn mem_02_what_is_announced_is_not_reserved() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let before = resident_kib(gateway.pid());
    let announcements = (0..CROWD)
        .map(|index| {
            let mut connection = gateway.connect_from(source(index));
            connection.send(&announced(1 << 20));
            connection
        })
        .collect::<Vec<_>>();
    let begun = poll(Duration::from_secs(5), || (gateway.metrics().sum("hookward_inflight_requests", &[]) > 10.0).then_some(()));
    assert!(begun.is_some(), "they are being read");
    let metrics = gateway.metrics();
    assert!(metrics.sum("hookward_inflight_bytes", &[]) < 0.5, "nothing came, nothing is held");
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    assert!(grown < OF_ONE_CONNECTION_KIB * CROWD as u64, "{grown} KiB for announcements of {CROWD} MiB");
    assert_eq!(gateway.deliver(&sized(200_000)).status, 200, "and nobody else is refused for them");
    for mut connection in announcements {
        connection.answer().refused(408, "timeout");
    }
    assert_eq!(upstream.received().len(), 1);
    at_rest(&gateway);
    let metrics = gateway.metrics();
    let timeouts = metrics.sum("hookward_requests_total", &[("reason", "body_timeout")]);
    assert!((timeouts - CROWD as f64).abs() < 0.5, "{timeouts}");
    gateway.finish();
}

#[test]
fn mem_03_large_heads_are_not_collected() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let before = resident_kib(gateway.pid());
    let line = [b"POST / HTTP/1.1\r\nHost: localhost\r\nX-A: ".to_vec(), vec![b'a'; 400_000]].concat();
    let mut senders = (0..CROWD)
        .map(|index| {
            let mut connection = gateway.connect_from(source(index));
            let _refused = connection.try_send(&line);
            connection
        })
        .collect::<Vec<_>>();
    for connection in &mut senders {
        let answer = connection.answer();
        answer.refused(431, "headers_too_large");
        assert!(answer.closed);
    }
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    assert!(grown < OF_ONE_CONNECTION_KIB * CROWD as u64, "{grown} KiB for heads of {} KiB", CROWD * 400);
    upstream.saw_nothing();
    drop(senders);
    at_rest(&gateway);
    let refused = gateway.metrics().sum("hookward_requests_total", &[("reason", "headers_too_large")]);
    assert!((refused - CROWD as f64).abs() < 0.5, "one decision each: {refused}");
    gateway.finish();
}

#[test]
fn h1_11_chunks_that_are_mostly_framing() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let head = |delivery: &Delivery| {
        let mut head =
            format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n", PROVIDER.path()).into_bytes();
        head.extend_from_slice(&header_lines(&delivery.headers));
        head.extend_from_slice(b"\r\n");
        head
    };
    // An extension and a size without an end: refused as soon as they are longer than any honest one.
    for (name, flood) in [("an extension", [b"1;".to_vec(), vec![b'x'; 40_000]].concat()), ("zeros", vec![b'0'; 40_000])] {
        let mut connection = gateway.connect();
        connection.send(&head(&PROVIDER.delivery()));
        let _refused = connection.try_send(&flood);
        let answer = connection.answer();
        answer.refused(400, "bad_request");
        assert!(answer.closed, "{name}");
    }
    upstream.saw_nothing();
    // A body in single bytes is slow work, but it is the sender's body: it passes, and costs little.
    let delivery = sized(100_000);
    let (ticks, memory) = (processor_ticks(gateway.pid()), resident_kib(gateway.pid()));
    let mut connection = gateway.connect();
    connection.send(&crate::support::client::chunked_request(&PROVIDER.path(), &delivery.headers, &delivery.body, 1));
    assert_eq!(connection.answer().status, 200);
    assert!(processor_ticks(gateway.pid()) - ticks < 300, "hundredths of a second");
    assert!(resident_kib(gateway.pid()).saturating_sub(memory) < 20_000);
    assert_eq!(upstream.received().pop().unwrap().body, delivery.body);
    gateway.finish().holds_exactly(&[("malformed_request", 400), ("malformed_request", 400), ("delivered", 200)]);
}

#[test]
fn h1_28_what_is_packed_stays_packed() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    // 64 MiB of zeros, as gzip has them. The signature is over these bytes, and nothing else is.
    let packed = packed_zeros(64 << 20);
    assert!(packed.len() < 500_000, "{}", packed.len());
    let signed = PROVIDER.sign(&PROVIDER.secret("current"), &fresh_id(), unix_now(), &packed);
    let headers = [signed.headers.as_slice(), &[("Content-Encoding".to_owned(), "gzip".to_owned())]].concat();
    let before = resident_kib(gateway.pid());
    let peak_over = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        let watched = scope.spawn(|| {
            let mut peak = 0;
            while !peak_over.load(Ordering::SeqCst) {
                peak = resident_kib(gateway.pid()).max(peak);
                std::thread::sleep(Duration::from_millis(1));
            }
            peak
        });
        let mut connection = gateway.connect();
        connection.send(&request(&PROVIDER.path(), &headers, &packed));
        assert_eq!(connection.answer().status, 200);
        peak_over.store(true, Ordering::SeqCst);
        watched.join().unwrap()
    });
    assert!(peak.saturating_sub(before) < 8 * 1024, "{before} {peak}");
    let request = upstream.received().pop().unwrap();
    assert_eq!((request.body.as_slice(), request.all("content-encoding")), (packed.as_slice(), vec!["gzip"]));
    gateway.finish().holds_exactly(&[("delivered", 200)]);
}

/// A gzip stream of one block with fixed codes: a zero, and then 258 more of them for every 13 bits.
fn packed_zeros(bytes: usize) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut at, mut value) = (0_u32, 0_u8);
    let mut put = |packed: &mut Vec<u8>, number: u32, width: u32| {
        for bit in 0..width {
            value |= u8::from(number >> bit & 1 == 1) << at;
            at += 1;
            if at == 8 {
                packed.push(std::mem::take(&mut value));
                at = 0;
            }
        }
    };
    put(&mut packed, 0b1, 1);
    put(&mut packed, 0b01, 2);
    // Codes are sent high bit first: 0 is 00110000.
    put(&mut packed, 0b0000_1100, 8);
    for _ in 0..bytes / 258 {
        // 285, which is a length of 258, is 11000101; distance 1 is five zeros.
        put(&mut packed, 0b1010_0011, 8);
        put(&mut packed, 0, 5);
    }
    put(&mut packed, 0, 7);
    packed
}
