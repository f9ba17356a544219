//! One request's content, and what is hashed of it.
//!
//! A delivery is hashed for its HMAC, for its identity and for its record. The three do not depend on each other, so they are
//! made together ([`crate::digest`]), before the verdict:
//!
//! 1. The first tag by HMAC-SHA-256 brings the identity and the body's digest with it: 2.1 times one pass over the body, where
//!    the HMAC alone and then the other two would take 2.4, and one after the other 3.
//! 2. A forgery therefore costs 2.1 passes where it could cost one. For that its record says what its body was, as the contract
//!    has it, which takes 1.4. Sources that forge have a budget of failures; deliveries are what must be fast.
//! 3. Of several secrets only the first that is tried brings them along; whoever names its key is tried with that one only.
//! 4. Every other algorithm judges first. The identity and the body's digest are made for what verified; of what did not, the
//!    body's digest alone, and nothing where no signature was computed or checked at all.
//! 5. An identity leaves this room in a [`super::gate::Verified`] and nowhere else.
//! 6. Where one token serves many deliveries the identity needs what only a verified delivery is searched for, and is made then.

use super::envelope::Envelope;
use super::mac::{MacKey, Tag};
use crate::digest::{Message, digest, digests};
use crate::domain::body::RawBody;
use crate::domain::identity::{Identity, Preamble};
use crate::domain::name::IntegrationName;

/// What a delivery was hashed into.
pub(super) struct Digests {
    pub(super) identity: Identity,
    pub(super) body_sha256: [u8; 32],
}

/// The content on its way through the keys.
pub(super) struct Hashing<'r> {
    envelope: &'r Envelope,
    body: &'r RawBody,
    /// `None` where more than the content makes the delivery what it is.
    integration: Option<&'r IntegrationName>,
    made: Option<Digests>,
    contiguous: Option<Vec<u8>>,
    /// Whether any key was tried at the content.
    is_judged: bool,
}

impl<'r> Hashing<'r> {
    pub(super) fn new(integration: &'r IntegrationName, is_bearer: bool, envelope: &'r Envelope, body: &'r RawBody) -> Self {
        let integration = (!is_bearer).then_some(integration);
        Self { envelope, body, integration, made: None, contiguous: None, is_judged: false }
    }

    /// The tag that a key makes over the content.
    pub(super) fn tag(&mut self, key: &MacKey) -> Tag {
        self.is_judged |= !key.is_shown();
        let (MacKey::Sha256(keyed), Some(integration), None) = (key, self.integration, &self.made) else {
            return key.tag(self.envelope.pieces(self.body));
        };
        let preamble = Preamble::new(integration, None);
        let (mut signed, mut body) = (self.envelope.pieces(self.body), self.body.pieces());
        let mut itself = preamble.pieces(self.envelope.pieces(self.body));
        let messages = [keyed.message(&mut signed), Message::new(&mut itself), Message::new(&mut body)];
        let [inner, identity, body_sha256] = digests(messages);
        self.made = Some(Digests { identity: Identity::from_bytes(identity), body_sha256 });
        Tag::from_output(&keyed.finish(&inner))
    }

    /// The content in one piece, for signatures that are not computed piece by piece.
    pub(super) fn contiguous(&mut self) -> &[u8] {
        self.is_judged = true;
        self.contiguous.get_or_insert_with(|| self.envelope.contiguous(self.body))
    }

    /// What was made on the way, for a request that a key made.
    pub(super) fn into_made(self) -> Option<Digests> {
        self.made
    }

    /// The body's digest, for one that no key made.
    pub(super) fn into_body_sha256(self) -> Option<[u8; 32]> {
        let made = self.made.map(|made| made.body_sha256);
        made.or_else(|| self.is_judged.then(|| digest(self.body.pieces())))
    }
}

impl Digests {
    /// Both in one go, for a delivery that verified without them; `unsigned` as in [`Preamble::new`].
    pub(super) fn of(
        integration: &IntegrationName,
        unsigned: Option<(&RawBody, &str)>,
        envelope: &Envelope,
        body: &RawBody,
    ) -> Self {
        let preamble = Preamble::new(integration, unsigned);
        let (mut itself, mut pieces) = (preamble.pieces(envelope.pieces(body)), body.pieces());
        let [identity, body_sha256] = digests([Message::new(&mut itself), Message::new(&mut pieces)]);
        Self { identity: Identity::from_bytes(identity), body_sha256 }
    }
}
