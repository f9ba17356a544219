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
use std::mem;

use serde_json::Number;

use super::Few;
use super::pointer::{Pointer, Step};
use super::scan::{Text, inner};

/// One bit a pointer. More pointers than bits are never asked for: a scheme's places are bounded when it is read.
type Mask = u64;

/// The text at a pointer.
pub(super) fn pick(json: &[u8], pointer: &Pointer) -> Option<String> {
    read(json, &[pointer])?.pop()?.into_text()
}

/// What stands at each pointer; `None` for what is not one JSON value.
pub(super) fn read(json: &[u8], pointers: &[&Pointer]) -> Option<Few<Found>> {
    let mut goals: Few<Goal<'_>> = pointers.iter().zip(0..).map(|(pointer, index)| Goal::new(pointer, index)).collect();
    seek(json, &mut goals)?;
    Some(goals.into_iter().map(|goal| goal.found).collect())
}

/// Finds what stands at each goal; `None` for what is not one JSON value.
pub(super) fn seek(json: &[u8], goals: &mut [Goal<'_>]) -> Option<()> {
    let text = Text::new(json);
    let mut walk = Walk { goals, text };
    let everything = walk.those(|_| true);
    let end = walk.value(everything, 0, 0)?;
    text.peek(end).is_none().then_some(())
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
    /// The text, taken out.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Unclear => None,
        }
    }
}

/// A pointer's steps, what stands at their end, and for which of the places that are asked for it is.
pub(super) struct Goal<'p> {
    steps: &'p [Step],
    found: Found,
    pub(super) index: usize,
}

impl<'p> Goal<'p> {
    pub(super) fn new(pointer: &'p Pointer, index: usize) -> Self {
        Self { steps: pointer.steps(), found: Found::Absent, index }
    }

    /// The text that was found.
    pub(super) fn take_text(&mut self) -> Option<String> {
        mem::replace(&mut self.found, Found::Absent).into_text()
    }
}

struct Walk<'w, 'p, 'j> {
    goals: &'w mut [Goal<'p>],
    text: Text<'j>,
}

/// Each takes the place where something begins, and gives the place behind it.
impl Walk<'_, '_, '_> {
    /// One value on the path of the active pointers.
    fn value(&mut self, active: Mask, depth: usize, at: usize) -> Option<usize> {
        if active == 0 {
            return self.text.skip(at);
        }
        let (at, first) = self.text.peek(at)?;
        match first {
            b'{' => self.object(active, depth, at),
            b'[' => self.array(active, depth, at),
            _ => self.scalar(first, active, depth, at),
        }
    }

    fn object(&mut self, active: Mask, depth: usize, at: usize) -> Option<usize> {
        self.end_in_structure(active, depth);
        let (mut at, mut goes_on) = self.text.enter(b'}', at)?;
        let mut seen: Mask = 0;
        while goes_on {
            let (key, behind) = self.text.key(at)?;
            let following = active & self.those(|goal| goal.steps.get(depth).is_some_and(|step| step.names(&key)));
            if following & seen != 0 {
                self.each(following & seen, |goal| goal.found = Found::Unclear);
            }
            at = self.value(following & !seen, depth.saturating_add(1), behind)?;
            seen |= following;
            (at, goes_on) = self.text.goes_on(b'}', at)?;
        }
        Some(at)
    }

    fn array(&mut self, active: Mask, depth: usize, at: usize) -> Option<usize> {
        self.end_in_structure(active, depth);
        let (mut at, mut goes_on) = self.text.enter(b']', at)?;
        let mut index: u64 = 0;
        while goes_on {
            let following = active & self.those(|goal| goal.steps.get(depth).is_some_and(|step| step.is_index(index)));
            at = self.value(following, depth.saturating_add(1), at)?;
            index = index.saturating_add(1);
            (at, goes_on) = self.text.goes_on(b']', at)?;
        }
        Some(at)
    }

    /// A pointer that ends at a list or an object ends at no text.
    fn end_in_structure(&mut self, active: Mask, depth: usize) {
        self.each(active, |goal| {
            if goal.steps.len() == depth {
                goal.found = Found::Unclear;
            }
        });
    }

    fn scalar(&mut self, first: u8, active: Mask, depth: usize, at: usize) -> Option<usize> {
        let end = self.text.scalar(first, at)?;
        let said = said(self.text.between(at, end)?)?;
        self.each(active, |goal| match (&said, &goal.found) {
            _ if goal.steps.len() != depth => {}
            (Said::Text(text), Found::Absent) => goal.found = Found::Text((**text).to_owned()),
            (Said::Fraction, _) => goal.found = Found::Unclear,
            _ => {}
        });
        Some(end)
    }

    /// The bits of the goals that are so.
    fn those(&self, is_so: impl Fn(&Goal<'_>) -> bool) -> Mask {
        let mut bit: Mask = 1;
        let mut those = 0;
        for goal in &*self.goals {
            if is_so(goal) {
                those |= bit;
            }
            bit <<= 1;
        }
        those
    }

    fn each(&mut self, active: Mask, mut change: impl FnMut(&mut Goal<'_>)) {
        let mut rest = active;
        for goal in &mut *self.goals {
            if rest & 1 != 0 {
                change(goal);
            }
            rest >>= 1;
        }
    }
}

/// What a string, number, boolean or `null` says.
enum Said<'j> {
    Nothing,
    Text(Cow<'j, str>),
    Fraction,
}

/// `None` for what is not well formed after all.
fn said(scalar: &[u8]) -> Option<Said<'_>> {
    Some(match scalar {
        b"null" => Said::Nothing,
        b"true" | b"false" => Said::Text(std::str::from_utf8(scalar).ok()?.into()),
        [b'"', ..] if scalar.contains(&b'\\') => Said::Text(Cow::Owned(serde_json::from_slice(scalar).ok()?)),
        [b'"', ..] => Said::Text(std::str::from_utf8(inner(scalar)).ok()?.into()),
        _ => {
            let number: Number = serde_json::from_slice(scalar).ok()?;
            let is_whole = number.is_u64() || number.is_i64();
            if is_whole { Said::Text(Cow::Owned(number.to_string())) } else { Said::Fraction }
        }
    })
}
