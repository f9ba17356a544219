//! A query whose fields are signed, put together. Pure.

use crate::provider::locate::form::Form;
use crate::provider::scheme::{Locator, Part, QueryField, Scheme, TimestampPlace};

/// The content: fixed text, and the fields that are signed with nothing between.
pub(super) fn content(scheme: &Scheme, fields: &[(String, String)]) -> String {
    let written = scheme.content.iter().map(|part| match part {
        Part::Literal(text) => text.clone(),
        Part::SortedQuery(list) => list.iter().map(|field| written(field, fields)).collect::<Vec<_>>().concat(),
        _ => String::new(),
    });
    written.collect::<Vec<_>>().concat()
}

fn written(field: &QueryField, fields: &[(String, String)]) -> String {
    let values: Vec<&str> = fields.iter().filter(|(name, _)| *name == field.name).map(|(_, value)| value.as_str()).collect();
    if values.is_empty() { String::new() } else { format!("{}={}", field.name, values.join(",")) }
}

/// The fields that must be there and are not: the time where it is one of them, and else the id.
pub(super) fn missing(scheme: &Scheme, query: &str, timestamp: &str, id: &str) -> Vec<(String, String)> {
    let given = given(query);
    let time = match scheme.timestamp.as_ref().map(|rule| &rule.place) {
        Some(TimestampPlace::Form(Locator::Query(name))) => Some(name),
        _ => None,
    };
    let lists = scheme.content.iter().filter_map(|part| match part {
        Part::SortedQuery(list) => Some(list),
        _ => None,
    });
    let wanted = lists.flatten().filter(|field| !field.is_optional && !given.iter().any(|(name, _)| *name == field.name));
    wanted.map(|field| (field.name.clone(), if time == Some(&field.name) { timestamp } else { id }.to_owned())).collect()
}

/// The fields that a query has already.
pub(super) fn given(query: &str) -> Vec<(String, String)> {
    Form::parse(query.as_bytes()).and_then(|form| form.fields()).unwrap_or_default()
}
