//! Challenges of the producers: answered here, once the signature holds, and never forwarded.

mod armed; // secrets that a provider hands over itself
mod presets; // every preset's own challenges, and those of the language that no preset has

use crate::support::client::{Answer, request};
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

/// A provider of one's own that signs the body as GitHub does, and asks by GET before it sends.
fn subscribing(upstream: &str) -> Config {
    let secret = Provider::Github.secret("current").configured;
    Config::new()
        .file("hub-secret", &secret)
        .set("provider.hub", "content", "\"{body}\"")
        .set(
            "provider.hub",
            "signature",
            "{ header = \"X-Hub-Signature-256\", algorithm = \"hmac-sha256\", encoding = \"hex\", prefix = \"sha256=\" }",
        )
        .set(
            "provider.hub",
            "handshake",
            "[ { method = \"GET\", query = { \"hub.mode\" = \"subscribe\" }, echo = \"hub.challenge\" } ]",
        )
        .set("integration.hub", "provider", "\"hub\"")
        .set("integration.hub", "path", "\"/hub\"")
        .set("integration.hub", "upstream", &format!("\"{upstream}\""))
        .set("integration.hub", "secrets", "[ { id = \"current\", file = \"hub-secret\" } ]")
}

fn ask(gateway: &Gateway, method: &str, target: &str, delivery: Option<&Delivery>) -> Answer {
    let (headers, body) = delivery.map_or((&[][..], &[][..]), |delivery| (&delivery.headers, &delivery.body));
    let posted = String::from_utf8(request(target, headers, body)).unwrap();
    let mut connection = gateway.connect();
    connection.send(posted.replacen("POST", method, 1).as_bytes());
    connection.answer()
}

#[test]
fn an_unsigned_challenge_is_answered_in_exactly_its_shape() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(subscribing(&upstream.url()));
    let answered = ask(&gateway, "GET", "/hub?hub.mode=subscribe&hub.challenge=1158201444", None);
    assert_eq!((answered.status, answered.text().as_str()), (200, "1158201444"));
    assert_eq!(answered.header("x-content-type-options"), Some("nosniff"));
    for target in ["/hub?hub.mode=subscribe&hub.challenge=1&more=2", "/hub?hub.mode=subscribe", "/hub"] {
        let answer = ask(&gateway, "GET", target, None);
        answer.refused(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("POST"), "{target}");
    }
    upstream.saw_nothing();
    gateway.finish().holds_exactly(&[
        ("handshake", 200),
        ("method_not_allowed", 405),
        ("method_not_allowed", 405),
        ("method_not_allowed", 405),
    ]);
}

/// The signature covers the body alone: a capture sent by the method of a challenge must not reach the receiver by it.
#[test]
fn sig_36_a_delivery_does_not_pass_by_a_challenges_method() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(subscribing(&upstream.url()));
    let github = Provider::Github;
    let delivery = github.sign(&github.secret("current"), "1", unix_now(), b"{\"zen\":1}");
    for target in ["/hub", "/hub?hub.mode=subscribe&hub.challenge=1"] {
        ask(&gateway, "GET", target, Some(&delivery)).refused(405, "method_not_allowed");
    }
    upstream.saw_nothing();
    assert_eq!(ask(&gateway, "POST", "/hub", Some(&delivery)).status, 200);
    let ledger = gateway.finish();
    ledger.holds_exactly(&[("method_not_allowed", 405), ("method_not_allowed", 405), ("delivered", 200)]);
}
