//! A place in a JSON text that is remembered from step to step, for walks that do much else in between. The steps are those of
//! [`super::scan`].

use std::borrow::Cow;

use super::scan::Text;

/// A value that is no list and no object.
pub(super) enum Scalar<'j> {
    Null,
    Boolean(bool),
    /// As it stands.
    Number(&'j [u8]),
    String(Quoted<'j>),
}

/// A string as it stands, with its quotes.
pub(super) struct Quoted<'j> {
    pub(super) raw: &'j [u8],
    pub(super) is_escaped: bool,
}

/// A text and how far it was read.
pub(super) struct Cursor<'j> {
    text: Text<'j>,
    at: usize,
}

impl<'j> Cursor<'j> {
    pub(super) const fn new(text: &'j [u8]) -> Self {
        Self { text: Text::new(text), at: 0 }
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let (at, byte) = self.text.peek(self.at)?;
        self.at = at;
        Some(byte)
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// What was read since it stood at a place.
    pub(super) fn since(&self, start: usize) -> &'j [u8] {
        self.text.between(start, self.at).unwrap_or_default()
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Steps over what opens a list or an object, and over what closes it where nothing is in it: whether something is.
    pub(super) fn enter(&mut self, close: u8) -> Option<bool> {
        let (at, has_any) = self.text.enter(close, self.at)?;
        self.at = at;
        Some(has_any)
    }

    /// Steps over the comma between two members or elements, or over what closes them: whether there is another.
    pub(super) fn goes_on(&mut self, close: u8) -> Option<bool> {
        let (at, goes_on) = self.text.goes_on(close, self.at)?;
        self.at = at;
        Some(goes_on)
    }

    /// A key, in UTF-8, and its colon.
    pub(super) fn key(&mut self) -> Option<Cow<'j, [u8]>> {
        let (key, at) = self.text.key(self.at)?;
        self.at = at;
        Some(key)
    }

    /// Steps over one value.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.at = self.text.skip(self.at)?;
        Some(())
    }

    /// Steps over a value that begins with this byte, which opens no list and no object.
    pub(super) fn scalar(&mut self, first: u8) -> Option<Scalar<'j>> {
        let start = self.at;
        self.at = self.text.scalar(first, start)?;
        let raw = self.since(start);
        Some(match first {
            b'"' => Scalar::String(Quoted { raw, is_escaped: raw.contains(&b'\\') }),
            b't' | b'f' => Scalar::Boolean(first == b't'),
            b'n' => Scalar::Null,
            _ => Scalar::Number(raw),
        })
    }
}
