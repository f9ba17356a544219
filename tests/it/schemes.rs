//! Schemes that look into bodies and tokens: over real sockets, once and only once, and with keys that are read again.

use std::fs;
use std::time::Duration;

use crate::support::client::Answer;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::poll;
use crate::support::upstream::Upstream;

const RSA: &str = include_str!("../keys/rsa2048.pem");
const RSA_PUBLIC: &str = include_str!("../keys/rsa2048.pub.pem");
const KEY_SET: &str = include_str!("../keys/rsa2048.jwks.json");
const URL: &str = "https://hooks.example.com/in";
const SECRET: &str = "a secret of some length";

/// One provider: its configuration, what signs for it, what verifies.
struct World {
    gateway: Gateway,
    upstream: Upstream,
    provider: &'static str,
    more: &'static [&'static str],
}

/// A request as `sign` prints it, taken apart.
#[derive(Clone)]
struct Signed {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl World {
    fn start(
        provider: &'static str,
        signing: &str,
        verifying: &str,
        lines: &[(&str, &str)],
        more: &'static [&'static str],
    ) -> Self {
        let upstream = Upstream::start();
        let table = "integration.it";
        let config = Config::new()
            .file("signing", signing)
            .file("verifying", verifying)
            .set(table, "provider", &format!("\"{provider}\""))
            .set(table, "path", "\"/in\"")
            .set(table, "upstream", &format!("\"{}\"", upstream.url()));
        let secrets = [("secrets", "[ { id = \"current\", file = \"verifying\" } ]")];
        let lines = secrets.iter().filter(|(key, _)| lines.iter().all(|(known, _)| known != key)).chain(lines);
        let config = lines.fold(config, |config, (key, value)| config.set(table, key, value));
        Self { gateway: Gateway::start(config), upstream, provider, more }
    }

    fn sign(&self, body: &str, more: &[&str]) -> Signed {
        let file = self.gateway.directory().join("body");
        fs::write(&file, body).unwrap();
        let fixed = ["sign", "--provider", self.provider, "--secret-file", "signing", "--output", "http", "--body", "body"];
        let arguments = [&fixed[..], self.more, more].concat();
        let output = hookward_output(self.gateway.directory(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let end = output.stdout.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(output.stdout[..end].to_vec()).unwrap();
        let pairs = head.lines().skip(1).map(|line| line.split_once(": ").unwrap());
        let is_framing = |name: &str| ["host", "content-length"].contains(&name.to_lowercase().as_str());
        let headers = pairs.filter(|(name, _)| !is_framing(name)).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Signed { headers: headers.collect(), body: output.stdout[end + 4..].to_vec() }
    }

    fn send(&self, target: &str, signed: &Signed) -> Answer {
        self.gateway.post(target, &signed.headers, &signed.body)
    }
}

fn text(signed: &Signed) -> String {
    String::from_utf8(signed.body.clone()).unwrap()
}

#[test]
fn a_signature_in_the_body_is_read_there_and_only_signed_fields_count() {
    let world = World::start("aws-sns", RSA, RSA_PUBLIC, &[], &[]);
    let signed = world.sign(r#"{"Type":"Notification","Message":"hello","MessageId":"m-1","TopicArn":"arn"}"#, &[]);
    assert_eq!(world.send("/in", &signed).status, 200);
    let forwarded = world.upstream.wait_for(1).remove(0);
    assert_eq!(forwarded.body, signed.body, "not one byte is changed");
    assert_eq!(forwarded.header("hookward-event"), Some("Notification"));
    assert_eq!(forwarded.header("hookward-unsigned"), None);
    // Another spelling of the same signed fields is the same delivery, with or without what nobody signed.
    let again = Signed {
        body: text(&signed).replacen('{', r#"{ "UnsubscribeURL": "https://evil.example/","#, 1).into(),
        ..signed.clone()
    };
    assert_eq!(world.send("/in", &again).status, 409);
    let refused = [
        text(&signed).replace("hello", "hellp"),
        text(&signed).replacen('{', r#"{"Subject":"added","#, 1),
        text(&signed).replacen('{', r#"{"Subject":"a","Subject":"b","#, 1),
        // ASP.NET and Go read the last of two keys that differ in case.
        text(&signed).replacen('}', r#","message":"other"}"#, 1),
        text(&signed).replacen('{', r#"{"TYPE":"other","#, 1),
        text(&signed).replace("\"Signature\"", "\"Signaturf\""),
        "not json".to_owned(),
        String::new(),
    ];
    for body in refused {
        assert_eq!(world.send("/in", &Signed { body: body.clone().into(), ..signed.clone() }).status, 401, "{body}");
    }
    assert_eq!(world.upstream.received().len(), 1);
    world.gateway.finish();
}

#[test]
fn a_form_is_signed_in_any_order_and_json_by_its_digest_in_the_query() {
    let world = World::start("twilio", SECRET, SECRET, &[("public_url", &format!("\"{URL}\""))], &[]);
    let form = world.sign("To=%2B1&From=%2B2&Body=hi", &["--url", URL]);
    assert_eq!(world.send("/in", &form).status, 200);
    let reordered = Signed { body: b"Body=hi&From=%2b2&To=%2B1".to_vec(), ..form.clone() };
    assert_eq!(world.send("/in", &reordered).status, 409, "the order is not signed");
    let changed = Signed { body: b"To=%2B1&From=%2B2&Body=ho".to_vec(), ..form.clone() };
    assert_eq!(world.send("/in", &changed).status, 401);
    assert_eq!(world.send("/in?a=b", &form).status, 401, "the query is signed");
    // The SHA-256 of {}.
    let digest = "bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let url = format!("{URL}?{digest}");
    let json = world.sign("{}", &["--url", &url]);
    let target = format!("/in?{digest}");
    assert_eq!(world.send(&target, &Signed { body: b"{ }".to_vec(), ..json.clone() }).status, 401);
    assert_eq!(world.send(&target, &json).status, 200);
    assert_eq!(world.upstream.wait_for(2).len(), 2);
    world.gateway.finish();
}

#[test]
fn bearer_deliveries_differ_by_body_and_id_and_their_keys_are_read_again() {
    let options: &[(&str, &str)] = &[
        ("options", "{ audience = \"us\", service_account = \"push@example.com\" }"),
        ("secrets", "[ { id = \"google\", file = \"verifying\" } ]"),
    ];
    let more = &["--option", "audience=us", "--option", "service_account=push@example.com"];
    let empty_but_valid = KEY_SET.replace("\"AQAB\"", "\"Aw\"");
    let world = World::start("gcp-pubsub", RSA, &empty_but_valid, options, more);
    let first = world.sign(r#"{"message":{"messageId":"1","data":"aGk="}}"#, &[]);
    assert_eq!(world.send("/in", &first).status, 401, "no key of the set made it");
    fs::write(world.gateway.directory().join("verifying"), KEY_SET).unwrap();
    world.gateway.signal("HUP");
    let taken = poll(Duration::from_secs(30), || (world.send("/in", &first).status == 200).then_some(()));
    assert!(taken.is_some(), "the set is read again");
    assert_eq!(world.send("/in", &first).status, 409);
    // The same token over another body is another delivery: the sender is proven, the body is not.
    let second = Signed { body: br#"{"message":{"messageId":"2","data":"aGk="}}"#.to_vec(), ..first.clone() };
    assert_eq!(world.send("/in", &second).status, 200);
    assert_eq!(world.upstream.wait_for(2)[1].header("hookward-unsigned"), Some("delivery-id"));
    let stranger = world.sign(r#"{"message":{"messageId":"3"}}"#, &["--header", "x-any:1"]);
    let bare =
        Signed { headers: stranger.headers.iter().filter(|(name, _)| name != "authorization").cloned().collect(), ..stranger };
    assert_eq!(world.send("/in", &bare).status, 401);
    world.gateway.finish();
}

#[test]
fn a_nonce_that_is_signed_passes_once_whatever_the_body_says() {
    let world = World::start("mailgun", SECRET, SECRET, &[], &[]);
    let signed = world.sign(r#"{"event-data":{"event":"delivered"},"signature":{"token":"t0k3n"}}"#, &[]);
    assert_eq!(world.send("/in", &signed).status, 200);
    assert_eq!(world.upstream.wait_for(1)[0].header("hookward-unsigned"), Some("event"));
    // The event is not signed: only the memory of the token stands against this.
    let forged = Signed { body: text(&signed).replace("delivered", "complained").into(), ..signed.clone() };
    assert_eq!(world.send("/in", &forged).status, 409);
    let other = Signed { body: text(&signed).replace("t0k3n", "t0k4n").into(), ..signed };
    assert_eq!(world.send("/in", &other).status, 401);
    world.gateway.finish();
}

#[test]
fn a_nonce_of_a_form_passes_once_in_whichever_way_the_form_is_written() {
    let world = World::start("mailgun-form", SECRET, SECRET, &[], &[]);
    let signed = world.sign("token=t0k3n&event=clicked&subject=hi", &[]);
    assert_eq!(world.send("/in", &signed).status, 200);
    assert_eq!(world.upstream.wait_for(1)[0].body, signed.body, "not one byte is changed");
    let as_parts = |signed: &Signed| {
        let part = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts: String = text(signed).split('&').map(part).collect();
        let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        let others = signed.headers.iter().filter(|(name, _)| !is_type(name)).cloned();
        let content_type = ("content-type".to_owned(), "multipart/form-data; boundary=b".to_owned());
        Signed { headers: others.chain([content_type]).collect(), body: (parts + "--b--\r\n").into() }
    };
    // The same token is the same delivery, whatever stands beside it and however it is written.
    let again = Signed { body: text(&signed).replace("clicked", "opened").into(), ..signed.clone() };
    assert_eq!(world.send("/in", &again).status, 409);
    assert_eq!(world.send("/in", &as_parts(&signed)).status, 409);
    let taken_for_it = world.sign("token=t0k7n&subject=ho", &[]);
    for added in ["&tok%45n=t0k8n", "&token%5B%5D=t0k8n", "&+token=t0k8n"] {
        let body = (text(&taken_for_it) + added).into();
        assert_eq!(world.send("/in", &Signed { body, ..taken_for_it.clone() }).status, 401, "{added}");
    }
    let other = as_parts(&world.sign("token=t0k4n&subject=ho", &[]));
    let changed = Signed { body: text(&other).replace("t0k4n", "t0k5n").into(), ..other.clone() };
    assert_eq!(world.send("/in", &changed).status, 401);
    let cut = Signed { body: text(&other).replace("--b--", "--b").into(), ..other.clone() };
    assert_eq!(world.send("/in", &cut).status, 401);
    assert_eq!(world.send("/in", &other).status, 200);
    assert_eq!(world.upstream.wait_for(2)[1].body, other.body);
    let old = world.sign("token=t0k6n", &["--at", "1750000000"]);
    assert_eq!(world.send("/in", &old).status, 401);
    world.gateway.finish();
}
