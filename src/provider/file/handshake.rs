//! Challenges: `[[handshake]]`.
//!
//! Signed: `field` and `equals`. Unsigned: `method`, `query` (fields with fixed values, `{option:NAME}` for an option) and
//! `echo`, the query field or `header:NAME` that is answered to; `ignore` lists query fields that are passed over. `reply` is `{ status, content_type, body }`,
//! `{ header = NAME }` with the value of an unsigned challenge in it, `{ echo = PLACE }` as text, `{ echo = PLACE, member = NAME }` as JSON, `{ hmac = PLACE, member = NAME, encoding }` with
//! `plain` and `prefix`, `{ hmac = "value", named = "|", digits = [20, 32], encoding }` for the key's id and the MAC as text, or `{ sha256 = PLACE, append = [ … ], member = NAME }`; PLACE is `value` for an unsigned challenge,
//! which without a reply is answered with it as text.

use std::ops::RangeInclusive;

use http::Method;

use super::{PLACE_HINT, header, text};
use crate::document::{Entry, Table};
use crate::provider::scheme::{Echoed, Handshake, HandshakeReply, HandshakeShape, Locator, MacEncoding};

pub(super) fn read(table: &Table<'_>) -> Vec<Handshake> {
    let entries = table.entry("handshake").and_then(|entry| entry.list()).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.table(handshake).flatten()).collect()
}

fn handshake(table: &Table<'_>) -> Option<Handshake> {
    let is_unsigned = table.entry("method").is_some();
    let shape = if is_unsigned { unsigned(table) } else { signed(table) };
    let reply = match table.entry("reply") {
        Some(entry) => entry.table(reply).flatten(),
        None if is_unsigned => Some(HandshakeReply::EchoText { field: None }),
        None => {
            table.fault("says no reply", "such as reply = { status = 204 }");
            None
        }
    };
    let handshake = Handshake { shape: shape?, reply: reply? };
    let field = match &handshake.reply {
        HandshakeReply::EchoText { field }
        | HandshakeReply::EchoJson { field, .. }
        | HandshakeReply::Sha256 { field, .. }
        | HandshakeReply::Mac { field, .. } => field,
        HandshakeReply::EchoHeader { .. } | HandshakeReply::NamedMac { .. } => &None,
        HandshakeReply::Fixed { .. } => return Some(handshake),
    };
    match (&handshake.shape, field) {
        (HandshakeShape::Unsigned { .. }, Some(_)) => {
            table.fault("echoes from a body, and an unsigned challenge has none", "say \"value\" in place of the field");
        }
        (HandshakeShape::Unsigned { echoed: None, .. }, None) => {
            table.fault("echoes a value, and names none", "add echo = \"QUERY FIELD\" or \"header:Name\"");
        }
        (HandshakeShape::Signed { .. }, None) => table.fault("echoes a value, and says not which", PLACE_HINT),
        (HandshakeShape::Signed { .. }, Some(_)) | (HandshakeShape::Unsigned { .. }, None) => {}
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
    let method = table.entry("method").and_then(|entry| entry.word(&[("GET", 0), ("HEAD", 1), ("OPTIONS", 2), ("POST", 3)]));
    let echoed = table.entry("echo").and_then(|entry| echoed(&entry));
    let fixed = table.entry("query").and_then(|entry| entry.table(query)).unwrap_or_default();
    let passed = table.entry("ignore").and_then(|entry| entry.list()).unwrap_or_default();
    let ignored: Vec<String> = passed.iter().filter_map(|entry| entry.text().map(str::to_owned)).collect();
    let is_asked = |name: &String| echoed == Some(Echoed::Query(name.clone())) || fixed.iter().any(|(known, _)| known == name);
    if ignored.iter().any(is_asked) {
        table.fault("passes over a query field that it asks for", "");
    }
    let method = match method? {
        0 => Method::GET,
        1 => Method::HEAD,
        2 => Method::OPTIONS,
        _ => Method::POST,
    };
    if method == Method::POST && fixed.is_empty() && echoed.is_none() {
        table.fault("is no more than an empty delivery", "name the query field or header that tells it from one: echo = \"…\"");
    }
    if fixed.iter().any(|(name, _)| echoed == Some(Echoed::Query(name.clone()))) {
        table.fault("echoes a query field that has a fixed value", "");
    }
    Some(HandshakeShape::Unsigned { method, fixed, ignored, echoed })
}

/// A query field, or a header.
fn echoed(entry: &Entry<'_>) -> Option<Echoed> {
    let text = entry.text()?;
    match text.strip_prefix("header:") {
        None => Some(Echoed::Query(text.to_owned())),
        Some(_) => entry.parsed("\"header:Name\" or a query field", |text| {
            text.strip_prefix("header:").unwrap_or_default().parse().map(Echoed::Header)
        }) as Option<Echoed>,
    }
}

fn query(fields: &Table<'_>) -> Vec<(String, String)> {
    let fields = fields.entries().into_iter();
    fields.filter_map(|(name, _, value)| Some((name.to_owned(), value.text()?.to_owned()))).collect()
}

const MAC_ENCODINGS: [(&str, MacEncoding); 2] = [("hex", MacEncoding::Hex), ("base64", MacEncoding::Base64)];

/// A place in a signed challenge, or `value` for the one value of an unsigned challenge.
fn value(entry: &Entry<'_>) -> Result<Option<Locator>, Reported> {
    match entry.text().ok_or(Reported)? {
        "value" => Ok(None),
        _ => entry.parsed(PLACE_HINT, str::parse::<Locator>).map(Some).ok_or(Reported),
    }
}

/// `{ hmac = "value", named = "|", digits = [20, 32], encoding = "hex" }`.
fn named_mac(table: &Table<'_>) -> Option<HandshakeReply> {
    let asked = table.required("hmac", "what the MAC is made over").and_then(|entry| value(&entry).ok());
    let separator = table.entry("named").and_then(|entry| entry.word(&[("|", '|'), (":", ':'), (".", '.')]));
    let digits = table.required("digits", "how many hex digits the value may have: [least, most]");
    let encoding = table.required("encoding", "\"hex\" or \"base64\"").and_then(|entry| entry.word(&MAC_ENCODINGS));
    if matches!(asked, Some(Some(_))) {
        table.fault("names its key for an unsigned challenge only", "say hmac = \"value\"");
    }
    Some(HandshakeReply::NamedMac { separator: separator?, digits: digits_of(&digits?)?, encoding: encoding? })
}

/// More than a counter or a date has, and fewer than a SHA-256: deliveries may be signed by these.
fn digits_of(entry: &Entry<'_>) -> Option<RangeInclusive<usize>> {
    let numbers: Vec<i64> = entry.list()?.iter().filter_map(|entry| entry.integer(16..=63)).collect();
    match numbers[..] {
        [least, most] if least <= most => Some(usize::try_from(least).ok()?..=usize::try_from(most).ok()?),
        _ => {
            entry.fault("must be two numbers, the least and the most", "");
            None
        }
    }
}

/// A fault that stands among the others already.
struct Reported;

fn reply(table: &Table<'_>) -> Option<HandshakeReply> {
    if let Some(entry) = table.entry("echo") {
        let field = value(&entry);
        let member = text(table, "member");
        return Some(match member {
            Some(member) => HandshakeReply::EchoJson { field: field.ok()?, member },
            None => HandshakeReply::EchoText { field: field.ok()? },
        });
    }
    if table.entry("header").is_some() {
        return header(table, "header").map(|header| HandshakeReply::EchoHeader { header });
    }
    if let Some(entry) = table.entry("sha256") {
        let field = value(&entry);
        let member = table.required("member", "the member of the answer that holds the digest");
        let parts = table.entry("append").and_then(|entry| entry.list()).unwrap_or_default();
        let appended = parts.iter().filter_map(|part| part.text().map(str::to_owned)).collect();
        return Some(HandshakeReply::Sha256 { field: field.ok()?, appended, member: member?.text()?.to_owned() });
    }
    if table.entry("named").is_some() {
        return named_mac(table);
    }
    if let Some(entry) = table.entry("hmac") {
        let field = value(&entry);
        let member = table.required("member", "the member of the answer that holds the MAC");
        let (plain, prefix) = (text(table, "plain"), text(table, "prefix").unwrap_or_default());
        let encoding = table.required("encoding", "\"hex\" or \"base64\"").and_then(|entry| entry.word(&MAC_ENCODINGS));
        let member = member?.text()?.to_owned();
        return Some(HandshakeReply::Mac { field: field.ok()?, plain, member, prefix, encoding: encoding? });
    }
    let status = table.required("status", "such as 200").and_then(|entry| entry.integer(200..=299));
    let content_type = text(table, "content_type");
    let body = text(table, "body").unwrap_or_default();
    if content_type.is_none() != body.is_empty() || (status == Some(204) && !body.is_empty()) {
        table.fault("needs a content_type exactly where it has a body, and neither with 204", "");
    }
    Some(HandshakeReply::Fixed { status: u16::try_from(status?).ok()?, content_type, body })
}
