//! Every preset's own challenges on the real gateway, and what nobody gets by asking.

use std::fs;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::support::client::Answer;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::upstream::Upstream;

const SECRET: &str = "a secret of some length";
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// Presets with a challenge, and what their integrations say besides.
const PRESETS: [(&str, &str); 22] = [
    ("azure-event-grid", ""),
    ("azure-event-grid-cloudevents", ""),
    ("mailchimp", ""),
    ("microsoft-graph", ""),
    ("circle", ""),
    ("dropbox", ""),
    ("ebay", EBAY_OPTIONS),
    ("linkedin", ""),
    ("mandrill", ""),
    ("meta", "{ verify_token = \"mytoken\" }"),
    ("nylas", ""),
    ("okta", ""),
    ("ringcentral", ""),
    ("slack", ""),
    ("smartcar", ""),
    ("tebex", ""),
    ("trello", ""),
    ("twitch", ""),
    ("x-twitter", ""),
    ("xero", ""),
    ("zoom", ""),
    ("discord", ""),
];

/// Of the tests of eBay's own SDK, with their challenge and their answer.
const EBAY_OPTIONS: &str =
    "{ verification_token = \"71745723-d031-455c-bfa5-f90d11b4f20a\", endpoint = \"http://www.testendpoint.com/webhook\" }";
const EBAY_ANSWER: &str = r#"{"challengeResponse":"ca527df75caa230092d7e90484071e8f05d63068f1317973d6a3a42593734bbb"}"#;

fn leaked(text: String) -> &'static str {
    text.leak()
}

fn integration(config: Config, name: &str, upstream: &str, options: &str) -> Config {
    let table = leaked(format!("integration.{name}"));
    let secret = match name {
        "discord" => "{ id = \"current\", file = \"public\" }",
        "circle" => "{ id = \"current\", file = \"circle\", key_id = \"1\" }",
        "ebay" => "{ id = \"current\", file = \"circle\", encoding = \"base64\", key_id = \"1\" }",
        _ => "{ id = \"current\", file = \"secret\" }",
    };
    let config = config
        .set(table, "provider", &format!("\"{name}\""))
        .set(table, "path", &format!("\"/{name}\""))
        .set(table, "upstream", &format!("\"{upstream}\""))
        .set(table, "secrets", &format!("[ {secret} ]"));
    let signs_url = matches!(name, "mandrill" | "trello");
    let config = if signs_url { config.set(table, "public_url", &format!("\"https://example.com/{name}\"")) } else { config };
    if options.is_empty() { config } else { config.set(table, "options", options) }
}

fn config(upstream: &str) -> Config {
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
    let config = Config::new()
        .file("secret", SECRET)
        .file("seed", SEED)
        .file("public", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        .file("circle", key)
        .file("body", "");
    PRESETS.iter().fold(config, |config, (name, options)| integration(config, name, upstream, options))
}

fn ask(gateway: &Gateway, method: &str, target: &str, headers: &str) -> Answer {
    let mut connection = gateway.connect();
    let framing = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    // The answer to a HEAD has no length: it ends with the connection.
    let framing = if method == "HEAD" { "Connection: close\r\n" } else { framing };
    connection.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{framing}{headers}\r\n").as_bytes());
    connection.answer()
}

/// What the provider would send, and the answer to it.
fn signed(gateway: &Gateway, provider: &str, body: &str) -> Answer {
    let directory = gateway.directory();
    fs::write(directory.join("body"), body).unwrap();
    let secret = if provider == "discord" { "seed" } else { "secret" };
    let url = format!("https://localhost/{provider}");
    let arguments =
        ["sign", "--provider", provider, "--secret-file", secret, "--url", &url, "--body", "body", "--output", "http"];
    let output = hookward_output(directory, &arguments);
    assert!(output.status.success(), "{provider}: {}", String::from_utf8_lossy(&output.stderr));
    let mut connection = gateway.connect();
    connection.send(&output.stdout);
    connection.answer()
}

fn mac(text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[test]
fn each_unsigned_challenge_of_a_preset_is_answered() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    let response = format!(r#"{{"response_token":"sha256={}"}}"#, BASE64.encode(&mac("9b4507b3-9040")));
    let linkedin = format!(r#"{{"challengeCode":"890e","challengeResponse":"{}"}}"#, HEXLOWER.encode(&mac("890e")));
    let graph =
        "/microsoft-graph?validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+1";
    let reachable = "Validation: Testing client application reachability for subscription Request-Id: 1";
    let cases = [
        ("GET", "/meta?hub.mode=subscribe&hub.challenge=115&hub.verify_token=mytoken", "", "115"),
        ("GET", "/x-twitter?crc_token=9b4507b3-9040", "", response.as_str()),
        ("GET", "/linkedin?challengeCode=890e", "", linkedin.as_str()),
        ("GET", "/okta", "X-Okta-Verification-Challenge: abc\r\n", r#"{"verification":"abc"}"#),
        ("GET", "/dropbox?challenge=abc", "", "abc"),
        ("GET", "/nylas?challenge=abc", "", "abc"),
        ("HEAD", "/trello", "", ""),
        ("HEAD", "/circle", "", ""),
        ("HEAD", "/mandrill", "", ""),
        ("POST", "/ringcentral", "Validation-Token: 7fd6ad63\r\n", ""),
        ("POST", graph, "", reachable),
        ("GET", "/mailchimp", "", ""),
        ("GET", "/mailchimp?secret=whatever", "", ""),
        ("OPTIONS", "/azure-event-grid-cloudevents?code=x", "WebHook-Request-Origin: eventgrid.azure.net\r\n", ""),
        ("GET", "/ebay?challenge_code=a8628072-3d33-45ee-9004-bee86830a22d", "", EBAY_ANSWER),
    ];
    for (method, target, headers, body) in cases {
        let answer = ask(&gateway, method, target, headers);
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        let origin = target.contains("cloudevents").then_some("eventgrid.azure.net");
        assert_eq!(answer.header("webhook-allowed-origin"), origin, "{target}");
        let token = target.contains("ringcentral").then_some("7fd6ad63");
        assert_eq!(answer.header("validation-token"), token, "{target}");
        assert!(answer.header("content-type").is_none_or(|kind| !kind.contains("html")), "{target}");
    }
    upstream.saw_nothing();
    gateway.finish().holds_exactly(&[("handshake", 200); 15]);
}

#[test]
fn each_signed_challenge_of_a_preset_is_answered() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    let zoom = format!(r#"{{"encryptedToken":"{}","plainToken":"qgg8"}}"#, HEXLOWER.encode(&mac("qgg8")));
    let smartcar = format!(r#"{{"challenge":"{}"}}"#, HEXLOWER.encode(&mac("3a5c8f72")));
    let cases = [
        ("slack", r#"{"type":"url_verification","challenge":"3eZb"}"#, r#"{"challenge":"3eZb"}"#),
        ("discord", r#"{"type":1,"id":"1"}"#, r#"{"type":1}"#),
        ("zoom", r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}"#, zoom.as_str()),
        ("twitch", r#"{"challenge":"pogchamp","subscription":{"status":"webhook_callback_verification_pending"}}"#, "pogchamp"),
        ("smartcar", r#"{"eventType":"VERIFY","data":{"challenge":"3a5c8f72"}}"#, smartcar.as_str()),
        ("tebex", r#"{"id":"eb8c","type":"validation.webhook"}"#, r#"{"id":"eb8c"}"#),
        ("xero", r#"{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3"}"#, ""),
        (
            "azure-event-grid",
            r#"[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]"#,
            r#"{"validationResponse":"512d38b6"}"#,
        ),
    ];
    for (provider, body, expected) in cases {
        let answer = signed(&gateway, provider, body);
        assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{provider}");
    }
    upstream.saw_nothing();
    gateway.finish();
}

/// A secret in the URL is asked for by every delivery, and stays here.
#[test]
fn secrets_in_the_query_are_asked_for_and_not_forwarded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    let validation = br#"[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"5"}}]"#;
    for (target, body) in [
        ("/azure-event-grid?code=wrong", &validation[..]),
        ("/azure-event-grid", validation),
        ("/azure-event-grid?code=wrong&code=a+secret+of+some+length", validation),
        ("/mailchimp?secret=wrong", b"type=subscribe"),
        ("/mailchimp", b"type=subscribe"),
        ("/azure-event-grid-cloudevents?code=", br#"{"type":"a","id":"1"}"#),
    ] {
        gateway.post(target, &[], body).refused(401, "unauthorized");
    }
    for (target, origin) in [
        ("/azure-event-grid-cloudevents?code=x&more=y", "eventgrid.azure.net"),
        ("/azure-event-grid-cloudevents?code=x&code=y", "eventgrid.azure.net"),
        ("/azure-event-grid-cloudevents", "a b"),
        ("/azure-event-grid-cloudevents", "https://evil.example/<b>"),
        ("/azure-event-grid?code=x", "eventgrid.azure.net"),
    ] {
        let answer = ask(&gateway, "OPTIONS", target, &format!("WebHook-Request-Origin: {origin}\r\n"));
        assert_eq!((answer.status, answer.header("webhook-allowed-origin")), (405, None), "{target} {origin}");
    }
    ask(&gateway, "GET", "/mailchimp?secret=x&more=y", "").refused(405, "method_not_allowed");
    upstream.saw_nothing();
    assert_eq!(signed(&gateway, "mailchimp", "type=subscribe&fired_at=2026").status, 200);
    assert_eq!(signed(&gateway, "azure-event-grid-cloudevents", r#"{"type":"a","id":"1"}"#).status, 200);
    let forwarded = upstream.wait_for(2);
    assert_eq!(forwarded[0].header("hookward-event"), Some("subscribe"));
    assert!(forwarded.iter().all(|request| !request.target.contains("secret") && !request.target.contains("code")));
    gateway.finish();
}

/// Xero asks with right and wrong signatures, and wants 200 and exactly 401; Twitch tells of a revocation as it delivers.
#[test]
fn an_intent_to_receive_is_proven_both_ways_and_a_revocation_is_passed_on() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    let intent = r#"{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}"#;
    let right = BASE64.encode(&mac(intent));
    for (signature, status) in [(right, 200), (BASE64.encode(&mac("other")), 401), ("garbage".to_owned(), 401)] {
        let answer = gateway.post("/xero", &[("x-xero-signature".to_owned(), signature)], intent.as_bytes());
        assert_eq!(answer.status, status);
        assert!(status != 200 || answer.body.is_empty());
    }
    upstream.saw_nothing();
    assert_eq!(signed(&gateway, "xero", r#"{"events":[{"eventType":"UPDATE"}],"lastEventSequence":1}"#).status, 200);
    assert_eq!(signed(&gateway, "twitch", r#"{"subscription":{"status":"authorization_revoked"}}"#).status, 200);
    assert_eq!(upstream.wait_for(2).len(), 2);
    gateway.finish();
}

/// A stranger may ask for the MAC of a token: it must not be one of a delivery.
#[test]
fn a_challenges_mac_signs_no_delivery() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    let header = |value: &str| vec![("x-twitter-webhooks-signature".to_owned(), value.to_owned())];
    for token in ["abc", "1", "-1", "true", "null", &"a".repeat(128)] {
        let answer = ask(&gateway, "GET", &format!("/x-twitter?crc_token={token}"), "").json();
        let asked_for = answer["response_token"].as_str().unwrap();
        gateway.post("/x-twitter", &header(asked_for), token.as_bytes()).refused(401, "unauthorized");
    }
    let json = "%7B%22a%22%3A1%7D";
    for token in [json, "a%20b", "a.b", "%22a%22", "", &"a".repeat(129)] {
        ask(&gateway, "GET", &format!("/x-twitter?crc_token={token}"), "").refused(405, "method_not_allowed");
    }
    let linkedin = ask(&gateway, "GET", "/linkedin?challengeCode=abc", "").json();
    let asked_for = linkedin["challengeResponse"].as_str().unwrap().to_owned();
    gateway.post("/linkedin", &[("X-LI-Signature".to_owned(), asked_for)], b"abc").refused(401, "unauthorized");
    upstream.saw_nothing();
    assert_eq!(signed(&gateway, "x-twitter", r#"{"for_user_id":"1"}"#).status, 200);
    gateway.finish();
}

/// An empty POST with a query is a challenge only in its exact shape; everything else is a delivery, and needs its proof.
#[test]
fn a_posted_challenge_lets_no_delivery_by() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    gateway.post("/microsoft-graph?validationToken=abc", &[], b"{}").refused(401, "unauthorized");
    for target in [
        "/microsoft-graph",
        "/microsoft-graph?validationToken=abc&x=1",
        "/microsoft-graph?validationToken=a%0Ab",
        "/microsoft-graph?validationToken=",
    ] {
        ask(&gateway, "POST", target, "").refused(401, "unauthorized");
    }
    upstream.saw_nothing();
    gateway.finish();
}

/// Anybody may ask, and not as often as they like.
#[test]
fn challenges_spend_the_budget_of_their_source() {
    let upstream = Upstream::start();
    let limit = "{ rate = \"1/h\", burst = 3 }";
    let gateway = Gateway::start(config(&upstream.url()).set("rate_limit", "per_source", limit));
    for _ in 0..3 {
        assert_eq!(ask(&gateway, "GET", "/x-twitter?crc_token=abc", "").status, 200);
    }
    ask(&gateway, "GET", "/x-twitter?crc_token=abc", "").refused(429, "rate_limited");
    gateway.finish();
}
