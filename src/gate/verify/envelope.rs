//! The content to be signed: what stands before and behind the body, resolved from one request. The body is never copied.

use std::iter;

use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::body_fields;
use super::error::VerifyError;
use super::php_form;
use super::presented::Presented;
use super::sorted_query;
use super::sorted_request;
use super::spelling::{HEX, STANDARD, decode_base64, decode_hex};
use super::url;
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Received, Single};
use crate::provider::content;
use crate::provider::locate::canonical::canonical;
use crate::provider::scheme::{BodyDigest, Locator, Part, Scheme, TimestampPlace};

/// What surrounds the body in the content to be signed.
pub(super) struct Envelope {
    around: Around,
    /// Where in it the body itself stands, for content that holds it.
    body_at: Option<usize>,
}

/// Room for an id and a time; what is longer is rare.
pub(super) type Around = SmallVec<[u8; 64]>;

impl Envelope {
    /// Resolves one of a scheme's contents against a request.
    pub(super) fn resolve(
        scheme: &Scheme,
        content: &[Part],
        received: &Received,
        presented: &Presented,
    ) -> Result<Self, VerifyError> {
        let head = &received.head;
        let mut envelope = Self { around: Around::new(), body_at: None };
        let bytes = &mut envelope.around;
        for (index, part) in content.iter().enumerate() {
            match part {
                Part::Body => envelope.body_at = Some(bytes.len()),
                Part::Literal(text) => bytes.extend_from_slice(text.as_bytes()),
                Part::Timestamp => bytes.extend_from_slice(presented.sent_at().ok_or(VerifyError::TimestampMissing)?.text()),
                Part::Id | Part::Header(_) => bytes.extend_from_slice(sender_part(scheme, content, head, index)?),
                Part::BodyDigest { digest, header } => {
                    bytes.extend_from_slice(body_digest(*digest, header.as_ref(), received)?.as_bytes());
                }
                Part::CanonicalBody => bytes.extend_from_slice(canonical(&received.body.contiguous())?.as_bytes()),
                Part::Compact(pointer) => bytes.extend_from_slice(body_fields::compact(pointer, received)?.as_bytes()),
                Part::Method => bytes.extend_from_slice(head.method.as_str().as_bytes()),
                Part::Url(base) | Part::UrlOtherPort(base) | Part::Target(base) => url::append(base, content, received, bytes)?,
                Part::TargetEscaped(base) => url::append_escaped(base, content, received, bytes)?,
                Part::BodyCrc32 => bytes.extend_from_slice(body_checksum(&received.body).as_bytes()),
                Part::Field(place) => bytes.extend_from_slice(field(content, received, index, place)?.as_bytes()),
                Part::Members(list) => bytes.extend_from_slice(body_fields::member_list(list, received)?.as_bytes()),
                Part::SortedForm { digest_in_query } => {
                    bytes.extend_from_slice(body_fields::sorted_form(digest_in_query.as_deref(), received)?.as_bytes());
                }
                Part::SortedRequest(base) => sorted_request::append(base, received, bytes)?,
                Part::SortedQuery(fields) => sorted_query::append(fields, &scheme.signature.place, received, bytes)?,
                Part::NoBody if received.body.is_empty() => {}
                // Nobody signed one.
                Part::NoBody => return Err(VerifyError::SignatureMismatch),
                Part::PhpForm => bytes.extend_from_slice(&php_form::written(&scheme.signature.place, &received.body)?),
                Part::NamedHeaders(name) => bytes.extend_from_slice(&named_headers(scheme, head, name)?),
                Part::Token => {
                    let token = presented.token().ok_or(VerifyError::SecretUnavailable)?;
                    bytes.extend_from_slice(token.signed());
                }
                Part::Option(_) => return Err(VerifyError::Unbound),
                // The digest adds it: it is nothing of the request.
                Part::Secret => {}
            }
        }
        Ok(envelope)
    }

    /// The content piece by piece, in order.
    pub(super) fn pieces<'e>(&'e self, body: &'e RawBody) -> impl Iterator<Item = &'e [u8]> {
        let (chunks, at) = match self.body_at {
            Some(at) => (body.chunks(), at),
            None => (&[][..], 0),
        };
        let (before, behind) = self.around.split_at_checked(at).unwrap_or((&self.around, &[]));
        iter::once(before).chain(chunks.iter().map(AsRef::as_ref)).chain(iter::once(behind)).filter(|piece| !piece.is_empty())
    }

    /// How many bytes the content has.
    pub(super) fn len(&self, body: &RawBody) -> usize {
        let around = self.around.len();
        if self.body_at.is_some() { around.saturating_add(body.len()) } else { around }
    }

    /// The content in one piece, for signatures that are not computed piece by piece.
    pub(super) fn contiguous(&self, body: &RawBody) -> Vec<u8> {
        let mut content = Vec::with_capacity(self.len(body));
        self.pieces(body).for_each(|piece| content.extend_from_slice(piece));
        content
    }
}

/// A digest of the body, which its header must say, too: whoever stands behind may look there only.
fn body_digest(digest: BodyDigest, header: Option<&HeaderName>, received: &Received) -> Result<String, VerifyError> {
    let text = body_fields::digest(digest, &received.body);
    match header {
        Some(name) if there_once(&received.head, name)? != text.as_bytes() => Err(VerifyError::SignatureMismatch),
        _ => Ok(text),
    }
}

/// Whether the header of a digest is there, and says one of that kind.
pub(super) fn digest_header(digest: BodyDigest, head: &Head, name: &HeaderName) -> Result<(), VerifyError> {
    let value = there_once(head, name)?;
    let mut bytes = [0; 64];
    let length = match digest {
        BodyDigest::Sha256Hex => decode_hex(HEX, value, &mut bytes).filter(|length| *length == 32),
        BodyDigest::Sha512Base64 => decode_base64(STANDARD, value, &mut bytes).filter(|length| *length == 64),
    };
    length.map(|_| ()).ok_or_else(|| VerifyError::PartMalformed { header: name.clone() })
}

/// What a header says that the scheme signs.
fn there_once<'h>(head: &'h Head, name: &HeaderName) -> Result<&'h [u8], VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) if !value.is_empty() => Ok(value.as_bytes()),
        Single::One(_) | Single::Missing => Err(VerifyError::PartMissing { header: name.clone() }),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}

fn body_checksum(body: &RawBody) -> String {
    let mut checksum = crc32fast::Hasher::new();
    body.chunks().iter().for_each(|chunk| checksum.update(chunk));
    checksum.finalize().to_string()
}

/// A field of the body, without the delimiter that ends it.
fn field(parts: &[Part], received: &Received, index: usize, place: &Locator) -> Result<String, VerifyError> {
    let text = body_fields::text(place, received)?;
    match content::delimiter(parts, index) {
        Some(ends_it) if text.as_bytes().contains(&ends_it) => Err(VerifyError::FieldMalformed { place: place.clone() }),
        _ => Ok(text),
    }
}

/// The most headers that one header may name.
const NAMED_MAX: usize = 32;

/// `name:value` of each header that a header names, divided by `;`. The list names itself, and the header of the time where
/// the scheme has one: else neither would be signed.
fn named_headers(scheme: &Scheme, head: &Head, list: &HeaderName) -> Result<Vec<u8>, VerifyError> {
    let malformed = || VerifyError::PartMalformed { header: list.clone() };
    let value = match single(&head.headers, list) {
        Single::One(value) => value.to_str().map_err(|_| malformed())?,
        Single::Missing => return Err(VerifyError::PartMissing { header: list.clone() }),
        Single::Repeated => return Err(VerifyError::HeaderRepeated { header: list.clone() }),
    };
    let mut named = Vec::new();
    for name in value.split(',') {
        let name: HeaderName = name.parse().map_err(|_| malformed())?;
        if named.contains(&name) || named.len() >= NAMED_MAX {
            return Err(malformed());
        }
        named.push(name);
    }
    let time = match scheme.timestamp.as_ref().map(|rule| &rule.place) {
        Some(TimestampPlace::Header(name)) => name,
        _ => list,
    };
    if !named.contains(list) || !named.contains(time) {
        return Err(malformed());
    }
    let mut lines = Vec::with_capacity(named.len());
    for name in &named {
        let Single::One(value) = single(&head.headers, name) else {
            return Err(VerifyError::PartMissing { header: name.clone() });
        };
        lines.push([name.as_str().as_bytes(), b":", value.as_bytes().trim_ascii()].concat());
    }
    Ok(lines.join(&b';'))
}

/// The value of a part that the sender chooses: there once, visible ASCII (inside a header other than the id also spaces),
/// and without the delimiter that ends it.
pub(super) fn sender_part<'h>(scheme: &Scheme, parts: &[Part], head: &'h Head, index: usize) -> Result<&'h [u8], VerifyError> {
    let Some(part) = parts.get(index) else { return Ok(&[]) };
    let Some(name) = scheme.header_of(part) else { return Ok(&[]) };
    let value = there_once(head, name)?;
    let ends_it = content::delimiter(parts, index);
    // What no header's value holds, where nothing ends it.
    let ends_it = ends_it.unwrap_or_default();
    let is_told_apart = match (part, parts.get(index.saturating_add(1))) {
        // A date holds a colon before its end, so no id of these characters can hold one, or a piece of the body.
        (_, Some(Part::Timestamp)) => value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(byte)),
        (Part::Id, _) => value.iter().all(|byte| byte.is_ascii_graphic() && *byte != ends_it),
        _ => value.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != ends_it),
    };
    if is_told_apart { Ok(value) } else { Err(VerifyError::PartMalformed { header: name.clone() }) }
}

/// As [`Head::single`], without hashing the name's text anew.
pub(super) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Single<'h> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Missing,
        (Some(value), None) => Single::One(value),
        (Some(_), Some(_)) => Single::Repeated,
    }
}
