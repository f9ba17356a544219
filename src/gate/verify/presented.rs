//! The signatures and the time that a request presents, judged by its head alone: before a byte of the body is wanted.
//!
//! Rules:
//! 1. A header of the scheme that stands twice is malformed, whichever line would hold, unless the scheme says that it may.
//! 2. At most nine signature entries, whatever their version; an entry of another version or key is no signature of ours.
//! 3. A malformed signature is skipped while a well-formed one remains.
//! 4. Exactly one spelling: nothing is trimmed, no other case or alphabet is taken, lengths are exact.
//! 5. A timestamp is ten digits for seconds, thirteen for milliseconds, without sign or leading zero, or RFC 3339.
//! 6. A signature that the body or the query carries is read when that is here; its head has nothing to present.
//! 7. Where headers belong to keys, what stands in one is tried with its own key only.

use http::HeaderName;

use super::body_fields;
use super::candidate::Candidate;
use super::envelope::{sender_part, single};
use super::error::VerifyError;
use super::gate::body_time;
use super::sent_time::SentTime;
use super::token::{self, Token};
use crate::domain::head::{Head, Received, Single};
use crate::provider::scheme::{
    HeaderLines, Locator, Part, Scheme, SignatureFormat, SignatureRule, TimestampPlace, TimestampRule,
};

/// The most signature entries of one request: a rotation shows two or three.
pub const MAX_SIGNATURES: usize = 9;

/// What a request presents: at least one well-formed signature, the time it says it was signed, the key it names.
#[derive(Debug)]
#[must_use]
pub struct Presented {
    candidates: Vec<Candidate>,
    sent_at: Option<SentTime>,
    key_id: Option<String>,
    token: Option<Token>,
}

impl Presented {
    /// With what the body or the query carries, for a scheme whose signature stands there.
    pub(super) fn carried(mut self, scheme: &Scheme, received: &Received) -> Result<Self, VerifyError> {
        let place = &scheme.signature.place;
        if scheme.signature.header().is_some() {
            return Ok(self);
        }
        let text = body_fields::text(place, received)?;
        let mut found = Found::default();
        read(&scheme.signature, None, 0, text.as_bytes(), &mut found)?;
        if found.candidates.is_empty() {
            return Err(VerifyError::FieldMalformed { place: place.clone() });
        }
        self.candidates = found.candidates;
        Ok(self)
    }

    /// With the time in the body, where that is part of the content by itself.
    pub(super) fn timed(self, scheme: &Scheme, received: &Received) -> Result<Self, VerifyError> {
        match scheme.timestamp.as_ref().map(|rule| (&rule.place, rule.unit)) {
            Some((TimestampPlace::Json(pointer), unit)) if scheme.content.contains(&Part::Timestamp) => {
                Ok(Self { sent_at: body_time(pointer, unit, received)?, ..self })
            }
            _ => Ok(self),
        }
    }

    /// The token, for a scheme that presents one.
    pub(super) const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    pub(super) const fn sent_at(&self) -> Option<&SentTime> {
        self.sent_at.as_ref()
    }

    pub(super) fn into_sent_at(self) -> Option<SentTime> {
        self.sent_at
    }

    /// The signatures that a key may have made, by the provider's own id of it.
    pub(super) fn candidates_of<'p>(
        &'p self,
        scheme: &'p Scheme,
        key_id: Option<&'p str>,
    ) -> impl Iterator<Item = &'p Candidate> {
        let rule = &scheme.signature;
        let named = match &self.token {
            // A key without an id is for every token, and a token without one is for every key.
            Some(token) => key_id.is_none() || token.key_id().is_none() || token.key_id() == key_id,
            None => rule.key_id_header.is_none() || (key_id.is_some() && self.key_id.as_deref() == key_id),
        };
        let by_entry = rule.format == SignatureFormat::Named;
        let fits = move |candidate: &&Candidate| match rule.key_id_of(candidate.header) {
            None if by_entry => key_id.is_some() && candidate.key_id.as_deref() == key_id,
            None => named,
            Some(id) => named && Some(id) == key_id,
        };
        self.candidates.iter().filter(fits)
    }
}

/// Reads what a head presents under a scheme.
///
/// # Errors
/// [`VerifyError`] when a header of the scheme is missing, doubled or malformed.
pub fn present(scheme: &Scheme, head: &Head) -> Result<Presented, VerifyError> {
    let rule = &scheme.signature;
    let (value, found) = signatures(scheme, head)?;
    let sent_at = match &scheme.timestamp {
        Some(timestamp) => sent_at(rule, timestamp, value, found.token.as_ref(), head)?,
        None => None,
    };
    let key_id = match &rule.key_id_header {
        Some(name) => Some(key_id(head, name)?),
        None => None,
    };
    for (index, part) in scheme.content.iter().enumerate() {
        if matches!(part, Part::Id | Part::Header(_)) {
            sender_part(scheme, head, index, part)?;
        }
    }
    for place in scheme.event.iter().chain(&scheme.delivery_id) {
        stands_once(place, head)?;
    }
    Ok(Presented { candidates: found.candidates, sent_at, key_id, token: found.token })
}

/// A field's header given twice is one thing to us and may be the other to the receiver, signed or not.
fn stands_once(place: &Locator, head: &Head) -> Result<(), VerifyError> {
    match place {
        Locator::Header(name) if matches!(single(&head.headers, name), Single::Repeated) => {
            Err(VerifyError::HeaderRepeated { header: name.clone() })
        }
        _ => Ok(()),
    }
}

/// The first line that holds signatures, and all that are well formed on all of them.
fn signatures<'h>(scheme: &Scheme, head: &'h Head) -> Result<(&'h [u8], Found), VerifyError> {
    let rule = &scheme.signature;
    let mut first = None;
    let mut found = Found::default();
    for (header, (name, _)) in (0_u8..).zip(rule.headers()) {
        for (line, value) in head.headers.get_all(name).iter().enumerate() {
            if line > 0 && rule.lines != HeaderLines::Repeated {
                return Err(VerifyError::HeaderRepeated { header: name.clone() });
            }
            let value = value.as_bytes();
            if !value.trim_ascii().is_empty() {
                first = first.or(Some(value));
                read(rule, scheme.timestamp.as_ref(), header, value, &mut found)?;
            }
        }
    }
    match (first, rule.header()) {
        (None, Some(header)) => Err(VerifyError::SignatureMissing { header: header.clone() }),
        (_, Some(header)) if found.candidates.is_empty() => Err(VerifyError::SignatureMalformed { header: header.clone() }),
        (first, _) => Ok((first.unwrap_or_default(), found)),
    }
}

/// What was read so far.
#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    entries: usize,
    token: Option<Token>,
}

/// Reads one line.
fn read(
    rule: &SignatureRule,
    timestamp: Option<&TimestampRule>,
    header: u8,
    value: &[u8],
    found: &mut Found,
) -> Result<(), VerifyError> {
    match &rule.format {
        SignatureFormat::Prefixed { prefix } => {
            let text = value.strip_prefix(prefix.as_bytes());
            collect(rule, header, "", text.into_iter().map(|text| (&b""[..], text)), found)
        }
        SignatureFormat::Pairs { key, .. } => {
            let pairs = pairs(rule, value).filter(|(name, _)| !is_time_field(timestamp, name));
            collect(rule, header, key, pairs, found)
        }
        SignatureFormat::Versioned { version } => {
            let entries = value.split(|byte| *byte == b' ').map(|entry| split_at(entry, b','));
            collect(rule, header, version, entries, found)
        }
        SignatureFormat::Joined { separator } => {
            let separator = u8::try_from(*separator).ok();
            let entries = value.split(move |byte| Some(*byte) == separator).map(|entry| (&b""[..], entry));
            collect(rule, header, "", entries, found)
        }
        SignatureFormat::Named => collect_named(rule, value, found),
        SignatureFormat::Token(token) => {
            let read = value.strip_prefix(token.prefix.as_bytes()).and_then(|text| token::read(rule, text));
            if let Some((token, candidate)) = read {
                found.candidates.push(candidate);
                found.token = Some(token);
            }
            Ok(())
        }
    }
}

/// Takes the well-formed `key-id|signature` entries, each for the key that it names.
fn collect_named(rule: &SignatureRule, value: &[u8], found: &mut Found) -> Result<(), VerifyError> {
    for entry in value.split(|byte| *byte == b'&') {
        if found.entries >= MAX_SIGNATURES {
            return Err(VerifyError::TooManySignatures { max: MAX_SIGNATURES });
        }
        found.entries = found.entries.saturating_add(1);
        let (key_id, text) = split_at(entry, b'|');
        let (Ok(key_id), Some(candidate)) = (std::str::from_utf8(key_id), Candidate::decode(rule, 0, text)) else { continue };
        found.candidates.push(candidate.of_key(key_id));
    }
    Ok(())
}

/// Takes the well-formed entries under a label, and refuses more entries than the bound, whatever their label.
fn collect<'v>(
    rule: &SignatureRule,
    header: u8,
    label: &str,
    entries: impl Iterator<Item = (&'v [u8], &'v [u8])>,
    found: &mut Found,
) -> Result<(), VerifyError> {
    for (name, text) in entries {
        if found.entries >= MAX_SIGNATURES {
            return Err(VerifyError::TooManySignatures { max: MAX_SIGNATURES });
        }
        found.entries = found.entries.saturating_add(1);
        if name == label.as_bytes() {
            found.candidates.extend(Candidate::decode(rule, header, text));
        }
    }
    Ok(())
}

/// The `key=value` pairs of a header; a piece without `=` is a key without a value. Other formats have no pairs.
fn pairs<'v>(rule: &SignatureRule, value: &'v [u8]) -> impl Iterator<Item = (&'v [u8], &'v [u8])> + use<'v> {
    let (separator, spaced) = match rule.format {
        SignatureFormat::Pairs { separator, spaced, .. } => (u8::try_from(separator).ok(), spaced),
        _ => (None, false),
    };
    let pairs = value.split(move |byte| Some(*byte) == separator);
    pairs.map(move |pair| split_at(if spaced { pair.trim_ascii() } else { pair }, b'='))
}

fn split_at(entry: &[u8], divider: u8) -> (&[u8], &[u8]) {
    let mut halves = entry.splitn(2, |byte| *byte == divider);
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

fn is_time_field(timestamp: Option<&TimestampRule>, name: &[u8]) -> bool {
    match timestamp.map(|rule| &rule.place) {
        Some(TimestampPlace::SignatureField(field)) => field.as_bytes() == name,
        Some(TimestampPlace::Header(_) | TimestampPlace::Json(_) | TimestampPlace::Claim(_)) | None => false,
    }
}

/// The time that the head holds; a time in the body comes later.
fn sent_at(
    rule: &SignatureRule,
    timestamp: &TimestampRule,
    signature: &[u8],
    token: Option<&Token>,
    head: &Head,
) -> Result<Option<SentTime>, VerifyError> {
    let text = match &timestamp.place {
        TimestampPlace::Header(name) => time_header(head, name)?,
        TimestampPlace::Json(_) => return Ok(None),
        TimestampPlace::Claim(claim) => return claimed_time(token, claim, timestamp).map(Some),
        TimestampPlace::SignatureField(_) => {
            let mut values = pairs(rule, signature).filter(|(name, _)| is_time_field(Some(timestamp), name));
            let (_, first) = values.next().ok_or(VerifyError::TimestampMissing)?;
            if values.next().is_some() {
                return Err(VerifyError::TimestampRepeated);
            }
            first
        }
    };
    if text.trim_ascii().is_empty() {
        return Err(VerifyError::TimestampMissing);
    }
    SentTime::parse(text, timestamp.unit).map(Some).ok_or(VerifyError::TimestampMalformed)
}

/// A whole number, in the scheme's unit.
fn claimed_time(token: Option<&Token>, claim: &str, rule: &TimestampRule) -> Result<SentTime, VerifyError> {
    let said = token.and_then(|token| token.claim(claim)).ok_or(VerifyError::TimestampMissing)?;
    let text = said.as_i64().ok_or(VerifyError::TimestampMalformed)?.to_string();
    SentTime::parse(text.as_bytes(), rule.unit).ok_or(VerifyError::TimestampMalformed)
}

fn key_id(head: &Head, name: &HeaderName) -> Result<String, VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) if !value.is_empty() => {
            value.to_str().map(str::to_owned).map_err(|_| VerifyError::PartMalformed { header: name.clone() })
        }
        Single::One(_) | Single::Missing => Err(VerifyError::PartMissing { header: name.clone() }),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}

fn time_header<'h>(head: &'h Head, name: &HeaderName) -> Result<&'h [u8], VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) => Ok(value.as_bytes()),
        Single::Missing => Err(VerifyError::TimestampMissing),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}
