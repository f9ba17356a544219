//! What a signature covers: which fields of a request the sender vouched for.
//!
//! Rules:
//! 1. A member of the body is covered if the body is part of the content, whole or as all fields of its form; or if the member
//!    itself is, or one that it is inside of. A checksum covers nothing: a body can be made for any.
//! 2. A header is covered if its value is part of the content: as `{id}`, `{timestamp}` or `{header:…}`. What a header of the
//!    request chooses to have signed is not counted on.
//! 3. A field of the query is covered if the URL is, or it itself. Where no body may come, all of it is.
//! 4. A field of a form that is read as its content type says is covered if it is signed itself: the boundary is not.
//! 5. Nothing else is: not the signature's own place, which a form leaves out of what it signs. A scheme that signs nothing covers nothing.

use http::HeaderName;

use super::locate::Pointer;
use super::scheme::{Locator, Part, Scheme, TimestampPlace, TokenRule};

impl Scheme {
    /// Whether the signature covers what stands at a place.
    #[must_use]
    pub fn covers(&self, place: &Locator) -> bool {
        match place {
            own if *own == self.signature.place && self.leaves_signature_out() => false,
            Locator::Json(pointer) => self.covers_body() || self.content.iter().any(|part| holds_member(part, pointer)),
            Locator::Form(field) | Locator::FormJson { field, .. } => {
                let holds = |part: &Part| matches!(part, Part::Field(Locator::Form(own)) if own == field);
                self.covers_body() || self.content.iter().any(holds)
            }
            Locator::AnyForm(_) => self.content.iter().any(|part| matches!(part, Part::Field(own) if own == place)),
            Locator::Header(name) => self.content.iter().any(|part| self.header_of(part) == Some(name)),
            Locator::Query(field) => self.signs_url() || self.content.iter().any(|part| holds_query(part, field)),
        }
    }

    /// Whether the signature covers the body.
    #[must_use]
    pub fn covers_body(&self) -> bool {
        self.content.iter().any(Part::covers_body) || self.token().is_some_and(TokenRule::covers_body)
    }

    /// Whether the signature stands among the fields that are signed, and is no part of what is.
    fn leaves_signature_out(&self) -> bool {
        matches!(self.signature.place, Locator::Form(_)) && self.content.contains(&Part::PhpForm)
    }

    /// The headers the scheme reads, the signature's first.
    #[must_use]
    pub fn header_names(&self) -> Vec<&HeaderName> {
        let mut names: Vec<&HeaderName> = self.signature.headers().map(|(name, _)| name).collect();
        names.extend(&self.signature.key_id_header);
        names.extend(self.fixed_headers.iter().map(|(name, _)| name));
        for part in &self.content {
            match self.header_of(part) {
                Some(name) if !names.contains(&name) => names.push(name),
                _ => {}
            }
        }
        names
    }

    /// The headers that are signed as they are given: the scheme says nothing of what stands in them.
    pub fn given_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.content.iter().filter_map(|part| match part {
            Part::Header(name) if self.signature.key_id_header.as_ref() != Some(name) => Some(name),
            _ => None,
        })
    }

    /// The header whose value a part of the content is.
    #[must_use]
    pub fn header_of<'s>(&'s self, part: &'s Part) -> Option<&'s HeaderName> {
        match part {
            Part::Id => self.id_header.as_ref(),
            Part::Header(name) | Part::NamedHeaders(name) => Some(name),
            Part::BodyDigest { header, .. } => header.as_ref(),
            Part::Timestamp => match &self.timestamp.as_ref()?.place {
                TimestampPlace::Header(name) => Some(name),
                TimestampPlace::SignatureField(_)
                | TimestampPlace::Json(_)
                | TimestampPlace::Form(_)
                | TimestampPlace::Claim(_) => None,
            },
            _ => None,
        }
    }
}

fn holds_query(part: &Part, name: &str) -> bool {
    matches!(part, Part::SortedQuery(fields) if fields.iter().any(|field| field.name == name))
}

fn holds_member(part: &Part, pointer: &Pointer) -> bool {
    match part {
        Part::Field(Locator::Json(own)) => own == pointer,
        Part::Compact(own) => pointer.is_in(own),
        Part::Members(list) => list.members.iter().any(|member| member.pointer == *pointer),
        _ => false,
    }
}
