//! Heads and framings that two readers could read differently: refused, or forwarded as exactly one message of our own making.
//!
//! Each case carries a delivery that would pass if only its framing were honest, so nothing but the framing can refuse it.

use std::time::Duration;

use crate::support::client::{HOST, find, header_lines, request};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::provider::{Delivery, Provider};
use crate::support::siege::Siege;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{fresh_id, unix_now};

const PROVIDER: Provider = Provider::Github;
const PATH: &str = "/hooks/github";

/// A request line, header lines and the bytes behind the empty line; the scheme's headers are added.
struct Case {
    row: &'static str,
    line: String,
    headers: String,
    body: Vec<u8>,
    allowed: &'static [u16],
}

fn case(row: &'static str, line: &str, headers: &str, body: &[u8], allowed: &'static [u16]) -> Case {
    Case { row, line: line.to_owned(), headers: headers.to_owned(), body: body.to_vec(), allowed }
}

fn delivery(body: &[u8]) -> Delivery {
    PROVIDER.sign(&PROVIDER.secret("current"), &fresh_id(), unix_now(), body)
}

impl Case {
    /// The bytes, signed for the body `ab` unless the case brings another.
    fn bytes(&self) -> Vec<u8> {
        let signed = delivery(b"ab");
        let mut bytes = format!("{}\r\n{}", self.line, self.headers).into_bytes();
        bytes.extend_from_slice(&header_lines(&signed.headers));
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn run(cases: &[Case]) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).set("limits", "header_timeout", "\"1s\""));
    for case in cases {
        let mut connection = gateway.connect();
        let _ = connection.try_send(&case.bytes());
        // An empty list stands for: no answer is owed, but nothing may pass.
        match connection.try_answer(Duration::from_secs(6)) {
            Ok(answer) => assert!(case.allowed.contains(&answer.status), "{}: {} {}", case.row, answer.status, answer.text()),
            Err(silence) => assert!(case.allowed.contains(&0), "{}: {silence:?}", case.row),
        }
        assert!(upstream.received().is_empty(), "{}: {:?}", case.row, upstream.received());
    }
    upstream.saw_nothing();
    let honest = PROVIDER.delivery();
    assert_eq!(gateway.deliver(&honest).status, 200, "the gateway is as it was");
    let ledger = gateway.finish();
    let known = ["malformed_request", "unknown_route", "method_not_allowed", "headers_too_large", "delivered"];
    for record in ledger.requests() {
        assert!(known.contains(&record.reason()), "{record:?}");
    }
}

const BAD: &[u16] = &[400];
/// Refused, or closed without a word where there is nothing to answer to.
const BAD_OR_CLOSED: &[u16] = &[400, 0];
const NO_ROUTE: &[u16] = &[404, 400];

fn post() -> String {
    format!("POST {PATH} HTTP/1.1")
}

#[test]
fn lengths_are_one_number_of_digits() {
    // H1-01 to H1-03.
    let host = format!("Host: {HOST}\r\n");
    let with = |row, lines: &str| case(row, &post(), &format!("{host}{lines}"), b"ab", BAD);
    run(&[
        with("CL + TE", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        with("TE + CL", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
        with("CL twice, equal", "Content-Length: 2\r\nContent-Length: 2\r\n"),
        with("CL twice, differing", "Content-Length: 2\r\nContent-Length: 3\r\n"),
        with("CL list", "Content-Length: 2, 2\r\n"),
        with("CL +2", "Content-Length: +2\r\n"),
        with("CL -2", "Content-Length: -2\r\n"),
        with("CL 0x2", "Content-Length: 0x2\r\n"),
        with("CL empty", "Content-Length: \r\n"),
        with("CL 2^64", "Content-Length: 18446744073709551616\r\n"),
        with("CL 2.0", "Content-Length: 2.0\r\n"),
        with("CL inner space", "Content-Length: 2 2\r\n"),
    ]);
}

#[test]
fn a_length_beyond_all_bounds_is_too_large() {
    let head = format!("Host: {HOST}\r\nContent-Length: 18446744073709551614\r\n");
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let mut connection = gateway.connect();
    connection.send(&case("CL 2^64-2", &post(), &head, b"ab", &[]).bytes());
    let answer = connection.answer();
    assert!([400, 413].contains(&answer.status), "{}", answer.status);
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn transfer_encoding_is_chunked_once_or_absent() {
    // H1-04 to H1-06.
    let host = format!("Host: {HOST}\r\n");
    let chunks = b"2\r\nab\r\n0\r\n\r\n";
    let with = |row, lines: &str| case(row, &post(), &format!("{host}{lines}"), chunks, BAD);
    run(&[
        with("TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        with("TE gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        with("TE chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        with("TE chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"),
        with("TE xchunked", "Transfer-Encoding: xchunked\r\n"),
        with("TE parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        with("TE identity", "Transfer-Encoding: identity\r\n"),
        with("TE quoted", "Transfer-Encoding: \"chunked\"\r\n"),
        with("TE empty", "Transfer-Encoding: \r\n"),
        case("TE on 1.0", &format!("POST {PATH} HTTP/1.0"), &format!("{host}Transfer-Encoding: chunked\r\n"), chunks, BAD),
    ]);
}

#[test]
fn header_lines_have_one_shape() {
    // H1-07 to H1-09.
    let head = format!("Host: {HOST}\r\nContent-Length: 2\r\n");
    let with = |row, lines: &str| case(row, &post(), &format!("{head}{lines}"), b"ab", BAD);
    run(&[
        with("obs-fold", "X-Folded: a\r\n b\r\n"),
        with("space before the colon", "X-Space : a\r\n"),
        with("empty name", ": a\r\n"),
        with("no colon", "X-Nothing\r\n"),
        with("NUL in a value", "X-Nul: a\0b\r\n"),
        with("NUL in a name", "X-\0Nul: a\r\n"),
        with("CR in a value", "X-Cr: a\rb\r\n"),
        with("ESC in a value", "X-Esc: a\x1bb\r\n"),
        with("0x01 in a value", "X-One: a\x01b\r\n"),
        with("bare LF", "X-Lf: a\nX-Next: b\r\n"),
        case("leading space", &post(), &format!(" {head}"), b"ab", BAD),
        case("bare LF line endings", &format!("{}\nHost: {HOST}\nX-A: b", post()), "Content-Length: 2\r\n", b"ab", BAD),
    ]);
}

#[test]
fn chunks_have_one_shape() {
    // H1-10: the head is honest, the framing of the body is not.
    let head = format!("Host: {HOST}\r\nTransfer-Encoding: chunked\r\n");
    let with = |row, body: &[u8]| case(row, &post(), &head, body, BAD_OR_CLOSED);
    run(&[
        with("size 0x2", b"0x2\r\nab\r\n0\r\n\r\n"),
        with("size +2", b"+2\r\nab\r\n0\r\n\r\n"),
        with("size empty", b"\r\nab\r\n0\r\n\r\n"),
        with("size overflow", b"fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
        with("LF only", b"2\nab\n0\n\n"),
        with("junk behind the data", b"2\r\nabX\r\n0\r\n\r\n"),
        with("negative", b"-2\r\nab\r\n0\r\n\r\n"),
        with("no hexadecimal", b"zz\r\nab\r\n0\r\n\r\n"),
        with("LF in an extension", b"2;a=b\nc\r\nab\r\n0\r\n\r\n"),
    ]);
}

#[test]
fn h1_10_a_body_that_ends_before_its_last_chunk() {
    // Nobody waits for the answer any more; the record says what it was.
    let mut siege = Siege::begin(PROVIDER, |upstream| Config::all_providers(&upstream.url()));
    let head = format!("Host: {HOST}\r\nTransfer-Encoding: chunked\r\n");
    for (name, body) in
        [("inside a chunk", &b"2\r\na"[..]), ("before the last one", b"2\r\nab\r\n"), ("inside it", b"2\r\nab\r\n0\r\n")]
    {
        let mut connection = siege.gateway.connect();
        connection.send(&case(name, &post(), &head, body, &[]).bytes());
        connection.finish_sending();
        match connection.try_answer(Duration::from_secs(6)) {
            Ok(answer) => drop(siege.saw(name, Ok(answer)).expecting(400, "malformed_request")),
            silence => siege.saw(name, silence).expecting_only_a_record("malformed_request"),
        }
    }
    siege.lift();
}

#[test]
fn there_is_exactly_one_host() {
    // H1-14.
    let with = |row, lines: &str| case(row, &post(), &format!("{lines}Content-Length: 2\r\n"), b"ab", BAD);
    run(&[
        with("no Host", ""),
        with("two Hosts", "Host: localhost\r\nHost: evil.example\r\n"),
        with("two equal Hosts", "Host: localhost\r\nHost: localhost\r\n"),
        with("Host with userinfo", "Host: a@localhost\r\n"),
        with("Host with a backslash", "Host: local\\host\r\n"),
        with("Host with a space", "Host: local host\r\n"),
        with("Host with a path", "Host: localhost/x\r\n"),
        with("Host list", "Host: localhost, evil.example\r\n"),
        with("Host with a junk port", "Host: localhost:80x\r\n"),
    ]);
}

#[test]
fn targets_are_in_origin_form() {
    // H1-15 to H1-17.
    let head = format!("Host: {HOST}\r\nContent-Length: 2\r\n");
    let with = |row, line: &str, allowed| case(row, line, &head, b"ab", allowed);
    run(&[
        with("absolute-form", &format!("POST http://localhost{PATH} HTTP/1.1"), BAD),
        with("absolute-form elsewhere", "POST http://169.254.169.254/x HTTP/1.1", BAD),
        with("absolute https", &format!("POST https://localhost:8443{PATH} HTTP/1.1"), BAD),
        with("CONNECT", "CONNECT 169.254.169.254:80 HTTP/1.1", &[400, 405]),
        with("OPTIONS *", "OPTIONS * HTTP/1.1", &[400, 404, 405]),
        with("asterisk", "POST * HTTP/1.1", &[400, 404]),
        with("no slash", "POST hooks/github HTTP/1.1", BAD),
        with("HTTP/1.2", &format!("POST {PATH} HTTP/1.2"), &[400, 505]),
        with("HTTP/3.0", &format!("POST {PATH} HTTP/3.0"), &[400, 505]),
        with("two spaces", &format!("POST  {PATH} HTTP/1.1"), BAD),
        with("no version", &format!("POST {PATH}"), BAD_OR_CLOSED),
    ]);
}

#[test]
fn paths_match_byte_for_byte_or_not_at_all() {
    // H1-18.
    let head = format!("Host: {HOST}\r\nContent-Length: 2\r\n");
    let paths = [
        "/hooks/../hooks/github",
        "/hooks/./github",
        "//hooks/github",
        "/hooks//github",
        "/hooks/github/",
        "/hooks/github/.",
        "/hooks/github;x=1",
        "/hooks\\github",
        "/hooks%2fgithub",
        "/hooks%2Fgithub",
        "/hooks%5cgithub",
        "/hooks/%2e/github",
        "/hooks/%2e%2e/hooks/github",
        "/hooks/github%00",
        "/hooks/githu%62",
        "/HOOKS/github",
        "/hooks/github%20",
        "/hooks/github%",
        "/hooks/github#frag",
        "/hooks/g\u{ef}thub",
        "//evil.example/hooks/github",
    ];
    run(&paths.map(|path| case("path", &format!("POST {path} HTTP/1.1"), &head, b"ab", NO_ROUTE)));
}

#[test]
fn upgrades_are_no_deliveries() {
    // H1-23.
    let with = |row, lines: &str| case(row, &post(), &format!("Host: {HOST}\r\nContent-Length: 2\r\n{lines}"), b"ab", BAD);
    run(&[
        with("websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        with("h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        with("Upgrade alone", "Upgrade: websocket\r\n"),
    ]);
}

#[test]
fn h1_23_an_upstream_that_wants_another_protocol() {
    // Whatever follows its 101 is no answer, and nothing is ever tunnelled.
    let mut siege = Siege::begin(PROVIDER, |upstream| Config::all_providers(&upstream.url()));
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi".to_vec();
    siege.upstream.next(Reply::Raw(switch));
    let mut connection = siege.gateway.connect();
    connection.send_delivery(PATH, &PROVIDER.delivery());
    let outcome = connection.try_answer(Duration::from_secs(6));
    siege.was_sent("a protocol switch", 1);
    siege.saw("a protocol switch", outcome).expecting(502, "upstream_invalid");
    siege.lift();
}

#[test]
fn other_methods_are_not_allowed() {
    // H1-17, H1-26, SIG-36.
    let head = format!("Host: {HOST}\r\nContent-Length: 2\r\n");
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for method in ["GET", "PUT", "DELETE", "PATCH", "TRACE", "post", "OPTIONS", "FROB"] {
        let mut connection = gateway.connect();
        connection.send(&case("method", &format!("{method} {PATH} HTTP/1.1"), &head, b"ab", &[]).bytes());
        let answer = connection.answer();
        answer.refused(405, "method_not_allowed");
        assert!(answer.closed, "{method}: the body is not left on the connection");
    }
    upstream.saw_nothing();
    let ledger = gateway.finish();
    assert!(ledger.requests().iter().all(|record| record.reason() == "method_not_allowed"));
}

#[test]
fn trailers_are_dropped() {
    // H1-12.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let body = format!(r#"{{"n":"{}"}}"#, fresh_id());
    let signed = delivery(body.as_bytes());
    let mut bytes =
        format!("POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n").into_bytes();
    bytes.extend_from_slice(&header_lines(&signed.headers));
    bytes.extend_from_slice(format!("\r\n{:x}\r\n{body}\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(b"0\r\nX-Late: 1\r\nContent-Length: 99\r\nHost: evil\r\nHookward-Integration: forged\r\n\r\n");
    let mut connection = gateway.connect();
    connection.send(&bytes);
    assert_eq!(connection.answer().status, 200);
    let request = upstream.received().pop().unwrap();
    assert_eq!(request.body, body.as_bytes());
    assert_eq!((request.header("x-late"), request.header("trailer")), (None, None));
    assert_eq!(request.all("hookward-integration"), ["github"]);
    assert_eq!(request.all("content-length"), [body.len().to_string()]);
    gateway.finish();
}

#[test]
fn h1_12_a_signature_in_a_trailer_is_no_signature() {
    let mut siege = Siege::begin(PROVIDER, |upstream| Config::all_providers(&upstream.url()));
    let signed = delivery(b"ab");
    let signature = signed.signature().to_owned();
    let bare = signed.without(PROVIDER.signature_header());
    let mut bytes = format!("POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n").into_bytes();
    bytes.extend_from_slice(&header_lines(&bare.headers));
    bytes.extend_from_slice(format!("\r\n2\r\nab\r\n0\r\nX-Hub-Signature-256: {signature}\r\n\r\n").as_bytes());
    siege.send("a signature behind the body", &bytes).expecting(401, "signature_missing");
    siege.lift();
}

#[test]
fn h1_13_pipelined_requests_are_judged_one_by_one() {
    // H1-13: what stands behind a body has nothing of what stood before it, neither its signature nor its route.
    let mut siege = Siege::begin(PROVIDER, |upstream| Config::all_providers(&upstream.url()));
    let first = PROVIDER.delivery();
    let forged = PROVIDER.delivery().with_tampered_body();
    let bare = Delivery { headers: Vec::new(), ..PROVIDER.delivery() };
    let behind = [
        ("a forgery", request(PATH, &forged.headers, &forged.body), 401, "signature_mismatch"),
        ("no signature of its own", request(PATH, &bare.headers, &bare.body), 401, "signature_missing"),
        ("another path", format!("ZGET /admin HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes(), 404, "unknown_route"),
        ("the same once more", request(PATH, &first.headers, &first.body), 409, "replayed"),
    ];
    for (name, second, status, reason) in behind {
        let honest = if reason == "replayed" { first.clone() } else { PROVIDER.delivery() };
        let mut connection = siege.gateway.connect();
        connection.send(&[request(PATH, &honest.headers, &honest.body), second].concat());
        let taken = connection.answer();
        let outcome = connection.try_answer(Duration::from_secs(6));
        // Both were decided on by now, in their order.
        siege.passes_beside(name, &taken, 200, reason);
        siege.saw(name, outcome).expecting(status, reason);
    }
    assert_eq!(siege.upstream.received().len(), 4);
    siege.lift();
}

#[test]
fn h1_13_a_refused_body_is_never_read_as_a_request() {
    // Smuggling: the bytes behind an early refusal look like a delivery of their own.
    let mut siege = Siege::begin(PROVIDER, |upstream| Config::all_providers(&upstream.url()));
    let inner = PROVIDER.delivery();
    let smuggled = request(PATH, &inner.headers, &inner.body);
    let length = smuggled.len();
    let mut bytes = format!("POST /nowhere HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(&smuggled);
    let mut connection = siege.gateway.connect();
    connection.send(&bytes);
    let outcome = connection.try_answer(Duration::from_secs(6));
    assert!(siege.saw("a delivery inside a refused body", outcome).expecting(404, "unknown_route").closed);
    assert!(find(&connection.drain(Duration::from_secs(4)), b"HTTP/1.1").is_none());
    siege.lift();
}

#[test]
fn other_protocols_are_no_http() {
    // H1-25.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).set("limits", "header_timeout", "\"1s\""));
    let starts: [&[u8]; 6] = [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPOST /hooks/github HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ];
    for start in starts {
        let mut connection = gateway.connect();
        connection.send(start);
        let said = connection.drain(Duration::from_secs(4));
        let fits = said.is_empty() || said.starts_with(b"HTTP/1.1 400") || said.starts_with(b"HTTP/1.1 505");
        assert!(fits, "{:?}: {:?}", String::from_utf8_lossy(start), String::from_utf8_lossy(&said));
    }
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn adm_01_unknown_routes_are_not_found_and_admin_is_not_here() {
    // ADM-01.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for path in ["/", "/metrics", "/healthz", "/readyz", "/api/v1/integrations", "/debug", "/hooks", "/hooks/unknown"] {
        let mut connection = gateway.connect();
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes());
        connection.answer().refused(404, "not_found");
    }
    upstream.saw_nothing();
    gateway.finish();
}
