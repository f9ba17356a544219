//! A JSON text, walked over without being built: where each value ends, and whether it is JSON at all (RFC 8259).
//!
//! Invariants: exactly what `serde_json` skips is skipped, and what it refuses ends the walk (the tests hold both against each
//! other); nothing recurses, and each byte is looked at once. Of a string that is skipped the encoding is not looked at.
//!
//! A place is a number that each step takes and gives, and nothing remembers it: every step waits for the one before, and would
//! wait longer if the place had to be stored and loaded in between.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::mark::mark;

/// A text. Each step takes a place in it and gives the place behind what it stepped over, or `None` for what is no JSON.
#[derive(Clone, Copy)]
pub(super) struct Text<'j>(&'j [u8]);

impl<'j> Text<'j> {
    pub(super) const fn new(text: &'j [u8]) -> Self {
        Self(text)
    }

    /// What stands between two places.
    pub(super) fn between(self, from: usize, to: usize) -> Option<&'j [u8]> {
        self.0.get(from..to)
    }

    /// Where the next byte that is no white space stands, and that byte.
    #[inline]
    pub(super) fn peek(self, mut at: usize) -> Option<(usize, u8)> {
        loop {
            match *self.0.get(at)? {
                b' ' | b'\n' | b'\t' | b'\r' => at = at.checked_add(1)?,
                byte => return Some((at, byte)),
            }
        }
    }

    /// Steps into a list or an object that begins here, and over what closes it where nothing is in it: whether something is.
    #[inline]
    pub(super) fn enter(self, close: u8, at: usize) -> Option<(usize, bool)> {
        let (at, next) = self.peek(at.checked_add(1)?)?;
        if next == close { Some((at.checked_add(1)?, false)) } else { Some((at, true)) }
    }

    /// Steps over the comma between two members or elements, or over what closes them: whether there is another.
    #[inline]
    pub(super) fn goes_on(self, close: u8, at: usize) -> Option<(usize, bool)> {
        let (at, next) = self.peek(at)?;
        let goes_on = next == b',';
        (goes_on || next == close).then_some((at.checked_add(1)?, goes_on))
    }

    /// A key, in UTF-8, and the place behind its colon.
    #[inline]
    pub(super) fn key(self, at: usize) -> Option<(Cow<'j, [u8]>, usize)> {
        let (at, b'"') = self.peek(at)? else { return None };
        let end = self.string(at)?;
        let raw = self.between(at, end)?;
        let key = inner(raw);
        let key = if key.contains(&b'\\') {
            Cow::Owned(serde_json::from_slice::<String>(raw).ok()?.into_bytes())
        } else {
            (key.is_ascii() || std::str::from_utf8(key).is_ok()).then_some(Cow::Borrowed(key))?
        };
        Some((key, self.colon(end)?))
    }

    /// Steps over a key, whatever it is, and its colon.
    #[inline]
    fn name(self, at: usize) -> Option<usize> {
        let (at, b'"') = self.peek(at)? else { return None };
        self.colon(self.string(at)?)
    }

    #[inline]
    fn colon(self, at: usize) -> Option<usize> {
        let (at, b':') = self.peek(at)? else { return None };
        at.checked_add(1)
    }

    /// Steps over one value.
    pub(super) fn skip(self, mut at: usize) -> Option<usize> {
        let mut open: SmallVec<[u8; 32]> = SmallVec::new();
        loop {
            let (begins, first) = self.peek(at)?;
            at = match first {
                b'{' | b'[' => {
                    let close = if first == b'{' { b'}' } else { b']' };
                    let (inside, has_any) = self.enter(close, begins)?;
                    if has_any {
                        open.push(close);
                        at = if close == b'}' { self.name(inside)? } else { inside };
                        continue;
                    }
                    inside
                }
                _ => self.scalar(first, begins)?,
            };
            while let Some(close) = open.last().copied() {
                let (behind, goes_on) = self.goes_on(close, at)?;
                at = behind;
                if goes_on {
                    at = if close == b'}' { self.name(at)? } else { at };
                    break;
                }
                open.pop();
            }
            if open.is_empty() {
                return Some(at);
            }
        }
    }

    /// Steps over a value that begins here with this byte, which opens no list and no object.
    #[inline]
    pub(super) fn scalar(self, first: u8, at: usize) -> Option<usize> {
        match first {
            b'"' => self.string(at),
            b't' => self.word(b"true", at),
            b'f' => self.word(b"false", at),
            b'n' => self.word(b"null", at),
            _ => self.number(at),
        }
    }

    #[inline]
    fn word(self, word: &[u8], at: usize) -> Option<usize> {
        let end = at.checked_add(word.len())?;
        (self.between(at, end)? == word).then_some(end)
    }

    /// Steps over a string that begins here.
    #[inline]
    fn string(self, at: usize) -> Option<usize> {
        let end = mark(self.0, at.checked_add(1)?)?;
        if self.0.get(end) == Some(&b'"') { end.checked_add(1) } else { self.escaped(end) }
    }

    /// The same for one that has its first escape at a place. Out of the way of the many that have none.
    #[inline(never)]
    fn escaped(self, first: usize) -> Option<usize> {
        let mut at = first;
        loop {
            let escape = match self.0.get(at..)? {
                [b'"', ..] => return at.checked_add(1),
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
            at = mark(self.0, at.checked_add(escape)?)?;
        }
    }

    #[inline]
    fn number(self, at: usize) -> Option<usize> {
        let mut at = self.over_one_of(b"-", at);
        at = match self.0.get(at)? {
            b'0' => at.checked_add(1)?,
            _ => self.digits(at)?,
        };
        if self.0.get(at) == Some(&b'.') {
            at = self.digits(at.checked_add(1)?)?;
        }
        if matches!(self.0.get(at), Some(b'e' | b'E')) {
            at = self.digits(self.over_one_of(b"+-", at.checked_add(1)?))?;
        }
        Some(at)
    }

    #[inline]
    fn over_one_of(self, bytes: &[u8], at: usize) -> usize {
        let is_next = self.0.get(at).is_some_and(|byte| bytes.contains(byte));
        at.saturating_add(usize::from(is_next))
    }

    /// One digit or more.
    #[inline]
    fn digits(self, at: usize) -> Option<usize> {
        let count = self.0.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count > 0 { at.checked_add(count) } else { None }
    }
}

/// What stands between the quotes of a string.
pub(super) const fn inner(raw: &[u8]) -> &[u8] {
    match raw {
        [_, inner @ .., _] => inner,
        _ => &[],
    }
}
