//! Names that some readers take for another: where single fields are signed, whoever captured a delivery could add one.
//!
//! 1. Keys of JSON are the same to ASP.NET, Go and others whatever their case, the last one counting: beside a signed `Message`
//!    an unsigned `message` would be what such a receiver reads.
//! 2. Fields of a form are the same to PHP whether they hold `.`, `_`, a space or a `[` that nothing closes, and begin a list
//!    with one that is closed; a name ends at NUL there. Rack and qs pass over brackets before and behind it. To ASP.NET they
//!    are the same whatever their case.
//! 3. Where the whole body is signed nobody could add any, and nobody looks.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Pointer;

/// Whether a key on the way of a pointer has another beside it that could be taken for it. Of a text that is no JSON
/// nobody can say that it has none.
#[must_use]
pub fn in_json(pointers: &[&Pointer], json: &[u8]) -> bool {
    let steps = |pointer: &&Pointer| pointer.as_str().split('/').skip(1).map(unescaped).collect();
    let paths: Vec<Vec<String>> = pointers.iter().map(steps).collect();
    let mut reader = serde_json::Deserializer::from_slice(json);
    Look { paths: paths.iter().map(Vec::as_slice).collect() }.deserialize(&mut reader).unwrap_or(true)
}

/// Whether a form has a field that could be taken for another.
#[must_use]
pub fn in_form<'k>(field: &str, mut keys: impl Iterator<Item = &'k str>) -> bool {
    let alike = OfForm::new(field);
    keys.any(|key| alike.is_taken_for(key))
}

/// A field of a form, for the question which others could be taken for it.
pub(super) struct OfForm<'f> {
    field: &'f str,
    read: String,
}

impl<'f> OfForm<'f> {
    pub(super) fn new(field: &'f str) -> Self {
        Self { field, read: of_form(field, &['[', ']']).collect() }
    }

    pub(super) fn is_taken_for(&self, key: &str) -> bool {
        let reads_as = |ends: &[char]| of_form(key, ends).eq(self.read.chars());
        key != self.field && (reads_as(&['[', ']']) || reads_as(&[]))
    }
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The same for all texts that differ in case only, as far as readers fold them one character to one.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

fn are_alike(left: &str, right: &str) -> bool {
    // Asked for each key of a body that nobody has vouched for yet: nearly all of them are ASCII.
    if left.is_ascii() && right.is_ascii() { left.eq_ignore_ascii_case(right) } else { folded(left).eq(folded(right)) }
}

/// What a reader makes of a key whose name ends at one of these letters.
fn of_form<'k>(key: &'k str, ends: &[char]) -> impl Iterator<Item = char> + use<'k> {
    let key = key.split('\0').next().unwrap_or(key).trim_start_matches([' ', '[', ']']);
    let name = key.split(ends).next().unwrap_or(key);
    folded(name).map(|letter| if matches!(letter, '.' | ' ' | '[') { '_' } else { letter })
}

/// Looks at one value; the paths go on inside it.
struct Look<'p> {
    paths: Vec<&'p [String]>,
}

impl<'p> Look<'p> {
    /// The paths that go on behind a step.
    fn behind(&self, leads: impl Fn(&str) -> bool) -> Self {
        let further = |path: &&'p [String]| {
            let (first, rest) = path.split_first()?;
            (leads(first) && !rest.is_empty()).then_some(rest)
        };
        Self { paths: self.paths.iter().filter_map(further).collect() }
    }

    /// Whether a key could be taken for one that is looked for.
    fn is_alike(&self, key: &str) -> bool {
        self.paths.iter().filter_map(|path| path.first()).any(|step| step != key && are_alike(step, key))
    }
}

/// Looks at one key: whether it could be taken for another, and where the paths go on behind it.
struct LookAtKey<'l, 'p>(&'l Look<'p>);

impl<'de, 'p> DeserializeSeed<'de> for LookAtKey<'_, 'p> {
    type Value = (bool, Look<'p>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for LookAtKey<'_, 'p> {
    type Value = (bool, Look<'p>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok((self.0.is_alike(key), self.0.behind(|step| step == key)))
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        if self.paths.is_empty() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| false);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some((is_alike, behind)) = members.next_key_seed(LookAtKey(&self))? {
            found |= members.next_value_seed(behind)? | is_alike;
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        let mut found = false;
        for index in 0_u64.. {
            match elements.next_element_seed(self.behind(|step| step.parse() == Ok(index)))? {
                Some(inside) => found |= inside,
                None => break,
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_beside_a_signed_one_are_told_by_their_case() {
        let cases = [
            ("/Message", r#"{"Message":"a"}"#, false),
            ("/Message", r#"{"Message":"a","message":"b"}"#, true),
            ("/Message", r#"{"MESSAGE":"b","Message":"a"}"#, true),
            ("/Message", r#"{"Message":"a","m\u0065ssage":"b"}"#, true),
            // What Go folds, too: a long s, and the sign of the kelvin.
            ("/Message", "{\"Message\":\"a\",\"me\u{17f}sage\":\"b\"}", true),
            ("/Token", "{\"Token\":\"a\",\"to\u{212a}en\":\"b\"}", true),
            ("/Message", r#"{"Message":"a","Messages":"b","x":{"message":"c"}}"#, false),
            ("/signature/token", r#"{"signature":{"token":"a"},"Signature":{"token":"b"}}"#, true),
            ("/signature/token", r#"{"signature":{"token":"a","TOKEN":"b"}}"#, true),
            ("/signature/token", r#"{"signature":{"token":"a"},"other":{"TOKEN":"b"},"n":[1,1.5,null,true,-1]}"#, false),
            ("/items/0/id", r#"{"items":[{"id":"a","ID":"b"}]}"#, true),
            ("/items/0/id", r#"{"items":[{"id":"a"},{"ID":"b"}]}"#, false),
            ("/a~1b", r#"{"a/b":"a","A/B":"b"}"#, true),
            ("/a/b", r#"{"a":"text"}"#, false),
            ("/a", "no json", true),
        ];
        for (pointer, json, expected) in cases {
            assert_eq!(in_json(&[&pointer.parse().unwrap()], json.as_bytes()), expected, "{pointer} {json}");
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(!in_json(&[&"/a".parse().unwrap()], deep.as_bytes()), "what stands beside is passed over, however deep it is");
    }

    #[test]
    fn fields_beside_a_signed_one_are_told_by_what_readers_make_of_them() {
        let others = ["bt.payload", "bt payload", " bt_payload", "bt_payload[]", "bt_payload[a]", "BT_Payload", "bt.payload[x]"];
        let bracketed = ["[bt_payload]", "bt_payload]", "bt[payload", "bt_payload\0x", "[[bt_payload", "bt[payload\0"];
        for other in others.into_iter().chain(bracketed) {
            assert!(in_form("bt_payload", ["bt_payload", other].into_iter()), "{other}");
        }
        assert!(!in_form("bt_payload", ["bt_payload", "bt_payload2", "payload", "bt-payload", ""].into_iter()));
    }
}
