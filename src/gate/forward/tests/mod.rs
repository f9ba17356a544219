//! Tests of the room: what leaves byte by byte, what every kind of answer becomes, and that nothing is sent twice.

mod answers;
mod building;
mod gate;
mod headers;
mod reuse;
mod scripted;
mod sending;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::answer::Answer;
use super::attestation::{Attestation, Field};
use super::error::ForwardError;
use super::pool::UpstreamPool;
use super::request::{Outgoing, outgoing};
use super::spec::{TargetSpec, UpstreamAddress};
use super::upstream::Upstream;
use crate::domain::address::Source;
use crate::domain::body::RawBody;
use crate::domain::head::Head;
use crate::domain::name::{IntegrationName, ProviderName, SecretId};
use crate::domain::request_id::RequestId;
use crate::domain::secret::SecretBytes;
use crate::domain::time::{Clock, UnixTime};
use crate::provider::scheme::{
    Algorithm, Evidence, KeyEncoding, Locator, OnRefusal, Origin, Part, Retries, Scheme, SignatureEncoding, SignatureFormat,
    SignatureRule, TimestampPlace, TimestampRule, TimestampUnit,
};

/// Long enough for any answer on this machine, short enough to wait for.
const TIMEOUT: Duration = Duration::from_millis(300);

/// The names behind an attestation.
struct Names {
    integration: IntegrationName,
    provider: ProviderName,
    secret_id: SecretId,
    request_id: RequestId,
    host: HeaderValue,
}

fn names() -> Names {
    Names {
        integration: "payments".parse().unwrap(),
        provider: "acme".parse().unwrap(),
        secret_id: "2026-q4".parse().unwrap(),
        request_id: "01JD0000000000000000000000".parse().unwrap(),
        host: HeaderValue::from_static("hooks.example.com"),
    }
}

fn attestation(names: &Names) -> Attestation<'_> {
    Attestation {
        integration: &names.integration,
        provider: &names.provider,
        request_id: names.request_id,
        secret_id: &names.secret_id,
        verified_at: UnixTime::from_seconds(1_800_000_000),
        event: Some(Field { text: "invoice.paid", signed: false }),
        delivery_id: Some(Field { text: "evt_1", signed: true }),
        idempotency_key: "ab01",
        source: Source::new("192.0.2.7".parse().unwrap()),
        tls: true,
        trace: None,
        host: Some(&names.host),
    }
}

/// A scheme that signs an id, a time and a header, and names its event in an unsigned one.
fn scheme() -> Scheme {
    let name = HeaderName::from_static;
    Scheme {
        name: "acme".parse().unwrap(),
        title: "Acme".into(),
        origin: Origin {
            docs: String::new(),
            checked: "2026-11-21".into(),
            evidence: Evidence::Custom,
            sources: Vec::new(),
            traps: Vec::new(),
        },
        methods: vec![Method::POST],
        signature: SignatureRule {
            algorithm: Algorithm::HmacSha256,
            key_encoding: KeyEncoding::Utf8,
            key_form: crate::provider::scheme::KeyForm::default(),
            key_id_header: None,
            secret_header: None,
            place: Locator::Header(name("acme-signature")),
            lines: crate::provider::scheme::HeaderLines::Once,
            format: SignatureFormat::Prefixed { prefix: String::new() },
            encoding: SignatureEncoding::Hex,
        },
        timestamp: Some(TimestampRule {
            place: TimestampPlace::Header(name("acme-timestamp")),
            unit: TimestampUnit::Seconds,
            tolerance: None,
        }),
        id_header: Some(name("acme-id")),
        content: vec![Part::Id, Part::Timestamp, Part::Header(name("acme-signed")), Part::Body],
        alternatives: Vec::new(),
        fixed_headers: vec![(name("acme-version"), "1".to_owned())],
        event: vec![Locator::Header(name("acme-event")), Locator::Json("/type".parse().unwrap())],
        delivery_id: vec![Locator::Header(name("acme-delivery"))],
        delivery_id_unique: true,
        handshakes: Vec::new(),
        subscription: None,
        certificate: None,
        retries: Retries::Unknown,
        deadline: None,
        max_body: None,
        on_replay: OnRefusal::Reject,
        on_event_denied: OnRefusal::Reject,
        options: Vec::new(),
        strip_headers: vec![name("acme-signature-old")],
        carries_secrets: Vec::new(),
    }
}

fn target(address: UpstreamAddress) -> TargetSpec {
    TargetSpec {
        address,
        path_and_query: "/in?v=1".into(),
        authority: "app.internal:3000".into(),
        timeout: TIMEOUT,
        forward_query: true,
        headers: Vec::new(),
    }
}

fn http(port: u16) -> UpstreamAddress {
    UpstreamAddress::Http { host: "127.0.0.1".into(), port }
}

fn pool(spec: &TargetSpec) -> UpstreamPool {
    let token = (HeaderName::from_static("authorization"), SecretBytes::new(b"Bearer app".to_vec()));
    Upstream::build(spec, &scheme(), vec![token]).unwrap().pool(&Clock::system())
}

fn pool_on(port: u16) -> UpstreamPool {
    pool(&target(http(port)))
}

fn head(query: &str, headers: &[(&'static str, &'static str)]) -> Head {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Head { method: Method::POST, target: format!("/hook{query}").parse().unwrap(), headers: map }
}

/// A delivery of a body, for a pool's upstream.
fn delivery(pool: &UpstreamPool, body: impl Into<Bytes>) -> Outgoing {
    outgoing(&pool.target, &head("", &[]), &RawBody::from(body.into()), &attestation(&names())).unwrap()
}

async fn send(pool: &UpstreamPool, request: Outgoing) -> Result<Answer, ForwardError> {
    pool.send(&request, pool.clock.now().monotonic).await.map(|(answer, _)| answer)
}
