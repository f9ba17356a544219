//! What a careful programmer writes for one provider: the same checks as the gates make, without the scheme language.
//!
//! The yardstick of `verify`. Each provider has two functions, since its head is judged before its body is wanted, and keeps the
//! rules that the contract has for it, so that nothing is saved by doing less:
//! 1. a header of the scheme stands once; a field's header not twice; at most nine signatures; one spelling of each value;
//! 2. several secrets, each with its life, its id and the bar that an operator may put on it; tags compared in constant time;
//! 3. a reason for each refusal, the signature's before the time's;
//! 4. event and delivery id, of bounded length; the signed time, and until when it could be accepted;
//! 5. what was signed besides the body; the delivery's identity and the body's digest, made together with the tag.

use std::borrow::Cow;

use data_encoding::{BASE64, HEXLOWER};
use hookward::digest::{HmacSha256, Message, digests};
use hookward::domain::barred::Barred;
use hookward::domain::head::{Head, Received};
use hookward::domain::identity::Preamble;
use hookward::domain::name::{IntegrationName, SecretId};
use hookward::domain::reason::Reason;
use hookward::domain::time::UnixTime;
use http::HeaderValue;
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// The secrets of an integration.
pub(crate) struct Secrets {
    pub(crate) integration: IntegrationName,
    pub(crate) all: Vec<Secret>,
    pub(crate) barred: Barred,
}

/// One secret of an integration.
pub(crate) struct Secret {
    pub(crate) id: SecretId,
    pub(crate) keyed: HmacSha256,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) not_after: Option<UnixTime>,
}

/// What is known of a verified delivery.
#[expect(dead_code, reason = "made to be measured, as the gate's own ticket is")]
pub(crate) struct Known {
    received: Received,
    proof: Proof,
    event: Option<String>,
    delivery_id: Option<String>,
    time: Option<Time>,
    acceptable_until: Option<UnixTime>,
}

/// The secret that made a signature, and what was hashed on the way.
#[expect(dead_code, reason = "made to be measured, as the gate's own ticket is")]
struct Proof {
    secret: SecretId,
    identity: [u8; 32],
    body_sha256: [u8; 32],
}

/// A time as it was sent, which is signed, and its value.
#[derive(Clone, Copy)]
struct Time {
    text: [u8; 10],
    seconds: i64,
}

/// The members that are looked for; the rest is read and left.
#[derive(Default, Deserialize)]
struct Event<'b> {
    #[serde(borrow, default)]
    id: Option<Cow<'b, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'b, str>>,
}

const SIGNATURES_MAX: usize = 9;
const FIELD_BYTES_MAX: usize = 1024;
const TOLERANCE_SECONDS: u32 = 300;

/// What Stripe's header says.
struct Stripe {
    signatures: Vec<[u8; 32]>,
    time: Time,
}

pub(crate) fn stripe(secrets: &Secrets, received: Received, now: UnixTime) -> Result<Known, Reason> {
    let presented = stripe_head(&received.head)?;
    stripe_delivery(secrets, &presented, received, now)
}

fn stripe_head(head: &Head) -> Result<Stripe, Reason> {
    let header = one(head, "stripe-signature")?.ok_or(Reason::SignatureMissing)?;
    let (mut time, mut signatures) = (None, Vec::with_capacity(1));
    let mut count = 0;
    for pair in header.split(|byte| *byte == b',') {
        let equals = pair.iter().position(|byte| *byte == b'=').ok_or(Reason::SignatureMalformed)?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        match name {
            b"t" if time.is_none() => time = Some(value),
            b"t" => return Err(Reason::SignatureMalformed),
            _ if count == SIGNATURES_MAX => return Err(Reason::SignatureMalformed),
            b"v1" => {
                count += 1;
                signatures.extend(hex(value));
            }
            _ => count += 1,
        }
    }
    if signatures.is_empty() {
        return Err(Reason::SignatureMalformed);
    }
    let time = seconds(time.ok_or(Reason::TimestampMissing)?).ok_or(Reason::TimestampMalformed)?;
    Ok(Stripe { signatures, time })
}

fn stripe_delivery(secrets: &Secrets, presented: &Stripe, received: Received, now: UnixTime) -> Result<Known, Reason> {
    let time = presented.time;
    let proof = matching(secrets, &presented.signatures, now, &[&time.text, b"."], &received)?;
    let acceptable_until = fresh(time, now)?;
    let body = received.body.contiguous();
    let Event { id, kind } = serde_json::from_slice(&body).unwrap_or_default();
    let (event, delivery_id) = (kind.and_then(short), id.and_then(short));
    drop(body);
    Ok(Known { event, delivery_id, time: Some(time), acceptable_until, proof, received })
}

pub(crate) fn github(secrets: &Secrets, received: Received, now: UnixTime) -> Result<Known, Reason> {
    let signature = github_head(&received.head)?;
    github_delivery(secrets, signature, received, now)
}

fn github_head(head: &Head) -> Result<[u8; 32], Reason> {
    let header = one(head, "x-hub-signature-256")?.ok_or(Reason::SignatureMissing)?;
    header.strip_prefix(b"sha256=").and_then(hex).ok_or(Reason::SignatureMalformed)
}

fn github_delivery(secrets: &Secrets, signature: [u8; 32], received: Received, now: UnixTime) -> Result<Known, Reason> {
    let proof = matching(secrets, &[signature], now, &[], &received)?;
    let event = one(&received.head, "x-github-event")?.and_then(bounded);
    let delivery_id = one(&received.head, "x-github-delivery")?.and_then(bounded);
    Ok(Known { event, delivery_id, time: None, acceptable_until: None, proof, received })
}

/// What the headers of Standard Webhooks say.
struct Standard {
    signatures: Vec<[u8; 32]>,
    id: String,
    time: Time,
}

pub(crate) fn standard_webhooks(secrets: &Secrets, received: Received, now: UnixTime) -> Result<Known, Reason> {
    let presented = standard_head(&received.head)?;
    standard_delivery(secrets, presented, received, now)
}

fn standard_head(head: &Head) -> Result<Standard, Reason> {
    let header = one(head, "webhook-signature")?.ok_or(Reason::SignatureMissing)?;
    let mut signatures = Vec::with_capacity(1);
    for (index, entry) in header.split(|byte| *byte == b' ').enumerate() {
        if index == SIGNATURES_MAX {
            return Err(Reason::SignatureMalformed);
        }
        signatures.extend(entry.strip_prefix(b"v1,").and_then(base64));
    }
    if signatures.is_empty() {
        return Err(Reason::SignatureMalformed);
    }
    let id = standard_id(head)?;
    let time = one(head, "webhook-timestamp")?.ok_or(Reason::TimestampMissing)?;
    Ok(Standard { signatures, id, time: seconds(time).ok_or(Reason::TimestampMalformed)? })
}

/// The id, which must not hold the dot that ends it in the content.
fn standard_id(head: &Head) -> Result<String, Reason> {
    let id = one(head, "webhook-id")?.ok_or(Reason::SignatureMissing)?;
    if id.len() > FIELD_BYTES_MAX || !id.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'.') {
        return Err(Reason::SignatureMalformed);
    }
    let id = std::str::from_utf8(id).map_err(|_| Reason::SignatureMalformed)?;
    if id.is_empty() { Err(Reason::SignatureMissing) } else { Ok(id.to_owned()) }
}

fn standard_delivery(secrets: &Secrets, presented: Standard, received: Received, now: UnixTime) -> Result<Known, Reason> {
    let Standard { signatures, id, time } = presented;
    let proof = matching(secrets, &signatures, now, &[id.as_bytes(), b".", &time.text, b"."], &received)?;
    let acceptable_until = fresh(time, now)?;
    let body = received.body.contiguous();
    let Event { kind, .. } = serde_json::from_slice(&body).unwrap_or_default();
    let event = kind.and_then(short);
    drop(body);
    Ok(Known { event, delivery_id: Some(id), time: Some(time), acceptable_until, proof, received })
}

/// The value of a header that must not stand twice.
fn one<'r>(head: &'r Head, name: &str) -> Result<Option<&'r [u8]>, Reason> {
    let mut values = head.headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::as_bytes);
    if values.next().is_some() { Err(Reason::SignatureMalformed) } else { Ok(value) }
}

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

/// In groups of four, of which only the last may be filled up: the library takes padding in every one.
fn base64(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    (text.len() == 44 && !text[..43].contains(&b'=')).then_some(())?;
    let length = BASE64.decode_mut(text, &mut bytes).ok()?;
    (length == 32).then_some(*bytes.first_chunk()?)
}

/// Ten digits, as text and as a number.
fn seconds(text: &[u8]) -> Option<Time> {
    let text: [u8; 10] = text.try_into().ok()?;
    let is_time = text.iter().all(u8::is_ascii_digit) && text[0] != b'0';
    is_time.then(|| Time { text, seconds: text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')) })
}

/// The first secret that may be used now and made one of the signatures over what stands before the body, and that.
fn matching(
    secrets: &Secrets,
    signatures: &[[u8; 32]],
    now: UnixTime,
    before: &[&[u8]],
    received: &Received,
) -> Result<Proof, Reason> {
    let content = || before.iter().copied().chain(received.body.pieces());
    let mut usable = secrets.all.iter().filter(|secret| is_usable(secret, &secrets.barred, now));
    let first = usable.next().ok_or(Reason::SecretUnavailable)?;
    let preamble = Preamble::new(&secrets.integration, None);
    let (mut signed, mut itself, mut body) = (content(), preamble.pieces(content()), received.body.pieces());
    let messages = [first.keyed.message(&mut signed), Message::new(&mut itself), Message::new(&mut body)];
    let [inner, identity, body_sha256] = digests(messages);
    let proof = |secret: &Secret| Proof { secret: secret.id.clone(), identity, body_sha256 };
    if holds(&first.keyed.finish(&inner), signatures) {
        return Ok(proof(first));
    }
    usable.find(|secret| holds(&secret.keyed.tag(content()), signatures)).map(proof).ok_or(Reason::SignatureMismatch)
}

fn is_usable(secret: &Secret, barred: &Barred, now: UnixTime) -> bool {
    let is_valid = secret.not_before.is_none_or(|from| from <= now) && secret.not_after.is_none_or(|until| now < until);
    is_valid && !barred.has(&secret.id, now)
}

fn holds(tag: &[u8; 32], signatures: &[[u8; 32]]) -> bool {
    let any = signatures.iter().fold(subtle::Choice::from(0), |any, signature| any | tag.ct_eq(signature));
    any.into()
}

/// Until when a time could be accepted, if it lies in the window.
fn fresh(time: Time, now: UnixTime) -> Result<Option<UnixTime>, Reason> {
    let tolerance = i64::from(TOLERANCE_SECONDS);
    if time.seconds < now.seconds() - tolerance {
        return Err(Reason::TimestampTooOld);
    }
    if time.seconds > now.seconds() + tolerance {
        return Err(Reason::TimestampInFuture);
    }
    Ok(Some(UnixTime::from_seconds(time.seconds + tolerance + 1)))
}
