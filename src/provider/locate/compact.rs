//! A member of a JSON text as it stands there, less the white space around its tokens: what providers sign that write one
//! part of a delivery by itself.
//!
//! 1. The text must be UTF-8 and one whole JSON value; anything else holds no member.
//! 2. The member is an object or a list. `null` is as good as absent; anything else is unclear.
//! 3. A key on the way that stands twice makes it unclear: two parsers would disagree about which is meant. What stands
//!    inside of the member is taken as it is, for all of it is signed.
//! 4. Tokens are not touched: neither escapes nor the spelling of numbers, nor the order of members.
//!
//! Recursion goes only along the pointer, which is short.

use super::Found;
use super::cursor::Cursor;
use super::pointer::{Pointer, Step};

/// The object or list at a pointer, compact.
#[must_use]
pub fn compact(pointer: &Pointer, json: &[u8]) -> Found {
    if std::str::from_utf8(json).is_err() {
        return Found::Unclear;
    }
    let mut walk = Walk { steps: pointer.steps(), scan: Cursor::new(json), member: None, is_twice: false };
    if walk.value(0).is_none() || !walk.scan.is_at_end() || walk.is_twice {
        return Found::Unclear;
    }
    match walk.member {
        None | Some(b"null") => Found::Absent,
        Some(member @ [b'{' | b'[', ..]) => squeezed(member).map_or(Found::Unclear, Found::Text),
        Some(_) => Found::Unclear,
    }
}

struct Walk<'j, 'p> {
    steps: &'p [Step],
    scan: Cursor<'j>,
    member: Option<&'j [u8]>,
    is_twice: bool,
}

impl Walk<'_, '_> {
    /// One value on the way, or the one at its end.
    fn value(&mut self, depth: usize) -> Option<()> {
        let Some(step) = self.steps.get(depth) else {
            self.scan.peek()?;
            let start = self.scan.at();
            self.scan.skip()?;
            self.member = Some(self.scan.since(start));
            return Some(());
        };
        match self.scan.peek()? {
            b'{' => self.object(step, depth),
            b'[' => self.array(step, depth),
            _ => self.scan.skip(),
        }
    }

    fn object(&mut self, step: &Step, depth: usize) -> Option<()> {
        if !self.scan.enter(b'}')? {
            return Some(());
        }
        let mut is_seen = false;
        loop {
            let key = self.scan.key()?;
            let is_ours = step.names(&key);
            self.is_twice |= is_ours && is_seen;
            is_seen |= is_ours;
            self.step(is_ours, depth)?;
            if !self.scan.goes_on(b'}')? {
                return Some(());
            }
        }
    }

    fn array(&mut self, step: &Step, depth: usize) -> Option<()> {
        if !self.scan.enter(b']')? {
            return Some(());
        }
        for index in 0_u64.. {
            self.step(step.is_index(index), depth)?;
            if !self.scan.goes_on(b']')? {
                break;
            }
        }
        Some(())
    }

    fn step(&mut self, is_ours: bool, depth: usize) -> Option<()> {
        if is_ours { self.value(depth.saturating_add(1)) } else { self.scan.skip() }
    }
}

/// Without the white space outside of strings.
fn squeezed(json: &[u8]) -> Option<String> {
    let (mut is_inside, mut is_escaped) = (false, false);
    let mut kept = json.to_vec();
    kept.retain(|byte| {
        let is_kept = is_inside || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        is_inside ^= *byte == b'"' && !is_escaped;
        is_escaped = is_inside && *byte == b'\\' && !is_escaped;
        is_kept
    });
    String::from_utf8(kept).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_taken_as_they_stand() {
        let text = |text: &str| Found::Text(text.to_owned());
        for (pointer, json, expected) in [
            ("/a", r#"{"a":{"b":1}}"#, text(r#"{"b":1}"#)),
            ("/a", "{ \"a\" :\r\n{ \"b\" : [ 1 ,\t2 ] } }", text(r#"{"b":[1,2]}"#)),
            ("/a", r#"{"x":[{"a":1}],"a":[ 1.50, 1E2, "\u00e9 \" \\", "é" ]}"#, text(r#"[1.50,1E2,"\u00e9 \" \\","é"]"#)),
            ("/a", r#"{"a":{ "b" : "a \\" , "c":"d e" }}"#, text(r#"{"b":"a \\","c":"d e"}"#)),
            ("/a", r#"{"\u0061":{}}"#, text("{}")),
            ("/a/b", r#"{"a":{"b":[]}}"#, text("[]")),
            ("/0/a", r#"[{"a":{}},{"a":[1]}]"#, text("{}")),
            ("/a", r#"{"a":{"b":1,"b":2}}"#, text(r#"{"b":1,"b":2}"#)),
            ("/a", r#"{"b":{"a":{}}}"#, Found::Absent),
            ("/a", r#"{"a":null}"#, Found::Absent),
            ("/a", "{}", Found::Absent),
            ("/a", "[]", Found::Absent),
            ("/a", "1", Found::Absent),
            ("/a", r#"{"a":"{}"}"#, Found::Unclear),
            ("/a", r#"{"a":1}"#, Found::Unclear),
            ("/a", r#"{"a":{},"a":{}}"#, Found::Unclear),
            ("/a", r#"{"a":{},"\u0061":null}"#, Found::Unclear),
            ("/a/b", r#"{"a":{"b":{}},"a":1}"#, Found::Unclear),
            ("/a", r#"{"a":{}} x"#, Found::Unclear),
            ("/a", r#"{"a":{}"#, Found::Unclear),
            ("/a", r#"{"a":{1}}"#, Found::Unclear),
            ("/a", "", Found::Unclear),
        ] {
            assert_eq!(compact(&pointer.parse().unwrap(), json.as_bytes()), expected, "{pointer} of {json}");
        }
        assert_eq!(compact(&"/a".parse().unwrap(), b"{\"a\":{},\"b\":\"\xff\"}"), Found::Unclear);
    }
}
