//! Verification by tables: what is accepted, and each way of being refused.

mod alternatives;
mod certificate;
mod detached;
mod fields;
mod gate;
mod hashing;
mod keys;
mod presented;
mod properties;
mod token;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::error::VerifyError;
use super::gate::{Judging, Verified, verify};
use super::keys::{KeyMaterial, KeyRing};
use super::presented::present;
use super::sign::{Request, SigningKey, sign};
use crate::document::{Document, Faults};
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Received};
use crate::domain::name::IntegrationName;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::provider::Catalogue;
use crate::provider::scheme::{Algorithm, Evidence, KeyEncoding, Part, Scheme, TimestampPlace};

pub(super) const NOW_SECONDS: i64 = 1_750_000_000;
pub(super) const BODY: &[u8] =
    br#"{"id":"evt_1","type":"invoice.paid","webhookTimestamp":1750000000000,"time_ms":1750000000000,"webhookMetadata":{"webhookDeliveryAttemptTimestamp":"2025-06-15T15:06:40Z"}}"#;

/// The seed of RFC 8032's first test key.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

pub(super) fn preset(name: &str) -> Arc<Scheme> {
    Arc::new(bound(&Catalogue::builtin().get(name).unwrap()))
}

/// The scheme with a public URL and options.
fn bound(scheme: &Scheme) -> Scheme {
    let options = scheme.options.iter().map(|(name, _)| (name.clone(), "option".to_owned())).collect();
    scheme.bound("https://hooks.example.com/hook", &options)
}

pub(super) fn scheme(text: &str) -> Scheme {
    let faults = Faults::default();
    let document = Document::new("scheme.toml", text);
    let scheme = document.read(&faults, |table| Scheme::read(&"custom".parse().unwrap(), table, Some(Evidence::Custom)));
    assert_eq!(faults.into_sorted(), []);
    scheme.unwrap()
}

/// Every preset that signs with a secret, in headers, and takes the body whole or not at all.
pub(super) fn all() -> impl Iterator<Item = Scheme> {
    let whole = |part: &Part| {
        !matches!(
            part,
            Part::Field(_)
                | Part::Members(_)
                | Part::SortedForm { .. }
                | Part::SortedRequest(_)
                | Part::PhpForm
                | Part::NamedHeaders(_)
                | Part::CanonicalBody
                | Part::Compact(_)
        )
    };
    let is_plain = move |scheme: &Scheme| {
        let in_header = scheme.signature.header().is_some() && scheme.token().is_none();
        in_header && scheme.signature.algorithm.signature_bytes().is_some() && scheme.content.iter().all(whole)
    };
    Catalogue::builtin().iter().filter(move |scheme| is_plain(scheme)).map(|scheme| bound(scheme))
}

/// Every preset that signs headers and the whole body, and reads nothing else.
pub(super) fn every() -> impl Iterator<Item = Scheme> {
    let timed_in_body =
        |scheme: &Scheme| matches!(scheme.timestamp.as_ref().map(|rule| &rule.place), Some(TimestampPlace::Json(_)));
    let signs_target = |scheme: &Scheme| scheme.signs_url() || scheme.content.contains(&Part::Method);
    all().filter(move |scheme| scheme.covers_body() && !timed_in_body(scheme) && !signs_target(scheme))
}

/// The id of the key that the scheme's requests name, where they do.
pub(super) fn key_id(scheme: &Scheme) -> Option<String> {
    let rule = &scheme.signature;
    rule.names_keys().then(|| rule.key_id_of(0).unwrap_or("key-1").to_owned())
}

/// A secret that the scheme's default encoding takes, for the signer.
pub(super) fn secret(scheme: &Scheme) -> &'static str {
    match (scheme.signature.algorithm, scheme.signature.key_encoding) {
        (Algorithm::Ed25519, _) => SEED,
        (Algorithm::Basic, _) => "user:a password of some length",
        (_, KeyEncoding::Whsec) => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        (_, KeyEncoding::Hex | KeyEncoding::Base64 | KeyEncoding::Base64Url) => "4f4e4d4c4b4a49484746454443424140",
        (_, _) => "a secret of some length",
    }
}

pub(super) fn signing_key(scheme: &Scheme) -> SigningKey {
    SigningKey::parse(scheme, None, SecretBytes::new(secret(scheme).into())).unwrap().named(key_id(scheme))
}

pub(super) fn material(id: &str, text: &str) -> KeyMaterial {
    KeyMaterial {
        id: id.parse().unwrap(),
        key_id: None,
        encoding: None,
        text: SecretBytes::new(text.into()),
        not_before: None,
        not_after: None,
    }
}

/// The verifier's half of [`secret`].
pub(super) fn own_material(scheme: &Scheme, id: &str) -> KeyMaterial {
    let key_id = key_id(scheme);
    match signing_key(scheme).public_key_hex() {
        Some(public) => KeyMaterial { encoding: Some(KeyEncoding::Hex), key_id, ..material(id, &public) },
        None => KeyMaterial { key_id, ..material(id, secret(scheme)) },
    }
}

pub(super) fn ring(scheme: &Scheme) -> KeyRing {
    KeyRing::build(scheme, vec![own_material(scheme, "own")]).unwrap()
}

pub(super) fn integration() -> IntegrationName {
    "payments".parse().unwrap()
}

pub(super) fn now() -> UnixTime {
    UnixTime::from_seconds(NOW_SECONDS)
}

/// The scheme's headers for a body signed now.
pub(super) fn signed(scheme: &Scheme, body: &[u8]) -> HeaderMap {
    signed_at(scheme, body, now())
}

pub(super) fn signed_at(scheme: &Scheme, body: &[u8], timestamp: UnixTime) -> HeaderMap {
    let mut headers = given(scheme);
    let made = sign(scheme, &signing_key(scheme), &Request { id: Some("msg_1"), timestamp, headers: &headers, body });
    headers.extend(made);
    headers
}

/// The headers that the scheme signs and does not make.
fn given(scheme: &Scheme) -> HeaderMap {
    scheme.given_headers().map(|name| (name.clone(), HeaderValue::from_static("given"))).collect()
}

pub(super) fn head(headers: HeaderMap) -> Head {
    Head { method: Method::POST, target: Uri::from_static("/hook"), headers }
}

pub(super) fn body(bytes: &[u8]) -> RawBody {
    RawBody::from(Bytes::copy_from_slice(bytes))
}

pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap()
}

pub(super) fn name(text: &str) -> HeaderName {
    text.parse().unwrap()
}

/// Presents and verifies with the scheme's own key.
pub(super) fn judge(scheme: &Scheme, headers: HeaderMap, bytes: &[u8], now: UnixTime) -> Result<Verified, VerifyError> {
    judge_with(scheme, &ring(scheme), headers, body(bytes), now)
}

pub(super) fn judge_with(
    scheme: &Scheme,
    keys: &KeyRing,
    headers: HeaderMap,
    body: RawBody,
    now: UnixTime,
) -> Result<Verified, VerifyError> {
    let judging = Judging { integration: &integration(), scheme, keys, tolerance: Duration::from_secs(300) };
    let received = Received { head: head(headers), body };
    let presented = present(scheme, &received.head)?;
    verify(&judging, presented, received, now)
}
