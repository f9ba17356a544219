//! One order to turn something off: why, since when, until when, and what senders are answered. Pure.

use std::str::FromStr;
use std::sync::Arc;

use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;

/// The end of an order that has none: the largest number that every reader of JSON keeps exactly.
pub const FOREVER_MS: u64 = (1 << 53) - 1;

/// What is turned off or on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Everything, also what a later reload adds.
    All,
    /// One integration.
    Integration(IntegrationName),
    /// One secret of an integration.
    Secret(IntegrationName, SecretId),
}

impl Target {
    /// The target as one word: `all`, `i:NAME` or `s:NAME:ID`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Integration(name) => format!("i:{name}"),
            Self::Secret(name, id) => format!("s:{name}:{id}"),
        }
    }

    /// The target of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        if word == "all" {
            return Some(Self::All);
        }
        if let Some(name) = word.strip_prefix("i:") {
            return name.parse().ok().map(Self::Integration);
        }
        let (name, id) = word.strip_prefix("s:")?.split_once(':')?;
        Some(Self::Secret(name.parse().ok()?, id.parse().ok()?))
    }
}

/// An order that is in force until its end, or until somebody takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Why, in the operator's words.
    pub why: Why,
    /// Since when.
    pub since: UnixTime,
    /// Until when; until somebody takes it back when absent.
    pub until: Option<UnixTime>,
    /// What senders are answered.
    pub answer: SwitchAnswer,
}

impl Order {
    /// When it ends, in milliseconds; the later the stricter.
    #[must_use]
    pub fn until_ms(&self) -> u64 {
        let millis = |until: UnixTime| u64::try_from(until.micros().saturating_add(999) / 1000).unwrap_or(0);
        self.until.map_or(FOREVER_MS, |until| millis(until).clamp(1, FOREVER_MS))
    }

    /// Whether its end has come.
    #[must_use]
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// What senders to a disabled integration are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchAnswer {
    /// 503: try again.
    Unavailable,
    /// 403: do not.
    Forbidden,
}

impl SwitchAnswer {
    /// What is answered when the operator does not say: an order with an end asks senders to come again.
    #[must_use]
    pub const fn default_for(until: Option<UnixTime>) -> Self {
        if until.is_some() { Self::Unavailable } else { Self::Forbidden }
    }

    /// The status, as it is written and shown.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unavailable => 503,
            Self::Forbidden => 403,
        }
    }

    /// The answer of a status.
    #[must_use]
    pub const fn from_status(status: u64) -> Option<Self> {
        match status {
            503 => Some(Self::Unavailable),
            403 => Some(Self::Forbidden),
            _ => None,
        }
    }
}

/// An operator's reason: one line, not empty, 256 characters at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why(Arc<str>);

/// Why a text is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is one line of 1 to {WHY_CHARACTERS_MAX} characters")]
pub struct WhyError;

/// The longest reason.
const WHY_CHARACTERS_MAX: usize = 256;

impl Why {
    /// The reason as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Why {
    type Err = WhyError;

    fn from_str(text: &str) -> Result<Self, WhyError> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= WHY_CHARACTERS_MAX && !text.contains(char::is_control);
        if fits { Ok(Self(Arc::from(text))) } else { Err(WhyError) }
    }
}
