//! What follows from an integration's life and what its configuration says of it. pure
//!
//! 1. *silent*: nothing was delivered for longer than `expect_every`, counted from the last delivery, else from the day it is known.
//! 2. *abandoned*: the same for 90 days, whatever is expected.
//! 3. *unseen-event*, *unseen-source*: allowed, and not seen in at least 30 days in which something came. A source is seen if
//!    somebody came from its /24 or /48. A list that had to forget proves nothing.
//! 4. *unused-secret*: not used for three days while another secret of the integration was; or never in 30 days.
//! 5. *upstream-failing*: three deliveries or more in a row without an answer below 500.
//! 6. Anomalies of the last three days; and what dates say: review and secrets.
//!
//! An integration that is switched off is neither silent nor abandoned.

use std::time::Duration;

use ipnet::IpNet;

use super::life::{Anomaly, DAY, Life, SecretUse};
use crate::domain::finding::FindingKind;
use crate::domain::name::SecretId;
use crate::domain::pattern::Pattern;
use crate::domain::time::UnixTime;

const ABANDONED: i64 = 90 * DAY;
/// How long something allowed may be unseen.
const UNSEEN: i64 = 30 * DAY;
/// How long a secret may be unused while another is used: as long as patient providers send again.
const UNUSED: i64 = 3 * DAY;
const EXPIRING: i64 = 14 * DAY;
const FAILURES: u64 = 3;

/// What the configuration says of an integration.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Silence beyond it is a finding.
    pub expect_every: Option<Duration>,
    /// When it is to be looked at again, `YYYY-MM-DD`.
    pub review_by: Option<String>,
    /// Events in scope; all when absent.
    pub events: Option<Vec<Pattern>>,
    /// Sources in scope; all when absent.
    pub sources: Option<Vec<IpNet>>,
    /// Each secret and when it ends.
    pub secrets: Vec<(SecretId, Option<UnixTime>)>,
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// Which event, source or secret, where it is about one.
    pub about: Option<String>,
    /// Since when, or when it was.
    pub since: Option<UnixTime>,
    /// In words.
    pub text: String,
}

/// Everything that follows now.
#[must_use]
pub fn findings(life: &Life, terms: &Terms, now: UnixTime, is_taking: bool) -> Vec<Finding> {
    let at = now.seconds();
    let mut found: Vec<Finding> = if is_taking { silence(life, terms, at).into_iter().collect() } else { Vec::new() };
    found.extend(review(terms, now));
    found.extend(ends(terms, at));
    found.extend(terms.secrets.iter().filter_map(|(id, _)| unused(life, id, at)));
    found.extend(unseen(life, terms, at));
    found.extend(upstream(life));
    found.extend(life.recent_anomalies(at).map(anomaly));
    found
}

fn silence(life: &Life, terms: &Terms, at: i64) -> Option<Finding> {
    let from = life.last_delivery.unwrap_or(life.since);
    let quiet = at.saturating_sub(from);
    let expected = terms.expect_every.map(|every| i64::try_from(every.as_secs()).unwrap_or(i64::MAX));
    let last = if life.last_delivery.is_some() { "the last delivery was" } else { "nothing was delivered since it is known," };
    let finding = |kind, what: &str| Finding {
        kind,
        about: None,
        since: Some(UnixTime::from_seconds(from)),
        text: format!("{last} {} ago{what}", span(quiet)),
    };
    if quiet > ABANDONED {
        return Some(finding(FindingKind::Abandoned, ": abandoned? ask its owner, then remove it"));
    }
    let every = expected.filter(|every| quiet > *every)?;
    Some(finding(FindingKind::Silent, &format!(", one is expected every {}", span(every))))
}

/// Days are written so that their order is that of their texts.
fn review(terms: &Terms, now: UnixTime) -> Option<Finding> {
    let today = now.to_string();
    let day = terms.review_by.as_ref().filter(|day| today.get(..10).is_some_and(|today| day.as_str() < today))?;
    Some(Finding { kind: FindingKind::ReviewOverdue, about: None, since: None, text: format!("was to be reviewed by {day}") })
}

fn ends(terms: &Terms, at: i64) -> Vec<Finding> {
    let ends = terms.secrets.iter().filter_map(|(id, end)| Some((id, end.as_ref()?)));
    let finding = |(id, end): (&SecretId, &UnixTime)| {
        let left = end.seconds().saturating_sub(at);
        let (kind, text) = match left {
            ..=0 => (FindingKind::SecretExpired, format!("`{id}` ended {} ago: remove it", span(left.saturating_neg()))),
            1..=EXPIRING => (FindingKind::SecretExpiring, format!("`{id}` ends in {}", span(left))),
            _ => return None,
        };
        Some(Finding { kind, about: Some(id.to_string()), since: Some(*end), text })
    };
    ends.filter_map(finding).collect()
}

fn unused(life: &Life, id: &SecretId, at: i64) -> Option<Finding> {
    let own = life.secrets.iter().find(|secret| secret.id == *id)?;
    let is_used = |secret: &&SecretUse| secret.last.is_some_and(|last| at.saturating_sub(last) < UNUSED);
    let other = life.secrets.iter().filter(|secret| secret.id != *id).find(is_used)?;
    let text = match own.last {
        Some(last) if at.saturating_sub(last) >= UNUSED => {
            format!("`{id}` last used {} ago, `{}` is in use: safe to remove", span(at.saturating_sub(last)), other.id)
        }
        None if at.saturating_sub(own.since) >= UNSEEN => {
            format!(
                "`{id}` never used in {}: remove it, unless the provider is still to get it",
                span(at.saturating_sub(own.since))
            )
        }
        _ => return None,
    };
    let since = Some(UnixTime::from_seconds(own.last.unwrap_or(own.since)));
    Some(Finding { kind: FindingKind::UnusedSecret, about: Some(id.to_string()), since, text })
}

fn unseen(life: &Life, terms: &Terms, at: i64) -> Vec<Finding> {
    let known = at.saturating_sub(life.since);
    if known < UNSEEN || life.last_delivery.is_none_or(|last| at.saturating_sub(last) > UNSEEN) {
        return Vec::new();
    }
    let finding = |kind, about: String| Finding {
        kind,
        since: Some(UnixTime::from_seconds(life.since)),
        text: format!("{about} is allowed and was not seen in {}: too broad?", span(known)),
        about: Some(about),
    };
    let (events, networks) = (&life.events, &life.networks);
    let patterns = terms.events.iter().flatten().filter(|_| events.forgotten() == 0);
    let patterns = patterns.filter(|pattern| !events.entries().iter().any(|seen| pattern.matches(&seen.key)));
    let ranges = terms.sources.iter().flatten().filter(|_| networks.forgotten() == 0);
    let ranges = ranges.filter(|range| !networks.entries().iter().any(|seen| seen.key.meets(range)));
    let patterns = patterns.map(|pattern| finding(FindingKind::UnseenEvent, pattern.to_string()));
    patterns.chain(ranges.map(|range| finding(FindingKind::UnseenSource, range.to_string()))).collect()
}

fn upstream(life: &Life) -> Option<Finding> {
    let failures = life.upstream.failures_in_a_row;
    let (at, reason) = life.upstream.last_failure.filter(|_| failures >= FAILURES)?;
    let text = format!("{failures} deliveries in a row failed, the last with {}", reason.code());
    Some(Finding { kind: FindingKind::UpstreamFailing, about: None, since: Some(UnixTime::from_seconds(at)), text })
}

fn anomaly(anomaly: &Anomaly) -> Finding {
    let about = anomaly.about.as_deref().unwrap_or_default();
    let (observed, expected) = anomaly.odd.map_or((0, 0), |odd| (odd.observed, odd.expected));
    let text = match anomaly.kind {
        FindingKind::RateHigh => format!("{observed} deliveries in an hour, and more: at most {expected} are usual"),
        FindingKind::RateLow => format!("{observed} deliveries in an hour: at least {expected} are usual"),
        FindingKind::NewSource => format!("a verified delivery came from {about}, which never sent before"),
        FindingKind::NewEvent => format!("{about} came, which never came before"),
        other => other.code().to_owned(),
    };
    Finding { kind: anomaly.kind, about: anomaly.about.clone(), since: Some(UnixTime::from_seconds(anomaly.at)), text }
}

/// A length of time in its largest unit: `3 days`.
#[must_use]
pub fn span(seconds: i64) -> String {
    let units = [(DAY, "day"), (3600, "hour"), (60, "minute")];
    let (number, noun) = units
        .iter()
        .find(|(length, _)| seconds >= *length)
        .map_or((seconds, "second"), |(length, noun)| (seconds.checked_div(*length).unwrap_or(seconds), *noun));
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests;
