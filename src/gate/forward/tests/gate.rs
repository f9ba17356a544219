//! The whole gate: a delivery that went through every gate before it, and what its upstream saw of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

use super::scripted::answering;
use super::{http, names, target};
use crate::domain::address::Source;
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Received};
use crate::domain::secret::SecretBytes;
use crate::domain::time::{Clock, Now};
use crate::gate::forward::gate::{Arrival, forward};
use crate::gate::forward::upstream::Upstream;
use crate::gate::pace::gate::{Pace, Paced, pace};
use crate::gate::replay::gate::claim;
use crate::gate::replay::history::HistoryTerms;
use crate::gate::replay::memory::MemoryStore;
use crate::gate::replay::settlement::Settlement;
use crate::gate::replay::spec::ColdStart;
use crate::gate::replay::store::{ShareId, Store};
use crate::gate::replay::terms::{Protection, ReplayTerms};
use crate::gate::scope::gate::scope;
use crate::gate::scope::rules::EventRules;
use crate::gate::verify::gate::{Judging, Verified, verify};
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::gate::verify::presented::present;
use crate::gate::verify::sign::{Request, SigningKey, sign};
use crate::provider::Catalogue;
use crate::provider::scheme::Scheme;

const BODY: &[u8] = br#"{"action":"opened"}"#;

fn github() -> Arc<Scheme> {
    Catalogue::builtin().get("github").unwrap()
}

fn secret() -> SecretBytes {
    SecretBytes::new(b"a secret of some length".to_vec())
}

/// A signed delivery with what a sender might add.
fn received(now: Now) -> Received {
    let key = SigningKey::parse(&github(), None, secret()).unwrap();
    let request = Request { id: None, timestamp: now.wall, headers: &HeaderMap::new(), body: BODY };
    let mut headers: HeaderMap = sign(&github(), &key, &request).into_iter().collect();
    let added = [
        ("host", "hooks.example.com"),
        ("x-github-event", "issues"),
        ("x-github-delivery", "72d3162e"),
        ("hookward-secret-id", "forged"),
        ("connection", "close, x-hub-signature-256, x-github-event"),
    ];
    for (name, value) in added {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let head = Head { method: Method::POST, target: "/hook?a=1".parse().unwrap(), headers };
    Received { head, body: RawBody::from(Bytes::from_static(BODY)) }
}

fn verified(now: Now) -> Verified {
    let scheme = github();
    let material =
        KeyMaterial { id: names().secret_id, key_id: None, encoding: None, text: secret(), not_before: None, not_after: None };
    let keys = KeyRing::build(&scheme, vec![material]).unwrap();
    let received = received(now);
    let presented = present(&scheme, &received.head).unwrap();
    let judging =
        Judging { integration: &names().integration, scheme: &scheme, keys: &keys, tolerance: Duration::from_secs(300) };
    verify(&judging, presented, received, now.wall).unwrap()
}

async fn paced(now: Now) -> Paced {
    let terms = ReplayTerms {
        store: Arc::new(Store::Memory(MemoryStore::new(100, now))),
        share: ShareId::COMMON,
        protection: Protection::On,
        lease: Duration::from_secs(20),
        lapse: Duration::from_secs(10),
        history: HistoryTerms { cold_start: ColdStart::Accept, untimed_window: Duration::from_secs(60), raised: None },
    };
    let scoped = scope(&EventRules::default(), verified(now)).unwrap();
    pace(&Pace::Unlimited, claim(&terms, scoped, now).await.unwrap(), now).await.unwrap()
}

fn must_be_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn a_delivery_through_all_gates_reaches_its_upstream() {
    let answer = b"HTTP/1.1 201 Created\r\nserver: app/1\r\nhookward-replay: true\r\nx-app: 1\r\ncontent-length: 4\r\n\r\ndone";
    let (port, log) = answering(answer).await;
    let clock = Clock::system();
    let pool = Upstream::build(&target(http(port)), &github(), Vec::new()).unwrap().pool(&clock);
    let names = names();
    let now = clock.now();
    let arrival = Arrival {
        integration: &names.integration,
        provider: &names.provider,
        request_id: names.request_id,
        verified_at: now.wall,
        sent_at: now,
        source: Source::new("192.0.2.7".parse().unwrap()),
        tls: true,
        trace: None,
    };

    let paced = paced(now).await;
    let forwarded = must_be_send(forward(&pool, &paced, &arrival)).await.unwrap();
    assert!(forwarded.is_success() && forwarded.answered_at().monotonic > now.monotonic);
    let (status, headers, body) = forwarded.into_answer();
    assert_eq!((status.as_u16(), &body[..]), (201, &b"done"[..]));
    assert_eq!(headers, HeaderMap::from_iter([("x-app".parse().unwrap(), HeaderValue::from_static("1"))]));

    let captured = log.requests().remove(0);
    assert_eq!((captured.lines[0].as_str(), &captured.body[..]), ("POST /in?v=1&a=1 HTTP/1.1", BODY));
    let signature = sent_signature(now);
    let key = paced.claimed().idempotency_key();
    let expected = [
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-event", "issues"),
        ("hookward-secret-id", "2026-q4"),
        ("hookward-event", "issues"),
        ("hookward-delivery-id", "72d3162e"),
        ("hookward-unsigned", "event, delivery-id"),
        ("hookward-idempotency-key", key),
        ("x-forwarded-host", "hooks.example.com"),
        ("x-forwarded-for", "192.0.2.7"),
    ];
    for (name, value) in expected {
        assert_eq!(captured.values(name), [value], "{name}");
    }
    paced.into_claimed().settle(Settlement::Settle, clock.now()).await.1.unwrap();
}

fn sent_signature(now: Now) -> String {
    received(now).head.headers["x-hub-signature-256"].to_str().unwrap().to_owned()
}
