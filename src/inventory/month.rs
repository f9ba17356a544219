//! A month of traffic, minute by minute: a healthy one of which nothing is said, and one change at a time that is said exactly.
//!
//! Healthy is: busy weekdays, quiet nights and weekends, noise of a third, one delivery in thirty sent again because the
//! upstream failed, now and then one that does not verify, a change to summer time in the middle.

use std::collections::BTreeSet;
use std::time::Duration;

use super::finding::{Terms, findings};
use super::life::{Life, Sight};
use crate::domain::address::Source;
use crate::domain::finding::FindingKind as Kind;
use crate::domain::name::SecretId;
use crate::domain::reason::Reason;
use crate::domain::time::UnixTime;

/// A Monday, 00:00 UTC.
const BEGIN: i64 = 1_780_272_000;
const MINUTE: i64 = 60;
const DAY_MINUTES: i64 = 1440;
const MONTH: i64 = 30 * DAY_MINUTES;
const EVENTS: [&str; 5] = ["invoice.paid", "invoice.created", "customer.updated", "charge.refunded", "payout.paid"];
const SOURCES: [&str; 4] = ["192.0.2.10", "192.0.2.77", "198.51.100.3", "2001:db8:1::5"];

/// A small generator: the same month every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What a minute is like.
#[expect(clippy::struct_excessive_bools, reason = "each is a change of its own")]
#[derive(Clone, Copy)]
struct Minute {
    /// In thousandths of a usual one.
    rate: u64,
    event: Option<&'static str>,
    source: Option<&'static str>,
    only_new_secret: bool,
    upstream_fails: bool,
    switched_off: bool,
    /// The process is not running.
    down: bool,
}

const USUAL: Minute = Minute {
    rate: 1000,
    event: None,
    source: None,
    only_new_secret: false,
    upstream_fails: false,
    switched_off: false,
    down: false,
};

type Days = Box<dyn Fn(i64) -> Minute>;

/// What was said in a month: anomalies as they came, findings at its end.
struct Month {
    told: Vec<(i64, Kind)>,
    standing: BTreeSet<Kind>,
    life: Life,
}

fn month(seed: u64, terms: &Terms, days: impl Fn(i64) -> Minute) -> Month {
    let mut dice = Dice(seed);
    let at = |minute: i64| UnixTime::from_seconds(BEGIN + minute * MINUTE);
    let mut lived = Life::new(at(0));
    let secrets: [SecretId; 2] = ["new", "old"].map(|id| id.parse().unwrap());
    lived.expect_secrets(secrets.iter(), at(0));
    let mut told = Vec::new();
    for minute in 0..MONTH {
        let like = days(minute);
        if like.down {
            continue;
        }
        let mut number = deliveries(minute, like.rate, &mut dice);
        while number > 0 {
            let fails = like.upstream_fails || dice.below(30) == 0;
            let secret = &secrets[usize::from(!like.only_new_secret && dice.below(2) == 0)];
            let source = like.source.unwrap_or(SOURCES[usize::try_from(dice.below(4)).unwrap()]);
            let event = like.event.unwrap_or(EVENTS[usize::try_from(dice.below(5)).unwrap()]);
            let mut sight = Sight {
                at: at(minute),
                reason: if fails { Reason::UpstreamTimeout } else { Reason::Delivered },
                source: Source::new(source.parse().unwrap()),
                secret: Some(secret),
                event: Some(event),
                upstream_status: (!fails).then_some(200),
            };
            lived.see(&sight);
            if fails && !like.upstream_fails {
                // Sent again, and taken.
                (sight.reason, sight.upstream_status) = (Reason::Delivered, Some(200));
                lived.see(&sight);
            }
            if dice.below(50) == 0 {
                let stranger = Source::new("203.0.113.200".parse().unwrap());
                lived.see(&Sight { reason: Reason::SignatureMismatch, source: stranger, secret: None, event: None, ..sight });
            }
            number -= 1;
        }
        told.extend(lived.tick(at(minute), !like.switched_off, 16).into_iter().map(|anomaly| (minute, anomaly.kind)));
    }
    let end = at(MONTH);
    let is_taking = !days(MONTH - 1).switched_off;
    let standing = findings(&lived, terms, end, is_taking).into_iter().map(|finding| finding.kind).collect();
    Month { told, standing, life: lived }
}

/// How many come in a minute: 150 an hour by day, 30 at night, 20 at the weekend; local hours move by one in the middle.
fn deliveries(minute: i64, rate: u64, dice: &mut Dice) -> u64 {
    let hour = (minute / 60 + i64::from(minute > MONTH / 2)) % 24;
    let weekend = (minute / DAY_MINUTES) % 7 >= 5;
    let an_hour: u64 = match hour {
        _ if weekend => 20,
        8..18 => 150,
        _ => 30,
    };
    // Noise of a third, then as many as that makes in this minute.
    let thousandths = an_hour * rate * (67 + dice.below(67)) / 100 / 60;
    thousandths / 1000 + u64::from(dice.below(1000) < thousandths % 1000)
}

fn terms() -> Terms {
    Terms {
        expect_every: Some(Duration::from_secs(24 * 3600)),
        review_by: Some("2099-01-01".to_owned()),
        events: Some(
            ["invoice.*", "customer.*", "charge.refunded", "payout.paid"].map(crate::domain::pattern::Pattern::new).to_vec(),
        ),
        sources: Some(["192.0.2.0/24", "198.51.100.3/32", "2001:db8::/32"].map(|range| range.parse().unwrap()).to_vec()),
        secrets: ["new", "old"].map(|id| (id.parse().unwrap(), None)).to_vec(),
    }
}

/// Whether a minute lies in some hours of a day, both counted from 0.
fn within(minute: i64, day: i64, hours: std::ops::Range<i64>) -> bool {
    minute / DAY_MINUTES == day && hours.contains(&(minute / 60 % 24))
}

#[test]
fn of_healthy_months_nothing_is_said() {
    for seed in 0..20 {
        let month = month(seed, &terms(), |_| USUAL);
        assert_eq!((month.told, month.standing), (Vec::new(), BTreeSet::new()), "seed {seed}");
        assert!(month.life.deliveries > 40_000 && month.life.networks.entries().len() == 3);
    }
}

#[test]
fn pauses_of_ours_are_no_news_of_theirs() {
    // A restart of two minutes every day, five hours of maintenance, and a day switched off.
    let month = month(1, &terms(), |minute| Minute {
        down: minute % DAY_MINUTES < 2 || within(minute, 22, 10..15),
        switched_off: minute / DAY_MINUTES == 24,
        rate: if minute / DAY_MINUTES == 24 { 0 } else { 1000 },
        ..USUAL
    });
    assert_eq!((month.told, month.standing), (Vec::new(), BTreeSet::new()));
}

#[test]
fn a_change_is_said_exactly() {
    let stops = 28 * DAY_MINUTES + 12 * 60;
    let cases: [(&str, Days, &[Kind], &[Kind]); 8] = [
        // Day 28 is a Monday; the anomalies of the last three days stand at the end.
        (
            "a flood in one hour",
            Box::new(|minute| Minute { rate: if within(minute, 28, 12..13) { 8000 } else { 1000 }, ..USUAL }),
            &[Kind::RateHigh],
            &[Kind::RateHigh],
        ),
        (
            "a flood of four days is said once a day",
            Box::new(|minute| Minute { rate: if minute / DAY_MINUTES >= 26 { 8000 } else { 1000 }, ..USUAL }),
            &[Kind::RateHigh; 4],
            &[Kind::RateHigh],
        ),
        (
            "an hour of silence by day",
            Box::new(|minute| Minute { rate: if within(minute, 28, 11..13) { 0 } else { 1000 }, ..USUAL }),
            &[Kind::RateLow],
            &[Kind::RateLow],
        ),
        (
            "a network that was never seen, twice",
            Box::new(|minute| Minute { source: within(minute, 28, 9..10).then_some("203.0.113.9"), ..USUAL }),
            &[Kind::NewSource],
            &[Kind::NewSource],
        ),
        (
            "an event that was never seen",
            Box::new(|minute| Minute { event: within(minute, 20, 9..10).then_some("invoice.voided"), ..USUAL }),
            &[Kind::NewEvent],
            &[],
        ),
        (
            "a secret that is not used any more",
            Box::new(|minute| Minute { only_new_secret: minute / DAY_MINUTES >= 25, ..USUAL }),
            &[],
            &[Kind::UnusedSecret],
        ),
        (
            "an upstream that fails at the end",
            Box::new(|minute| Minute { upstream_fails: minute >= MONTH - 60, ..USUAL }),
            &[],
            &[Kind::UpstreamFailing],
        ),
        (
            "a provider that stops",
            Box::new(move |minute| Minute { rate: if minute >= stops { 0 } else { 1000 }, ..USUAL }),
            &[Kind::RateLow, Kind::RateLow],
            &[Kind::RateLow, Kind::Silent],
        ),
    ];
    for (what, days, told, standing) in cases {
        let month = month(7, &terms(), days);
        assert_eq!(month.told.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), told, "{what}: {:?}", month.told);
        assert_eq!(month.standing, standing.iter().copied().collect(), "{what}");
    }
}

#[test]
fn what_is_too_broad_is_said_after_a_month() {
    let broad = Terms {
        events: Some(["invoice.*", "mandate.*"].map(crate::domain::pattern::Pattern::new).to_vec()),
        sources: Some(["192.0.2.0/24", "10.0.0.0/8"].map(|range| range.parse().unwrap()).to_vec()),
        ..terms()
    };
    let month = month(3, &broad, |_| USUAL);
    assert_eq!(month.standing, BTreeSet::from([Kind::UnseenEvent, Kind::UnseenSource]));
    let said = findings(&month.life, &broad, UnixTime::from_seconds(BEGIN + MONTH * MINUTE), true);
    let about: Vec<_> = said.iter().filter_map(|finding| finding.about.as_deref()).collect();
    assert_eq!(about, ["mandate.*", "10.0.0.0/8"]);
}

#[test]
fn a_flood_is_said_while_it_lasts() {
    let begins = 28 * DAY_MINUTES + 12 * 60;
    let month = month(5, &terms(), |minute| Minute { rate: if minute >= begins { 20_000 } else { 1000 }, ..USUAL });
    let (minute, kind) = month.told[0];
    assert!(kind == Kind::RateHigh && (begins..begins + 30).contains(&minute), "{:?}", month.told);
}

#[test]
fn a_restless_integration_is_left_alone() {
    // A network of its own every hour, as from a cloud: nothing is said of any.
    let networks: Vec<String> = (0..250).map(|third| format!("100.64.{third}.1")).collect();
    let networks: &'static [String] = networks.leak();
    let month =
        month(9, &terms(), |minute| Minute { source: Some(&networks[usize::try_from(minute / 60 % 250).unwrap()]), ..USUAL });
    assert_eq!(month.told, []);
    assert_eq!(month.life.networks.entries().len(), super::life::NETWORKS_MAX, "and the list is bounded");
    assert!(month.life.networks.forgotten() > 0);
}
