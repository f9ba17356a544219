//! HTTP/2: what is honest passes as over HTTP/1.1, what is ambiguous is refused, and a flood ends with its own connection.
//!
//! The frames are written by hand. Error codes are RFC 9113's: 1 `PROTOCOL_ERROR`, 11 `ENHANCE_YOUR_CALM`.

use std::time::{Duration, Instant};

use crate::support::client::{Answer, HOST, Silence};
use crate::support::config::{Config, Integration};
use crate::support::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, End, GOAWAY, HEADERS, Http2, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, as_pairs, block, frame, head_of, raw_block,
};
use crate::support::gateway::Gateway;
use crate::support::process::processor_ticks;
use crate::support::provider::{Delivery, Provider};
use crate::support::siege::{Attack, Siege};
use crate::support::upstream::{Latch, Reply, Upstream};
use crate::support::{fresh_id, poll, unix_now};

const PROVIDER: Provider = Provider::StandardWebhooks;
const CALM: u32 = 11;
/// By when a connection that must end has ended; far beyond every deadline under test, on a machine that does other things, too.
const ENDS: Duration = Duration::from_secs(15);

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

fn start(upstream: &Upstream) -> Gateway {
    Gateway::start(config(upstream))
}

fn besieged() -> Siege {
    Siege::begin(PROVIDER, config)
}

/// How a stream ends that nobody will have.
#[derive(Clone, Copy)]
enum Fate {
    /// 400, `malformed_request`.
    Refused,
    /// Reset once its head was read: with a record, and without an answer.
    Reset,
    /// Reset, or its connection ended, before there was a head.
    Unread,
}

impl Attack<'_> {
    #[track_caller]
    fn ends_as(self, fate: Fate) {
        match fate {
            Fate::Refused => drop(self.expecting(400, "malformed_request")),
            Fate::Reset => self.expecting_only_a_record("malformed_request"),
            Fate::Unread => self.expecting_no_answer(),
        }
    }
}

fn sized(bytes: usize) -> Delivery {
    PROVIDER.sign(&PROVIDER.secret("current"), &fresh_id(), unix_now(), &vec![b'a'; bytes])
}

/// The head of an honest delivery with one pseudo-header in place of another of its name.
fn head_with(delivery: &Delivery, changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut head = head_of(delivery, &PROVIDER.path());
    for (name, value) in changed {
        match head.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => (*value).clone_into(known),
            None => head.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    head
}

/// How many connections were ended because of frames without a message.
fn ended_by_floods(gateway: &Gateway) -> usize {
    let count = gateway.metrics().sum("hookward_limit_reached_total", &[("limit", "http2_frames")]);
    format!("{count:.0}").parse().expect("a count")
}

/// Asserts that the gateway is as it was: a delivery passes, over either protocol.
#[track_caller]
fn still_serves(gateway: &Gateway) {
    assert_eq!(gateway.connect_h2().deliver(1, &PROVIDER.delivery()).status, 200);
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
}

#[test]
fn a_delivery_over_http_2_is_one_like_any_other() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let mut http2 = gateway.connect_h2();
    let delivery = sized(300_000);
    let head = head_with(&delivery, &[(":authority", "Hooks.Example:8443"), ("x-forwarded-for", "203.0.113.7")]);
    http2.request(1, &as_pairs(&head), None);
    refused(&http2.end_of(1).answer(), 401, "unauthorized");
    // More than a window: the gateway must open it while it reads.
    send_in_windows(&mut http2, 3, &head, &delivery.body);
    assert_eq!(http2.end_of(3).answer().status, 200);
    let request = upstream.received().pop().unwrap();
    assert_eq!(request.body, delivery.body);
    assert_eq!((request.version.as_str(), request.method.as_str()), ("HTTP/1.1", "POST"));
    assert_eq!(request.all("host").len(), 1);
    assert_eq!(request.all("x-forwarded-host"), ["Hooks.Example:8443"]);
    assert_eq!((request.all("x-forwarded-for"), request.all("x-forwarded-proto")), (vec!["127.0.0.1"], vec!["https"]));
    // Signed anew it is another one; as it was it is a replay, whichever protocol brings it.
    refused(&http2.deliver_again(5, &head, &delivery), 409, "conflict");
    gateway.deliver(&delivery).refused(409, "conflict");
    let ledger = gateway.finish();
    let record = ledger.only("delivered");
    assert_eq!((record.text("path"), record.text("tls")), (PROVIDER.path().as_str(), "TLSv1.3"));
    assert_eq!(record.number("body_bytes"), 300_000);
}

/// Sends a body as fast as its windows open.
fn send_in_windows(http2: &mut Http2, stream: u32, head: &[(String, String)], body: &[u8]) {
    http2.frame(HEADERS, END_HEADERS, stream, &block(&as_pairs(head)));
    let mut window = 65_535;
    let mut rest = body;
    while !rest.is_empty() {
        let piece = &rest[..rest.len().min(window).min(16_384)];
        if piece.is_empty() {
            let update = http2.wait_for(WINDOW_UPDATE);
            if update.stream == stream {
                window += usize::try_from(u32::from_be_bytes(update.payload.try_into().unwrap())).unwrap();
            }
            continue;
        }
        rest = &rest[piece.len()..];
        window -= piece.len();
        http2.frame(DATA, if rest.is_empty() { END_STREAM } else { 0 }, stream, piece);
    }
}

/// The contract's shape of a refusal, without the headers that are compressed.
#[track_caller]
fn refused(answer: &Answer, status: u16, class: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(class)), "{}", answer.text());
}

impl Http2 {
    fn deliver_again(&mut self, stream: u32, head: &[(String, String)], delivery: &Delivery) -> Answer {
        send_in_windows(self, stream, head, &delivery.body);
        self.end_of(stream).answer()
    }
}

#[test]
fn many_requests_share_a_connection_and_are_judged_one_by_one() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let mut http2 = gateway.connect_h2();
    let deliveries = (0..32).map(|_| PROVIDER.delivery()).collect::<Vec<_>>();
    for (index, delivery) in deliveries.iter().enumerate() {
        let delivery = if index % 4 == 3 { &delivery.clone().with_tampered_body() } else { delivery };
        let stream = u32::try_from(index).unwrap() * 2 + 1;
        http2.request(stream, &as_pairs(&head_of(delivery, &PROVIDER.path())), Some(&delivery.body));
    }
    let mut statuses = [0_usize; 2];
    let mut open = 32;
    while open > 0 {
        let frame = http2.next(Duration::from_secs(10)).expect("an answer to each");
        if frame.kind == HEADERS {
            statuses[usize::from(frame.payload.contains(&0x88))] += 1;
        }
        open -= usize::from(frame.flags & END_STREAM != 0 && [HEADERS, DATA].contains(&frame.kind));
    }
    assert_eq!(statuses, [8, 24]);
    assert_eq!(upstream.received().len(), 24);
    let ledger = gateway.finish();
    let delivered = ledger.requests().iter().filter(|record| record.reason() == "delivered").count();
    assert_eq!((delivered, ledger.requests().len()), (24, 32));
}

#[test]
fn h2_01_rapid_reset() {
    let mut siege = besieged();
    let mut http2 = siege.gateway.connect_h2();
    let head = block(&as_pairs(&head_of(&PROVIDER.delivery(), &PROVIDER.path())));
    let before = processor_ticks(siege.gateway.pid());
    for stream in (1..20_000).step_by(2) {
        let pair = [frame(HEADERS, END_HEADERS, stream, &head), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
        if http2.connection.try_send(&pair).is_err() {
            break;
        }
    }
    // What the kernel had taken of it says nothing: the gateway reads no more of it, and is at rest.
    http2.closed_after(ENDS);
    let used = processor_ticks(siege.gateway.pid()) - before;
    assert!(used < 300, "{used} hundredths of a second of processor time");
    siege.saw("the connection", Err(Silence::Closed(0))).expecting_no_answer_but(&["malformed_request"]);
    siege.lift();
}

/// Sends more than the window at once. Where the gateway took some of it meanwhile, nothing was exceeded, and all that is wrong is
/// that the body does not end: then once more.
fn exceed_the_window(siege: &mut Siege, head: &[u8]) {
    let name = "more data than the window";
    let data = frame(DATA, 0, 1, &[b'a'; 16_384]).repeat(5);
    for _ in 0..6 {
        let mut http2 = siege.gateway.connect_h2();
        let _ = http2.connection.try_send(&[frame(HEADERS, END_HEADERS, 1, head), data.clone()].concat());
        match http2.end_within(1, ENDS).unwrap_or_else(|| panic!("{name}: nothing")) {
            End::Answer(answer) => drop(siege.saw(name, Ok(answer)).expecting(408, "body_timeout")),
            end => return siege.saw_stream(name, end).expecting_no_answer_but(&["malformed_request"]),
        }
    }
    panic!("{name}: it was never exceeded");
}

#[test]
fn h2_02_made_you_reset() {
    let mut siege = besieged();
    let head = block(&as_pairs(&head_of(&PROVIDER.delivery(), &PROVIDER.path())));
    let behind_the_end = [frame(DATA, END_STREAM, 1, b"a"), frame(DATA, 0, 1, b"b")].concat();
    let provocations: [(&str, Vec<u8>); 3] = [
        ("a window update of nothing", frame(WINDOW_UPDATE, 0, 1, &[0; 4])),
        ("a window beyond all bounds", frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)),
        ("data behind the end", behind_the_end),
    ];
    for (name, provocation) in provocations {
        let mut http2 = siege.gateway.connect_h2();
        http2.send(&frame(HEADERS, END_HEADERS, 1, &head));
        let _ = http2.connection.try_send(&provocation);
        let end = http2.end_within(1, ENDS).unwrap_or_else(|| panic!("{name}: nothing"));
        siege.saw_stream(name, end).expecting_no_answer_but(&["malformed_request"]);
    }
    exceed_the_window(&mut siege, &head);
    // The same over and over, each time on a new stream: the gateway resets until it has had enough.
    let mut http2 = siege.gateway.connect_h2();
    for stream in (1..20_000).step_by(2) {
        let pair = [frame(HEADERS, END_HEADERS, stream, &head), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat();
        if http2.connection.try_send(&pair).is_err() {
            break;
        }
    }
    http2.closed_after(ENDS);
    siege.saw("the connection", Err(Silence::Closed(0))).expecting_no_answer_but(&["malformed_request"]);
    siege.lift();
}

#[test]
fn h2_03_continuations_without_an_end() {
    let short = |upstream: &Upstream| config(upstream).set("limits", "header_timeout", "\"1s\"");
    let mut siege = Siege::begin(PROVIDER, short);
    let begin = frame(HEADERS, 0, 1, &block(&[(":method", "POST")]));
    for (name, piece) in [("empty", frame(CONTINUATION, 0, 1, b"")), ("small", frame(CONTINUATION, 0, 1, &block(&[("x", "y")])))]
    {
        let mut http2 = siege.gateway.connect_h2();
        http2.send(&begin);
        let sent = http2.flood(&piece, 2_000_000);
        let (_, goaway) = http2.closed_after(ENDS);
        assert!(sent < 2_000_000, "{name}: all were taken");
        assert!(goaway.is_none_or(|error| error == CALM || error == 1), "{name}: {goaway:?}");
        siege.saw(name, Err(Silence::Closed(0))).expecting_no_answer();
    }
    // One that just stops is waited for as long as any head.
    let mut http2 = siege.gateway.connect_h2();
    http2.send(&begin);
    let (waited, _) = http2.closed_after(ENDS);
    assert!(waited > Duration::from_millis(700), "{waited:?}");
    siege.saw("one that stops", Err(Silence::Closed(0))).expecting_no_answer();
    siege.lift();
}

#[test]
fn h2_04_a_head_that_unfolds() {
    let mut siege = besieged();
    // One field of 4000 bytes is put into the table, then named again and again by one byte.
    let mut bomb = block(&as_pairs(&head_of(&PROVIDER.delivery(), &PROVIDER.path())));
    bomb.extend_from_slice(&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    bomb.extend_from_slice(&[b'a'; 4000]);
    bomb.extend_from_slice(&[0xbe; 10_000]);
    let mut http2 = siege.gateway.connect_h2();
    for stream in [1, 3, 5] {
        let _ = http2.connection.try_send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &bomb));
    }
    let end = http2.end_of(1);
    siege.saw_stream("a bomb", end).expecting_no_answer();
    let settings = siege.gateway.connect_h2().wait_for(SETTINGS);
    let setting = |id: u8| {
        let entry = settings.payload.chunks(6).find(|entry| entry[1] == id).unwrap_or_else(|| panic!("no setting {id}"));
        u32::from_be_bytes(entry[2..].try_into().unwrap())
    };
    assert_eq!((setting(3), setting(4), setting(6)), (64, 65_536, 16_384), "streams, window, head");
    siege.lift();
}

#[test]
fn h2_05_floods_of_frames_without_a_message() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let delivery = PROVIDER.delivery();
    let opened = frame(HEADERS, END_HEADERS, 1, &block(&as_pairs(&head_of(&delivery, &PROVIDER.path()))));
    let floods: [(&str, &[u8], Vec<u8>); 7] = [
        ("PING", b"", frame(PING, 0, 0, &[7; 8])),
        ("SETTINGS", b"", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
        ("SETTINGS ACK and PING", b"", [frame(PING, ACK, 0, &[7; 8]), frame(PING, ACK, 0, &[8; 8])].concat()),
        ("PRIORITY", b"", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16])),
        ("unknown", b"", frame(0xbe, 0, 0, b"")),
        ("WINDOW_UPDATE", b"", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("empty data", &opened, frame(DATA, 0, 1, b"")),
    ];
    let before = processor_ticks(gateway.pid());
    for (index, (name, opening, flood)) in floods.iter().enumerate() {
        let mut http2 = gateway.connect_h2();
        http2.send(opening);
        http2.flood(flood, 400_000);
        http2.closed_after(ENDS);
        // Ended by a budget of frames, and not by anything else on the way.
        let counted = poll(ENDS, || (ended_by_floods(&gateway) > index).then_some(()));
        assert!(counted.is_some(), "{name}: {} floods", ended_by_floods(&gateway));
    }
    let used = processor_ticks(gateway.pid()) - before;
    assert!(used < 500, "{used} hundredths of a second of processor time");
    still_serves(&gateway);
    assert_eq!(upstream.received().len(), 2);
    gateway.finish();
}

#[test]
fn h2_06_bodies_and_windows_are_bounded() {
    let mut siege = Siege::begin(PROVIDER, |upstream| {
        config(upstream).set("limits", "max_inflight_bytes", "\"2MiB\"").set("limits", "body_timeout", "\"2s\"")
    });
    let mut http2 = siege.gateway.connect_h2();
    http2.wait_for(WINDOW_UPDATE);
    // 64 bodies begun within the windows, and none ended: one source may hold an eighth unverified.
    for index in 0..64 {
        let delivery = sized(1000);
        let stream = index * 2 + 1;
        http2.send(&frame(HEADERS, END_HEADERS, stream, &block(&as_pairs(&head_of(&delivery, &PROVIDER.path())))));
        http2.frame(DATA, 0, stream, &[b'a'; 8192]);
    }
    let mut ended = 0;
    while ended < 64 {
        match http2.next(Duration::from_secs(8)) {
            Ok(frame) if frame.kind == HEADERS => ended += 1,
            Ok(_) => {}
            Err(silence) => panic!("{ended} of 64 ended: {silence:?}"),
        }
    }
    assert_eq!(siege.decides_only("64 bodies without an end", &["overloaded", "body_timeout"]), 64, "each is answered");
    let counted = siege.counted();
    assert!(counted["overloaded"] > 15 && counted["body_timeout"] > 15, "{counted:?}");
    // All of it was given back.
    siege.gateway.comes_to("hookward_inflight_bytes", &[], 0.0);
    // A 65th stream beside 64 open ones is refused, not queued.
    let mut crowded = siege.gateway.connect_h2();
    let delivery = PROVIDER.delivery();
    let head = block(&as_pairs(&head_of(&delivery, &PROVIDER.path())));
    for index in 0..65 {
        crowded.send(&frame(HEADERS, END_HEADERS, index * 2 + 1, &head));
    }
    let end = crowded.end_of(129);
    assert!(matches!(end, End::Reset(7)), "REFUSED_STREAM");
    siege.saw_stream("one stream more", end).expecting_no_answer();
    drop(crowded);
    siege.decides_only("64 streams whose sender left", &["malformed_request", "body_timeout"]);
    siege.lift();
}

#[test]
fn h2_06_an_answer_that_is_not_taken_is_dropped() {
    let upstream = Upstream::start();
    upstream.always(Reply::Answer(200, "", vec![b'x'; 1 << 20]));
    let gateway = start(&upstream);
    let mut http2 = gateway.connect_h2_silent();
    http2.send(PREFACE);
    // No window at all: nothing of an answer's body can be sent.
    http2.frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    http2.frame(SETTINGS, ACK, 0, b"");
    let delivery = PROVIDER.delivery();
    http2.request(1, &as_pairs(&head_of(&delivery, &PROVIDER.path())), Some(&delivery.body));
    let begun = Instant::now();
    assert!(matches!(http2.end_of(1), End::Reset(_)));
    assert!(begun.elapsed() > Duration::from_secs(8) && begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
    gateway.finish().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn h2_07_idle_connections_are_closed_and_busy_ones_are_not() {
    let upstream = Upstream::start();
    let config = Config::of(Integration::new(PROVIDER, &upstream.url()).line("timeout = \"5s\""))
        .set("limits", "idle_timeout", "\"1s\"")
        .set("limits", "header_timeout", "\"1s\"");
    let gateway = Gateway::start(config);
    let mut silent = gateway.connect_h2_silent();
    let mut half_preface = gateway.connect_h2_silent();
    half_preface.send(&PREFACE[..10]);
    let mut idle = gateway.connect_h2();
    for connection in [&mut silent, &mut half_preface, &mut idle] {
        connection.closed_after(ENDS);
    }
    upstream.next(Reply::ok_after(Duration::from_secs(3)));
    let mut busy = gateway.connect_h2();
    assert_eq!(busy.deliver(1, &PROVIDER.delivery()).status, 200, "a request that is answered is not idle");
    // It is asked to leave, and not just cut off: what it sends meanwhile is still taken.
    assert_eq!(busy.wait_for(GOAWAY).error(), 0);
    assert_eq!(busy.deliver(3, &PROVIDER.delivery()).status, 200, "a request on its way");
    busy.closed_after(ENDS);
    gateway.finish();
}

#[test]
fn h2_08_what_would_split_a_head_of_http_1() {
    let mut siege = besieged();
    let delivery = PROVIDER.delivery();
    let fields: [(&[u8], &[u8]); 12] = [
        (b"x-a", b"b\r\nx-evil: 1"),
        (b"x-a", b"b\nc"),
        (b"x-a", b"b\rc"),
        (b"x-a", b"b\0c"),
        (b"x-a\r\nx-evil", b"b"),
        (b"x-a: b", b"c"),
        (b"x a", b"b"),
        (b"X-Upper", b"b"),
        (b"", b"b"),
        (b":path", b"/other"),
        (b":unknown", b"b"),
        (b"x-\xe9", b"b"),
    ];
    for field in fields {
        let honest = head_of(&delivery, &PROVIDER.path());
        let mut head = honest.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>();
        head.push(field);
        attack(&mut siege, &raw_block(&head), &delivery, &String::from_utf8_lossy(field.0)).ends_as(Fate::Unread);
    }
    for (path, fate) in [
        ("/hooks/x\r\nx-evil: 1", Fate::Unread),
        ("hooks/standard-webhooks", Fate::Unread),
        ("", Fate::Unread),
        ("/hooks/standard-webhooks HTTP/1.1", Fate::Unread),
        ("*", Fate::Refused),
    ] {
        let head = head_with(&delivery, &[(":path", path)]);
        attack(&mut siege, &block(&as_pairs(&head)), &delivery, path).ends_as(fate);
    }
    siege.lift();
}

#[test]
fn h2_09_what_belongs_to_connections_and_pseudo_headers_out_of_place() {
    let mut siege = besieged();
    let delivery = PROVIDER.delivery();
    for (name, value) in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("keep-alive", "1"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        (":method", "POST"),
        (":authority", HOST),
        (":scheme", "https"),
        (":protocol", "websocket"),
    ] {
        let mut head = head_of(&delivery, &PROVIDER.path());
        head.push((name.to_owned(), value.to_owned()));
        attack(&mut siege, &block(&as_pairs(&head)), &delivery, name).ends_as(Fate::Unread);
    }
    let mut behind = head_of(&delivery, &PROVIDER.path());
    behind.rotate_left(1);
    attack(&mut siege, &block(&as_pairs(&behind)), &delivery, "a pseudo-header behind the others").ends_as(Fate::Unread);
    for missing in 0..4 {
        let mut head = head_of(&delivery, &PROVIDER.path());
        let name = head.remove(missing).0;
        let fate = if name == ":authority" { Fate::Refused } else { Fate::Unread };
        attack(&mut siege, &block(&as_pairs(&head)), &delivery, &format!("without {name}")).ends_as(fate);
    }
    siege.lift();
}

#[test]
fn h2_10_lengths_that_are_not_the_body_s() {
    let mut siege = besieged();
    let delivery = PROVIDER.delivery();
    let length = delivery.body.len();
    let (shorter, longer) = ((length - 1).to_string(), (length + 1).to_string());
    let right = length.to_string();
    let cases: [(&[&str], Fate); 7] = [
        (&[&shorter], Fate::Reset),
        (&[&longer], Fate::Reset),
        (&["0"], Fate::Reset),
        (&["+5"], Fate::Unread),
        (&[&right, &right], Fate::Refused),
        (&[&right, &longer], Fate::Unread),
        (&["abc"], Fate::Unread),
    ];
    for (lengths, fate) in cases {
        let mut head = head_of(&delivery, &PROVIDER.path());
        head.extend(lengths.iter().map(|length| ("content-length".to_owned(), (*length).to_owned())));
        attack(&mut siege, &block(&as_pairs(&head)), &delivery, &format!("{lengths:?}")).ends_as(fate);
    }
    let mut http2 = siege.gateway.connect_h2();
    let head = head_with(&delivery, &[("content-length", &right)]);
    http2.request(1, &as_pairs(&head), Some(&delivery.body));
    siege.passes("the right one once", &http2.end_of(1).answer(), 200);
    siege.lift();
}

/// Sends a head, and a body that would pass behind an honest one.
#[track_caller]
fn attack<'s>(siege: &'s mut Siege, head: &[u8], delivery: &Delivery, name: &str) -> Attack<'s> {
    let mut http2 = siege.gateway.connect_h2();
    let bytes = [frame(HEADERS, END_HEADERS, 1, head), frame(DATA, END_STREAM, 1, &delivery.body)].concat();
    let _ = http2.connection.try_send(&bytes);
    let end = http2.end_within(1, ENDS).unwrap_or_else(|| panic!("{name}: nothing"));
    siege.saw_stream(name, end)
}

#[test]
fn h2_11_one_authority() {
    let mut siege = besieged();
    let delivery = PROVIDER.delivery();
    let mut try_it = |name: &str, head: &[(String, String)], fate| {
        attack(&mut siege, &block(&as_pairs(head)), &delivery, name).ends_as(fate);
    };
    for (name, changed, fate) in [
        ("another host", [("host", "evil.example")].as_slice(), Fate::Refused),
        ("a list of hosts", &[("host", "localhost, evil.example")], Fate::Refused),
        ("userinfo", &[(":authority", "a@evil")], Fate::Refused),
        ("a path in it", &[(":authority", "localhost/x")], Fate::Unread),
        ("an empty one", &[(":authority", "")], Fate::Unread),
        ("a junk port", &[(":authority", "localhost:80x")], Fate::Refused),
        ("http inside TLS", &[(":scheme", "http")], Fate::Refused),
        ("another scheme", &[(":scheme", "ftp")], Fate::Refused),
    ] {
        try_it(name, &head_with(&delivery, changed), fate);
    }
    let host = ("host".to_owned(), HOST.to_owned());
    let mut none = head_of(&delivery, &PROVIDER.path());
    none.retain(|(name, _)| name != ":authority");
    try_it("none", &none, Fate::Refused);
    none.push(host.clone());
    try_it("a host alone", &none, Fate::Refused);
    let mut two = head_of(&delivery, &PROVIDER.path());
    two.extend([host.clone(), host]);
    try_it("two hosts", &two, Fate::Refused);
    let mut http2 = siege.gateway.connect_h2();
    http2.request(1, &as_pairs(&head_with(&delivery, &[("host", HOST)])), Some(&delivery.body));
    siege.passes("the same one twice is one", &http2.end_of(1).answer(), 200);
    let ledger = siege.lift();
    let malformed = ledger.requests().into_iter().filter(|record| record.reason() == "malformed_request").collect::<Vec<_>>();
    assert!(!malformed.is_empty() && malformed.iter().all(|record| record.text("path").is_empty()), "nothing of it is repeated");
}

#[test]
fn h2_12_signatures_twice() {
    let mut siege = besieged();
    let delivery = PROVIDER.delivery();
    for (name, value) in [
        ("webhook-signature", delivery.signature()),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-id", "another"),
        ("webhook-timestamp", "1700000000"),
    ] {
        let mut head = head_of(&delivery, &PROVIDER.path());
        head.push((name.to_owned(), value.to_owned()));
        let mut http2 = siege.gateway.connect_h2();
        http2.request(1, &as_pairs(&head), Some(&delivery.body));
        siege.saw_stream(name, http2.end_of(1)).expecting(401, "signature_malformed");
    }
    // Crumbs of a cookie are no header of the scheme: they pass in as many pieces as they came.
    let mut head = head_of(&delivery, &PROVIDER.path());
    head.extend(["a=1", "b=2"].map(|crumb| ("cookie".to_owned(), crumb.to_owned())));
    let mut http2 = siege.gateway.connect_h2();
    http2.request(1, &as_pairs(&head), Some(&delivery.body));
    siege.passes("crumbs", &http2.end_of(1).answer(), 200);
    siege.lift();
}

#[test]
fn h1_16_connect_over_http_2() {
    let mut siege = besieged();
    let mut http2 = siege.gateway.connect_h2();
    http2.request(1, &[(":method", "CONNECT"), (":authority", "169.254.169.254:80")], None);
    siege.saw_stream("CONNECT", http2.end_of(1)).expecting(400, "malformed_request");
    siege.lift();
}

#[test]
fn h2_13_connect_is_no_delivery() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let heads: [&[(&str, &str)]; 3] = [
        &[(":method", "CONNECT"), (":authority", "169.254.169.254:80")],
        &[(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", HOST), (":path", "/")],
        &[(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/hooks/standard-webhooks")],
    ];
    for head in heads {
        let mut http2 = gateway.connect_h2();
        http2.request(1, head, None);
        match http2.end_of(1) {
            End::Answer(answer) => assert!([400, 405].contains(&answer.status), "{head:?}: {}", answer.status),
            End::Reset(_) | End::Connection => {}
        }
    }
    upstream.saw_nothing();
    still_serves(&gateway);
    gateway.finish();
}

#[test]
fn h2_14_http_2_is_spoken_by_agreement_only() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(PROVIDER, &upstream.url())).plain());
    let prior_knowledge = [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat();
    for mut connection in [gateway.connect_plain(), gateway.connect()] {
        connection.send(&prior_knowledge);
        let said = connection.drain(Duration::from_secs(6));
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400") || said.starts_with(b"HTTP/1.1 403"), "{said:?}");
    }
    // TLS-09: agreed on, and then HTTP/1.
    let mut http2 = gateway.connect_h2_silent();
    http2.send(b"POST /hooks/standard-webhooks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    let said = http2.connection.drain(Duration::from_secs(6));
    assert!(!said.starts_with(b"HTTP/1"), "{said:?}");
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn h2_15_a_drain_lets_streams_end() {
    let upstream = Upstream::start();
    let latch = Latch::default();
    upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let mut gateway = start(&upstream);
    let mut http2 = gateway.connect_h2();
    let mut idle = gateway.connect_h2();
    idle.wait_for(SETTINGS);
    let delivery = PROVIDER.delivery();
    http2.request(1, &as_pairs(&head_of(&delivery, &PROVIDER.path())), Some(&delivery.body));
    upstream.wait_for(1);
    gateway.signal("TERM");
    assert_eq!(idle.wait_for(GOAWAY).error(), 0);
    assert_eq!(http2.wait_for(GOAWAY).error(), 0);
    std::thread::sleep(Duration::from_millis(300));
    latch.open();
    assert_eq!(http2.end_of(1).answer().status, 200, "what was begun is answered");
    // Neither answers the gateway's last question: it does not wait for them.
    gateway.exit_cleanly().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn a_sender_that_resets_its_stream_changes_nothing() {
    // RPL-10 over HTTP/2.
    let upstream = Upstream::start();
    let latch = Latch::default();
    upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let gateway = start(&upstream);
    let mut http2 = gateway.connect_h2();
    let delivery = PROVIDER.delivery();
    http2.request(1, &as_pairs(&head_of(&delivery, &PROVIDER.path())), Some(&delivery.body));
    upstream.wait_for(1);
    http2.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    std::thread::sleep(Duration::from_millis(200));
    latch.open();
    gateway.await_record(|record| record.reason() == "delivered");
    let settled = poll(Duration::from_secs(5), || {
        let answer = gateway.connect_h2().deliver(1, &delivery);
        (answer.status == 409).then_some(answer)
    });
    refused(&settled.expect("settled"), 409, "conflict");
    assert_eq!(upstream.received().len(), 1);
    gateway.finish();
}
