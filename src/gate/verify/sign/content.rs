//! The content as whoever signs puts it together. Pure.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use super::Request;
use crate::gate::verify::{body_fields, url};
use crate::provider::locate::canonical::canonical;
use crate::provider::locate::form::Form;
use crate::provider::locate::{self, Found};
use crate::provider::scheme::{BodyDigest, Locator, MemberList, Part, Scheme};

/// What is signed of a request. A part that the request lacks is empty, and nobody will accept that.
pub(super) fn content(scheme: &Scheme, request: &Request<'_>, timestamp: &str, id: &str) -> Vec<u8> {
    let mut content = Vec::new();
    for part in &scheme.content {
        match part {
            Part::Timestamp => content.extend_from_slice(timestamp.as_bytes()),
            Part::Id => content.extend_from_slice(id.as_bytes()),
            Part::Header(name) => content.extend_from_slice(header(request, name)),
            Part::Body => content.extend_from_slice(request.body),
            Part::BodyDigest { digest, .. } => content.extend_from_slice(body_digest(*digest, request.body).as_bytes()),
            Part::CanonicalBody => content.extend_from_slice(canonical(request.body).unwrap_or_default().as_bytes()),
            Part::Compact(pointer) => {
                if let Found::Text(text) = locate::compact(pointer, request.body) {
                    content.extend_from_slice(text.as_bytes());
                }
            }
            Part::BodyCrc32 => content.extend_from_slice(crc32fast::hash(request.body).to_string().as_bytes()),
            Part::Field(place) => content.extend_from_slice(field(place, request.body).unwrap_or_default().as_bytes()),
            Part::Members(list) => content.extend_from_slice(members(list, request.body).as_bytes()),
            Part::SortedForm { digest_in_query } => {
                let in_query = digest_in_query.as_ref().is_some_and(|field| holds(scheme, field));
                content.extend_from_slice(if in_query { String::new() } else { sorted_form(request.body) }.as_bytes());
            }
            Part::SortedRequest(url) => content.extend_from_slice(sorted_request(url, request.body).as_bytes()),
            Part::PhpForm => content.extend_from_slice(php_form(scheme, request.body).as_bytes()),
            Part::NamedHeaders(list) => content.extend_from_slice(&named_headers(scheme, list, timestamp)),
            Part::Method => content.extend_from_slice(scheme.methods.first().unwrap_or(&Method::POST).as_str().as_bytes()),
            Part::Literal(text) | Part::Url(text) | Part::UrlOtherPort(text) | Part::Target(text) => {
                content.extend_from_slice(text.as_bytes());
            }
            Part::TargetEscaped(text) => {
                let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
                content.extend_from_slice(path.as_bytes());
                content.extend(url::escaped(query.as_bytes()));
            }
            // An option that is not bound is no text, and nobody will accept what lacks it; a secret is the digest's.
            // Fields of the query are signed with it.
            Part::Option(_) | Part::Secret | Part::Token | Part::NoBody | Part::SortedQuery(_) => {}
        }
    }
    content
}

fn body_digest(digest: BodyDigest, body: &[u8]) -> String {
    match digest {
        BodyDigest::Sha256Hex => HEXLOWER.encode(&Sha256::digest(body)),
        BodyDigest::Sha512Base64 => BASE64.encode(&Sha512::digest(body)),
    }
}

/// The headers that say a digest of the body.
pub(super) fn digest_headers(scheme: &Scheme, body: &[u8]) -> impl Iterator<Item = (HeaderName, String)> {
    scheme.content.iter().filter_map(|part| match part {
        Part::BodyDigest { digest, header: Some(name) } => Some((name.clone(), body_digest(*digest, body))),
        _ => None,
    })
}

fn header<'r>(request: &Request<'r>, name: &HeaderName) -> &'r [u8] {
    request.headers.get(name).map_or(&[], HeaderValue::as_bytes)
}

/// Whether the URL's query has a field.
fn holds(scheme: &Scheme, field: &str) -> bool {
    let has = |url: &str| url.contains(&format!("?{field}=")) || url.contains(&format!("&{field}="));
    scheme.content.iter().any(|part| matches!(part, Part::Url(url) if has(url)))
}

/// The text of a field.
pub(super) fn field(place: &Locator, body: &[u8]) -> Option<String> {
    match place {
        Locator::Json(pointer) => text(serde_json::from_slice::<Value>(body).ok()?.pointer(pointer.as_str())?),
        Locator::Form(field) | Locator::AnyForm(field) => Form::parse(body)?.field(field),
        Locator::Header(_) | Locator::FormJson { .. } | Locator::Query(_) => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn members(list: &MemberList, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let values = list.members.iter().map(|member| (member, body.pointer(member.pointer.as_str()).and_then(text)));
    body_fields::write(list.style, &values.collect::<Vec<_>>())
}

fn sorted_form(body: &[u8]) -> String {
    let fields = Form::parse(body).and_then(|form| form.fields()).unwrap_or_default();
    let mut sorted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in fields {
        sorted.entry(key).or_default().insert(value);
    }
    let each = |(key, values): (&String, &BTreeSet<String>)| values.iter().map(|value| key.clone() + value).collect::<String>();
    sorted.iter().map(each).collect()
}

/// The URL with its query sorted, and the form behind it.
fn sorted_request(url: &str, body: &[u8]) -> String {
    let sorted = |text: &[u8]| {
        let mut fields = Form::parse(text).and_then(|form| form.fields()).unwrap_or_default();
        fields.sort();
        fields
    };
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let query: Vec<String> = sorted(query.as_bytes()).into_iter().map(|(name, value)| name + "=" + &value).collect();
    let form: Vec<String> = sorted(body).into_iter().map(|(name, value)| name + &value).collect();
    let begins = if query.is_empty() && form.is_empty() { "" } else { "?" };
    let divides = if query.is_empty() || form.is_empty() { "" } else { "." };
    [base, begins, &query.join("&"), divides, &form.concat()].concat()
}

/// Each name and value as `s:LENGTH:"TEXT";`, in one list of so many.
fn php_form(scheme: &Scheme, body: &[u8]) -> String {
    let mut fields = Form::parse(body).and_then(|form| form.fields()).unwrap_or_default();
    fields.retain(|(name, _)| scheme.signature.place != Locator::Form(name.clone()));
    fields.sort();
    let texts = fields.iter().flat_map(|(name, value)| [name, value]);
    let written: Vec<String> = texts.map(|text| format!("s:{}:\"{text}\";", text.len())).collect();
    format!("a:{}:{{{}}}", fields.len(), written.concat())
}

/// The headers that list others: each names itself and the header of the time.
pub(super) fn header_lists(scheme: &Scheme) -> impl Iterator<Item = (HeaderName, String)> {
    scheme.content.iter().filter_map(|part| match part {
        Part::NamedHeaders(list) => Some((list.clone(), named_by(scheme, list).join(","))),
        _ => None,
    })
}

fn named_by<'s>(scheme: &'s Scheme, list: &'s HeaderName) -> Vec<&'s str> {
    let mut names: Vec<&str> = scheme.header_of(&Part::Timestamp).into_iter().chain([list]).map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn named_headers(scheme: &Scheme, list: &HeaderName, timestamp: &str) -> Vec<u8> {
    let names = named_by(scheme, list);
    let value = |name: &str| if name == list.as_str() { names.join(",") } else { timestamp.to_owned() };
    names.iter().map(|name| format!("{name}:{}", value(name))).collect::<Vec<_>>().join(";").into_bytes()
}
