//! JSON written anew, as the libraries of common languages write it: tokens are kept, spacing and escapes are not.
//!
//! Invariants: neither the order of members nor the spelling of a number is touched, since no rewriting could bring it back.

use std::fmt::Write as _;

use serde_json::value::RawValue;

/// What stands between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    /// Nothing, as `JSON.stringify` writes.
    Compact,
    /// A space behind each comma and colon, as Python's `json.dumps` writes.
    Spaced,
    /// Indented by two spaces.
    TwoSpaces,
    /// Indented by four spaces.
    FourSpaces,
    /// Indented by a tab.
    Tab,
}

/// How strings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Kept,
    /// With no escape that is not needed.
    Plain,
    /// With everything outside ASCII escaped, as Python writes.
    Ascii,
    /// The same, and slashes escaped, as PHP writes.
    AsciiAndSlashes,
}

impl Spacing {
    pub(super) const ALL: [Self; 5] = [Self::Compact, Self::Spaced, Self::TwoSpaces, Self::FourSpaces, Self::Tab];

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Compact => "without white space",
            Self::Spaced => "with a space behind each comma and colon",
            Self::TwoSpaces => "indented by two spaces",
            Self::FourSpaces => "indented by four spaces",
            Self::Tab => "indented by tabs",
        }
    }

    const fn indent(self) -> Option<&'static str> {
        match self {
            Self::Compact | Self::Spaced => None,
            Self::TwoSpaces => Some("  "),
            Self::FourSpaces => Some("    "),
            Self::Tab => Some("\t"),
        }
    }
}

impl Spelling {
    pub(super) const ALL: [Self; 4] = [Self::Kept, Self::Plain, Self::Ascii, Self::AsciiAndSlashes];

    /// A string token with its quotes.
    fn write(self, token: &str, text: &mut String) -> Option<()> {
        if self == Self::Kept {
            text.push_str(token);
            return Some(());
        }
        let plain = serde_json::to_string(&serde_json::from_str::<String>(token).ok()?).ok()?;
        for c in plain.chars() {
            match c {
                '/' if self == Self::AsciiAndSlashes => text.push_str("\\/"),
                c if c.is_ascii() || self == Self::Plain => text.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(text, "\\u{unit:04x}").ok()?;
                    }
                }
            }
        }
        Some(())
    }
}

/// The text in another style; nothing for what is no JSON.
pub(super) fn rewrite(text: &str, spacing: Spacing, spelling: Spelling) -> Option<String> {
    let whole = serde_json::from_str::<&RawValue>(text).ok()?.get();
    let mut writer = Writer { text: String::with_capacity(whole.len()), spacing, spelling, depth: 0 };
    let mut rest = whole;
    while let Some(first) = rest.chars().next() {
        let length = token_bytes(rest, first);
        let (token, behind) = rest.split_at_checked(length)?;
        writer.push(token, behind.trim_start())?;
        rest = behind;
    }
    Some(writer.text)
}

/// How long the first token is: a string, a mark, a run of white space, or a literal.
fn token_bytes(rest: &str, first: char) -> usize {
    match first {
        '"' => string_bytes(rest),
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        c if c.is_ascii_whitespace() => rest.len().saturating_sub(rest.trim_ascii_start().len()),
        _ => rest.find(|c: char| ",:]}".contains(c) || c.is_ascii_whitespace()).unwrap_or(rest.len()),
    }
}

fn string_bytes(rest: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index.saturating_add(1),
            _ => {}
        }
    }
    rest.len()
}

struct Writer {
    text: String,
    spacing: Spacing,
    spelling: Spelling,
    depth: usize,
}

impl Writer {
    fn push(&mut self, token: &str, behind: &str) -> Option<()> {
        match token {
            "{" | "[" => {
                self.text.push_str(token);
                self.depth = self.depth.saturating_add(1);
                if !behind.starts_with(['}', ']']) {
                    self.new_line();
                }
            }
            "}" | "]" => {
                self.depth = self.depth.saturating_sub(1);
                if !self.text.ends_with(['{', '[']) {
                    self.new_line();
                }
                self.text.push_str(token);
            }
            "," => {
                self.text.push(',');
                if self.spacing == Spacing::Spaced {
                    self.text.push(' ');
                }
                self.new_line();
            }
            ":" => self.text.push_str(if self.spacing == Spacing::Compact { ":" } else { ": " }),
            token if token.starts_with('"') => return self.spelling.write(token, &mut self.text),
            token => self.text.push_str(token.trim_ascii()),
        }
        Some(())
    }

    fn new_line(&mut self) {
        if let Some(indent) = self.spacing.indent() {
            self.text.push('\n');
            (0..self.depth).for_each(|_| self.text.push_str(indent));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_and_what_is_between_them_changes() {
        let text = "{ \"a\" :1.0, \"b\":[ ],\"c\":[{},{\"d\":\"x, \\\"y\\\" : {\\u00e9\\/\"}] }";
        let cases = [
            (Spacing::Compact, Spelling::Kept, r#"{"a":1.0,"b":[],"c":[{},{"d":"x, \"y\" : {\u00e9\/"}]}"#),
            (Spacing::Compact, Spelling::Plain, r#"{"a":1.0,"b":[],"c":[{},{"d":"x, \"y\" : {é/"}]}"#),
            (Spacing::Spaced, Spelling::Ascii, r#"{"a": 1.0, "b": [], "c": [{}, {"d": "x, \"y\" : {\u00e9/"}]}"#),
            (Spacing::Compact, Spelling::AsciiAndSlashes, r#"{"a":1.0,"b":[],"c":[{},{"d":"x, \"y\" : {\u00e9\/"}]}"#),
        ];
        for (spacing, spelling, expected) in cases {
            assert_eq!(rewrite(text, spacing, spelling).as_deref(), Some(expected), "{spacing:?} {spelling:?}");
        }
        let pretty = "{\n  \"a\": 1.0,\n  \"b\": [],\n  \"c\": [\n    {},\n    {\n      \"d\": \"e\"\n    }\n  ]\n}";
        let compact = r#"{"a":1.0,"b":[],"c":[{},{"d":"e"}]}"#;
        assert_eq!(rewrite(compact, Spacing::TwoSpaces, Spelling::Kept).as_deref(), Some(pretty));
        assert_eq!(rewrite(pretty, Spacing::Compact, Spelling::Kept).as_deref(), Some(compact));
        assert_eq!(rewrite("no json", Spacing::Compact, Spelling::Kept), None);
    }

    #[test]
    fn what_serde_writes_is_among_the_styles() {
        let value = serde_json::json!({ "a": ["é/", -1.5e3, null, true], "b": {}, "c": { "d": [] } });
        let (compact, pretty) = (value.to_string(), format!("{value:#}"));
        assert_eq!(rewrite(&pretty, Spacing::Compact, Spelling::Plain), Some(compact.clone()));
        assert_eq!(rewrite(&compact, Spacing::TwoSpaces, Spelling::Plain), Some(pretty));
    }
}
