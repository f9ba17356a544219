//! Secrets that a provider hands over itself: once, where an operator waits for them, and never to a stranger's wish.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::client::Answer;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::poll;
use crate::support::upstream::Upstream;

const SECRET: &str = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
const OTHER: &str = "00000000000000000000000000000000000000000000000000000000000000ff";
const ARM: &str = "/api/v1/integrations/tasks/arm";
const WHY: &str = r#"{"reason":"a new webhook"}"#;

fn config(upstream: &Upstream, provider: &str, secrets: &str) -> Config {
    Config::new()
        .token()
        .set("integration.tasks", "provider", &format!("\"{provider}\""))
        .set("integration.tasks", "path", "\"/tasks\"")
        .set("integration.tasks", "upstream", &format!("\"{}\"", upstream.url()))
        .set("integration.tasks", "secrets", secrets)
        .set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }")
        .set("rate_limit", "failures_per_source", "{ rate = \"1000/s\", burst = 1000 }")
}

const ONE: &str = "[ { id = \"current\", handshake = true } ]";

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn offer(gateway: &Gateway, secret: &str) -> Answer {
    gateway.post("/tasks", &headers(&[("X-Hook-Secret", secret)]), b"")
}

fn signed(gateway: &Gateway, secret: &str, body: &str) -> Answer {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    gateway.post("/tasks", &headers(&[("X-Hook-Signature", &signature)]), body.as_bytes())
}

fn entry(gateway: &Gateway) -> Value {
    gateway.admin("/api/v1/integrations").json()[0].clone()
}

#[test]
fn a_secret_is_taken_once_where_an_operator_waits_for_it() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream, "asana", ONE));
    let ready = gateway.admin("/readyz");
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")), "{}", ready.text());
    assert_eq!(entry(&gateway)["secrets"][0]["state"], "missing");
    let strange = offer(&gateway, OTHER);
    strange.refused(401, "unauthorized");
    assert_eq!(strange.header("x-hook-secret"), None);
    signed(&gateway, OTHER, "{}").refused(401, "unauthorized");

    let told = gateway.tell(ARM, WHY);
    assert_eq!((told.status, told.json()["secret"].as_str()), (200, Some("current")), "{}", told.text());
    assert_eq!(entry(&gateway)["handover"]["armed"], "current");
    assert_eq!(entry(&gateway)["handover"]["refused"], 1);
    let answer = offer(&gateway, SECRET);
    assert_eq!((answer.status, answer.header("x-hook-secret"), answer.body.len()), (200, Some(SECRET), 0));
    assert_eq!(signed(&gateway, SECRET, r#"{"events":[]}"#).status, 200);
    offer(&gateway, OTHER).refused(401, "unauthorized");
    offer(&gateway, SECRET).refused(401, "unauthorized");
    signed(&gateway, OTHER, r#"{"events":[1]}"#).refused(401, "unauthorized");
    let (state, handover) = (entry(&gateway)["secrets"][0]["state"].clone(), entry(&gateway)["handover"].clone());
    assert_eq!((state.as_str(), handover["armed"].is_null(), handover["refused"].as_u64()), (Some("valid"), true, Some(3)));

    let file = gateway.directory().join("state/handshakes/tasks.current");
    assert_eq!(fs::read_to_string(&file).unwrap(), SECRET);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(hookward_output(gateway.directory(), &["check"]).status.success());
    gateway.reload_applied();
    assert_eq!(signed(&gateway, SECRET, r#"{"events":[2]}"#).status, 200);
    assert!(!gateway.stderr().contains(SECRET) && !gateway.stderr().contains(OTHER), "the log holds no secret");
    assert!(!gateway.audit_text().contains(SECRET) && !gateway.admin("/api/v1/integrations").text().contains(SECRET));
    let gateway = gateway.restart_after_kill();
    assert_eq!(signed(&gateway, SECRET, r#"{"events":[3]}"#).status, 200);
    let ledger = gateway.finish();
    let thrown: Vec<_> = ledger.records.iter().filter(|record| record.kind() == "switch").collect();
    assert_eq!((thrown.len(), thrown[0].text("action"), thrown[0].text("secret_id")), (1, "arm", "current"));
    assert_eq!(ledger.only("handshake").text("secret_id"), "current");
    assert_eq!(upstream.received().len(), 3);
}

#[test]
fn a_window_takes_exactly_the_shape_of_an_offer() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream, "clio", ONE));
    assert_eq!(gateway.tell(ARM, WHY).status, 200);
    let long = "a".repeat(257);
    let signature = HEXLOWER.encode(&[7; 32]);
    let wrong: [&[(&str, &str)]; 6] = [
        &[("X-Hook-Secret", "too short")],
        &[("X-Hook-Secret", "sixteen and a space in it")],
        &[("X-Hook-Secret", &long)],
        &[("X-Hook-Secret", SECRET), ("X-Hook-Secret", SECRET)],
        &[("X-Hook-Secret", SECRET), ("X-Hook-Signature", &signature)],
        &[],
    ];
    for pairs in wrong {
        let answer = gateway.post("/tasks", &headers(pairs), b"");
        assert_eq!((answer.status, answer.header("x-hook-secret")), (401, None), "{pairs:?}");
    }
    let large = gateway.post("/tasks", &headers(&[("X-Hook-Secret", SECRET)]), &[b'a'; 5000]);
    assert_eq!((large.status, large.header("x-hook-secret")), (413, None));
    let mut connection = gateway.connect();
    connection.send(format!("GET /tasks HTTP/1.1\r\nHost: localhost\r\nX-Hook-Secret: {SECRET}\r\n\r\n").as_bytes());
    connection.answer().refused(405, "method_not_allowed");
    assert_eq!(entry(&gateway)["handover"]["armed"], "current", "the window is still open");
    let answer = gateway.post("/tasks", &headers(&[("X-Hook-Secret", SECRET)]), b"{}");
    assert_eq!((answer.status, answer.header("x-hook-secret")), (200, Some(SECRET)));
    gateway.finish();
    upstream.saw_nothing();
}

#[test]
fn of_many_offers_at_once_one_is_taken() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream, "asana", ONE));
    assert_eq!(gateway.tell(ARM, WHY).status, 200);
    let secrets: Vec<String> = (0..24).map(|index| format!("the-secret-of-a-sender-{index:04}")).collect();
    let answers: Vec<(&String, Answer)> = thread::scope(|scope| {
        let offers: Vec<_> = secrets.iter().map(|secret| (secret, scope.spawn(|| offer(&gateway, secret)))).collect();
        offers.into_iter().map(|(secret, offer)| (secret, offer.join().unwrap())).collect()
    });
    let taken: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 200).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].1.header("x-hook-secret"), Some(taken[0].0.as_str()));
    assert_eq!(fs::read_to_string(gateway.directory().join("state/handshakes/tasks.current")).unwrap(), *taken[0].0);
    assert_eq!(signed(&gateway, taken[0].0, "{}").status, 200);
    gateway.finish();
}

#[test]
fn the_secret_before_is_valid_until_another_is_taken() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream, "asana", ONE));
    assert_eq!(gateway.tell(ARM, WHY).status, 200);
    assert_eq!(offer(&gateway, OTHER).status, 200);
    assert_eq!(gateway.tell(ARM, r#"{"reason":"again","for":"1s"}"#).status, 200);
    assert_eq!(signed(&gateway, OTHER, "{}").status, 200);
    let over = poll(Duration::from_secs(10), || entry(&gateway)["handover"]["armed"].is_null().then_some(()));
    assert!(over.is_some(), "a window ends");
    offer(&gateway, SECRET).refused(401, "unauthorized");
    assert_eq!(signed(&gateway, OTHER, r#"{"a":1}"#).status, 200);
    assert_eq!(gateway.tell(ARM, WHY).status, 200);
    assert_eq!(offer(&gateway, SECRET).status, 200);
    signed(&gateway, OTHER, r#"{"a":2}"#).refused(401, "unauthorized");
    assert_eq!(signed(&gateway, SECRET, r#"{"a":2}"#).status, 200);
    assert_eq!(gateway.tell(ARM, WHY).status, 200);
    let gateway = gateway.restart_after_kill();
    offer(&gateway, OTHER).refused(401, "unauthorized");
    assert_eq!(signed(&gateway, SECRET, r#"{"a":3}"#).status, 200, "a restart closes the window and keeps the secret");
    gateway.finish();
}

#[test]
fn several_webhooks_have_a_secret_each() {
    let upstream = Upstream::start();
    let two = "[ { id = \"first\", handshake = true }, { id = \"second\", handshake = true } ]";
    let gateway = Gateway::start(config(&upstream, "asana", two));
    assert_eq!(gateway.tell(ARM, WHY).status, 400, "which one?");
    for (id, secret) in [("first", SECRET), ("second", OTHER)] {
        let told = gateway.tell(ARM, &format!(r#"{{"reason":"x","secret":"{id}"}}"#));
        assert_eq!(told.json()["secret"], id);
        assert_eq!(offer(&gateway, secret).status, 200);
    }
    for (body, secret) in [("[1]", SECRET), ("[2]", OTHER)] {
        assert_eq!(signed(&gateway, secret, body).status, 200);
    }
    let disabled = gateway.tell("/api/v1/integrations/tasks/disable", r#"{"reason":"leaked","secret":"first"}"#);
    assert_eq!(disabled.status, 200);
    signed(&gateway, SECRET, "[3]").refused(401, "unauthorized");
    gateway.finish();
}

#[test]
fn arming_is_for_operators_and_for_what_can_be_armed() {
    let upstream = Upstream::start();
    let plain = config(&upstream, "asana", "[ { id = \"current\", file = \"secret\" } ]").file("secret", SECRET);
    let gateway = Gateway::start(plain);
    assert_eq!(gateway.tell(ARM, WHY).status, 409, "its secret is configured");
    offer(&gateway, OTHER).refused(401, "unauthorized");
    gateway.finish();
    let gateway = Gateway::start(config(&upstream, "asana", ONE));
    for (path, body, status) in [
        (ARM, "{}", 400),
        (ARM, r#"{"reason":"x","for":"25h"}"#, 400),
        (ARM, r#"{"reason":"x","answer":403}"#, 400),
        (ARM, r#"{"reason":"x","secret":"none"}"#, 404),
        ("/api/v1/integrations/nobody/arm", WHY, 404),
        ("/api/v1/integrations/-/arm", WHY, 404),
    ] {
        assert_eq!(gateway.tell(path, body).status, status, "{path} {body}");
    }
    let mut admin = gateway.connect_admin();
    let call = format!(
        "POST {ARM} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{WHY}",
        WHY.len()
    );
    admin.send(call.as_bytes());
    assert_eq!(admin.answer().status, 401, "nobody arms without the token");
    offer(&gateway, OTHER).refused(401, "unauthorized");
    gateway.finish();
    for (provider, secrets) in [
        ("github", ONE),
        ("asana", "[ { id = \"a\", handshake = false } ]"),
        ("asana", "[ { id = \"a\", handshake = true, env = \"X\" } ]"),
    ] {
        let mut gateway = Gateway::start_refused(config(&upstream, provider, secrets));
        assert_eq!(gateway.wait_exit(Duration::from_secs(20)).code(), Some(2), "{provider} {secrets}");
        assert!(gateway.stderr().contains("handshake"), "{}", gateway.stderr());
    }
}
