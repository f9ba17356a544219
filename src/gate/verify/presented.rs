//! The signatures and the time that a request presents, judged by its head alone: before a byte of the body is wanted.
//!
//! Rules:
//! 1. A header of the scheme that stands twice is malformed, whichever line would hold.
//! 2. At most nine signature entries, whatever their version; an entry of another version or key is no signature of ours.
//! 3. A malformed signature is skipped while a well-formed one remains.
//! 4. Exactly one spelling: nothing is trimmed, no other case or alphabet is taken, lengths are exact.
//! 5. A timestamp is ten digits for seconds, thirteen for milliseconds, without sign or leading zero.

use http::HeaderName;

use super::candidate::Candidate;
use super::envelope::{sender_part, single};
use super::error::VerifyError;
use super::sent_time::SentTime;
use crate::domain::head::{Head, Single};
use crate::provider::scheme::{Locator, Part, Scheme, SignatureFormat, SignatureRule, TimestampPlace, TimestampRule};

/// The most signature entries of one request: a rotation shows two or three.
pub const MAX_SIGNATURES: usize = 9;

/// What a request presents: at least one well-formed signature, and the time it says it was signed.
#[derive(Debug)]
#[must_use]
pub struct Presented {
    candidates: Vec<Candidate>,
    sent_at: Option<SentTime>,
}

impl Presented {
    pub(super) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    pub(super) const fn sent_at(&self) -> Option<&SentTime> {
        self.sent_at.as_ref()
    }
}

/// Reads what a head presents under a scheme.
///
/// # Errors
/// [`VerifyError`] when a header of the scheme is missing, doubled or malformed.
pub fn present(scheme: &Scheme, head: &Head) -> Result<Presented, VerifyError> {
    let rule = &scheme.signature;
    let value = match single(&head.headers, &rule.header) {
        Single::One(value) if !value.as_bytes().trim_ascii().is_empty() => value.as_bytes(),
        Single::One(_) | Single::Missing => return Err(VerifyError::SignatureMissing { header: rule.header.clone() }),
        Single::Repeated => return Err(VerifyError::HeaderRepeated { header: rule.header.clone() }),
    };
    let candidates = candidates(rule, scheme.timestamp.as_ref(), value)?;
    let sent_at = match &scheme.timestamp {
        Some(timestamp) => Some(sent_at(rule, timestamp, value, head)?),
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
    Ok(Presented { candidates, sent_at })
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

fn candidates(rule: &SignatureRule, timestamp: Option<&TimestampRule>, value: &[u8]) -> Result<Vec<Candidate>, VerifyError> {
    let mut found = Vec::with_capacity(1);
    match &rule.format {
        SignatureFormat::Prefixed { prefix } => {
            found.extend(value.strip_prefix(prefix.as_bytes()).and_then(|text| Candidate::decode(rule, text)));
        }
        SignatureFormat::Pairs { key, .. } => {
            let pairs = pairs(rule, value).filter(|(name, _)| !is_time_field(timestamp, name));
            collect(rule, key, pairs, &mut found)?;
        }
        SignatureFormat::Versioned { version } => {
            collect(rule, version, value.split(|byte| *byte == b' ').map(|entry| split_at(entry, b',')), &mut found)?;
        }
    }
    if found.is_empty() {
        return Err(VerifyError::SignatureMalformed { header: rule.header.clone() });
    }
    Ok(found)
}

/// Takes the well-formed entries under a label, and refuses more entries than the bound, whatever their label.
fn collect<'v>(
    rule: &SignatureRule,
    label: &str,
    entries: impl Iterator<Item = (&'v [u8], &'v [u8])>,
    found: &mut Vec<Candidate>,
) -> Result<(), VerifyError> {
    for (index, (name, text)) in entries.enumerate() {
        if index >= MAX_SIGNATURES {
            return Err(VerifyError::TooManySignatures { max: MAX_SIGNATURES });
        }
        if name == label.as_bytes() {
            found.extend(Candidate::decode(rule, text));
        }
    }
    Ok(())
}

/// The `key=value` pairs of a header; a piece without `=` is a key without a value. Other formats have no pairs.
fn pairs<'v>(rule: &SignatureRule, value: &'v [u8]) -> impl Iterator<Item = (&'v [u8], &'v [u8])> + use<'v> {
    let separator = match rule.format {
        SignatureFormat::Pairs { separator, .. } => u8::try_from(separator).ok(),
        SignatureFormat::Prefixed { .. } | SignatureFormat::Versioned { .. } => None,
    };
    value.split(move |byte| Some(*byte) == separator).map(|pair| split_at(pair, b'='))
}

fn split_at(entry: &[u8], divider: u8) -> (&[u8], &[u8]) {
    let mut halves = entry.splitn(2, |byte| *byte == divider);
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

fn is_time_field(timestamp: Option<&TimestampRule>, name: &[u8]) -> bool {
    match timestamp.map(|rule| &rule.place) {
        Some(TimestampPlace::SignatureField(field)) => field.as_bytes() == name,
        Some(TimestampPlace::Header(_)) | None => false,
    }
}

fn sent_at(rule: &SignatureRule, timestamp: &TimestampRule, signature: &[u8], head: &Head) -> Result<SentTime, VerifyError> {
    let text = match &timestamp.place {
        TimestampPlace::Header(name) => time_header(head, name)?,
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
    SentTime::parse(text, timestamp.unit).ok_or(VerifyError::TimestampMalformed)
}

fn time_header<'h>(head: &'h Head, name: &HeaderName) -> Result<&'h [u8], VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) => Ok(value.as_bytes()),
        Single::Missing => Err(VerifyError::TimestampMissing),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}
