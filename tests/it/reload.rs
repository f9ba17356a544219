//! Changed while it runs: whole or not at all, noticed by itself, and nothing of what it holds is lost.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::certificate::Certificate;
use crate::support::client::{Answer, Connection, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port, hookward_output};
use crate::support::operator::{flow, replace};
use crate::support::provider::Provider;
use crate::support::upstream::{Latch, Reply, Upstream};
use crate::support::{poll, unix_now};

const PROVIDER: Provider = Provider::Stripe;
const SOON: Duration = Duration::from_secs(8);

fn config(upstream: &Upstream) -> Config {
    Config::of(stripe(upstream)).token().set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }")
}

fn stripe(upstream: &Upstream) -> Integration {
    Integration::new(PROVIDER, &upstream.url())
}

/// Rewrites the main file of a running gateway.
fn edit(gateway: &Gateway, change: impl Fn(String) -> Vec<u8>) {
    let path = gateway.directory().join("hookward.toml");
    let text = fs::read_to_string(&path).unwrap();
    replace(&path, change(text));
}

#[test]
fn cfg_01_what_cannot_be_applied_changes_nothing() {
    let upstream = Upstream::start();
    let good = config(&upstream);
    let gateway = Gateway::start(good.clone());
    let duplicate = "\n[integration.other]\nprovider = \"github\"\npath = \"/hooks/stripe\"\nupstream = \"http://127.0.0.1:1/\"\n\
                     secrets = [ { id = \"one\", env = \"PATH\" } ]\n";
    let missing = duplicate.replace("/hooks/stripe", "/other").replace("env = \"PATH\"", "file = \"nowhere\"");
    let empty = missing.replace("nowhere", "empty");
    fs::write(gateway.directory().join("empty"), " \n").unwrap();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("not TOML", b"[integration".to_vec(), "hookward.toml:"),
        ("an unknown key", b"verify = false\n".to_vec(), "verify"),
        ("a route twice", duplicate.into(), "path"),
        ("a secret that is missing", missing.into(), "nowhere"),
        ("a secret that is empty", empty.into(), "empty"),
        ("not UTF-8", b"# \xff\n".to_vec(), "UTF-8"),
        ("10 MB", vec![b'#'; 10 << 20], "4MiB"),
        ("nothing", Vec::new(), "listener"),
    ];
    let count = u64::try_from(cases.len()).unwrap();
    for (index, (name, addition, told)) in cases.into_iter().enumerate() {
        let text = good.text(gateway.ports()).into_bytes();
        let changed = match name {
            "an unknown key" => [addition, text].concat(),
            "nothing" => Vec::new(),
            _ => [text, addition].concat(),
        };
        replace(&gateway.directory().join("hookward.toml"), changed);
        let answer = gateway.reload();
        assert_eq!(answer.status, 422, "{name}: {}", answer.text());
        assert!(answer.text().contains(told), "{name}: {}", answer.text());
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "{name}: the old one goes on");
        let ready = gateway.admin("/readyz");
        assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("degraded")), "{name}");
        assert!(ready.text().contains("configuration_refused") && ready.text().contains(told), "{name}: {}", ready.text());
        assert!(gateway.reloads("refused") > u64::try_from(index).unwrap(), "{name}");
        let checked = hookward_output(gateway.directory(), &["check", "--config", "hookward.toml"]);
        assert_eq!(checked.status.code(), Some(2), "{name}");
    }
    assert!(gateway.stderr().contains("the old one goes on"));
    assert_eq!(gateway.reloads("applied"), 0);
    gateway.rewrite(&good);
    gateway.reload_applied();
    assert_eq!(gateway.readiness()["status"], "ready");
    let ledger = gateway.finish();
    let notes = ledger.records.iter().filter(|record| record.kind() == "config").collect::<Vec<_>>();
    let refused = notes.iter().filter(|note| note.text("result") == "refused" && note.number("faults") > 0).count();
    assert!(u64::try_from(refused).unwrap() >= count, "{refused}");
    assert!(notes.iter().any(|note| note.text("result") == "applied" && note.number("integrations") == 1));
}

/// What is live, or refused, is told a moment later.
#[track_caller]
fn await_status(gateway: &Gateway, status: &str) {
    let came = poll(SOON, || (gateway.readiness()["status"] == status).then_some(()));
    assert!(came.is_some(), "{status}: {}", gateway.readiness());
}

#[test]
fn cfg_02_a_secret_is_never_empty_or_half_written() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let path = gateway.directory().join("secret-stripe-current");
    let (old, new) = (PROVIDER.secret("current"), PROVIDER.secret("next"));
    let sign = |secret| {
        let id = crate::support::fresh_id();
        PROVIDER.sign(secret, &id, unix_now(), &PROVIDER.body(&id))
    };
    // An editor that truncates first: until the new text is there the old one holds.
    let refused = gateway.reloads("refused");
    fs::write(&path, "").unwrap();
    gateway.await_reload("refused", refused);
    await_status(&gateway, "degraded");
    assert_eq!(gateway.deliver(&sign(&old)).status, 200, "the old value goes on");
    fs::write(&path, &new.configured).unwrap();
    let live = poll(SOON, || (gateway.deliver(&sign(&new)).status == 200).then_some(()));
    assert!(live.is_some(), "found by itself:\n{}", gateway.stderr());
    gateway.deliver(&sign(&old)).refused(401, "unauthorized");
    await_status(&gateway, "ready");
    // A writer that pauses in the middle: half a secret is a secret, and nobody's.
    let applied = gateway.reloads("applied");
    let mut writer = fs::File::create(&path).unwrap();
    let (half, rest) = old.configured.split_at(20);
    std::io::Write::write_all(&mut writer, half.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(gateway.reloads("applied"), applied, "not while it is open");
    assert_eq!(gateway.deliver(&sign(&new)).status, 200);
    std::io::Write::write_all(&mut writer, rest.as_bytes()).unwrap();
    drop(writer);
    gateway.await_reload("applied", applied);
    assert_eq!(gateway.deliver(&sign(&old)).status, 200);
    gateway.finish();
}

#[test]
fn cfg_03_what_only_looks_like_a_secret_is_refused_and_nothing_hangs() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let path = gateway.directory().join("secret-stripe-current");
    let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let cases: [(&str, &dyn Fn()); 5] = [
        ("a pipe", &|| pipe(&path)),
        ("a device", &|| std::os::unix::fs::symlink("/dev/zero", &path).unwrap()),
        ("a directory", &|| fs::create_dir(&path).unwrap()),
        ("a link to nothing", &|| std::os::unix::fs::symlink("nowhere", &path).unwrap()),
        ("too large", &|| fs::write(&path, "k".repeat(70_000)).unwrap()),
    ];
    for (name, make) in cases {
        let _ = fs::remove_file(&path);
        make();
        let answer = gateway.reload();
        assert_eq!(answer.status, 422, "{name}: {}", answer.text());
        assert!(answer.text().contains("secret-stripe-current"), "{name}: {}", answer.text());
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "{name}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
    }
    let main = gateway.directory().join("hookward.toml");
    let text = fs::read(&main).unwrap();
    fs::remove_file(&main).unwrap();
    pipe(&main);
    assert_eq!(gateway.reload().status, 422, "a configuration that is a pipe");
    fs::remove_file(&main).unwrap();
    pipe(&gateway.directory().join("more.toml"));
    fs::write(&main, [b"include = [\"more.toml\"]\n".as_slice(), &text].concat()).unwrap();
    assert_eq!(gateway.reload().status, 422, "an included file that is a pipe");
    fs::write(&main, text).unwrap();
    let _ = fs::remove_file(&path);
    fs::write(&path, PROVIDER.secret("current").configured).unwrap();
    gateway.reload_applied();
    gateway.finish();
}

#[test]
fn cfg_04_a_storm_of_reloads_is_served_one_by_one_and_the_last_word_holds() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    for _ in 0..10 {
        gateway.reload_applied();
    }
    let before = (gateway.resident_kib(), gateway.threads(), gateway.descriptors());
    let over = AtomicBool::new(false);
    let tally = std::thread::scope(|scope| {
        let sender = scope.spawn(|| flow(&gateway, &over, Duration::from_millis(2), || PROVIDER.delivery()));
        let tellers = (0..4).map(|_| {
            scope.spawn(|| {
                for _ in 0..25 {
                    let status = gateway.reload().status;
                    assert!(status == 200 || status == 422, "{status}");
                }
            })
        });
        let tellers = tellers.collect::<Vec<_>>();
        for index in 0..50 {
            let owner = format!("owner-{index}@example.com");
            gateway.rewrite(
                &Config::of(
                    stripe(&upstream)
                        .named("stripe")
                        .line(&format!("review_by = 2027-01-{:02}", index % 28 + 1))
                        .line(&format!("# {owner}")),
                )
                .token()
                .set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }"),
            );
            gateway.signal("HUP");
            std::thread::sleep(Duration::from_millis(5));
        }
        for teller in tellers {
            teller.join().unwrap();
        }
        gateway.reload_applied();
        over.store(true, Ordering::SeqCst);
        sender.join().unwrap()
    });
    tally.is_whole(20);
    let inventory = gateway.admin("/api/v1/integrations").json();
    assert_eq!(inventory[0]["review_by"], "2027-01-22", "the last one");
    // Threads that waited for disks end some seconds after their last work; what 150 reloads left behind would stay.
    let now = || (gateway.resident_kib(), gateway.threads(), gateway.descriptors());
    let settled = poll(Duration::from_secs(40), || {
        let after = now();
        (after.0 < before.0 + 12 * 1024 && after.1 <= before.1 + 2 && after.2 <= before.2 + 12).then_some(())
    });
    assert!(settled.is_some(), "memory, threads and descriptors: {before:?} {:?}", now());
    gateway.signal("TERM");
    gateway.signal("HUP");
    let mut gateway = gateway;
    gateway.exit_cleanly();
}

#[test]
fn cfg_05_nothing_switches_the_judgement_off() {
    let upstream = Upstream::start();
    let directory = tempfile::tempdir().unwrap();
    let ports = crate::support::config::Ports { public: 1, plain: 2, admin: 3, probe: 4 };
    let text = config(&upstream).text(ports);
    for key in
        ["verify = false", "insecure = true", "skip_verification = true", "dev = true", "secret = \"inline\"", "debug = true"]
    {
        for place in ["", "[limits]\n", "[integration.stripe]\n"] {
            let changed =
                if place.is_empty() { format!("{key}\n{text}") } else { text.replacen(place, &format!("{place}{key}\n"), 1) };
            let changed =
                if place == "[limits]\n" && !text.contains(place) { format!("{text}\n{place}{key}\n") } else { changed };
            fs::write(directory.path().join("hookward.toml"), changed).unwrap();
            let output = hookward_output(directory.path(), &["check"]);
            assert_eq!(output.status.code(), Some(2), "{place}{key}");
        }
    }
    for flag in ["--insecure", "--no-verify", "--dev", "--skip-verify"] {
        assert_eq!(hookward_output(directory.path(), &["serve", flag]).status.code(), Some(2), "{flag}");
    }
    let shipped = [
        "config.example.toml",
        "deploy/systemd/hookward.toml",
        "deploy/kubernetes/sidecar.toml",
        "deploy/kubernetes/gateway.toml",
    ];
    for file in shipped {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert!(!text.contains("whsec_") && !text.contains("value ="), "{file} holds no secret");
    }
}

#[test]
fn a_hundred_reloads_under_load_fail_no_request() {
    let upstream = Upstream::start();
    let good = config(&upstream);
    let gateway = Gateway::start(good.clone());
    let text = good.text(gateway.ports());
    let over = AtomicBool::new(false);
    let (tallies, memory) = std::thread::scope(|scope| {
        let senders = [Provider::Stripe; 4].map(|provider| {
            let (gateway, over) = (&gateway, &over);
            scope.spawn(move || flow(gateway, over, Duration::from_millis(3), || provider.delivery()))
        });
        let mut memory = Vec::new();
        for round in 0..100 {
            let (body, expected) = match round % 4 {
                0 => (text.clone(), 200),
                1 => (format!("{text}\n[integration.broken]\npath = 7\n"), 422),
                2 => (
                    text.replace(
                        "owner = \"team@example.com\"",
                        &format!("owner = \"team-{round}@example.com\"\ntolerance = \"4m\""),
                    ),
                    200,
                ),
                _ => (text.replace("127.0.0.1", "127.0.0.2"), 422),
            };
            replace(&gateway.directory().join("hookward.toml"), body);
            let answer = gateway.reload();
            assert_eq!(answer.status, expected, "round {round}: {}", answer.text());
            if round % 20 == 19 {
                memory.push(gateway.resident_kib());
            }
        }
        over.store(true, Ordering::SeqCst);
        (senders.map(|sender| sender.join().unwrap()), memory)
    });
    let taken = tallies.iter().map(|tally| tally.taken.len()).sum::<usize>();
    eprintln!("100 reloads, {taken} deliveries, 0 failed; resident KiB after 20, 40, … reloads: {memory:?}");
    for tally in &tallies {
        tally.is_whole(50);
    }
    assert!(memory[4] < memory[1] + 6 * 1024, "flat: {memory:?}");
    gateway.finish();
}

#[test]
fn what_is_bound_once_needs_a_restart_and_says_so() {
    let upstream = Upstream::start();
    let good = config(&upstream);
    let gateway = Gateway::start(good.clone());
    let text = good.text(gateway.ports());
    for (from, to, key) in [
        ("state_dir = \"state\"".to_owned(), "state_dir = \"elsewhere\"".to_owned(), "state_dir"),
        ("output = \"audit.jsonl\"".to_owned(), "output = \"other.jsonl\"".to_owned(), "audit"),
        ("[limits]\n".to_owned(), "[limits]\nmax_connections = 77\n".to_owned(), "max_connections"),
    ] {
        replace(&gateway.directory().join("hookward.toml"), text.replace(&from, &to));
        let answer = gateway.reload();
        assert_eq!(answer.status, 422, "{key}");
        assert!(answer.text().contains(key) && answer.text().contains("restart"), "{key}: {}", answer.text());
    }
    let told = gateway.verb(&["reload"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stderr).contains("needs a restart"));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish();
}

/// A listener with TLS of the shared certificate.
fn secure(name: &str, port: u16, more: &str) -> String {
    format!("name = \"{name}\"\nbind = \"127.0.0.1:{port}\"\ntls = {{ cert = \"tls.crt\", key = \"tls.key\"{more} }}")
}

fn deliver_at(port: u16) -> std::io::Result<Answer> {
    let delivery = PROVIDER.delivery();
    let mut connection = Connection::tls(port, Ipv4Addr::LOCALHOST, Certificate::shared())?;
    connection.try_send(&request(&PROVIDER.path(), &delivery.headers, &delivery.body))?;
    connection.try_answer(SOON).map_err(|silence| std::io::Error::other(format!("{silence:?}")))
}

#[test]
fn listeners_come_change_and_go_under_load_and_the_others_do_not_notice() {
    let upstream = Upstream::start();
    let base = || config(&upstream).plain();
    let gateway = Gateway::start(base());
    let (plain, extra) = (gateway.ports().plain, free_port());
    let over = AtomicBool::new(false);
    let applied = |config: &Config| {
        gateway.rewrite(config);
        gateway.reload_applied();
    };
    let in_the_clear = |port: u16| {
        let mut delivery = PROVIDER.delivery();
        delivery.headers.push(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
        let mut connection = Connection::plain(port, Ipv4Addr::LOCALHOST).unwrap();
        connection.send_delivery(&PROVIDER.path(), &delivery);
        connection.answer()
    };
    let tallies = std::thread::scope(|scope| {
        let senders = [(); 3].map(|()| scope.spawn(|| flow(&gateway, &over, Duration::from_millis(3), || PROVIDER.delivery())));
        for round in 0..3 {
            // One comes.
            assert!(deliver_at(extra).is_err(), "{round}: nobody listens yet");
            applied(&base().listener(&secure("extra", extra, "")));
            assert_eq!(deliver_at(extra).unwrap().status, 200, "{round}: opened");
            // Its TLS changes: a connection made before ends after the request that it is in, later ones go by the new rule.
            let latch = Latch::default();
            upstream.choose({
                let latch = latch.clone();
                move |request| match request.header("x-held") {
                    Some(_) => Reply::Held(latch.clone(), Box::new(Reply::ok())),
                    None => Reply::ok(),
                }
            });
            let before = upstream.received().len();
            let mut delivery = PROVIDER.delivery();
            delivery.headers.push(("X-Held".to_owned(), "1".to_owned()));
            let mut busy = Connection::tls(extra, Ipv4Addr::LOCALHOST, Certificate::shared()).unwrap();
            busy.send_delivery(&PROVIDER.path(), &delivery);
            let is_held = || upstream.received().split_off(before).iter().any(|request| request.header("x-held").is_some());
            assert!(poll(SOON, || is_held().then_some(())).is_some());
            applied(&base().listener(&secure("extra", extra, ", min_version = \"1.3\"")));
            let old = Certificate::shared().client_of_version(&rustls::version::TLS12);
            assert!(Connection::tls_as(extra, Ipv4Addr::LOCALHOST, "localhost", old).is_err(), "{round}: the new rule");
            assert_eq!(deliver_at(extra).unwrap().status, 200);
            latch.open();
            let answer = busy.answer();
            let told = (answer.status, answer.closed);
            assert_eq!(told, (200, true), "{round}: answered, and told to come again: {}", answer.text());
            // From TLS to none, and the other one from refusing to trusting.
            in_the_clear(plain).refused(403, "forbidden");
            let trusting = "plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.1\"]";
            applied(&config(&upstream).plain_with(trusting).listener(&format!("name = \"extra\"\nbind = \"127.0.0.1:{extra}\"")));
            assert_eq!(in_the_clear(plain).status, 200, "{round}: trusted now");
            in_the_clear(extra).refused(403, "forbidden");
            // It goes.
            applied(&base());
            assert!(poll(SOON, || deliver_at(extra).is_err().then_some(())).is_some(), "{round}: closed");
            assert!(Connection::plain(extra, Ipv4Addr::LOCALHOST).is_err(), "{round}: nobody listens any more");
            in_the_clear(plain).refused(403, "forbidden");
        }
        over.store(true, Ordering::SeqCst);
        senders.map(|sender| sender.join().unwrap())
    });
    for tally in &tallies {
        tally.is_whole(20);
    }
    gateway.finish();
}

#[test]
fn a_listener_that_cannot_be_opened_leaves_everything_as_it_was() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).plain());
    let free = free_port();
    // An address of documentation, which this machine does not have. Of the other three changes each could be made: another listener, other rules for the one in the clear, and another integration.
    let changed = config(&upstream)
        .plain_with("plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.1\"]")
        .integration(Integration::new(Provider::Github, &upstream.url()))
        .listener(&secure("free", free, ""))
        .listener("name = \"elsewhere\"\nbind = \"192.0.2.1:8443\"");
    gateway.rewrite(&changed);
    let answer = gateway.reload();
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("listener elsewhere: cannot bind"), "{}", answer.text());
    assert_eq!(gateway.readiness()["status"], "degraded");
    assert!(deliver_at(free).is_err(), "not half of it");
    let mut connection = gateway.connect_plain();
    connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    connection.answer().refused(403, "forbidden");
    gateway.deliver(&Provider::Github.delivery()).refused(404, "not_found");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.rewrite(&config(&upstream).plain().listener(&secure("free", free, "")));
    gateway.reload_applied();
    assert_eq!(deliver_at(free).unwrap().status, 200);
    assert_eq!(gateway.readiness()["status"], "ready");
    gateway.finish();
}

#[test]
fn files_that_come_go_and_change_are_found_without_being_told() {
    let upstream = Upstream::start();
    let directory = "conf.d";
    let base = config(&upstream);
    let gateway = Gateway::start(base.clone());
    fs::create_dir(gateway.directory().join(directory)).unwrap();
    edit(&gateway, |text| format!("include = [\"conf.d/*.toml\"]\n{text}").into_bytes());
    gateway.await_reload("applied", 0);
    let github = Provider::Github;
    let fragment = format!(
        "[integration.github]\nprovider = \"github\"\npath = \"{}\"\nupstream = \"{}\"\nsecrets = [ {{ id = \"current\", file = \"github.secret\" }} ]\n",
        github.path(),
        upstream.url()
    );
    fs::write(gateway.directory().join("conf.d/github.secret"), github.secret("current").configured).unwrap();
    fs::write(gateway.directory().join("conf.d/github.toml"), &fragment).unwrap();
    let came = poll(SOON, || (gateway.deliver(&github.delivery()).status == 200).then_some(()));
    assert!(came.is_some(), "{}", gateway.stderr());
    assert!(gateway.metrics().has("hookward_secret_used_total", &[("integration", "github")]));
    fs::remove_file(gateway.directory().join("conf.d/github.toml")).unwrap();
    let went = poll(SOON, || (gateway.deliver(&github.delivery()).status == 404).then_some(()));
    assert!(went.is_some(), "{}", gateway.stderr());
    let metrics = gateway.metrics();
    assert!(!metrics.has("hookward_requests_total", &[("integration", "github")]), "its series are retired");
    assert!(!metrics.has("hookward_verify_duration_seconds_count", &[("provider", "github")]));
    gateway.finish();
}

#[test]
fn what_it_holds_goes_on() {
    let upstream = Upstream::start();
    let limited = |rate: &str| {
        let stripe = stripe(&upstream).line(&format!("rate_limit = {{ rate = \"{rate}\", burst = 3 }}"));
        Config::of(stripe).token().set("rate_limit", "failures_per_source", "{ rate = \"1/m\", burst = 2 }")
    };
    let gateway = Gateway::start(limited("1/m"));
    let delivery = PROVIDER.delivery();
    let mut connection = gateway.connect();
    connection.send_delivery(&PROVIDER.path(), &delivery);
    assert_eq!(connection.answer().status, 200);
    gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(401, "unauthorized");
    let connections = upstream.connections();
    let last_used = gateway.admin("/api/v1/integrations").json()[0]["secrets"][0]["last_used"].clone();
    for round in 0..3 {
        let config = limited("1/m").set("limits", "drain_timeout", &format!("\"{}s\"", 6 + round));
        gateway.rewrite(&config);
        gateway.reload_applied();
    }
    assert_eq!(gateway.admin("/api/v1/integrations").json()[0]["secrets"][0]["last_used"], last_used);
    gateway.deliver(&delivery).refused(409, "conflict");
    connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    assert_eq!(connection.answer().status, 200, "its connection");
    assert_eq!(upstream.connections(), connections, "and the one to the upstream");
    gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(401, "unauthorized");
    gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(429, "rate_limited");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.deliver(&PROVIDER.delivery()).refused(429, "rate_limited");
    let used = [("integration", "stripe"), ("secret_id", "current")];
    assert!(gateway.metrics().sum("hookward_secret_used_total", &used) >= 4.0, "counters go on");
    // Another rate is another budget, and it begins full.
    gateway.rewrite(&limited("2/m"));
    gateway.reload_applied();
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish();
}

#[test]
fn a_request_ends_by_the_configuration_it_began_with() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let latch = Latch::default();
    upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let mut connection = gateway.connect();
    connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    upstream.wait_for(1);
    gateway.rewrite(&Config::of(Integration::new(Provider::Github, &upstream.url())).token().set(
        "rate_limit",
        "per_source",
        "{ rate = \"100000/s\", burst = 100000 }",
    ));
    gateway.reload_applied();
    gateway.deliver(&PROVIDER.delivery()).refused(404, "not_found");
    latch.open();
    assert_eq!(connection.answer().status, 200);
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    gateway.finish();
}

#[test]
fn a_raised_tolerance_counts_from_the_reload() {
    // Contract 5: what the old tolerance let the store forget, the new one does not let in again.
    let upstream = Upstream::start();
    let with = |tolerance: &str| Config::of(stripe(&upstream).line(&format!("tolerance = \"{tolerance}\""))).token();
    let gateway = Gateway::start(with("5s"));
    let delivery = PROVIDER.delivery_at(unix_now());
    assert_eq!(gateway.deliver(&delivery).status, 200);
    gateway.deliver(&delivery).refused(409, "conflict");
    std::thread::sleep(Duration::from_secs(6));
    gateway.deliver(&delivery).refused(401, "unauthorized");
    gateway.rewrite(&with("5m"));
    gateway.reload_applied();
    let answer = gateway.deliver(&delivery);
    assert!([409, 503].contains(&answer.status), "not a second time: {}", answer.status);
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish();
    assert_eq!(upstream.received().len(), 2);
}

#[test]
fn the_admin_token_is_exchanged_too() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    replace(&gateway.directory().join("admin.token"), "another-token-of-the-tests");
    gateway.await_reload("applied", 0);
    assert_eq!(gateway.reload().status, 401);
    let headers = [("Authorization", "Bearer another-token-of-the-tests"), ("Content-Type", "application/json")];
    assert_eq!(gateway.tell_as("/api/v1/reload", "", &headers).status, 200);
    assert_eq!(gateway.verb(&["reload"]).status.code(), Some(0));
    gateway.finish();
}

#[test]
fn tls_13_certificates_that_cannot_serve_are_not_taken() {
    // TLS-13.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let old = Certificate::shared();
    let new = Certificate::generate();
    let expired = Certificate::expired();
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let file = |name: &str| gateway.directory().join(name);
    let cases = [
        ("another key", new.cert_pem.clone(), old.key_pem.clone()),
        ("an empty certificate", String::new(), old.key_pem.clone()),
        ("an empty key", old.cert_pem.clone(), String::new()),
        ("half a certificate", half(&old.cert_pem), old.key_pem.clone()),
        ("half a key", old.cert_pem.clone(), half(&old.key_pem)),
        ("an expired one", expired.cert_pem.clone(), expired.key_pem.clone()),
    ];
    for (name, cert, key) in cases {
        replace(&file("tls.crt"), cert);
        replace(&file("tls.key"), key);
        let answer = gateway.reload();
        assert_eq!(answer.status, 422, "{name}");
        assert!(answer.text().contains("listener public"), "{name}: {}", answer.text());
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "{name}: the old one serves");
    }
    fs::remove_file(file("tls.crt")).unwrap();
    assert_eq!(gateway.reload().status, 422, "missing");
    replace(&file("tls.crt"), &new.cert_pem);
    replace(&file("tls.key"), &new.key_pem);
    let taken = poll(SOON, || Connection::tls(gateway.ports().public, Ipv4Addr::LOCALHOST, &new).ok());
    assert!(taken.is_some(), "found by itself");
    await_status(&gateway, "ready");
    gateway.finish();
}
