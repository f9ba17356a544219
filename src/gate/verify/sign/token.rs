//! A JSON Web Token as its provider makes it. Pure.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Request, SigningKey};
use crate::gate::verify::claims::written_digest;
use crate::gate::verify::token;
use crate::provider::scheme::{ClaimValue, Scheme, TimestampPlace, TokenRule};

/// How long a token lives that is made here.
const LIFE_SECONDS: i64 = 300;

/// The token behind its prefix.
pub(super) fn text(scheme: &Scheme, rule: &TokenRule, key: &SigningKey, request: &Request<'_>) -> String {
    let mut header = json!({ "alg": token::name(scheme.signature.algorithm).unwrap_or_default(), "typ": "JWT" });
    if let (Some(members), Some(id)) = (header.as_object_mut(), &key.key_id) {
        members.insert("kid".to_owned(), id.as_str().into());
    }
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    if rule.is_detached {
        return detached(scheme, rule, key, request, header);
    }
    let signed = format!("{}.{}", part(&header), part(&claims(scheme, rule, request)));
    format!("{}{signed}.{}", rule.prefix, BASE64URL_NOPAD.encode(&key.sign(signed.as_bytes())))
}

/// One without its payload, which is the body: what it claims is added to its header (RFC 7797).
fn detached(scheme: &Scheme, rule: &TokenRule, key: &SigningKey, request: &Request<'_>, mut header: Value) -> String {
    if let (Some(members), Value::Object(claims)) = (header.as_object_mut(), claims(scheme, rule, request)) {
        members.extend(claims);
        members.insert("b64".to_owned(), false.into());
        members.insert("crit".to_owned(), json!(["b64"]));
    }
    let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
    let signed = [header.as_bytes(), b".", request.body].concat();
    format!("{}{header}..{}", rule.prefix, BASE64URL_NOPAD.encode(&key.sign(&signed)))
}

fn claims(scheme: &Scheme, rule: &TokenRule, request: &Request<'_>) -> Value {
    let now = request.timestamp.seconds();
    let mut claims = Map::new();
    claims.insert("exp".to_owned(), now.saturating_add(LIFE_SECONDS).into());
    if let Some(TimestampPlace::Claim(name)) = scheme.timestamp.as_ref().map(|rule| &rule.place) {
        claims.insert(name.clone(), now.into());
    }
    for claim in &rule.claims {
        let value = match &claim.value {
            ClaimValue::Text(text) if text == "true" => true.into(),
            ClaimValue::Text(text) | ClaimValue::Url(text) => text.as_str().into(),
            ClaimValue::UrlSha256(url) => HEXLOWER.encode(&Sha256::digest(url.as_bytes())).into(),
            ClaimValue::CanonicalRequest { path, .. } => {
                let method = scheme.methods.first().map_or("POST", http::Method::as_str);
                HEXLOWER.encode(&Sha256::digest(format!("{method}&{path}&"))).into()
            }
            ClaimValue::BodySha256(encoding) => written_digest(*encoding, &Sha256::digest(request.body)).into(),
            // Not bound: nobody will accept it.
            ClaimValue::Option(_) => continue,
        };
        claims.insert(claim.name.clone(), value);
    }
    Value::Object(claims)
}
