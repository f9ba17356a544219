//! An `application/x-www-form-urlencoded` body, read strictly.
//!
//! Strict, because the content type is not signed: JSON text such as `{"text":"&command=x"}` must not read as a form that
//! holds `command`. A raw brace, bracket, quote, space or byte outside ASCII makes the body no form at all.

use super::lookalike;

/// A body that is a form.
#[derive(Clone, Copy, Debug)]
pub struct Form<'b> {
    text: &'b str,
}

impl<'b> Form<'b> {
    /// The body as a form; `None` when a byte of it cannot stand in one.
    #[must_use]
    pub fn parse(body: &'b [u8]) -> Option<Self> {
        if !body.iter().all(|byte| may_stand(*byte)) {
            return None;
        }
        std::str::from_utf8(body).ok().map(|text| Self { text })
    }

    /// The value of the one field of a name; `None` when it stands twice or does not decode.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let pairs = self.text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut values = pairs.filter(|(key, _)| decode(key).is_some_and(|key| key == name));
        let (_, value) = values.next()?;
        if values.next().is_some() {
            return None;
        }
        decode(value)
    }

    /// Whether it has at most [`FIELDS_MAX`] fields, so that a stranger's form costs little.
    #[must_use]
    pub fn is_small(&self) -> bool {
        self.text.matches('&').count() < FIELDS_MAX
    }

    /// Whether a field has the name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.text.split('&').any(|pair| decode(pair.split_once('=').unwrap_or((pair, "")).0).is_some_and(|key| key == name))
    }

    /// Whether a field could be taken for another of a name, or has a name that is none.
    #[must_use]
    pub fn has_lookalike(&self, name: &str) -> bool {
        let keys: Option<Vec<String>> =
            self.text.split('&').map(|pair| decode(pair.split_once('=').unwrap_or((pair, "")).0)).collect();
        keys.is_none_or(|keys| lookalike::in_form(name, keys.iter().map(String::as_str)))
    }

    /// All fields, decoded; `None` when one does not decode, or there are more than [`FIELDS_MAX`].
    #[must_use]
    pub fn fields(&self) -> Option<Vec<(String, String)>> {
        if self.text.is_empty() {
            return Some(Vec::new());
        }
        if !self.is_small() {
            return None;
        }
        let pairs = self.text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.map(|(key, value)| Some((decode(key)?, decode(value)?))).collect()
    }
}

/// The most fields of a form that is read before it is verified; providers send some dozens.
pub const FIELDS_MAX: usize = 1000;

fn may_stand(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!*'()$,;:@/?%+=&".contains(&byte)
}

/// Undoes percent-encoding and `+`; `None` for a broken escape or text that is not UTF-8.
pub(in crate::provider) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
