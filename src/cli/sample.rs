//! A small body and the headers that a delivery of a provider carries besides its signature. Pure.
//!
//! 1. The event stands where the scheme looks first for it, and says `test`.
//! 2. The delivery id stands where the scheme looks first for it.
//! 3. A body that is given stays as it is; only headers are added then, and never one that is given.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::provider::scheme::{Locator, Scheme};

/// The event of a request that nobody described further.
const EVENT: &str = "test";

/// Where the scheme looks first for the event and for the delivery id, with what is to stand there.
fn fields<'a>(scheme: &'a Scheme, id: &'a str) -> impl Iterator<Item = (&'a Locator, &'a str)> {
    let event = scheme.event.first().map(|place| (place, EVENT));
    event.into_iter().chain(scheme.delivery_id.first().map(|place| (place, id)))
}

/// Whether the id of a delivery has a place in its headers.
pub(super) fn id_in_headers(scheme: &Scheme) -> bool {
    scheme.id_header.is_some() || matches!(scheme.delivery_id.first(), Some(Locator::Header(_)))
}

/// Whether the id of a delivery has a place in its body.
pub(super) fn id_in_body(scheme: &Scheme) -> bool {
    matches!(scheme.delivery_id.first(), Some(Locator::Json(_)))
}

/// A body that holds the fields which stand in bodies.
pub(super) fn body(scheme: &Scheme, id: &str) -> Vec<u8> {
    let first_is_form = matches!(scheme.event.first(), Some(Locator::Form(_) | Locator::FormJson { .. }));
    if first_is_form { form(scheme) } else { json(scheme, id).to_string().into_bytes() }
}

fn json(scheme: &Scheme, id: &str) -> Value {
    let mut body = Value::Null;
    for (place, text) in fields(scheme, id) {
        if let Locator::Json(pointer) = place {
            put(&mut body, pointer.split('/').skip(1), text);
        }
    }
    if body.is_null() { serde_json::json!({ "message": "a test delivery" }) } else { body }
}

/// Puts a text at a pointer's tokens; a first element makes a list, any other token an object.
fn put<'a>(body: &mut Value, mut tokens: impl Iterator<Item = &'a str>, text: &str) {
    let Some(token) = tokens.next() else {
        *body = Value::from(text);
        return;
    };
    if token == "0" && !body.is_object() {
        if !body.is_array() {
            *body = Value::Array(vec![Value::Null]);
        }
        if let Some(first) = body.get_mut(0) {
            put(first, tokens, text);
        }
        return;
    }
    if !body.is_object() {
        *body = Value::Object(Map::new());
    }
    if let Value::Object(members) = body {
        let name = token.replace("~1", "/").replace("~0", "~");
        put(members.entry(name).or_insert(Value::Null), tokens, text);
    }
}

fn form(scheme: &Scheme) -> Vec<u8> {
    let mut form = match scheme.event.first() {
        Some(Locator::Form(field)) => format!("{field}={EVENT}"),
        Some(Locator::FormJson { field, pointer }) => {
            let mut value = Value::Null;
            put(&mut value, pointer.split('/').skip(1), EVENT);
            format!("{field}={}", percent_encoded(&value.to_string()))
        }
        _ => String::new(),
    };
    form.push_str("&message=test");
    form.into_bytes()
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Adds what stands in headers and is not given: event, delivery id, content type.
pub(super) fn add_headers(headers: &mut HeaderMap, scheme: &Scheme, id: &str, body: &[u8]) {
    for (place, text) in fields(scheme, id) {
        if let Locator::Header(name) = place {
            add(headers, name, text);
        }
    }
    add(headers, &CONTENT_TYPE, content_type(scheme, body));
}

fn add(headers: &mut HeaderMap, name: &HeaderName, text: &str) {
    if !headers.contains_key(name)
        && let Ok(value) = HeaderValue::from_str(text)
    {
        headers.insert(name, value);
    }
}

fn content_type(scheme: &Scheme, body: &[u8]) -> &'static str {
    let has_forms = scheme.event.iter().any(|place| matches!(place, Locator::Form(_) | Locator::FormJson { .. }));
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => "application/json",
        _ if has_forms => "application/x-www-form-urlencoded",
        _ => "application/octet-stream",
    }
}
