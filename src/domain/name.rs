//! Names that the configuration gives: integrations, providers, secrets, listeners.
//!
//! Invariants: `FromStr` is the only way in, so a name that exists is safe in a path, a metric label, a header and a log.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty or longer than the bound.
    #[error("must have 1 to {max} characters")]
    Length {
        /// The most characters allowed.
        max: usize,
    },
    /// It holds a character outside the alphabet.
    #[error("may hold only {alphabet}")]
    Alphabet {
        /// The alphabet in words.
        alphabet: &'static str,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of an integration: `[a-z0-9][a-z0-9-]{0,62}`.
    IntegrationName,
    check_kebab
);
name!(
    /// The name of a provider: `[a-z0-9][a-z0-9-]{0,62}`.
    ProviderName,
    check_kebab
);
name!(
    /// The id of a secret inside its integration: 1 to 64 of letters, digits, `.`, `_`, `-`.
    SecretId,
    check_label
);
name!(
    /// The name of a listener: 1 to 128 visible ASCII characters, by default its bind address.
    ListenerName,
    check_visible
);

fn check_kebab(text: &str) -> Result<(), NameError> {
    check_length(text, 63)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.bytes().all(fits) && !text.starts_with('-') {
        return Ok(());
    }
    Err(NameError::Alphabet { alphabet: "a-z, 0-9 and '-', not '-' first" })
}

fn check_label(text: &str) -> Result<(), NameError> {
    check_length(text, 64)?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Ok(());
    }
    Err(NameError::Alphabet { alphabet: "letters, digits, '.', '_' and '-'" })
}

fn check_visible(text: &str) -> Result<(), NameError> {
    check_length(text, 128)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(NameError::Alphabet { alphabet: "visible ASCII characters" })
}

fn check_length(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() || text.len() > max {
        return Err(NameError::Length { max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_alphabet() {
        for good in ["a", "0", "stripe", "a-b-9", &"a".repeat(63)] {
            assert!(good.parse::<IntegrationName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a.b", "a b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<IntegrationName>().is_err(), "{bad}");
        }
        assert!("2026-Q4.new_1".parse::<SecretId>().is_ok());
        assert!("a b".parse::<SecretId>().is_err());
        assert!("a\nb".parse::<ListenerName>().is_err());
    }
}
