//! What every kind of answer, and of silence, becomes.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::scripted::{OK, TcpConversation, upstream};
use super::{TIMEOUT, delivery, pool, pool_on, send, target};
use crate::domain::reason::Reason;
use crate::gate::forward::answer::Answer;
use crate::gate::forward::error::{ConnectError, Exposure, ForwardError};
use crate::gate::forward::spec::UpstreamAddress;

/// Sends one delivery to an upstream that says these bytes and closes.
async fn answer_to(bytes: Vec<u8>) -> Result<Answer, ForwardError> {
    let (port, _) = upstream(move |mut conversation: TcpConversation| {
        let bytes = bytes.clone();
        async move {
            conversation.receive().await;
            // The client may hang up on what it reads.
            drop(conversation.say(bytes).await);
        }
    })
    .await;
    let pool = pool_on(port);
    send(&pool, delivery(&pool, "x")).await
}

#[tokio::test]
async fn complete_answers_pass() {
    let cases: [(&str, u16, &str); 10] = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nx-trailer: 1\r\n\r\n", 200, "ok"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.0 202 Accepted\r\n\r\n", 202, ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nextra", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, ""),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302, ""),
        ("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 500 Oops\r\ncontent-length: 1\r\n\r\n!", 500, "!"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", 410, ""),
    ];
    for (bytes, status, body) in cases {
        let answer = answer_to(bytes.into()).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (status, body.as_bytes()), "{bytes}");
    }
    let redirect = answer_to(cases[7].0.into()).await.unwrap();
    assert_eq!(redirect.headers["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn the_largest_answer_passes() {
    let full = [b"HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n".as_slice(), &vec![b'a'; 1 << 20]].concat();
    assert_eq!(answer_to(full).await.unwrap().body.len(), 1 << 20);
}

#[tokio::test]
async fn broken_answers_are_invalid_and_may_have_been_received() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long_header = format!("HTTP/1.1 200 OK\r\na: {}\r\ncontent-length: 0\r\n\r\n", "b".repeat(100_000));
    let undeclared = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat((1 << 20) + 1));
    let cases = [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
        "hello",
        "\0\x01\x02\x03\r\n\r\n",
        "HTTP/1.1 99999 Much\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nfolded: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\nabc",
        &many_headers,
        &long_header,
        &undeclared,
    ];
    for bytes in cases {
        let shown: String = bytes.chars().take(80).collect();
        let error = answer_to(bytes.into()).await.expect_err(&shown);
        assert_eq!((error.reason(), error.exposure()), (Reason::UpstreamInvalid, Exposure::Unknown), "{shown} {error:?}");
    }
}

#[tokio::test]
async fn each_kind_of_invalid_answer_is_told_apart() {
    let switched = answer_to(b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()).await.unwrap_err();
    assert!(matches!(switched, ForwardError::ProtocolSwitched));
    let framing = answer_to(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n".to_vec()).await.unwrap_err();
    assert!(matches!(framing, ForwardError::AmbiguousFraming));
    let large = answer_to(b"HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n".to_vec()).await.unwrap_err();
    assert!(matches!(large, ForwardError::AnswerTooLarge { max_bytes: 1_048_576 }));
    assert!(matches!(answer_to(b"x".to_vec()).await.unwrap_err(), ForwardError::Broken(_)));
}

/// What an upstream does for ever.
#[derive(Clone, Copy, Debug)]
enum Endless {
    Silence,
    SlowHead,
    SlowBody,
    StallAfterHead,
    EarlyHints,
}

async fn go_on(mut conversation: TcpConversation, endless: Endless) {
    conversation.receive().await;
    let (first, again, pause): (&[u8], &[u8], _) = match endless {
        Endless::Silence => (b"", b"", Duration::from_millis(50)),
        Endless::SlowHead => (b"HTTP/1.1 200 OK\r\nx: ", b"a", Duration::from_millis(50)),
        Endless::SlowBody => (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", b"a", Duration::from_millis(50)),
        Endless::StallAfterHead => (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", b"", Duration::from_millis(50)),
        Endless::EarlyHints => (b"", b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", Duration::ZERO),
    };
    drop(conversation.say(first).await);
    while conversation.say(again).await.is_ok() {
        sleep(pause).await;
    }
}

#[tokio::test]
async fn the_deadline_ends_what_does_not_end() {
    let kinds = [Endless::Silence, Endless::SlowHead, Endless::SlowBody, Endless::StallAfterHead, Endless::EarlyHints];
    for endless in kinds {
        let (port, log) = upstream(move |conversation| go_on(conversation, endless)).await;
        let pool = pool_on(port);
        let started = Instant::now();
        let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
        assert!(matches!(error, ForwardError::TimedOut { exposure: Exposure::Unknown }), "{endless:?} {error:?}");
        assert_eq!(error.reason(), Reason::UpstreamTimeout);
        assert!(started.elapsed() < TIMEOUT * 3, "{endless:?}");
        assert_eq!((log.requests().len(), pool.idle_count()), (1, 0), "{endless:?}");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_bound() {
    let (port, _) = upstream(|mut conversation: TcpConversation| async move {
        conversation.receive().await;
        drop(conversation.say(b"HTTP/1.1 200 OK\r\n\r\n").await);
        while conversation.say(vec![b'a'; 65_536]).await.is_ok() {}
    })
    .await;
    let pool = pool_on(port);
    assert!(matches!(send(&pool, delivery(&pool, "x")).await, Err(ForwardError::AnswerTooLarge { .. })));
}

#[tokio::test]
async fn what_cannot_be_reached_got_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for address in [super::http(port), UpstreamAddress::Unix("/nonexistent/app.sock".into())] {
        let pool = pool(&target(address));
        let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
        assert!(matches!(error, ForwardError::Unreachable(ConnectError::Transport(_))), "{error:?}");
        assert_eq!((error.reason(), error.exposure()), (Reason::UpstreamUnreachable, Exposure::NeverSent));
    }
}

#[tokio::test]
async fn a_name_without_address_got_nothing() {
    let pool = pool(&target(UpstreamAddress::Http { host: "no such host".into(), port: 80 }));
    let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
    // A resolver that asks the network may also be slow to say no.
    let expected = matches!(error, ForwardError::Unreachable(ConnectError::Resolve(_)) | ForwardError::TimedOut { .. });
    assert!(expected, "{error:?}");
    assert_eq!(error.exposure(), Exposure::NeverSent);
}

#[tokio::test]
async fn an_answer_before_the_body_is_read_counts_and_its_connection_does_not_stay() {
    let (port, _) = upstream(|mut conversation: TcpConversation| async move {
        conversation.read_head().await;
        drop(conversation.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await);
        sleep(TIMEOUT).await;
    })
    .await;
    let pool = pool_on(port);
    let answer = send(&pool, delivery(&pool, vec![b'a'; 16 << 20])).await.unwrap();
    assert_eq!((answer.status.as_u16(), pool.idle_count()), (413, 0));
}

#[tokio::test]
async fn more_than_one_answer_is_not_mixed_into_the_next() {
    let (port, log) = upstream(|mut conversation: TcpConversation| async move {
        while let Some(request) = conversation.receive().await {
            let twice = if request.body == b"first" {
                [OK, b"HTTP/1.1 299 Forged\r\ncontent-length: 0\r\n\r\n"].concat()
            } else {
                OK.to_vec()
            };
            drop(conversation.say(twice).await);
        }
    })
    .await;
    let pool = pool_on(port);
    assert_eq!(send(&pool, delivery(&pool, "first")).await.unwrap().status, 200);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(send(&pool, delivery(&pool, "second")).await.unwrap().status, 200);
    assert_eq!((log.requests().len(), log.connections()), (2, 2));
}
