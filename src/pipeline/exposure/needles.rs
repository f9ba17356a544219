//! What is looked for, and the search. pure
//!
//! Invariants: the texts are wiped when dropped, and nothing else here tells what they are: the filter holds hashes of sixteen
//! bits. A search looks at one place in so many, whatever the number of needles: every needle is so long that one of these
//! places falls into it wherever it stands, and is known by each part of it that may fall there.

use std::collections::HashMap;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};
use zeroize::Zeroizing;

use crate::domain::name::{IntegrationName, SecretId};

/// Shorter ones would be found by accident.
const NEEDLE_BYTES_MIN: usize = 8;
/// What is looked at in one place.
const GRAM_BYTES: usize = 4;
/// From one place to the next at most: more would put more parts of needles into the filter than it saves.
const STRIDE_MAX: usize = 16;
const SLOT_BITS: u32 = 16;
const WORD_BITS: usize = 64;
const FILTER_WORDS: usize = (1 << SLOT_BITS) / WORD_BITS;

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
    /// From one place that is looked at to the next.
    stride: usize,
    /// One bit for each hash of a needle's part.
    filter: Vec<u64>,
    by_slot: HashMap<usize, Vec<NeedlePart>>,
}

/// Which needle, and how far inside it.
#[derive(Clone, Copy)]
struct NeedlePart {
    needle: usize,
    offset: usize,
}

impl Needles {
    /// Prepares the search.
    #[must_use]
    pub fn new(all: Vec<Needle>) -> Self {
        let shortest = all.iter().map(|needle| needle.text.len()).min().unwrap_or(NEEDLE_BYTES_MIN);
        let stride = shortest.saturating_sub(GRAM_BYTES - 1).clamp(1, STRIDE_MAX);
        let mut filter = vec![0_u64; FILTER_WORDS];
        let mut by_slot: HashMap<usize, Vec<NeedlePart>> = HashMap::new();
        for (index, needle) in all.iter().enumerate() {
            for (offset, gram) in needle.text.windows(GRAM_BYTES).take(stride).enumerate() {
                let Some(gram) = gram.first_chunk() else { continue };
                let slot = slot(*gram);
                if let Some(word) = filter.get_mut(slot / WORD_BITS) {
                    *word |= 1 << (slot % WORD_BITS);
                }
                by_slot.entry(slot).or_default().push(NeedlePart { needle: index, offset });
            }
        }
        Self { all, stride, filter, by_slot }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Hands over every needle that stands in a text, once for each place.
    pub fn find<'n>(&'n self, text: &[u8], mut hit: impl FnMut(&'n Needle)) {
        for (step, place) in text.chunks(self.stride.max(1)).enumerate() {
            let here = step.saturating_mul(self.stride);
            // The last places are shorter than a stride: what is looked at may begin in one and end in the next.
            let Some(gram) = place.first_chunk().or_else(|| text.get(here..)?.first_chunk()) else { continue };
            let slot = slot(*gram);
            let word = self.filter.get(slot / WORD_BITS).copied().unwrap_or_default();
            if word & (1 << (slot % WORD_BITS)) != 0 {
                self.judge(slot, text, here, &mut hit);
            }
        }
    }

    #[cold]
    fn judge<'n>(&'n self, slot: usize, text: &[u8], here: usize, hit: &mut impl FnMut(&'n Needle)) {
        for part in self.by_slot.get(&slot).into_iter().flatten() {
            let rest = here.checked_sub(part.offset).and_then(|start| text.get(start..));
            if let (Some(needle), Some(rest)) = (self.all.get(part.needle), rest)
                && rest.starts_with(&needle.text)
            {
                hit(needle);
            }
        }
    }
}

/// The upper bits of a multiplication: every byte of the gram has its part in them.
fn slot(gram: [u8; GRAM_BYTES]) -> usize {
    let hash = u32::from_le_bytes(gram).wrapping_mul(0x9e37_79b9) >> (u32::BITS - SLOT_BITS);
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
            secret in prop::collection::vec(any::<u8>(), 8..40),
            before in prop::collection::vec(any::<u8>(), 0..50),
            after in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            prop_assume!(secret.trim_ascii().len() >= 8);
            let needles = needles(&[&secret]);
            let text = [&before, secret.as_slice(), &after].concat();
            prop_assert!(found(&needles, &text).contains(&("s0".to_owned(), "plain")));
            let naive = |text: &[u8]| needles.all.iter().any(|needle| memchr::memmem::find(text, &needle.text).is_some());
            prop_assert_eq!(naive(&before), !found(&needles, &before).is_empty());
        }
    }
}
