//! Challenges: `[[handshake]]`.
//!
//! Signed: `field` and `equals`. Unsigned: `method`, `query` (fields with fixed values) and `echo` (the field that is sent
//! back). `reply` is `{ status, content_type, body }` or `{ echo = PLACE, member = NAME }`; an unsigned challenge without
//! one is answered with its echo as text.

use http::Method;

use super::{PLACE_HINT, text};
use crate::document::Table;
use crate::provider::scheme::{Handshake, HandshakeReply, HandshakeShape, Locator};

pub(super) fn read(table: &Table<'_>) -> Vec<Handshake> {
    let entries = table.entry("handshake").and_then(|entry| entry.list()).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.table(handshake).flatten()).collect()
}

fn handshake(table: &Table<'_>) -> Option<Handshake> {
    let is_unsigned = table.entry("method").is_some();
    let shape = if is_unsigned { unsigned(table) } else { signed(table) };
    let reply = match table.entry("reply") {
        Some(entry) => entry.table(reply).flatten(),
        None if is_unsigned => Some(HandshakeReply::EchoText),
        None => {
            table.fault("says no reply", "such as reply = { status = 204 }");
            None
        }
    };
    let handshake = Handshake { shape: shape?, reply: reply? };
    if matches!((&handshake.shape, &handshake.reply), (HandshakeShape::Unsigned { .. }, HandshakeReply::EchoJson { .. })) {
        table.fault("echoes from a body, and an unsigned challenge has none", "leave reply out to echo the query field");
    }
    Some(handshake)
}

fn signed(table: &Table<'_>) -> Option<HandshakeShape> {
    let field = table.required("field", "where the challenge is told, such as \"json:/type\"");
    let equals = table.required("equals", "the field's value, as a string");
    let field = field.and_then(|entry| entry.parsed(PLACE_HINT, str::parse::<Locator>));
    let equals = equals?.text()?.to_owned();
    Some(HandshakeShape::Signed { field: field?, equals })
}

fn unsigned(table: &Table<'_>) -> Option<HandshakeShape> {
    let method = table.entry("method").and_then(|entry| entry.word(&[("GET", 0), ("HEAD", 1), ("OPTIONS", 2)]));
    let echoed = table.required("echo", "the query field that is sent back").and_then(|entry| entry.text());
    let fixed = table.entry("query").and_then(|entry| entry.table(query)).unwrap_or_default();
    let method = match method? {
        0 => Method::GET,
        1 => Method::HEAD,
        _ => Method::OPTIONS,
    };
    let echoed = echoed?.to_owned();
    if fixed.iter().any(|(name, _)| *name == echoed) {
        table.fault("echoes a query field that has a fixed value", "");
    }
    Some(HandshakeShape::Unsigned { method, fixed, echoed })
}

fn query(fields: &Table<'_>) -> Vec<(String, String)> {
    let fields = fields.entries().into_iter();
    fields.filter_map(|(name, _, value)| Some((name.to_owned(), value.text()?.to_owned()))).collect()
}

fn reply(table: &Table<'_>) -> Option<HandshakeReply> {
    if let Some(entry) = table.entry("echo") {
        let member = table.required("member", "the member of the answer that holds the echo");
        let field = entry.parsed(PLACE_HINT, str::parse::<Locator>);
        let member = member?.text()?.to_owned();
        return Some(HandshakeReply::EchoJson { field: field?, member });
    }
    let status = table.required("status", "such as 200").and_then(|entry| entry.integer(200..=299));
    let content_type = text(table, "content_type");
    let body = text(table, "body").unwrap_or_default();
    if content_type.is_none() != body.is_empty() || (status == Some(204) && !body.is_empty()) {
        table.fault("needs a content_type exactly where it has a body, and neither with 204", "");
    }
    Some(HandshakeReply::Fixed { status: u16::try_from(status?).ok()?, content_type, body })
}
