//! Header values cut at a separator. Pure: what the pieces say is the business of whoever asked for them.

use std::iter;

use memchr::memchr;

/// What stands between separators, in order: one piece more than there are separators.
pub(super) fn pieces(value: &[u8], separator: char) -> impl Iterator<Item = &[u8]> {
    // One outside ASCII stands in no header.
    let separator = u8::try_from(separator).ok().filter(u8::is_ascii);
    let mut rest = Some(value);
    iter::from_fn(move || {
        let value = rest?;
        let end = separator.and_then(|separator| memchr(separator, value));
        rest = end.and_then(|end| value.get(end.saturating_add(1)..));
        value.get(..end.unwrap_or(value.len()))
    })
}

/// A piece without the divider is a key without a value.
pub(super) fn split_at(entry: &[u8], divider: u8) -> (&[u8], &[u8]) {
    let at = entry.iter().position(|byte| *byte == divider).unwrap_or(entry.len());
    let (name, text) = entry.split_at(at);
    (name, text.get(1..).unwrap_or_default())
}
