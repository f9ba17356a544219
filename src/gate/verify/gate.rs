//! The gate: presented signatures, keys and a whole request in, a [`Verified`] delivery or a reason out.
//!
//! Only this file makes a [`Verified`].

use std::borrow::Cow;
use std::time::Duration;

use super::claims;
use super::envelope::Envelope;
use super::error::VerifyError;
use super::hashing::Digests;
use super::keys::{Key, KeyRing};
use super::presented::Presented;
use super::proof::{Proof, signature};
use super::sent_time::{SentTime, member_time};
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
