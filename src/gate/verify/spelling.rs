//! Bytes from text that is their one spelling: hex and base64 of RFC 4648.
//!
//! Signatures are short and nearly always well formed, so every digit is decoded before any is judged. What is decoded here is
//! what a sender shows, and no secret: it may be looked up in tables.
//!
//! Invariants: one case, one alphabet, no white space; padding where the alphabet has it, whole, and only at the end; no bits
//! beyond the last byte.

/// What each byte stands for as a digit.
type Digits = [u8; 256];

/// What a byte outside an alphabet stands for: more than any digit.
const NO_DIGIT: u8 = 0xff;

/// Lower-case hex.
pub(super) const HEX: &Digits = &digits(b"0123456789abcdef");
/// Upper-case hex.
pub(super) const HEX_UPPER: &Digits = &digits(b"0123456789ABCDEF");

/// A base64 alphabet, and whether it pads.
#[derive(Clone, Copy)]
pub(super) struct Base64 {
    digits: &'static Digits,
    is_padded: bool,
}

/// The standard alphabet, with padding.
pub(super) const STANDARD: Base64 =
    Base64 { digits: &digits(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), is_padded: true };
/// The URL's alphabet, without.
pub(super) const URL: Base64 =
    Base64 { digits: &digits(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), is_padded: false };

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "only ever run by the compiler, over at most 64 characters"
)]
const fn digits(alphabet: &[u8]) -> Digits {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < alphabet.len() {
        digits[alphabet[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
}

fn digit(digits: &Digits, byte: u8) -> u8 {
    digits.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

/// Decodes hex into the front of `bytes`: how many there are.
pub(super) fn decode_hex(digits: &Digits, text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let (pairs, odd) = text.as_chunks();
    let room = bytes.get_mut(..pairs.len())?;
    let mut seen = 0;
    for (byte, pair) in room.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|byte| digit(digits, byte));
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16 && odd.is_empty()).then_some(pairs.len())
}

/// The same for base64.
pub(super) fn decode_base64(alphabet: Base64, text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let text = if alphabet.is_padded { unpadded(text)? } else { text };
    let (groups, rest) = text.as_chunks();
    let whole = groups.len().checked_mul(3)?;
    let (room, behind) = bytes.split_at_mut_checked(whole)?;
    let mut seen = 0;
    for (triple, group) in room.as_chunks_mut().0.iter_mut().zip(groups) {
        let [a, b, c, d] = group.map(|byte| digit(alphabet.digits, byte));
        seen |= a | b | c | d;
        *triple = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    let mut last = rest.iter().map(|byte| digit(alphabet.digits, *byte));
    let (last, stray) = match (last.next(), last.next(), last.next()) {
        (None, _, _) => (&[][..], 0),
        (Some(a), Some(b), None) => {
            seen |= a | b;
            (&[a << 2 | b >> 4][..], b & 15)
        }
        (Some(a), Some(b), Some(c)) => {
            seen |= a | b | c;
            (&[a << 2 | b >> 4, b << 4 | c >> 2][..], c & 3)
        }
        (Some(_), None, _) => return None,
    };
    behind.get_mut(..last.len())?.copy_from_slice(last);
    (seen < 64 && stray == 0).then_some(whole.checked_add(last.len())?)
}

/// A text in whole groups of four, without what fills up the last.
fn unpadded(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    text.len().is_multiple_of(4).then_some(rest)
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
    use proptest::prelude::*;

    use super::*;

    /// What a text decodes to, of at most 64 bytes.
    fn decoded(name: &str, text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = [0; 64];
        let length = match name {
            "hex" => decode_hex(HEX, text, &mut bytes),
            "HEX" => decode_hex(HEX_UPPER, text, &mut bytes),
            "base64" => decode_base64(STANDARD, text, &mut bytes),
            _ => decode_base64(URL, text, &mut bytes),
        };
        length.map(|length| bytes[..length].to_vec())
    }

    fn encodings() -> [(&'static str, Encoding); 4] {
        [("hex", HEXLOWER), ("HEX", HEXUPPER), ("base64", BASE64), ("base64url", BASE64URL_NOPAD)]
    }

    /// The same, if it is how the library writes that.
    fn by_library(encoding: &Encoding, text: &[u8]) -> Option<Vec<u8>> {
        encoding.decode(text).ok().filter(|bytes| bytes.len() <= 64 && encoding.encode(bytes).as_bytes() == text)
    }

    #[test]
    fn every_character_at_every_place_is_taken_or_refused_as_the_library_does() {
        for (name, encoding) in encodings() {
            for length in [0, 1, 2, 3, 20, 32, 64] {
                let text = encoding.encode(&vec![0x5a; length]).into_bytes();
                for at in 0..text.len() {
                    for byte in 0..=u8::MAX {
                        let mut changed = text.clone();
                        changed[at] = byte;
                        assert_eq!(
                            decoded(name, &changed),
                            by_library(&encoding, &changed),
                            "{name}: {}",
                            changed.escape_ascii()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn joints_padding_and_stray_bits_are_refused() {
        for text in
            ["AA==AAAA", "AA==AA==", "AA=", "AA", "A", "A===", "====", "=", "AAA=AAAA", "AB==", "AAB=", "AAAA=", "AAAA===="]
        {
            assert_eq!(decoded("base64", text.as_bytes()), None, "{text}");
        }
        for text in ["AA==", "A", "AB", "AAB", "AA+A", "AA/A"] {
            assert_eq!(decoded("base64url", text.as_bytes()), None, "{text}");
        }
        assert_eq!(decoded("base64", b"AA=="), Some(vec![0]));
        assert_eq!(decoded("base64url", b"-_8"), Some(vec![0xfb, 0xff]));
    }

    #[test]
    fn what_has_no_room_is_refused() {
        for (name, encoding) in encodings() {
            assert_eq!(decoded(name, encoding.encode(&[7; 65]).as_bytes()), None, "{name}");
            assert_eq!(decoded(name, encoding.encode(&[7; 1000]).as_bytes()), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_what_it_is_to_the_library_if_that_would_write_it_so(text in "[0-9a-fA-F=+/_-]{0,96}", bytes: Vec<u8>) {
            for (name, encoding) in encodings() {
                let right = encoding.encode(&bytes[..bytes.len().min(64)]);
                for text in [text.as_bytes(), right.as_bytes()] {
                    prop_assert_eq!(decoded(name, text), by_library(&encoding, text));
                }
            }
        }
    }
}
