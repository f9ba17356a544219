//! One JSON object on one line. pure
//!
//! Invariants: everything outside printable ASCII is written as `\uXXXX`, so no control character, terminal escape or
//! bidirectional mark stands raw in a line; a text that a sender chose is cut at 256 bytes, on a character boundary, before it
//! is escaped; keys are constants of this crate.

use std::fmt::Write;

use crate::domain::short_text::ShortText;

use super::chain::Hash;

/// The most bytes of a text that a sender chose.
pub const EXCERPT_BYTES: usize = 256;

/// The first 256 bytes of a text, or less where a character would be split.
#[must_use]
pub fn excerpt(text: &str) -> &str {
    let end = (0..=text.len().min(EXCERPT_BYTES)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A line being written.
#[derive(Debug)]
pub(super) struct Line<'a> {
    out: &'a mut String,
    /// Where it begins.
    start: usize,
}

impl<'a> Line<'a> {
    /// With its first member, which holds nothing to be escaped.
    pub(super) fn begin(out: &'a mut String, key: &'static str, value: ShortText) -> Self {
        let start = out.len();
        out.push_str("{\"");
        out.push_str(key);
        out.push_str("\":\"");
        out.push_str(value.as_str());
        out.push('"');
        Self { out, start }
    }

    /// What stands in it until now.
    pub(super) fn so_far(&self) -> &str {
        self.out.get(self.start..).unwrap_or_default()
    }

    pub(super) fn text(&mut self, key: &'static str, value: &str) {
        self.quoted(key, |out| escape(out, value));
    }

    /// A word of ours, or a name whose alphabet has nothing to escape.
    pub(super) fn word(&mut self, key: &'static str, value: &str) {
        self.quoted(key, |out| out.push_str(value));
    }

    /// A time, an address or an id: nothing in it is to be escaped.
    pub(super) fn shown(&mut self, key: &'static str, value: ShortText) {
        self.word(key, value.as_str());
    }

    /// A hash as hexadecimal digits.
    pub(super) fn hex(&mut self, key: &'static str, value: &Hash) {
        self.shown(key, ShortText::of_hex(value));
    }

    pub(super) fn excerpt(&mut self, key: &'static str, value: &str) {
        self.text(key, excerpt(value));
    }

    /// A number or a truth value, which JSON and `Display` spell alike.
    pub(super) fn plain(&mut self, key: &'static str, value: impl Into<Plain>) {
        match value.into() {
            Plain::Number(number) => self.bare(key, itoa::Buffer::new().format(number)),
            Plain::Truth(truth) => self.bare(key, if truth { "true" } else { "false" }),
        }
    }

    pub(super) fn null(&mut self, key: &'static str) {
        self.bare(key, "null");
    }

    /// A value that may be absent, and is `null` then.
    pub(super) fn optional<T>(&mut self, key: &'static str, value: Option<T>, put: impl FnOnce(&mut Self, &'static str, T)) {
        match value {
            Some(value) => put(self, key, value),
            None => self.null(key),
        }
    }

    pub(super) fn end(self) {
        self.out.push('}');
    }

    fn bare(&mut self, key: &'static str, value: &str) {
        self.out.push_str(",\"");
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out.push_str(value);
    }

    fn quoted(&mut self, key: &'static str, put: impl FnOnce(&mut String)) {
        self.out.push_str(",\"");
        self.out.push_str(key);
        self.out.push_str("\":\"");
        put(self.out);
        self.out.push('"');
    }
}

/// A value that needs no quotes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plain {
    Number(u64),
    Truth(bool),
}

impl From<u64> for Plain {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for Plain {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Plain {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

/// Whether a text stands in a line as it is. Looked at without an early end: many bytes at once.
#[expect(clippy::needless_bitwise_bool, clippy::manual_range_contains, reason = "without branches many bytes are judged at once")]
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| (byte >= b' ') & (byte <= b'~') & (byte != b'"') & (byte != b'\\');
    text.bytes().fold(true, |plain, byte| plain & is_plain(byte))
}

fn escape(out: &mut String, text: &str) {
    if is_plain(text) {
        return out.push_str(text);
    }
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(character),
            _ => escape_units(out, character),
        }
    }
}

/// Characters beyond the first plane take two units, as JSON has it.
fn escape_units(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line_of(value: &str) -> String {
        let mut out = String::new();
        let mut line = Line::begin(&mut out, "number", ShortText::of_number(443));
        line.excerpt("value", value);
        line.plain("n", 7_u64);
        line.plain("b", false);
        line.null("none");
        line.end();
        out
    }

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        let nasty = "a\"\\\n\r\0\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{2028}é😀";
        let expected = "{\"number\":\"443\",\"value\":\"a\\\"\\\\\\u000a\\u000d\\u0000\\u001b[31m\\u007f\\u009b\\u202e\\u2028\\u00e9\\ud83d\\ude00\",\"n\":7,\"b\":false,\"none\":null}";
        assert_eq!(line_of(nasty), expected);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(excerpt(&"a".repeat(300)).len(), 256);
        assert_eq!(excerpt(&"é".repeat(300)).len(), 256);
        assert_eq!(excerpt(&"€".repeat(300)).len(), 255);
        assert_eq!(excerpt("short"), "short");
    }

    #[test]
    fn what_needs_no_escape_stands_as_it_is() {
        let mut out = String::new();
        let mut line = Line::begin(&mut out, "number", ShortText::of_number(443));
        line.word("word", "request");
        line.hex("hex", &[0xa5; 32]);
        line.end();
        assert_eq!(out, format!("{{\"number\":\"443\",\"word\":\"request\",\"hex\":\"{}\"}}", "a5".repeat(32)));
    }

    proptest! {
        #[test]
        fn every_text_is_one_line_of_printable_json(text in any::<String>()) {
            let line = line_of(&text);
            prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(value["value"].as_str().unwrap(), excerpt(&text));
        }
    }
}
