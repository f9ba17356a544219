//! Once and only once: what a delivery is known by, for how long, and what happens when the memory is new or full.

use std::time::{Duration, Instant};

use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, poll, unix_now};

#[test]
fn rpl_01_a_thousand_fresh_unsigned_ids_make_nothing_new() {
    let upstream = Upstream::start();
    let quick = "{ rate = \"100000/s\", burst = 100000 }";
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).set("rate_limit", "per_source", quick));
    let id_headers = [
        (Provider::Github, "X-GitHub-Delivery"),
        (Provider::Shopify, "X-Shopify-Webhook-Id"),
        (Provider::Shopify, "X-Shopify-Event-Id"),
        (Provider::Github, "X-GitHub-Event"),
        (Provider::Stripe, "Content-Type"),
    ];
    for (provider, header) in id_headers {
        let delivery = provider.delivery();
        assert_eq!(gateway.deliver(&delivery).status, 200);
        let mut connection = gateway.connect();
        for _ in 0..200 {
            connection.send_delivery(&provider.path(), &delivery.clone().with(header, &fresh_id()));
            let again = connection.answer();
            assert!(again.status == 409 || again.header("hookward-replay") == Some("true"), "{provider:?} {header}");
        }
    }
    assert_eq!(upstream.received().len(), id_headers.len());
    gateway.finish();
}

#[test]
fn rpl_02_another_spelling_of_the_signature_is_the_same_delivery() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let stripe = Provider::Stripe.delivery();
    let (time, hex) = stripe.signature().strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let spellings =
        [format!("v1={hex},t={time}"), format!("t={time},v1={},v1={hex}", "0".repeat(64)), format!("t={time},v1={hex},v0={hex}")];
    assert_eq!(gateway.deliver(&stripe).status, 200);
    for spelling in &spellings {
        gateway.deliver(&stripe.clone().with("Stripe-Signature", spelling)).refused(409, "conflict");
    }
    let standard = Provider::StandardWebhooks.delivery();
    assert_eq!(gateway.deliver(&standard).status, 200);
    let more = format!("v1a,AAAA {} v2,BBBB", standard.signature());
    gateway.deliver(&standard.with("webhook-signature", &more)).refused(409, "conflict");

    let path = format!("{}?attempt=2", Provider::Stripe.path());
    gateway.deliver_to(&path, &stripe).refused(409, "conflict");
    assert_eq!(upstream.received().len(), 2);
    gateway.finish();
}

#[test]
fn rpl_02_another_secret_of_the_integration_is_the_same_delivery() {
    let upstream = Upstream::start();
    let provider = Provider::Stripe;
    let integration = Integration::new(provider, &upstream.url()).secret("next", &provider.secret("next").configured, "");
    let gateway = Gateway::start(Config::of(integration));
    let (id, at) = (fresh_id(), unix_now());
    let body = provider.body(&id);
    assert_eq!(gateway.deliver(&provider.sign(&provider.secret("current"), &id, at, &body)).status, 200);
    gateway.deliver(&provider.sign(&provider.secret("next"), &id, at, &body)).refused(409, "conflict");
    assert_eq!(upstream.received().len(), 1);
    gateway.finish();
}

#[test]
fn integrations_do_not_share_their_memory() {
    let upstream = Upstream::start();
    let twin = Integration::new(Provider::Github, &upstream.url()).named("twin");
    let gateway = Gateway::start(Config::of(Integration::new(Provider::Github, &upstream.url())).integration(twin));
    let delivery = Provider::Github.delivery();
    assert_eq!(gateway.deliver(&delivery).status, 200);
    assert_eq!(gateway.deliver_to("/hooks/twin", &delivery).status, 200);
    gateway.deliver_to("/hooks/twin", &delivery).refused(409, "conflict");
    gateway.finish();
}

#[test]
fn a_retry_signed_anew_is_forwarded_with_the_same_idempotency_key() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for provider in [Provider::Stripe, Provider::StandardWebhooks, Provider::StandardWebhooksEd25519] {
        let before = upstream.received().len();
        let id = fresh_id();
        let body = provider.body(&id);
        for age in [30, 20, 10] {
            let attempt = provider.sign(&provider.secret("current"), &id, unix_now() - age, &body);
            assert_eq!(gateway.deliver(&attempt).status, 200, "{provider:?}");
        }
        assert_eq!(gateway.deliver(&provider.delivery()).status, 200);
        let keys = upstream.received()[before..].iter().map(|request| request.idempotency_key().to_owned()).collect::<Vec<_>>();
        assert_eq!((&keys[0], &keys[1]), (&keys[1], &keys[2]), "{provider:?}");
        assert_ne!(keys[2], keys[3], "{provider:?}: another event has another key");
        assert!(keys.iter().all(|key| key.bytes().all(|byte| byte.is_ascii_hexdigit())), "{keys:?}");
    }
    gateway.finish();
}

#[test]
fn rpl_08_forgeries_claim_nothing() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for provider in Provider::ALL {
        let delivery = provider.delivery();
        gateway.deliver(&delivery.clone().with_tampered_signature()).refused(401, "unauthorized");
        assert_eq!(gateway.deliver(&delivery).status, 200, "{provider:?}");
    }
    gateway.finish();
}

#[test]
fn clk_02_a_delivery_is_remembered_as_long_as_it_could_be_accepted() {
    // Signed in the future, it stays acceptable longer than the tolerance after it came.
    let upstream = Upstream::start();
    let integration = Integration::new(Provider::Stripe, &upstream.url()).line("tolerance = \"3s\"");
    let gateway = Gateway::start(Config::of(integration));
    let delivery = Provider::Stripe.delivery_at(unix_now() + 2);
    let begun = Instant::now();
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let mut outcomes = Vec::new();
    while begun.elapsed() < Duration::from_millis(7500) {
        outcomes.push(gateway.deliver(&delivery).status);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!(outcomes.iter().all(|status| [409, 401].contains(status)), "{outcomes:?}");
    assert_eq!((outcomes.first(), outcomes.last()), (Some(&409), Some(&401)));
    assert_eq!(upstream.received().len(), 1);
    let empty = poll(Duration::from_secs(10), || (gateway.metrics().sum("hookward_replay_entries", &[]) < 0.5).then_some(()));
    assert!(empty.is_some(), "what can no longer come is forgotten");
    gateway.finish();
}

#[test]
fn a_delivery_without_a_time_is_remembered_for_its_window() {
    let upstream = Upstream::start();
    let integration = Integration::new(Provider::Github, &upstream.url()).line("untimed_window = \"2s\"");
    let gateway = Gateway::start(Config::of(integration));
    let delivery = Provider::Github.delivery();
    assert_eq!(gateway.deliver(&delivery).status, 200);
    gateway.deliver(&delivery).refused(409, "conflict");
    let again = poll(Duration::from_secs(8), || (gateway.deliver(&delivery).status == 200).then_some(()));
    assert!(again.is_some(), "after its window it is forgotten");
    gateway.finish();
}

#[test]
fn rpl_16_a_new_memory_takes_nothing_it_could_have_forgotten() {
    let upstream = Upstream::start();
    let config = Config::all_providers(&upstream.url()).unset("replay", "cold_start");
    let mut gateway = Gateway::start_unready(config);
    assert_eq!(gateway.admin("/readyz").status, 503, "not ready while it knows nothing");
    let early = Provider::Stripe.delivery_at(unix_now() - 1);
    let id = gateway.deliver(&early).refused(503, "unavailable");
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200, "untimed ones pass, blind");
    gateway.wait_until("/readyz");
    gateway.deliver(&early).refused(503, "unavailable");
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    assert!((gateway.metrics().sum("hookward_replay_blind_total", &[]) - 1.0).abs() < 0.5);
    assert_eq!(upstream.received().len(), 2);
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&id).reason(), "signed_before_start");
    let blind =
        ledger.requests().into_iter().filter(|record| record.get("replay_blind").as_bool() == Some(true)).collect::<Vec<_>>();
    assert_eq!(blind.len(), 1);
    assert_eq!(blind[0].text("integration"), "github");
}

#[test]
fn rpl_16_a_restart_opens_no_hole() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).unset("replay", "cold_start"));
    let delivery = Provider::Stripe.delivery();
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let mut gateway = gateway.restart_after_kill();
    let replayed = gateway.deliver(&delivery);
    assert_eq!(replayed.status, 503, "{}", replayed.text());
    gateway.wait_until("/readyz");
    assert_eq!(gateway.deliver(&delivery).status, 503, "nor when it is ready");
    assert_eq!(upstream.received().len(), 1);
    gateway.finish();
}

#[test]
fn rpl_05_and_rpl_06_a_full_memory_refuses_and_forgets_nothing() {
    fills_up(Config::new());
}

#[test]
fn rpl_05_and_rpl_06_a_full_disk_store_refuses_and_forgets_nothing() {
    fills_up(Config::new().disk());
}

/// 90 % are common, the rest is divided evenly; both are exact, and so is what is counted.
fn fills_up(config: Config) {
    let upstream = Upstream::start();
    let config = config
        .integration(Integration::new(Provider::Github, &upstream.url()))
        .integration(Integration::new(Provider::Stripe, &upstream.url()));
    let gateway = Gateway::start(config.set("replay", "capacity", "1000"));
    let entries = || gateway.metrics().sum("hookward_replay_entries", &[]).round();
    let mut github = gateway.connect();
    let filled = (0..899).filter(|_| passes(&mut github, &Provider::Github.delivery())).count();
    assert_eq!((filled, entries()), (899, 899.0));
    let taken = (0..1000).take_while(|_| passes(&mut github, &Provider::Github.delivery())).count();
    assert_eq!((taken, entries()), (51, 950.0), "900 in common and half of the last hundred");
    let mut stripe = gateway.connect();
    let first = Provider::Stripe.delivery();
    assert!(passes(&mut stripe, &first), "one integration cannot crowd out another");
    let taken = (0..1000).take_while(|_| passes(&mut stripe, &Provider::Stripe.delivery())).count();
    assert_eq!((taken, entries()), (49, 1000.0));
    gateway.deliver(&first).refused(409, "conflict");
    let id = gateway.deliver(&Provider::Stripe.delivery()).refused(503, "unavailable");
    let metrics = gateway.metrics();
    assert!((metrics.sum("hookward_replay_capacity", &[]) - 1000.0).abs() < 0.5);
    assert!(metrics.sum("hookward_replay_write_failures_total", &[]).abs() < 0.5);
    assert!(metrics.sum("hookward_clock_steps_total", &[]).abs() < 0.5);
    assert_eq!(upstream.received().len(), 1000);
    assert_eq!(gateway.finish().of(&id).reason(), "replay_store_full");
}

#[test]
fn a_memory_that_fills_up_is_said_before_it_is_full() {
    const SAID: &str = "the replay store is filling up";
    let upstream = Upstream::start();
    let config = Config::of(Integration::new(Provider::Github, &upstream.url())).set("replay", "capacity", "100");
    let gateway = Gateway::start(config);
    let mut connection = gateway.connect();
    let mut fill = |count: usize| {
        let passed = (0..count).filter(|_| passes(&mut connection, &Provider::Github.delivery())).count();
        assert_eq!(passed, count);
    };
    fill(79);
    let ready = gateway.admin("/readyz");
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")), "{}", ready.text());
    fill(1);
    let ready = gateway.admin("/readyz");
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("degraded")), "it serves: {}", ready.text());
    assert_eq!(ready.json()["degraded"][0]["cause"], "replay_store_filling");
    assert_eq!(ready.json()["degraded"][0]["details"][0], "80 of 100 places are taken; full is 503 for new deliveries");
    let said = || gateway.stderr().matches(SAID).count();
    assert!(poll(Duration::from_secs(10), || (said() == 1).then_some(())).is_some(), "{}", gateway.stderr());
    fill(15);
    std::thread::sleep(Duration::from_millis(2200));
    assert_eq!(said(), 1, "once for each crossing");
    gateway.finish();
}

fn passes(connection: &mut crate::support::client::Connection, delivery: &Delivery) -> bool {
    connection.send_delivery(&delivery.provider.path(), delivery);
    connection.answer().status == 200
}

#[test]
fn replay_protection_can_be_turned_off_by_a_word() {
    let upstream = Upstream::start();
    let integration = Integration::new(Provider::Github, &upstream.url()).line("replay = \"off\"");
    let gateway = Gateway::start(Config::of(integration));
    let delivery = Provider::Github.delivery();
    for _ in 0..3 {
        assert_eq!(gateway.deliver(&delivery).status, 200);
    }
    assert_eq!(upstream.received().len(), 3);
    assert_eq!(upstream.received()[0].idempotency_key(), upstream.received()[1].idempotency_key());
    gateway.finish();
}
