//! The signatures and the time that a request presents, judged by its head alone: before a byte of the body is wanted.
//!
//! Rules:
//! 1. A header of the scheme that stands twice is malformed, whichever line would hold, unless the scheme says that it may.
//! 2. At most nine signature entries, whatever their version; an entry of another version or key is no signature of ours.
//! 3. A malformed signature is skipped while a well-formed one remains.
//! 4. Exactly one spelling: nothing is trimmed, no other case or alphabet is taken, lengths are exact. Where a provider takes
//!    hex of either case so is it here, and only so.
//! 5. A timestamp is ten digits for seconds, thirteen for milliseconds, without sign or leading zero, or RFC 3339.
//! 6. A signature that the body or the query carries is read when that is here; its head has nothing to present.
//! 7. A header that has a fixed value stands once, and has it: what is signed in another way is not judged by this one.
//! 8. Where headers belong to keys, what stands in one is tried with its own key only.

use std::sync::Arc;

use data_encoding::BASE64;
use http::HeaderName;

use super::body_fields;
use super::candidate::{Candidate, Candidates};
use super::certificate::Certificate;
use super::envelope::{digest_header, sender_part};
use super::error::VerifyError;
use super::lone_headers::{key_id, says, stands_once, time_header};
use super::pieces::{pieces, split_at};
use super::sent_time::{SentTime, field_time, member_time};
use super::token::{self, Token};
use crate::domain::head::{Head, Received};
use crate::provider::scheme::{HeaderLines, Part, Scheme, SignatureFormat, SignatureRule, TimestampPlace, TimestampRule};

/// The most signature entries of one request: a rotation shows two or three.
pub const MAX_SIGNATURES: usize = 9;

/// What a request presents: at least one well-formed signature, the time it says it was signed, the key it names.
#[derive(Debug)]
#[must_use]
pub struct Presented {
    candidates: Candidates,
    sent_at: Option<SentTime>,
    key_id: Option<Box<str>>,
    token: Option<Box<Token>>,
    certificate: Option<Arc<Certificate>>,
}

impl Presented {
    /// The same, with the certificate that the request names, where it names one.
    pub fn under(self, certificate: Option<Arc<Certificate>>) -> Self {
        Self { certificate, ..self }
    }

    pub(super) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// Takes what the body carries: a signature, and a time that is part of the content by itself.
    pub(super) fn take_carried(&mut self, scheme: &Scheme, received: &Received) -> Result<(), VerifyError> {
        let place = &scheme.signature.place;
        if scheme.signature.header().is_none() {
            let text = body_fields::text(place, received)?;
            let mut found = Found::default();
            read(&scheme.signature, None, 0, text.as_bytes(), &mut found)?;
            if found.candidates.is_empty() {
                return Err(VerifyError::FieldMalformed { place: place.clone() });
            }
            self.candidates = found.candidates;
        }
        let is_by_itself = scheme.content.contains(&Part::Timestamp) && !scheme.content.iter().any(Part::covers_body);
        let in_body = scheme.timestamp.as_ref().filter(|_| is_by_itself).and_then(|rule| rule.place.in_body());
        if let Some(place) = in_body.filter(|place| body_fields::has_lookalike(place, received)) {
            return Err(VerifyError::FieldMalformed { place });
        }
        match &scheme.timestamp {
            Some(TimestampRule { place: TimestampPlace::Json(pointer), unit, .. })
                if scheme.content.contains(&Part::Timestamp) =>
            {
                self.sent_at = member_time(pointer, *unit, received)?;
            }
            Some(TimestampRule { place: TimestampPlace::Form(place), unit, .. }) => {
                self.sent_at = field_time(place, *unit, received)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The token, for a scheme that presents one.
    pub(super) fn token(&self) -> Option<&Token> {
        self.token.as_deref()
    }

    pub(super) const fn sent_at(&self) -> Option<&SentTime> {
        self.sent_at.as_ref()
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
        let by_entry = matches!(rule.format, SignatureFormat::Named { .. } | SignatureFormat::Json { .. });
        let fits = move |candidate: &&Candidate| match rule.key_id_of(candidate.header) {
            None if by_entry => key_id.is_some() && candidate.key_id() == key_id,
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
    let mut found = Found::default();
    signatures(scheme, head, &mut found)?;
    scheme.fixed_headers.iter().try_for_each(|(name, text)| says(head, name, text))?;
    let sent_at = match &scheme.timestamp {
        Some(timestamp) => sent_at(timestamp, &found, head)?,
        None => None,
    };
    let key_id = match &rule.key_id_header {
        Some(name) => Some(key_id(head, name)?),
        None => None,
    };
    for (index, part) in scheme.content.iter().enumerate() {
        match part {
            Part::Id | Part::Header(_) => drop(sender_part(scheme, &scheme.content, head, index)?),
            Part::BodyDigest { digest, header: Some(name) } => digest_header(*digest, head, name)?,
            _ => {}
        }
    }
    // Nearly no head has any header twice, and that is told without a look at one.
    if head.headers.len() != head.headers.keys_len() {
        scheme.event.iter().chain(&scheme.delivery_id).try_for_each(|place| stands_once(place, head))?;
    }
    Ok(Presented { candidates: found.candidates, sent_at, key_id, token: found.token, certificate: None })
}

/// All signatures that are well formed on all lines that hold some, and the time on the first of these.
fn signatures<'h>(scheme: &Scheme, head: &'h Head, found: &mut Found<'h>) -> Result<(), VerifyError> {
    let rule = &scheme.signature;
    let Some(first) = rule.header() else { return Ok(()) };
    let time = scheme.timestamp.as_ref().and_then(TimestampRule::signature_field);
    lines(rule, time, (0, first), head, found)?;
    if !matches!(rule.lines, HeaderLines::Once | HeaderLines::Repeated) {
        let others = (0_u8..).zip(rule.headers()).skip(1);
        others.map(|(header, (name, _))| (header, name)).try_for_each(|header| lines(rule, time, header, head, found))?;
    }
    if found.candidates.is_empty() {
        let header = first.clone();
        let is_missing = !found.is_any_read;
        return Err(if is_missing {
            VerifyError::SignatureMissing { header }
        } else {
            VerifyError::SignatureMalformed { header }
        });
    }
    Ok(())
}

/// The same on all lines of one header.
fn lines<'h>(
    rule: &SignatureRule,
    time: Option<&str>,
    (header, name): (u8, &HeaderName),
    head: &'h Head,
    found: &mut Found<'h>,
) -> Result<(), VerifyError> {
    for (line, value) in head.headers.get_all(name).iter().enumerate() {
        if line > 0 && rule.lines != HeaderLines::Repeated {
            return Err(VerifyError::HeaderRepeated { header: name.clone() });
        }
        let value = value.as_bytes();
        if !value.trim_ascii().is_empty() {
            read(rule, time, header, value, found)?;
            found.is_any_read = true;
        }
    }
    Ok(())
}

/// What was read so far.
#[derive(Default)]
struct Found<'v> {
    candidates: Candidates,
    entries: usize,
    /// The time on the first line.
    time: Option<&'v [u8]>,
    is_time_repeated: bool,
    /// Whether there was a line that is not empty.
    is_any_read: bool,
    token: Option<Box<Token>>,
}

impl<'v> Found<'v> {
    fn count_entry(&mut self) -> Result<(), VerifyError> {
        if self.entries >= MAX_SIGNATURES {
            return Err(VerifyError::TooManySignatures { max: MAX_SIGNATURES });
        }
        self.entries = self.entries.saturating_add(1);
        Ok(())
    }

    fn take_time(&mut self, text: &'v [u8]) {
        if !self.is_any_read {
            self.is_time_repeated |= self.time.is_some();
            self.time = self.time.or(Some(text));
        }
    }
}

/// Reads one line; `time` is the key of the pair that holds the time.
fn read<'v>(
    rule: &SignatureRule,
    time: Option<&str>,
    header: u8,
    value: &'v [u8],
    found: &mut Found<'v>,
) -> Result<(), VerifyError> {
    match &rule.format {
        SignatureFormat::Prefixed { prefix } => {
            let text = value.strip_prefix(prefix.as_bytes());
            collect(rule, header, "", text.into_iter().map(|text| (&b""[..], text)), found)
        }
        SignatureFormat::Pairs { separator, spaced, key } => {
            for pair in pieces(value, *separator) {
                let (name, text) = split_at(if *spaced { pair.trim_ascii() } else { pair }, b'=');
                match time {
                    Some(time) if time.as_bytes() == name => found.take_time(text),
                    _ => take(rule, header, name == key.as_bytes(), text, found)?,
                }
            }
            Ok(())
        }
        SignatureFormat::Versioned { version } => {
            let entries = pieces(value, ' ').map(|entry| split_at(entry, b','));
            collect(rule, header, version, entries, found)
        }
        SignatureFormat::Joined { separator } => {
            let entries = pieces(value, *separator).map(|entry| (&b""[..], entry));
            collect(rule, header, "", entries, found)
        }
        // Each is a candidate for the key that it names.
        SignatureFormat::Named { separator, between } => {
            for entry in pieces(value, *separator) {
                found.count_entry()?;
                found.candidates.extend(Candidate::decode_named(rule, entry, between.as_bytes()));
            }
            Ok(())
        }
        SignatureFormat::Json { member, key_member, fixed } => {
            found.count_entry()?;
            found.candidates.extend(in_object(rule, value, (member, key_member), fixed));
            Ok(())
        }
        SignatureFormat::Token(token) => {
            let read = value.strip_prefix(token.prefix.as_bytes()).and_then(|text| token::read(rule, token.is_detached, text));
            if let Some((token, candidate)) = read {
                found.candidates.push(candidate);
                found.token = Some(Box::new(token));
            }
            Ok(())
        }
    }
}

/// The signature in an object that holds it, the id of its key, and what it must besides.
fn in_object(
    rule: &SignatureRule,
    value: &[u8],
    (member, key_member): (&str, &str),
    fixed: &[(String, String)],
) -> Option<Candidate> {
    let object = token::members(&BASE64, value)?;
    let says_so = fixed.iter().all(|(name, text)| object.text(name) == Some(text));
    if !says_so || object.len() != fixed.len().saturating_add(2) {
        return None;
    }
    let key_id = object.text(key_member)?;
    Candidate::decode(rule, 0, object.text(member)?.as_bytes()).map(|candidate| candidate.of_key(key_id))
}

/// Takes the well-formed entries under a label, and refuses more entries than the bound, whatever their label.
fn collect<'v>(
    rule: &SignatureRule,
    header: u8,
    label: &str,
    entries: impl Iterator<Item = (&'v [u8], &'v [u8])>,
    found: &mut Found<'_>,
) -> Result<(), VerifyError> {
    for (name, text) in entries {
        take(rule, header, name == label.as_bytes(), text, found)?;
    }
    Ok(())
}

/// Takes one entry: counted whatever it is, a candidate if it is one of ours and well formed.
fn take(rule: &SignatureRule, header: u8, is_ours: bool, text: &[u8], found: &mut Found<'_>) -> Result<(), VerifyError> {
    found.count_entry()?;
    if is_ours && let Some(candidate) = Candidate::decode(rule, header, text) {
        found.candidates.push(candidate);
    }
    Ok(())
}

/// The time that the head holds; a time in the body comes later.
fn sent_at(timestamp: &TimestampRule, found: &Found<'_>, head: &Head) -> Result<Option<SentTime>, VerifyError> {
    let text = match &timestamp.place {
        TimestampPlace::Header(name) => time_header(head, name)?,
        TimestampPlace::Json(_) | TimestampPlace::Form(_) => return Ok(None),
        TimestampPlace::Claim(claim) => return claimed_time(found.token.as_deref(), claim, timestamp).map(Some),
        TimestampPlace::SignatureField(_) if found.is_time_repeated => return Err(VerifyError::TimestampRepeated),
        TimestampPlace::SignatureField(_) => found.time.ok_or(VerifyError::TimestampMissing)?,
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
