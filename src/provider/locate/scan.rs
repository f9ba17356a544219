//! A JSON text, walked over without being built: where each value ends, and whether it is JSON at all (RFC 8259).
//!
//! Invariants: exactly what `serde_json` skips is skipped, and what it refuses ends the scan (the tests hold both against each
//! other); nothing recurses, and each byte is looked at once. Of a string that is skipped the encoding is not looked at.

use std::borrow::Cow;

use memchr::memchr2;
use smallvec::SmallVec;

const NEAR_BYTES: usize = 24;

/// What begins at a place.
enum Begun {
    /// A value that is over already.
    Whole,
    /// A list or an object with something in it.
    Open { close: u8 },
}

/// A text and how far it was read.
pub(super) struct Scan<'j> {
    bytes: &'j [u8],
    at: usize,
}

impl<'j> Scan<'j> {
    pub(super) const fn new(bytes: &'j [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at = self.at.saturating_add(1),
                byte => return byte.copied(),
            }
        }
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Steps over the next byte if it is the given one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.at = self.at.saturating_add(1);
        }
        is_next
    }

    /// Steps over the comma between two members or elements, or over what closes them: whether there is another.
    pub(super) fn goes_on(&mut self, close: u8) -> Option<bool> {
        if self.take(b',') {
            return Some(true);
        }
        self.take(close).then_some(false)
    }

    /// A key, in UTF-8, and its colon.
    pub(super) fn key(&mut self) -> Option<Cow<'j, [u8]>> {
        let (raw, is_escaped) = self.name()?;
        if !is_escaped {
            let inner = raw.get(1..raw.len().saturating_sub(1))?;
            return (inner.is_ascii() || std::str::from_utf8(inner).is_ok()).then_some(Cow::Borrowed(inner));
        }
        serde_json::from_slice(raw).ok().map(|key: String| Cow::Owned(key.into_bytes()))
    }

    fn name(&mut self) -> Option<(&'j [u8], bool)> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.at;
        let is_escaped = self.string()?;
        let raw = self.bytes.get(start..self.at)?;
        self.take(b':').then_some((raw, is_escaped))
    }

    /// Steps over one value: its bytes.
    pub(super) fn value(&mut self) -> Option<&'j [u8]> {
        self.peek()?;
        let start = self.at;
        let mut open: SmallVec<[u8; 32]> = SmallVec::new();
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
                return self.bytes.get(start..self.at);
            }
        }
    }

    /// Steps over a whole scalar or an empty list or object; of one with something in it over what stands before its first
    /// value, and gives what closes it.
    fn begin(&mut self) -> Option<Begun> {
        match self.peek()? {
            b'{' => {
                self.take(b'{');
                if self.take(b'}') {
                    return Some(Begun::Whole);
                }
                self.name()?;
                return Some(Begun::Open { close: b'}' });
            }
            b'[' => {
                self.take(b'[');
                return Some(if self.take(b']') { Begun::Whole } else { Begun::Open { close: b']' } });
            }
            b'"' => drop(self.string()?),
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(Begun::Whole)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at.checked_add(word.len())?;
        (self.bytes.get(self.at..end)? == word).then(|| self.at = end)
    }

    /// Steps over a string: whether there are escapes in it.
    fn string(&mut self) -> Option<bool> {
        self.at = self.at.checked_add(1)?;
        let mut is_escaped = false;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let (span, end) = rest.split_at_checked(mark(rest)?)?;
            // Every byte is looked at, without a way out: that is many at a time.
            if span.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ' {
                return None;
            }
            let length = match end {
                [b'"', ..] => 1,
                [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [_, b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
            self.at = self.at.checked_add(span.len())?.checked_add(length)?;
            if length == 1 {
                return Some(is_escaped);
            }
            is_escaped = true;
        }
    }

    fn number(&mut self) -> Option<()> {
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
        Some(())
    }

    fn skip_one_of(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.bytes.get(self.at).is_some_and(|byte| bytes.contains(byte));
        if is_next {
            self.at = self.at.saturating_add(1);
        }
        is_next
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at = self.at.checked_add(count)?;
        (count > 0).then_some(())
    }
}

/// Where the next quote or backslash stands. Most strings are shorter than what a search for long ones costs.
fn mark(text: &[u8]) -> Option<usize> {
    let is_mark = |byte: &u8| matches!(byte, b'"' | b'\\');
    let (near, far) = text.split_at_checked(NEAR_BYTES).unwrap_or((text, &[]));
    near.iter().position(is_mark).or_else(|| Some(memchr2(b'"', b'\\', far)?.saturating_add(near.len())))
}
