//! The gates' judgement of a captured request, in the gateway's order. Pure.
//!
//! 1. Method, unless it is a handshake that nobody signs.
//! 2. The scheme's headers; the length of the body; the signature; the time window.
//! 3. A handshake that is signed is answered, never forwarded.
//! 4. The event against the integration's scope.
//!
//! What only the running gateway knows is not judged: source, limits, replays.

use crate::config::plan::IntegrationPlan;
use crate::domain::head::Received;
use crate::domain::reason::{Decision, Reason};
use crate::domain::time::UnixTime;
use crate::gate::scope::gate::scope;
use crate::gate::scope::rules::EventRules;
use crate::gate::verify::gate::{Judging, Verified, verify};
use crate::gate::verify::keys::KeyRing;
use crate::gate::verify::presented::present;
use crate::provider::handshake;

/// What the gates say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Whether it would be let through, as far as can be judged here.
    pub(super) decision: Decision,
    /// Why; none for a delivery, whose reason only its upstream decides.
    pub(super) reason: Option<Reason>,
    /// The same for people.
    pub(super) sentence: String,
    /// Which secret matched.
    pub(super) secret_id: Option<String>,
    /// When it was signed, where the scheme signs that.
    pub(super) signed_at: Option<UnixTime>,
    /// Its event.
    pub(super) event: Option<String>,
    /// Whether the signature covers the event.
    pub(super) event_signed: Option<bool>,
    /// Its delivery id.
    pub(super) delivery_id: Option<String>,
}

impl Judgement {
    /// Whether it is refused for want of proof: the one thing that trials can explain.
    pub(super) fn is_unproven(&self) -> bool {
        self.reason.is_some_and(|reason| crate::pipeline::answer::status_of(reason) == http::StatusCode::UNAUTHORIZED)
    }
}

/// Judges a request as of a time.
pub(super) fn judge(integration: &IntegrationPlan, keys: &KeyRing, received: Received, at: UnixTime) -> Judgement {
    let scheme = &integration.scheme;
    if received.body.is_empty() && handshake::unsigned(scheme, &received.head, &|value| keys.challenge_mac(value, at)).is_some() {
        return without_proof(
            Reason::Handshake,
            "it is the provider's handshake and would be answered, not forwarded".to_owned(),
        );
    }
    if !scheme.methods.contains(&received.head.method) {
        let sentence = format!("{} does not deliver with {}", scheme.title, received.head.method);
        return without_proof(Reason::MethodNotAllowed, sentence);
    }
    let presented = match present(scheme, &received.head) {
        Ok(presented) => presented,
        Err(error) => return without_proof(error.reason(), error.to_string()),
    };
    let body_bytes = u64::try_from(received.body.len()).unwrap_or(u64::MAX);
    if body_bytes > integration.max_body_bytes {
        let sentence = format!("the body has {body_bytes} bytes, allowed are {}", integration.max_body_bytes);
        return without_proof(Reason::BodyTooLarge, sentence);
    }
    let judging = Judging { integration: &integration.name, scheme, keys, tolerance: integration.tolerance };
    match verify(&judging, presented, received, at) {
        Ok(verified) => judge_verified(integration, verified),
        Err(error) => without_proof(error.reason(), error.to_string()),
    }
}

fn without_proof(reason: Reason, sentence: String) -> Judgement {
    Judgement {
        decision: reason.decision(),
        reason: Some(reason),
        sentence,
        secret_id: None,
        signed_at: None,
        event: None,
        event_signed: None,
        delivery_id: None,
    }
}

fn judge_verified(integration: &IntegrationPlan, verified: Verified) -> Judgement {
    let known = Judgement {
        decision: Decision::Accepted,
        reason: None,
        sentence: "the signature holds; whether it is a replay only the running gateway knows".to_owned(),
        secret_id: Some(verified.secret_id().to_string()),
        signed_at: verified.signed_at(),
        event: verified.event().map(|field| field.text.clone()),
        event_signed: verified.event().map(|field| field.signed),
        delivery_id: verified.delivery_id().map(|field| field.text.clone()),
    };
    if verified.handshake().is_some() {
        let sentence = "the signature holds; it is the provider's handshake and would be answered, not forwarded";
        return Judgement { reason: Some(Reason::Handshake), sentence: sentence.to_owned(), ..known };
    }
    let rules = EventRules { allow: integration.events_allow.clone() };
    match scope(&rules, verified) {
        Ok(_) => known,
        Err(error) => Judgement {
            decision: Decision::Refused,
            reason: Some(error.reason()),
            sentence: format!("the signature holds, but {error}"),
            ..known
        },
    }
}
