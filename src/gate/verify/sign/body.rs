//! A body that carries its own signature, put together. Pure.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::Request;
use super::content;
use crate::provider::locate::form::Form;
use crate::provider::locate::{self, Found};
use crate::provider::scheme::{Locator, Part, Scheme, TimestampPlace};

/// The body with the fields that are signed one by one; `None` where there are none, or the body cannot have any.
pub(super) fn filled(scheme: &Scheme, request: &Request<'_>, timestamp: &str, id: &str) -> Option<Vec<u8>> {
    let mut body = request.body.to_vec();
    let mut wanted: Vec<(Locator, String)> = Vec::new();
    for part in &scheme.content {
        match part {
            Part::Field(place @ Locator::Form(_)) => wanted.push((place.clone(), BASE64.encode(id.as_bytes()))),
            Part::Field(place) => wanted.push((place.clone(), id.to_owned())),
            Part::Compact(pointer) if !matches!(locate::compact(pointer, &body), Found::Text(_)) => {
                body = with(&Locator::Json(format!("{pointer}/id").parse().ok()?), &body, id)?;
            }
            Part::Members(list) => {
                let required = list.members.iter().filter(|member| !member.is_optional);
                wanted.extend(required.map(|member| (Locator::Json(member.pointer.clone()), id.to_owned())));
            }
            _ => {}
        }
    }
    let is_filled = body != request.body;
    if wanted.is_empty() && !is_filled && scheme.signature.header().is_some() {
        return None;
    }
    match scheme.timestamp.as_ref().map(|rule| &rule.place) {
        Some(TimestampPlace::Json(pointer)) => body = with(&Locator::Json(pointer.clone()), &body, timestamp)?,
        Some(TimestampPlace::Form(place)) if !matches!(place, Locator::Query(_)) => body = with(place, &body, timestamp)?,
        _ => {}
    }
    for (place, text) in wanted {
        if content::field(&place, &body).is_none() {
            body = with(&place, &body, &text)?;
        }
    }
    Some(body)
}

/// The body with a text at a place; `None` where it has no such place.
pub(super) fn with(place: &Locator, body: &[u8], text: &str) -> Option<Vec<u8>> {
    match place {
        Locator::Json(pointer) => {
            let mut value = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).ok()? };
            put(&mut value, pointer.as_str().split('/').skip(1), text);
            Some(value.to_string().into_bytes())
        }
        Locator::Form(field) | Locator::AnyForm(field) => {
            let mut fields = Form::parse(body)?.fields()?;
            fields.retain(|(name, _)| name != field);
            fields.push((field.clone(), text.to_owned()));
            let pairs = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
            Some(pairs.collect::<Vec<_>>().join("&").into_bytes())
        }
        Locator::Header(_) | Locator::FormJson { .. } | Locator::Query(_) => None,
    }
}

/// Puts a text at a pointer's tokens; a first element makes a list, any other token an object.
fn put<'a>(value: &mut Value, mut tokens: impl Iterator<Item = &'a str>, text: &str) {
    let Some(token) = tokens.next() else {
        *value = text.into();
        return;
    };
    if token == "0" && !value.is_object() {
        if !value.is_array() {
            *value = Value::Array(vec![Value::Null]);
        }
        if let Some(first) = value.get_mut(0) {
            put(first, tokens, text);
        }
        return;
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(members) = value {
        let name = token.replace("~1", "/").replace("~0", "~");
        put(members.entry(name).or_insert(Value::Null), tokens, text);
    }
}

/// A text in a form or a query.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
