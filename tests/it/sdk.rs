//! The providers' own SDKs: what they sign passes, what is forwarded they take, what one byte was changed in both refuse.
//!
//! 1. A request is made by the SDK where it has a signer, else by `hookward sign`.
//! 2. It goes through the real gateway; the SDK, run as the receiver, judges the headers and the bytes that the upstream got.
//! 3. The same request with one bit of the body (of the query, where only that is signed), one digit of the signature or one digit
//!    of the time changed is refused by both.
//! 4. A delivery signed a day ago is refused by the gateway wherever a time is signed; whether the SDK looks is written down.
//!
//! The light set of SDKs runs always, the others where `HOOKWARD_SDKS=full` (`make sdk-full`). An SDK that is not installed is a
//! failure. `docs/sdk.md` is written from the same rows.

mod bodies;
mod peer;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::fs;

use self::peer::{Peers, Question};
use self::rows::{Key, Row, Sends, Signer, Stale};
use crate::support::client::request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, unix_now};

const DAY: i64 = 86_400;

/// What the provider sees as the gateway's URL, where it signs that.
const PUBLIC_URL: &str = "https://hooks.example.com/in";

/// A signed request, its headers by lower-case names.
#[derive(Clone)]
struct Signed {
    headers: BTreeMap<String, String>,
    query: Option<String>,
    body: String,
}

impl Signed {
    /// As it stands in a URL.
    fn query(&self) -> String {
        self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default()
    }
}

/// One row's world: the gateway in front of the SDK, and the SDK.
struct Duel<'a> {
    row: &'a Row,
    peers: &'a Peers,
    gateway: &'a Gateway,
    upstream: &'a Upstream,
    configured: &'a str,
}

#[test]
fn the_sdks_of_the_providers_agree() {
    let rows = rows::chosen();
    let peers = Peers::default();
    let configured: Vec<String> = rows.iter().map(|row| row.configured(&peers)).collect();
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&rows, &configured, &upstream.url()));
    for (row, configured) in rows.iter().zip(&configured) {
        Duel { row, peers: &peers, gateway: &gateway, upstream: &upstream, configured }.fight();
    }
    gateway.finish();
}

#[test]
fn the_page_of_the_comparison_is_current() {
    let page = table::page();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sdk.md");
    if std::env::var_os("HOOKWARD_BLESS").is_some() {
        fs::write(file, &page).unwrap();
    }
    let written = fs::read_to_string(file).unwrap_or_default();
    assert!(written == page, "docs/sdk.md is not current: HOOKWARD_BLESS=1 cargo test --test it -- sdk::the_page");
}

fn config(rows: &[&'static Row], configured: &[String], upstream: &str) -> Config {
    let budget = "{ rate = \"10000/s\", burst = 100000 }";
    let config = Config::new().set("rate_limit", "per_source", budget).set("rate_limit", "failures_per_source", budget);
    rows.iter().zip(configured).fold(config, |config, (row, secret)| {
        let name = row.name();
        let table: &'static str = format!("integration.{name}").leak();
        let key_id = row.key_id().map(|id| format!(", key_id = \"{id}\"")).unwrap_or_default();
        let config = config
            .file(&format!("key-{name}"), secret)
            .file(&format!("signing-{name}"), row.signing())
            .set(table, "provider", &format!("\"{}\"", row.provider))
            .set(table, "path", &format!("\"/{name}\""))
            .set(table, "upstream", &format!("\"{upstream}\""))
            .set(table, "secrets", &format!("[ {{ id = \"current\", file = \"key-{name}\"{key_id} }} ]"));
        let config = if row.signs_url { config.set(table, "public_url", &format!("\"{PUBLIC_URL}\"")) } else { config };
        match row.options() {
            Some(options) => config.set(table, "options", options),
            None => config,
        }
    })
}

impl Duel<'_> {
    fn fight(&self) {
        for (index, template) in self.row.bodies() {
            let at = unix_now();
            let signed = self.sign(&bodies::filled(template, at, &fresh_id()), at);
            let what = format!("{} and {}, body {index}", self.row.provider, self.row.package);
            assert_eq!(self.post(&signed), 200, "{what}: the gateway refuses what the sender signed");
            assert!(self.takes(&self.forwarded(&signed)), "{what}: the SDK refuses what the gateway forwarded");
            for (change, changed) in self.changes(&signed) {
                assert_eq!(self.post(&changed), 401, "{what}: the gateway takes {change}");
                assert!(!self.takes(&changed), "{what}: the SDK takes {change}");
            }
        }
        self.grow_old();
    }

    /// The row's word on old deliveries is tested, not trusted.
    fn grow_old(&self) {
        let at = unix_now() - DAY;
        let (_, template) = self.row.bodies().next().expect("a body");
        let old = self.sign(&bodies::filled(template, at, &fresh_id()), at);
        let (gateway, sdk) = (self.post(&old) == 200, self.takes(&old));
        let expected = match self.row.stale {
            Stale::BothRefuse => (false, false),
            Stale::OnlyHookward => (false, true),
            Stale::Untimed => (true, true),
        };
        assert_eq!((gateway, sdk), expected, "{} and {}: a delivery a day old", self.row.provider, self.row.package);
    }

    fn sign(&self, body: &str, at: i64) -> Signed {
        let mut made = None;
        let (mut headers, query) = match self.row.signer {
            Signer::Sdk(from) | Signer::Library(from) => {
                let unsigned = Signed { headers: BTreeMap::new(), query: None, body: body.to_owned() };
                let reply = self.peers.ask(from, &self.question("sign", at, &unsigned));
                made = reply.body;
                (reply.headers, reply.query)
            }
            Signer::Hookward if self.row.is_get() => return self.sign_query_by_hookward(body, at),
            Signer::Hookward if matches!(self.row.sends, Sends::Signed { .. }) => {
                made = self.signed_by_hookward(body, at, "http").split_once("\n\n").map(|(_, body)| body.to_owned());
                (BTreeMap::new(), None)
            }
            Signer::Hookward => {
                let text = self.signed_by_hookward(body, at, "headers");
                let pairs = text.lines().filter_map(|line| line.split_once(": "));
                (pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(), None)
            }
        };
        headers.insert("content-type".to_owned(), self.row.content_type().to_owned());
        Signed { headers, query, body: made.unwrap_or_else(|| body.to_owned()) }
    }

    /// What `hookward sign` prints, its lines ending as the body's do.
    fn signed_by_hookward(&self, body: &str, at: i64, form: &str) -> String {
        let (at, id, key) = (at.to_string(), format!("msg_{}", fresh_id()), format!("signing-{}", self.row.name()));
        fs::write(self.gateway.directory().join("body"), body).unwrap();
        let mut arguments = vec!["sign", "--provider", self.row.provider, "--secret-file", &key, "--at", &at, "--body", "body"];
        arguments.extend(["--id", &id, "--url", PUBLIC_URL, "--output", form]);
        arguments.extend(self.row.key_id().iter().flat_map(|id| ["--key-id", id]));
        let nonce = format!("x-plivo-signature-v3-nonce:{id}");
        if self.row.provider == "plivo-v3" {
            arguments.extend(["--header", &nonce]);
        }
        let output = hookward_output(self.gateway.directory(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().replacen("\r\n", "\n", usize::MAX)
    }

    /// A GET with the query, as `sign` completes it.
    fn sign_query_by_hookward(&self, query: &str, at: i64) -> Signed {
        let (at, key, url) = (at.to_string(), format!("signing-{}", self.row.name()), format!("{PUBLIC_URL}?{query}"));
        fs::write(self.gateway.directory().join("body"), "").unwrap();
        let mut arguments = vec!["sign", "--provider", self.row.provider, "--secret-file", &key, "--at", &at, "--body", "body"];
        let nonce = format!("x-plivo-signature-v3-nonce:{}", fresh_id());
        arguments.extend(["--url", &url, "--output", "http"]);
        if self.row.provider == "plivo-v3" {
            arguments.extend(["--header", &nonce]);
        }
        let output = hookward_output(self.gateway.directory(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines();
        let target = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a target");
        let pairs =
            lines.map_while(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        let headers = pairs.filter(|(name, _)| !["host", "content-length"].contains(&name.as_str())).collect();
        Signed { headers, query: target.split_once('?').map(|(_, query)| query.to_owned()), body: String::new() }
    }

    fn question<'q>(&'q self, op: &'static str, at: i64, signed: &'q Signed) -> Question<'q> {
        Question {
            adapter: self.row.adapter,
            op,
            secret: self.configured,
            at,
            id: format!("msg_{at}"),
            url: format!("{PUBLIC_URL}{}", signed.query()),
            body: &signed.body,
            headers: &signed.headers,
        }
    }

    fn takes(&self, signed: &Signed) -> bool {
        let answer = self.peers.ask(self.row.from, &self.question("verify", 0, signed));
        answer.verified.expect("a verdict")
    }

    /// On a connection of its own: an SDK can take longer to load than the gateway waits for the next request.
    fn post(&self, signed: &Signed) -> u16 {
        let mut connection = self.gateway.connect();
        let headers: Vec<(String, String)> = signed.headers.clone().into_iter().collect();
        let bytes = request(&format!("/{}{}", self.row.name(), signed.query()), &headers, signed.body.as_bytes());
        let bytes = if self.row.is_get() { [b"GET", bytes.strip_prefix(b"POST").expect("a POST")].concat() } else { bytes };
        connection.send(&bytes);
        connection.answer().status
    }

    /// What the upstream got last, as its SDK would be given it.
    fn forwarded(&self, sent: &Signed) -> Signed {
        let received = self.upstream.received().pop().expect("a request");
        assert_eq!(received.body, sent.body.as_bytes(), "{}: the body is another one", self.row.provider);
        let headers = received.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let forwarded = received.target.split_once('?').map(|(_, query)| query.to_owned());
        let query = if self.row.is_get() { forwarded } else { sent.query.clone() };
        Signed { headers, query, body: String::from_utf8(received.body).unwrap() }
    }

    /// One bit of the body, one digit of the signature, one digit of the time.
    fn changes(&self, signed: &Signed) -> Vec<(&'static str, Signed)> {
        if let Sends::Signed { marks: (signature, content), .. } = self.row.sends {
            return vec![
                ("one bit of what is signed", digit_behind(signed, content)),
                ("one digit of the signature", digit_behind(signed, signature)),
            ];
        }
        let mut changes = Vec::new();
        if self.row.is_get() {
            let query = signed.query.as_ref().map(|query| query.replacen("evt_", "evu_", 1));
            changes.push(("one bit of the query", Signed { query, ..signed.clone() }));
        } else if self.row.signs_body {
            let body = signed.body.replacen("evt_", "evu_", 1);
            changes.push(("one bit of the body", Signed { body, ..signed.clone() }));
        } else if let Some(query) = &signed.query {
            let query = bodies::with_another_digit(query, query.find('=').expect("a value") + 1);
            changes.push(("one digit of the query", Signed { query: Some(query), ..signed.clone() }));
        }
        let (signature, time) = self.row.headers();
        let mut other = signed.clone();
        let in_query = other.query.as_mut().filter(|query| query.contains("&signature="));
        let value = in_query.or(other.headers.get_mut(signature)).expect("a signature");
        *value = bodies::with_another_digit(value, value.len() * 2 / 3);
        changes.push(("one digit of the signature", other));
        if let Some((header, mark)) = time {
            let mut other = signed.clone();
            let value = other.headers.get_mut(header).expect("a time");
            let start = value.find(mark).expect("a time") + mark.len();
            *value = bodies::with_another_digit(value, start + 9);
            changes.push(("one digit of the time", other));
        }
        changes
    }
}

/// With another digit than the ninth behind a mark in the body.
fn digit_behind(signed: &Signed, mark: &str) -> Signed {
    let start = signed.body.find(mark).expect("a mark") + mark.len();
    Signed { body: bodies::with_another_digit(&signed.body, start + 8), ..signed.clone() }
}

impl Row {
    const fn is_get(&self) -> bool {
        matches!(self.sends, Sends::Queries(_))
    }

    /// What the gateway is configured with.
    fn configured(&self, peers: &Peers) -> String {
        match self.key {
            Key::Text(text) => text.to_owned(),
            Key::Pair { public, .. } => public.to_owned(),
            Key::OfThePeer(from) => peers.key(from, self.adapter),
        }
    }

    /// What `hookward sign` signs with; unused where an SDK signs.
    fn signing(&self) -> &'static str {
        match self.key {
            Key::Text(text) => text,
            Key::Pair { seed, .. } => seed,
            Key::OfThePeer(_) => "unused",
        }
    }
}
