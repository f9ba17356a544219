//! The gate: presented signatures, keys and a whole request in, a [`Verified`] delivery or a reason out.
//!
//! Only this file makes a [`Verified`].

use std::borrow::Cow;
use std::time::Duration;

use super::asymmetric;
use super::claims;
use super::envelope::Envelope;
use super::error::VerifyError;
use super::hashing::{Digests, Hashing};
use super::keys::{Key, KeyRing, Verifier};
use super::presented::Presented;
use super::public_key;
use super::sent_time::{SentTime, member_time};
use super::token::Token;
pub use super::unverified::Unverified;
use super::window;
use crate::digest::digest;
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Received};
use crate::domain::https_url::HttpsUrl;
use crate::domain::identity::Identity;
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;
use crate::provider::handshake::{self, Reply};
use crate::provider::locate;
use crate::provider::scheme::{Locator, Scheme, TimestampPlace};
use crate::provider::subscription;

/// What a delivery is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Judging<'a> {
    /// Whose delivery it is: those of different integrations are never the same.
    pub integration: &'a IntegrationName,
    /// How the provider signs.
    pub scheme: &'a Scheme,
    /// The integration's keys.
    pub keys: &'a KeyRing,
    /// How far a signed time may lie from now, in both directions.
    pub tolerance: Duration,
}

/// A field of a delivery, and whether the sender vouched for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The text as sent.
    pub text: String,
    /// Whether the signature covers it.
    pub signed: bool,
}

/// A delivery whose signature holds and whose signed time, if its scheme has one, is inside the window.
#[must_use]
pub struct Verified {
    facts: Box<Facts>,
}

/// In a box of their own: the proof goes from gate to gate, and each wraps the one before.
struct Facts {
    received: Received,
    integration: IntegrationName,
    digests: Digests,
    envelope: Envelope,
    secret_id: SecretId,
    signed_at: Option<UnixTime>,
    acceptable_until: Option<UnixTime>,
    is_bearer: bool,
    delivery_id_is_unique: bool,
    fields: Fields,
}

struct Fields {
    event: Option<Field>,
    delivery_id: Option<Field>,
    /// Hardly any delivery has one of these, and all are moved: so they stand behind a pointer.
    handshake: Option<Box<Reply>>,
    confirmation: Option<Box<HttpsUrl>>,
}

/// A key that made a presented signature, over what.
struct Proof<'k> {
    envelope: Envelope,
    key: &'k Key,
    /// What was hashed on the way.
    digests: Option<Digests>,
}

/// Judges a whole request: the signature first, then the time it covers.
///
/// # Errors
/// [`VerifyError`] when no valid key made any presented signature over these bytes, or the signed time is outside the window.
pub fn verify(judging: &Judging<'_>, presented: Presented, received: Received, now: UnixTime) -> Result<Verified, VerifyError> {
    judge(judging, presented, received, now).map_err(|unverified| unverified.error)
}

/// The same as [`verify`], for whoever writes down what a refused request was.
///
/// # Errors
/// [`Unverified`] in the same cases.
pub fn judge(
    judging: &Judging<'_>,
    mut presented: Presented,
    received: Received,
    now: UnixTime,
) -> Result<Verified, Box<Unverified>> {
    let scheme = judging.scheme;
    let Proof { envelope, key, digests } = signature(judging, &mut presented, &received, now)?;
    let refused = |error, signed_at| {
        let body_sha256 = digests.as_ref().map_or_else(|| digest(received.body.pieces()), |made| made.body_sha256);
        Err(Box::new(Unverified { error, signed_at, body_sha256: Some(body_sha256) }))
    };
    let claims = presented.token().map_or(Ok(()), |token| claims::judge(scheme, token, &received, now));
    let in_content = match signed_time(scheme, &presented, &received) {
        Ok(sent_at) => sent_at,
        Err(error) => return refused(error, None),
    };
    let sent_at = in_content.as_deref();
    let signed_at = sent_at.map(SentTime::time);
    let in_window = sent_at.map_or(Ok(()), |sent_at| window::judge(sent_at, judging.tolerance, now));
    if let Err(error) = in_window.and(claims) {
        return refused(error, signed_at);
    }
    let fields = match Fields::find(scheme, &received, key) {
        Ok(fields) => fields,
        Err(error) => return refused(error, signed_at),
    };
    let unsigned = fields.unsigned_identity(scheme.is_bearer(), &received.body);
    let digests = digests.unwrap_or_else(|| Digests::of(judging.integration, unsigned, &envelope, &received.body));
    Ok(Verified {
        facts: Box::new(Facts {
            integration: judging.integration.clone(),
            digests,
            fields,
            envelope,
            secret_id: key.id.clone(),
            signed_at,
            acceptable_until: sent_at.map(|sent_at| window::acceptable_until(sent_at, judging.tolerance)),
            is_bearer: scheme.is_bearer(),
            delivery_id_is_unique: scheme.delivery_id_unique,
            received,
        }),
    })
}

/// The key that made a presented signature over this request's content.
fn signature<'k>(
    judging: &Judging<'k>,
    presented: &mut Presented,
    received: &Received,
    now: UnixTime,
) -> Result<Proof<'k>, Box<Unverified>> {
    let scheme = judging.scheme;
    // Resolved from this request's own head: what another head presented proves nothing about it.
    presented.take_carried(scheme, received)?;
    let envelope =
        Envelope::resolve(scheme, received, presented).map_err(|error| Unverified::unresolved(error, &received.body))?;
    if envelope.len(&received.body) <= handshake::MAX_MAC_BYTES
        && handshake::anybody_may_sign(scheme, || envelope.contiguous(&received.body))
    {
        return Err(VerifyError::SignatureMismatch.into());
    }
    let mut hashing = Hashing::new(judging.integration, scheme.is_bearer(), &envelope, &received.body);
    match matching_key(judging, presented, &mut hashing, now) {
        Ok(key) => {
            let digests = hashing.into_made();
            Ok(Proof { envelope, key, digests })
        }
        Err(error) => Err(Box::new(Unverified { error, signed_at: None, body_sha256: hashing.into_body_sha256() })),
    }
}

/// The time that the content holds, for a scheme that signs one.
fn signed_time<'p>(
    scheme: &Scheme,
    presented: &'p Presented,
    received: &Received,
) -> Result<Option<Cow<'p, SentTime>>, VerifyError> {
    let Some(rule) = &scheme.timestamp else { return Ok(None) };
    let sent_at = match (&rule.place, presented.sent_at()) {
        (TimestampPlace::Json(pointer), None) => member_time(pointer, rule.unit, received)?.map(Cow::Owned),
        (_, sent_at) => sent_at.map(Cow::Borrowed),
    };
    sent_at.map(Some).ok_or(VerifyError::TimestampMissing)
}

fn matching_key<'k>(
    judging: &Judging<'k>,
    presented: &Presented,
    hashing: &mut Hashing<'_>,
    now: UnixTime,
) -> Result<&'k Key, VerifyError> {
    let mut usable = judging.keys.usable(now).peekable();
    if usable.peek().is_none() {
        return Err(VerifyError::SecretUnavailable);
    }
    let mut made = |key: &&Key| {
        let mut candidates = presented.candidates_of(judging.scheme, key.provider_id()).peekable();
        match &key.verifier {
            _ if candidates.peek().is_none() => false,
            Verifier::Mac(mac) => hashing.tag(mac).is_any_of(candidates),
            Verifier::Ed25519(public) => asymmetric::any_verifies(public, hashing.contiguous(), candidates),
            Verifier::Public(public) => {
                let key_id = presented.token().and_then(Token::key_id);
                public_key::any_verifies(public, key_id, hashing.contiguous(), candidates)
            }
            Verifier::Certificates(urls) => {
                let Some(public) = presented.certificate().and_then(|certificate| certificate.key(urls, now)) else {
                    return false;
                };
                public_key::any_verifies(std::slice::from_ref(public), None, hashing.contiguous(), candidates)
            }
        }
    };
    usable.find(|key| made(key)).ok_or(VerifyError::SignatureMismatch)
}

impl Fields {
    /// Finds the event, the delivery id and a challenge's fields, in one pass over the body.
    fn find(scheme: &Scheme, received: &Received, key: &Key) -> Result<Self, VerifyError> {
        let (events, ids) = (&scheme.event, &scheme.delivery_id);
        let mut places: locate::Few<&Locator> = locate::Few::new();
        for place in events.iter().chain(ids) {
            places.push(place);
        }
        if !scheme.handshakes.is_empty() {
            places.extend(handshake::signed_places(scheme));
        }
        if scheme.subscription.is_some() {
            places.extend(subscription::places());
        }
        let mut found = locate::find(&places, &received.head, &received.body);
        let text_at = |place: &Locator| {
            let index = places.iter().position(|known| *known == place)?;
            found.get(index)?.as_deref()
        };
        let handshake = handshake::signed(scheme, text_at, &|value| key.challenge_mac(value));
        let confirmation = match (&scheme.subscription, subscription::places()) {
            (Some(rule), [kind, topic, token, url]) => rule.judge([kind, topic, token, url].map(text_at))?,
            _ => None,
        };
        let (of_events, of_ids) = found.split_at_mut_checked(events.len()).unwrap_or_default();
        let event = first(scheme, events, of_events);
        let delivery_id = first(scheme, ids, of_ids);
        Ok(Self { event, delivery_id, handshake: handshake.map(Box::new), confirmation: confirmation.map(Box::new) })
    }

    /// The body and the delivery id, where the signature or token serves many deliveries and only these tell them apart.
    fn unsigned_identity<'d>(&'d self, is_bearer: bool, body: &'d RawBody) -> Option<(&'d RawBody, &'d str)> {
        let id = self.delivery_id.as_ref().map_or("", |field| &field.text);
        is_bearer.then_some((body, id))
    }
}

/// The first of the places that holds a text, and that.
fn first(scheme: &Scheme, wanted: &[Locator], found: &mut [Option<String>]) -> Option<Field> {
    let (place, text) = wanted.iter().zip(found).find_map(|(place, text)| Some((place, text.take()?)))?;
    Some(Field { text, signed: scheme.covers(place) })
}

impl Verified {
    /// The head as received.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.facts.received.head
    }

    /// The body as received.
    #[must_use]
    pub const fn body(&self) -> &RawBody {
        &self.facts.received.body
    }

    /// Gives the request up again, without the proof.
    #[must_use]
    pub fn into_received(self) -> Received {
        self.facts.received
    }

    /// What makes it the delivery it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.facts.digests.identity
    }

    /// SHA-256 of the body.
    #[must_use]
    pub const fn body_sha256(&self) -> &[u8; 32] {
        &self.facts.digests.body_sha256
    }

    /// Whose delivery it is.
    #[must_use]
    pub const fn integration(&self) -> &IntegrationName {
        &self.facts.integration
    }

    /// Which secret matched.
    #[must_use]
    pub const fn secret_id(&self) -> &SecretId {
        &self.facts.secret_id
    }

    /// When it was signed, where the scheme signs that.
    #[must_use]
    pub const fn signed_at(&self) -> Option<UnixTime> {
        self.facts.signed_at
    }

    /// From when on its signed time could not be accepted again.
    #[must_use]
    pub const fn acceptable_until(&self) -> Option<UnixTime> {
        self.facts.acceptable_until
    }

    /// Whether a signed time bounds how long it can be accepted.
    #[must_use]
    pub const fn is_timed(&self) -> bool {
        self.facts.signed_at.is_some()
    }

    /// The body and the delivery id, where the signature or token serves many deliveries and only these tell them apart.
    #[must_use]
    pub fn unsigned_identity(&self) -> Option<(&RawBody, &str)> {
        self.facts.fields.unsigned_identity(self.facts.is_bearer, &self.facts.received.body)
    }

    /// The event type, where the request names one.
    #[must_use]
    pub const fn event(&self) -> Option<&Field> {
        self.facts.fields.event.as_ref()
    }

    /// The delivery id, where the request names one.
    #[must_use]
    pub const fn delivery_id(&self) -> Option<&Field> {
        self.facts.fields.delivery_id.as_ref()
    }

    /// The delivery id, if it is signed and the provider keeps it unique for an event and the same over retries.
    #[must_use]
    pub fn signed_unique_delivery_id(&self) -> Option<&str> {
        let id = self.facts.fields.delivery_id.as_ref()?;
        (id.signed && self.facts.delivery_id_is_unique).then_some(&*id.text)
    }

    /// The answer to the challenge that this delivery is; `None` for one that is to be forwarded.
    #[must_use]
    pub fn handshake(&self) -> Option<&Reply> {
        self.facts.fields.handshake.as_deref()
    }

    /// What to visit so that the provider knows that its subscription is wanted; `None` for what is to be forwarded.
    #[must_use]
    pub fn confirmation(&self) -> Option<&HttpsUrl> {
        self.facts.fields.confirmation.as_deref()
    }

    /// Gives the byte string that the signature was checked over, piece by piece.
    pub fn feed_content(&self, sink: &mut dyn FnMut(&[u8])) {
        self.facts.envelope.pieces(&self.facts.received.body).for_each(sink);
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Verified({:?}, {:?}, by {})", self.facts.received.head, self.facts.received.body, self.facts.secret_id)
    }
}
