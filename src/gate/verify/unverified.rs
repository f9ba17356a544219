//! What is known of a request that is not verified. Pure.

use super::error::VerifyError;
use crate::digest::digest;
use crate::domain::body::RawBody;
use crate::domain::time::UnixTime;

/// A request that is not verified: why, and what is known of it nevertheless.
#[derive(Debug)]
pub struct Unverified {
    /// Why.
    pub error: VerifyError,
    /// When it was signed, where a signature holds and only its time or its claims do not.
    pub signed_at: Option<UnixTime>,
    /// The digest of the body, where a signature was judged over it.
    pub body_sha256: Option<[u8; 32]>,
}

impl Unverified {
    /// Refused before any signature was judged; a digest that the body does not agree with was judged over it, though.
    pub(super) fn unresolved(error: VerifyError, body: &RawBody) -> Self {
        let body_sha256 = (error == VerifyError::SignatureMismatch).then(|| digest(body.pieces()));
        Self { error, signed_at: None, body_sha256 }
    }
}

impl From<VerifyError> for Box<Unverified> {
    /// Refused before any signature was judged.
    fn from(error: VerifyError) -> Self {
        Self::new(Unverified { error, signed_at: None, body_sha256: None })
    }
}
