//! The signatures and the time that a request presents, judged by its head alone: before a byte of the body is wanted.
//!
//! Rules:
//! 1. A header of the scheme that stands twice is malformed, whichever line would hold, unless the scheme says that it may.
//! 2. At most nine signature entries, whatever their version; an entry of another version or key is no signature of ours.
//! 3. A malformed signature is skipped while a well-formed one remains.
//! 4. Exactly one spelling: nothing is trimmed, no other case or alphabet is taken, lengths are exact.
//! 5. A timestamp is ten digits for seconds, thirteen for milliseconds, without sign or leading zero, or RFC 3339.
//! 6. Where headers belong to keys, what stands in one is tried with its own key only.

use http::HeaderName;

use super::candidate::Candidate;
use super::envelope::{sender_part, single};
use super::error::VerifyError;
use super::sent_time::SentTime;
use crate::domain::head::{Head, Single};
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
}

impl Presented {
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
        let named = rule.key_id_header.is_none() || (key_id.is_some() && self.key_id.as_deref() == key_id);
        let fits = move |candidate: &&Candidate| match rule.key_id_of(candidate.header) {
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
    let (value, candidates) = signatures(scheme, head)?;
    let sent_at = match &scheme.timestamp {
        Some(timestamp) => sent_at(rule, timestamp, value, head)?,
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
    Ok(Presented { candidates, sent_at, key_id })
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
fn signatures<'h>(scheme: &Scheme, head: &'h Head) -> Result<(&'h [u8], Vec<Candidate>), VerifyError> {
    let rule = &scheme.signature;
    let mut first = None;
    let mut found = Found { candidates: Vec::with_capacity(1), entries: 0 };
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
    let Some(first) = first else { return Err(VerifyError::SignatureMissing { header: rule.header.clone() }) };
    if found.candidates.is_empty() {
        return Err(VerifyError::SignatureMalformed { header: rule.header.clone() });
    }
    Ok((first, found.candidates))
}

/// What was read so far.
struct Found {
    candidates: Vec<Candidate>,
    entries: usize,
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
    }
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
        SignatureFormat::Prefixed { .. } | SignatureFormat::Versioned { .. } | SignatureFormat::Joined { .. } => (None, false),
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
        Some(TimestampPlace::Header(_) | TimestampPlace::Json(_)) | None => false,
    }
}

/// The time that the head holds; a time in the body comes later.
fn sent_at(
    rule: &SignatureRule,
    timestamp: &TimestampRule,
    signature: &[u8],
    head: &Head,
) -> Result<Option<SentTime>, VerifyError> {
    let text = match &timestamp.place {
        TimestampPlace::Header(name) => time_header(head, name)?,
        TimestampPlace::Json(_) => return Ok(None),
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
