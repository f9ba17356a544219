//! The canonical form of a JSON text (RFC 8785, JCS), for schemes that sign it and not the text.
//!
//! The text itself is what goes on to the receiver, so nothing that it says may be lost in the form that was signed:
//! 1. The text is UTF-8 and one whole object or list. Strings hold no lone surrogates.
//! 2. No object has a key twice, however that is spelt: readers disagree about which counts.
//! 3. Every number is exactly the one that is written in the form, which is what a double of JavaScript can tell apart: no digit
//!    is lost, nothing becomes infinite or zero, and zero has no sign.
//! 4. Lists and objects stand in each other at most [`DEPTH_MAX`] deep, which bounds the recursion, and how often a byte is
//!    moved while members are sorted.
//!
//! Two texts of one form differ in white space, in escapes, in the spelling of the same numbers, and in the order of members.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::cursor::{Cursor, Quoted, Scalar};
use super::number;

/// How deep lists and objects stand in each other at most.
pub const DEPTH_MAX: usize = 64;

/// Why a text has no canonical form, or one in which something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// It is no JSON, or a text, number or word alone.
    #[error("it is no JSON object or list")]
    NoJson,
    /// Lists and objects stand too deep in each other.
    #[error("lists and objects stand more than {DEPTH_MAX} deep in each other")]
    TooDeep,
    /// An object has a key twice.
    #[error("an object in it has a key twice")]
    KeyTwice,
    /// A number is not the one that stands in the form.
    #[error("a number in it is more than a double can hold, or a negative zero")]
    NumberLost,
}

/// The canonical form of a text.
///
/// # Errors
/// [`CanonicalError`] when a rule is broken.
pub fn canonical(json: &[u8]) -> Result<String, CanonicalError> {
    if std::str::from_utf8(json).is_err() {
        return Err(CanonicalError::NoJson);
    }
    let mut writer = Writer { scan: Cursor::new(json), text: String::with_capacity(json.len()) };
    let is_structure = matches!(writer.scan.peek(), Some(b'{' | b'['));
    writer.value(0)?;
    if is_structure && writer.scan.is_at_end() { Ok(writer.text) } else { Err(CanonicalError::NoJson) }
}

/// A member as it is written, with its comma, and its key.
struct Member<'j> {
    written: Range<usize>,
    key: Cow<'j, str>,
}

struct Writer<'j> {
    scan: Cursor<'j>,
    text: String,
}

impl<'j> Writer<'j> {
    fn value(&mut self, depth: usize) -> Result<(), CanonicalError> {
        match self.scan.peek().ok_or(CanonicalError::NoJson)? {
            b'{' | b'[' if depth >= DEPTH_MAX => Err(CanonicalError::TooDeep),
            b'{' => self.object(depth.saturating_add(1)),
            b'[' => self.array(depth.saturating_add(1)),
            first => self.scalar(first),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), CanonicalError> {
        self.text.push('{');
        let start = self.text.len();
        let mut members = Vec::new();
        let mut goes_on = self.scan.enter(b'}').ok_or(CanonicalError::NoJson)?;
        while goes_on {
            members.push(self.member(depth)?);
            goes_on = self.scan.goes_on(b'}').ok_or(CanonicalError::NoJson)?;
        }
        self.sort(start, &mut members)?;
        self.close(start, '}');
        Ok(())
    }

    fn member(&mut self, depth: usize) -> Result<Member<'j>, CanonicalError> {
        let key = self.scan.key().and_then(as_text).ok_or(CanonicalError::NoJson)?;
        let start = self.text.len();
        self.string(&key)?;
        self.text.push(':');
        self.value(depth)?;
        self.text.push(',');
        Ok(Member { written: start..self.text.len(), key })
    }

    /// Puts the members that were written from a place on into their order.
    fn sort(&mut self, start: usize, members: &mut [Member<'_>]) -> Result<(), CanonicalError> {
        let order = |left: &Member<'_>, right: &Member<'_>| by_utf16(&left.key, &right.key);
        if !members.is_sorted_by(|left, right| order(left, right).is_lt()) {
            members.sort_unstable_by(order);
            if members.iter().zip(members.iter().skip(1)).any(|(left, right)| left.key == right.key) {
                return Err(CanonicalError::KeyTwice);
            }
            let written = members.iter().filter_map(|member| self.text.get(member.written.clone()));
            let sorted: String = written.collect();
            self.text.truncate(start);
            self.text.push_str(&sorted);
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), CanonicalError> {
        self.text.push('[');
        let start = self.text.len();
        let mut goes_on = self.scan.enter(b']').ok_or(CanonicalError::NoJson)?;
        while goes_on {
            self.value(depth)?;
            self.text.push(',');
            goes_on = self.scan.goes_on(b']').ok_or(CanonicalError::NoJson)?;
        }
        self.close(start, ']');
        Ok(())
    }

    /// Behind the last of them stands no comma.
    fn close(&mut self, start: usize, close: char) {
        if self.text.len() > start {
            self.text.pop();
        }
        self.text.push(close);
    }

    fn scalar(&mut self, first: u8) -> Result<(), CanonicalError> {
        match self.scan.scalar(first).ok_or(CanonicalError::NoJson)? {
            Scalar::Null => self.text.push_str("null"),
            Scalar::Boolean(true) => self.text.push_str("true"),
            Scalar::Boolean(false) => self.text.push_str("false"),
            Scalar::Number(text) => self.text.push_str(&number::exact(text).ok_or(CanonicalError::NumberLost)?),
            Scalar::String(text) => self.quoted(&text)?,
        }
        Ok(())
    }

    fn quoted(&mut self, text: &Quoted<'_>) -> Result<(), CanonicalError> {
        if text.is_escaped {
            let said: String = serde_json::from_slice(text.raw).map_err(|_| CanonicalError::NoJson)?;
            return self.string(&said);
        }
        // Without an escape there is nothing that has to have one, either.
        self.text.push_str(std::str::from_utf8(text.raw).map_err(|_| CanonicalError::NoJson)?);
        Ok(())
    }

    /// Quotes, backslashes and control characters are escaped, and nothing else is.
    fn string(&mut self, text: &str) -> Result<(), CanonicalError> {
        self.text.push_str(&serde_json::to_string(text).map_err(|_| CanonicalError::NoJson)?);
        Ok(())
    }
}

fn as_text(key: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match key {
        Cow::Borrowed(key) => std::str::from_utf8(key).ok().map(Cow::Borrowed),
        Cow::Owned(key) => String::from_utf8(key).ok().map(Cow::Owned),
    }
}

/// The order of JavaScript's strings, which is that of the bytes in ASCII.
fn by_utf16(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() { left.cmp(right) } else { left.encode_utf16().cmp(right.encode_utf16()) }
}

#[cfg(test)]
mod tests;
