//! Every preset, every part of what it signs, every change of it.
//!
//! 1. A request of each preset is signed here; where nothing here can sign (SHA-1 with RSA or ECDSA) a known answer is taken.
//! 2. Each part that the sender writes is changed, one character at a time, where it stands: each change is refused.
//! 3. A part that nothing changed fails the test, so that no preset and no part is passed over; [`LEFT_OUT`] is what is.
//! 4. What nobody signs is changed: the delivery is the same one.
//!
//! [`refused_or_same`] judges changes of forms: another spelling of the same fields is the same delivery.

use std::collections::BTreeSet;
use std::sync::Arc;

use hookward::provider::Catalogue;
use hookward::provider::locate::canonical::canonical;
use hookward::provider::locate::form::Form;
use hookward::provider::locate::{Found, compact, find};
use hookward::provider::scheme::{ClaimValue, Locator, Member, Part, Scheme, TimestampPlace};
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::{Case, URL, changed_at, content_of, head_and_body, may_be_missing, refused_or_same, signed_over, target, verified};

/// Presets of which nothing here can sign a request, and of which there is no known answer: RSA with SHA-1.
const LEFT_OUT: [&str; 0] = [];

/// A request of each preset, and one of each alternative.
fn every_preset() -> Vec<Case> {
    let mut known: Vec<Case> = verified().collect();
    let mut cases = |scheme: &Arc<Scheme>| -> Vec<Case> {
        if scheme.signature.algorithm.can_sign() {
            let alternatives = (0..scheme.alternatives.len()).map(Some);
            return std::iter::once(None).chain(alternatives).map(|index| signed_over(scheme, index)).collect();
        }
        let index = known.iter().position(|case| case.scheme.name == scheme.name);
        index.map(|index| known.swap_remove(index)).into_iter().collect()
    };
    Catalogue::builtin().iter().flat_map(&mut cases).collect()
}

#[test]
fn no_preset_is_left_out_unnoticed() {
    let walked: BTreeSet<String> = every_preset().iter().map(|case| case.scheme.name.to_string()).collect();
    let all = Catalogue::builtin().iter().map(|scheme| scheme.name.to_string());
    let left_out: Vec<String> = all.filter(|name| !walked.contains(name)).collect();
    assert_eq!(left_out, LEFT_OUT);
}

#[test]
fn every_change_of_every_signed_part_of_every_preset_is_refused() {
    for case in every_preset() {
        let unbound = Catalogue::builtin().get(case.scheme.name.as_str()).unwrap();
        let parts =
            case.scheme.content.iter().zip(&unbound.content).map(|(bound, part)| (part.to_string(), of_part(&case, part, bound)));
        let claims = unbound.token().into_iter().flat_map(|rule| &rule.claims);
        let claims = claims.map(|claim| (format!("claim {}", claim.name), of_claim(&case, &claim.value)));
        let signature = ("signature".to_owned(), Some(of_signature(&case)));
        for (part, changes) in parts.chain(claims).chain([signature]) {
            let Some(changes) = changes else { continue };
            assert!(!changes.is_empty(), "{}: nothing changed {part}", case.id);
            for (at, changed) in changes.iter().enumerate() {
                assert!(changed.judge().is_err(), "{}: change {at} of {part}", case.id);
            }
        }
    }
}

/// Every change of what stands for a part in a request; nothing for what no sender writes.
fn of_part(case: &Case, part: &Part, bound: &Part) -> Option<Vec<Case>> {
    match part {
        Part::Literal(_) | Part::Secret => None,
        Part::Body | Part::BodyCrc32 | Part::NoBody => Some(bodies(case)),
        Part::BodyDigest { header, .. } => Some(header.iter().flat_map(|name| headers(case, name)).chain(bodies(case)).collect()),
        Part::SortedForm { .. } | Part::PhpForm => Some(form_bodies(case)),
        Part::CanonicalBody => Some(other_bodies(case, |body| canonical(body).ok())),
        Part::Compact(pointer) => Some(other_bodies(case, |body| match compact(pointer, body) {
            Found::Text(text) => Some(text),
            Found::Absent | Found::Unclear => None,
        })),
        Part::SortedRequest(_) => Some(form_bodies(case).into_iter().chain(targets(case, bound)).collect()),
        Part::SortedQuery(_) => Some(queries(case)),
        Part::Timestamp => Some(of_time(case)),
        Part::Id | Part::Header(_) | Part::NamedHeaders(_) => Some(headers(case, case.scheme.header_of(part).unwrap())),
        Part::Field(place) => Some(fields(case, place)),
        Part::Members(list) => Some(list.members.iter().flat_map(|member| of_member(case, member)).collect()),
        Part::Url(_) | Part::UrlOtherPort(_) | Part::Target(_) | Part::TargetEscaped(_) => Some(targets(case, bound)),
        Part::Method => Some(vec![Case { method: Method::DELETE, ..case.clone() }]),
        Part::Option(_) => Some(vec![bound_otherwise(case, URL, "another")]),
        Part::Token => Some(headers(case, case.scheme.signature.header().unwrap())),
    }
}

/// What a claim is compared with, changed; fixed text stands in the token, which is changed anyway.
fn of_claim(case: &Case, value: &ClaimValue) -> Option<Vec<Case>> {
    match value {
        ClaimValue::Text(_) => None,
        ClaimValue::BodySha256(_) => Some(bodies(case)),
        ClaimValue::Url(_) | ClaimValue::UrlSha256(_) => {
            Some(vec![bound_otherwise(case, "https://other.example.com/in", "option")])
        }
        ClaimValue::CanonicalRequest { .. } => Some(vec![
            bound_otherwise(case, "https://hooks.example.com/other", "option"),
            Case { method: Method::PUT, ..case.clone() },
            Case { target: "/?more=1".parse().unwrap(), ..case.clone() },
        ]),
        ClaimValue::Option(_) => Some(vec![bound_otherwise(case, URL, "another")]),
    }
}

/// The same request where the integration has another URL, or other options.
fn bound_otherwise(case: &Case, url: &str, option: &str) -> Case {
    let unbound = Catalogue::builtin().get(case.scheme.name.as_str()).unwrap();
    let options = unbound.options.iter().map(|(name, _)| (name.clone(), option.to_owned())).collect();
    Case { scheme: Arc::new(unbound.bound(url, &options)), ..case.clone() }
}

fn of_time(case: &Case) -> Vec<Case> {
    match &case.scheme.timestamp.as_ref().unwrap().place {
        TimestampPlace::Header(name) => headers(case, name),
        TimestampPlace::SignatureField(_) | TimestampPlace::Claim(_) => headers(case, case.scheme.signature.header().unwrap()),
        TimestampPlace::Json(pointer) => fields(case, &Locator::Json(pointer.clone())),
        TimestampPlace::Form(Locator::Query(_)) => queries(case),
        TimestampPlace::Form(place) => fields(case, place),
    }
}

fn of_signature(case: &Case) -> Vec<Case> {
    let rule = &case.scheme.signature;
    let fixed = case.scheme.fixed_headers.iter().map(|(name, _)| name);
    let names = rule.headers().map(|(name, _)| name).chain(&rule.key_id_header).chain(fixed);
    let mut changes: Vec<Case> = names.flat_map(|name| headers(case, name)).collect();
    match &rule.place {
        Locator::Header(_) => {}
        Locator::Query(_) => changes.extend(queries(case)),
        place => changes.extend(fields(case, place)),
    }
    changes
}

/// Each byte of the body changed, each left out, and one more at each end.
fn bodies(case: &Case) -> Vec<Case> {
    let body = &case.body;
    let flipped = (0..body.len()).map(|at| {
        let mut body = body.clone();
        body[at] ^= 1 << (at % 8);
        body
    });
    let cut = (0..body.len()).map(|at| [&body[..at], &body[at + 1..]].concat());
    let longer = [[&body[..], b"\n"].concat(), [b" ", &body[..]].concat()];
    flipped.chain(cut).chain(longer).map(|body| Case { body, ..case.clone() }).collect()
}

/// The same for a form, without what is the same text to whoever signs: nothing divides keys and values there.
fn form_bodies(case: &Case) -> Vec<Case> {
    let text = |body: &[u8]| {
        let pairs: BTreeSet<(String, String)> = Form::parse(body)?.fields()?.into_iter().collect();
        Some(pairs.into_iter().map(|(key, value)| key + &value).collect::<String>())
    };
    other_bodies(case, text)
}

/// The same without what is the same text to whoever signs, which must be the same delivery.
fn other_bodies(case: &Case, text: impl Fn(&[u8]) -> Option<String>) -> Vec<Case> {
    let honest = text(&case.body);
    let (same, other): (Vec<Case>, Vec<Case>) = bodies(case).into_iter().partition(|changed| text(&changed.body) == honest);
    for changed in same {
        refused_or_same(case, changed.body, 0);
    }
    other
}

/// Each character of a header's value changed, each left out, the header left out, and given twice.
fn headers(case: &Case, name: &HeaderName) -> Vec<Case> {
    // Of several headers one is enough.
    let Some(value) = case.headers.get(name).cloned() else { return Vec::new() };
    let text = value.as_bytes();
    let with = |text: &[u8]| {
        let mut changed = case.clone();
        changed.headers.insert(name.clone(), HeaderValue::from_bytes(text).unwrap());
        changed
    };
    let cut = (0..text.len()).filter(|at| !may_be_missing(&case.scheme, text[*at]));
    let cut = cut.map(|at| with(&[&text[..at], &text[at + 1..]].concat()));
    let mut changes: Vec<Case> = (0..text.len()).map(|at| with(&changed_at(text, at))).chain(cut).collect();
    let mut without = case.clone();
    without.headers.remove(name);
    let mut twice = case.clone();
    twice.headers.append(name.clone(), value.clone());
    let may_repeat = case.scheme.signature.header() == Some(name);
    changes.push(without);
    changes.extend((!may_repeat).then_some(twice));
    changes
}

/// Each character of a field of the body changed, and the field left out.
fn fields(case: &Case, place: &Locator) -> Vec<Case> {
    let (head, body) = head_and_body(case);
    let Some(text) = find(&[place], &head, &body).remove(0) else { return Vec::new() };
    let changed = text.char_indices().map(|(at, character)| {
        let other = if character.is_ascii() { changed_at(&[text.as_bytes()[at]], 0)[0] } else { b'x' };
        format!("{}{}{}", &text[..at], char::from(other), &text[at + character.len_utf8()..])
    });
    let texts = changed.map(Some).chain([None]);
    texts.map(|text| Case { body: with_field(&case.body, place, text.as_deref()), ..case.clone() }).collect()
}

/// A member's changes; one that may be absent, and is, is added.
fn of_member(case: &Case, member: &Member) -> Vec<Case> {
    let place = Locator::Json(member.pointer.clone());
    let changes = fields(case, &place);
    if !changes.is_empty() || !member.is_optional {
        assert!(!changes.is_empty(), "{}: {place} is absent", case.id);
        return changes;
    }
    vec![Case { body: with_field(&case.body, &place, Some("added")), ..case.clone() }]
}

/// A JSON or form body with another text at a place, or nothing there.
fn with_field(body: &[u8], place: &Locator, text: Option<&str>) -> Vec<u8> {
    match place {
        Locator::Json(pointer) => {
            let mut value: Value = serde_json::from_slice(body).unwrap();
            let (parent, name) = pointer.as_str().rsplit_once('/').unwrap();
            let parent = made(&mut value, parent);
            match text {
                Some(text) => drop(parent.insert(name.to_owned(), text.into())),
                None => drop(parent.remove(name).unwrap()),
            }
            value.to_string().into_bytes()
        }
        Locator::Form(field) | Locator::AnyForm(field) => {
            let mut pairs = Form::parse(body).and_then(|form| form.fields()).unwrap();
            pairs.retain(|(name, _)| name != field);
            pairs.extend(text.map(|text| (field.clone(), text.to_owned())));
            let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
            let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
            pairs.join("&").into_bytes()
        }
        other => panic!("{other} is no single field of a body"),
    }
}

/// The object at a pointer, made where it is absent.
fn made<'v>(value: &'v mut Value, pointer: &str) -> &'v mut serde_json::Map<String, Value> {
    let at = pointer.split('/').skip(1).fold(value, |value, token| match token.parse::<usize>() {
        Ok(index) => &mut value[index],
        Err(_) => value.as_object_mut().unwrap().entry(token).or_insert_with(|| Value::Object(serde_json::Map::new())),
    });
    at.as_object_mut().unwrap()
}

/// Another query, and another URL than the one that the sender has.
fn targets(case: &Case, part: &Part) -> Vec<Case> {
    let query = case.target.query().map(|query| format!("{query}&")).unwrap_or_default();
    let longer = Case { target: target(&format!("{URL}?{query}added=1")), ..case.clone() };
    let mut elsewhere = vec![bound_otherwise(case, "https://hooks.example.com/out", "option")];
    // Of the URL's host only the whole URL says something.
    elsewhere.extend(
        matches!(part, Part::Url(_) | Part::SortedRequest(_))
            .then(|| bound_otherwise(case, "https://other.example.com/in", "option")),
    );
    elsewhere.into_iter().chain([longer]).collect()
}

/// Each character of the query changed or left out, and no query.
fn queries(case: &Case) -> Vec<Case> {
    let query = case.target.query().unwrap().as_bytes().to_vec();
    let changed = (0..query.len()).map(|at| changed_at(&query, at));
    let cut = (0..query.len()).map(|at| [&query[..at], &query[at + 1..]].concat());
    let texts = changed.chain(cut).chain([Vec::new()]).map(|text| String::from_utf8(text).unwrap());
    texts.map(|text| Case { target: target(&format!("{URL}?{text}")), ..case.clone() }).collect()
}

/// Known answers of requests with a query that is signed: each character changed or left out is refused, or another spelling.
#[test]
fn every_change_of_a_signed_query_is_refused() {
    let mut seen = 0;
    for case in verified().filter(|case| case.scheme.signs_query() && case.target.query().is_some_and(|query| !query.is_empty()))
    {
        let honest = content_of(&case.judge().unwrap());
        for (at, changed) in queries(&case).into_iter().enumerate() {
            if let Ok(verified) = changed.judge() {
                assert_eq!(content_of(&verified), honest, "{}: {at}", case.id);
                let decoded = |case: &Case| {
                    let mut fields = Form::parse(case.target.query().unwrap().as_bytes()).unwrap().fields().unwrap();
                    fields.sort();
                    fields
                };
                assert_eq!(decoded(&changed), decoded(&case), "{}: {at}", case.id);
            }
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen} requests");
}

#[test]
fn every_change_of_what_is_not_signed_is_the_same_delivery() {
    let mut respelled = 0;
    for case in every_preset().into_iter().filter(|case| !case.scheme.is_bearer()) {
        let honest = case.judge().unwrap();
        for changed in unsigned_changes(&case) {
            let verified = changed.judge().unwrap_or_else(|error| panic!("{}: {error}", case.id));
            assert_eq!(verified.identity(), honest.identity(), "{}", case.id);
            assert_eq!(content_of(&verified), content_of(&honest), "{}", case.id);
            assert!(verified.unsigned_identity().is_none(), "{}", case.id);
            respelled += usize::from(changed.body != case.body);
        }
    }
    assert!(respelled >= 6, "bodies of presets that sign single fields are changed; {respelled} were");
}

/// Other headers, and another query, method and rest of the body where they are not signed.
fn unsigned_changes(case: &Case) -> Vec<Case> {
    let scheme = &case.scheme;
    let mut headed = case.clone();
    headed.headers.insert("x-unsigned", HeaderValue::from_static("other"));
    for place in scheme.event.iter().chain(&scheme.delivery_id).filter(|place| !scheme.covers(place)) {
        if let Locator::Header(name) = place {
            headed.headers.insert(name.clone(), HeaderValue::from_static("other"));
        }
    }
    let mut changes = vec![headed];
    if !scheme.content.contains(&Part::Method) {
        changes.push(Case { method: Method::PUT, ..case.clone() });
    }
    if !scheme.signs_url() && case.target.query().is_none() {
        changes.push(Case { target: target(&format!("{URL}?added=1")), ..case.clone() });
    }
    // A checksum is no signature, and a body that has the same one takes more than a change.
    if !scheme.covers_body() && !scheme.content.contains(&Part::BodyCrc32) {
        let body = if case.body.starts_with(b"{") {
            [b"{ \"unsigned\": [1, 2],", &case.body[1..]].concat()
        } else {
            [b"unsigned=1&", &case.body[..]].concat()
        };
        changes.push(Case { body, ..case.clone() });
    }
    changes
}
