//! A small body and the headers that a delivery of a provider carries besides its signature. Pure.
//!
//! 1. The event stands where the scheme looks first for it, and says `test`.
//! 2. The delivery id stands where the scheme looks first for it.
//! 3. A body that is made holds the id somewhere, so that two of them are never one delivery sent twice.
//! 4. A body that is given stays as it is; only headers are added then, and never one that is given.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::domain::time::UnixTime;
use crate::provider::scheme::{Locator, Part, Scheme, TimestampPlace, TimestampUnit};

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

/// A body that holds the fields which stand in bodies, and the time where that is signed there.
pub(super) fn body(scheme: &Scheme, id: &str, at: UnixTime) -> Vec<u8> {
    if scheme.content.contains(&Part::NoBody) {
        return Vec::new();
    }
    if has_forms(scheme) {
        return form(scheme, id);
    }
    let mut body = json(scheme, id);
    if let Some((TimestampPlace::Json(pointer), unit)) = scheme.timestamp.as_ref().map(|rule| (&rule.place, rule.unit)) {
        put(&mut body, pointer.as_str().split('/').skip(1), time(at, unit));
    }
    body.to_string().into_bytes()
}

/// Whether bodies are forms: the event is looked for in one first, or one is signed.
fn has_forms(scheme: &Scheme) -> bool {
    let is_form = |place: &Locator| matches!(place, Locator::Form(_) | Locator::AnyForm(_) | Locator::FormJson { .. });
    let signs_form = scheme.content.iter().any(|part| match part {
        Part::SortedForm { .. } | Part::SortedRequest(_) | Part::PhpForm => true,
        Part::Field(place) => is_form(place),
        _ => false,
    });
    signs_form || scheme.event.first().is_some_and(is_form)
}

fn time(at: UnixTime, unit: TimestampUnit) -> Value {
    match unit {
        TimestampUnit::Seconds => at.seconds().into(),
        TimestampUnit::Milliseconds => at.micros().div_euclid(1000).into(),
        TimestampUnit::Rfc3339 | TimestampUnit::Rfc3339Utc => at.to_string().into(),
    }
}

fn json(scheme: &Scheme, id: &str) -> Value {
    let mut body = Value::Null;
    for (place, text) in fields(scheme, id) {
        if let Locator::Json(pointer) = place {
            put(&mut body, pointer.as_str().split('/').skip(1), text);
        }
    }
    if !id_in_body(scheme) {
        // A list stays one: the id goes into its first element.
        let tokens: &[&str] = if body.is_array() { &["0", "test_id"] } else { &["test_id"] };
        put(&mut body, tokens.iter().copied(), id);
    }
    body
}

/// Puts a text at a pointer's tokens; a first element makes a list, any other token an object.
fn put<'a>(body: &mut Value, mut tokens: impl Iterator<Item = &'a str>, text: impl Into<Value>) {
    let Some(token) = tokens.next() else {
        *body = text.into();
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

fn form(scheme: &Scheme, id: &str) -> Vec<u8> {
    let form = match scheme.event.first() {
        Some(Locator::Form(field) | Locator::AnyForm(field)) => format!("{field}={EVENT}"),
        Some(Locator::FormJson { field, pointer }) => {
            let mut value = Value::Null;
            put(&mut value, pointer.as_str().split('/').skip(1), EVENT);
            format!("{field}={}", percent_encoded(&value.to_string()))
        }
        _ => return format!("test_id={}", percent_encoded(id)).into_bytes(),
    };
    format!("{form}&test_id={}", percent_encoded(id)).into_bytes()
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
    let is_form = |place: &Locator| matches!(place, Locator::Form(_) | Locator::AnyForm(_) | Locator::FormJson { .. });
    let in_forms = scheme.event.iter().any(is_form);
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => "application/json",
        _ if in_forms || has_forms(scheme) => "application/x-www-form-urlencoded",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalogue;

    fn scheme(event: &str, delivery_id: &str) -> Scheme {
        let place = |text: &str| match text.split_once(':') {
            Some(("json", pointer)) => vec![Locator::Json(pointer.parse().unwrap())],
            Some(("form", field)) => vec![Locator::Form(field.to_owned())],
            Some(("formjson", field)) => vec![Locator::FormJson { field: field.to_owned(), pointer: "/type".parse().unwrap() }],
            Some((_, header)) => vec![Locator::Header(header.parse().unwrap())],
            None => Vec::new(),
        };
        let mut scheme = Scheme::clone(&Catalogue::builtin().get("github").unwrap());
        (scheme.event, scheme.delivery_id) = (place(event), place(delivery_id));
        scheme
    }

    #[test]
    fn fields_stand_where_the_scheme_looks_first() {
        let cases = [
            ("json:/type", "json:/id", r#"{"type":"test","id":"i"}"#),
            ("json:/event/type", "json:/event/id", r#"{"event":{"type":"test","id":"i"}}"#),
            ("json:/0/event", "json:/0/id", r#"[{"event":"test","id":"i"}]"#),
            ("json:/a~1b~0c", "", r#"{"a/b~c":"test","test_id":"i"}"#),
            ("json:/0/event", "header:x-id", r#"[{"event":"test","test_id":"i"}]"#),
            ("header:x-event", "header:x-id", r#"{"test_id":"i"}"#),
            ("form:command", "", "command=test&test_id=i"),
            ("formjson:payload", "", "payload=%7B%22type%22%3A%22test%22%7D&test_id=i"),
        ];
        for (event, delivery_id, expected) in cases {
            let body = String::from_utf8(body(&scheme(event, delivery_id), "i", UnixTime::from_seconds(1))).unwrap();
            let same = match serde_json::from_str::<Value>(expected) {
                Ok(value) => serde_json::from_str::<Value>(&body).ok() == Some(value),
                Err(_) => body == expected,
            };
            assert!(same, "{event} {delivery_id}: {body}");
        }
    }

    #[test]
    fn headers_are_added_and_never_replaced() {
        let scheme = scheme("header:x-event", "header:x-id");
        let mut headers = HeaderMap::new();
        headers.insert("x-event", HeaderValue::from_static("push"));
        add_headers(&mut headers, &scheme, "i", b" {}");
        let expected = [("x-event", "push"), ("x-id", "i"), ("content-type", "application/json")];
        for (name, value) in expected {
            assert_eq!(headers.get(name).unwrap(), value);
        }
        assert_eq!(headers.len(), expected.len());
        assert!(id_in_headers(&scheme) && !id_in_body(&scheme));
    }

    #[test]
    fn the_content_type_fits_the_body() {
        let cases = [("json:/a", "a=b", "application/octet-stream"), ("form:a", "a=b", "application/x-www-form-urlencoded")];
        for (event, body, expected) in cases {
            assert_eq!(content_type(&scheme(event, ""), body.as_bytes()), expected);
            assert_eq!(content_type(&scheme(event, ""), b"[1]"), "application/json");
        }
    }
}
