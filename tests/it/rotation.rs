//! Secrets and certificates exchanged under load: nobody honest is refused, nobody revoked is taken.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::support::certificate::Certificate;
use crate::support::client::Connection;
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::operator::flow;
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, poll, unix_now};

const PROVIDER: Provider = Provider::Stripe;

fn config(integration: Integration) -> Config {
    Config::of(integration).token().set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }")
}

/// An integration with these secrets.
fn with(upstream: &Upstream, labels: &[(&str, &str)]) -> Integration {
    let bare = Integration::new(PROVIDER, &upstream.url()).without_secrets();
    labels.iter().fold(bare, |integration, (label, rest)| integration.secret(label, &PROVIDER.secret(label).configured, rest))
}

fn signed_by(label: &str) -> Delivery {
    let id = fresh_id();
    PROVIDER.sign(&PROVIDER.secret(label), &id, unix_now(), &PROVIDER.body(&id))
}

fn used(gateway: &Gateway, id: &str) -> f64 {
    gateway.metrics().sum("hookward_secret_used_total", &[("integration", "stripe"), ("secret_id", id)])
}

#[test]
fn a_secret_is_rotated_under_load_and_nobody_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(with(&upstream, &[("old", "")])));
    let over = AtomicBool::new(false);
    let new_begins = AtomicBool::new(false);
    let old_ends = AtomicBool::new(false);
    let sent_by_old = AtomicUsize::new(0);
    let provider_of = |index: usize| {
        // A provider goes over to the new secret request by request.
        let by_new = old_ends.load(Ordering::SeqCst) || (new_begins.load(Ordering::SeqCst) && index.is_multiple_of(2));
        if by_new { "new" } else { "old" }
    };
    let tallies = std::thread::scope(|scope| {
        let senders = [0, 1, 2].map(|_| {
            let (gateway, over, provider_of, sent_by_old) = (&gateway, &over, &provider_of, &sent_by_old);
            scope.spawn(move || {
                let count = AtomicUsize::new(0);
                flow(gateway, over, Duration::from_millis(3), || {
                    let label = provider_of(count.fetch_add(1, Ordering::SeqCst));
                    sent_by_old.fetch_add(usize::from(label == "old"), Ordering::SeqCst);
                    signed_by(label)
                })
            })
        });
        let pause = || std::thread::sleep(Duration::from_millis(400));
        pause();
        gateway.rewrite(&config(with(&upstream, &[("new", ""), ("old", ", not_after = 2099-01-01T00:00:00Z")])));
        gateway.reload_applied();
        new_begins.store(true, Ordering::SeqCst);
        pause();
        old_ends.store(true, Ordering::SeqCst);
        pause();
        let before = used(&gateway, "old");
        pause();
        assert!((used(&gateway, "old") - before).abs() < 0.5, "the old one stands still: it can go");
        gateway.rewrite(&config(with(&upstream, &[("new", "")])));
        gateway.reload_applied();
        pause();
        over.store(true, Ordering::SeqCst);
        senders.map(|sender| sender.join().unwrap())
    });
    for tally in &tallies {
        tally.is_whole(50);
    }
    let taken = tallies.iter().map(|tally| tally.taken.len()).sum::<usize>();
    eprintln!("rotation: {taken} deliveries, {} of them by the old secret, 0 refused", sent_by_old.load(Ordering::SeqCst));
    assert!(!gateway.metrics().has("hookward_secret_used_total", &[("secret_id", "old")]), "its series is retired");
    gateway.deliver(&signed_by("old")).refused(401, "unauthorized");
    gateway.finish();
}

#[test]
fn counters_and_last_use_of_each_secret_go_on_over_reloads() {
    let upstream = Upstream::start();
    let both = [("new", ""), ("old", ", not_after = 2099-01-01T00:00:00Z")];
    let gateway = Gateway::start(config(with(&upstream, &both)));
    for label in ["old", "old", "new"] {
        assert_eq!(gateway.deliver(&signed_by(label)).status, 200);
    }
    let secrets = || gateway.admin("/api/v1/integrations").json()[0]["secrets"].clone();
    let before = secrets();
    gateway.reload_applied();
    let after = secrets();
    for index in 0..2 {
        for member in ["id", "last_used", "loaded_at", "not_after", "state"] {
            assert_eq!(after[index][member], before[index][member], "{member}");
        }
    }
    assert!(before[1]["last_used"].is_string());
    assert!((used(&gateway, "old") - 2.0).abs() < 0.5 && (used(&gateway, "new") - 1.0).abs() < 0.5);
    let expiry = gateway.metrics().sum("hookward_secret_expiry_timestamp_seconds", &[("secret_id", "old")]);
    assert!((expiry - 4_070_908_800.0).abs() < 0.5, "{expiry}");
    // The same id with another text is another secret of the same name: younger, and counted on.
    std::thread::sleep(Duration::from_millis(20));
    fs::write(gateway.directory().join("secret-stripe-new"), PROVIDER.secret("newer").configured).unwrap();
    gateway.reload_applied();
    assert_ne!(secrets()[0]["loaded_at"], before[0]["loaded_at"]);
    assert_eq!(secrets()[0]["last_used"], before[0]["last_used"]);
    assert_eq!(gateway.deliver(&signed_by("newer")).status, 200);
    assert!((used(&gateway, "new") - 2.0).abs() < 0.5);
    gateway.finish();
}

#[test]
fn one_secret_is_revoked_at_once() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(with(&upstream, &[("new", ""), ("old", "")])));
    assert_eq!(gateway.deliver(&signed_by("old")).status, 200);
    let output = gateway.verb(&["disable", "stripe", "--secret", "old", "--reason", "seen in a public log"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let id = gateway.deliver(&signed_by("old")).refused(401, "unauthorized");
    assert_eq!(gateway.deliver(&signed_by("new")).status, 200, "the other one goes on");
    let state = |index: usize| gateway.admin("/api/v1/integrations").json()[0]["secrets"][index]["state"].clone();
    assert_eq!((state(0), state(1)), ("valid".into(), "disabled".into()));
    gateway.reload_applied();
    gateway.deliver(&signed_by("old")).refused(401, "unauthorized");
    let told = gateway.tell("/api/v1/integrations/stripe/disable", r#"{"reason":"both leaked","secret":"new"}"#);
    assert_eq!(told.status, 200, "{}", told.text());
    let none_left = gateway.deliver(&signed_by("new")).refused(401, "unauthorized");
    assert_eq!(gateway.admin("/readyz").status, 503, "nothing can be verified at all");
    assert_eq!(gateway.tell("/api/v1/integrations/stripe/disable", r#"{"reason":"x","secret":"none"}"#).status, 404);
    gateway.await_record(|record| record.text("request_id") == none_left);
    let gateway = gateway.restart_after_kill();
    gateway.deliver(&signed_by("new")).refused(401, "unauthorized");
    let back = gateway.verb(&["enable", "stripe", "--secret", "new", "--reason", "it was another one"]);
    assert_eq!(back.status.code(), Some(0));
    assert_eq!(gateway.deliver(&signed_by("new")).status, 200);
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&id).reason(), "signature_mismatch");
    assert_eq!(ledger.of(&none_left).reason(), "secret_unavailable");
    let thrown = ledger.records.iter().filter(|record| record.kind() == "switch");
    let thrown = thrown.map(|record| (record.text("action").to_owned(), record.text("secret_id").to_owned())).collect::<Vec<_>>();
    let expected = [("disable", "old"), ("disable", "new"), ("enable", "new")];
    assert_eq!(thrown, expected.map(|(action, id)| (action.to_owned(), id.to_owned())));
}

/// Puts a directory of the moment in place as kubelet does.
fn mount(root: &Path, moment: &str, files: &[(&str, &str)]) {
    let folder = root.join(moment);
    fs::create_dir(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    let before = fs::read_link(root.join("..data")).ok();
    symlink(moment, root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    for (name, _) in files {
        if !root.join(name).is_symlink() {
            symlink(format!("..data/{name}"), root.join(name)).unwrap();
        }
    }
    if let Some(before) = before {
        fs::remove_dir_all(root.join(before)).unwrap();
    }
}

#[test]
fn tls_13_a_mounted_certificate_is_exchanged_under_load_and_no_handshake_fails() {
    const ROUNDS: usize = 5;
    let upstream = Upstream::start();
    let tls = "cert = \"mount/tls.crt\", key = \"mount/tls.key\"";
    let certificates = (0..=ROUNDS).map(|_| Certificate::generate()).collect::<Vec<_>>();
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(CertificateDer::from_pem_slice(certificate.cert_pem.as_bytes()).unwrap()).unwrap();
    }
    let trusting = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let trusting = trusting.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    let trusting = Arc::new(trusting);

    // The mount must be there before the start: the first configuration serves the harness's own pair.
    let gateway = Gateway::start(config(with(&upstream, &[("current", "")])));
    let root = gateway.directory().join("mount");
    fs::create_dir(&root).unwrap();
    let files =
        |index: usize| [("tls.crt", certificates[index].cert_pem.as_str()), ("tls.key", certificates[index].key_pem.as_str())];
    mount(&root, "..0", &files(0));
    gateway.rewrite(&config(with(&upstream, &[("current", "")])).tls(tls));
    gateway.await_reload("applied", 0);

    let port = gateway.ports().public;
    let over = AtomicBool::new(false);
    let handshakes = AtomicUsize::new(0);
    let failures = std::thread::scope(|scope| {
        let callers = [0, 1].map(|_| {
            let (over, handshakes, trusting) = (&over, &handshakes, &trusting);
            scope.spawn(move || {
                let mut failures = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    match Connection::tls_as(port, Ipv4Addr::LOCALHOST, "localhost", Arc::clone(trusting)) {
                        Ok(mut connection) => {
                            connection.send_delivery(&PROVIDER.path(), &signed_by("current"));
                            let status = connection.answer().status;
                            if status != 200 {
                                failures.push(status.to_string());
                            }
                        }
                        Err(error) => failures.push(error.to_string()),
                    }
                    handshakes.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                }
                failures
            })
        });
        for (round, certificate) in certificates.iter().enumerate().skip(1) {
            mount(&root, &format!("..{round}"), &files(round));
            let served = poll(Duration::from_secs(8), || Connection::tls(port, Ipv4Addr::LOCALHOST, certificate).ok());
            assert!(served.is_some(), "certificate {round} is served:\n{}", gateway.stderr());
        }
        over.store(true, Ordering::SeqCst);
        callers.map(|caller| caller.join().unwrap()).concat()
    });
    eprintln!("{} handshakes over {ROUNDS} exchanges, {} failed", handshakes.load(Ordering::SeqCst), failures.len());
    assert!(failures.is_empty(), "{failures:?}");
    assert!(handshakes.load(Ordering::SeqCst) > 50);
    gateway.finish();
}
