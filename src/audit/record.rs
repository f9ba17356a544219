//! The records, and the line each of them is. pure
//!
//! Invariants: field names and their order are the interface; a value that is absent is `null`; no secret, signature, header
//! value outside the list, or body can be put into a record, for there is no field for it.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use http::Method;

use crate::domain::address::{Peer, Source};
use crate::domain::finding::FindingKind;
use crate::domain::name::{IntegrationName, ListenerName, ProviderName, SecretId};
use crate::domain::reason::Reason;
use crate::domain::request_id::RequestId;
use crate::domain::time::UnixTime;

use super::chain::{Head, Recovery};
use super::checkpoint::{Purpose, Signer};
use super::line::{EXCERPT_BYTES, Line, excerpt};

/// One decision on one request.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// When it was decided.
    pub at: UnixTime,
    /// Its name.
    pub request_id: RequestId,
    /// Where it came in.
    pub listener: ListenerName,
    /// What it was routed to.
    pub integration: Option<IntegrationName>,
    /// Whose scheme judged it.
    pub provider: Option<ProviderName>,
    /// The other end of the socket.
    pub peer: Peer,
    /// Whom limits counted it for.
    pub source: Source,
    /// Its method; `None` where the head could not be read.
    pub method: Option<Method>,
    /// Its path, without the query; `None` where the head could not be read.
    pub path: Option<String>,
    /// Its event type.
    pub event: Option<String>,
    /// Whether the signature covers the event type.
    pub event_signed: Option<bool>,
    /// The provider's id of the delivery.
    pub delivery_id: Option<String>,
    /// Which secret verified it.
    pub secret_id: Option<SecretId>,
    /// When it says it was signed.
    pub signed_at: Option<UnixTime>,
    /// How long its body is.
    pub body_bytes: Option<u64>,
    /// The SHA-256 of its body.
    pub body_sha256: Option<[u8; 32]>,
    /// Why it ended as it did.
    pub reason: Reason,
    /// What the sender was answered.
    pub status: u16,
    /// What the upstream answered.
    pub upstream_status: Option<u16>,
    /// The version of TLS it came over.
    pub tls: Option<&'static str>,
    /// From its head to its answer.
    pub latency_us: u64,
    /// What of that went into judging it.
    pub verify_us: Option<u64>,
    /// What of that went into the upstream.
    pub upstream_us: Option<u64>,
    /// Whether it passed a replay store without history.
    pub replay_blind: bool,
}

impl RequestRecord {
    /// Lets go of what would be cut anyway, so that a waiting record is small whatever was sent.
    pub(super) fn trim(&mut self) {
        for text in [&mut self.path, &mut self.event, &mut self.delivery_id].into_iter().flatten() {
            if text.capacity() > EXCERPT_BYTES {
                *text = excerpt(text).to_owned();
            }
        }
    }

    fn write(&self, line: &mut Line<'_>) {
        line.shown("request_id", self.request_id.short());
        line.text("listener", self.listener.as_str());
        line.optional("integration", self.integration.as_ref().map(IntegrationName::as_str), Line::word);
        line.optional("provider", self.provider.as_ref().map(ProviderName::as_str), Line::word);
        line.shown("peer", self.peer.short());
        line.shown("source", self.source.short());
        line.optional("method", self.method.as_ref().map(Method::as_str), Line::excerpt);
        line.optional("path", self.path.as_deref(), Line::excerpt);
        line.optional("event", self.event.as_deref(), Line::excerpt);
        line.optional("event_signed", self.event_signed, Line::plain);
        line.optional("delivery_id", self.delivery_id.as_deref(), Line::excerpt);
        line.optional("secret_id", self.secret_id.as_ref().map(SecretId::as_str), Line::word);
        line.optional("signed_at", self.signed_at.map(UnixTime::short), Line::shown);
        line.optional("body_bytes", self.body_bytes, Line::plain);
        line.optional("body_sha256", self.body_sha256.as_ref(), Line::hex);
        line.word("decision", self.reason.decision().code());
        line.word("reason", self.reason.code());
        line.plain("status", self.status);
        line.optional("upstream_status", self.upstream_status, Line::plain);
        line.optional("tls", self.tls, Line::word);
        line.plain("latency_us", self.latency_us);
        line.optional("verify_us", self.verify_us, Line::plain);
        line.optional("upstream_us", self.upstream_us, Line::plain);
        if self.replay_blind {
            line.plain("replay_blind", true);
        }
    }
}

/// Decisions that have no record of their own: how many there were of one reason at one integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// What they were routed to.
    pub integration: Option<IntegrationName>,
    /// Why they ended.
    pub reason: Reason,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Sighting,
    /// The last of them.
    pub last: Sighting,
}

/// When and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When.
    pub at: UnixTime,
    /// From where.
    pub source: Source,
}

impl Folded {
    fn write(&self, line: &mut Line<'_>) {
        line.optional("integration", self.integration.as_ref().map(IntegrationName::as_str), Line::word);
        line.word("decision", self.reason.decision().code());
        line.word("reason", self.reason.code());
        line.plain("count", self.count);
        line.shown("first_ts", self.first.at.short_micros());
        line.shown("last_ts", self.last.at.short_micros());
        line.shown("first_source", self.first.source.short());
        line.shown("last_source", self.last.source.short());
    }
}

/// What the operator or the gateway did, that is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A reload of the configuration ended.
    Config {
        /// Whether the new configuration is in force.
        applied: bool,
        /// How many integrations it has.
        integrations: u64,
        /// How many faults it had.
        faults: u64,
    },
    /// An integration departed from its own history. Nothing was refused for it.
    Anomaly {
        /// Which integration.
        integration: IntegrationName,
        /// In what.
        anomaly: FindingKind,
        /// Which network or event, where it is one.
        about: Option<String>,
        /// How much came.
        observed: Option<u64>,
        /// How much would have been usual.
        expected: Option<u64>,
    },
    /// Somebody threw a switch.
    Switch {
        /// What was done.
        action: SwitchAction,
        /// To which integration; absent for all.
        integration: Option<IntegrationName>,
        /// To which of its secrets, where it was one.
        secret_id: Option<SecretId>,
        /// Why, in the operator's words.
        reason: String,
        /// Until when.
        until: Option<UnixTime>,
        /// The replica that it was thrown at; absent where there are none.
        origin: Option<String>,
    },
    /// A delivery carried one of our own secrets.
    Exposure {
        /// Which request it was.
        request: RequestId,
        /// Whose delivery.
        integration: IntegrationName,
        /// Whose secret.
        owner: IntegrationName,
        /// Which one.
        secret_id: SecretId,
        /// Where it stood: the name of a header came from the sender.
        place: String,
        /// How it was written there.
        form: &'static str,
    },
}

/// What a switch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchAction {
    /// Takes no more deliveries.
    Disable,
    /// Takes them again.
    Enable,
    /// Forgets a settled delivery, so that a redelivery passes.
    AllowAgain(RequestId),
    /// Waits for a secret that the provider hands over.
    Arm,
}

impl SwitchAction {
    const fn code(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::AllowAgain(_) => "allow_again",
            Self::Arm => "arm",
        }
    }
}

impl Note {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Config { .. } => "config",
            Self::Anomaly { .. } => "anomaly",
            Self::Switch { .. } => "switch",
            Self::Exposure { .. } => "exposure",
        }
    }

    fn write(&self, line: &mut Line<'_>) {
        match self {
            Self::Config { applied, integrations, faults } => {
                line.text("result", if *applied { "applied" } else { "refused" });
                line.plain("integrations", *integrations);
                line.plain("faults", *faults);
            }
            Self::Anomaly { integration, anomaly, about, observed, expected } => {
                line.text("integration", integration.as_str());
                line.text("anomaly", anomaly.code());
                line.optional("about", about.as_deref(), Line::excerpt);
                line.optional("observed", *observed, Line::plain);
                line.optional("expected", *expected, Line::plain);
            }
            Self::Switch { action, integration, secret_id, reason, until, origin } => {
                line.text("action", action.code());
                if let SwitchAction::AllowAgain(request) = action {
                    line.shown("request_id", request.short());
                }
                line.optional("integration", integration.as_ref().map(IntegrationName::as_str), Line::word);
                line.optional("secret_id", secret_id.as_ref().map(SecretId::as_str), Line::word);
                line.excerpt("reason", reason);
                line.optional("until", until.map(UnixTime::short), Line::shown);
                if let Some(origin) = origin {
                    line.excerpt("origin", origin);
                }
            }
            Self::Exposure { request, integration, owner, secret_id, place, form } => {
                line.shown("request_id", request.short());
                line.text("integration", integration.as_str());
                line.text("secret_of", owner.as_str());
                line.text("secret_id", secret_id.as_str());
                line.excerpt("place", place);
                line.text("form", form);
            }
        }
    }
}

/// Anything that becomes a line.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Request(Box<RequestRecord>),
    Folded(UnixTime, Folded),
    Note(UnixTime, Note),
    Start(UnixTime, Option<Recovery>),
    Stop(UnixTime),
    Checkpoint(UnixTime, Arc<Signer>, Purpose),
}

impl Entry {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Folded(..) => "folded",
            Self::Note(_, note) => note.kind(),
            Self::Start(..) => "start",
            Self::Stop(_) => "stop",
            Self::Checkpoint(..) => "checkpoint",
        }
    }

    const fn at(&self) -> UnixTime {
        match self {
            Self::Request(record) => record.at,
            Self::Folded(at, _) | Self::Note(at, _) | Self::Start(at, _) | Self::Stop(at) | Self::Checkpoint(at, ..) => *at,
        }
    }

    /// Appends the line of this entry, without a newline, as it stands after `head`.
    pub(super) fn write(&self, head: Head, out: &mut String) {
        let mut line = Line::begin(out, "ts", self.at().short_micros());
        line.plain("seq", head.next_seq());
        line.hex("prev", &head.hash);
        line.word("kind", self.kind());
        match self {
            Self::Request(record) => record.write(&mut line),
            Self::Folded(_, folded) => folded.write(&mut line),
            Self::Note(_, note) => note.write(&mut line),
            Self::Start(_, recovery) => write_start(*recovery, &mut line),
            Self::Stop(_) => {}
            Self::Checkpoint(_, signer, purpose) => {
                line.text("purpose", purpose.code());
                line.text("key", signer.fingerprint());
                line.text("signature", &signer.seal(line.so_far()));
            }
        }
        line.end();
    }
}

fn write_start(recovery: Option<Recovery>, line: &mut Line<'_>) {
    line.text("version", env!("CARGO_PKG_VERSION"));
    if let Some(recovery) = recovery {
        line.plain("recovered", true);
        if let Some(hash) = recovery.prev_record {
            line.text("prev_record", &HEXLOWER.encode(&hash));
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
