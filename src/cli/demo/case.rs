//! What is sent, what must become of it, and what did. Pure.

use std::time::Duration;

use crate::cli::demo::cast::Member;
use crate::domain::reason::Reason;
use crate::provider::scheme::{HandshakeShape, Locator, OnRefusal};

/// One request and what must become of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// What is sent, in words.
    pub(super) what: &'static str,
    /// How it is made.
    pub(super) act: Act,
    /// The status that the sender must see.
    pub(super) status: u16,
    /// The reason that the audit log must hold.
    pub(super) reason: Reason,
    /// Whether the receiver must see it, byte for byte.
    pub(super) arrives: bool,
}

/// How a request is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// As the provider makes it.
    Genuine,
    /// As the provider makes it, while the receiver is down.
    GenuineWhileFailing,
    /// The last one once more, byte for byte.
    Again,
    /// One byte of the body is another after signing.
    BodyChanged,
    /// Signed by somebody else.
    OtherSecret,
    /// Without its signature header.
    Unsigned,
    /// Signed this long ago.
    Old(Duration),
    /// Genuine, but over plaintext.
    Plaintext,
    /// The provider's challenge, with this body.
    Challenge(String),
}

/// The cases of one provider, in the order they are played.
pub(super) fn cases(member: &Member) -> Vec<Case> {
    let case = |what, act, status, reason, arrives| Case { what, act, status, reason, arrives };
    let replayed = if member.scheme.on_replay == OnRefusal::Acknowledge { 200 } else { 409 };
    let mut cases = vec![
        case("a genuine delivery", Act::Genuine, 200, Reason::Delivered, true),
        case("the same once more", Act::Again, replayed, Reason::Replayed, false),
        case("one byte changed", Act::BodyChanged, 401, Reason::SignatureMismatch, false),
        case("signed with another secret", Act::OtherSecret, 401, Reason::SignatureMismatch, false),
        case("no signature", Act::Unsigned, 401, Reason::SignatureMissing, false),
        case("genuine, over plaintext", Act::Plaintext, 403, Reason::Plaintext, false),
        case("genuine, the receiver fails", Act::GenuineWhileFailing, 500, Reason::UpstreamRejected, true),
        case("the provider's retry of it", Act::Again, 200, Reason::Delivered, true),
    ];
    if member.scheme.is_timed() {
        let hour = Duration::from_secs(3600);
        cases.push(case("signed an hour ago", Act::Old(hour), 401, Reason::TimestampTooOld, false));
    }
    if let Some((body, status)) = challenge(member) {
        cases.push(case("the provider's challenge", Act::Challenge(body), status, Reason::Handshake, false));
    }
    cases
}

/// The body of a signed challenge and the status it must be answered with.
fn challenge(member: &Member) -> Option<(String, u16)> {
    let handshake = member.scheme.handshakes.first()?;
    let HandshakeShape::Signed { field: Locator::Json(pointer), equals } = &handshake.shape else { return None };
    let member_name = pointer.as_str().strip_prefix('/')?;
    // Numbers stand bare in JSON: Discord's ping is `{"type":1}`.
    let value = equals.parse::<i64>().map_or_else(|_| serde_json::json!(equals), |number| serde_json::json!(number));
    let body = serde_json::json!({ member_name: value, "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" });
    let status = match &handshake.reply {
        crate::provider::scheme::HandshakeReply::Fixed { status, .. } => *status,
        _ => 200,
    };
    Some((body.to_string(), status))
}

/// What became of a case.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) provider: String,
    pub(super) case: Case,
    /// The status that the sender saw.
    pub(super) status: u16,
    /// The reason in the audit log.
    pub(super) reason: String,
    /// What the receiver saw.
    pub(super) arrival: Arrival,
}

/// What the receiver saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nothing at all.
    Nothing,
    /// The delivery, byte for byte, with our headers.
    Exact,
    /// Something else, or more than one request.
    Wrong,
}

impl Outcome {
    pub(super) fn is_as_it_must_be(&self) -> bool {
        let arrival = if self.case.arrives { Arrival::Exact } else { Arrival::Nothing };
        self.status == self.case.status && self.reason == self.case.reason.code() && self.arrival == arrival
    }

    pub(super) fn row(&self) -> [String; 6] {
        let saw = match self.arrival {
            Arrival::Nothing => "nothing",
            Arrival::Exact => "the same bytes",
            Arrival::Wrong => "SOMETHING ELSE",
        };
        let mark = if self.is_as_it_must_be() { "ok" } else { "WRONG" };
        let status = self.status.to_string();
        [self.provider.clone(), self.case.what.to_owned(), status, self.reason.clone(), saw.to_owned(), mark.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, reason: &str, arrival: Arrival) -> Outcome {
        let case = Case { what: "x", act: Act::Unsigned, status: 401, reason: Reason::SignatureMissing, arrives: false };
        Outcome { provider: "p".to_owned(), case, status, reason: reason.to_owned(), arrival }
    }

    #[test]
    fn a_line_is_right_only_if_all_three_are() {
        assert!(outcome(401, "signature_missing", Arrival::Nothing).is_as_it_must_be());
        for wrong in [
            outcome(200, "signature_missing", Arrival::Nothing),
            outcome(401, "signature_mismatch", Arrival::Nothing),
            outcome(401, "signature_missing", Arrival::Exact),
            outcome(401, "signature_missing", Arrival::Wrong),
        ] {
            assert!(!wrong.is_as_it_must_be());
            assert_eq!(wrong.row()[5], "WRONG");
        }
    }

    #[test]
    fn every_provider_has_its_cases() {
        for member in crate::cli::demo::cast::all().unwrap() {
            let cases = cases(&member);
            let has = |reason| cases.iter().any(|case| case.reason == reason);
            assert_eq!(has(Reason::TimestampTooOld), member.scheme.is_timed(), "{}", member.scheme.name);
            assert_eq!(has(Reason::Handshake), !member.scheme.handshakes.is_empty(), "{}", member.scheme.name);
        }
    }
}
