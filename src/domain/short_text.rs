//! Short ASCII texts that are made of numbers: times, addresses, lengths. pure
//!
//! An audit line and a head to the upstream have a dozen of them, and the formatting machinery takes ten times as long.
//!
//! Invariant: what finds no room is left out, and every text made here has room.

use std::fmt;

/// The longest: an IPv6 address with its zone and its port.
const ROOM_BYTES: usize = 64;

/// A text that needs no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortText {
    bytes: [u8; ROOM_BYTES],
    length: usize,
}

impl ShortText {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; ROOM_BYTES], length: 0 }
    }

    /// A whole number.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        let mut text = Self::new();
        text.number(number);
        text
    }

    /// Bytes in hexadecimal digits, as many as find room: a SHA-256 does.
    #[must_use]
    pub fn of_hex(bytes: &[u8]) -> Self {
        let mut text = Self::new();
        let (pairs, _) = text.bytes.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(bytes) {
            *pair = [hex_digit(byte >> 4), hex_digit(byte & 0xf)];
        }
        text.length = bytes.len().saturating_mul(2).min(ROOM_BYTES);
        text
    }

    /// What was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Appends bytes of ASCII.
    pub(super) fn put(&mut self, text: &[u8]) {
        let end = self.length.saturating_add(text.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(text);
            self.length = end;
        }
    }

    /// Appends a byte of ASCII.
    pub(super) fn byte(&mut self, byte: u8) {
        if let Some(room) = self.bytes.get_mut(self.length) {
            *room = byte;
            self.length = self.length.saturating_add(1);
        }
    }

    /// Appends a number without leading zeros.
    pub(super) fn number(&mut self, number: u64) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Appends the last so many digits of a number, with the zeros in front.
    pub(super) fn padded<const DIGITS: usize>(&mut self, number: u64) {
        let mut digits = [b'0'; DIGITS];
        let mut left = number;
        for digit in digits.iter_mut().rev() {
            *digit = ascii(left % 10);
            left /= 10;
        }
        self.put(&digits);
    }

    /// Takes so many bytes at its end away.
    pub(super) const fn cut(&mut self, bytes: usize) {
        self.length = self.length.saturating_sub(bytes);
    }

    /// Takes the zeros at its end away.
    pub(super) fn trim_zeros(&mut self) {
        let zeros = self.as_bytes().iter().rev().take_while(|byte| **byte == b'0').count();
        self.cut(zeros);
    }
}

impl Default for ShortText {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Without a table many are made at once.
const fn hex_digit(half: u8) -> u8 {
    half.wrapping_add(if half < 10 { b'0' } else { b'a' - 10 })
}

fn ascii(digit: u64) -> u8 {
    b'0'.wrapping_add(u8::try_from(digit).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_as_everybody_writes_them(number in any::<u64>(), shift in 0_u32..64) {
            let number = number >> shift;
            prop_assert!(ShortText::of_number(number).as_str() == number.to_string());
            let mut padded = ShortText::new();
            padded.padded::<6>(number);
            prop_assert_eq!(padded.as_str(), format!("{:06}", number % 1_000_000));
        }
    }

    #[test]
    fn bytes_are_as_everybody_writes_them() {
        let bytes: Vec<u8> = (0..=255).collect();
        for hash in bytes.chunks(32) {
            assert_eq!(ShortText::of_hex(hash).as_str(), data_encoding::HEXLOWER.encode(hash));
        }
    }

    #[test]
    fn what_finds_no_room_is_left_out() {
        let mut text = ShortText::new();
        text.put(&[b'a'; 60]);
        text.put(b"12345");
        text.put(b"6789");
        text.byte(b'x');
        assert!(text.as_str().ends_with("aa6789") && text.as_bytes().len() == 64);
    }
}
