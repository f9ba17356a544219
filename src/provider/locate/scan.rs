//! A JSON text, walked over without being built: where each value ends, and whether it is JSON at all (RFC 8259).
//!
//! Invariants: exactly what `serde_json` skips is skipped, and what it refuses ends the scan (the tests hold both against each
//! other); nothing recurses, and each byte is looked at once. Of a string that is skipped the encoding is not looked at.
//!
//! The place is one number, and the small steps are inlined: each step waits for the one before, and of a shrinking slice both
//! ends would have to be stored and loaded for each.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::mark::mark;

/// What begins at a place.
enum Begun {
    /// A value that is over already.
    Whole,
    /// A list or an object with something in it.
    Open { close: u8 },
}

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
pub(super) struct Scan<'j> {
    bytes: &'j [u8],
    at: usize,
}

impl<'j> Scan<'j> {
    pub(super) const fn new(text: &'j [u8]) -> Self {
        Self { bytes: text, at: 0 }
    }

    /// The next byte that is no white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.step(),
                byte => return byte.copied(),
            }
        }
    }

    /// Where it stands.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// What was read since it stood at a place.
    pub(super) fn since(&self, start: usize) -> &'j [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Steps over one byte.
    #[inline]
    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Steps over the next byte if it is the given one.
    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.step();
        }
        is_next
    }

    /// Steps over what opens a list or an object, and over what closes it where nothing is in it: whether something is.
    #[inline]
    pub(super) fn enter(&mut self, close: u8) -> bool {
        self.step();
        !self.take(close)
    }

    /// Steps over the comma between two members or elements, or over what closes them: whether there is another.
    #[inline]
    pub(super) fn goes_on(&mut self, close: u8) -> Option<bool> {
        let goes_on = match self.peek()? {
            b',' => true,
            byte if byte == close => false,
            _ => return None,
        };
        self.step();
        Some(goes_on)
    }

    /// A key, in UTF-8, and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Option<Cow<'j, [u8]>> {
        let name = self.name()?;
        if name.is_escaped {
            return serde_json::from_slice(name.raw).ok().map(|key: String| Cow::Owned(key.into_bytes()));
        }
        let key = name.inner();
        (key.is_ascii() || std::str::from_utf8(key).is_ok()).then_some(Cow::Borrowed(key))
    }

    #[inline]
    fn name(&mut self) -> Option<Quoted<'j>> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let name = self.string()?;
        self.take(b':').then_some(name)
    }

    /// Steps over one value.
    #[inline]
    pub(super) fn skip(&mut self) -> Option<()> {
        match self.begin()? {
            Begun::Whole => Some(()),
            Begun::Open { close } => self.finish(close),
        }
    }

    /// Steps over the rest of a list or an object that was begun.
    fn finish(&mut self, close: u8) -> Option<()> {
        let mut open: SmallVec<[u8; 32]> = SmallVec::new();
        open.push(close);
        loop {
            if let Begun::Open { close } = self.begin()? {
                open.push(close);
                continue;
            }
            while let Some(close) = open.last().copied() {
                if self.goes_on(close)? {
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
            if open.is_empty() {
                return Some(());
            }
        }
    }

    /// Steps over a whole scalar or an empty list or object; of one with something in it over what stands before its first
    /// value, and gives what closes it.
    #[inline]
    fn begin(&mut self) -> Option<Begun> {
        match self.peek()? {
            b'{' if self.enter(b'}') => {
                self.name()?;
                return Some(Begun::Open { close: b'}' });
            }
            b'[' if self.enter(b']') => return Some(Begun::Open { close: b']' }),
            b'{' | b'[' => {}
            first => {
                self.scalar(first)?;
            }
        }
        Some(Begun::Whole)
    }

    /// Steps over a value that begins with this byte, which opens no list and no object.
    #[inline]
    pub(super) fn scalar(&mut self, first: u8) -> Option<Scalar<'j>> {
        match first {
            b'"' => self.string().map(Scalar::String),
            b't' => self.word(b"true").map(|()| Scalar::Boolean(true)),
            b'f' => self.word(b"false").map(|()| Scalar::Boolean(false)),
            b'n' => self.word(b"null").map(|()| Scalar::Null),
            _ => self.number().map(Scalar::Number),
        }
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at.checked_add(word.len())?;
        (self.bytes.get(self.at..end)? == word).then(|| self.at = end)
    }

    /// Steps over a string that begins here.
    #[inline]
    fn string(&mut self) -> Option<Quoted<'j>> {
        let inside = self.at.checked_add(1)?;
        let end = mark(self.bytes.get(inside..)?)?.checked_add(inside)?;
        if self.bytes.get(end) == Some(&b'"') { self.quoted(end, false) } else { self.escaped(end) }
    }

    /// The same for one that has its first escape at a place. Out of the way of the many that have none.
    #[inline(never)]
    fn escaped(&mut self, first: usize) -> Option<Quoted<'j>> {
        let mut at = first;
        loop {
            let escape = match self.bytes.get(at..)? {
                [b'"', ..] => return self.quoted(at, true),
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
            at = at.checked_add(escape)?;
            at = at.checked_add(mark(self.bytes.get(at..)?)?)?;
        }
    }

    /// Steps over the string whose closing quote stands at a place.
    #[inline]
    fn quoted(&mut self, end: usize, is_escaped: bool) -> Option<Quoted<'j>> {
        let behind = end.checked_add(1)?;
        let raw = self.bytes.get(self.at..behind)?;
        self.at = behind;
        Some(Quoted { raw, is_escaped })
    }

    #[inline]
    fn number(&mut self) -> Option<&'j [u8]> {
        let start = self.at;
        self.skip_one_of(b"-");
        if !self.skip_one_of(b"0") {
            self.digits()?;
        }
        if self.skip_one_of(b".") {
            self.digits()?;
        }
        if self.skip_one_of(b"eE") {
            self.skip_one_of(b"+-");
            self.digits()?;
        }
        self.bytes.get(start..self.at)
    }

    #[inline]
    fn skip_one_of(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.bytes.get(self.at).is_some_and(|byte| bytes.contains(byte));
        if is_next {
            self.step();
        }
        is_next
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Option<()> {
        let count = self.bytes.get(self.at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at = self.at.checked_add(count)?;
        (count > 0).then_some(())
    }
}

impl<'j> Quoted<'j> {
    /// Between the quotes.
    pub(super) const fn inner(&self) -> &'j [u8] {
        match self.raw {
            [_, inner @ .., _] => inner,
            _ => &[],
        }
    }
}
