//! What is remembered of one integration. pure
//!
//! 1. Seen is what verified: its secret, its network. What went on to the upstream was seen with its event and is counted by
//!    the hour; a replay or a delivery out of scope is not.
//! 2. An integration is settled after 14 days and 100 deliveries. Then a network or a type of event that was never seen is an
//!    anomaly, unless more than three new ones came within a week: such an integration is restless, and nothing is said until it is not.
//! 3. A rate that is not as usual (see [`super::hours`]) is said once a day.

use crate::domain::address::Source;
use crate::domain::finding::FindingKind;
use crate::domain::name::SecretId;
use crate::domain::reason::{Decision, Reason};
use crate::domain::time::UnixTime;

use super::hours::{Hours, Odd};
use super::known::Known;
use super::network::Network;

pub(super) const EVENTS_MAX: usize = 64;
pub(super) const NETWORKS_MAX: usize = 128;
pub(super) const SECRETS_MAX: usize = 32;
pub(super) const ANOMALIES_MAX: usize = 16;
/// An event's name is cut here.
const EVENT_BYTES_MAX: usize = 128;
pub(super) const DAY: i64 = 86_400;
/// How long an anomaly is shown: over a weekend.
const ANOMALY_SHOWN: i64 = 3 * DAY;
const SETTLED_AFTER: i64 = 14 * DAY;
const SETTLED_DELIVERIES: u64 = 100;
/// So many new ones within a week are usual for it.
const RESTLESS: usize = 3;

/// One request that ended.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// When.
    pub at: UnixTime,
    /// How.
    pub reason: Reason,
    /// From where.
    pub source: Source,
    /// Which secret verified it, if one did.
    pub secret: Option<&'a SecretId>,
    /// Its event.
    pub event: Option<&'a str>,
    /// What the upstream answered.
    pub upstream_status: Option<u16>,
}

/// How a secret was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Which.
    pub id: SecretId,
    /// Since when it is configured, as far as is known.
    pub since: i64,
    /// When it last verified something.
    pub last: Option<i64>,
}

/// How the upstream does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamHealth {
    /// When it last answered, with anything below 500.
    pub last_success: Option<i64>,
    /// When it last did not, and how.
    pub last_failure: Option<(i64, Reason)>,
    /// How often since it last answered.
    pub failures_in_a_row: u64,
}

/// Something that is not as it always was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What kind.
    pub kind: FindingKind,
    /// When.
    pub at: i64,
    /// The network or event.
    pub about: Option<String>,
    /// What came and what is usual.
    pub odd: Option<Odd>,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Since when it is known, in Unix seconds like all times here.
    pub since: i64,
    /// How many went on to the upstream.
    pub deliveries: u64,
    /// When one last did.
    pub last_delivery: Option<i64>,
    /// When a request was last accepted.
    pub last_accepted: Option<i64>,
    /// When one was last refused, and why.
    pub last_refused: Option<(i64, Reason)>,
    /// Its secrets.
    pub secrets: Vec<SecretUse>,
    /// The events that were seen.
    pub events: Known<Box<str>>,
    /// The networks that were seen.
    pub networks: Known<Network>,
    /// How its upstream does.
    pub upstream: UpstreamHealth,
    /// What was not as usual, the last of it.
    pub anomalies: Vec<Anomaly>,
    pub(super) hours: Hours,
    /// Anomalies that nobody was told of yet.
    pub(super) untold: Vec<Anomaly>,
}

impl Life {
    /// A life that begins.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        Self {
            since: now.seconds(),
            deliveries: 0,
            last_delivery: None,
            last_accepted: None,
            last_refused: None,
            secrets: Vec::new(),
            events: Known::new(EVENTS_MAX),
            networks: Known::new(NETWORKS_MAX),
            upstream: UpstreamHealth::default(),
            anomalies: Vec::new(),
            hours: Hours::new(now.seconds()),
            untold: Vec::new(),
        }
    }

    /// A request ended.
    pub fn see(&mut self, sight: &Sight<'_>) {
        let at = sight.at.seconds();
        self.pass(at);
        match sight.reason.decision() {
            Decision::Accepted => self.last_accepted = Some(at),
            Decision::Refused => self.last_refused = Some((at, sight.reason)),
        }
        if let Some(secret) = sight.secret {
            self.see_secret(secret, at);
            self.see_network(Network::of(sight.source), at);
        }
        if went_on(sight.reason) {
            self.see_delivery(sight, at);
        }
    }

    /// Time passed. `is_taking` says whether anything could have come. Answers with at most so many anomalies that nobody was
    /// told of yet.
    pub fn tick(&mut self, now: UnixTime, is_taking: bool, most: usize) -> Vec<Anomaly> {
        self.pass(now.seconds());
        if !is_taking {
            self.hours.interrupt();
        }
        let most = most.min(self.untold.len());
        self.untold.drain(..most).collect()
    }

    /// These are its secrets now; what is known of others is forgotten.
    pub fn expect_secrets<'s>(&mut self, ids: impl Iterator<Item = &'s SecretId>, now: UnixTime) {
        let before = std::mem::take(&mut self.secrets);
        let known = |id: &SecretId| before.iter().find(|secret| secret.id == *id).cloned();
        let fresh = |id: &SecretId| SecretUse { id: id.clone(), since: now.seconds(), last: None };
        self.secrets = ids.take(SECRETS_MAX).map(|id| known(id).unwrap_or_else(|| fresh(id))).collect();
    }

    /// A secret has another text under the same id: its age begins anew.
    pub fn renew_secret(&mut self, id: &SecretId, now: UnixTime) {
        if let Some(secret) = self.secrets.iter_mut().find(|secret| secret.id == *id) {
            secret.since = now.seconds();
        }
    }

    /// The anomalies that are still worth a look.
    pub fn recent_anomalies(&self, now: i64) -> impl Iterator<Item = &Anomaly> {
        self.anomalies.iter().filter(move |anomaly| now.saturating_sub(anomaly.at) < ANOMALY_SHOWN)
    }

    fn pass(&mut self, at: i64) {
        if let Some(odd) = self.hours.advance(at) {
            self.raise_rate(FindingKind::RateLow, odd, at);
        }
    }

    fn see_secret(&mut self, id: &SecretId, at: i64) {
        if let Some(secret) = self.secrets.iter_mut().find(|secret| secret.id == *id) {
            secret.last = secret.last.max(Some(at));
        }
    }

    fn see_network(&mut self, network: Network, at: i64) {
        if self.networks.see(&network, at) && self.is_settled(&self.networks, at) {
            self.raise(FindingKind::NewSource, Some(network.to_string()), None, at);
        }
    }

    fn see_delivery(&mut self, sight: &Sight<'_>, at: i64) {
        self.deliveries = self.deliveries.saturating_add(1);
        self.last_delivery = Some(at);
        self.see_upstream(sight, at);
        if let Some(odd) = self.hours.count() {
            self.raise_rate(FindingKind::RateHigh, odd, at);
        }
        if let Some(event) = sight.event {
            self.see_event(cut(event), at);
        }
    }

    fn see_event(&mut self, event: &str, at: i64) {
        if self.events.see(event, at) && self.is_settled(&self.events, at) {
            self.raise(FindingKind::NewEvent, Some(event.to_owned()), None, at);
        }
    }

    /// Whether something new in a list is worth a word. A list that forgot may have seen it before.
    fn is_settled<K>(&self, known: &Known<K>, at: i64) -> bool {
        let is_old = at.saturating_sub(self.since) >= SETTLED_AFTER && self.deliveries >= SETTLED_DELIVERIES;
        // The new one is in the list already.
        is_old && known.forgotten() == 0 && known.first_seen_since(at.saturating_sub(7 * DAY)) <= RESTLESS
    }

    fn see_upstream(&mut self, sight: &Sight<'_>, at: i64) {
        let answered = sight.upstream_status.is_some_and(|status| status < 500);
        if answered && sight.reason.decision() == Decision::Accepted {
            self.upstream.last_success = Some(at);
            self.upstream.failures_in_a_row = 0;
        } else {
            self.upstream.last_failure = Some((at, sight.reason));
            self.upstream.failures_in_a_row = self.upstream.failures_in_a_row.saturating_add(1);
        }
    }

    /// Once a day and kind.
    fn raise_rate(&mut self, kind: FindingKind, odd: Odd, at: i64) {
        let told = self.anomalies.iter().any(|anomaly| anomaly.kind == kind && at.saturating_sub(anomaly.at) < DAY);
        if !told {
            self.raise(kind, None, Some(odd), at);
        }
    }

    fn raise(&mut self, kind: FindingKind, about: Option<String>, odd: Option<Odd>, at: i64) {
        let anomaly = Anomaly { kind, at, about, odd };
        if self.anomalies.len() >= ANOMALIES_MAX {
            self.anomalies.remove(0);
        }
        self.anomalies.push(anomaly.clone());
        if self.untold.len() < ANOMALIES_MAX {
            self.untold.push(anomaly);
        }
    }
}

/// Whether it passed every gate, so that it was sent to the upstream.
const fn went_on(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Delivered
            | Reason::UpstreamRejected
            | Reason::UpstreamUnreachable
            | Reason::UpstreamInvalid
            | Reason::UpstreamTimeout
    )
}

fn cut(text: &str) -> &str {
    if text.len() <= EVENT_BYTES_MAX {
        return text;
    }
    let end = (0..=EVENT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
