//! Bytes from text that is their one spelling: hex and base64 of RFC 4648.
//!
//! Signatures are short and nearly always well formed, so every digit is decoded before any is judged: without a way out the
//! compiler takes sixteen at a time. What is decoded here is what a sender shows, and no secret.
//!
//! Invariants: one case, one alphabet, no white space; padding where the alphabet has it, whole, and only at the end; no bits
//! beyond the last byte.

/// A base64 alphabet by its last two characters, and whether it pads.
#[derive(Clone, Copy)]
pub(super) struct Base64 {
    last_two: [u8; 2],
    is_padded: bool,
}

/// The standard alphabet, with padding.
pub(super) const STANDARD: Base64 = Base64 { last_two: *b"+/", is_padded: true };
/// The URL's alphabet, without.
pub(super) const URL: Base64 = Base64 { last_two: *b"-_", is_padded: false };

/// The most characters of a text: 64 bytes in hex, and that in base64.
const DIGITS_MAX: usize = 172;

/// Decodes hex whose letters begin with the given one into the front of `bytes`: how many there are.
pub(super) fn decode_hex(first_letter: u8, text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let mut digits = [0; DIGITS_MAX];
    let digits = digits.get_mut(..text.len())?;
    let mut is_hex = true;
    for (digit, byte) in digits.iter_mut().zip(text) {
        let (number, letter) = (byte.wrapping_sub(b'0'), byte.wrapping_sub(first_letter));
        is_hex &= number < 10 || letter < 6;
        *digit = if number < 10 { number } else { letter.wrapping_add(10) };
    }
    let (pairs, odd) = digits.as_chunks();
    let room = bytes.get_mut(..pairs.len())?;
    for (byte, [high, low]) in room.iter_mut().zip(pairs) {
        *byte = high << 4 | low & 15;
    }
    (is_hex && odd.is_empty()).then_some(pairs.len())
}

/// The same for base64.
pub(super) fn decode_base64(alphabet: Base64, text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let text = if alphabet.is_padded { unpadded(text)? } else { text };
    let mut digits = [0; DIGITS_MAX];
    let digits = digits.get_mut(..text.len())?;
    let mut is_base64 = true;
    for (digit, byte) in digits.iter_mut().zip(text) {
        *digit = sextet(alphabet.last_two, *byte);
        is_base64 &= *digit < 64;
    }
    let (groups, rest) = digits.as_chunks();
    let mut room = bytes.chunks_exact_mut(3);
    for ([a, b, c, d], triple) in groups.iter().zip(&mut room) {
        triple.copy_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    let whole = groups.len().checked_mul(3)?;
    let (last, stray) = match rest {
        [] => (&[][..], 0),
        [a, b] => (&[a << 2 | b >> 4][..], b & 15),
        [a, b, c] => (&[a << 2 | b >> 4, b << 4 | c >> 2][..], c & 3),
        _ => return None,
    };
    let length = whole.checked_add(last.len())?;
    bytes.get_mut(whole..length)?.copy_from_slice(last);
    (is_base64 && stray == 0).then_some(length)
}

/// A text in whole groups of four, without what fills up the last.
fn unpadded(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    text.len().is_multiple_of(4).then_some(rest)
}

/// The six bits of a character; 255 for one outside the alphabet.
const fn sextet([last_but_one, last]: [u8; 2], byte: u8) -> u8 {
    let (upper, lower, number) = (byte.wrapping_sub(b'A'), byte.wrapping_sub(b'a'), byte.wrapping_sub(b'0'));
    let mut sextet = 255;
    if upper < 26 {
        sextet = upper;
    }
    if lower < 26 {
        sextet = lower.wrapping_add(26);
    }
    if number < 10 {
        sextet = number.wrapping_add(52);
    }
    if byte == last_but_one {
        sextet = 62;
    }
    if byte == last {
        sextet = 63;
    }
    sextet
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
            "hex" => decode_hex(b'a', text, &mut bytes),
            "HEX" => decode_hex(b'A', text, &mut bytes),
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
