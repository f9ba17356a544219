//! The store on disk: what a kill, a damaged file and a disk without room do to it, seen from outside.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port, hookward};
use crate::support::provider::Provider;
use crate::support::upstream::{Latch, Reply, Upstream};
use crate::support::{poll, unix_now};

fn segments(gateway: &Gateway) -> Vec<PathBuf> {
    let files = fs::read_dir(gateway.directory().join("state/replay")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "segment")).collect()
}

#[test]
fn rpl_16_what_was_answered_before_a_kill_is_a_replay_after_it() {
    // Contract 5: with its history the gateway is ready at once.
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(Config::all_providers(&upstream.url()).disk());
    let deliveries = Provider::ALL.map(Provider::delivery);
    for delivery in &deliveries {
        assert_eq!(gateway.deliver(delivery).status, 200, "{:?}", delivery.provider);
    }
    for round in 0..3 {
        gateway = gateway.restart_after_kill();
        let alive = Instant::now();
        gateway.wait_until("/readyz");
        assert!(alive.elapsed() < Duration::from_secs(1), "round {round}: ready after {:?}", alive.elapsed());
        for delivery in &deliveries {
            let again = gateway.deliver(delivery);
            let known = again.status == 409 || again.header("hookward-replay") == Some("true");
            assert!(known && again.header("retry-after").is_none(), "{:?}: {}", delivery.provider, again.status);
        }
        assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200, "signed after the restart");
        let entries = gateway.metrics().sum("hookward_replay_entries", &[]);
        let expected = deliveries.len() + round + 1;
        assert!((entries - f64::from(u32::try_from(expected).unwrap())).abs() < 0.5, "{entries} instead of {expected}");
    }
    assert_eq!(upstream.received().len(), deliveries.len() + 3);
    gateway.finish();
}

#[test]
fn an_empty_state_directory_is_a_cold_start() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start_unready(Config::all_providers(&upstream.url()).disk());
    assert_eq!(gateway.admin("/readyz").status, 503);
    let early = Provider::Stripe.delivery_at(unix_now() - 1);
    gateway.deliver(&early).refused(503, "unavailable");
    gateway = gateway.restart_after_kill();
    gateway.deliver(&early).refused(503, "unavailable");
    gateway.wait_until("/readyz");
    gateway.deliver(&early).refused(503, "unavailable");
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    assert_eq!(upstream.received().len(), 1);
    gateway.finish();
}

#[test]
fn a_state_directory_belongs_to_one_gateway() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(Provider::Github, &upstream.url())).disk());
    let first = fs::read_to_string(gateway.directory().join("hookward.toml")).unwrap();
    let ports = gateway.ports();
    let second =
        [ports.public, ports.admin].iter().fold(first, |text, port| text.replace(&port.to_string(), &free_port().to_string()));
    fs::write(gateway.directory().join("second.toml"), second).unwrap();
    let output = hookward(gateway.directory()).args(["serve", "--config", "second.toml"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("another gateway is using it"), "{told}");
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200, "the first goes on");
    gateway.finish();
}

#[test]
fn a_damaged_journal_keeps_the_rest_and_starts_cold() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(Config::all_providers(&upstream.url()).disk());
    let deliveries = [(); 4].map(|()| Provider::Github.delivery());
    for delivery in &deliveries {
        assert_eq!(gateway.deliver(delivery).status, 200);
    }
    let timed = Provider::Stripe.delivery();
    gateway.kill();
    let [segment] = &segments(&gateway)[..] else { panic!("{:?}", segments(&gateway)) };
    let mut bytes = fs::read(segment).unwrap();
    // The second of four, behind the first record, which only names the version.
    bytes[2 * 32 + 5] ^= 0x10;
    fs::write(segment, bytes).unwrap();

    gateway.start_again();
    gateway.wait_until("/healthz");
    let ready = gateway.admin("/readyz");
    assert!(ready.status == 503 && ready.text().contains("replay_store_cold"), "{}", ready.text());
    gateway.deliver(&timed).refused(503, "unavailable");
    gateway.wait_until("/readyz");
    assert!(gateway.stderr().contains("damaged"), "{}", gateway.stderr());
    let statuses = deliveries.each_ref().map(|delivery| gateway.deliver(delivery).status);
    assert_eq!(statuses, [409, 200, 409, 409], "only what was damaged is forgotten");
    gateway = gateway.restart_after_kill();
    let again = deliveries.each_ref().map(|delivery| gateway.deliver(delivery).status);
    assert_eq!(again, [409; 4]);
    assert_eq!(gateway.admin("/readyz").status, 200, "damage is noticed once");
    gateway.finish();
}

/// Lets files of the gateway grow no more, or as they like: a disk that is full.
fn limit_files(gateway: &Gateway, limit: &str) {
    let pid = gateway.pid().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={limit}:unlimited")]).status().expect("prlimit");
    assert!(status.success());
}

#[test]
fn a_disk_without_room_refuses_and_recovers_by_itself() {
    // Writing past the limit is an error, not the end of the process.
    let launcher = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let upstream = Upstream::start();
    let integration = Integration::new(Provider::Github, &upstream.url()).line("timeout = \"2s\"");
    let mut gateway = Gateway::start(Config::of(integration).disk().launcher(&launcher));
    let first = Provider::Github.delivery();
    assert_eq!(gateway.deliver(&first).status, 200);

    let (latch, delivery) = (Latch::default(), Provider::Github.delivery());
    let (held, body) = (latch.clone(), delivery.body.clone());
    upstream.choose(
        move |request| {
            if request.body == body { Reply::Held(held.clone(), Box::new(Reply::ok())) } else { Reply::ok() }
        },
    );
    let refused = std::thread::scope(|scope| {
        let answer = scope.spawn(|| gateway.deliver(&delivery));
        upstream.wait_for(2);
        limit_files(&gateway, "0");
        latch.open();
        answer.join().unwrap()
    });
    let id = refused.refused(503, "unavailable");
    let ready = gateway.admin("/readyz");
    assert!(ready.status == 503 && ready.text().contains("replay_store_unavailable"), "{}", ready.text());
    gateway.deliver(&Provider::Github.delivery()).refused(503, "unavailable");
    assert_eq!(upstream.received().len(), 2, "nothing new is forwarded");

    let lost = gateway.metrics().sum("hookward_replay_write_failures_total", &[]);
    assert!((lost - 1.0).abs() < 0.5, "{lost}");

    limit_files(&gateway, "unlimited");
    gateway.wait_until("/readyz");
    let taken = poll(PATIENCE, || (gateway.deliver(&delivery).status == 200).then_some(()));
    assert!(taken.is_some(), "the claim lapsed, and a retry passes");
    let received = upstream.received();
    assert_eq!(received.len(), 3);
    assert_eq!(received[1].idempotency_key(), received[2].idempotency_key());
    gateway.deliver(&first).refused(409, "conflict");
    gateway.deliver(&delivery).refused(409, "conflict");
    let ledger = gateway.finish();
    let record = ledger.of(&id);
    assert_eq!((record.reason(), record.number("upstream_status")), ("replay_store_unavailable", 200));
}
