//! Members of a JSON text by RFC 6901 pointers, all in one pass, without building the document.
//!
//! Rules:
//! 1. The text must be one whole JSON value; anything else holds no member.
//! 2. A member whose path has a key twice is ambiguous, and so absent: two parsers would disagree about it.
//! 3. Strings, whole numbers and booleans are text. `null`, arrays, objects and fractions are not: a fraction has many
//!    spellings, and a number too large to be whole here would lose digits.
//!
//! Recursion goes only along the pointers, which are short; everything beside them is skipped without recursion.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One bit a pointer. More pointers than bits are never asked for: a scheme's places are bounded when it is read.
type Mask = u64;

/// The text at each pointer.
pub(super) fn pick(json: &[u8], pointers: &[&str]) -> Vec<Option<String>> {
    match read(json, pointers) {
        Some(found) => found.into_iter().map(Found::into_text).collect(),
        None => vec![None; pointers.len()],
    }
}

/// What stands at each pointer; `None` for what is not one JSON value.
pub(super) fn read(json: &[u8], pointers: &[&str]) -> Option<Vec<Found>> {
    let mut walk = Walk { pointers, found: vec![Found::Absent; pointers.len()] };
    let everything = pointers.iter().enumerate().fold(0, |mask, (index, _)| mask | bit(index));
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = Step { walk: &mut walk, active: everything, depth: 0 }.deserialize(&mut deserializer);
    read.and_then(|()| deserializer.end()).ok()?;
    Some(walk.found)
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
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Unclear => None,
        }
    }
}

struct Walk<'p> {
    pointers: &'p [&'p str],
    found: Vec<Found>,
}

impl Walk<'_> {
    /// Those of the active pointers whose step at this depth is the key.
    fn following(&self, active: Mask, depth: usize, key: &str) -> Mask {
        let follows =
            |index: usize, pointer: &str| active & bit(index) != 0 && step(pointer, depth).is_some_and(|step| names(step, key));
        let pointers = self.pointers.iter().enumerate();
        pointers.filter(|(index, pointer)| follows(*index, pointer)).fold(0, |mask, (index, _)| mask | bit(index))
    }

    fn each(&mut self, active: Mask, mut change: impl FnMut(&str, &mut Found)) {
        for (index, (pointer, found)) in self.pointers.iter().zip(&mut self.found).enumerate() {
            if active & bit(index) != 0 {
                change(pointer, found);
            }
        }
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

/// Whether a step, escaped as it is, names a key. An escaped text is longer than what it stands for.
fn names(step: &str, key: &str) -> bool {
    step == key || (step.len() > key.len() && step.bytes().any(|byte| byte == b'~') && unescaped(step) == key)
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// One value on the path of the active pointers.
struct Step<'w, 'p> {
    walk: &'w mut Walk<'p>,
    active: Mask,
    depth: usize,
}

impl Step<'_, '_> {
    /// The value is text: it is the member of every pointer that ends here.
    fn text(self, text: &str) {
        let depth = self.depth;
        self.walk.each(self.active, |pointer, found| {
            if step(pointer, depth).is_none() && matches!(found, Found::Absent) {
                *found = Found::Text(text.to_owned());
            }
        });
    }

    /// The value is no text: so much for every pointer that ends here.
    fn no_text(&mut self) {
        let depth = self.depth;
        self.walk.each(self.active, |pointer, found| {
            if step(pointer, depth).is_none() {
                *found = Found::Unclear;
            }
        });
    }
}

impl<'de> DeserializeSeed<'de> for Step<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.active == 0 {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.text(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.text(&value.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.text(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.no_text();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        self.no_text();
        for index in 0_u64.. {
            let active = self.walk.following(self.active, self.depth, &index.to_string());
            let next = Step { walk: &mut *self.walk, active, depth: self.depth.saturating_add(1) };
            if elements.next_element_seed(next)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.no_text();
        let mut seen: Mask = 0;
        while let Some(active) = members.next_key_seed(Key { walk: &*self.walk, active: self.active, depth: self.depth })? {
            self.walk.each(active & seen, |_, found| *found = Found::Unclear);
            let next = Step { walk: &mut *self.walk, active: active & !seen, depth: self.depth.saturating_add(1) };
            members.next_value_seed(next)?;
            seen |= active;
        }
        Ok(())
    }
}

/// A key of an object: which of the active pointers go on behind it.
struct Key<'w, 'p> {
    walk: &'w Walk<'p>,
    active: Mask,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Mask;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Mask, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Mask;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Mask, E> {
        Ok(self.walk.following(self.active, self.depth, key))
    }
}
