//! Requests whose query is signed: what is forwarded is what was signed, once, and with nothing beside it.

use crate::support::client::{Answer, HOST};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::upstream::Upstream;

const SECRET: &str = "a secret of some length";

/// A gateway for one provider.
struct World {
    gateway: Gateway,
    upstream: Upstream,
    provider: &'static str,
}

/// The target and the headers of a request that `sign` made.
struct Signed {
    target: String,
    headers: Vec<(String, String)>,
}

impl World {
    fn start(provider: &'static str, lines: &[(&str, &str)]) -> Self {
        let upstream = Upstream::start();
        let table = "integration.it";
        let config = Config::new()
            .file("secret", SECRET)
            .set(table, "provider", &format!("\"{provider}\""))
            .set(table, "path", "\"/in\"")
            .set(table, "upstream", &format!("\"{}\"", upstream.url()))
            .set(table, "secrets", "[ { id = \"current\", file = \"secret\" } ]");
        let config = lines.iter().fold(config, |config, (key, value)| config.set(table, key, value));
        Self { gateway: Gateway::start(config), upstream, provider }
    }

    fn sign(&self, url: &str, more: &[&str]) -> Signed {
        let fixed = ["sign", "--provider", self.provider, "--secret-file", "secret", "--output", "http", "--url", url];
        let output = hookward_output(self.gateway.directory(), &[&fixed[..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.split("\r\n\r\n").next().unwrap().lines();
        let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let pairs = lines.map(|line| line.split_once(": ").unwrap());
        let own = pairs.filter(|(name, _)| !["host", "content-length"].contains(&name.to_lowercase().as_str()));
        Signed { target, headers: own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    fn send(&self, method: &str, target: &str, headers: &[(String, String)], body: &str) -> Answer {
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let lines = lines.concat();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let mut connection = self.gateway.connect();
        connection.send(format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{length}{lines}\r\n{body}").as_bytes());
        connection.answer()
    }
}

#[test]
fn a_page_of_a_shop_is_asked_for_once_and_without_a_body() {
    let world = World::start("shopify-app-proxy", &[]);
    let signed = world.sign("http://localhost/in?shop=a.myshopify.com&logged_in_customer_id=", &[]);
    let send = |method: &str, target: &str, body: &str| world.send(method, target, &[], body);
    send("POST", &signed.target, "").refused(405, "method_not_allowed");
    send("GET", &signed.target, "{}").refused(401, "unauthorized");
    send("GET", &format!("{}&extra=1", signed.target), "").refused(401, "unauthorized");
    send("GET", &signed.target.replace("customer_id=", "customer_id=42"), "").refused(401, "unauthorized");
    world.upstream.saw_nothing();
    assert_eq!(send("GET", &signed.target, "").status, 200);
    let received = world.upstream.wait_for(1);
    let (path, query) = signed.target.split_once('?').unwrap();
    assert!(received[0].method == "GET" && received[0].target.ends_with(&format!("?{query}")), "{}", received[0].target);
    // The same fields in another order are the same request.
    let turned: Vec<&str> = query.rsplit('&').collect();
    send("GET", &format!("{path}?{}", turned.join("&")), "").refused(409, "conflict");
    assert_eq!(world.upstream.received().len(), 1);
    world.gateway.finish();
}

#[test]
fn a_call_in_a_query_passes_once_whatever_its_method_and_order() {
    let world = World::start("plivo-v3", &[("public_url", "\"https://hooks.example.com/in\"")]);
    let nonce = ["--header", "x-plivo-signature-v3-nonce:12345", "--body", "/dev/null"];
    let signed = world.sign("https://hooks.example.com/in?To=1555&From=1444", &nonce);
    let send = |method: &str, query: &str, body: &str| world.send(method, &format!("/in?{query}"), &signed.headers, body);
    send("GET", "To=1555&From=1445", "").refused(401, "unauthorized");
    send("GET", "To=1555&From=1444&more=1", "").refused(401, "unauthorized");
    send("GET", "To=1555&From=1444", "more=1").refused(401, "unauthorized");
    world.upstream.saw_nothing();
    assert_eq!(send("GET", "To=1555&From=1444", "").status, 200);
    send("POST", "From=1444&To=1555", "").refused(409, "conflict");
    let received = world.upstream.wait_for(1);
    assert!(received[0].target.ends_with("?To=1555&From=1444"), "{}", received[0].target);
    world.gateway.finish();
}
