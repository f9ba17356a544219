//! What is looked for, and the search. pure
//!
//! Invariants: the texts are wiped when dropped, and nothing else here tells what they are: the filter holds hashes of at most
//! [`SLOT_BITS_MAX`] bits. A search looks at each byte about once, whatever the number of needles.
//!
//! 1. A sample is [`SAMPLE_BYTES`] bytes. Only every n-th of a text is looked at: the stride n is such that one of them, and no
//!    more than one, falls on the first n samples of whatever needle stands there. The shortest needle bounds it.
//! 2. The filter has a bit for the hash of each of those samples; only where it is set the needle itself is compared.

use std::collections::HashMap;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};
use zeroize::Zeroizing;

use crate::domain::name::{IntegrationName, SecretId};

/// Shorter ones would be found by accident.
const NEEDLE_BYTES_MIN: usize = SAMPLE_BYTES;
const SAMPLE_BYTES: usize = 8;
/// Longer strides save little and fill the filter.
const STRIDE_MAX: usize = 16;
const SLOT_BITS_MIN: u32 = 12;
/// A filter of 512 KiB.
const SLOT_BITS_MAX: u32 = 22;
const WORD_BITS: usize = 64;

/// How a secret is written where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As it is.
    Plain,
    /// In base64, of either alphabet.
    Base64,
    /// In hex.
    Hex,
}

impl Form {
    /// The word of the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }
}

/// One secret in one form.
#[derive(Clone)]
pub struct Needle {
    /// Whose secret it is.
    pub integration: IntegrationName,
    /// Which one.
    pub secret: SecretId,
    /// How it is written.
    pub form: Form,
    text: Zeroizing<Vec<u8>>,
}

/// Every form of a secret's text that is long enough to be looked for.
#[must_use]
pub fn needles_of(integration: &IntegrationName, secret: &SecretId, text: &[u8]) -> Vec<Needle> {
    let mut needles: Vec<Needle> = Vec::new();
    let mut add = |form: Form, text: Vec<u8>| {
        let text = Zeroizing::new(text);
        if text.len() >= NEEDLE_BYTES_MIN && needles.iter().all(|known| known.text != text) {
            needles.push(Needle { integration: integration.clone(), secret: secret.clone(), form, text });
        }
    };
    for meant in meanings(text) {
        // What is left of the last group depends on what follows it.
        let groups = meant.get(..meant.len().saturating_sub(meant.len() % 3)).unwrap_or_default();
        add(Form::Plain, meant.to_vec());
        add(Form::Base64, BASE64.encode(groups).into_bytes());
        add(Form::Base64, BASE64URL.encode(groups).into_bytes());
        add(Form::Hex, HEXLOWER.encode(&meant).into_bytes());
        add(Form::Hex, HEXUPPER.encode(&meant).into_bytes());
    }
    needles
}

/// The text itself, and what it is read as.
fn meanings(text: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    let bare = text.strip_prefix(b"whsec_").unwrap_or(text);
    let read = [Some(text.to_vec()), Some(bare.to_vec()), HEXLOWER_PERMISSIVE.decode(bare).ok(), BASE64.decode(bare).ok()];
    read.into_iter().flatten().map(Zeroizing::new).collect()
}

/// All that is looked for.
#[derive(Default)]
pub struct Needles {
    all: Vec<Needle>,
    stride: usize,
    slot_bits: u32,
    /// One bit for each hash of a needle's samples.
    filter: Vec<u64>,
    by_slot: HashMap<usize, Vec<Place>>,
}

/// A sample of a needle.
#[derive(Clone, Copy)]
struct Place {
    needle: usize,
    offset: usize,
}

impl Needles {
    /// Prepares the search.
    #[must_use]
    pub fn new(all: Vec<Needle>) -> Self {
        let shortest = all.iter().map(|needle| needle.text.len()).min().unwrap_or_default();
        let stride = shortest.saturating_sub(SAMPLE_BYTES).saturating_add(1).min(STRIDE_MAX);
        // At most one bit in sixteen is set, if the greatest filter has room for that.
        let wanted = all.len().saturating_mul(stride).saturating_mul(16).max(1).ilog2().saturating_add(1);
        let slot_bits = wanted.clamp(SLOT_BITS_MIN, SLOT_BITS_MAX);
        let filter = vec![0; (1 << slot_bits) / WORD_BITS];
        let mut needles = Self { all: Vec::new(), stride, slot_bits, filter, by_slot: HashMap::new() };
        for (index, needle) in all.iter().enumerate() {
            for (offset, sample) in needle.text.windows(SAMPLE_BYTES).take(stride).enumerate() {
                needles.enter(sample, Place { needle: index, offset });
            }
        }
        Self { all, ..needles }
    }

    fn enter(&mut self, sample: &[u8], place: Place) {
        let Some(sample) = sample.first_chunk() else { return };
        let slot = slot(*sample, self.slot_bits);
        if let Some(word) = self.filter.get_mut(slot / WORD_BITS) {
            *word |= 1 << (slot % WORD_BITS);
        }
        self.by_slot.entry(slot).or_default().push(place);
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Hands over every needle that stands in a text, once for each place.
    pub fn find<'n>(&'n self, text: &[u8], mut hit: impl FnMut(&'n Needle)) {
        for (here, window) in text.windows(SAMPLE_BYTES).enumerate().step_by(self.stride.max(1)) {
            let Some(sample) = window.first_chunk() else { continue };
            let slot = slot(*sample, self.slot_bits);
            let word = self.filter.get(slot / WORD_BITS).copied().unwrap_or_default();
            if word & (1 << (slot % WORD_BITS)) != 0 {
                self.judge(slot, text, here, &mut hit);
            }
        }
    }

    #[cold]
    fn judge<'n>(&'n self, slot: usize, text: &[u8], here: usize, hit: &mut impl FnMut(&'n Needle)) {
        for place in self.by_slot.get(&slot).into_iter().flatten() {
            let Some(needle) = self.all.get(place.needle) else { continue };
            let start = here.checked_sub(place.offset).and_then(|start| text.get(start..));
            if start.is_some_and(|text| text.starts_with(&needle.text)) {
                hit(needle);
            }
        }
    }
}

/// The upper bits of a multiplication: every byte of a sample has its part in them.
fn slot(sample: [u8; SAMPLE_BYTES], bits: u32) -> usize {
    let hash = u64::from_le_bytes(sample).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> u64::BITS.saturating_sub(bits.max(1));
    usize::try_from(hash).unwrap_or_default()
}

impl std::fmt::Debug for Needles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Needles({})", self.all.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needles(texts: &[&[u8]]) -> Needles {
        let name = "ci".parse().unwrap();
        let of = |(index, text): (usize, &&[u8])| needles_of(&name, &format!("s{index}").parse().unwrap(), text);
        Needles::new(texts.iter().enumerate().flat_map(of).collect())
    }

    fn found(needles: &Needles, text: &[u8]) -> Vec<(String, &'static str)> {
        let mut found = Vec::new();
        needles.find(text, |needle| found.push((needle.secret.to_string(), needle.form.code())));
        found
    }

    #[test]
    fn a_secret_is_found_in_every_form_and_nothing_else_is() {
        let secret = b"It's a Secret to Everybody";
        let needles = needles(&[secret, b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"short"]);
        let cases: [(&str, &[(&str, &str)]); 9] = [
            ("It's a Secret to Everybody", &[("s0", "plain")]),
            ("x=It's a Secret to Everybody&y", &[("s0", "plain")]),
            ("SXQncyBhIFNlY3JldCB0byBFdmVyeWJvZHk=", &[("s0", "base64")]),
            ("497427732061205365637265742074", &[]),
            ("4974277320612053656372657420746F204576657279626F6479", &[("s0", "hex")]),
            ("4974277320612053656372657420746f204576657279626f6479", &[("s0", "hex")]),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[("s1", "plain"), ("s1", "plain")]),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[("s1", "plain")]),
            ("It's a Secret to Nobody, short", &[]),
        ];
        for (text, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(id, form)| ((*id).to_owned(), *form)).collect();
            assert_eq!(found(&needles, text.as_bytes()), expected, "{text}");
        }
        assert!(format!("{needles:?}").len() < 14 && Needles::default().is_empty());
    }

    proptest! {
        #[test]
        fn the_search_agrees_with_a_plain_one(
            secret in prop::collection::vec(any::<u8>(), 8..60),
            others in prop::collection::vec(prop::collection::vec(any::<u8>(), 8..60), 0..4),
            before in prop::collection::vec(any::<u8>(), 0..50),
            after in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            prop_assume!(secret.trim_ascii().len() >= 8);
            let all: Vec<&[u8]> = std::iter::once(&secret).chain(&others).map(Vec::as_slice).collect();
            let needles = needles(&all);
            let text = [&before, secret.as_slice(), &after].concat();
            prop_assert!(found(&needles, &text).contains(&("s0".to_owned(), "plain")));
            let places = |text: &[u8]| -> usize {
                let of = |needle: &Needle| (0..text.len()).filter(|at| text[*at..].starts_with(&needle.text)).count();
                needles.all.iter().map(of).sum()
            };
            for text in [&before, &text] {
                prop_assert_eq!(places(text), found(&needles, text).len());
            }
        }
    }
}
