//! Where a field stands in a request: the words for a place, and finding what stands there.
//!
//! Invariants: a place that holds two values holds none, since two readers could disagree; a field is text of bounded
//! length, or absent. Nothing here says whether a field is signed: that is [`super::coverage`].

pub mod form;
mod json;
pub mod multipart;
mod scan;

pub use json::Found;

use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use http::header::CONTENT_TYPE;
use smallvec::SmallVec;

use super::scheme::Locator;
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Single};

/// The longest field that is taken; event types and ids are far shorter, and a field ends up in headers and records.
pub const MAX_FIELD_BYTES: usize = 1024;

/// As many as a scheme has places, hardly ever more.
pub type Few<T> = SmallVec<[T; 4]>;

/// The most steps of a JSON pointer, which bounds how deep the reader of a body recurses.
const MAX_POINTER_STEPS: usize = 16;

/// Why a text names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocatorError {
    /// It begins with no known word.
    #[error("must begin with header:, json:, form:, any-form: or query:")]
    Place,
    /// What follows `header:` is no header name.
    #[error("must name a header after header:")]
    Header,
    /// It is no JSON pointer, or too deep a one.
    #[error("must hold a JSON pointer such as /event/type, of at most {MAX_POINTER_STEPS} steps")]
    Pointer,
    /// What follows `form:`, `any-form:` or `query:` is empty.
    #[error("must name a field after form:, any-form: or query:")]
    Field,
    /// It is a place, and none in a form.
    #[error("must be a field of a form, form:field or any-form:field")]
    Form,
}

impl FromStr for Locator {
    type Err = LocatorError;

    /// `header:NAME`, `json:/POINTER`, `form:FIELD`, `form:FIELD#/POINTER`, `any-form:FIELD` or `query:FIELD`.
    fn from_str(text: &str) -> Result<Self, LocatorError> {
        let (place, rest) = text.split_once(':').ok_or(LocatorError::Place)?;
        match place {
            "header" => rest.parse::<HeaderName>().map(Self::Header).map_err(|_| LocatorError::Header),
            "json" => pointer(rest).map(Self::Json),
            "form" => form_locator(rest),
            "query" | "any-form" if rest.is_empty() => Err(LocatorError::Field),
            "any-form" => Ok(Self::AnyForm(rest.to_owned())),
            "query" => Ok(Self::Query(rest.to_owned())),
            _ => Err(LocatorError::Place),
        }
    }
}

fn form_locator(text: &str) -> Result<Locator, LocatorError> {
    let (field, inner) = text.split_once('#').map_or((text, None), |(field, inner)| (field, Some(inner)));
    if field.is_empty() {
        return Err(LocatorError::Field);
    }
    let field = field.to_owned();
    match inner {
        Some(inner) => Ok(Locator::FormJson { field, pointer: pointer(inner)? }),
        None => Ok(Locator::Form(field)),
    }
}

/// An RFC 6901 pointer that points inside the document.
pub(super) fn pointer(text: &str) -> Result<String, LocatorError> {
    let escapes_hold = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    let steps = text.matches('/').count();
    if !text.starts_with('/') || !escapes_hold || steps > MAX_POINTER_STEPS {
        return Err(LocatorError::Pointer);
    }
    Ok(text.to_owned())
}

impl fmt::Display for Locator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(formatter, "header:{name}"),
            Self::Json(pointer) => write!(formatter, "json:{pointer}"),
            Self::Form(field) => write!(formatter, "form:{field}"),
            Self::FormJson { field, pointer } => write!(formatter, "form:{field}#{pointer}"),
            Self::AnyForm(field) => write!(formatter, "any-form:{field}"),
            Self::Query(field) => write!(formatter, "query:{field}"),
        }
    }
}

/// What stands at each pointer of a JSON body, told apart from what is no text; of any length.
#[must_use]
pub fn members(pointers: &[&str], body: &[u8]) -> Option<Few<Found>> {
    json::read(body, pointers)
}

/// What stands at each place, in the order of the places. The body is read at most once as JSON and once as a form.
#[must_use]
pub fn find(places: &[&Locator], head: &Head, body: &RawBody) -> Few<Option<String>> {
    let mut found: Few<Option<String>> = places.iter().map(|place| header_field(place, head)).collect();
    if places.iter().any(|place| !is_in_head(place)) {
        let bytes = body.contiguous();
        find_json(places, &bytes, &mut found);
        find_form(places, &bytes, &mut found);
        find_any_form(places, head, &bytes, &mut found);
    }
    for field in &mut found {
        *field = field.take().filter(is_field);
    }
    found
}

/// Whether a place is one of the head.
#[must_use]
const fn is_in_head(place: &Locator) -> bool {
    matches!(place, Locator::Header(_) | Locator::Query(_))
}

#[expect(clippy::ptr_arg, reason = "a filter of what is found")]
fn is_field(text: &String) -> bool {
    !text.is_empty() && text.len() <= MAX_FIELD_BYTES
}

fn header_field(place: &Locator, head: &Head) -> Option<String> {
    let name = match place {
        Locator::Header(name) => name,
        Locator::Query(field) => return form::Form::parse(head.query()?.as_bytes())?.field(field),
        Locator::Json(_) | Locator::Form(_) | Locator::AnyForm(_) | Locator::FormJson { .. } => return None,
    };
    match head.single(name) {
        Single::One(value) => value.to_str().ok().map(str::to_owned),
        Single::Missing | Single::Repeated => None,
    }
}

fn find_json(places: &[&Locator], body: &[u8], found: &mut [Option<String>]) {
    let mut goals: Few<json::Goal<'_>> = Few::new();
    for place in places {
        if let Locator::Json(pointer) = place {
            goals.push(json::Goal::new(pointer));
        }
    }
    if goals.is_empty() || json::seek(body, &mut goals).is_none() {
        return;
    }
    let slots = places.iter().zip(found).filter(|(place, _)| matches!(place, Locator::Json(_)));
    for ((_, slot), goal) in slots.zip(goals) {
        *slot = goal.found.into_text();
    }
}

fn find_form(places: &[&Locator], body: &[u8], found: &mut [Option<String>]) {
    let is_form = |place: &&Locator| matches!(place, Locator::Form(_) | Locator::FormJson { .. });
    if !places.iter().any(is_form) {
        return;
    }
    let Some(form) = form::Form::parse(body) else { return };
    for (place, slot) in places.iter().zip(found) {
        match place {
            Locator::Form(field) => *slot = form.field(field),
            Locator::FormJson { field, pointer } => {
                let inner = form.field(field);
                *slot = inner.and_then(|inner| json::pick(inner.as_bytes(), pointer));
            }
            Locator::Header(_) | Locator::Json(_) | Locator::AnyForm(_) | Locator::Query(_) => {}
        }
    }
}

fn find_any_form(places: &[&Locator], head: &Head, body: &[u8], found: &mut [Option<String>]) {
    if !places.iter().any(|place| matches!(place, Locator::AnyForm(_))) {
        return;
    }
    let Some(form) = any_form(head, body) else { return };
    for (place, slot) in places.iter().zip(found) {
        if let Locator::AnyForm(field) = place {
            *slot = form.field(field);
        }
    }
}

/// The body as a form of the kind that its content type names.
#[must_use]
pub fn any_form<'b>(head: &Head, body: &'b [u8]) -> Option<multipart::AnyForm<'b>> {
    let content_type = match head.single(&CONTENT_TYPE) {
        Single::One(value) => Some(value.to_str().ok()?),
        Single::Missing => None,
        Single::Repeated => return None,
    };
    multipart::AnyForm::parse(content_type, body)
}

#[cfg(test)]
mod tests;
