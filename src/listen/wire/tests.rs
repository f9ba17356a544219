//! Tables of sound and bad bytes, and three properties: cuts do not matter, nothing panics, hyper's parsers take all that passes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const MAX: usize = 16384;
const BAD_HEAD: Option<WireFault> = Some(WireFault { kind: FaultKind::Malformed, place: FaultPlace::Head });
const BAD_BODY: Option<WireFault> = Some(WireFault { kind: FaultKind::Malformed, place: FaultPlace::Body });
const TOO_LARGE: Option<WireFault> = Some(WireFault { kind: FaultKind::HeadersTooLarge, place: FaultPlace::Head });

/// What a connection's bytes come to: how many passed, in how many heads, and the fault behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    passed: usize,
    heads: u64,
    fault: Option<WireFault>,
}

/// Feeds the bytes in pieces of the given sizes, the last size again and again, as the guard does.
fn judge(bytes: &[u8], sizes: &[usize]) -> Verdict {
    let mut inspector = Inspector::new(MAX);
    let (mut passed, mut arrived) = (0, 0);
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(sizes.last().copied().unwrap_or(usize::MAX)));
    while arrived < bytes.len() {
        arrived = bytes.len().min(arrived.saturating_add(sizes.next().unwrap().max(1)));
        let step = inspector.feed(&bytes[passed..arrived]);
        passed += step.pass;
        if step.fault.is_some() {
            return Verdict { passed, heads: inspector.heads(), fault: step.fault };
        }
    }
    Verdict { passed, heads: inspector.heads(), fault: None }
}

fn whole(bytes: &[u8]) -> Verdict {
    let verdict = judge(bytes, &[]);
    assert_eq!(judge(bytes, &[1]), verdict, "byte by byte: {}", bytes.escape_ascii());
    verdict
}

fn head(lines: &str) -> Vec<u8> {
    format!("POST /hooks HTTP/1.1\r\nHost: a\r\n{lines}\r\n").into_bytes()
}

#[test]
fn sound_messages_pass_whole() {
    let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: ChunkeD\r\n\r\n";
    let cases = [
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 1),
        ("GET /a/../b//c%2f?x=1&y={}|\\ HTTP/1.0\r\nHost: [::1]:8443\r\n\r\n".to_owned(), 1),
        ("POST / HTTP/1.1\r\nHost: a.b-c_d.example:443\r\nContent-Length: 3\r\n\r\nabc".to_owned(), 1),
        ("POST / HTTP/1.1\r\nHost:a\r\nContent-Length:0\r\nExpect: 100-Continue\r\nx:\t y \r\n\r\n".to_owned(), 1),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(), 2),
        (format!("{chunked}0\r\n\r\n"), 1),
        (format!("{chunked}3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0000\r\n\r\n"), 1),
        (format!("{chunked}1\r\na\r\n0\r\nX-Sig: 1\r\nContent-Length: 99\r\n\r\nPUT / HTTP/1.1\r\nHost: b\r\n\r\n"), 2),
    ];
    for (message, heads) in cases {
        assert_eq!(whole(message.as_bytes()), Verdict { passed: message.len(), heads, fault: None }, "{message}");
    }
    assert_eq!(whole(&head("X: \u{e9}\r\n")).fault, None, "bytes above ASCII may stand in a value");
}

#[test]
fn incomplete_heads_are_held_back() {
    let message = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabPOST / HTTP/1.1\r\nHost: b\r\n\r";
    let first = message.windows(2).position(|pair| pair == b"ab").unwrap() + 2;
    assert_eq!(whole(message), Verdict { passed: first, heads: 1, fault: None });
}

#[test]
fn bad_framing_fields_are_refused() {
    let lines = [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: \r\n",
        "Content-Length: 1 \r\n",
        "Content-Length: 01\r\n",
        "Content-Length: 00\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 18446744073709551614\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked \r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n",
        "Upgrade: websocket\r\n",
        "upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Expect: 200-ok\r\n",
        "Expect: 100-continue\r\nExpect: 100-continue\r\n",
    ];
    for line in lines {
        assert_eq!(whole(&head(line)), Verdict { passed: 0, heads: 0, fault: BAD_HEAD }, "{line}");
    }
}

#[test]
fn bad_lines_are_refused() {
    let lines: [&[u8]; 16] = [
        b" folded: first\r\n",
        b"a: b\r\n folded\r\n",
        b"a: b\r\n\tfolded\r\n",
        b"name : value\r\n",
        b": no name\r\n",
        b"no colon\r\n",
        b"na(me: x\r\n",
        b"a: b\n",
        b"a: b\rc: d\r\n",
        b"a: b\r\r\n",
        b"a: \x00\r\n",
        b"a: \x01\r\n",
        b"a: \x1b[2J\r\n",
        b"a: \x7f\r\n",
        b"a\x00b: c\r\n",
        b"\xc3\xa9: c\r\n",
    ];
    for line in lines {
        let bytes = [b"POST / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n"].concat();
        assert_eq!(whole(&bytes).fault, BAD_HEAD, "{}", line.escape_ascii());
    }
}

#[test]
fn bad_request_lines_are_refused() {
    let lines = [
        "",
        " POST / HTTP/1.1",
        "POST  / HTTP/1.1",
        "POST / HTTP/1.1 ",
        "POST\t/ HTTP/1.1",
        "POST /",
        "POST / HTTP/1.2",
        "POST / HTTP/2.0",
        "POST / HTTP/0.9",
        "POST / http/1.1",
        "POST / HTTP/1.10",
        "PO(ST / HTTP/1.1",
        "POST http://169.254.169.254/x HTTP/1.1",
        "POST https://evil.example:8443/ HTTP/1.1",
        "CONNECT 169.254.169.254:80 HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PRI * HTTP/2.0",
        "POST hooks HTTP/1.1",
        "POST ?a HTTP/1.1",
        "POST /a#frag HTTP/1.1",
        "POST /\u{e9} HTTP/1.1",
        "POST /<a> HTTP/1.1",
        "SSH-2.0-OpenSSH_9.2p1",
    ];
    for line in lines {
        let bytes = format!("{line}\r\nHost: a\r\n\r\n").into_bytes();
        assert_eq!(whole(&bytes), Verdict { passed: 0, heads: 0, fault: BAD_HEAD }, "{line}");
    }
    let long = format!("POST /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(TARGET_BYTES_MAX));
    assert_eq!(whole(long.as_bytes()).fault, BAD_HEAD);
    let fits = format!("POST /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(TARGET_BYTES_MAX - 1));
    assert_eq!(whole(fits.as_bytes()).fault, None);
}

#[test]
fn other_protocols_are_refused_at_the_byte_that_betrays_them() {
    assert_eq!(whole(b"\x16\x03\x01\x02\x00\x01").fault, BAD_HEAD, "a TLS hello");
    assert_eq!(whole(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n").fault, BAD_HEAD);
    assert_eq!(whole(b"\r\nPOST / HTTP/1.1\r\n").fault, BAD_HEAD);
    assert_eq!(whole(b"POST / HTTP/1.1\n").fault, BAD_HEAD);
}

#[test]
fn the_host_is_one_and_plain() {
    for host in ["a", "A.example.", "192.0.2.1:80", "[2001:db8::1]", "[::1]:65535", "under_score", "xn--e1a.example"] {
        let bytes = format!("POST / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(whole(bytes.as_bytes()).fault, None, "{host}");
    }
    let bad = [
        "", "user@a", "a\\b", "a b", "a/b", "a?b", "a,b", "a:", "a:x", "a:65536", "a:80:80", ":80", "[::1", "[]", "[::1]x",
        "[g]", "::1", "\u{e9}", "a%41", "a;b", "http://a", "[::1]:",
    ];
    for host in bad {
        let bytes = format!("POST / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(whole(bytes.as_bytes()).fault, BAD_HEAD, "{host}");
    }
    assert_eq!(whole(b"POST / HTTP/1.1\r\nX: a\r\n\r\n").fault, BAD_HEAD, "no host");
    assert_eq!(whole(b"POST / HTTP/1.0\r\n\r\n").fault, BAD_HEAD, "no host in 1.0 either");
    assert_eq!(whole(&head("host: a\r\n")).fault, BAD_HEAD, "two hosts");
    assert_eq!(whole(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").fault, BAD_HEAD);
}

#[test]
fn heads_are_bounded_in_bytes_and_lines() {
    let lines = |count: usize| "X: y\r\n".repeat(count);
    assert_eq!(whole(&head(&lines(HEADERS_MAX - 1))).fault, None);
    assert_eq!(whole(&head(&lines(HEADERS_MAX))).fault, TOO_LARGE);
    let empty = head("X: \r\n").len();
    let filled = |bytes: usize| head(&format!("X: {}\r\n", "y".repeat(bytes - empty)));
    assert_eq!(whole(&filled(MAX)), Verdict { passed: MAX, heads: 1, fault: None });
    assert_eq!(whole(&filled(MAX + 1)).fault, TOO_LARGE);
    assert_eq!(whole(&vec![b'a'; 400_000]).fault, TOO_LARGE);
}

#[test]
fn bad_chunks_are_refused_where_they_stand() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(2000));
    let zeros = format!("{}1\r\na\r\n0\r\n\r\n", "0".repeat(16));
    let many = format!("0\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
    let flood = format!("0\r\na: {}\r\n\r\n", "b".repeat(9000));
    let cases = [
        ("0x1\r\na\r\n0\r\n\r\n", 1),
        ("+1\r\na\r\n0\r\n\r\n", 0),
        (" 1\r\na\r\n0\r\n\r\n", 0),
        ("1 \r\na\r\n0\r\n\r\n", 1),
        ("\r\n", 0),
        (";x\r\n", 0),
        ("10000000000000000\r\n", 16),
        ("1\na\r\n0\r\n\r\n", 1),
        ("1\r\na\n0\r\n\r\n", 4),
        ("1\r\nab\r\n0\r\n\r\n", 4),
        ("1\r\na\r\r\n", 5),
        ("1;x\ny\r\na\r\n", 3),
        ("1;\x01\r\na\r\n", 2),
        ("g\r\n", 0),
        ("0\r\nno colon\r\n\r\n", 11),
        ("0\r\na : b\r\n\r\n", 8),
        ("0\r\n a: b\r\n\r\n", 8),
        ("0\r\na: b\n\r\n", 7),
        ("0\r\n\rX", 4),
        (long.as_str(), 1026),
        (zeros.as_str(), 16),
        (many.as_str(), 3 + HEADERS_MAX * 6 + 4),
        (flood.as_str(), 3 + 8192),
    ];
    for (body, sound) in cases {
        let bytes = format!("{head}{body}");
        let verdict = Verdict { passed: head.len() + sound, heads: 1, fault: BAD_BODY };
        assert_eq!(whole(bytes.as_bytes()), verdict, "{body}");
    }
}

#[test]
fn nothing_behind_a_fault_is_a_message() {
    let mut inspector = Inspector::new(MAX);
    assert_eq!(inspector.feed(b"\n"), Step { pass: 0, fault: BAD_HEAD });
    assert_eq!(inspector.feed(&head("")), Step { pass: 0, fault: BAD_HEAD });
}

/// Pieces of messages, good and bad, and noise.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_vec()),
        Just(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        Just(b"5\r\nhello\r\n".to_vec()),
        Just(b"5;x=y\r\nhello\r\n0\r\nt: r\r\n\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"GET /x HTTP/1.1\r\nHost: b\r\n\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(vec![b'x'; MAX]),
        vec(any::<u8>(), 0..8),
    ];
    vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// A sound head with a few bytes changed, put in or taken out.
fn damaged_head() -> impl Strategy<Value = Vec<u8>> {
    let sound = b"POST /hooks/a?b=c HTTP/1.1\r\nHost: a.example\r\nX-Sig: t=1,v1=ab\r\nContent-Length: 0\r\n\r\n".to_vec();
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..3);
    vec(change, 0..4).prop_map(move |changes| {
        let mut head = sound.clone();
        for (at, byte, kind) in changes {
            let at = at.index(head.len());
            match kind {
                0 => head[at] = byte,
                1 => head.insert(at, byte),
                _ => drop(head.remove(at)),
            }
        }
        head
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn cuts_do_not_matter(bytes in stream(), sizes in vec(1_usize..40, 1..20)) {
        let verdict = judge(&bytes, &[]);
        prop_assert_eq!(judge(&bytes, &sizes), verdict);
        prop_assert!(verdict.passed <= bytes.len());
    }

    #[test]
    fn noise_never_panics_and_never_passes(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(judge(&bytes, &[]).passed, 0);
    }

    #[test]
    fn what_passes_is_taken_by_the_parsers_behind(bytes in damaged_head()) {
        let verdict = judge(&bytes, &[]);
        if verdict.heads > 0 {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut request = httparse::Request::new(&mut headers);
            let parsed = request.parse(&bytes).unwrap();
            prop_assert!(matches!(parsed, httparse::Status::Complete(length) if length <= verdict.passed));
            prop_assert!(http::Method::from_bytes(request.method.unwrap().as_bytes()).is_ok());
            let target = request.path.unwrap().parse::<http::Uri>().unwrap();
            prop_assert_eq!(target.to_string(), request.path.unwrap());
            for header in request.headers {
                prop_assert!(header.name.parse::<http::HeaderName>().is_ok());
                prop_assert!(http::HeaderValue::from_bytes(header.value).is_ok());
            }
        }
    }
}
