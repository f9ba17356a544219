//! What a careful programmer writes for one provider: the same checks as the gates make, without the scheme language.
//!
//! The yardstick of `verify`: each function finds what the data-driven gate finds (event, delivery id, signed time) and is as
//! strict (one header, one spelling, a bound on signatures, constant time, several secrets each with its life and its id, fields of
//! bounded length), so that nothing is saved by doing less.

use std::borrow::Cow;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac};
use hookward::domain::head::Received;
use hookward::domain::time::UnixTime;
use http::HeaderValue;
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// One secret of an integration.
pub(crate) struct Secret {
    pub(crate) id: Arc<str>,
    pub(crate) keyed: Hmac<Sha256>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) not_after: Option<UnixTime>,
}

/// What is known of a verified delivery.
#[expect(dead_code, reason = "made to be measured, as the gate's own ticket is")]
pub(crate) struct Known {
    pub(crate) received: Received,
    secret: Arc<str>,
    event: Option<String>,
    delivery_id: Option<String>,
    signed_at: Option<i64>,
}

/// The members that are looked for; the rest is read and left.
#[derive(Deserialize)]
struct Event<'b> {
    #[serde(borrow, default)]
    id: Option<Cow<'b, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'b, str>>,
}

const SIGNATURES_MAX: usize = 9;
const FIELD_BYTES_MAX: usize = 1024;
const TOLERANCE_SECONDS: i64 = 300;

pub(crate) fn stripe(secrets: &[Secret], received: Received, now: UnixTime) -> Option<Known> {
    let header = one(&received, "stripe-signature")?;
    let (mut time, mut signatures) = (None, Vec::with_capacity(1));
    let mut count = 0;
    for pair in header.split(|byte| *byte == b',') {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        match name {
            b"t" if time.is_none() => time = Some(value),
            b"t" => return None,
            _ if count == SIGNATURES_MAX => return None,
            b"v1" => {
                count += 1;
                signatures.extend(hex(value));
            }
            _ => count += 1,
        }
    }
    let (text, signed_at) = seconds(time?)?;
    let secret = matching(secrets, &signatures, now, |mac| {
        mac.update(text);
        mac.update(b".");
        update(mac, &received);
    })?;
    fresh(signed_at, now)?;
    let body = received.body.contiguous();
    let event: Option<Event<'_>> = serde_json::from_slice(&body).ok();
    let (id, kind) = event.map_or((None, None), |event| (event.id, event.kind));
    let (event, delivery_id) = (kind.and_then(short), id.and_then(short));
    drop(body);
    Some(Known { event, delivery_id, signed_at: Some(signed_at), secret, received })
}

pub(crate) fn github(secrets: &[Secret], received: Received, now: UnixTime) -> Option<Known> {
    let signature = hex(one(&received, "x-hub-signature-256")?.strip_prefix(b"sha256=")?)?;
    let secret = matching(secrets, &[signature], now, |mac| update(mac, &received))?;
    let event = optional(&received, "x-github-event").ok()?.and_then(bounded);
    let delivery_id = optional(&received, "x-github-delivery").ok()?.and_then(bounded);
    Some(Known { event, delivery_id, signed_at: None, secret, received })
}

pub(crate) fn standard_webhooks(secrets: &[Secret], received: Received, now: UnixTime) -> Option<Known> {
    let header = one(&received, "webhook-signature")?;
    let mut signatures = Vec::with_capacity(1);
    for (index, entry) in header.split(|byte| *byte == b' ').enumerate() {
        if index == SIGNATURES_MAX {
            return None;
        }
        signatures.extend(entry.strip_prefix(b"v1,").and_then(base64));
    }
    let id = one(&received, "webhook-id")?;
    if id.is_empty() || !id.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'.') {
        return None;
    }
    let (text, signed_at) = seconds(one(&received, "webhook-timestamp")?)?;
    let secret = matching(secrets, &signatures, now, |mac| {
        mac.update(id);
        mac.update(b".");
        mac.update(text);
        mac.update(b".");
        update(mac, &received);
    })?;
    fresh(signed_at, now)?;
    let delivery_id = std::str::from_utf8(id).ok()?.to_owned();
    let body = received.body.contiguous();
    let event: Option<Event<'_>> = serde_json::from_slice(&body).ok();
    let event = event.and_then(|event| event.kind).and_then(short);
    drop(body);
    Some(Known { event, delivery_id: Some(delivery_id), signed_at: Some(signed_at), secret, received })
}

/// The value of a header that stands once.
fn one<'r>(received: &'r Received, name: &str) -> Option<&'r [u8]> {
    let mut values = received.head.headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::as_bytes)?;
    values.next().is_none().then_some(value)
}

/// The value of a header that may be missing and must not stand twice.
fn optional<'r>(received: &'r Received, name: &str) -> Result<Option<&'r [u8]>, Repeated> {
    let mut values = received.head.headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::as_bytes);
    if values.next().is_some() { Err(Repeated) } else { Ok(value) }
}

struct Repeated;

fn bounded(text: &[u8]) -> Option<String> {
    (!text.is_empty() && text.len() <= FIELD_BYTES_MAX).then_some(())?;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

fn short(text: Cow<'_, str>) -> Option<String> {
    (!text.is_empty() && text.len() <= FIELD_BYTES_MAX).then(|| text.into_owned())
}

fn hex(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    (text.len() == 64).then_some(())?;
    HEXLOWER.decode_mut(text, &mut bytes).ok()?;
    Some(bytes)
}

fn base64(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    (text.len() == 44).then_some(())?;
    let length = BASE64.decode_mut(text, &mut bytes).ok()?;
    let mut spelled = [0; 44];
    BASE64.encode_mut(bytes.get(..32)?, &mut spelled);
    (length == 32 && spelled == text).then_some(*bytes.first_chunk()?)
}

/// Ten digits, as text and as a number.
fn seconds(text: &[u8]) -> Option<(&[u8], i64)> {
    let is_time = text.len() == 10 && text.iter().all(u8::is_ascii_digit) && text[0] != b'0';
    is_time.then(|| (text, text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))))
}

fn update(mac: &mut Hmac<Sha256>, received: &Received) {
    received.body.chunks().iter().for_each(|chunk| mac.update(chunk));
}

/// The first secret that is valid now and made one of the signatures.
fn matching(secrets: &[Secret], signatures: &[[u8; 32]], now: UnixTime, feed: impl Fn(&mut Hmac<Sha256>)) -> Option<Arc<str>> {
    let is_valid =
        |secret: &&Secret| secret.not_before.is_none_or(|from| from <= now) && secret.not_after.is_none_or(|until| now < until);
    let made = |secret: &&Secret| {
        let mut mac = secret.keyed.clone();
        feed(&mut mac);
        holds(mac, signatures)
    };
    secrets.iter().filter(is_valid).find(made).map(|secret| Arc::clone(&secret.id))
}

fn holds(mac: Hmac<Sha256>, signatures: &[[u8; 32]]) -> bool {
    let tag = mac.finalize().into_bytes();
    let any = signatures.iter().fold(subtle::Choice::from(0), |any, signature| any | tag.as_slice().ct_eq(signature));
    any.into()
}

fn fresh(signed_at: i64, now: UnixTime) -> Option<()> {
    (now.seconds().abs_diff(signed_at) <= TOLERANCE_SECONDS.unsigned_abs()).then_some(())
}
