//! Consistency: the rules that join several keys of a scheme.
//!
//! 1. A time is signed, or it is no proof of freshness: a `timestamp` stands in the content, and `{timestamp}` has a rule.
//! 2. `{id}` and `id` likewise. An id that is not signed belongs under `delivery_id`.
//! 3. A timestamp in a field needs a signature in pairs, under another key.
//! 4. Signature, timestamp, id and signed headers are different headers, and none of them is stripped.
//! 5. A challenge that is answered on a signature's word stands where the signature covers it.
//! 6. The places to look at are few: they bound the work for each body.

use http::HeaderName;

use super::signature::is_word;
use crate::document::Table;
use crate::provider::handshake;
use crate::provider::scheme::{Part, Scheme, SignatureFormat, TimestampPlace};

const MAX_PLACES: usize = 16;

/// Reports every inconsistency.
pub(super) fn consistent(scheme: &Scheme, table: &Table<'_>) {
    timestamp(scheme, table);
    id(scheme, table);
    headers(scheme, table);
    places(scheme, table);
    if scheme.deadline.is_some_and(|deadline| deadline.is_zero()) {
        table.fault("has a deadline of nothing", "leave it out if the provider names none");
    }
}

fn timestamp(scheme: &Scheme, table: &Table<'_>) {
    // A timestamp that could not be read has its own fault.
    let written = table.entry("timestamp").is_some();
    match (written, scheme.content.contains(&Part::Timestamp)) {
        (false, true) => table.fault("signs {timestamp} and does not say where it stands", "add timestamp = { … }"),
        (true, false) => table.fault(
            "has a timestamp that is not signed: it proves no freshness",
            "put {timestamp} into content, or leave timestamp out",
        ),
        (true, true) | (false, false) => {}
    }
    let Some(TimestampPlace::SignatureField(field)) = scheme.timestamp.as_ref().map(|rule| &rule.place) else { return };
    match &scheme.signature.format {
        SignatureFormat::Pairs { key, .. } if key != field && is_word(field) => {}
        SignatureFormat::Pairs { .. } => table.fault("has a timestamp.field that cannot be told from the signature", ""),
        SignatureFormat::Prefixed { .. } | SignatureFormat::Versioned { .. } => {
            table.fault("has a timestamp.field, and a signature without fields", "set signature.format = \"pairs\"");
        }
    }
}

fn id(scheme: &Scheme, table: &Table<'_>) {
    match (table.entry("id").is_some(), scheme.content.contains(&Part::Id)) {
        (false, true) => table.fault("signs {id} and does not say where it stands", "add id = { header = … }"),
        (true, false) => table.fault("has an id that is not signed", "name it in delivery_id instead"),
        (true, true) | (false, false) => {}
    }
    if scheme.delivery_id_unique && scheme.delivery_id.is_empty() {
        table.fault("calls a delivery id unique and names none", "add delivery_id = [ … ]");
    }
}

fn headers(scheme: &Scheme, table: &Table<'_>) {
    let mut names: Vec<&HeaderName> = scheme.content.iter().filter_map(|part| scheme.header_of(part)).collect();
    names.push(&scheme.signature.header);
    names.sort_unstable_by_key(|name| name.as_str());
    if names.iter().zip(names.iter().skip(1)).any(|(left, right)| left == right) {
        table.fault("uses one header for two things", "signature, timestamp, id and signed headers must differ");
    }
    if scheme.strip_headers.iter().any(|name| names.contains(&name)) {
        table.fault("strips a header that it verifies", "");
    }
}

fn places(scheme: &Scheme, table: &Table<'_>) {
    let challenges = handshake::signed_places(scheme);
    if challenges.iter().any(|place| !scheme.covers(place)) {
        table.fault("answers a signed challenge whose field the signature does not cover", "");
    }
    let count = scheme.event.len().saturating_add(scheme.delivery_id.len()).saturating_add(challenges.len());
    if count > MAX_PLACES {
        table.fault(format!("names more than {MAX_PLACES} places to look at"), "");
    }
}
