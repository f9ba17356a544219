//! docs/runbooks.md: every command of it, typed as it stands there, does what the page says.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::client::PATIENCE;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::operator::TOKEN;
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::redis::RedisServer;
use crate::support::upstream::Upstream;

const PAGE: &str = include_str!("../../docs/runbooks.md");
const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n";

/// The blocks of a section in a language, in order.
fn blocks(section: &str, language: &str) -> Vec<&'static str> {
    let begin = format!("\n## {section}\n");
    let (_, rest) = PAGE.split_once(&begin).unwrap_or_else(|| panic!("no section {section}"));
    let text = rest.split("\n## ").next().unwrap();
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A gateway with the page's configuration, and what its commands are typed with.
struct Desk {
    gateway: Gateway,
    _upstream: Upstream,
    redis: Option<RedisServer>,
}

impl Desk {
    fn new() -> Self {
        Self::with(None, &[])
    }

    fn with(redis: Option<RedisServer>, launcher: &[&str]) -> Self {
        let upstream = Upstream::start();
        let (_, toml) = PAGE.split_once("```toml\n").unwrap();
        let toml = toml.split("```").next().unwrap().replace("http://127.0.0.1:3000", &upstream.url());
        let store = match &redis {
            Some(_) => "store = \"redis\"\nredis = { url = { env = \"HOOKWARD_REDIS_URL\" } }\ncold_start = \"accept\"",
            None => "cold_start = \"accept\"",
        };
        let url = redis.as_ref().map(RedisServer::url).unwrap_or_default();
        let config = Config::written(&format!("{toml}\n[replay]\n{store}\n"))
            .file("admin.token", TOKEN)
            .file("audit.pem", KEY)
            .file("github-2026-q3", &Provider::Github.secret("current").configured)
            .file("stripe-2026-q4", &Provider::Stripe.secret("current").configured)
            .environment("HOOKWARD_REDIS_URL", &url)
            .launcher(launcher);
        Self { gateway: Gateway::start(config), _upstream: upstream, redis }
    }

    fn directory(&self) -> &Path {
        self.gateway.directory()
    }

    fn typed(&self, line: &str) -> Output {
        let line = line.replace("localhost:8443", &format!("localhost:{}", self.gateway.ports().public));
        let binary = Path::new(env!("CARGO_BIN_EXE_hookward")).parent().unwrap().display().to_string();
        let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(self.directory()).env("PATH", path).env_remove("HOOKWARD_CONFIG");
        if let Some(redis) = &self.redis {
            shell.env("HOOKWARD_REDIS_URL", redis.url());
        }
        shell.stdin(Stdio::null()).output().unwrap()
    }

    /// Types one block; answers what was said, by line.
    #[track_caller]
    fn follow(&self, block: &str) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for line in block.lines().filter(|line| !line.trim().is_empty()) {
            let (command, expected) =
                line.split_once("  # exit ").map_or((line, 0), |(command, code)| (command, code.parse().unwrap()));
            let output = self.typed(command);
            let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(expected), "{line}\n{said}");
            told.push((command.to_owned(), said));
        }
        told
    }

    /// Types a whole section.
    #[track_caller]
    fn follow_section(&self, section: &str) -> Vec<(String, String)> {
        let blocks = blocks(section, "sh");
        assert!(!blocks.is_empty(), "{section} says nothing to type");
        blocks.into_iter().flat_map(|block| self.follow(block)).collect()
    }

    /// Waits until the log has so many records of a reason, for the next question is about them.
    #[track_caller]
    fn await_records(&self, reason: &str, count: usize) {
        let there = || self.gateway.audit_text().matches(&format!("\"reason\":\"{reason}\"")).count() >= count;
        assert!(poll(PATIENCE, || there().then_some(())).is_some(), "{}", self.gateway.audit_text());
    }
}

/// What was said to the first line that has these words.
#[track_caller]
fn answer<'a>(told: &'a [(String, String)], words: &str) -> &'a str {
    let found = told.iter().find(|(line, _)| line.contains(words));
    &found.unwrap_or_else(|| panic!("nobody typed {words}")).1
}

#[test]
fn every_section_is_followed_here() {
    let sections = PAGE.split("\n## ").skip(1).map(|rest| rest.lines().next().unwrap()).collect::<Vec<_>>();
    let source = include_str!("runbooks.rs");
    for section in &sections {
        assert!(source.contains(&format!("\"{section}\"")), "{section} is typed by no test");
    }
    assert_eq!(sections.len(), 7);
}

#[test]
fn before_anything_is_wrong() {
    let told = Desk::new().follow_section("Before anything is wrong");
    assert!(answer(&told, "hookward status").contains("platform@example.com"), "{told:?}");
}

#[test]
fn a_provider_is_breached() {
    let desk = Desk::new();
    desk.follow(blocks("Before anything is wrong", "sh")[0]);
    assert_eq!(desk.gateway.deliver_to("/webhooks/stripe", &Provider::Stripe.delivery()).status, 200);
    desk.await_records("delivered", 1);
    let signed = || desk.gateway.audit_text().contains("\"kind\":\"checkpoint\"");
    assert!(poll(PATIENCE, || signed().then_some(())).is_some(), "a checkpoint within a second or so");
    let steps = blocks("A provider is breached", "sh");
    desk.follow(steps[0]);
    assert_eq!(desk.gateway.deliver_to("/webhooks/stripe", &Provider::Stripe.delivery()).status, 503);
    let told = desk.follow(steps[1]);
    assert!(answer(&told, "--count-by source").contains("127.0.0.1"), "{told:?}");
    assert!(answer(&told, "--count-by event").contains("invoice.paid"), "{told:?}");
    assert!(answer(&told, "audit verify").starts_with("ok: "), "{told:?}");
    let told = desk.follow(steps[2]);
    assert!(answer(&told, "hookward sign").starts_with("HTTP/1.1 200"), "{told:?}");
    assert_eq!(desk.gateway.deliver_to("/webhooks/stripe", &Provider::Stripe.delivery()).status, 401, "the old keys are dead");
    assert_eq!(steps.len(), 3);
}

#[test]
fn a_secret_leaked() {
    let desk = Desk::new();
    let secret = Provider::Github.secret("current").configured;
    let encoded = data_encoding::BASE64.encode(secret.as_bytes());
    let delivery = Provider::Github.delivery().with("X-Github-Encoded-Secret", &encoded);
    assert_eq!(desk.gateway.deliver_to("/webhooks/github", &delivery).status, 200);
    let exposed = || desk.gateway.audit_text().contains("\"kind\":\"exposure\"");
    assert!(poll(PATIENCE, || exposed().then_some(())).is_some(), "{}", desk.gateway.audit_text());
    let steps = blocks("A secret leaked", "sh");
    let told = desk.follow(steps[0]);
    assert!(answer(&told, "--kind exposure").contains("x-github-encoded-secret"), "{told:?}");
    assert!(answer(&told, "providers github").contains("x-github-encoded-secret"), "{told:?}");
    assert!(answer(&told, "--count-by secret_id").contains("2026-q3"), "{told:?}");
    desk.follow(steps[1]);
    assert_eq!(desk.gateway.deliver_to("/webhooks/github", &Provider::Github.delivery()).status, 200, "no delivery is missed");
    let [sign, query] = [0, 1].map(|line| steps[2].lines().nth(line).unwrap());
    assert!(desk.follow(sign)[0].1.starts_with("HTTP/1.1 200"));
    desk.await_records("delivered", 3);
    assert!(desk.follow(query)[0].1.contains("2026-q4"));
    let told = desk.follow(steps[3]);
    assert!(answer(&told, "hookward sign").starts_with("HTTP/1.1 401"), "{told:?}");
    desk.await_records("signature_mismatch", 1);
    let told = desk.follow(steps[4]);
    assert!(answer(&told, "--count-by source").contains("127.0.0.1") && !answer(&told, "status").contains("2026-q3"), "{told:?}");
    assert_eq!(desk.gateway.deliver_to("/webhooks/github", &Provider::Github.delivery()).status, 401);
    assert_eq!(steps.len(), 5);
}

#[test]
fn a_replay_attack_is_seen() {
    let desk = Desk::new();
    let delivery = Provider::Github.delivery();
    for expected in [200, 409, 409] {
        assert_eq!(desk.gateway.deliver_to("/webhooks/github", &delivery).status, expected);
    }
    desk.await_records("replayed", 2);
    let told = desk.follow_section("A replay attack is seen");
    assert!(answer(&told, "--count-by integration").contains("2      code"), "{told:?}");
    assert!(answer(&told, "allow-again").contains("code"), "{told:?}");
    assert_eq!(desk.gateway.deliver_to("/webhooks/github", &delivery).status, 200, "once more");
}

#[test]
fn redis_is_down() {
    let mut desk = Desk::with(Some(RedisServer::start()), &[]);
    desk.redis.as_mut().unwrap().kill();
    assert_eq!(desk.gateway.deliver_to("/webhooks/github", &Provider::Github.delivery()).status, 503);
    desk.await_records("replay_store_unavailable", 1);
    let steps = blocks("Redis is down", "sh");
    let unready = || desk.gateway.admin("/readyz").status == 503;
    assert!(poll(PATIENCE, || unready().then_some(())).is_some());
    let told = desk.follow(steps[0]);
    assert!(answer(&told, "--count-by integration").contains("code"), "{told:?}");
    desk.redis.as_mut().unwrap().spawn();
    desk.gateway.wait_until("/readyz");
    desk.follow(steps[1]);
    assert_eq!(steps.len(), 2);
}

#[test]
fn the_clock_is_wrong() {
    let desk = Desk::new();
    let late = Provider::Stripe.delivery_at(crate::support::unix_now() - 3600);
    assert_eq!(desk.gateway.deliver_to("/webhooks/stripe", &late).status, 401);
    desk.await_records("timestamp_too_old", 1);
    let told = desk.follow_section("The clock is wrong");
    assert!(answer(&told, "--count-by provider").contains("stripe"), "{told:?}");
    assert!(answer(&told, "hookward verify").contains("36"), "it says by how much: {told:?}");
    assert!(answer(&told, "--send").starts_with("HTTP/1.1 200"), "{told:?}");
}

#[test]
fn the_disk_is_full() {
    // A limit of the size of files acts as a full disk does.
    let mut desk = Desk::with(None, &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    let limit = |limit: &str, pid: u32| {
        let arguments = ["--pid", &pid.to_string(), &format!("--fsize={limit}:unlimited")];
        assert!(Command::new("prlimit").args(arguments).status().expect("prlimit").success());
    };
    limit("1", desk.gateway.pid());
    let unready = || {
        desk.gateway.deliver_to("/nowhere", &Provider::Github.delivery());
        desk.gateway.admin("/readyz").status == 503
    };
    assert!(poll(PATIENCE, || unready().then_some(())).is_some(), "{}", desk.gateway.admin("/readyz").text());
    let steps = blocks("The disk is full", "sh");
    desk.follow(steps[0]);
    limit("unlimited", desk.gateway.pid());
    desk.follow(steps[1]);
    desk.gateway.wait_until("/readyz");
    let told = desk.follow(steps[2]);
    assert!(answer(&told, "audit verify").starts_with("ok: "), "{told:?}");
    assert_eq!(steps.len(), 3);
}
