//! The body was changed on its way, or as it was captured: what would undo that.

use std::borrow::Cow;

use super::json_text::{self, Spacing, Spelling};
use super::{BODY_BYTES_MAX, Cause, Trial};
use crate::provider::scheme::Part;

/// The field that providers put JSON into, where they send a form.
const FORM_FIELDS: [&str; 4] = ["payload", "data", "body", "json"];

pub(super) fn causes(trial: &Trial<'_>) -> Vec<Cause> {
    let body = trial.subject.body;
    if trial.scheme().content.contains(&Part::NoBody) {
        return unsigned(trial).into_iter().collect();
    }
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    if body.is_empty() || body.len() > BODY_BYTES_MAX || !trial.scheme().covers_body() {
        return Vec::new();
    }
    [json(trial, text), line_ends(trial, text), last_line(trial, text), form(trial, text)].into_iter().flatten().collect()
}

/// One that came where none is signed.
fn unsigned(trial: &Trial<'_>) -> Option<Cause> {
    let holds = !trial.subject.body.is_empty() && trial.holds_with_body("");
    holds.then(|| Cause::new("body-unsigned", "a body came that no signature covers: it would verify without one"))
}

/// JSON that somebody parsed and wrote anew.
fn json(trial: &Trial<'_>, text: &str) -> Option<Cause> {
    let mut styles = Spelling::ALL.into_iter().flat_map(|spelling| Spacing::ALL.map(|spacing| (spacing, spelling)));
    let (spacing, _) = styles.find(|(spacing, spelling)| {
        let Some(written) = json_text::rewrite(text, *spacing, *spelling) else { return false };
        written != text && (trial.holds_with_body(written.clone()) || trial.holds_with_body(written + "\n"))
    })?;
    let how = spacing.describe();
    let what = if spacing == Spacing::Compact { "re-serialised, or pretty-printed" } else { "re-serialised" };
    Some(Cause::new("body-json", format!("the body was {what}: it was signed as JSON {how}")))
}

fn line_ends(trial: &Trial<'_>, text: &str) -> Option<Cause> {
    let lf = text.replace("\r\n", "\n");
    let crlf = lf.replace('\n', "\r\n");
    let tries = [(lf, "LF, and has CRLF here"), (crlf, "CRLF, and has LF here")];
    let (_, how) = tries.into_iter().find(|(other, _)| other != text && trial.holds_with_body(other.clone()))?;
    Some(Cause::new("body-line-ends", format!("the body's line ends were changed: it was signed with {how}")))
}

fn last_line(trial: &Trial<'_>, text: &str) -> Option<Cause> {
    let bare = text.trim_end_matches(['\r', '\n']);
    let without = [bare, text.strip_suffix('\n').unwrap_or(text)];
    if without.into_iter().any(|other| other != text && trial.holds_with_body(other.to_owned())) {
        return Some(Cause::new("body-trailing-newline", "the body has a trailing newline that was not signed"));
    }
    let with = ["\n", "\r\n"].map(|end| format!("{bare}{end}"));
    let lacks = with.into_iter().any(|other| other != text && trial.holds_with_body(other));
    lacks.then(|| Cause::new("body-trailing-newline", "the body lacks a trailing newline that was signed"))
}

fn form(trial: &Trial<'_>, text: &str) -> Option<Cause> {
    let mut encoded = FORM_FIELDS.iter().flat_map(|field| {
        let spaces = ["+", "%20"].map(|space| format!("{field}={}", encode(text, space)));
        spaces.into_iter().chain(std::iter::once(format!("{field}={text}")))
    });
    if encoded.any(|other| trial.holds_with_body(other)) || trial.holds_with_body(pairs_encoded(text)) {
        return Some(Cause::new("body-form", "the body was decoded from form encoding: it was signed as it was sent"));
    }
    let values = text.split('&').filter_map(|pair| pair.split_once('=')).filter_map(|(_, value)| decode(value));
    let decoded = decode(text).into_iter().chain(values);
    let fits = |other: String| other != text && trial.holds_with_body(other);
    decoded.into_iter().any(fits).then(|| Cause::new("body-form", "the body is form-encoded here, and was signed decoded"))
}

/// A decoded form, encoded again pair by pair.
fn pairs_encoded(text: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, value)) => format!("{}={}", encode(key, "+"), encode(value, "+")),
        None => encode(pair, "+"),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn encode(text: &str, space: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push_str(space),
            _ if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) => encoded.push(char::from(byte)),
            _ => encoded.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]),
        }
    }
    encoded
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase()
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = Cow::from(text.replace('+', " ")).into_owned().into_bytes().into_iter();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}
