//! An `application/x-www-form-urlencoded` body, read strictly.
//!
//! Strict, because the content type is not signed: JSON text such as `{"text":"&command=x"}` must not read as a form that
//! holds `command`. A raw brace, bracket, quote, space or byte outside ASCII makes the body no form at all.

use std::borrow::Cow;
use std::iter;

use memchr::{memchr, memchr_iter, memchr2};

use super::Found;
use super::lookalike::OfForm;

/// A body that is a form.
#[derive(Clone, Copy, Debug)]
pub struct Form<'b> {
    bytes: &'b [u8],
}

impl<'b> Form<'b> {
    /// The body as a form; `None` when a byte of it cannot stand in one.
    #[must_use]
    pub fn parse(body: &'b [u8]) -> Option<Self> {
        body.iter().all(|byte| may_stand(*byte)).then_some(Self { bytes: body })
    }

    /// The field of a name: unclear when it stands twice or does not decode.
    #[must_use]
    pub fn find(&self, name: &str) -> Found {
        let mut values = self.pairs().filter(|(key, _)| is_spelling(key, name));
        match (values.next(), values.next()) {
            (None, _) => Found::Absent,
            (Some((_, value)), None) => decode(value).map_or(Found::Unclear, Found::Text),
            (Some(_), Some(_)) => Found::Unclear,
        }
    }

    /// The value of the one field of a name; `None` when it stands twice or does not decode.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        self.find(name).into_text()
    }

    /// Whether it has at most [`FIELDS_MAX`] fields, so that a stranger's form costs little.
    #[must_use]
    pub fn is_small(&self) -> bool {
        memchr_iter(b'&', self.bytes).count() < FIELDS_MAX
    }

    /// Whether a field has the name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.pairs().any(|(key, _)| is_spelling(key, name))
    }

    /// Whether a field could be taken for another of a name, or has a name that is none.
    #[must_use]
    pub fn has_lookalike(&self, name: &str) -> bool {
        if self.has_other_divider() {
            return true;
        }
        let field = OfForm::new(name);
        self.pairs().any(|(key, _)| decoded_name(key).is_none_or(|key| field.is_taken_for(&key)))
    }

    /// All fields, decoded; `None` when one does not decode, or there are more than [`FIELDS_MAX`].
    #[must_use]
    pub fn fields(&self) -> Option<Vec<(String, String)>> {
        if self.bytes.is_empty() {
            return Some(Vec::new());
        }
        if !self.is_small() || self.has_other_divider() {
            return None;
        }
        self.pairs().map(|(key, value)| Some((decode(key)?, decode(value)?))).collect()
    }

    /// Whether a `;` stands there, which older readers (Rack, Python, Go) divide fields by. Who writes forms escapes it.
    fn has_other_divider(&self) -> bool {
        memchr(b';', self.bytes).is_some()
    }

    /// Keys and values as they stand there.
    fn pairs(self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> {
        self.bytes.split(|byte| *byte == b'&').map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (key, value) = pair.split_at(at);
            (key, value.get(1..).unwrap_or_default())
        })
    }
}

/// The most fields of a form that is read before it is verified; providers send some dozens.
pub const FIELDS_MAX: usize = 1000;

/// Asked for every byte of a body: the compiler makes a table of ranges and single bytes, and a search of a list.
const fn may_stand(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'!' | b'*' | b'\'' | b'(' | b')' | b'$'
        | b',' | b';' | b':' | b'@' | b'/' | b'?' | b'%' | b'+' | b'=' | b'&')
}

/// Undoes percent-encoding and `+`; `None` for a broken escape or text that is not UTF-8.
pub(in crate::provider) fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    for byte in decoded(text) {
        bytes.push(byte?);
    }
    String::from_utf8(bytes).ok()
}

/// A key, decoded where it is written in escapes.
fn decoded_name(key: &[u8]) -> Option<Cow<'_, str>> {
    match memchr2(b'%', b'+', key) {
        None => std::str::from_utf8(key).ok().map(Cow::Borrowed),
        Some(_) => decode(key).map(Cow::Owned),
    }
}

/// Whether a text decodes to a name.
fn is_spelling(text: &[u8], name: &str) -> bool {
    decoded(text).eq(name.bytes().map(Some))
}

/// The bytes of a text, or `None` in the place of a broken escape.
fn decoded(text: &[u8]) -> impl Iterator<Item = Option<u8>> {
    let mut bytes = text.iter().copied();
    iter::from_fn(move || {
        Some(match bytes.next()? {
            b'+' => Some(b' '),
            b'%' => escaped(&mut bytes),
            other => Some(other),
        })
    })
}

fn escaped(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
