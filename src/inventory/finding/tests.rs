//! Each finding once, and next to it the life of which it is not said.

use super::*;
use crate::domain::address::Source;
use crate::domain::reason::Reason;
use crate::inventory::life::Sight;

const NOW: i64 = 1_780_000_000;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn id(text: &str) -> SecretId {
    text.parse().unwrap()
}

/// Known for so many days, with two secrets.
fn life(days: i64) -> Life {
    let begin = at(NOW - days * DAY);
    let mut life = Life::new(begin);
    life.expect_secrets([id("new"), id("old")].iter(), begin);
    life
}

fn deliver(life: &mut Life, secret: &str, days_ago: i64, reason: Reason) {
    let (source, secret) = (Source::new("192.0.2.1".parse().unwrap()), id(secret));
    let status = (reason == Reason::Delivered).then_some(200);
    let when = at(NOW - days_ago * DAY);
    life.see(&Sight { at: when, reason, source, secret: Some(&secret), event: Some("a.b"), upstream_status: status });
}

fn said(life: &Life, terms: &Terms) -> Vec<(FindingKind, String)> {
    findings(life, terms, at(NOW), true).into_iter().map(|finding| (finding.kind, finding.text)).collect()
}

fn kinds(life: &Life, terms: &Terms) -> Vec<FindingKind> {
    said(life, terms).into_iter().map(|(kind, _)| kind).collect()
}

fn terms() -> Terms {
    Terms { secrets: vec![(id("new"), None), (id("old"), None)], ..Terms::default() }
}

#[test]
fn silence_is_counted_from_the_last_delivery_or_from_the_beginning() {
    let expecting = |hours: u64| Terms { expect_every: Some(Duration::from_secs(hours * 3600)), ..terms() };
    let mut quiet = life(2);
    assert_eq!(kinds(&quiet, &expecting(24)), [FindingKind::Silent]);
    assert_eq!(kinds(&quiet, &expecting(48)), []);
    assert_eq!(kinds(&quiet, &terms()), []);
    assert_eq!(findings(&quiet, &expecting(24), at(NOW), false), [], "switched off");
    deliver(&mut quiet, "new", 0, Reason::Delivered);
    assert_eq!(kinds(&quiet, &expecting(24)), []);
    assert_eq!(kinds(&life(91), &terms()), [FindingKind::Abandoned]);
    assert_eq!(kinds(&life(90), &terms()), []);
    let mut refused = life(2);
    deliver(&mut refused, "new", 0, Reason::SignatureMismatch);
    assert_eq!(kinds(&refused, &expecting(24)), [FindingKind::Silent], "a refusal is no sign of life");
}

#[test]
fn a_secret_that_another_took_the_place_of_is_safe_to_remove() {
    let mut rotated = life(10);
    deliver(&mut rotated, "old", 3, Reason::Delivered);
    deliver(&mut rotated, "new", 0, Reason::Delivered);
    let said = said(&rotated, &terms());
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].1, "`old` last used 3 days ago, `new` is in use: safe to remove");
    deliver(&mut rotated, "old", 2, Reason::Delivered);
    assert_eq!(kinds(&rotated, &terms()), []);
    let mut staged = life(29);
    deliver(&mut staged, "old", 0, Reason::Delivered);
    assert_eq!(kinds(&staged, &terms()), [], "the next one may wait for its day");
    let mut never = life(30);
    deliver(&mut never, "old", 0, Reason::Delivered);
    assert_eq!(kinds(&never, &terms()), [FindingKind::UnusedSecret]);
    assert_eq!(kinds(&life(60), &terms()), [], "none is used: that is silence, not rotation");
}

#[test]
fn dates_speak_for_themselves() {
    let days = |days: i64| Some(at(NOW + days * DAY));
    for (end, expected) in [
        (days(-1), Some(FindingKind::SecretExpired)),
        (days(13), Some(FindingKind::SecretExpiring)),
        (days(15), None),
        (None, None),
    ] {
        let terms = Terms { secrets: vec![(id("new"), end)], ..Terms::default() };
        assert_eq!(kinds(&life(1), &terms), expected.into_iter().collect::<Vec<_>>());
    }
    for (day, expected) in [("2026-05-27", true), ("2026-05-28", false), ("2027-01-01", false)] {
        let terms = Terms { review_by: Some(day.to_owned()), ..terms() };
        assert_eq!(kinds(&life(1), &terms).contains(&FindingKind::ReviewOverdue), expected, "{day}: today is {}", at(NOW));
    }
}

#[test]
fn what_is_allowed_and_unseen_is_said_after_thirty_days_in_which_something_came() {
    let broad = Terms {
        events: Some(["a.*", "c"].map(Pattern::new).to_vec()),
        sources: Some(["192.0.2.200/32", "10.0.0.0/8"].map(|range| range.parse().unwrap()).to_vec()),
        ..terms()
    };
    let mut young = life(29);
    deliver(&mut young, "new", 0, Reason::Delivered);
    deliver(&mut young, "old", 0, Reason::Delivered);
    assert_eq!(kinds(&young, &broad), []);
    let mut old = life(30);
    assert_eq!(kinds(&old, &broad), [], "of what is silent nothing is too broad");
    deliver(&mut old, "new", 0, Reason::Delivered);
    deliver(&mut old, "old", 0, Reason::Delivered);
    assert_eq!(kinds(&old, &broad), [FindingKind::UnseenEvent, FindingKind::UnseenSource]);
}

#[test]
fn an_upstream_fails_at_the_third_time_and_recovers_at_the_first() {
    let mut failing = life(1);
    for expected in [false, false, true, true] {
        deliver(&mut failing, "new", 0, Reason::UpstreamUnreachable);
        assert_eq!(kinds(&failing, &terms()).contains(&FindingKind::UpstreamFailing), expected);
    }
    deliver(&mut failing, "new", 0, Reason::Delivered);
    assert_eq!(kinds(&failing, &terms()), []);
}

#[test]
fn spans_are_in_their_largest_unit() {
    for (seconds, expected) in [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (7200, "2 hours"), (3 * DAY, "3 days")] {
        assert_eq!(span(seconds), expected);
    }
}
