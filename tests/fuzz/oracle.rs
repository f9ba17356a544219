//! A second opinion: what each provider's documentation says, written down once more and sharing nothing with the gateway.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::request;

/// The secret of the HMAC providers but Standard Webhooks.
pub(crate) const TEXT_SECRET: &str = "whsec_a-secret-of-some-length";
/// The secret of Standard Webhooks.
pub(crate) const ENCODED_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The seed of the Ed25519 providers, and the public key to it: RFC 8032's first test key.
pub(crate) const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
pub(crate) const PUBLIC_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// How far a signed time may lie from now.
pub(crate) const TOLERANCE_SECONDS: i64 = 300;

/// The signed content, if the request is genuine and fresh.
pub(crate) fn vouches(provider: &str, headers: &http::HeaderMap, query: &str, body: &[u8], now: i64) -> Option<Vec<u8>> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.as_bytes();
        values.next().is_none().then_some(value)
    };
    let hex = |text: &[u8]| HEXLOWER.decode(text).ok();
    let base64 = |text: &[u8]| BASE64.decode(text).ok();
    let (content, presented, time): (Vec<u8>, Vec<Vec<u8>>, Option<&[u8]>) = match provider {
        "stripe" => {
            let pairs: Vec<&[u8]> = one("stripe-signature")?.split(|byte| *byte == b',').collect();
            let [time] = pairs.iter().filter_map(|pair| pair.strip_prefix(b"t=")).collect::<Vec<_>>()[..] else { return None };
            let signatures = pairs.iter().filter_map(|pair| hex(pair.strip_prefix(b"v1=")?));
            ([time, b".", body].concat(), signatures.collect(), Some(time))
        }
        "github" => (body.to_vec(), vec![hex(one("x-hub-signature-256")?.strip_prefix(b"sha256=")?)?], None),
        "shopify" => (body.to_vec(), vec![base64(one("x-shopify-hmac-sha256")?)?], None),
        "slack" => {
            let (time, signature) = (one("x-slack-request-timestamp")?, one("x-slack-signature")?);
            ([b"v0:", time, b":", body].concat(), vec![hex(signature.strip_prefix(b"v0=")?)?], Some(time))
        }
        "standard-webhooks" | "standard-webhooks-ed25519" => {
            let version: &[u8] = if provider == "standard-webhooks" { b"v1," } else { b"v1a," };
            let (id, time) = (one("webhook-id")?, one("webhook-timestamp")?);
            let entries = one("webhook-signature")?.split(|byte| *byte == b' ');
            let signatures = entries.filter_map(|entry| base64(entry.strip_prefix(version)?)).collect();
            if id.contains(&b'.') {
                return None;
            }
            ([id, b".", time, b".", body].concat(), signatures, Some(time))
        }
        "discord" | "discord-events" => {
            let time = one("x-signature-timestamp")?;
            ([time, body].concat(), vec![hex(one("x-signature-ed25519")?)?], Some(time))
        }
        "shopify-app-proxy" => return page(query, body, now),
        "livekit" => return token(one("authorization")?, body, now),
        "mailgun" => {
            // What stands beside the fields is no part of the content, and need not be UTF-8.
            let body: serde_json::Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
            let text = |name: &str| body.get("signature")?.get(name)?.as_str().map(str::as_bytes);
            let (time, token) = (text("timestamp")?.to_vec(), text("token")?);
            let signed_here = signed(provider, &[&time, token].concat(), &hex(text("signature")?)?);
            let seconds: i64 = std::str::from_utf8(&time).ok()?.parse().ok()?;
            let fresh = time.len() == 10 && (now - seconds).abs() <= TOLERANCE_SECONDS;
            return (signed_here && fresh).then(|| [&time, token].concat());
        }
        "mailgun-form" => {
            let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let fields = match parts(content_type, body) {
                Some(parts) => parts.into_iter().filter_map(|part| Some((part.name?, part.value))).collect(),
                None => request::fields(body).map(|(name, value)| (name, value.into_bytes())).collect::<Vec<_>>(),
            };
            let text = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice());
            let (time, token) = (text("timestamp")?, text("token")?);
            let signed_here = signed(provider, &[time, token].concat(), &hex(text("signature")?)?);
            let seconds: i64 = std::str::from_utf8(time).ok()?.parse().ok()?;
            let fresh = time.len() == 10 && (now - seconds).abs() <= TOLERANCE_SECONDS;
            return (signed_here && fresh).then(|| [time, token].concat());
        }
        _ => return None,
    };
    let fresh = time.is_none_or(|time| {
        let seconds = std::str::from_utf8(time).ok().and_then(|text| text.parse::<i64>().ok());
        time.len() == 10 && seconds.is_some_and(|seconds| (now - seconds).abs() <= TOLERANCE_SECONDS)
    });
    let genuine = presented.iter().any(|signature| signed(provider, &content, signature));
    (fresh && genuine).then_some(content)
}

/// A part of a multipart form, as somebody else's reader finds it.
pub(crate) struct Part {
    pub(crate) name: Option<String>,
    pub(crate) is_file: bool,
    pub(crate) value: Vec<u8>,
}

/// All parts of a body whose content type says that it has some.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let boundary = multer::parse_boundary(content_type).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut form = multer::Multipart::with_reader(body, boundary);
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await.ok()? {
            let (name, is_file) = (field.name().map(str::to_owned), field.file_name().is_some());
            parts.push(Part { name, is_file, value: field.bytes().await.ok()?.to_vec() });
        }
        Some(parts)
    })
}

/// A page of a shop, as Shopify's own documentation verifies one: every field but the signature, sorted, with nothing between.
fn page(query: &str, body: &[u8], now: i64) -> Option<Vec<u8>> {
    let mut fields: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for (name, value) in request::fields(query.as_bytes()) {
        fields.entry(name).or_default().push(value);
    }
    let signature = HEXLOWER.decode(fields.remove("signature")?.concat().as_bytes()).ok()?;
    let time: i64 = fields.get("timestamp")?.concat().parse().ok()?;
    let mut written: Vec<String> = fields.iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect();
    written.sort();
    let content = written.concat().into_bytes();
    let fresh = (now - time).abs() <= TOLERANCE_SECONDS;
    (fresh && body.is_empty() && signed("shopify-app-proxy", &content, &signature)).then_some(content)
}

/// A token over the body's digest: what it signs is itself, up to the last dot.
fn token(text: &[u8], body: &[u8], now: i64) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let [head, claims, signature] = parts[..] else { return None };
    let decoded = |part: &[u8]| BASE64URL_NOPAD.decode(part).ok();
    let claims_here: serde_json::Value = serde_json::from_slice(&decoded(claims)?).ok()?;
    let digest = BASE64.encode(&Sha256::digest(body));
    let is_alive = claims_here.get("exp").is_none_or(|end| end.as_i64().is_some_and(|end| now < end + 60));
    let content = [head, b".", claims].concat();
    let holds = claims_here.get("sha256")?.as_str()? == digest && is_alive && signed("livekit", &content, &decoded(signature)?);
    holds.then_some(content)
}

fn signed(provider: &str, content: &[u8], signature: &[u8]) -> bool {
    let key = match provider {
        "standard-webhooks" => BASE64.decode(ENCODED_SECRET.trim_start_matches("whsec_").as_bytes()).unwrap(),
        "standard-webhooks-ed25519" | "discord" | "discord-events" => {
            let key = HEXLOWER.decode(PUBLIC_KEY.as_bytes()).unwrap();
            let key = VerifyingKey::from_bytes(key.as_slice().try_into().unwrap()).unwrap();
            return Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(content, &signature).is_ok());
        }
        _ => TEXT_SECRET.as_bytes().to_vec(),
    };
    Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(content).verify_slice(signature).is_ok()
}
