//! The name of one request: a ULID, sortable by time and unguessable enough to ask about.

use std::fmt;
use std::str::FromStr;

use super::short_text::ShortText;
use super::time::UnixTime;

/// A ULID: 48 bits of milliseconds, 80 bits of randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(ulid::Ulid);

impl RequestId {
    /// A new id at an instant. Randomness comes from the operating system, through a buffer of the thread's own.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        let milliseconds = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
        Self(ulid::Ulid::from_parts(milliseconds, random_bits()))
    }

    /// What `Display` writes, without an allocation.
    #[must_use]
    pub fn short(self) -> ShortText {
        let mut text = ShortText::new();
        text.put(self.0.array_to_str(&mut [0; ulid::ULID_LEN]).as_bytes());
        text
    }

    /// All its bits.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        formatter.write_str(self.0.array_to_str(&mut buffer))
    }
}

impl FromStr for RequestId {
    type Err = ulid::DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ulid::Ulid::from_string(text).map(Self)
    }
}

/// How many random ids one call to the operating system pays for.
const IDS_PER_REFILL: usize = 32;

thread_local! {
    static POOL: std::cell::RefCell<Vec<u128>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn random_bits() -> u128 {
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            refill(pool);
        }
        pool.pop().unwrap_or_default()
    })
}

/// Ids name requests and prove nothing, so a machine without entropy yet falls back to zeros: the time still tells them apart.
fn refill(pool: &mut Vec<u128>) {
    let mut bytes = [0_u8; IDS_PER_REFILL * 16];
    if getrandom::fill(&mut bytes).is_ok() {
        let (chunks, _) = bytes.as_chunks::<16>();
        pool.extend(chunks.iter().map(|chunk| u128::from_le_bytes(*chunk)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_sort_by_time_and_round_trip() {
        let early = RequestId::new(UnixTime::from_seconds(1_700_000_000));
        let late = RequestId::new(UnixTime::from_seconds(1_700_000_001));
        assert!(early.to_string() < late.to_string());
        assert_ne!(early, RequestId::new(UnixTime::from_seconds(1_700_000_000)));
        assert_eq!(early.to_string().parse::<RequestId>().unwrap(), early);
    }
}
