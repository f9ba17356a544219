//! Where a JSON string stops being plain text, many bytes at a time.
//!
//! Most strings are a few bytes long, and a search that is made for long ones costs more than they have bytes. So what is near
//! is looked at in words of eight, by arithmetic on all eight at once, and only what is far is searched.

use memchr::memchr2;

const NEAR_BYTES: usize = 32;

/// A one, and the highest bit, in each byte of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);

/// Where from a place on the next quote or backslash stands, or a control character that is near; `None` where none does, or a
/// control character that is far stands before it.
#[inline]
pub(super) fn mark(text: &[u8], from: usize) -> Option<usize> {
    let far = from.checked_add(NEAR_BYTES)?;
    let mut at = from;
    while let Some(word) = text.get(at..)?.first_chunk() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at.checked_add(usize::try_from(marks.trailing_zeros() / 8).ok()?);
        }
        if at >= far {
            return far_mark(text, at);
        }
        at = at.checked_add(8)?;
    }
    let behind = text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    at.checked_add(behind)
}

/// The highest bit of each byte that is a mark. Of the bytes above the first mark some more may have theirs, since the
/// subtractions borrow from them: only the first is to be asked for.
const fn marks(word: u64) -> u64 {
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    let zero_quotes = quotes.wrapping_sub(ONES) & !quotes;
    let zero_backslashes = backslashes.wrapping_sub(ONES) & !backslashes;
    let controls = word.wrapping_sub(ONES * b' ' as u64) & !word;
    (zero_quotes | zero_backslashes | controls) & HIGHEST
}

/// The same from a place on. Out of the way of the short ones.
#[inline(never)]
fn far_mark(text: &[u8], from: usize) -> Option<usize> {
    let far = text.get(from..)?;
    let at = memchr2(b'"', b'\\', far)?;
    // Every byte is looked at, without a way out: that is many at a time.
    let least = far.get(..at)?.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    if least < b' ' { None } else { at.checked_add(from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ends a string, or makes it none.
    fn is_mark(byte: u8) -> bool {
        matches!(byte, b'"' | b'\\' | ..b' ')
    }

    #[test]
    fn each_byte_at_each_place_is_told() {
        for byte in 0..=u8::MAX {
            for length in [1, 7, 8, 9, 31, 32, 33, 40, 41, 64, 100] {
                for at in 0..length {
                    let mut text = vec![b'~'; length];
                    text[at] = byte;
                    text.push(b'"');
                    let expected = if is_mark(byte) { at } else { length };
                    match mark(&text, 0) {
                        Some(found) => assert_eq!(found, expected, "{byte} at {at} of {length}"),
                        None => assert!(byte < b' ' && at >= NEAR_BYTES, "{byte} at {at} of {length}"),
                    }
                    text.pop();
                    assert!(is_mark(byte) || mark(&text, 0).is_none(), "{byte} at {at} of {length}, without an end");
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_is_told() {
        let cases: [(&[u8], usize); 4] =
            [(b"ab\"\\\"\x01\"x", 2), (b"\xff\x80!#\x1f\"\\x", 4), (b"\\\"", 0), (b"#[!] \x7f\x1fx", 6)];
        for (text, at) in cases {
            assert_eq!(mark(text, 0), Some(at), "{}", text.escape_ascii());
            assert_eq!(mark(&[b"\"\"", text].concat(), 2), Some(at + 2), "{}", text.escape_ascii());
        }
    }
}
