//! Consistency: the rules that join several keys of a scheme.
//!
//! 1. A time is signed, or it is no proof of freshness: a `timestamp` stands in the content, and `{timestamp}` has a rule.
//! 2. `{id}` and `id` likewise. An id that is not signed belongs under `delivery_id`.
//! 3. A timestamp in a field needs a signature in pairs, under another key.
//! 4. Signature, timestamp, id, signed and fixed headers are different headers, and none of them is stripped. The header that names
//!    the key may be one of the signed.
//! 5. A challenge that is answered on a signature's word stands where the signature covers it; who shows a secret vouches for
//!    all of a request.
//! 6. A secret is part of a plain digest only, and what is shown is not signed. Options are described.
//! 7. A signature in the body or the query does not stand in what it signs, and has no headers of its own. One over fields of
//!    the query stands among them.
//! 8. A token's time is a claim, and only a token has claims.
//! 9. What carries a secret is no event type and no delivery id: those are written down.
//! 10. A secret that the provider hands over in a header is a shared one, and signs deliveries in another header.
//! 11. The places to look at are few: they bound the work for each body.

use http::HeaderName;

use super::fault_at;
use super::signature::is_word;
use super::unusable;
use crate::document::Table;
use crate::provider::handshake;
use crate::provider::scheme::{
    Handshake, HeaderLines, Locator, Part, Scheme, SignatureEncoding, SignatureFormat, TimestampPlace, TokenRule,
};
use crate::provider::subscription;

const MAX_PLACES: usize = 16;

/// Reports every inconsistency.
pub(super) fn consistent(scheme: &Scheme, table: &Table<'_>) {
    timestamp(scheme, table);
    carried(scheme, table);
    id(scheme, table);
    headers(scheme, table);
    handed_over(scheme, table);
    places(scheme, table);
    parts(scheme, table);
    unusable::report(scheme, table);
    let is_secret = |place: &&Locator| scheme.carries_secrets.contains(place);
    if scheme.event.iter().chain(&scheme.delivery_id).any(|place| is_secret(&place)) {
        fault_at(table, "carries_secrets", "names a place that event or delivery_id would write down", "");
    }
    if scheme.event.iter().chain(&scheme.delivery_id).any(|place| *place == scheme.signature.place) {
        fault_at(table, "signature", "stands where event or delivery_id is looked for, and would be written down", "");
    }
    if scheme.deadline.is_some_and(|deadline| deadline.is_zero()) {
        fault_at(table, "deadline", "must not be zero", "leave it out if the provider names none");
    }
}

fn timestamp(scheme: &Scheme, table: &Table<'_>) {
    // A timestamp that could not be read has its own fault.
    let written = table.entry("timestamp").is_some();
    let holds_it = scheme.content.contains(&Part::Timestamp);
    let is_covered = match scheme.timestamp.as_ref().map(|rule| &rule.place) {
        Some(TimestampPlace::Json(pointer)) => scheme.covers(&Locator::Json(pointer.clone())),
        Some(TimestampPlace::Header(_)) => scheme.content.iter().any(|part| matches!(part, Part::NamedHeaders(_))),
        Some(TimestampPlace::Claim(_)) => scheme.token().is_some(),
        Some(TimestampPlace::Form(place)) => scheme.covers(place),
        Some(TimestampPlace::SignatureField(_)) | None => false,
    };
    if is_covered && holds_it {
        fault_at(table, "content", "holds a {timestamp} that is signed already", "leave it out");
    }
    match (written && !is_covered, holds_it) {
        (false, true) => fault_at(table, "content", "signs a {timestamp} that stands nowhere", "add timestamp = { … }"),
        (true, false) => fault_at(
            table,
            "timestamp",
            "is not signed, so it proves no freshness",
            "put {timestamp} into content, or leave timestamp out",
        ),
        (true, true) | (false, false) => {}
    }
    touching(scheme, table);
    let Some(TimestampPlace::SignatureField(field)) = scheme.timestamp.as_ref().map(|rule| &rule.place) else { return };
    if scheme.signature.lines != HeaderLines::Once {
        fault_at(table, "timestamp", "names a field of a header that stands more than once", "");
    }
    match &scheme.signature.format {
        SignatureFormat::Pairs { key, .. } if key != field && is_word(field) => {}
        SignatureFormat::Pairs { .. } => {
            fault_at(table, "timestamp", "has a field that is not told from the signature's key", "");
        }
        _ => {
            fault_at(table, "timestamp", "names a field, and the signature has none", "set signature.format = \"pairs\"");
        }
    }
}

/// A timestamp that touches another part must be told from it whatever that holds.
fn touching(scheme: &Scheme, table: &Table<'_>) {
    let Some(rule) = &scheme.timestamp else { return };
    for (left, right) in scheme.content.iter().zip(scheme.content.iter().skip(1)) {
        let confused = match (left, right) {
            (Part::Id, Part::Timestamp) => rule.unit.is_digits() || !rule.unit.ends_itself(),
            (Part::Timestamp, Part::Body | Part::Field(_)) | (Part::Body, Part::Timestamp) => !rule.unit.ends_itself(),
            _ => false,
        };
        if confused {
            let reason = format!("must divide {left} from {right} by fixed text: one could be moved into the other");
            fault_at(table, "content", reason, "");
        }
    }
}

/// A signature beside what it signs, in the same body or query.
fn carried(scheme: &Scheme, table: &Table<'_>) {
    let rule = &scheme.signature;
    let signs_fields = scheme.content.iter().any(|part| matches!(part, Part::SortedQuery(_)));
    if signs_fields && !matches!(rule.place, Locator::Query(_)) {
        fault_at(table, "signature", "stands outside the query whose fields it signs", "set signature.at = \"query:…\"");
    }
    if rule.header().is_some() {
        return;
    }
    let in_body = scheme.covers_body() && matches!(rule.place, Locator::AnyForm(_));
    if !rule.algorithm.is_shown() && (in_body || scheme.covers(&rule.place)) {
        fault_at(table, "signature", "stands in what it signs", "sign fields of the body, such as {json:/id}");
    }
    if !matches!(rule.format, SignatureFormat::Prefixed { .. } | SignatureFormat::Named { .. }) || rule.key_id_header.is_some() {
        fault_at(table, "signature", "has a format that only headers have", "");
    }
}

fn id(scheme: &Scheme, table: &Table<'_>) {
    match (table.entry("id").is_some(), scheme.content.contains(&Part::Id)) {
        (false, true) => fault_at(table, "content", "signs an {id} that stands nowhere", "add id = { header = … }"),
        (true, false) => fault_at(table, "id", "is not signed", "name it in delivery_id instead"),
        (true, true) | (false, false) => {}
    }
    if scheme.delivery_id_unique && scheme.delivery_id.is_empty() {
        fault_at(table, "delivery_id_unique", "speaks of a delivery id, and none is named", "add delivery_id = [ … ]");
    }
}

fn headers(scheme: &Scheme, table: &Table<'_>) {
    let mut names: Vec<&HeaderName> = scheme.content.iter().filter_map(|part| scheme.header_of(part)).collect();
    names.extend(scheme.signature.headers().map(|(name, _)| name));
    let is_signed = |name: &&HeaderName| scheme.content.iter().any(|part| matches!(part, Part::Header(own) if own == *name));
    names.extend(scheme.signature.key_id_header.iter().filter(|name| !is_signed(name)));
    names.extend(&scheme.signature.secret_header);
    names.extend(scheme.fixed_headers.iter().map(|(name, _)| name));
    names.sort_unstable_by_key(|name| name.as_str());
    if names.iter().zip(names.iter().skip(1)).any(|(left, right)| left == right) {
        table.fault("uses one header twice", "signature, timestamp, id, signed and fixed headers must differ");
    }
    if scheme.strip_headers.iter().any(|name| names.contains(&name)) {
        fault_at(table, "strip_headers", "names a header that is verified", "");
    }
}

/// A secret that comes in a request is told from a delivery by the missing signature, and is one that both sides know.
fn handed_over(scheme: &Scheme, table: &Table<'_>) {
    let rule = &scheme.signature;
    if rule.secret_header.is_some() && (rule.header().is_none() || rule.algorithm.is_asymmetric() || rule.algorithm.is_shown()) {
        fault_at(table, "secret", "is handed over by a header, and deliveries are not signed with it in one", "");
    }
}

/// A plain digest holds the secret and nothing else does; every option has its word, and no other.
fn parts(scheme: &Scheme, table: &Table<'_>) {
    let algorithm = scheme.signature.algorithm;
    if scheme.content.contains(&Part::Secret) != algorithm.is_digest() {
        fault_at(table, "content", "must hold {secret} exactly where the algorithm is a plain digest", "");
    }
    if (scheme.signature.encoding == SignatureEncoding::Plain) != algorithm.is_shown() {
        fault_at(table, "signature", "must have the encoding \"plain\" exactly where nothing is signed", "");
    }
    let in_handshakes = scheme.handshakes.iter().flat_map(Handshake::option_names);
    let in_claims = scheme.token().into_iter().flat_map(TokenRule::option_names);
    let mut used: Vec<&str> = scheme.content.iter().filter_map(option_name).chain(in_handshakes).chain(in_claims).collect();
    let mut known: Vec<&str> = scheme.options.iter().map(|(name, _)| name.as_str()).collect();
    used.sort_unstable();
    used.dedup();
    known.sort_unstable();
    if used != known {
        let hint = match (used.iter().find(|name| !known.contains(name)), known.iter().find(|name| !used.contains(name))) {
            (Some(missing), _) => format!("add {missing} = \"what it is\""),
            (None, surplus) => format!("nothing uses {}", surplus.copied().unwrap_or_default()),
        };
        fault_at(
            table,
            "options",
            "must describe the options of content, claims and handshakes, each of them and no other",
            &hint,
        );
    }
}

fn option_name(part: &Part) -> Option<&str> {
    match part {
        Part::Option(name) => Some(name),
        _ => None,
    }
}

fn places(scheme: &Scheme, table: &Table<'_>) {
    let challenges: Vec<_> = handshake::signed_places(scheme).collect();
    if !scheme.is_unsigned() && challenges.iter().any(|place| !scheme.covers(place)) {
        fault_at(table, "handshake", "takes a field at its word that the signature does not cover", "");
    }
    if scheme.subscription.is_some() && subscription::places().iter().any(|place| !scheme.covers(place)) {
        fault_at(table, "subscription", "is confirmed at the word of fields that the signature does not cover", "");
    }
    let count = scheme.event.len().saturating_add(scheme.delivery_id.len()).saturating_add(challenges.len());
    if count > MAX_PLACES {
        table.fault(format!("names more than {MAX_PLACES} places to look at"), "");
    }
}
