//! The scope: which event types pass, and what the others are answered.

use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, unix_now};

#[test]
fn only_allowed_events_pass() {
    let upstream = Upstream::start();
    let stripe = Integration::new(Provider::Stripe, &upstream.url()).line("events.allow = [\"invoice.*\", \"ping\"]");
    let gateway = Gateway::start(Config::of(stripe));
    let secret = Provider::Stripe.secret("current");
    let event = |kind: &str| {
        let body = format!(r#"{{"id":"evt_{}","type":"{kind}"}}"#, fresh_id());
        Provider::Stripe.sign(&secret, "", unix_now(), body.as_bytes())
    };
    for kind in ["invoice.paid", "invoice.", "ping"] {
        assert_eq!(gateway.deliver(&event(kind)).status, 200, "{kind}");
    }
    for kind in ["invoices.paid", "customer.created", "pings", ""] {
        gateway.deliver(&event(kind)).refused(403, "forbidden");
    }
    let nameless = Provider::Stripe.sign(&secret, "", unix_now(), br#"{"id":"evt_0"}"#);
    gateway.deliver(&nameless).refused(403, "forbidden");
    assert_eq!(upstream.received().len(), 3);
    let ledger = gateway.finish();
    let denied = ledger.requests().into_iter().filter(|record| record.reason() == "event_not_allowed").collect::<Vec<_>>();
    assert_eq!(denied.len(), 5);
    assert_eq!((denied[0].text("event"), denied[0].get("event_signed").as_bool()), ("invoices.paid", Some(true)));
}

#[test]
fn a_denied_event_takes_no_claim() {
    let upstream = Upstream::start();
    let stripe = Integration::new(Provider::Stripe, &upstream.url()).line("events.allow = [\"none\"]");
    let gateway = Gateway::start(Config::of(stripe));
    let delivery = Provider::Stripe.delivery();
    for _ in 0..3 {
        gateway.deliver(&delivery).refused(403, "forbidden");
    }
    assert!((gateway.metrics().sum("hookward_replay_entries", &[])).abs() < 0.5);
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn a_denied_event_may_be_acknowledged() {
    let upstream = Upstream::start();
    let github = Integration::new(Provider::Github, &upstream.url())
        .line("events.allow = [\"pull_request\"]")
        .line("on_event_denied = \"acknowledge\"");
    let gateway = Gateway::start(Config::of(github));
    let answer = gateway.deliver(&Provider::Github.delivery());
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("hookward-ignored"), Some("event"));
    upstream.saw_nothing();
    let ledger = gateway.finish();
    let record = ledger.only("event_not_allowed");
    assert_eq!((record.text("decision"), record.number("status")), ("refused", 200));
    assert_eq!((record.text("event"), record.get("event_signed").as_bool()), ("push", Some(false)));
}

#[test]
fn the_scope_is_judged_after_the_signature() {
    let upstream = Upstream::start();
    let stripe = Integration::new(Provider::Stripe, &upstream.url()).line("events.allow = [\"none\"]");
    let gateway = Gateway::start(Config::of(stripe));
    gateway.deliver(&Provider::Stripe.delivery().with_tampered_body()).refused(401, "unauthorized");
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn sources_outside_the_list_are_refused_before_anything_is_read() {
    let upstream = Upstream::start();
    let stripe = Integration::new(Provider::Stripe, &upstream.url()).line("sources.allow = [\"127.0.0.2/32\", \"10.0.0.0/8\"]");
    let gateway = Gateway::start(Config::of(stripe));
    let delivery = Provider::Stripe.delivery();
    let answer = gateway.deliver(&delivery.clone().and("X-Forwarded-For", "127.0.0.2"));
    answer.refused(403, "forbidden");
    assert!(answer.closed);
    assert_eq!(gateway.deliver_from("127.0.0.2".parse().unwrap(), &delivery).status, 200);
    assert_eq!(upstream.received().len(), 1);
    let ledger = gateway.finish();
    assert_eq!(ledger.only("source_not_allowed").text("source"), "127.0.0.1");
    assert_eq!(ledger.only("delivered").text("source"), "127.0.0.2");
}

#[test]
fn two_event_types_are_none() {
    // The gateway would judge one and the receiver act on the other.
    let upstream = Upstream::start();
    let github = Integration::new(Provider::Github, &upstream.url()).line("events.allow = [\"push\"]");
    let gateway = Gateway::start(Config::of(github));
    for (first, second) in [("push", "delete"), ("delete", "push"), ("push", "push")] {
        let delivery = Provider::Github.delivery().with("X-GitHub-Event", first).and("X-GitHub-Event", second);
        let answer = gateway.deliver(&delivery);
        assert!([401, 403].contains(&answer.status), "{first}, {second}: {}", answer.status);
    }
    upstream.saw_nothing();
    gateway.finish();
}
