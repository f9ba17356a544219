//! Connections are used again, and nothing is ever sent twice.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::scripted::{OK, TcpConversation, answering, upstream};
use super::{TIMEOUT, attestation, delivery, head, http, names, pool_on, scheme, send, target};
use crate::domain::body::RawBody;
use crate::domain::reason::Reason;
use crate::domain::time::{Clock, UnixTime};
use crate::gate::forward::connect::any_of;
use crate::gate::forward::connection::{Connection, Sent};
use crate::gate::forward::deadline;
use crate::gate::forward::error::{Exposure, ForwardError};
use crate::gate::forward::pool::{IN_USE_MAX, UpstreamPool};
use crate::gate::forward::request::{Outgoing, outgoing};
use crate::gate::forward::spec::TargetSpec;
use crate::gate::forward::upstream::Upstream;

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let (port, log) = answering(OK).await;
    let pool = pool_on(port);
    for _ in 0..20 {
        send(&pool, delivery(&pool, "x")).await.unwrap();
    }
    assert_eq!((log.requests().len(), log.connections(), pool.idle_count()), (20, 1, 1));
}

#[tokio::test]
async fn an_idle_connection_grows_too_old() {
    let (port, log) = answering(OK).await;
    let clock = Clock::manual(UnixTime::from_seconds(0));
    let pool = Upstream::build(&target(http(port)), &scheme(), Vec::new()).unwrap().pool(&clock);
    for pause in [14, 15] {
        send(&pool, delivery(&pool, "x")).await.unwrap();
        clock.advance(Duration::from_secs(pause));
    }
    assert_eq!(log.connections(), 1);
    send(&pool, delivery(&pool, "x")).await.unwrap();
    assert_eq!((log.connections(), pool.idle_count()), (2, 1));
}

#[tokio::test]
async fn ups_11_a_busy_connection_grows_too_old_and_the_name_is_asked_for_anew() {
    // Never idle for long, so only its age ends it: behind a name that moved there is another address by then.
    let (port, log) = answering(OK).await;
    let clock = Clock::manual(UnixTime::from_seconds(0));
    let pool = Upstream::build(&target(http(port)), &scheme(), Vec::new()).unwrap().pool(&clock);
    for _ in 0..90 {
        send(&pool, delivery(&pool, "x")).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!((log.requests().len(), log.connections()), (90, 3), "a new one every 30 s");
}

#[tokio::test]
async fn ups_11_one_of_several_addresses_is_dead() {
    let (port, log) = answering(OK).await;
    let live = SocketAddr::from(([127, 0, 0, 1], port));
    // Refused at once, and silent: 192.0.2.0/24 is for documentation, and nobody answers there.
    let dead = [SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([192, 0, 2, 1], 80))];
    for first in dead {
        let began = Clock::system().now().monotonic;
        assert!(any_of(vec![first, live], Duration::from_secs(1)).await.is_ok(), "{first}");
        assert!(Clock::system().now().monotonic.since(began) < Duration::from_secs(1), "{first}: half of the time is its part");
    }
    assert!(any_of(dead.to_vec(), Duration::from_millis(200)).await.is_err());
    assert_eq!(log.requests().len(), 0);
}

#[tokio::test]
async fn the_sweeper_closes_what_nobody_asks_for() {
    let (port, log) = answering(OK).await;
    let pool = UpstreamPool::new(Arc::clone(&pool_on(port).target), Clock::system(), Duration::from_millis(30));
    for connections in [1, 2] {
        send(&pool, delivery(&pool, "x")).await.unwrap();
        assert_eq!((log.connections(), pool.idle_count()), (connections, 1));
        sleep(Duration::from_millis(100)).await;
        assert_eq!(pool.idle_count(), 0);
    }
}

#[tokio::test]
async fn a_connection_that_the_upstream_ends_is_not_used_again() {
    let (port, log) = answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let pool = pool_on(port);
    for _ in 0..3 {
        send(&pool, delivery(&pool, "x")).await.unwrap();
    }
    assert_eq!((log.connections(), pool.idle_count()), (3, 0));
}

/// An upstream on a thread of its own, so that its closing races with our writing.
fn closing_upstream() -> (u16, super::scripted::Log) {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let script = |mut conversation: TcpConversation| async move {
                conversation.receive().await;
                drop(conversation.say(OK).await);
            };
            sender.send(upstream(script).await).unwrap();
            sleep(Duration::from_secs(8)).await;
        });
    });
    receiver.recv().unwrap()
}

fn numbered(pool: &UpstreamPool, number: usize) -> Outgoing {
    let body = RawBody::from(Bytes::from(number.to_string()));
    outgoing(&pool.target, &head("", &[]), &body, &attestation(&names())).unwrap()
}

#[tokio::test]
async fn an_upstream_that_closes_idle_connections_gets_nothing_twice() {
    let (port, log) = closing_upstream();
    let pool = pool_on(port);
    let mut accepted = 0;
    for number in 0..300 {
        match send(&pool, numbered(&pool, number)).await {
            Ok(_) => accepted += 1,
            // Written to a connection that was just being closed: nobody can know, so nobody says that it was not sent.
            Err(error) => assert_eq!((error.reason(), error.exposure()), (Reason::UpstreamInvalid, Exposure::Unknown)),
        }
        if number % 3 == 0 {
            sleep(Duration::from_micros(200)).await;
        }
    }
    let bodies: Vec<_> = log.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies.len(), accepted);
    assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), accepted);
    assert!(accepted > 150, "{accepted}");
}

#[tokio::test]
async fn a_connection_closed_while_idle_gives_its_request_back() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let mut connection = Connection::new(ours, Clock::system().now().monotonic);
    drop(theirs);
    let pool = pool_on(1);
    let sent = connection.send(&delivery(&pool, "x"), deadline::after(TIMEOUT)).await;
    assert!(matches!(sent, Sent::Unsent), "{sent:?}");
}

#[tokio::test]
async fn an_upstream_that_closes_at_once_is_told_apart_from_one_that_may_have_received() {
    let (port, log) = upstream(|conversation: TcpConversation| async move { drop(conversation) }).await;
    let pool = pool_on(port);
    for _ in 0..20 {
        let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
        let facts = (error.reason(), error.exposure());
        match error {
            ForwardError::ClosedBeforeSend => assert_eq!(facts, (Reason::UpstreamUnreachable, Exposure::NeverSent)),
            ForwardError::Broken(_) => assert_eq!(facts, (Reason::UpstreamInvalid, Exposure::Unknown)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log.connections(), 20, "a fresh connection is not tried again");
}

#[tokio::test]
async fn a_full_house_is_refused_unsent() {
    let (port, log) = answering(OK).await;
    let pool = pool_on(port);
    let mut slots = Vec::new();
    for _ in 0..IN_USE_MAX {
        slots.push(pool.slot().await.unwrap());
    }
    let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
    assert!(matches!(error, ForwardError::Busy));
    assert_eq!((error.reason(), error.exposure(), log.connections()), (Reason::Overloaded, Exposure::NeverSent, 0));
    slots.pop();
    send(&pool, delivery(&pool, "x")).await.unwrap();
}

#[tokio::test]
async fn ovl_01_whoever_could_not_have_a_turn_in_time_is_told_so_at_once() {
    let clock = Clock::manual(UnixTime::from_seconds(0));
    let spec = TargetSpec { timeout: Duration::from_secs(4), ..target(http(1)) };
    let pool = Upstream::build(&spec, &scheme(), Vec::new()).unwrap().pool(&clock);
    let everybody = || (0..IN_USE_MAX).map(|_| now_or_never(pool.slot()).unwrap().unwrap_or_else(|_| panic!("a place")));
    let first = everybody().collect::<Vec<_>>();
    let mut waiting = Vec::new();
    waiting.extend((0..IN_USE_MAX).map(|_| Box::pin(pool.slot())));
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_none()), "nobody knows yet how long one takes");
    drop(waiting);
    clock.advance(Duration::from_secs(1));
    drop(first);
    // Each takes a second, and whoever waits has two: one round of turns is in time, another one could be too late.
    let _busy = everybody().collect::<Vec<_>>();
    let mut waiting = (0..IN_USE_MAX + 50).map(|_| Box::pin(pool.slot())).collect::<Vec<_>>();
    let outcomes = waiting.iter_mut().map(poll_once).collect::<Vec<_>>();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), IN_USE_MAX);
    assert!(outcomes.iter().flatten().all(|outcome| matches!(outcome, Err(ForwardError::Busy))));
}

/// What a future says when it is asked once.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    poll_once(&mut Box::pin(future))
}
