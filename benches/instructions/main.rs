//! One operation, so many times: what `check.sh` counts the instructions of. `instructions OPERATION TIMES`.
//!
//! - `verify`: the headers and the signature of a delivery of 512 bytes, made by GitHub's scheme.
//! - `claim`: a claim in the memory store, and its settlement.
//! - `judge`: a whole request that is refused for its signature, with its record.
//! - `forward`: a whole delivery: judged, claimed, forwarded to an upstream on loopback, settled, recorded.
//!
//! The last two count the whole process: the thread of the audit log and, for `forward`, the upstream's.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot be set up has nothing to measure")]
#![expect(unreachable_pub, reason = "the modules of a bench are a binary's own")]

mod stage;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use hookward::domain::body::RawBody;
use hookward::domain::head::{Head, Received};
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::{Clock, UnixTime};
use hookward::gate::replay::key::Identity;
use hookward::gate::replay::memory::MemoryStore;
use hookward::gate::replay::store::{Claim, ReplayStore as _, ShareId};
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::gate::verify::sign::{Request, SigningKey, sign};
use hookward::provider::Catalogue;
use http::{HeaderMap, Method, Uri};

use crate::stage::{Kind, Stage};

const SECRET: &str = "a-secret-of-the-counts-0123456789";
const BODY_BYTES: usize = 512;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let operation = arguments.next().unwrap_or_default();
    let times: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    match operation.as_str() {
        "verify" => verify_deliveries(times),
        "claim" => claim(times),
        "judge" => live(Kind::Forged, 401, times),
        "forward" => live(Kind::Genuine, 200, times),
        // `cargo bench` runs every bench; this one is run by its script.
        "" => {}
        other => panic!("no operation is called {other}"),
    }
}

fn verify_deliveries(times: u64) {
    let scheme = Catalogue::builtin().get("github").unwrap();
    let at = UnixTime::from_seconds(1_700_000_000);
    let key = SigningKey::parse(&scheme, None, SecretBytes::new(SECRET.into())).unwrap();
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    let mut headers = HeaderMap::new();
    headers.extend(sign(&scheme, &key, &Request { id: Some("1"), timestamp: at, headers: &HeaderMap::new(), body: &body }));
    let text = SecretBytes::new(SECRET.into());
    let material =
        KeyMaterial { id: "one".parse().unwrap(), key_id: None, encoding: None, text, not_before: None, not_after: None };
    let keys = KeyRing::build(&scheme, vec![material]).unwrap();
    let judging =
        Judging { integration: &"payments".parse().unwrap(), scheme: &scheme, keys: &keys, tolerance: Duration::from_secs(300) };
    for _ in 0..times {
        let head = Head { method: Method::POST, target: Uri::from_static("/in"), headers: headers.clone() };
        let received = Received { head, body: RawBody::from(body.clone()) };
        let presented = present(&scheme, &received.head).unwrap();
        let _verified = black_box(verify(&judging, presented, received, at).unwrap());
    }
}

fn claim(times: u64) {
    let now = Clock::system().now();
    let store = MemoryStore::new(1_000_000, now);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for number in 0..times {
            // An identity is a digest: its bits are spread. Multiplying by an odd number spreads these.
            let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
            let mut bytes = [0; 32];
            bytes.iter_mut().zip(spread.into_iter().cycle()).for_each(|(to, from)| *to = from);
            let keep_until = now.wall.plus(Duration::from_secs(600));
            let identity = Identity::from_bytes(bytes);
            let claim = Claim { identity, share: ShareId::COMMON, keep_until, is_timed: true, lease: Duration::from_secs(60) };
            store.claim(&claim, now).await.unwrap();
            store.settle(&claim, now).await.unwrap();
        }
    });
}

fn live(kind: Kind, expected: u16, times: u64) {
    let stage = Stage::set();
    for _ in 0..times {
        assert_eq!(stage.send(stage.request(kind, BODY_BYTES)), expected);
    }
}
