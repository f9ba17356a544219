//! The template of the content to be signed, such as `{timestamp}.{body}`.
//!
//! Rules, so that no two requests have the same content unless they are the same delivery:
//! 1. The body, its digest, its checksum, its canonical form or its form stands in it exactly once; or else a field of it at
//!    least.
//! 2. No two parts of variable length touch. A timestamp ends itself, so it may touch the body, and stand behind an id whose
//!    characters no timestamp begins or ends with; `file::check` knows its unit and says where that does not hold.
//!    A canonical body and a compact member are an object or a list, which end themselves: a timestamp may touch them.
//! 3. A part the sender chooses ends at the literal behind it (begins at the one before it, behind the body) and must not
//!    hold that delimiter: else `id = "evt.1"` could be moved into the timestamp. [`delimiter`] says which byte that is. Fixed
//!    text at the very end is no delimiter: nothing stands behind it.
//! 4. A URL may touch a body: its query holds only what a URL may hold, a body behind it then begins with what none may
//!    hold, and a query before whose end the URL stands again is refused.
//! 5. The secret of a plain digest stands first or last.
//! 6. A form may touch the URL before it, and nothing divides its keys and values: providers sign so. Whoever captured a
//!    delivery could cut it up in another way, but not make it another delivery. The same holds for the decoded query of
//!    `{sorted-request}`. `{php-form}` says how long each is.
//!
//! 7. A query that is signed with nothing between its fields has a closed list of names, of which none ends with another, and no
//!    value holds `=`: so each `=` of what was signed ends the same name for the sender and for us. Names that whoever asks the
//!    provider may choose (`?`) stand before all of the provider's own, whose values can then be neither moved nor grown. There
//!    is `{no-body}` beside it, since nothing says what a body should be.
//!
//! A brace is written twice: `{{` and `}}`.

use http::HeaderName;

use super::scheme::{BodyDigest, Locator, Member, MemberList, MemberStyle, Part, QueryField, Scheme};

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace stands alone.
    #[error("has a brace without its partner")]
    Brace,
    /// A part has an unknown name.
    #[error(
        "may hold {{timestamp}}, {{id}}, {{header:Name}}, {{method}}, {{url}}, {{url-other-port}}, {{target}}, {{option:name}}, {{secret}}, \
         {{body}}, {{sha256:body}}, {{sha512-base64:body}}, {{crc32:body}}, {{jcs:body}}, {{json:/pointer}}, {{compact:/pointer}}, \
         {{form:field}}, {{any-form:field}}, {{sorted-form}}, {{sorted-request}}, {{php-form}}, {{sorted-query:a?,b}}, {{no-body}}, {{lines:/a,/b}}, \
         {{colons:/a,/b}}, {{headers:Name}} and fixed text"
    )]
    Part,
    /// The names of a signed query could be taken for one another.
    #[error(
        "must be {{sorted-query:…}}{{no-body}} alone, its names in lower case and sorted, none the end of another, those with ? first"
    )]
    Names,
    /// Fixed text is not ASCII.
    #[error("may hold fixed text in ASCII only")]
    Literal,
    /// The body is missing or stands twice.
    #[error("must hold {{body}} exactly once, or fields of it")]
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
    let is_whole = |part: &&Part| part.is_whole_body();
    let has_field = parts.iter().any(|part| matches!(part, Part::Field(_) | Part::Compact(_) | Part::Members(_)));
    if !matches!((parts.iter().filter(is_whole).count(), has_field), (1, _) | (0, true)) {
        return Err(TemplateError::Body);
    }
    if parts.iter().any(|part| matches!(part, Part::SortedQuery(_))) && !matches!(*parts, [Part::SortedQuery(_), Part::NoBody]) {
        return Err(TemplateError::Names);
    }
    // It has no bytes that could divide what stands before it from what stands behind.
    if parts.iter().rev().skip(1).any(|part| *part == Part::NoBody) {
        return Err(TemplateError::Body);
    }
    let secrets = parts.iter().filter(|part| **part == Part::Secret).count();
    let at_an_end = parts.first() == Some(&Part::Secret) || parts.last() == Some(&Part::Secret);
    if secrets > 1 || (secrets == 1 && !at_an_end) {
        return Err(TemplateError::Secret);
    }
    for (left, right) in parts.iter().zip(parts.iter().skip(1)) {
        let is_fixed = |part: &Part| matches!(part, Part::Literal(_) | Part::Option(_) | Part::Secret);
        let fixed = |part: &Part| is_fixed(part) || matches!(part, Part::BodyDigest { .. } | Part::NoBody);
        let told_apart = matches!(
            (left, right),
            (Part::Timestamp, Part::Field(_) | Part::CanonicalBody | Part::Compact(_))
                | (Part::Url(_) | Part::UrlOtherPort(_), Part::SortedForm { .. })
                | (Part::Timestamp | Part::Url(_) | Part::UrlOtherPort(_), Part::Body)
                | (Part::Body | Part::Id | Part::CanonicalBody | Part::Compact(_), Part::Timestamp)
                | (Part::Method, Part::Url(_) | Part::UrlOtherPort(_) | Part::Target(_))
                | (Part::Body, Part::Url(_) | Part::UrlOtherPort(_))
        );
        if !fixed(left) && !fixed(right) && !told_apart {
            return Err(TemplateError::Adjacent { left: left.to_string(), right: right.to_string() });
        }
    }
    Ok(parts)
}

impl Part {
    /// Whether it stands for the whole body, or its digest, checksum or form (rule 1).
    #[must_use]
    pub const fn is_whole_body(&self) -> bool {
        self.covers_body() || matches!(self, Self::BodyCrc32)
    }

    /// Whether it differs for every other body that says something else.
    #[must_use]
    pub const fn covers_body(&self) -> bool {
        let is_form = matches!(self, Self::SortedForm { .. } | Self::SortedRequest(_) | Self::PhpForm);
        is_form || matches!(self, Self::Body | Self::BodyDigest { .. } | Self::CanonicalBody | Self::NoBody)
    }
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
        Some(("crc32", "body")) => Ok(Part::BodyCrc32),
        Some(("jcs", "body")) => Ok(Part::CanonicalBody),
        Some(("compact", pointer)) => pointer.parse().map(Part::Compact).map_err(|_| TemplateError::Part),
        Some(("json" | "form" | "any-form", _)) => name_of_field(name),
        Some(("sorted-form", field)) if !field.is_empty() => Ok(Part::SortedForm { digest_in_query: Some(field.to_owned()) }),
        Some(("lines", list)) => members(MemberStyle::Lines, list),
        Some(("sorted-query", list)) => query_fields(list).map(Part::SortedQuery).ok_or(TemplateError::Names),
        Some(("colons", list)) => members(MemberStyle::Colons, list),
        Some(("headers", name)) => name.parse::<HeaderName>().map(Part::NamedHeaders).map_err(|_| TemplateError::Part),
        Some(("option", name)) if !name.is_empty() => Ok(Part::Option(name.to_owned())),
        Some(_) => body_digest(name).ok_or(TemplateError::Part),
    }
}

/// `sha256:body`, or `sha256:body=Name` for one that a header says, too.
fn body_digest(name: &str) -> Option<Part> {
    let (word, header) = name.split_once('=').map_or((name, None), |(word, header)| (word, Some(header)));
    let (_, digest) = BodyDigest::WORDS.into_iter().find(|(known, _)| *known == word)?;
    let header = header.map(str::parse::<HeaderName>).transpose().ok()?;
    Some(Part::BodyDigest { digest, header })
}

fn name_of_field(place: &str) -> Result<Part, TemplateError> {
    match place.parse() {
        Ok(place @ (Locator::Json(_) | Locator::Form(_) | Locator::AnyForm(_))) => Ok(Part::Field(place)),
        _ => Err(TemplateError::Part),
    }
}

/// `/a,/b?,/c*`: `?` may be absent, `*` may hold what divides them, and only one may.
fn members(style: MemberStyle, list: &str) -> Result<Part, TemplateError> {
    let read = |text: &str| {
        let (text, is_optional) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
        let (text, is_free) = text.strip_suffix('*').map_or((text, false), |text| (text, true));
        Ok(Member { pointer: text.parse().map_err(|_| TemplateError::Part)?, is_optional, is_free })
    };
    let members = list.split(',').map(read).collect::<Result<Vec<_>, TemplateError>>()?;
    if members.iter().filter(|member| member.is_free).count() > 1 || members.len() > MEMBERS_MAX {
        return Err(TemplateError::Part);
    }
    Ok(Part::Members(MemberList { style, members }))
}

/// `a?,b`: sorted in the same way with and without the `=` behind them (rule 7).
fn query_fields(list: &str) -> Option<Vec<QueryField>> {
    let read = |text: &str| {
        let (name, is_optional) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
        QueryField { name: name.to_owned(), is_optional }
    };
    let fields: Vec<_> = list.split(',').map(read).collect();
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"0123456789_".contains(&byte));
    let follows = |(one, next): (&QueryField, &QueryField)| {
        let is_sorted = one.name < next.name && format!("{}=", one.name) < format!("{}=", next.name);
        is_sorted && (one.is_optional || !next.is_optional)
    };
    let ends = |field: &QueryField| fields.iter().filter(|other| field.name.ends_with(&other.name)).count() > 1;
    let is_closed =
        fields.iter().all(|field| is_name(&field.name) && !ends(field)) && fields.iter().any(|field| !field.is_optional);
    (is_closed && fields.len() <= MEMBERS_MAX && fields.iter().zip(fields.iter().skip(1)).all(follows)).then_some(fields)
}

/// As many as one pass over the body looks for.
const MEMBERS_MAX: usize = 16;

fn word(name: &str) -> Option<Part> {
    Some(match name {
        "timestamp" => Part::Timestamp,
        "id" => Part::Id,
        "body" => Part::Body,
        "method" => Part::Method,
        "url" => Part::Url(String::new()),
        "url-other-port" => Part::UrlOtherPort(String::new()),
        "target" => Part::Target(String::new()),
        "target-escaped" => Part::TargetEscaped(String::new()),
        "sorted-form" => Part::SortedForm { digest_in_query: None },
        "sorted-request" => Part::SortedRequest(String::new()),
        "php-form" => Part::PhpForm,
        "no-body" => Part::NoBody,
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
            Self::BodyDigest { digest, header: None } => write!(formatter, "{{{digest}}}"),
            Self::BodyDigest { digest, header: Some(name) } => write!(formatter, "{{{digest}={name}}}"),
            Self::CanonicalBody => formatter.write_str("{jcs:body}"),
            Self::Compact(pointer) => write!(formatter, "{{compact:{pointer}}}"),
            Self::Method => formatter.write_str("{method}"),
            Self::Url(_) => formatter.write_str("{url}"),
            Self::UrlOtherPort(_) => formatter.write_str("{url-other-port}"),
            Self::Target(_) => formatter.write_str("{target}"),
            Self::TargetEscaped(_) => formatter.write_str("{target-escaped}"),
            Self::Field(place) => write!(formatter, "{{{place}}}"),
            Self::Members(list) => write!(formatter, "{{{list}}}"),
            Self::SortedForm { digest_in_query: None } => formatter.write_str("{sorted-form}"),
            Self::SortedForm { digest_in_query: Some(field) } => write!(formatter, "{{sorted-form:{field}}}"),
            Self::SortedRequest(_) => formatter.write_str("{sorted-request}"),
            Self::NoBody => formatter.write_str("{no-body}"),
            Self::SortedQuery(fields) => {
                let mark = |field: &QueryField| format!("{}{}", field.name, if field.is_optional { "?" } else { "" });
                write!(formatter, "{{sorted-query:{}}}", fields.iter().map(mark).collect::<Vec<_>>().join(","))
            }
            Self::PhpForm => formatter.write_str("{php-form}"),
            Self::BodyCrc32 => formatter.write_str("{crc32:body}"),
            Self::NamedHeaders(name) => write!(formatter, "{{headers:{name}}}"),
            Self::Token => formatter.write_str("{token}"),
            Self::Option(name) => write!(formatter, "{{option:{name}}}"),
            Self::Secret => formatter.write_str("{secret}"),
        }
    }
}

impl std::fmt::Display for BodyDigest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = Self::WORDS.iter().find(|(_, known)| known == self);
        formatter.write_str(known.map_or("", |(word, _)| word))
    }
}

impl std::fmt::Display for MemberList {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.style {
            MemberStyle::Lines => "lines:",
            MemberStyle::Colons => "colons:",
        })?;
        for (index, member) in self.members.iter().enumerate() {
            let mark = |is_so, mark| if is_so { mark } else { "" };
            let comma = mark(index > 0, ",");
            write!(formatter, "{comma}{}{}{}", member.pointer, mark(member.is_free, "*"), mark(member.is_optional, "?"))?;
        }
        Ok(())
    }
}

/// What a scheme signs, as templates write it: the content, and each alternative.
pub fn texts(scheme: &Scheme) -> impl Iterator<Item = String> {
    let contents = std::iter::once(&scheme.content).chain(&scheme.alternatives);
    contents.map(|parts| parts.iter().map(ToString::to_string).collect())
}

/// The byte that the part at an index must not hold (rule 3).
#[must_use]
pub fn delimiter(content: &[Part], index: usize) -> Option<u8> {
    let (before, from_here) = content.split_at_checked(index)?;
    let is_body = |part: &Part| matches!(part, Part::Body | Part::SortedForm { .. } | Part::SortedRequest(_));
    let has_body = |parts: &[Part]| parts.iter().any(is_body);
    if has_body(from_here) || !has_body(before) {
        // Behind fixed text at the very end stands nothing that could be moved into.
        if from_here.len() == 2 {
            return None;
        }
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
        let field = |name: &str, is_optional| QueryField { name: name.to_owned(), is_optional };
        let cases = [
            ("{body}", vec![Part::Body]),
            ("v0:{timestamp}:{body}", vec![literal("v0:"), Part::Timestamp, literal(":"), Part::Body]),
            ("{timestamp}{body}", vec![Part::Timestamp, Part::Body]),
            ("{id}{timestamp}{body}", vec![Part::Id, Part::Timestamp, Part::Body]),
            ("{body}{timestamp}", vec![Part::Body, Part::Timestamp]),
            ("{id}.{body}.{header:X-A}", vec![id(), literal("."), Part::Body, literal("."), header]),
            ("{url}{sorted-form}", vec![Part::Url(String::new()), Part::SortedForm { digest_in_query: None }]),
            ("{timestamp}{json:/token}", vec![Part::Timestamp, Part::Field(Locator::Json("/token".parse().unwrap()))]),
            (
                "{sorted-query:a?,b_c}{no-body}",
                vec![Part::SortedQuery(vec![field("a", true), field("b_c", false)]), Part::NoBody],
            ),
            ("{url}{no-body}", vec![Part::Url(String::new()), Part::NoBody]),
            ("{jcs:body}{timestamp}", vec![Part::CanonicalBody, Part::Timestamp]),
            ("{timestamp}{compact:/a/b}", vec![Part::Timestamp, Part::Compact("/a/b".parse().unwrap())]),
            ("{sha256:body}", vec![Part::BodyDigest { digest: BodyDigest::Sha256Hex, header: None }]),
            (
                "{sha512-base64:body=x-a}{id}",
                vec![
                    Part::BodyDigest { digest: BodyDigest::Sha512Base64, header: Some(HeaderName::from_static("x-a")) },
                    Part::Id,
                ],
            ),
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
            ("{id}{no-body}{header:x-a}", TemplateError::Body),
            ("{url}{json:/a}", adjacent("{url}", "{json:/a}")),
            ("{json:/a}{json:/b}", adjacent("{json:/a}", "{json:/b}")),
            ("{body}.{crc32:body}", TemplateError::Body),
            ("{sorted-query:a,b}", TemplateError::Body),
            ("{body}{no-body}", TemplateError::Body),
            ("{sorted-query:a,b}.{body}", TemplateError::Names),
            ("{sorted-query:a,b}.{no-body}", TemplateError::Names),
            ("{sorted-query:b,a}{no-body}", TemplateError::Names),
            ("{sorted-query:a,a}{no-body}", TemplateError::Names),
            ("{sorted-query:a,a1}{no-body}", TemplateError::Names),
            ("{sorted-query:id,shop_id}{no-body}", TemplateError::Names),
            ("{sorted-query:a,b?}{no-body}", TemplateError::Names),
            ("{sorted-query:a?}{no-body}", TemplateError::Names),
            ("{sorted-query:A,b}{no-body}", TemplateError::Names),
            ("{sorted-query:a,}{no-body}", TemplateError::Names),
            ("{sorted-query:}{no-body}", TemplateError::Names),
            ("{sorted-request}{id}", adjacent("{sorted-request}", "{id}")),
            ("{php-form}{body}", TemplateError::Body),
            ("{jcs:body}.{sha512-base64:body}", TemplateError::Body),
            ("{jcs:body}{compact:/a}", adjacent("{jcs:body}", "{compact:/a}")),
            ("{id}{jcs:body}", adjacent("{id}", "{jcs:body}")),
            ("{compact:/a}{json:/b}", adjacent("{compact:/a}", "{json:/b}")),
            ("{compact:a}", TemplateError::Part),
            ("{sha1:body}", TemplateError::Part),
            ("{sha256:body=a b}", TemplateError::Part),
            ("{crc32:body=x-a}", TemplateError::Part),
            ("{jcs:/a}", TemplateError::Part),
            ("{lines:/a*,/b*}", TemplateError::Part),
            ("{lines:a}", TemplateError::Part),
            ("{colons:}", TemplateError::Part),
            ("{header:A B}.{body}", TemplateError::Part),
            ("{query:a}", TemplateError::Part),
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
        let ended = parse("{form:a}|{form:b}\n").unwrap();
        assert_eq!([0, 2].map(|index| delimiter(&ended, index)), [Some(b'|'), None]);
    }
}
