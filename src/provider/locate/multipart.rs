//! A form in either of its two spellings, `application/x-www-form-urlencoded` and `multipart/form-data` (RFC 7578), read strictly.
//!
//! 1. The content type says which of the two a body is, and its boundary. Neither is signed, so nothing is read here but for
//!    schemes that sign single fields: whoever cuts the body in another way must still show fields that were signed.
//! 2. Nothing stands before the first delimiter, and at most a line break behind the last; no blanks behind a delimiter.
//! 3. A part has one `Content-Disposition: form-data; name="…"`, the name first and without escapes. Any other part makes the
//!    body no form at all.
//! 4. A file is no field. A name that stands twice, on a file too, names none.
//! 5. Parts, the lines before one, and the boundary are bounded.

use memchr::{memchr_iter, memmem};

use super::Found;
use super::form::{FIELDS_MAX, Form};
use super::lookalike;

/// A body that is a form of either kind.
#[derive(Clone, Debug)]
pub enum AnyForm<'b> {
    /// `application/x-www-form-urlencoded`.
    Encoded(Form<'b>),
    /// `multipart/form-data`.
    Multipart(Vec<Part<'b>>),
}

/// One part of a multipart form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'b> {
    name: &'b str,
    is_file: bool,
    value: &'b [u8],
}

/// The longest boundary (RFC 2046).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The most bytes before a part's value; a few lines of a hundred bytes are usual.
const HEAD_BYTES_MAX: usize = 4096;

/// The most lines before a part's value.
const LINES_MAX: usize = 16;

impl<'b> AnyForm<'b> {
    /// The body as a form of the kind that the content type names; `None` for any other body.
    #[must_use]
    pub fn parse(content_type: Option<&str>, body: &'b [u8]) -> Option<Self> {
        match content_type.filter(|text| is_multipart(text)) {
            None => Form::parse(body).filter(Form::is_small).map(Self::Encoded),
            Some(text) => parts(boundary(text)?, body).map(Self::Multipart),
        }
    }

    /// The field of a name: unclear when it stands twice, is a file or is no text.
    #[must_use]
    pub fn find(&self, name: &str) -> Found {
        let parts = match self {
            Self::Encoded(form) => return form.find(name),
            Self::Multipart(parts) => parts,
        };
        let mut named = parts.iter().filter(|part| part.name == name);
        match (named.next(), named.next()) {
            (None, _) => Found::Absent,
            (Some(part), None) if !part.is_file => {
                std::str::from_utf8(part.value).map_or(Found::Unclear, |text| Found::Text(text.to_owned()))
            }
            (Some(_), _) => Found::Unclear,
        }
    }

    /// The value of the one field of a name; `None` when it stands twice, is a file or is no text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        self.find(name).into_text()
    }

    /// Whether a field could be taken for another of a name.
    #[must_use]
    pub fn has_lookalike(&self, name: &str) -> bool {
        match self {
            Self::Encoded(form) => form.has_lookalike(name),
            Self::Multipart(parts) => lookalike::in_form(name, parts.iter().map(|part| part.name)),
        }
    }
}

fn is_multipart(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case("multipart/form-data")
}

/// The one `boundary` of a content type, bare or quoted; no character of it needs an escape, or divides parameters.
fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|text| text.split_once('='));
    let mut found = parameters.filter(|(name, _)| name.trim_ascii().eq_ignore_ascii_case("boundary"));
    let text = found.next()?.1.trim_ascii();
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let text = quoted.unwrap_or(text);
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    let fits = (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_one);
    (fits && found.next().is_none()).then_some(text)
}

/// All parts, in order; `None` for a body that breaks one of the rules above.
fn parts<'b>(boundary: &str, body: &'b [u8]) -> Option<Vec<Part<'b>>> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut rest = body.strip_prefix(delimiter.get(2..)?.as_bytes())?;
    let mut parts = Vec::new();
    while let Some(behind) = rest.strip_prefix(b"\r\n") {
        let (text, after) = behind.split_at_checked(finder.find(behind)?)?;
        if parts.len() >= FIELDS_MAX {
            return None;
        }
        parts.push(part(text)?);
        rest = after.get(delimiter.len()..)?;
    }
    matches!(rest, b"--" | b"--\r\n").then_some(parts)
}

fn part(text: &[u8]) -> Option<Part<'_>> {
    let mut lines = [httparse::EMPTY_HEADER; LINES_MAX];
    let head = httparse::parse_headers(text.get(..HEAD_BYTES_MAX).unwrap_or(text), &mut lines).ok()?;
    let httparse::Status::Complete((length, headers)) = head else { return None };
    let (head, value) = text.split_at_checked(length)?;
    // The parser takes a bare line feed for a line's end, and ends at two of them.
    let mut feeds = memchr_iter(b'\n', head);
    let ends_as_others_say = feeds.all(|at| at.checked_sub(1).and_then(|before| head.get(before)) == Some(&b'\r'));
    let mut named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-disposition"));
    let disposition = named.next().filter(|_| ends_as_others_say && named.next().is_none())?.value;
    let disposition = std::str::from_utf8(disposition).ok()?;
    let (name, more) = disposition.strip_prefix("form-data; name=\"")?.split_once('"')?;
    let is_plain = !name.contains('\\') && (more.is_empty() || is_file_name(more));
    is_plain.then_some(Part { name, is_file: !more.is_empty(), value })
}

/// Whether a file's name is all that stands behind the field's: of two field names some readers take the second.
fn is_file_name(more: &str) -> bool {
    let quoted = more.strip_prefix("; filename=\"").and_then(|text| text.split_once('"'));
    match quoted {
        Some((name, rest)) => !name.contains('\\') && (rest.is_empty() || is_extended(rest)),
        None => is_extended(more),
    }
}

/// RFC 8187: a charset and escapes, without quotes.
fn is_extended(more: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%'".contains(&byte);
    more.strip_prefix("; filename*=").is_some_and(|text| !text.is_empty() && text.bytes().all(is_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xYz";

    fn body(parts: &[(&str, &str)]) -> String {
        let part = |(head, value): &(&str, &str)| format!("--xYz\r\n{head}\r\n\r\n{value}\r\n");
        parts.iter().map(part).collect::<String>() + "--xYz--\r\n"
    }

    fn named(name: &str) -> String {
        format!("Content-Disposition: form-data; name=\"{name}\"")
    }

    fn field(content_type: &str, body: &str, name: &str) -> Option<String> {
        AnyForm::parse(Some(content_type), body.as_bytes())?.field(name)
    }

    #[test]
    fn a_field_of_either_form_is_found() {
        let token = named("token");
        let file = named("attachment-1") + "; filename=\"a.txt\"\r\nContent-Type: text/plain";
        let text = body(&[(&named("subject"), "two\r\nlines"), (&token, "abc"), (&file, "token"), (&named("empty"), "")]);
        for content_type in [TYPE, "Multipart/Form-Data;Boundary=\"xYz\"", "multipart/form-data; charset=utf-8; boundary=xYz"] {
            assert_eq!(field(content_type, &text, "token").as_deref(), Some("abc"), "{content_type}");
        }
        assert_eq!(field(TYPE, &text, "subject").as_deref(), Some("two\r\nlines"));
        assert_eq!(field(TYPE, &text, "empty").as_deref(), Some(""));
        assert_eq!(field(TYPE, &text, "attachment-1"), None, "a file is no field");
        assert_eq!(AnyForm::parse(Some(TYPE), text.as_bytes()).unwrap().find("attachment-1"), Found::Unclear, "but it is there");
        assert_eq!(field("application/x-www-form-urlencoded", "token=a%62c", "token").as_deref(), Some("abc"));
        assert_eq!(AnyForm::parse(None, b"token=abc").unwrap().field("token").as_deref(), Some("abc"));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_no_form() {
        let token = named("token");
        let one = body(&[(&token, "abc")]);
        let head = |head: &str| body(&[(head, "abc")]);
        let cases = [
            (TYPE, "token=abc".to_owned()),
            (TYPE, one.replace("--xYz--\r\n", "")),
            (TYPE, one.clone() + "more"),
            (TYPE, format!("preamble\r\n{one}")),
            (TYPE, one.replacen("--xYz\r\n", "--xYz \r\n", 1)),
            (TYPE, one.replacen("--xYz\r\n", "--xYz\n", 1)),
            (TYPE, one.replace("\r\nabc\r\n", "\r\nabc\r\n--xYzz\r\n")),
            (TYPE, one.replace("\r\n", "\n")),
            (TYPE, head("Content-Type: text/plain")),
            (TYPE, head(&format!("\"t-type: text/plain\r\n{token}"))),
            (TYPE, head(&format!("{}{token}", "x: y\r\n".repeat(LINES_MAX)))),
            (TYPE, head(&format!("{token}\r\n{}", named("other")))),
            (TYPE, head(&format!("X: y\n{token}"))),
            (TYPE, head(&format!(" {token}"))),
            (TYPE, head("Content-Disposition: form-data; name=token")),
            (TYPE, head("Content-Disposition: form-data; name=\"to\\\"ken\"")),
            (TYPE, head("Content-Disposition: form-data; filename=\"a\"; name=\"token\"")),
            (TYPE, head("Content-Disposition: attachment; name=\"token\"")),
            (TYPE, head("Content-Disposition: form-data; name=\"x\"; name=\"token\"")),
            (TYPE, head("Content-Disposition: form-data; name=\"x\"; name*=utf-8''token")),
            (TYPE, head("Content-Disposition: form-data; name=\"x\"; filename=\"a\"; name=\"token\"")),
            (TYPE, head("Content-Disposition: form-data; name=\"x\"; filename=\"a\\\"; name=\"token\"")),
            (TYPE, head(&format!("{token}\r\nX: {}", "x".repeat(HEAD_BYTES_MAX)))),
            (TYPE, body(&vec![(token.as_str(), "abc"); FIELDS_MAX + 1])),
            ("multipart/form-data", one.clone()),
            ("multipart/form-data; boundary=xYz; boundary=other", one.clone()),
            ("multipart/form-data; boundary=", one.clone()),
            ("multipart/mixed; boundary=xYz", one.clone()),
            ("application/json", one),
        ];
        for (content_type, text) in cases {
            assert!(AnyForm::parse(Some(content_type), text.as_bytes()).is_none(), "{content_type} {}", text.escape_debug());
        }
        let long = "b".repeat(BOUNDARY_BYTES_MAX + 1);
        assert_eq!(boundary(&format!("multipart/form-data; boundary={long}")), None);
    }

    #[test]
    fn a_name_twice_names_no_field() {
        let token = named("token");
        let file = token.clone() + "; filename=\"a\"";
        for twice in [&token, &file] {
            assert_eq!(field(TYPE, &body(&[(&token, "abc"), (twice, "abc")]), "token"), None, "{twice}");
        }
        assert_eq!(
            AnyForm::parse(Some(TYPE), body(&[(&token, "\u{e9}")]).replace('\u{e9}', "\u{1}").as_bytes()).unwrap().field("x"),
            None
        );
    }
}
