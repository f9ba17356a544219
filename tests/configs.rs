//! Configurations as files: good ones become the plan they say, bad ones are refused with exactly the faults beside them.
//!
//! `bad/NAME.toml` has its faults in `bad/NAME.txt`, one a line. Whatever a bad file holds as a secret contains the canary,
//! and no fault may. No text at all makes the reader panic.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the functions here serve tests only")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookward::audit::spec::{AuditOutput, OnAuditFailure};
use hookward::config;
use hookward::config::plan::{IntegrationPlan, Plan};
use hookward::domain::size::Rate;
use hookward::domain::time::UnixTime;
use hookward::gate::forward::spec::UpstreamAddress;
use hookward::gate::replay::spec::{ColdStart, RedisSpec, StoreSpec};
use hookward::listen::spec::{BindAddress, EntrySpec, TlsVersion};
use hookward::provider::scheme::{Evidence, KeyEncoding, OnRefusal};
use hookward::secrets::spec::SecretSource;
use hookward::telemetry::spec::{LogFormat, LogLevel};
use proptest::prelude::*;

const CANARY: &str = "hunter2";
const EXAMPLE: &str = include_str!("../config.example.toml");

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new("tests/configs").join(folder)).unwrap();
    let mut files = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

fn faults_of(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let Err(faults) = config::parse(name, &text, path.parent().unwrap()) else { panic!("{name} is no bad file") };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n"
}

fn good(name: &str) -> Plan {
    let loaded = config::load(&Path::new("tests/configs/good").join(name));
    loaded.unwrap_or_else(|faults| panic!("{}", config::render_faults(&faults)))
}

fn integration<'p>(plan: &'p Plan, name: &str) -> &'p IntegrationPlan {
    plan.integrations.iter().find(|integration| integration.name.as_str() == name).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn bad_files_have_exactly_the_faults_beside_them() {
    let files = files("bad");
    assert!(files.len() >= 30);
    for path in files {
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
        assert!(!expected.is_empty(), "{}", path.display());
        assert_eq!(faults_of(&path), expected, "{}", path.display());
    }
}

#[test]
fn no_fault_says_what_stands_in_the_place_of_a_secret() {
    let holders = files("bad").into_iter().filter(|path| fs::read_to_string(path).unwrap().contains(CANARY));
    let holders = holders.collect::<Vec<_>>();
    assert!(holders.len() >= 8, "{holders:?}");
    for path in holders {
        assert!(!faults_of(&path).contains(CANARY), "{}", path.display());
    }
}

#[test]
fn good_files_are_plans() {
    for path in files("good") {
        good(path.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn what_is_not_said_has_its_default() {
    let plan = good("minimal.toml");
    assert_eq!(plan.state_dir, Path::new("/var/lib/hookward"));
    assert_eq!(plan.listeners[0].name.as_str(), "127.0.0.1:8443");
    assert_eq!((plan.admin.bind.to_string().as_str(), &plan.admin.token), ("127.0.0.1:9901", &None));
    assert_eq!(plan.audit.output, AuditOutput::Stdout);
    assert_eq!((plan.replay.store.clone(), plan.replay.cold_start), (StoreSpec::Disk, ColdStart::Refuse));
    assert_eq!((plan.replay.capacity, plan.replay.untimed_window), (10_000_000, seconds(86_400)));
    assert_eq!((plan.connections.max_header_bytes, plan.connections.max_connections), (16 << 10, 10_000));
    assert_eq!(plan.connections.max_connections_per_source, 500);
    assert_eq!((plan.connections.header_timeout, plan.connections.idle_timeout), (seconds(5), seconds(60)));
    assert_eq!((plan.intake.max_inflight_bytes, plan.intake.body_timeout), (256 << 20, seconds(10)));
    assert_eq!((plan.drain.delay, plan.drain.timeout), (Duration::ZERO, seconds(20)));
    let rates = (plan.source_limits.per_source, plan.source_limits.failures_per_source);
    let second = |count, burst| Rate { count, period: seconds(1), burst };
    assert_eq!(rates, (second(500, 1000), second(1, 30)));
    assert_eq!((plan.log.level, plan.log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!(plan.watched, [Path::new("tests/configs/good/minimal.toml")]);
    assert!(plan.allow.is_empty() && plan.without_effect.is_empty());
    // One and a half times the largest body, which is GitHub's.
    assert_eq!(plan.connections.linger_bytes, (25 << 20) * 3 / 2);
}

#[test]
fn presets_decide_where_the_integration_is_silent() {
    let plan = good("minimal.toml");
    let names = plan.integrations.iter().map(|integration| integration.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["chat", "code", "payments", "shop"]);
    let (chat, code, shop) = (integration(&plan, "chat"), integration(&plan, "code"), integration(&plan, "shop"));
    assert_eq!((code.max_body_bytes, chat.max_body_bytes), (25 << 20, 1 << 20));
    assert_eq!((chat.target.timeout, shop.target.timeout, code.target.timeout), (seconds(2), seconds(4), seconds(9)));
    assert_eq!(integration(&plan, "payments").target.timeout, seconds(10));
    assert_eq!((shop.on_replay, code.on_replay), (OnRefusal::Acknowledge, OnRefusal::Reject));
    assert_eq!((chat.tolerance, code.untimed_window), (seconds(300), seconds(86_400)));
    assert!(code.replay && code.enabled && !code.target.forward_query);
    assert_eq!((&code.events_allow, &code.sources_allow, &code.rate_limit), (&None, &None, &None));
    let address = UpstreamAddress::Http { host: "::1".to_owned(), port: 3000 };
    assert_eq!((&code.target.address, code.target.authority.as_str()), (&address, "[::1]:3000"));
    let file = |path: &str| SecretSource::File(path.into());
    assert_eq!(code.secrets[0].source, file("tests/configs/good/github.secret"));
    assert_eq!(shop.secrets[0].source, file("/run/secrets/shopify"));
}

#[test]
fn what_is_said_stands_in_the_plan() {
    let plan = good("full.toml");
    assert_eq!(plan.state_dir, Path::new("tests/configs/good/state"));
    assert_eq!(plan.allow[0].lint, "memory-replay");
    let EntrySpec::Tls(tls) = &plan.listeners[0].entry else { panic!("no TLS") };
    assert_eq!((tls.certificates.len(), tls.min_version), (2, TlsVersion::V13));
    assert_eq!(tls.certificates[0].cert, Path::new("tests/configs/good/a.crt"));
    assert_eq!(tls.certificates[1].key, Path::new("/b.key"));
    assert_eq!((tls.client_ca.as_deref(), plan.listeners[0].proxy_protocol), (None, false));
    let proxied = &plan.listeners[1];
    assert_eq!((&proxied.entry, proxied.proxy_protocol), (&EntrySpec::TrustedProxy, true));
    let networks = proxied.trusted_proxies.networks().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::1/128"]);
    assert!(proxied.trusted_proxies.unix());
    let EntrySpec::Tls(tls) = &plan.listeners[2].entry else { panic!("no TLS") };
    assert_eq!(tls.client_ca.as_deref(), Some(Path::new("tests/configs/good/ca.pem")));
    assert_eq!(plan.listeners[2].bind, BindAddress::Unix { path: "tests/configs/good/in.sock".into(), mode: 0o600 });
    assert_eq!(plan.admin.probe_bind.unwrap().to_string(), "0.0.0.0:9002");
    assert_eq!(plan.admin.token, Some(SecretSource::Environment("ADMIN_TOKEN".to_owned())));
    assert_eq!(plan.connections.header_timeout, Duration::from_millis(500));
    assert_eq!((plan.connections.max_connections, plan.connections.max_connections_per_source), (100, 100));
    assert_eq!(plan.source_limits.per_source, Rate { count: 10, period: seconds(60), burst: 10 });
    assert_eq!(plan.source_limits.failures_per_source, Rate { count: 5, period: seconds(3600), burst: 2 });
    assert_eq!((plan.replay.capacity, plan.replay.cold_start), (1000, ColdStart::Accept));
    assert_eq!(plan.audit.output, AuditOutput::File("tests/configs/good/log/audit.jsonl".into()));
    assert_eq!((plan.audit.max_size_bytes, plan.audit.keep), (1 << 30, 3));
    assert_eq!(plan.audit.on_failure, OnAuditFailure::Continue);
    assert_eq!((plan.log.level, plan.log.format), (LogLevel::Debug, LogFormat::Json));
}

#[test]
fn what_an_integration_says_stands_in_the_plan() {
    let plan = good("full.toml");
    let own = integration(&plan, "own");
    assert_eq!(
        (own.place.to_string().as_str(), own.scheme.origin.evidence),
        ("tests/configs/good/full.toml:58:1", Evidence::Custom)
    );
    assert_eq!((own.owner.as_deref(), own.review_by.as_deref()), (Some("team"), Some("2027-06-30")));
    assert_eq!((own.host.as_deref(), own.path.as_str()), (Some("hooks.example.com"), "/own%20path"));
    assert_eq!(own.target.address, UpstreamAddress::Unix("tests/configs/good/app.sock".into()));
    assert_eq!((own.target.path_and_query.as_str(), own.target.authority.as_str()), ("/in?from=hookward", "localhost"));
    assert_eq!(own.target.headers.len(), 2);
    assert_eq!((own.target.timeout, own.target.forward_query), (seconds(2), true));
    let (new, old) = (&own.secrets[0], &own.secrets[1]);
    assert_eq!((new.encoding, new.not_before), (Some(KeyEncoding::Base64), Some(UnixTime::from_seconds(1_788_220_800))));
    assert_eq!((old.encoding, old.not_after), (None, Some(UnixTime::from_seconds(1_796_083_200))));
    assert_eq!((own.tolerance, own.max_body_bytes), (seconds(90), 3 << 20));
    assert!(own.events_allow.as_ref().unwrap()[0].matches("a.b"));
    let sources = own.sources_allow.as_ref().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(sources, ["192.0.2.1/32", "10.0.0.0/8", "2001:db8::/32", "198.51.100.0/24"]);
    assert_eq!(own.rate_limit, Some(Rate { count: 100, period: seconds(1), burst: 200 }));
    assert_eq!((own.replay, own.enabled), (false, false));
    assert_eq!((own.on_replay, own.on_event_denied), (OnRefusal::Acknowledge, OnRefusal::Acknowledge));
    assert_eq!((own.untimed_window, own.allow[0].lint), (seconds(3 * 86_400), "no-event-scope"));
}

#[test]
fn files_are_included_in_order_and_once() {
    let plan = good("include.toml");
    let places = plan.integrations.iter().map(|found| (found.name.as_str(), found.place.to_string())).collect::<Vec<_>>();
    let at = |file: &str| format!("tests/configs/good/conf.d/{file}:1:1");
    assert_eq!(places, [("first", at("a.toml")), ("second", at("b.toml"))]);
    let secret = SecretSource::File("tests/configs/good/conf.d/../first.secret".into());
    assert_eq!(integration(&plan, "first").secrets[0].source, secret);
    assert_eq!(integration(&plan, "first").scheme.name.as_str(), "of-b");
    let watched = ["include.toml", "conf.d", "conf.d/a.toml", "conf.d/b.toml"];
    assert_eq!(plan.watched, watched.map(|file| Path::new("tests/configs/good").join(file)));
}

#[test]
fn settings_without_effect_are_noted() {
    let plan = good("without-effect.toml");
    let notes = plan.without_effect.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = fs::read_to_string("tests/configs/good/without-effect.txt").unwrap();
    assert_eq!(notes, expected.lines().collect::<Vec<_>>());
}

#[test]
fn an_unreadable_file_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hookward.toml");
    let said = |path: &Path| config::load(path).unwrap_err().iter().map(|fault| fault.reason.clone()).collect::<String>();
    assert!(said(&file).starts_with("cannot be read: "));
    assert!(said(folder.path()).starts_with("cannot be read: "));
    fs::write(&file, b"a = \"\xff\"").unwrap();
    assert_eq!(said(&file), "is not valid UTF-8");
    fs::write(&file, "#".repeat((4 << 20) + 1)).unwrap();
    assert_eq!(said(&file), "is larger than 4MiB");
    let place = config::load(&file).unwrap_err()[0].place.to_string();
    assert_eq!(place, format!("{}:1:1", file.display()));
}

#[test]
fn the_main_file_does_not_include_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hookward.toml");
    let text = fs::read_to_string("tests/configs/good/minimal.toml").unwrap();
    fs::write(&file, format!("include = [\"*.toml\"]\n{text}")).unwrap();
    assert_eq!(config::load(&file).unwrap().integrations.len(), 4);
}

#[test]
fn the_example_is_right_and_whole() {
    let plan =
        config::load(Path::new("config.example.toml")).unwrap_or_else(|faults| panic!("{}", config::render_faults(&faults)));
    assert_eq!((plan.integrations.len(), plan.listeners.len()), (3, 5));
    assert!(plan.without_effect.is_empty(), "{:?}", plan.without_effect);
}

/// Whoever adds a key to the grammar adds it to the example: an unknown key's fault lists the known ones of its table.
#[test]
fn every_key_stands_in_the_example() {
    let probe = |table: &str| {
        let text = format!("{EXAMPLE}\n{table}\n");
        let faults = config::parse("probe.toml", &text, Path::new("")).unwrap_err();
        let hints = faults.iter().filter(|fault| fault.key.ends_with("zzzzzzzz"));
        let known = hints.filter_map(|fault| fault.hint.strip_prefix("known keys: ").map(str::to_owned)).collect::<Vec<_>>();
        known[0].split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let written = EXAMPLE.split(|character: char| !(character.is_ascii_alphanumeric() || "_-".contains(character)));
    let written = written.collect::<BTreeSet<_>>();
    let tables = [
        "[zzzzzzzz]",
        "[admin.zzzzzzzz]",
        "[limits.zzzzzzzz]",
        "[rate_limit.zzzzzzzz]",
        "[replay.zzzzzzzz]",
        "[replay.redis.zzzzzzzz]",
        "[audit.zzzzzzzz]",
        "[log.zzzzzzzz]",
        "[telemetry.zzzzzzzz]",
        "[telemetry.otlp.zzzzzzzz]",
        "[integration.code.zzzzzzzz]",
        "[integration.own]\nsecrets = [ { zzzzzzzz = 1 } ]",
        "[integration.own]\nupstream_tls = { zzzzzzzz = 1 }",
        "[[listener]]\nzzzzzzzz = 1",
        "[[listener]]\ntls = { zzzzzzzz = 1 }",
    ];
    for table in tables {
        for key in probe(table) {
            // No scheme of this version finds its secret by an id in the request.
            assert!(written.contains(key.as_str()) || key == "key_id", "{key} of {table} is not in config.example.toml");
        }
    }
}

#[test]
fn telemetry_is_sent_where_the_file_says() {
    let with = |table: &str| {
        let text = fs::read_to_string("tests/configs/good/minimal.toml").unwrap();
        config::parse("telemetry.toml", &format!("{text}\n[telemetry]\n{table}\n"), Path::new("/etc")).map(|plan| plan.otlp)
    };
    assert_eq!(with("").unwrap(), None);
    let plain = with("otlp = { endpoint = \"http://127.0.0.1:4318\" }").unwrap().unwrap();
    assert_eq!((plain.endpoint.port, plain.endpoint.tls, plain.endpoint.path.as_str()), (4318, false, ""));
    assert_eq!((plain.traces, plain.metrics, plain.logs, plain.sample_percent), (true, true, true, 100));
    assert_eq!((plain.interval, plain.service_name.as_str()), (Duration::from_secs(10), "hookward"));
    let rest = "signals = [\"logs\"], headers = { Authorization = { file = \"token\" } }, ca = \"ca.pem\", sample_percent = 5";
    let remote = with(&format!("otlp = {{ endpoint = \"https://otel.example.com/in/\", {rest} }}")).unwrap().unwrap();
    assert_eq!((remote.endpoint.authority.as_str(), remote.endpoint.path.as_str()), ("otel.example.com", "/in"));
    assert_eq!((remote.traces, remote.logs, remote.sample_percent), (false, true, 5));
    assert_eq!(remote.headers[0].1, SecretSource::File(Path::new("/etc/token").to_owned()));
    assert_eq!(remote.endpoint.ca.as_deref(), Some(Path::new("/etc/ca.pem")));
    for (bad, reason) in [
        ("otlp = { }", "is missing"),
        ("otlp = { endpoint = \"http://collector:4318\" }", "is plaintext to another machine"),
        ("otlp = { endpoint = \"unix:/run/otel.sock:/\" }", "must be an http or https URL"),
        ("otlp = { endpoint = \"http://127.0.0.1:4318\", signals = [\"spans\"] }", "must be"),
        (
            "otlp = { endpoint = \"http://127.0.0.1:4318\", headers = { Authorization = \"Bearer x\" } }",
            "secrets are never inline",
        ),
        ("otlp = { endpoint = \"http://127.0.0.1:4318\", sample_percent = 101 }", "must be"),
    ] {
        let told = config::render_faults(&with(bad).unwrap_err());
        assert!(told.contains(reason) && !told.contains("Bearer"), "{bad}: {told}");
    }
    assert!(with("otlp = { endpoint = \"http://collector:4318\", plaintext = true }").is_ok());
}

#[test]
fn redis_is_where_the_file_says() {
    let file = |path: &str| SecretSource::File(Path::new("tests/configs/good").join(path));
    let expected = RedisSpec {
        url: file("redis.url"),
        prefix: "{hooks}:".to_owned(),
        timeout: Duration::from_millis(90),
        ca: Some(Path::new("tests/configs/good/redis-ca.pem").to_owned()),
    };
    let plan = good("redis.toml");
    assert_eq!(plan.replay.store, StoreSpec::Redis(expected));
    assert_eq!(plan.without_effect.len(), 1, "the capacity is Redis's own");
    let silent = fs::read_to_string("tests/configs/good/redis.toml").unwrap();
    let silent = silent.replace(", prefix = \"{hooks}:\", timeout = \"90ms\", ca = \"redis-ca.pem\"", "");
    let Ok(plan) = config::parse("redis.toml", &silent, Path::new("")) else { panic!("not good") };
    let StoreSpec::Redis(spec) = plan.replay.store else { panic!("not redis") };
    assert_eq!((spec.prefix.as_str(), spec.timeout, spec.ca), ("hookward:", Duration::from_millis(250), None));
}

/// A change that a hand or a broken disk could make to a text.
#[derive(Clone, Debug)]
enum Change {
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, String),
}

fn change() -> impl Strategy<Value = Change> {
    let piece = prop_oneof![
        "[\\[\\]{}=\",.#\\n a-z0-9_-]{1,8}",
        proptest::sample::select(vec![
            "\"",
            "'''",
            "[[",
            "]]",
            "= {",
            "\u{0}",
            "é",
            "9223372036854775808",
            "1979-05-27",
            "include"
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        (0..EXAMPLE.len(), 1_usize..80).prop_map(|(at, length)| Change::Remove(at, length)),
        (0..EXAMPLE.len(), 1_usize..400).prop_map(|(at, length)| Change::Repeat(at, length)),
        (0..EXAMPLE.len(), piece).prop_map(|(at, text)| Change::Insert(at, text)),
    ]
}

fn changed(mut text: Vec<char>, changes: &[Change]) -> String {
    for change in changes {
        match change {
            Change::Remove(at, length) => drop(text.drain((*at).min(text.len())..(at + length).min(text.len()))),
            Change::Repeat(at, length) => {
                let piece = text.iter().skip(*at).take(*length).copied().collect::<Vec<_>>();
                text.extend(piece);
            }
            Change::Insert(at, piece) => {
                let at = (*at).min(text.len());
                text.splice(at..at, piece.chars());
            }
        }
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        // Without a listener and an integration nothing is a plan.
        prop_assert!(!config::parse("any.toml", &text, Path::new("tests/configs")).unwrap_err().is_empty());
    }

    #[test]
    fn no_change_of_the_example_makes_the_reader_panic(changes in proptest::collection::vec(change(), 1..6)) {
        let text = changed(EXAMPLE.chars().collect(), &changes);
        if let Err(faults) = config::parse("changed.toml", &text, Path::new("tests/configs")) {
            prop_assert!(!faults.is_empty());
        }
    }
}
