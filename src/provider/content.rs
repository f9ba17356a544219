//! The template of the content to be signed, such as `{timestamp}.{body}`.
//!
//! Rules, so that no two requests have the same content unless they are the same delivery:
//! 1. The body, or its digest, stands in it exactly once.
//! 2. No two parts of variable length touch. A timestamp ends itself, so it may touch the body, and stand behind an id whose
//!    characters no timestamp begins or ends with; `file::check` knows its unit and says where that does not hold.
//! 3. A part the sender chooses ends at the literal behind it (begins at the one before it, behind the body) and must not
//!    hold that delimiter: else `id = "evt.1"` could be moved into the timestamp. [`delimiter`] says which byte that is.
//! 4. A URL may touch a body: its query holds only what a URL may hold, a body behind it then begins with what none may
//!    hold, and a query before whose end the URL stands again is refused.
//! 5. The secret of a plain digest stands first or last.
//!
//! A brace is written twice: `{{` and `}}`.

use http::HeaderName;

use super::scheme::Part;

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace stands alone.
    #[error("has a brace without its partner")]
    Brace,
    /// A part has an unknown name.
    #[error(
        "may hold {{timestamp}}, {{id}}, {{header:Name}}, {{method}}, {{url}}, {{target}}, {{option:name}}, {{secret}}, \
         {{body}}, {{sha256:body}} and fixed text"
    )]
    Part,
    /// Fixed text is not ASCII.
    #[error("may hold fixed text in ASCII only")]
    Literal,
    /// The body is missing or stands twice.
    #[error("must hold {{body}} exactly once")]
    Body,
    /// The secret stands inside, or twice.
    #[error("may hold {{secret}} only once, first or last")]
    Secret,
    /// Two parts of variable length touch.
    #[error("must divide {left} from {right} by fixed text: one could be moved into the other")]
    Adjacent {
        /// The part before.
        left: String,
        /// The part behind.
        right: String,
    },
}

/// Reads a template.
///
/// # Errors
/// [`TemplateError`] when the text breaks the grammar or one of the rules above.
pub fn parse(text: &str) -> Result<Vec<Part>, TemplateError> {
    let parts = split(text)?;
    if parts.iter().filter(|part| matches!(part, Part::Body | Part::BodySha256)).count() != 1 {
        return Err(TemplateError::Body);
    }
    let secrets = parts.iter().filter(|part| **part == Part::Secret).count();
    let at_an_end = parts.first() == Some(&Part::Secret) || parts.last() == Some(&Part::Secret);
    if secrets > 1 || (secrets == 1 && !at_an_end) {
        return Err(TemplateError::Secret);
    }
    for (left, right) in parts.iter().zip(parts.iter().skip(1)) {
        let fixed = |part: &Part| matches!(part, Part::Literal(_) | Part::Option(_) | Part::Secret | Part::BodySha256);
        let told_apart = matches!(
            (left, right),
            (Part::Timestamp | Part::Url(_), Part::Body)
                | (Part::Body | Part::Id, Part::Timestamp)
                | (Part::Method, Part::Url(_) | Part::Target(_))
                | (Part::Body, Part::Url(_))
        );
        if !fixed(left) && !fixed(right) && !told_apart {
            return Err(TemplateError::Adjacent { left: left.to_string(), right: right.to_string() });
        }
    }
    Ok(parts)
}

fn split(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            literal.push(next);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or(TemplateError::Brace)?;
            push_literal(&mut parts, &mut literal);
            parts.push(part(name)?);
            rest = after;
        } else {
            literal.push(fixed(next)?);
            rest = rest.strip_prefix(next).unwrap_or_default();
        }
    }
    push_literal(&mut parts, &mut literal);
    Ok(parts)
}

fn fixed(character: char) -> Result<char, TemplateError> {
    match character {
        '}' => Err(TemplateError::Brace),
        _ if !character.is_ascii() => Err(TemplateError::Literal),
        _ => Ok(character),
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

fn part(name: &str) -> Result<Part, TemplateError> {
    match name.split_once(':') {
        None => word(name).ok_or(TemplateError::Part),
        Some(("header", name)) => name.parse::<HeaderName>().map(Part::Header).map_err(|_| TemplateError::Part),
        Some(("sha256", "body")) => Ok(Part::BodySha256),
        Some(("option", name)) if !name.is_empty() => Ok(Part::Option(name.to_owned())),
        Some(_) => Err(TemplateError::Part),
    }
}

fn word(name: &str) -> Option<Part> {
    Some(match name {
        "timestamp" => Part::Timestamp,
        "id" => Part::Id,
        "body" => Part::Body,
        "method" => Part::Method,
        "url" => Part::Url(String::new()),
        "target" => Part::Target(String::new()),
        "secret" => Part::Secret,
        _ => return None,
    })
}

impl std::fmt::Display for Part {
    /// As a template writes it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(text) => formatter.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Self::Timestamp => formatter.write_str("{timestamp}"),
            Self::Id => formatter.write_str("{id}"),
            Self::Header(name) => write!(formatter, "{{header:{name}}}"),
            Self::Body => formatter.write_str("{body}"),
            Self::BodySha256 => formatter.write_str("{sha256:body}"),
            Self::Method => formatter.write_str("{method}"),
            Self::Url(_) => formatter.write_str("{url}"),
            Self::Target(_) => formatter.write_str("{target}"),
            Self::Option(name) => write!(formatter, "{{option:{name}}}"),
            Self::Secret => formatter.write_str("{secret}"),
        }
    }
}

/// The byte that the part at an index must not hold (rule 3).
#[must_use]
pub fn delimiter(content: &[Part], index: usize) -> Option<u8> {
    let (before, from_here) = content.split_at_checked(index)?;
    if from_here.contains(&Part::Body) {
        return literal(from_here.get(1)?)?.first().copied();
    }
    literal(before.last()?)?.last().copied()
}

fn literal(part: &Part) -> Option<&[u8]> {
    match part {
        Part::Literal(text) => Some(text.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_split_into_parts() {
        let id = || Part::Id;
        let literal = |text: &str| Part::Literal(text.to_owned());
        let header = Part::Header(HeaderName::from_static("x-a"));
        let cases = [
            ("{body}", vec![Part::Body]),
            ("v0:{timestamp}:{body}", vec![literal("v0:"), Part::Timestamp, literal(":"), Part::Body]),
            ("{timestamp}{body}", vec![Part::Timestamp, Part::Body]),
            ("{id}{timestamp}{body}", vec![Part::Id, Part::Timestamp, Part::Body]),
            ("{body}{timestamp}", vec![Part::Body, Part::Timestamp]),
            ("{id}.{body}.{header:X-A}", vec![id(), literal("."), Part::Body, literal("."), header]),
            ("{{{body}}}", vec![literal("{"), Part::Body, literal("}")]),
        ];
        for (text, parts) in cases {
            assert_eq!(parse(text).as_ref(), Ok(&parts), "{text}");
            assert_eq!(parts.iter().map(ToString::to_string).collect::<String>().to_lowercase(), text.to_lowercase());
        }
    }

    #[test]
    fn ambiguous_and_broken_templates_are_refused() {
        let adjacent = |left: &str, right: &str| TemplateError::Adjacent { left: left.to_owned(), right: right.to_owned() };
        let cases = [
            ("{id}", TemplateError::Body),
            ("{body}{body}", TemplateError::Body),
            ("{id}{body}", adjacent("{id}", "{body}")),
            ("{timestamp}{id}.{body}", adjacent("{timestamp}", "{id}")),
            ("{body}{id}", adjacent("{body}", "{id}")),
            ("{body", TemplateError::Brace),
            ("body}", TemplateError::Brace),
            ("{nonce}.{body}", TemplateError::Part),
            ("{header:a b}.{body}", TemplateError::Part),
            ("ü{body}", TemplateError::Literal),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_part_must_not_hold_the_byte_that_ends_it() {
        let content = parse("{id}.{timestamp}.{body}|~{header:x-a}").unwrap();
        assert_eq!(delimiter(&content, 0), Some(b'.'));
        assert_eq!(delimiter(&content, 6), Some(b'~'));
        assert_eq!(delimiter(&content, 4), Some(b'|'), "the body has one too, but nobody asks");
        assert_eq!(delimiter(&content, 9), None);
    }
}
