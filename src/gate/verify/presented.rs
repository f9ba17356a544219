//! The signatures and the time that a request presents, judged by its head alone: before a byte of the body is wanted.
//!
//! Rules:
//! 1. A header of the scheme that stands twice is malformed, whichever line would hold.
//! 2. At most nine signature entries, whatever their version; an entry of another version or key is no signature of ours.
//! 3. A malformed signature is skipped while a well-formed one remains.
//! 4. Exactly one spelling: nothing is trimmed, no other case or alphabet is taken, lengths are exact.
//! 5. A timestamp is ten digits for seconds, thirteen for milliseconds, without sign or leading zero.

use http::HeaderName;

use super::envelope::{sender_part, single};
use super::error::VerifyError;
use crate::domain::head::{Head, Single};
use crate::domain::time::UnixTime;
use crate::provider::scheme::{
    Part, Scheme, SignatureEncoding, SignatureFormat, SignatureRule, TimestampPlace, TimestampRule, TimestampUnit,
};

/// The most signature entries of one request: a rotation shows two or three.
pub const MAX_SIGNATURES: usize = 9;

/// The longest signature of any algorithm.
pub(super) const MAX_SIGNATURE_BYTES: usize = 64;

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

/// One presented signature, decoded.
#[derive(Clone)]
pub(super) struct Candidate {
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
}

impl Candidate {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Candidate(..)")
    }
}

/// A time as sent: its text goes into the content, its value into the window.
#[derive(Clone, Debug)]
pub(super) struct SentTime {
    text: [u8; 13],
    length: usize,
    unit: TimestampUnit,
    value: i64,
}

impl SentTime {
    fn parse(text: &[u8], unit: TimestampUnit) -> Option<Self> {
        let length = match unit {
            TimestampUnit::Seconds => 10,
            TimestampUnit::Milliseconds => 13,
        };
        if text.len() != length || !text.iter().all(u8::is_ascii_digit) || text.first() == Some(&b'0') {
            return None;
        }
        let mut buffer = [0; 13];
        buffer.get_mut(..length)?.copy_from_slice(text);
        let value = std::str::from_utf8(text).ok()?.parse().ok()?;
        Some(Self { text: buffer, length, unit, value })
    }

    /// As sent.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    pub(super) const fn unit(&self) -> TimestampUnit {
        self.unit
    }

    /// In its unit.
    pub(super) const fn value(&self) -> i64 {
        self.value
    }

    pub(super) const fn time(&self) -> UnixTime {
        match self.unit {
            TimestampUnit::Seconds => UnixTime::from_seconds(self.value),
            TimestampUnit::Milliseconds => UnixTime::from_millis(self.value),
        }
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
    Ok(Presented { candidates, sent_at })
}

fn candidates(rule: &SignatureRule, timestamp: Option<&TimestampRule>, value: &[u8]) -> Result<Vec<Candidate>, VerifyError> {
    let mut found = Vec::with_capacity(1);
    match &rule.format {
        SignatureFormat::Prefixed { prefix } => {
            found.extend(value.strip_prefix(prefix.as_bytes()).and_then(|text| decode(rule, text)));
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
            found.extend(decode(rule, text));
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

/// Decodes one signature; `None` unless it is exactly as long as the algorithm makes it.
fn decode(rule: &SignatureRule, text: &[u8]) -> Option<Candidate> {
    let encoding = match rule.encoding {
        SignatureEncoding::Hex => &data_encoding::HEXLOWER,
        SignatureEncoding::Base64 => &data_encoding::BASE64,
        SignatureEncoding::Base64Url => &data_encoding::BASE64URL_NOPAD,
    };
    let expected = rule.algorithm.signature_bytes();
    if text.len() != encoding.encode_len(expected) {
        return None;
    }
    // Base64 asks for room in whole groups before it looks at the padding: up to two bytes more than the signature.
    let mut buffer = [0; MAX_SIGNATURE_BYTES + 2];
    let room = buffer.get_mut(..encoding.decode_len(text.len()).ok()?)?;
    let length = encoding.decode_mut(text, room).ok()?;
    let bytes = *buffer.first_chunk::<MAX_SIGNATURE_BYTES>()?;
    (length == expected).then_some(Candidate { bytes, length })
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
