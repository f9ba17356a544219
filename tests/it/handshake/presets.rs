//! Every preset's own challenges on the real gateway, and what nobody gets by asking.

use std::fs;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use crate::support::client::Answer;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::upstream::Upstream;

const SECRET: &str = "a secret of some length";
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// Presets with a challenge, and what their integrations say besides.
const PRESETS: [(&str, &str); 23] = [
    ("azure-event-grid", ""),
    ("azure-event-grid-cloudevents", ""),
    ("mailchimp", ""),
    ("microsoft-graph", ""),
    ("braintree", ""),
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

/// A challenge of the tests of Braintree's own SDK, with our key.
const BRAINTREE_ANSWER: &str = "public|c76ee44113127d04376a9a0e6a6f98a227a2b0eb";

fn leaked(text: String) -> &'static str {
    text.leak()
}

fn integration(config: Config, name: &str, upstream: &str, options: &str) -> Config {
    let table = leaked(format!("integration.{name}"));
    let secret = match name {
        "discord" => "{ id = \"current\", file = \"public\" }",
        "circle" => "{ id = \"current\", file = \"circle\", key_id = \"1\" }",
        "braintree" => "{ id = \"current\", file = \"secret\", key_id = \"public\" }",
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
    let (text, json) = (Some("text/plain"), Some("application/json"));
    let cases = [
        ("GET", "/meta?hub.mode=subscribe&hub.challenge=115&hub.verify_token=mytoken", "", text, "115"),
        ("GET", "/x-twitter?crc_token=9b4507b3-9040", "", json, response.as_str()),
        ("GET", "/linkedin?challengeCode=890e", "", json, linkedin.as_str()),
        ("GET", "/okta", "X-Okta-Verification-Challenge: abc\r\n", json, r#"{"verification":"abc"}"#),
        ("GET", "/dropbox?challenge=abc", "", text, "abc"),
        ("GET", "/nylas?challenge=abc", "", text, "abc"),
        ("HEAD", "/trello", "", None, ""),
        ("HEAD", "/circle", "", None, ""),
        ("HEAD", "/mandrill", "", None, ""),
        ("POST", "/ringcentral", "Validation-Token: 7fd6ad63\r\n", None, ""),
        ("POST", graph, "", text, reachable),
        ("GET", "/mailchimp", "", None, ""),
        ("GET", "/mailchimp?secret=whatever", "", None, ""),
        ("OPTIONS", "/azure-event-grid-cloudevents?code=x", "WebHook-Request-Origin: eventgrid.azure.net\r\n", None, ""),
        ("GET", "/braintree?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", "", text, BRAINTREE_ANSWER),
        ("GET", "/ebay?challenge_code=a8628072-3d33-45ee-9004-bee86830a22d", "", json, EBAY_ANSWER),
    ];
    for (method, target, headers, content_type, body) in cases {
        let answer = ask(&gateway, method, target, headers);
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{target}");
        assert_eq!(answer.header("content-type"), content_type, "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        let origin = target.contains("cloudevents").then_some("eventgrid.azure.net");
        assert_eq!(answer.header("webhook-allowed-origin"), origin, "{target}");
        let token = target.contains("ringcentral").then_some("7fd6ad63");
        assert_eq!(answer.header("validation-token"), token, "{target}");
    }
    upstream.saw_nothing();
    gateway.finish().holds_exactly(&[("handshake", 200); 16]);
}

#[test]
fn each_signed_challenge_of_a_preset_is_answered() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    let zoom = format!(r#"{{"encryptedToken":"{}","plainToken":"qgg8"}}"#, HEXLOWER.encode(&mac("qgg8")));
    let smartcar = format!(r#"{{"challenge":"{}"}}"#, HEXLOWER.encode(&mac("3a5c8f72")));
    let (text, json) = (Some("text/plain"), Some("application/json"));
    let cases = [
        ("slack", r#"{"type":"url_verification","challenge":"3eZb"}"#, json, r#"{"challenge":"3eZb"}"#),
        ("discord", r#"{"type":1,"id":"1"}"#, json, r#"{"type":1}"#),
        ("zoom", r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}"#, json, zoom.as_str()),
        (
            "twitch",
            r#"{"challenge":"pogchamp","subscription":{"status":"webhook_callback_verification_pending"}}"#,
            text,
            "pogchamp",
        ),
        ("smartcar", r#"{"eventType":"VERIFY","data":{"challenge":"3a5c8f72"}}"#, json, smartcar.as_str()),
        ("tebex", r#"{"id":"eb8c","type":"validation.webhook"}"#, json, r#"{"id":"eb8c"}"#),
        ("xero", r#"{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3"}"#, None, ""),
        (
            "azure-event-grid",
            r#"[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]"#,
            json,
            r#"{"validationResponse":"512d38b6"}"#,
        ),
    ];
    for (provider, body, content_type, expected) in cases {
        let answer = signed(&gateway, provider, body);
        assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{provider}");
        assert_eq!(answer.header("content-type"), content_type, "{provider}");
        // Nobody but the provider is told anything: no answer, no MAC.
        let forged = gateway.post(&format!("/{provider}"), &[], body.as_bytes());
        forged.refused(401, "unauthorized");
        assert!(expected.is_empty() || !forged.text().contains(expected), "{provider}: {}", forged.text());
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
    let challenge = "20f9f8ed05f77439fe955c977e4c8a53";
    let form = [("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    for text in [challenge.to_owned(), challenge[..20].to_owned()] {
        let asked_for = ask(&gateway, "GET", &format!("/braintree?bt_challenge={text}"), "").text().replace('|', "%7C");
        let body = format!("bt_signature={asked_for}&bt_payload={text}");
        gateway.post("/braintree", &form, body.as_bytes()).refused(401, "unauthorized");
    }
    for text in [&challenge[..19], &format!("{challenge}0"), &challenge.to_uppercase(), "PHhtbD48L3htbD4K", "%0A"] {
        ask(&gateway, "GET", &format!("/braintree?bt_challenge={text}"), "").refused(405, "method_not_allowed");
    }
    upstream.saw_nothing();
    assert_eq!(signed(&gateway, "x-twitter", r#"{"for_user_id":"1"}"#).status, 200);
    gateway.finish();
}

/// A provider, what is asked of it for a token, and where an answer would have to stand to be a signature.
type Ask = (&'static str, fn(&str) -> (String, String), &'static [(&'static str, &'static str)]);

/// What a stranger is told by asking, in every spelling of it, is no signature of what the stranger chose, nor a token or a
/// password: for each provider that answers without a signature.
#[test]
fn no_answer_to_a_stranger_lets_a_delivery_by() {
    let upstream = Upstream::start();
    let generous = "{ rate = \"100000/s\", burst = 100000 }";
    let config = config(&upstream.url()).set("rate_limit", "per_source", generous).set(
        "rate_limit",
        "failures_per_source",
        "{ rate = \"1000/s\", burst = 100000 }",
    );
    let gateway = Gateway::start(config);
    let body = r#"{"id":"1","type":"a"}"#;
    let digest = HEXLOWER.encode(&Sha256::digest(body.as_bytes()));
    let tokens = ["abc", "1", "true", digest.as_str(), "eyJhIjoxfQ"];
    let asks: [Ask; 9] = [
        ("x-twitter", |token| (format!("?crc_token={token}"), String::new()), &[("x-twitter-webhooks-signature", "sha256=")]),
        (
            "linkedin",
            |token| (format!("?challengeCode={token}"), String::new()),
            &[("x-li-signature", ""), ("x-li-signature", "hmacsha256=")],
        ),
        ("ebay", |token| (format!("?challenge_code={token}"), String::new()), &[("x-ebay-signature", "")]),
        ("okta", |token| (String::new(), format!("X-Okta-Verification-Challenge: {token}\r\n")), &[("authorization", "")]),
        ("dropbox", |token| (format!("?challenge={token}"), String::new()), &[("x-dropbox-signature", "")]),
        ("nylas", |token| (format!("?challenge={token}"), String::new()), &[("x-nylas-signature", "")]),
        (
            "meta",
            |token| (format!("?hub.mode=subscribe&hub.challenge={token}&hub.verify_token=mytoken"), String::new()),
            &[("x-hub-signature-256", "sha256=")],
        ),
        ("microsoft-graph", |token| (format!("?validationToken={token}"), String::new()), &[("authorization", "Bearer ")]),
        (
            "azure-event-grid-cloudevents",
            |token| (String::new(), format!("WebHook-Request-Origin: {token}\r\n")),
            &[("authorization", "")],
        ),
    ];
    let mut answered = 0;
    for (provider, asked, headers) in asks {
        let method = match provider {
            "microsoft-graph" => "POST",
            "azure-event-grid-cloudevents" => "OPTIONS",
            _ => "GET",
        };
        for token in tokens {
            let (query, lines) = asked(token);
            let answer = ask(&gateway, method, &format!("/{provider}{query}"), &lines);
            assert_eq!(answer.status, 200, "{provider} {token}");
            for told in told_in(&answer) {
                answered += 1;
                for (name, prefix) in headers {
                    for body in [token, body, "", &format!("\"{token}\"")] {
                        let value = format!("{prefix}{told}");
                        let headers = [((*name).to_owned(), value)];
                        gateway.post(&format!("/{provider}"), &headers, body.as_bytes()).refused(401, "unauthorized");
                    }
                }
            }
        }
    }
    assert!(answered > 9 * tokens.len(), "{answered}");
    upstream.saw_nothing();
    gateway.finish();
}

/// Every text of an answer, as it stands, without a prefix, and in the other encodings.
fn told_in(answer: &Answer) -> Vec<String> {
    let texts: Vec<String> = match serde_json::from_slice::<serde_json::Value>(&answer.body) {
        Ok(serde_json::Value::Object(members)) => members.values().map(|value| value.as_str().unwrap().to_owned()).collect(),
        _ => vec![answer.text()],
    };
    let bare = texts.iter().map(|text| text.trim_start_matches("sha256=").to_owned());
    let bytes = bare.clone().filter_map(|text| {
        HEXLOWER.decode(text.as_bytes()).or_else(|_| BASE64.decode(text.as_bytes())).ok().filter(|bytes| !bytes.is_empty())
    });
    let again = bytes.flat_map(|bytes| [HEXLOWER.encode(&bytes), BASE64.encode(&bytes)]);
    let mut all: Vec<String> = bare.chain(again).filter(|text| !text.is_empty()).collect();
    all.dedup();
    all
}

/// Zoom signs `v0:time:body`, and its challenge asks for the MAC of a token: not of one that is such a content, whoever sends it.
#[test]
fn a_signed_challenge_is_no_oracle_either() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream.url()));
    for (index, token) in ["v0:1750000000:{}", "a b", "{}", "a.b", "", "a/b=="].into_iter().enumerate() {
        let body = serde_json::json!({ "event": "endpoint.url_validation", "payload": { "plainToken": token } }).to_string();
        let answer = signed(&gateway, "zoom", &body);
        assert!(!answer.text().contains("encryptedToken"), "{token}: {}", answer.text());
        assert!(!answer.text().contains(&HEXLOWER.encode(&mac(token))), "{token}");
        // It is the provider's own delivery all the same.
        assert_eq!(upstream.wait_for(index + 1).len(), index + 1, "{token}");
    }
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
    for target in
        ["/x-twitter?crc_token=abc", "/ebay?challenge_code=abc", "/linkedin?challengeCode=abc", "/dropbox?challenge=abc", "/okta"]
    {
        let answer = ask(&gateway, "GET", target, "X-Okta-Verification-Challenge: abc\r\n");
        answer.refused(429, "rate_limited");
        assert!(answer.header("retry-after").is_some(), "{target}");
    }
    let graph = ask(&gateway, "POST", "/microsoft-graph?validationToken=abc", "");
    graph.refused(429, "rate_limited");
    gateway.finish();
}
