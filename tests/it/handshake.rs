//! Challenges of the producers: answered here, once the signature holds, and never forwarded.

use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::{Delivery, Provider};
use crate::support::unix_now;
use crate::support::upstream::Upstream;

const SLACK: &[u8] =
    br#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
const INTERACTION: &[u8] = br#"{"type":1,"id":"1","application_id":"2","token":"t","version":1}"#;
const EVENT: &[u8] = br#"{"version":1,"application_id":"1234560123453231555","type":0}"#;

fn challenge(provider: Provider, body: &[u8]) -> Delivery {
    provider.sign(&provider.secret("current"), "", unix_now(), body)
}

#[test]
fn signed_challenges_are_answered_and_not_forwarded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));

    let slack = gateway.deliver(&challenge(Provider::Slack, SLACK));
    assert_eq!(slack.status, 200);
    assert!(slack.text().contains("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"), "{}", slack.text());

    let discord = gateway.deliver(&challenge(Provider::Discord, INTERACTION));
    assert_eq!((discord.status, discord.json()), (200, serde_json::json!({ "type": 1 })));
    assert!(discord.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));

    let events = gateway.deliver(&challenge(Provider::DiscordEvents, EVENT));
    assert_eq!((events.status, events.body.len()), (204, 0));

    upstream.saw_nothing();
    let ledger = gateway.finish();
    ledger.holds_exactly(&[("handshake", 200), ("handshake", 200), ("handshake", 204)]);
    assert!(ledger.requests().iter().all(|record| record.text("decision") == "accepted"));
}

#[test]
fn a_challenge_can_be_asked_again() {
    // It changes nothing, so it takes no claim: providers probe an endpoint more than once.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let ping = challenge(Provider::Discord, INTERACTION);
    for _ in 0..3 {
        assert_eq!(gateway.deliver(&ping).status, 200);
    }
    assert!(gateway.metrics().sum("hookward_replay_entries", &[]).abs() < 0.5);
    gateway.finish();
}

#[test]
fn a_forged_or_stale_challenge_is_refused() {
    // Discord probes with bad signatures and drops an endpoint that takes one.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for (provider, body) in [(Provider::Slack, SLACK), (Provider::Discord, INTERACTION), (Provider::DiscordEvents, EVENT)] {
        gateway.deliver(&challenge(provider, body).with_tampered_signature()).refused(401, "unauthorized");
        let stale = provider.sign(&provider.secret("current"), "", unix_now() - 900, body);
        gateway.deliver(&stale).refused(401, "unauthorized");
        gateway.deliver(&challenge(provider, body).without(provider.signature_header())).refused(401, "unauthorized");
    }
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn a_challenge_is_answered_whatever_the_scope() {
    let upstream = Upstream::start();
    let slack = Integration::new(Provider::Slack, &upstream.url()).line("events.allow = [\"message\"]");
    let gateway = Gateway::start(Config::of(slack));
    assert_eq!(gateway.deliver(&challenge(Provider::Slack, SLACK)).status, 200);
    upstream.saw_nothing();
    gateway.finish();
}
