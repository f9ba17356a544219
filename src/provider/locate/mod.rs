//! Where a field stands in a request: the words for a place, and finding what stands there.
//!
//! Invariants: a place that holds two values holds none, since two readers could disagree; a field is text of bounded
//! length, or absent. Nothing here says whether a field is signed: that is [`super::coverage`].

pub mod canonical;
mod compact;
mod cursor;
pub mod form;
mod json;
pub mod lookalike;
mod mark;
pub mod multipart;
mod number;
mod pointer;
mod scan;

pub use compact::compact;
pub use json::Found;
pub use pointer::Pointer;

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
    #[error("must hold a JSON pointer such as /event/type, of at most {MAX_POINTER_STEPS} steps", MAX_POINTER_STEPS = pointer::MAX_POINTER_STEPS)]
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
            "json" => rest.parse().map(Self::Json),
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
        Some(inner) => Ok(Locator::FormJson { field, pointer: inner.parse()? }),
        None => Ok(Locator::Form(field)),
    }
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
pub fn members(pointers: &[&Pointer], body: &[u8]) -> Option<Few<Found>> {
    json::read(body, pointers)
}

/// The one text that a JSON body holds at a pointer.
#[must_use]
pub fn member(pointer: &Pointer, body: &RawBody) -> Option<String> {
    json::pick(&body.contiguous(), pointer).filter(is_field)
}

/// What stands at each place, in the order of the places. The body is read at most once as JSON and once as a form.
#[must_use]
pub fn find(places: &[&Locator], head: &Head, body: &RawBody) -> Few<Option<String>> {
    let mut found = Few::new();
    let mut goals: Few<json::Goal<'_>> = Few::new();
    let (mut is_in_form, mut is_in_any_form) = (false, false);
    for (index, place) in places.iter().enumerate() {
        let mut in_head = None;
        match place {
            Locator::Header(name) => in_head = header_field(name, head),
            Locator::Query(field) => in_head = query_field(field, head),
            Locator::Json(pointer) => goals.push(json::Goal::new(pointer, index)),
            Locator::Form(_) | Locator::FormJson { .. } => is_in_form = true,
            Locator::AnyForm(_) => is_in_any_form = true,
        }
        found.push(in_head);
    }
    if !goals.is_empty() {
        find_json(&mut goals, body, &mut found);
    }
    if is_in_form {
        find_form(places, &body.contiguous(), &mut found);
    }
    if is_in_any_form {
        find_any_form(places, head, &body.contiguous(), &mut found);
    }
    found
}

const fn has_length_of_field(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_FIELD_BYTES
}

#[expect(clippy::ptr_arg, reason = "a filter of what is found")]
fn is_field(text: &String) -> bool {
    has_length_of_field(text)
}

fn query_field(name: &str, head: &Head) -> Option<String> {
    form::Form::parse(head.query()?.as_bytes())?.field(name).filter(is_field)
}

fn header_field(name: &HeaderName, head: &Head) -> Option<String> {
    let Single::One(value) = head.single(name) else { return None };
    // What a header's value may hold is all visible in ASCII.
    let text = std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii() && has_length_of_field(text))?;
    Some(text.to_owned())
}

fn find_json(goals: &mut [json::Goal<'_>], body: &RawBody, found: &mut [Option<String>]) {
    if json::seek(&body.contiguous(), goals).is_none() {
        return;
    }
    for goal in goals {
        if let Some(slot) = found.get_mut(goal.index) {
            *slot = goal.take_text().filter(is_field);
        }
    }
}

fn find_form(places: &[&Locator], body: &[u8], found: &mut [Option<String>]) {
    let Some(form) = form::Form::parse(body) else { return };
    for (place, slot) in places.iter().zip(found) {
        match place {
            Locator::Form(field) => *slot = form.field(field).filter(is_field),
            Locator::FormJson { field, pointer } => {
                let inner = form.field(field);
                *slot = inner.and_then(|inner| json::pick(inner.as_bytes(), pointer)).filter(is_field);
            }
            Locator::Header(_) | Locator::Json(_) | Locator::AnyForm(_) | Locator::Query(_) => {}
        }
    }
}

fn find_any_form(places: &[&Locator], head: &Head, body: &[u8], found: &mut [Option<String>]) {
    let Some(form) = any_form(head, body) else { return };
    for (place, slot) in places.iter().zip(found) {
        if let Locator::AnyForm(field) = place {
            *slot = form.field(field).filter(is_field);
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
