//! The guard over an in-memory stream: what a socket's own buffers would hide.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

use super::*;
use crate::listen::counters::ListenLimit;
use crate::listen::wire::{FaultKind, FaultPlace, WireFault};

fn limits() -> GuardLimits {
    GuardLimits {
        max_header_bytes: 16384,
        header_timeout: Duration::from_millis(150),
        idle_timeout: Duration::from_millis(150),
        quiet_after: Duration::from_millis(50),
        write_stall: Duration::from_millis(150),
        answer_timeout: Duration::from_millis(1500),
        requests_max: 3,
        age_max: Duration::from_secs(60),
        linger_bytes: 100_000,
        linger: Duration::from_millis(200),
    }
}

/// A guarded stream, its peer and its ledger.
fn guarded(buffer_bytes: usize) -> (Guarded<DuplexStream>, DuplexStream, Arc<Ledger>) {
    let (ours, peer) = duplex(buffer_bytes);
    let ledger = Arc::new(Ledger::default());
    (Guarded::new(ours, limits(), Arc::clone(&ledger), Arc::default()), peer, ledger)
}

const SOUND: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn whole_messages_pass_and_an_incomplete_head_is_held_back() {
    let (mut guard, mut peer, ledger) = guarded(4096);
    peer.write_all(&[SOUND, b"POST / HT"].concat()).await.unwrap();
    let mut buffer = [0; 4096];
    assert_eq!(guard.read(&mut buffer).await.unwrap(), SOUND.len());
    assert_eq!(ledger.begin().1, None);
    peer.write_all(b"TP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
    // Into a buffer smaller than what was held back, piece by piece.
    let mut second = Vec::new();
    while !second.ends_with(b"\r\n\r\n") {
        let length = guard.read(&mut buffer[..5]).await.unwrap();
        second.extend_from_slice(&buffer[..length]);
    }
    assert_eq!(second, b"POST / HTTP/1.1\r\nHost: b\r\n\r\n");
}

#[tokio::test]
async fn a_bad_head_becomes_the_stand_in_and_the_ledger_says_whose() {
    let (mut guard, mut peer, ledger) = guarded(4096);
    peer.write_all(&[SOUND, b"bad\r\n\r\n", SOUND].concat()).await.unwrap();
    let mut buffer = [0; 4096];
    assert_eq!(guard.read(&mut buffer).await.unwrap(), SOUND.len());
    let length = guard.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], STAND_IN);
    let fault = WireFault { kind: FaultKind::Malformed, place: FaultPlace::Head };
    assert_eq!(ledger.begin().1, None);
    assert_eq!(ledger.begin().1, Some(fault));
    assert_eq!(ledger.begin().1, None);
    assert!(timeout(Duration::from_millis(50), guard.read(&mut buffer)).await.is_err(), "nothing follows");
}

#[tokio::test]
async fn the_stand_in_is_a_strict_head() {
    let mut inspector = Inspector::new(16384);
    let step = inspector.feed(STAND_IN);
    assert_eq!((step.pass, step.fault, inspector.heads()), (STAND_IN.len(), None, 1));
}

#[tokio::test]
async fn a_bad_body_is_an_error_once_its_sound_part_has_passed() {
    let (mut guard, mut peer, ledger) = guarded(4096);
    peer.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX").await.unwrap();
    let mut read = Vec::new();
    let error = guard.read_to_end(&mut read).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert!(read.ends_with(b"2\r\nok"));
    assert_eq!(ledger.begin().1, None, "a body's fault is no head's");
}

#[tokio::test]
async fn a_write_without_progress_ends() {
    let (mut guard, _peer, _ledger) = guarded(64);
    let start = Instant::now();
    let error = guard.write_all(&[b'x'; 1000]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(140));
}

#[tokio::test]
async fn a_write_with_slow_progress_goes_on() {
    let (mut guard, mut peer, _ledger) = guarded(64);
    let reading = tokio::spawn(async move {
        let mut read = 0;
        while read < 640 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            read += peer.read(&mut [0; 64]).await.unwrap();
        }
        read
    });
    guard.write_all(&[b'x'; 640]).await.unwrap();
    assert_eq!(reading.await.unwrap(), 640);
}

#[tokio::test]
async fn lst_06_an_answer_has_its_time_as_a_whole_however_steadily_it_is_taken() {
    let counters = Arc::new(ListenCounters::default());
    let (ours, mut peer) = duplex(64);
    // A machine that is busy must not look like a peer that takes nothing.
    let limits = GuardLimits { write_stall: Duration::from_secs(1), ..limits() };
    let mut guard = Guarded::new(ours, limits, Arc::default(), Arc::clone(&counters));
    let taking = tokio::spawn(async move {
        let mut piece = [0; 64];
        while peer.read(&mut piece).await.is_ok_and(|read| read > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    // Ten small answers, each flushed as hyper does: each has its own time.
    for _ in 0..10 {
        guard.write_all(&[b'x'; 64]).await.unwrap();
        guard.flush().await.unwrap();
    }
    let start = Instant::now();
    let error = guard.write_all(&vec![b'x'; 64 * 1024]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(1490));
    assert_eq!((counters.hits(ListenLimit::AnswerTimeout), counters.hits(ListenLimit::WriteTimeout)), (1, 0));
    drop(guard);
    taking.await.unwrap();
}

#[tokio::test]
async fn lingering_is_bounded_in_time_and_bytes() {
    // Mid-body and silent: until the time is over.
    let (mut guard, mut peer, _ledger) = guarded(1 << 20);
    let mut buffer = [0; 4096];
    peer.write_all(&SOUND[..SOUND.len() - 1]).await.unwrap();
    assert_ne!(guard.read(&mut buffer).await.unwrap(), 0);
    let start = Instant::now();
    guard.shutdown().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(190));
    assert_eq!(peer.read(&mut buffer).await.unwrap(), 0, "our side is shut down");
    // Mid-body and sending: until the bytes are through.
    let (mut guard, mut peer, _ledger) = guarded(1 << 20);
    peer.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n").await.unwrap();
    assert_ne!(guard.read(&mut buffer).await.unwrap(), 0);
    peer.write_all(&vec![b'x'; 300_000]).await.unwrap();
    let start = Instant::now();
    guard.shutdown().await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(150));
    // Between messages nothing more is expected: no wait at all.
    let (mut guard, mut peer, _ledger) = guarded(1 << 20);
    peer.write_all(SOUND).await.unwrap();
    assert_ne!(guard.read(&mut buffer).await.unwrap(), 0);
    let start = Instant::now();
    guard.shutdown().await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(150));
}
