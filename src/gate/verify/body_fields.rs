//! Parts of the content that are fields of the body. Pure.
//!
//! 1. A field is text that stands once. What stands twice, or is an object, a list or a fraction, is refused: two readers
//!    would disagree about it. `null` is as good as absent.
//!    So is one beside which another stands that some readers take for it ([`lookalike`]).
//! 2. Of several members only the one that the scheme says may hold what divides them, so that none can be moved into another.
//! 3. A form is read strictly and whole, and has a bounded number of fields. The order in which they came is not
//!    signed, so it makes no other delivery.
//! 4. A form's values of one key are sorted, equal ones are taken once, as providers do.
//! 5. A member that is signed as it stands is an object or a list, and stands once, too.
//! 6. Members of a list's first element are signed only where it is a list, and that its one element.

use data_encoding::{BASE64, HEXLOWER};
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256, Sha512};

use super::error::VerifyError;
use crate::domain::body::RawBody;
use crate::domain::head::Received;
use crate::provider::locate::form::Form;
use crate::provider::locate::{self, Few, Found, Pointer, lookalike, members};
use crate::provider::scheme::{BodyDigest, Locator, Member, MemberList, MemberStyle};

/// The text of one field, of any length.
pub(super) fn text(place: &Locator, received: &Received) -> Result<String, VerifyError> {
    let body = received.body.contiguous();
    let found = match place {
        Locator::Json(pointer) if lookalike::in_json(&[pointer], &body) => Found::Unclear,
        Locator::Json(pointer) => members(&[pointer], &body).and_then(|mut found| found.pop()).unwrap_or(Found::Unclear),
        Locator::Form(field) => match Form::parse(&body).filter(Form::is_small) {
            Some(form) if !form.has_lookalike(field) => form.find(field),
            Some(_) | None => Found::Unclear,
        },
        Locator::AnyForm(field) => match locate::any_form(&received.head, &body) {
            Some(form) if !form.has_lookalike(field) => form.find(field),
            Some(_) | None => Found::Unclear,
        },
        Locator::Query(field) => match received.head.query() {
            None => Found::Absent,
            Some(query) => Form::parse(query.as_bytes()).map_or(Found::Unclear, |form| form.find(field)),
        },
        Locator::Header(_) | Locator::FormJson { .. } => Found::Unclear,
    };
    taken(found, || place.clone())
}

fn taken(found: Found, place: impl FnOnce() -> Locator) -> Result<String, VerifyError> {
    match found {
        Found::Text(text) if !text.is_empty() => Ok(text),
        Found::Text(_) | Found::Absent => Err(VerifyError::FieldMissing { place: place() }),
        Found::Unclear => Err(VerifyError::FieldMalformed { place: place() }),
    }
}

/// The object or list at a pointer, compact.
pub(super) fn compact(pointer: &Pointer, received: &Received) -> Result<String, VerifyError> {
    let body = received.body.contiguous();
    let found = if lookalike::in_json(&[pointer], &body) { Found::Unclear } else { locate::compact(pointer, &body) };
    taken(found, || Locator::Json(pointer.clone()))
}

/// The text of a digest of the body.
pub(super) fn digest(digest: BodyDigest, body: &RawBody) -> String {
    match digest {
        BodyDigest::Sha256Hex => HEXLOWER.encode(&digest_of::<Sha256>(body)),
        BodyDigest::Sha512Base64 => BASE64.encode(&digest_of::<Sha512>(body)),
    }
}

fn digest_of<D: Digest>(body: &RawBody) -> Vec<u8> {
    let mut digest = D::new();
    body.chunks().iter().for_each(|chunk| digest.update(chunk));
    digest.finalize().to_vec()
}

/// Several members, as the provider writes them.
pub(super) fn member_list(list: &MemberList, received: &Received) -> Result<String, VerifyError> {
    let body = received.body.contiguous();
    let pointers: Few<&Pointer> = list.members.iter().map(|member| &member.pointer).collect();
    if let Some(first) = pointers.first().filter(|_| lookalike::in_json(&pointers, &body)) {
        return Err(VerifyError::FieldMalformed { place: Locator::Json((*first).clone()) });
    }
    // A body that is no JSON has none of them.
    let found = members(&pointers, &body).unwrap_or_else(|| pointers.iter().map(|_| Found::Unclear).collect());
    if let Some(first) = pointers.first().filter(|pointer| has_others_beside(pointer, &body)) {
        return Err(VerifyError::FieldMalformed { place: Locator::Json((*first).clone()) });
    }
    let mut written = Vec::with_capacity(pointers.len());
    for (member, found) in list.members.iter().zip(found) {
        written.push((member, value(list.style, member, found)?));
    }
    Ok(write(list.style, &written))
}

/// Whether a pointer goes into the first element of what is no list of that one alone: of a list one element is signed, and
/// what stands beside it, `null` too, nobody vouched for.
fn has_others_beside(pointer: &Pointer, body: &[u8]) -> bool {
    let Some((list, _)) = pointer.as_str().split_once("/0/") else { return false };
    let is_alone = |json: &[u8]| serde_json::from_slice::<[IgnoredAny; 1]>(json).is_ok();
    match list.parse() {
        Err(_) => !is_alone(body),
        Ok(list) => match locate::compact(&list, body) {
            Found::Text(list) => !is_alone(list.as_bytes()),
            Found::Absent => false,
            Found::Unclear => true,
        },
    }
}

/// Whether beside a field that is signed by itself another stands that some readers take for it.
pub(super) fn has_lookalike(place: &Locator, received: &Received) -> bool {
    let body = received.body.contiguous();
    match place {
        Locator::Json(pointer) => lookalike::in_json(&[pointer], &body),
        Locator::Form(field) => Form::parse(&body).is_some_and(|form| form.has_lookalike(field)),
        Locator::AnyForm(field) => locate::any_form(&received.head, &body).is_some_and(|form| form.has_lookalike(field)),
        Locator::Query(_) | Locator::Header(_) | Locator::FormJson { .. } => false,
    }
}

/// The values in their style; `None` for an absent one.
pub(super) fn write(style: MemberStyle, members: &[(&Member, Option<String>)]) -> String {
    match style {
        MemberStyle::Lines => members.iter().filter_map(|(member, value)| Some(line(member, value.as_deref()?))).collect(),
        MemberStyle::Colons => {
            let values: Vec<&str> = members.iter().map(|(_, value)| value.as_deref().unwrap_or_default()).collect();
            values.join(":")
        }
    }
}

fn line(member: &Member, value: &str) -> String {
    let name = member.pointer.as_str().rsplit('/').next().unwrap_or_default();
    format!("{name}\n{value}\n")
}

fn value(style: MemberStyle, member: &Member, found: Found) -> Result<Option<String>, VerifyError> {
    let place = || Locator::Json(member.pointer.clone());
    let divider = match style {
        MemberStyle::Lines => '\n',
        MemberStyle::Colons => ':',
    };
    match found {
        Found::Text(text) if !member.is_free && text.contains(divider) => Err(VerifyError::FieldMalformed { place: place() }),
        Found::Text(text) => Ok(Some(text)),
        Found::Absent if member.is_optional => Ok(None),
        Found::Absent => Err(VerifyError::FieldMissing { place: place() }),
        Found::Unclear => Err(VerifyError::FieldMalformed { place: place() }),
    }
}

/// The form's fields by key, each key and its values; nothing where the query holds the body's digest instead.
pub(super) fn sorted_form(digest_in_query: Option<&str>, received: &Received) -> Result<String, VerifyError> {
    let body = received.body.contiguous();
    if let Some(field) = digest_in_query
        && let Some(form) = received.head.query().and_then(|query| Form::parse(query.as_bytes()))
        && form.names(field)
    {
        let is_ours = form.field(field).is_some_and(|digest| digest == HEXLOWER.encode(&Sha256::digest(&body)));
        return if is_ours { Ok(String::new()) } else { Err(VerifyError::SignatureMismatch) };
    }
    let mut fields = Form::parse(&body).and_then(|form| form.fields()).ok_or(VerifyError::FormMalformed)?;
    fields.sort_unstable();
    fields.dedup();
    Ok(fields.iter().flat_map(|(key, value)| [key.as_str(), value]).collect())
}
