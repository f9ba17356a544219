//! Headers that stand once, or else are no evidence: which of two lines would count is everybody's guess.

use http::HeaderName;

use super::envelope::single;
use super::error::VerifyError;
use crate::domain::head::{Head, Single};
use crate::provider::scheme::Locator;

/// A header that is fixed stands once, and says just that.
pub(super) fn says(head: &Head, name: &HeaderName, text: &str) -> Result<(), VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) if value.as_bytes() == text.as_bytes() => Ok(()),
        Single::One(_) | Single::Missing => Err(VerifyError::FixedHeader { header: name.clone() }),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}

/// A field's header given twice is one thing to us and may be the other to the receiver, signed or not.
pub(super) fn stands_once(place: &Locator, head: &Head) -> Result<(), VerifyError> {
    match place {
        Locator::Header(name) if matches!(single(&head.headers, name), Single::Repeated) => {
            Err(VerifyError::HeaderRepeated { header: name.clone() })
        }
        _ => Ok(()),
    }
}

/// The id of the key that a request names in a header.
pub(super) fn key_id(head: &Head, name: &HeaderName) -> Result<Box<str>, VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) if !value.is_empty() => {
            value.to_str().map(Into::into).map_err(|_| VerifyError::PartMalformed { header: name.clone() })
        }
        Single::One(_) | Single::Missing => Err(VerifyError::PartMissing { header: name.clone() }),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}

/// The text of a time.
pub(super) fn time_header<'h>(head: &'h Head, name: &HeaderName) -> Result<&'h [u8], VerifyError> {
    match single(&head.headers, name) {
        Single::One(value) => Ok(value.as_bytes()),
        Single::Missing => Err(VerifyError::TimestampMissing),
        Single::Repeated => Err(VerifyError::HeaderRepeated { header: name.clone() }),
    }
}
