//! Signed checkpoints and questions about the log, by the real binary.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use crate::support::audit::parse;
use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::operator::replace;
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn private(byte: u8) -> String {
    key(byte).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

fn public(directory: &Path, byte: u8) -> String {
    let name = format!("public-{byte}.pem");
    fs::write(directory.join(&name), key(byte).verifying_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    name
}

fn config(upstream: &Upstream) -> Config {
    keyed(upstream, &private(7))
}

fn keyed(upstream: &Upstream, key: &str) -> Config {
    let config = Config::of(Integration::new(PROVIDER, &upstream.url())).token();
    config.set("audit", "signing_key", "{ file = \"audit.pem\" }").file("audit.pem", key)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn checkpoints(gateway: &Gateway) -> usize {
    parse(&gateway.audit_text()).iter().filter(|record| record.kind() == "checkpoint").count()
}

#[test]
fn a_log_is_proven_by_the_key_alone_and_the_key_is_exchanged_without_a_restart() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream));
    let directory = tempfile::tempdir().unwrap();
    gateway.deliver(&PROVIDER.delivery());
    poll(PATIENCE, || (checkpoints(&gateway) > 0).then_some(())).expect("a checkpoint within a second or so");
    let before = gateway.reloads("applied");
    replace(&gateway.directory().join("audit.pem"), private(8));
    gateway.await_reload("applied", before);
    gateway.deliver(&PROVIDER.delivery());
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let log = gateway.audit_path().display().to_string();
    let (old, new) = (public(directory.path(), 7), public(directory.path(), 8));
    let verify = |more: &[&str]| hookward_output(directory.path(), &[&["audit", "verify"], more, &[&log]].concat());
    let both = verify(&["--public-key", &old, "--public-key", &new, "--closed"]);
    assert!(both.status.success() && said(&both).contains("all of it is signed"), "{}", said(&both));
    let one = verify(&["--public-key", &new]);
    assert!(one.status.code() == Some(1) && said(&one).contains("forged"), "{}", said(&one));
    let text = gateway.audit_text();
    assert!(!text.contains(&data_encoding::HEXLOWER.encode(&[7; 32])) && !text.contains("BEGIN"));
    let (whole, _last) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(gateway.audit_path(), format!("{whole}\n")).unwrap();
    let cut = verify(&["--public-key", &old, "--public-key", &new, "--closed"]);
    assert!(cut.status.code() == Some(1) && said(&cut).contains("unproven"), "{}", said(&cut));
}

#[test]
fn a_key_that_is_none_is_refused_at_the_start_and_by_check() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start_refused(keyed(&upstream, "no key at all"));
    assert_eq!(gateway.wait_exit(PATIENCE).code(), Some(2));
    assert!(
        gateway.stderr().contains("audit.signing_key") && !gateway.stderr().contains("no key at all"),
        "{}",
        gateway.stderr()
    );
    let check = gateway.verb(&["check"]);
    assert!(check.status.code() != Some(0) && said(&check).contains("signing_key"), "{}", said(&check));
}

#[test]
fn records_are_found_and_counted_in_plain_and_compressed_files() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream).set("audit", "max_size", "\"2KiB\""));
    let delivery = PROVIDER.delivery();
    for _ in 0..6 {
        gateway.deliver(&delivery);
        // One batch each, so that the file is rotated.
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    gateway.deliver(&PROVIDER.delivery().with_tampered_body());
    gateway.signal("TERM");
    gateway.wait_exit(PATIENCE);
    let zipped = Command::new("gzip").arg("audit.jsonl.1").current_dir(gateway.directory()).status().unwrap();
    assert!(zipped.success());
    let ask = |more: &[&str]| {
        let output = gateway.verb(&[&["audit", "query"], more].concat());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let counted: serde_json::Value =
        serde_json::from_str(&ask(&["--kind", "request", "--count-by", "reason", "--format", "json"])).unwrap();
    assert_eq!(counted["counts"][0], serde_json::json!({ "value": "replayed", "count": 5 }), "{counted}");
    let listed = ask(&["--reason", "delivered", "--source", "127.0.0.0/8", "--secret", "current", "--since", "1h"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("invoice.paid") && listed.contains("delivered"), "{listed}");
    let json = ask(&["--reason", "signature_mismatch", "--format", "json"]);
    assert_eq!(parse(&json).len(), 1);
    assert_eq!(ask(&["--until", "1h", "--format", "json"]), "");
    assert_eq!(ask(&["--kind", "request", "--limit", "2", "--format", "json"]).lines().count(), 2);
    let names = fs::read_dir(gateway.directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let logs = names.filter(|name| name.starts_with("audit.jsonl")).collect::<Vec<_>>();
    let logs = logs.iter().map(String::as_str).collect::<Vec<_>>();
    let verified =
        hookward_output(gateway.directory(), &[&["audit", "verify", "--state-dir", "state"], logs.as_slice()].concat());
    assert!(verified.status.success() && said(&verified).contains("proven by the head"), "{}", said(&verified));
}
