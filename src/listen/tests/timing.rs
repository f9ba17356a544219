//! Deadlines of heads and of waiting, with limits of 200 and 250 ms.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use super::harness::{Gateway, eventually, limits, post, read_answer, read_to_end, statuses};
use crate::listen::counters::ListenLimit;
use crate::listen::spec::ConnectionLimits;

fn short() -> ConnectionLimits {
    ConnectionLimits { header_timeout: Duration::from_millis(200), idle_timeout: Duration::from_millis(250), ..limits() }
}

/// Runs `act` and answers how long it took.
#[expect(clippy::disallowed_methods, reason = "the real time of a real socket is what is tested")]
fn took(act: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    act();
    start.elapsed()
}

#[track_caller]
fn assert_about(took: Duration, expected_ms: u64) {
    let bounds = expected_ms / 2..expected_ms.saturating_add(1500);
    assert!(bounds.contains(&u64::try_from(took.as_millis()).unwrap()), "after {took:?}");
}

#[test]
fn a_silent_connection_is_closed_without_a_word() {
    let gateway = Gateway::plaintext(&short());
    let mut stream = gateway.connect();
    assert_about(took(|| assert_eq!(read_to_end(&mut stream), "")), 200);
}

#[test]
fn the_head_has_its_time_as_a_whole() {
    // The first head, and the second one of a connection: bytes that keep coming do not start the time anew.
    let limits = ConnectionLimits { idle_timeout: Duration::from_secs(5), ..short() };
    for first in [0, 1] {
        let gateway = Gateway::plaintext(&limits);
        let mut stream = gateway.connect();
        for _ in 0..first {
            stream.write_all(&post("/first", "x")).unwrap();
            read_answer(&mut stream);
            // Until the timer of the first head has rung and the one of being idle is set, which must give way again.
            sleep(Duration::from_millis(300));
        }
        let mut writer = stream.try_clone().unwrap();
        let dribble = std::thread::spawn(move || {
            for byte in b"POST /dribble HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyyy" {
                if writer.write_all(&[*byte]).is_err() {
                    return;
                }
                sleep(Duration::from_millis(30));
            }
        });
        assert_about(took(|| assert_eq!(read_to_end(&mut stream), "")), 200);
        assert_eq!(gateway.seen().len(), first, "no head was complete");
        dribble.join().unwrap();
    }
}

#[test]
fn the_time_of_a_head_begins_with_its_first_byte() {
    let gateway = Gateway::plaintext(&short());
    let mut stream = gateway.connect();
    stream.write_all(&post("/first", "x")).unwrap();
    read_answer(&mut stream);
    sleep(Duration::from_millis(130));
    let second = post("/second", "x");
    stream.write_all(&second[..9]).unwrap();
    sleep(Duration::from_millis(130));
    stream.write_all(&second[9..]).unwrap();
    assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
}

#[test]
fn an_idle_connection_is_closed_after_its_last_answer() {
    let gateway = Gateway::plaintext(&short());
    let mut stream = gateway.connect();
    for _ in 0..3 {
        stream.write_all(&post("/a", "x")).unwrap();
        read_answer(&mut stream);
        sleep(Duration::from_millis(150));
    }
    stream.write_all(&post("/a", "x")).unwrap();
    read_answer(&mut stream);
    assert_about(took(|| assert_eq!(read_to_end(&mut stream), "")), 250);
    assert_eq!(gateway.seen().len(), 4);
}

#[test]
fn lst_07_a_connection_ends_after_so_many_requests_and_at_an_age() {
    let gateway = Gateway::plaintext(&ConnectionLimits { requests_max: 3, ..limits() });
    let mut stream = gateway.connect();
    for (number, closes) in [(1, false), (2, false), (3, true)] {
        stream.write_all(&post("/a", "x")).unwrap();
        let answer = read_answer(&mut stream);
        assert_eq!(statuses(&answer), ["200"], "{number}");
        assert_eq!(answer.to_ascii_lowercase().contains("connection: close"), closes, "{number}: {answer}");
    }
    assert_eq!(read_to_end(&mut stream), "");
    assert_eq!(gateway.counters.hits(ListenLimit::ConnectionRequests), 1);
    // Between two requests, and in the middle of one: that one is answered, and the sender told.
    let gateway = Gateway::plaintext(&ConnectionLimits { age_max: Duration::from_millis(200), ..limits() });
    let mut idle = gateway.connect();
    idle.write_all(&post("/a", "x")).unwrap();
    read_answer(&mut idle);
    let mut busy = gateway.connect();
    busy.write_all(&post("/slow", "x")).unwrap();
    let answer = read_to_end(&mut busy);
    assert_eq!(statuses(&answer), ["200"]);
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(read_to_end(&mut idle), "");
    eventually(|| gateway.counters.hits(ListenLimit::ConnectionAge) == 2);
}

#[test]
fn no_deadline_of_waiting_runs_while_a_request_is_answered() {
    let limits =
        ConnectionLimits { header_timeout: Duration::from_millis(100), idle_timeout: Duration::from_millis(100), ..short() };
    let gateway = Gateway::plaintext(&limits);
    // Alone, and with the beginning of the next head behind it.
    for next in ["", "POST /next HTTP/1.1\r\n"] {
        let mut stream = gateway.connect();
        stream.write_all(&[post("/slow", "x"), next.as_bytes().to_vec()].concat()).unwrap();
        assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
        assert_about(took(|| assert_eq!(read_to_end(&mut stream), "")), 100);
    }
}

#[test]
fn lingering_ends_after_a_second_of_nothing() {
    let gateway = Gateway::plaintext(&short());
    let mut stream = gateway.connect();
    stream.write_all(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n").unwrap();
    // Our side is shut down at once: the sender need not wait for the end of the lingering.
    let answered = took(|| assert_eq!(statuses(&read_to_end(&mut stream)), ["413"]));
    assert!(answered < Duration::from_millis(900), "after {answered:?}");
    assert_eq!(gateway.counters.open_connections(), 1);
    eventually(|| gateway.counters.open_connections() == 0);
}
