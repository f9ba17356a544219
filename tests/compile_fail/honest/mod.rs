//! The whole way of a delivery through every gate, in order and from outside: what the files beside it leave at one step each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookward::domain::address::Source;
use hookward::domain::head::Head;
use hookward::domain::name::IntegrationName;
use hookward::domain::request_id::RequestId;
use hookward::domain::secret::SecretBytes;
use hookward::domain::size::Rate;
use hookward::domain::time::{Clock, UnixTime};
use hookward::gate::admit::gate::admit;
use hookward::gate::admit::sources::SourceTable;
use hookward::gate::admit::spec::SourceLimits;
use hookward::gate::admit::terms::AdmitTerms;
use hookward::gate::forward::gate::{Arrival, forward};
use hookward::gate::forward::pool::UpstreamPool;
use hookward::gate::forward::spec::{TargetSpec, UpstreamAddress};
use hookward::gate::forward::upstream::Upstream;
use hookward::gate::intake::gate::{Intake, Terms};
use hookward::gate::intake::spec::IntakeLimits;
use hookward::gate::pace::gate::{Pace, pace};
use hookward::gate::replay::gate::claim;
use hookward::gate::replay::history::HistoryTerms;
use hookward::gate::replay::memory::MemoryStore;
use hookward::gate::replay::settlement::Settlement;
use hookward::gate::replay::spec::ColdStart;
use hookward::gate::replay::store::{ReplayStore as _, Store};
use hookward::gate::replay::terms::{Protection, ReplayTerms};
use hookward::gate::scope::gate::scope;
use hookward::gate::scope::rules::EventRules;
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::gate::verify::sign::{Request, SigningKey, sign};
use hookward::provider::Catalogue;
use hookward::provider::scheme::Scheme;
use http::{HeaderMap, Method, Uri};
use http_body_util::Full;

const MINUTE: Duration = Duration::from_secs(60);
const BODY: &[u8] = br#"{"id":"evt_1","type":"invoice.paid"}"#;

#[test]
fn the_whole_way_compiles_and_delivers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(the_whole_way()), 200);
}

async fn the_whole_way() -> u16 {
    let (scheme, clock) = (Catalogue::builtin().get("stripe").unwrap(), Clock::manual(UnixTime::from_seconds(1_750_000_000)));
    let integration: IntegrationName = "payments".parse().unwrap();
    let replay = replay_terms(&clock, &integration);
    clock.advance(MINUTE);
    let (head, source) = (signed_head(&scheme, clock.now().wall), Source::Unix);

    let admitted = admit(&AdmitTerms::new(None, &scheme), &sources(), source, &head.method, clock.now()).unwrap();
    let presented = present(&scheme, &head).unwrap();
    let intake = Intake::new(IntakeLimits { max_inflight_bytes: 1 << 20, body_timeout: MINUTE });
    let terms = Terms { max_body_bytes: 1 << 16, source: admitted.source().limit_key() };
    let (received, _holding) = intake.receive(terms, head, Full::new(Bytes::from_static(BODY))).await.unwrap();
    let judging = Judging { integration: &integration, scheme: &scheme, keys: &keys(&scheme), tolerance: MINUTE };
    let verified = verify(&judging, presented, received, clock.now().wall).unwrap();
    let scoped = scope(&EventRules::default(), verified).unwrap();
    let claimed = claim(&replay, scoped, clock.now()).await.unwrap();
    let paced = pace(&Pace::new(None), claimed, clock.now()).await.unwrap();
    let arrival = Arrival {
        integration: &integration,
        provider: &scheme.name,
        request_id: RequestId::new(clock.now().wall),
        verified_at: clock.now().wall,
        sent_at: clock.now(),
        source,
        tls: false,
        trace: None,
    };
    let forwarded = forward(&pool(&scheme, &clock), &paced, &arrival).await.unwrap();
    let (_scoped, settled) = paced.into_claimed().settle(Settlement::Settle, clock.now()).await;
    settled.unwrap();
    forwarded.status().as_u16()
}

fn secret() -> SecretBytes {
    SecretBytes::new(b"whsec_a-secret-of-some-length".to_vec())
}

fn keys(scheme: &Scheme) -> KeyRing {
    let (id, text) = ("current".parse().unwrap(), secret());
    let material = KeyMaterial { id, key_id: None, encoding: None, text, not_before: None, not_after: None };
    KeyRing::build(scheme, vec![material]).unwrap()
}

fn signed_head(scheme: &Scheme, timestamp: UnixTime) -> Head {
    let key = SigningKey::parse(scheme, None, secret()).unwrap();
    let headers = sign(scheme, &key, &Request { id: None, timestamp, headers: &HeaderMap::new(), body: BODY });
    Head { method: Method::POST, target: Uri::from_static("/hook"), headers: headers.into_iter().collect() }
}

fn sources() -> SourceTable {
    let rate = Rate { count: 10, period: MINUTE, burst: 10 };
    SourceTable::new(SourceLimits { per_source: rate, failures_per_source: rate })
}

fn replay_terms(clock: &Clock, integration: &IntegrationName) -> ReplayTerms {
    let store = Arc::new(Store::Memory(MemoryStore::new(1000, clock.now())));
    let share = store.divide(std::slice::from_ref(integration))[0];
    let history = HistoryTerms { cold_start: ColdStart::Refuse, untimed_window: MINUTE, raised: None };
    ReplayTerms { store, share, protection: Protection::On, lease: MINUTE, lapse: MINUTE, history }
}

fn pool(scheme: &Scheme, clock: &Clock) -> UpstreamPool {
    let upstream = one_answer();
    let target = TargetSpec {
        address: UpstreamAddress::Http { host: upstream.ip().to_string(), port: upstream.port() },
        path_and_query: "/in".into(),
        authority: upstream.to_string(),
        timeout: MINUTE,
        forward_query: false,
        headers: Vec::new(),
    };
    Upstream::build(&target, scheme, Vec::new()).unwrap().pool(clock)
}

/// An upstream that reads one request and answers 200.
fn one_answer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        while !request.ends_with(BODY) {
            let read = stream.read(&mut piece).unwrap();
            request.extend_from_slice(&piece[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    address
}
