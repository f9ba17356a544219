//! What a signature covers: which fields of a request the sender vouched for.
//!
//! Rules:
//! 1. A member of the body is covered if the body is part of the content.
//! 2. A header is covered if its value is part of the content: as `{id}`, `{timestamp}` or `{header:…}`.
//! 3. Nothing else is: not the signature's own header. A scheme that signs nothing covers nothing.

use http::HeaderName;

use super::scheme::{Locator, Part, Scheme, TimestampPlace};

impl Scheme {
    /// Whether the signature covers what stands at a place.
    #[must_use]
    pub fn covers(&self, place: &Locator) -> bool {
        match place {
            Locator::Json(_) | Locator::Form(_) | Locator::FormJson { .. } => self.covers_body(),
            Locator::Header(name) => self.content.iter().any(|part| self.header_of(part) == Some(name)),
        }
    }

    /// Whether the signature covers the body.
    #[must_use]
    pub fn covers_body(&self) -> bool {
        self.content.iter().any(|part| matches!(part, Part::Body | Part::BodySha256))
    }

    /// The headers the scheme reads, the signature's first.
    #[must_use]
    pub fn header_names(&self) -> Vec<&HeaderName> {
        let mut names: Vec<&HeaderName> = self.signature.headers().map(|(name, _)| name).collect();
        names.extend(&self.signature.key_id_header);
        for part in &self.content {
            match self.header_of(part) {
                Some(name) if !names.contains(&name) => names.push(name),
                _ => {}
            }
        }
        names
    }

    /// The header whose value a part of the content is.
    #[must_use]
    pub fn header_of<'s>(&'s self, part: &'s Part) -> Option<&'s HeaderName> {
        match part {
            Part::Id => self.id_header.as_ref(),
            Part::Header(name) => Some(name),
            Part::Timestamp => match &self.timestamp.as_ref()?.place {
                TimestampPlace::Header(name) => Some(name),
                TimestampPlace::SignatureField(_) | TimestampPlace::Json(_) => None,
            },
            _ => None,
        }
    }
}
