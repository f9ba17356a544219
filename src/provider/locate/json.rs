//! Members of a JSON text by RFC 6901 pointers, all in one pass, without building the document.
//!
//! Rules:
//! 1. The text must be one whole JSON value; anything else holds no member.
//! 2. A member whose path has a key twice is ambiguous, and so absent: two parsers would disagree about it.
//! 3. Strings, whole numbers and booleans are text. `null`, arrays, objects and fractions are not: a fraction has many
//!    spellings, and a number too large to be whole here would lose digits.
//!
//! Recursion goes only along the pointers, which are short; everything beside them is skipped without recursion
//! ([`super::scan`]). What a member says is left to `serde_json`.

use std::borrow::Cow;

use serde_json::Number;

use super::Few;
use super::scan::Scan;

/// One bit a pointer. More pointers than bits are never asked for: a scheme's places are bounded when it is read.
type Mask = u64;

/// The text at a pointer.
pub(super) fn pick(json: &[u8], pointer: &str) -> Option<String> {
    read(json, &[pointer])?.pop()?.into_text()
}

/// What stands at each pointer; `None` for what is not one JSON value.
pub(super) fn read(json: &[u8], pointers: &[&str]) -> Option<Few<Found>> {
    let mut goals: Few<Goal<'_>> = pointers.iter().map(|pointer| Goal::new(pointer)).collect();
    seek(json, &mut goals)?;
    Some(goals.into_iter().map(|goal| goal.found).collect())
}

/// Finds what stands at each goal; `None` for what is not one JSON value.
pub(super) fn seek(json: &[u8], goals: &mut [Goal<'_>]) -> Option<()> {
    let everything = (0..goals.len()).fold(0, |mask, index| mask | bit(index));
    let mut walk = Walk { goals, scan: Scan::new(json) };
    walk.value(everything, 0)?;
    walk.scan.is_at_end().then_some(())
}

/// What stands at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or `null`.
    Absent,
    /// Text.
    Text(String),
    /// A value that is no text, or two of them.
    Unclear,
}

impl Found {
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Unclear => None,
        }
    }
}

/// A pointer, how many steps it has, and what stands there.
pub(super) struct Goal<'p> {
    pointer: &'p str,
    steps: usize,
    pub(super) found: Found,
}

impl<'p> Goal<'p> {
    pub(super) fn new(pointer: &'p str) -> Self {
        let steps = pointer.bytes().filter(|byte| *byte == b'/').count();
        Self { pointer, steps, found: Found::Absent }
    }
}

struct Walk<'w, 'p, 'j> {
    goals: &'w mut [Goal<'p>],
    scan: Scan<'j>,
}

/// The way on of one pointer.
struct Way<'p> {
    /// Its next step, still escaped.
    step: &'p str,
    is_escaped: bool,
    mask: Mask,
}

impl<'p> Walk<'_, 'p, '_> {
    /// One value on the path of the active pointers.
    fn value(&mut self, active: Mask, depth: usize) -> Option<()> {
        if active == 0 {
            return self.scan.value().map(|_| ());
        }
        match self.scan.peek()? {
            b'{' => self.object(active, depth),
            b'[' => self.array(active, depth),
            _ => self.scalar(active, depth),
        }
    }

    fn object(&mut self, active: Mask, depth: usize) -> Option<()> {
        self.each_ending(active, depth, |found| *found = Found::Unclear);
        let ways = self.ways(active, depth);
        self.scan.take(b'{');
        if self.scan.take(b'}') {
            return Some(());
        }
        let mut seen: Mask = 0;
        loop {
            let key = self.scan.key()?;
            let following = ways.iter().filter(|way| way.names(&key)).fold(0, |mask, way| mask | way.mask);
            self.each(following & seen, |found| *found = Found::Unclear);
            self.value(following & !seen, depth.saturating_add(1))?;
            seen |= following;
            if !self.scan.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    fn array(&mut self, active: Mask, depth: usize) -> Option<()> {
        self.each_ending(active, depth, |found| *found = Found::Unclear);
        let ways = self.ways(active, depth);
        self.scan.take(b'[');
        if self.scan.take(b']') {
            return Some(());
        }
        for index in 0_u64.. {
            let following = ways.iter().filter(|way| way.is_index(index)).fold(0, |mask, way| mask | way.mask);
            self.value(following, depth.saturating_add(1))?;
            if !self.scan.goes_on(b']')? {
                break;
            }
        }
        Some(())
    }

    fn scalar(&mut self, active: Mask, depth: usize) -> Option<()> {
        let raw = self.scan.value()?;
        let said = said(raw)?;
        self.each_ending(active, depth, |found| match (&said, &*found) {
            (Said::Text(text), Found::Absent) => *found = Found::Text((**text).to_owned()),
            (Said::Fraction, _) => *found = Found::Unclear,
            _ => {}
        });
        Some(())
    }

    /// The ways on of the active pointers that do not end at this depth.
    fn ways(&self, active: Mask, depth: usize) -> Few<Way<'p>> {
        let mut ways = Few::new();
        for (index, goal) in self.goals.iter().enumerate() {
            if active & bit(index) != 0
                && let Some(step) = step(goal.pointer, depth)
            {
                ways.push(Way { step, is_escaped: step.bytes().any(|byte| byte == b'~'), mask: bit(index) });
            }
        }
        ways
    }

    fn each(&mut self, active: Mask, mut change: impl FnMut(&mut Found)) {
        for (index, goal) in self.goals.iter_mut().enumerate() {
            if active & bit(index) != 0 {
                change(&mut goal.found);
            }
        }
    }

    fn each_ending(&mut self, active: Mask, depth: usize, mut change: impl FnMut(&mut Found)) {
        for (index, goal) in self.goals.iter_mut().enumerate() {
            if active & bit(index) != 0 && goal.steps == depth {
                change(&mut goal.found);
            }
        }
    }
}

impl Way<'_> {
    fn names(&self, key: &[u8]) -> bool {
        if self.is_escaped { unescaped(self.step).as_bytes() == key } else { self.step.as_bytes() == key }
    }

    /// In decimal, as it is written.
    fn is_index(&self, index: u64) -> bool {
        let is_digits = self.step.len() <= 20 && self.step.bytes().all(|byte| byte.is_ascii_digit());
        is_digits && (self.step.len() == 1 || !self.step.starts_with('0')) && self.step.parse() == Ok(index)
    }
}

fn bit(index: usize) -> Mask {
    u32::try_from(index).ok().and_then(|index| Mask::checked_shl(1, index)).unwrap_or(0)
}

/// The step of a pointer at a depth, still escaped; `None` past its end.
///
/// Byte by byte: steps are a few bytes long, and a search that is made for long texts costs more than the whole walk.
fn step(pointer: &str, depth: usize) -> Option<&str> {
    let slash = |text: &str| text.bytes().position(|byte| byte == b'/');
    let mut rest = pointer;
    for _ in 0..=depth {
        rest = rest.get(slash(rest)?.saturating_add(1)..)?;
    }
    rest.get(..slash(rest).unwrap_or(rest.len()))
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// What a string, number, boolean or `null` says.
enum Said<'j> {
    Nothing,
    Text(Cow<'j, str>),
    Fraction,
}

/// `None` for what is not well formed after all.
fn said(raw: &[u8]) -> Option<Said<'_>> {
    let plain = |text| std::str::from_utf8(text).ok().map(|text| Said::Text(Cow::Borrowed(text)));
    match raw {
        b"null" => Some(Said::Nothing),
        b"true" | b"false" => plain(raw),
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => plain(inner),
        [b'"', ..] => serde_json::from_slice(raw).ok().map(|text: String| Said::Text(Cow::Owned(text))),
        _ => {
            let number: Number = serde_json::from_slice(raw).ok()?;
            let is_whole = number.is_u64() || number.is_i64();
            Some(if is_whole { Said::Text(Cow::Owned(number.to_string())) } else { Said::Fraction })
        }
    }
}
