//! What senders write: captured requests and their signature headers, times, targets, bodies, and the bytes on the wire.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookward::cli::captured;
use hookward::domain::body::RawBody;
use hookward::domain::head::{Head, Received};
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::listen::wire::{HEADERS_MAX, Inspector, TARGET_BYTES_MAX, WireFault};
use hookward::pipeline::router::Router;
use hookward::provider::Catalogue;
use hookward::provider::locate::Found;
use hookward::provider::locate::find;
use hookward::provider::locate::multipart::AnyForm;
use hookward::provider::scheme::{Algorithm, KeyEncoding, Locator, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

use crate::campaign::{files, lines, run};
use crate::dice::Dice;
use crate::oracle;

/// When the requests of the corpus were signed.
const SIGNED_AT: i64 = 1_750_000_000;

/// What senders' mistakes are made of.
pub(crate) const HEADER_WORDS: &[&[u8]] = &[
    b"t=1750000000,",
    b"v1=",
    b"v1,",
    b"v1a,",
    b"v0=",
    b"sha256=",
    b",",
    b" ",
    b"\r\n",
    b"\n",
    b": ",
    b"1750000000",
    b"1750000301",
    b"webhook-id: a.b\r\n",
    b"stripe-signature: t=1,v1=00\r\n",
    b"&logged_in_customer_id=",
    b"=",
    b"%3D",
    b"&",
    b"content-length: 0\r\n",
    b"transfer-encoding: chunked\r\n",
    b"\r\n\r\n",
];

pub(crate) fn keys(scheme: &Scheme) -> KeyRing {
    let (text, encoding) = match (scheme.signature.algorithm, scheme.signature.key_encoding) {
        (Algorithm::Ed25519, _) => (oracle::PUBLIC_KEY, Some(KeyEncoding::Hex)),
        (_, KeyEncoding::Whsec) => (oracle::ENCODED_SECRET, None),
        _ => (oracle::TEXT_SECRET, None),
    };
    let (id, text) = ("fuzz".parse().unwrap(), SecretBytes::new(text.as_bytes().to_vec()));
    KeyRing::build(scheme, vec![KeyMaterial { id, key_id: None, encoding, text, not_before: None, not_after: None }]).unwrap()
}

/// The providers that the oracle knows by heart.
pub(crate) const KNOWN: [&str; 8] =
    ["discord", "discord-events", "github", "shopify", "slack", "standard-webhooks", "standard-webhooks-ed25519", "stripe"];

/// Those it knows besides, whose signature stands in a token, in the body or in the query.
const CARRIED: [&str; 4] = ["livekit", "mailgun", "mailgun-form", "shopify-app-proxy"];

/// Each with its keys: which one a request was made for, nobody asks.
fn judges() -> Vec<(Arc<Scheme>, KeyRing)> {
    let known = KNOWN.iter().chain(&CARRIED).map(|name| Catalogue::builtin().get(name).unwrap());
    known.map(|scheme| (Arc::clone(&scheme), keys(&scheme))).collect()
}

/// Whether the gateway's verifier takes it; if it does, the oracle must, over the same content.
fn verified(scheme: &Scheme, keys: &KeyRing, received: Received, now: i64) -> bool {
    let provider = scheme.name.as_str();
    let body = received.body.contiguous().escape_ascii().to_string();
    let opinion = {
        let query = received.head.query().unwrap_or_default();
        oracle::vouches(provider, &received.head.headers, query, &received.body.contiguous(), now)
    };
    let tolerance = Duration::from_secs(oracle::TOLERANCE_SECONDS.unsigned_abs());
    let judging = Judging { integration: &"payments".parse().unwrap(), scheme, keys, tolerance };
    let presented = present(scheme, &received.head);
    let Ok(verified) = presented.and_then(|presented| verify(&judging, presented, received, UnixTime::from_seconds(now))) else {
        return false;
    };
    let mut content = Vec::new();
    verified.feed_content(&mut |piece| content.extend_from_slice(piece));
    assert_eq!(opinion, Some(content), "{provider} took what nobody vouches for: {body}");
    true
}

#[test]
fn captured_requests_and_signatures() {
    let (entries, judges) = (files("requests"), judges());
    let mut passed = 0;
    run("requests", 12_000, &entries, HEADER_WORDS, |input, _| {
        let Ok(received) = captured::parse(&Bytes::copy_from_slice(input)) else { return };
        assert!(input.ends_with(&received.body.contiguous()), "a body is the end of its file");
        assert!(received.head.target.path().starts_with('/'));
        for (scheme, keys) in &judges {
            let copy = Received { head: received.head.clone(), body: received.body.clone() };
            passed += usize::from(verified(scheme, keys, copy, SIGNED_AT));
        }
    });
    assert!(passed > entries.len(), "the corpus itself and harmless changes of it pass; {passed} did");
}

#[test]
fn every_request_of_the_corpus_is_genuine() {
    for (scheme, keys) in judges() {
        let genuine = files("requests").into_iter().filter(|file| {
            let received = captured::parse(&Bytes::copy_from_slice(file)).unwrap();
            received.head.path().trim_start_matches('/') == scheme.name.as_str() && verified(&scheme, &keys, received, SIGNED_AT)
        });
        assert!(genuine.count() >= 1, "{} has no request in the corpus", scheme.name);
    }
}

#[test]
fn signature_headers_alone() {
    let judges = judges();
    let entries: Vec<Vec<u8>> = files("requests").iter().flat_map(|file| signature_values(file)).collect();
    run("signatures", 12_000, &entries, HEADER_WORDS, |input, dice| {
        let Ok(value) = HeaderValue::from_bytes(input) else { return };
        for (scheme, keys) in &judges {
            let mut headers = HeaderMap::new();
            for name in scheme.header_names() {
                headers.append(name.clone(), HeaderValue::from_static("1750000000"));
            }
            let Some(header) = scheme.signature.header() else { continue };
            headers.insert(header.clone(), value.clone());
            if dice.one_in(8) {
                headers.append(header.clone(), value.clone());
            }
            let received = Received { head: head(headers), body: RawBody::default() };
            assert!(!verified(scheme, keys, received, SIGNED_AT), "nobody signed this for {}", scheme.name);
        }
    });
}

fn signature_values(file: &[u8]) -> Vec<Vec<u8>> {
    let received = captured::parse(&Bytes::copy_from_slice(file)).unwrap();
    let is_ours = |name: &str| name.contains("signature") || name.contains("hmac") || name == "authorization";
    let values = received.head.headers.iter().filter(|(name, _)| is_ours(name.as_str()));
    values.map(|(_, value)| value.as_bytes().to_vec()).collect()
}

#[test]
fn timestamps() {
    let slack = Catalogue::builtin().get("slack").unwrap();
    let stripe = Catalogue::builtin().get("stripe").unwrap();
    run("times", 20_000, &lines("times"), &[b"0", b"-", b"+", b"1750000000", b" "], |input, _| {
        let well_formed = input.len() == 10 && input[0] != b'0' && input.iter().all(u8::is_ascii_digit);
        let hex = b"00".repeat(32);
        let value = |parts: &[&[u8]]| HeaderValue::from_bytes(&parts.concat());
        if let (Ok(time), Ok(signature)) = (value(&[input]), value(&[b"v0=", &hex])) {
            let pairs = [("x-slack-request-timestamp", time), ("x-slack-signature", signature)];
            let headers: HeaderMap = pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value)).collect();
            assert_eq!(present(&slack, &head(headers)).is_ok(), well_formed);
        }
        // In a field of pairs a comma ends it, and what follows is another field.
        if let (Ok(pairs), false) = (value(&[b"t=", input, b",v1=", &hex]), input.contains(&b',')) {
            let headers = [("stripe-signature".parse().unwrap(), pairs)].into_iter().collect();
            assert_eq!(present(&stripe, &head(headers)).is_ok(), well_formed);
        }
        if let Ok(text) = std::str::from_utf8(input)
            && let Ok(time) = text.parse::<UnixTime>()
        {
            let _shown = time.to_string();
            let whole = UnixTime::from_micros(time.micros());
            assert_eq!(time, whole);
        }
    });
}

fn head(headers: HeaderMap) -> Head {
    Head { method: Method::POST, target: Uri::from_static("/"), headers }
}

#[test]
fn fields_of_json_bodies() {
    let pointers = ["/type", "/id", "/event/type", "/0/type", "/3/a~1b/~0/1", "/event/ts", "/x"];
    let places: Vec<Locator> = pointers.iter().map(|pointer| format!("json:{pointer}").parse().unwrap()).collect();
    let places: Vec<&Locator> = places.iter().collect();
    let words: [&[u8]; 12] =
        [b"\"type\"", b":", b",", b"{", b"}", b"[", b"]", b"null", b"\"\\u0000\"", b"\"\\ud800\"", b"1e999", b"\"event\""];
    run("json", 20_000, &files("json"), &words, |input, _| {
        let found = find(&places, &head(HeaderMap::new()), &RawBody::from(Bytes::copy_from_slice(input)));
        let Ok(whole) = serde_json::from_slice::<Value>(input) else { return };
        for (pointer, text) in pointers.iter().zip(found) {
            let Some(text) = text else { continue };
            let expected = match whole.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => panic!("{pointer} is {text:?} in a document without it"),
            };
            assert_eq!(text, expected, "{pointer}");
        }
    });
}

#[test]
fn fields_of_form_bodies() {
    let places = ["form:command", "form:text", "form:payload#/type"].map(|place| place.parse::<Locator>().unwrap());
    let words: [&[u8]; 8] = [b"command=", b"&", b"=", b"%", b"+", b"%00", b"%2", b"payload=%7B%22type%22%3A1%7D"];
    run("forms", 20_000, &files("forms"), &words, |input, _| {
        let body = RawBody::from(Bytes::copy_from_slice(input));
        let found = find(&places.iter().collect::<Vec<_>>(), &head(HeaderMap::new()), &body);
        for (name, text) in ["command", "text"].into_iter().zip(&found) {
            let Some(text) = text else { continue };
            assert_eq!(fields(input).filter(|(field, _)| field == name).collect::<Vec<_>>(), [(name.into(), text.clone())]);
        }
    });
}

#[test]
fn fields_of_multipart_bodies() {
    let names = ["token", "timestamp", "signature", "event", "attachment-1"];
    let words: [&[u8]; 10] = [
        b"--b",
        b"\r\n--b\r\n",
        b"\r\n--b--\r\n",
        b"\r\n\r\n",
        b"\r\n",
        b"Content-Disposition: form-data; name=\"token\"",
        b"; filename=\"a\"",
        b"name=",
        b"\"",
        b"\\\"",
    ];
    let content_type = "multipart/form-data; boundary=b";
    let mut read = 0;
    run("multipart", 20_000, &files("multipart"), &words, |input, _| {
        let Some(form) = AnyForm::parse(Some(content_type), input) else { return };
        read += 1;
        let parts = oracle::parts(content_type, input).expect("what is read here others read, too");
        for name in names {
            let found: Vec<_> = parts.iter().filter(|part| part.name.as_deref() == Some(name)).collect();
            assert_eq!(form.find(name) != Found::Absent, !found.is_empty(), "{name}");
            if let Some(text) = form.field(name) {
                let [part] = found[..] else { panic!("{name} stands {} times", found.len()) };
                assert_eq!((part.value.as_slice(), part.is_file), (text.as_bytes(), false), "{name}");
            }
        }
    });
    assert!(read > 100, "the corpus itself and harmless changes of it are read; {read} were");
}

/// Every field, read as loosely as a receiver might.
pub(crate) fn fields(form: &[u8]) -> impl Iterator<Item = (String, String)> + use<'_> {
    form.split(|byte| *byte == b'&').map(|pair| {
        let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (loose(&pair[..middle]), loose(pair.get(middle + 1..).unwrap_or_default()))
    })
}

fn loose(text: &[u8]) -> String {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let escaped = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let escaped = escaped.filter(|_| text[at] == b'%');
        decoded.push(escaped.unwrap_or(if text[at] == b'+' { b' ' } else { text[at] }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[test]
fn targets_find_their_route_exactly() {
    let (path, host) = ("/webhooks/stripe", "hooks.example.com");
    let mut router = Router::default();
    router.insert(None, path, 0);
    router.insert(Some(host), path, 1);
    let hosts = ["hooks.example.com", "HOOKS.example.com:443", "other.example.com", "hooks.example.com.", "[::1]:1", "a b", ""];
    run("targets", 20_000, &lines("targets"), &[b"/", b"//", b"%2e", b"/..", b"?", b"#", b";", b"\\"], |input, dice| {
        let (Ok(target), Ok(host)) = (Uri::try_from(input), HeaderValue::from_str(dice.pick(&hosts))) else { return };
        let mut headers = HeaderMap::new();
        headers.insert("host", host);
        if let Some(index) = router.find(&headers, target.path()) {
            assert_eq!(target.path(), path);
            let names_us = headers["host"].to_str().unwrap().to_ascii_lowercase().starts_with("hooks.example.com");
            assert_eq!(index == 1, names_us);
        }
    });
}

/// How many bytes passed, in how many heads, and the fault behind them.
type Verdict = (usize, u64, Option<WireFault>);

/// Feeds the bytes in pieces, those held back first, as a connection does.
fn inspect(bytes: &[u8], mut piece: impl FnMut() -> usize) -> Verdict {
    let mut inspector = Inspector::new(MAX_HEADER_BYTES);
    let (mut passed, mut arrived) = (0, 0);
    while arrived < bytes.len() {
        arrived = bytes.len().min(arrived + piece().max(1));
        let step = inspector.feed(&bytes[passed..arrived]);
        passed += step.pass;
        assert!(passed <= arrived);
        if step.fault.is_some() {
            return (passed, inspector.heads(), step.fault);
        }
    }
    (passed, inspector.heads(), None)
}

const MAX_HEADER_BYTES: usize = 4096;

#[test]
fn bytes_on_the_wire_in_any_pieces() {
    let mut entries = files("wire");
    entries.extend(files("requests"));
    let words: Vec<&[u8]> =
        [HEADER_WORDS, &[b"0\r\n\r\n", b"3\r\nabc\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x0b"]].concat();
    run("wire", 12_000, &entries, &words, |input, dice| {
        let whole = inspect(input, || usize::MAX);
        assert_eq!(inspect(input, || 1), whole, "byte by byte");
        let mut cuts = Dice::new(dice.number());
        assert_eq!(inspect(input, || cuts.below(40)), whole, "in pieces of chance");
        if whole.1 > 0 {
            first_head_is_sound(&input[..whole.0]);
        }
    });
}

/// What passed as a head is one to others too.
fn first_head_is_sound(passed: &[u8]) {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut lines);
    assert!(request.parse(passed).is_ok_and(|status| status.is_complete()));
    assert!(request.path.is_some_and(|path| path.starts_with('/') && path.len() <= TARGET_BYTES_MAX));
    let count = |name: &str| request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).count();
    assert_eq!(count("host"), 1);
    assert!(count("content-length") + count("transfer-encoding") <= 1);
}
