//! The command line: verbs, exit codes, data on standard output and talk on standard error.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::support::config::{Config, Integration, Ports};
use crate::support::gateway::{Gateway, free_port, get, hookward, hookward_output};
use crate::support::provider::Provider;
use crate::support::unix_now;
use crate::support::upstream::Upstream;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn exits(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", out(output), err(output));
}

/// A directory with a whole, honest configuration.
fn configured() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::of(Integration::new(Provider::Stripe, "http://127.0.0.1:9/sink").line("events.allow = [\"invoice.*\"]"));
    write(directory.path(), &config);
    directory
}

fn write(directory: &Path, config: &Config) {
    let certificate = crate::support::certificate::Certificate::shared();
    let ports = Ports { public: free_port(), plain: free_port(), admin: free_port(), probe: free_port() };
    fs::write(directory.join("hookward.toml"), config.text(ports)).unwrap();
    fs::write(directory.join("tls.crt"), &certificate.cert_pem).unwrap();
    fs::write(directory.join("tls.key"), &certificate.key_pem).unwrap();
    for (name, text) in &config.files {
        fs::write(directory.join(name), text).unwrap();
    }
}

#[test]
fn usage_is_two() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in
        [vec!["frobnicate"], vec!["serve", "--nonsense"], vec!["sign"], vec!["sign", "--provider", "nobody", "--secret-env", "X"]]
    {
        exits(&hookward_output(directory.path(), &arguments), 2);
    }
    for arguments in [vec!["--version"], vec!["--help"], vec!["help", "serve"]] {
        exits(&hookward_output(directory.path(), &arguments), 0);
    }
    let version = hookward_output(directory.path(), &["--version"]);
    assert!(out(&version).starts_with("hookward "), "{}", out(&version));
}

#[test]
fn a_sound_configuration_is_sound() {
    let directory = configured();
    exits(&hookward_output(directory.path(), &["check"]), 0);
    let json = hookward_output(directory.path(), &["check", "--format", "json"]);
    exits(&json, 0);
    let _: serde_json::Value = serde_json::from_str(&out(&json)).expect("JSON");
    let by_environment = hookward(directory.path()).env("HOOKWARD_CONFIG", "hookward.toml").arg("check").output().unwrap();
    exits(&by_environment, 0);
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    let directory = configured();
    let text = concat!(
        "state_dir = \"state\"\n",
        "[[listener]]\n",
        "bind = \"127.0.0.1:70000\"\n",
        "tls = { cert = \"tls.crt\", key = \"tls.key\" }\n",
        "[limits]\n",
        "max_bodi = \"1MiB\"\n",
        "body_timeout = \"soon\"\n",
        "[integration.a]\n",
        "provider = \"strype\"\n",
        "path = \"no-slash\"\n",
        "upstream = \"http://10.0.0.1/\"\n",
        "secrets = []\n",
        "[integration.B_b]\n",
        "provider = \"stripe\"\n",
        "path = \"/b\"\n",
        "upstream = \"http://127.0.0.1:1/\"\n",
        "secrets = [ { id = \"x\", file = \"not-there\" } ]\n",
    );
    fs::write(directory.path().join("hookward.toml"), text).unwrap();
    for verb in ["check", "serve"] {
        let output = hookward_output(directory.path(), &[verb]);
        exits(&output, 2);
        let told = format!("{}{}", out(&output), err(&output));
        for line in [3, 6, 7, 9, 10, 11, 12, 13] {
            assert!(told.contains(&format!("hookward.toml:{line}:")), "{verb}: nothing about line {line} in\n{told}");
        }
        assert!(told.contains("max_body"), "a hint: {told}");
    }
}

#[test]
fn nothing_starts_on_a_bad_configuration() {
    // SIG-03, CFG-01: an empty secret would make every forgery pass.
    let bad: [(&str, &str); 6] = [
        ("empty", ""),
        ("newline", "\n"),
        ("spaces", "   \n"),
        ("prefix only", "whsec_"),
        ("prefix and newline", "whsec_\n"),
        ("not base64", "whsec_!!!!"),
    ];
    for (name, text) in bad {
        let directory = tempfile::tempdir().unwrap();
        let integration =
            Integration::new(Provider::StandardWebhooks, "http://127.0.0.1:9/").without_secrets().secret("only", text, "");
        write(directory.path(), &Config::of(integration));
        for verb in ["serve", "check"] {
            let output = hookward_output(directory.path(), &[verb]);
            exits(&output, 2);
            let told = format!("{}{}", out(&output), err(&output));
            assert!(told.contains("only"), "{name}: the secret is named in {told}");
            assert!(told.contains("hookward.toml:") && told.contains("secrets[0]"), "{name}: its place is in {told}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    exits(&hookward_output(directory.path(), &["serve"]), 2);
    exits(&hookward_output(directory.path(), &["check", "--config", "nowhere.toml"]), 2);
}

#[test]
fn a_port_that_is_taken_is_two() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(Provider::Stripe, &upstream.url())));
    let second = hookward_output(gateway.directory(), &["serve", "--config", "hookward.toml"]);
    exits(&second, 2);
    gateway.finish();
}

/// Signs with the binary, as headers.
fn signed(directory: &Path, provider: Provider, body: &str, more: &[&str]) -> Output {
    fs::write(directory.join("body"), body).unwrap();
    let seed = {
        use sha2::Digest;
        data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(format!("current {}", provider.name())))
    };
    let ed25519 = matches!(provider, Provider::StandardWebhooksEd25519 | Provider::Discord | Provider::DiscordEvents);
    let secret = if ed25519 { seed } else { provider.secret("current").configured };
    let arguments = ["sign", "--provider", provider.name(), "--secret-env", "HW_SIGN", "--body", "body"];
    hookward(directory).args(arguments).args(more).env("HW_SIGN", secret).output().unwrap()
}

#[test]
fn what_sign_makes_the_gateway_takes_and_verify_confirms() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let directory = gateway.directory();
    for provider in Provider::ALL {
        let body = String::from_utf8(provider.body(&crate::support::fresh_id())).unwrap();
        let url = format!("https://localhost:{}{}", gateway.ports().public, provider.path());
        let http = signed(directory, provider, &body, &["--output", "http", "--url", &url]);
        exits(&http, 0);
        fs::write(directory.join("request.http"), &http.stdout).unwrap();
        let arguments = ["verify", "--config", "hookward.toml", "--integration", provider.name(), "--request", "request.http"];
        let verdict = hookward_output(directory, &arguments);
        exits(&verdict, 0);

        let mut connection = gateway.connect();
        connection.send(&http.stdout);
        assert_eq!(connection.answer().status, 200, "{provider:?}: {}", out(&http));

        let tampered = out(&http).replacen(body.as_str(), &body.replacen('"', " \"", 1), 1);
        fs::write(directory.join("request.http"), tampered).unwrap();
        let verdict = hookward_output(directory, &arguments);
        exits(&verdict, 1);
        let told = format!("{}{}", out(&verdict), err(&verdict));
        assert!(told.contains("signature_mismatch"), "{provider:?}: {told}");
        let why = "why: the body was re-serialised, or pretty-printed: it was signed as JSON without white space\n";
        assert!(told.contains(why), "{provider:?}: {told}");
        assert!(!told.contains(&provider.secret("current").configured), "{told}");
    }
    gateway.finish();
}

#[test]
fn verify_judges_a_capture_at_its_own_time() {
    let directory = configured();
    let at = unix_now() - 86_400;
    let delivery = Provider::Stripe.delivery_at(at);
    let capture = crate::support::client::request("/hooks/stripe", &delivery.headers, &delivery.body);
    fs::write(directory.path().join("request.http"), capture).unwrap();
    let arguments = ["verify", "--config", "hookward.toml", "--integration", "stripe", "--request", "request.http"];
    let now = hookward_output(directory.path(), &arguments);
    exits(&now, 1);
    assert!(format!("{}{}", out(&now), err(&now)).contains("timestamp_too_old"));
    let then = hookward_output(directory.path(), &[&arguments[..], &["--at", &at.to_string()]].concat());
    exits(&then, 0);
    let json = hookward_output(directory.path(), &[&arguments[..], &["--at", &at.to_string(), "--format", "json"]].concat());
    exits(&json, 0);
    let _: serde_json::Value = serde_json::from_str(&out(&json)).expect("JSON");
    let unknown = ["verify", "--config", "hookward.toml", "--integration", "nobody", "--request", "request.http"];
    exits(&hookward_output(directory.path(), &unknown), 2);
}

#[test]
fn sign_agrees_with_a_signer_of_our_own() {
    let directory = tempfile::tempdir().unwrap();
    let (at, body) = (1_700_000_000, r#"{"type":"invoice.paid"}"#);
    for provider in Provider::ALL {
        let output = signed(directory.path(), provider, body, &["--at", &at.to_string(), "--id", "msg_7"]);
        exits(&output, 0);
        let expected = provider.sign(&provider.secret("current"), "7", at, body.as_bytes());
        let told = out(&output);
        assert!(told.contains(expected.bare_signature()), "{provider:?}: {told}");
    }
}

#[test]
fn sign_reads_a_body_from_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "sign",
        "--provider",
        "github",
        "--secret-env",
        "HW_SIGN",
        "--body",
        "-",
        "--output",
        "curl",
        "--url",
        "https://localhost/x",
    ];
    let mut child = hookward(directory.path())
        .args(arguments)
        .env("HW_SIGN", "hush")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"{}").unwrap();
    let output = child.wait_with_output().unwrap();
    exits(&output, 0);
    assert!(out(&output).contains("curl") && out(&output).contains("sha256="), "{}", out(&output));
    assert!(!out(&output).contains("hush"));
}

#[test]
fn providers_are_listed_and_explained() {
    let directory = tempfile::tempdir().unwrap();
    let list = hookward_output(directory.path(), &["providers"]);
    exits(&list, 0);
    for provider in Provider::ALL {
        assert!(out(&list).contains(provider.name()), "{}", out(&list));
        let one = hookward_output(directory.path(), &["providers", provider.name()]);
        exits(&one, 0);
        let header = provider.signature_header().to_ascii_lowercase();
        assert!(out(&one).to_ascii_lowercase().contains(&header), "{}", out(&one));
    }
    let json = hookward_output(directory.path(), &["providers", "--format", "json"]);
    exits(&json, 0);
    let listed: serde_json::Value = serde_json::from_str(&out(&json)).expect("JSON");
    assert!(listed.to_string().contains("standard-webhooks-ed25519"));
    assert_ne!(hookward_output(directory.path(), &["providers", "nobody"]).status.code(), Some(0));
}

#[test]
fn init_writes_a_configuration_and_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let first = hookward_output(directory.path(), &["init", "--provider", "stripe", "--provider", "github"]);
    exits(&first, 0);
    let path = directory.path().join("hookward.toml");
    let text = fs::read_to_string(&path).expect("hookward.toml");
    assert!(text.contains("provider = \"stripe\"") && text.contains("provider = \"github\"") && text.contains('#'), "{text}");
    let _: toml::Table = toml::from_str(&text).expect("TOML");
    fs::write(&path, "mine").unwrap();
    exits(&hookward_output(directory.path(), &["init"]), 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

/// `run` has the default admin listener, and a machine has one of these.
static ADMIN_PORT: Mutex<()> = Mutex::new(());

#[test]
fn run_is_a_gateway_in_one_line() {
    let _held = ADMIN_PORT.lock().unwrap_or_else(PoisonError::into_inner);
    let upstream = Upstream::start();
    let directory = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let to = upstream.url();
    let log = directory.path().join("stderr");
    let child = hookward(directory.path())
        .args(["run", "--provider", "github", "--secret-env", "HW_RUN", "--to", &to, "--listen", &listen])
        .env("HW_RUN", Provider::Github.secret("current").configured)
        .stdout(fs::File::create(directory.path().join("stdout")).unwrap())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let up = crate::support::poll(Duration::from_secs(10), || std::net::TcpStream::connect(&listen).ok());
    assert!(up.is_some(), "{}", fs::read_to_string(&log).unwrap());
    // The certificate is of its own making, so nothing but the handshake can be said without trusting it.
    let told = fs::read_to_string(&log).unwrap() + &fs::read_to_string(directory.path().join("stdout")).unwrap();
    assert!(told.contains("[integration."), "the config it stands for: {told}");
    let status = std::process::Command::new("sh").args(["-c", &format!("kill -TERM {}", child.0.id())]).status().unwrap();
    assert!(status.success());
    let ended = crate::support::poll(Duration::from_secs(10), || child.0.try_wait().unwrap());
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}

/// Families that need more than a secret, by the words of `sign`.
#[test]
fn run_takes_what_a_provider_needs_besides_a_secret() {
    let _held = ADMIN_PORT.lock().unwrap_or_else(PoisonError::into_inner);
    let url = "https://hooks.example.com/in";
    let cases: [(&str, &[&str], &str); 4] = [
        ("twilio", &["--public-url", url], "--public-url"),
        ("box", &["--key-id", "primary"], "--key-id"),
        ("meta", &["--option", "verify_token=mytoken"], "--option verify_token="),
        ("tiktok-shop", &["--option", "app_key=abc"], "--option app_key="),
    ];
    for (provider, more, named) in cases {
        let upstream = Upstream::start();
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let to = upstream.url();
        let plain = ["run", "--provider", provider, "--secret-env", "HW_RUN", "--to", &to, "--listen", &listen];
        let without = hookward(directory.path()).args(plain).env("HW_RUN", "a secret of some length").output().unwrap();
        exits(&without, 2);
        assert!(err(&without).contains(named), "{provider}: {}", err(&without));

        let log = directory.path().join("stderr");
        let child = hookward(directory.path())
            .args(plain)
            .args(more)
            .env("HW_RUN", "a secret of some length")
            .stdout(fs::File::create(directory.path().join("stdout")).unwrap())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut child = Killed(child);
        // It serves, unless another one has the admin port, which is the same for all: then its words were understood, too.
        let told = || fs::read_to_string(&log).unwrap();
        let serves = || std::net::TcpStream::connect(&listen).is_ok();
        let went_on = crate::support::poll(Duration::from_secs(20), || {
            let ended = child.0.try_wait().unwrap().is_some();
            (ended || serves()).then_some(ended)
        });
        assert!(went_on == Some(false) || told().contains("admin listener"), "{provider}: {}", told());
    }
}

/// Certificates of a host, key sets of a URL and secrets that are handed over are the running gateway's.
#[test]
fn verify_fetches_nothing_and_says_so() {
    let directory = configured();
    let rsa = include_str!("../keys/rsa2048.pem");
    fs::write(directory.path().join("rsa"), rsa).unwrap();
    let signed = ["sign", "--provider", "aws-sns", "--secret-file", "rsa", "--output", "http"];
    let message = hookward_output(directory.path(), &signed);
    exits(&message, 0);
    fs::write(directory.path().join("request.http"), &message.stdout).unwrap();
    let text = "[[listener]]\nbind = \"127.0.0.1:8443\"\ntls = { cert = \"tls.crt\", key = \"tls.key\" }\n[integration.sns]\n\
                provider = \"aws-sns\"\npath = \"/sns\"\nupstream = \"http://127.0.0.1:1/\"\n\
                secrets = [ { id = \"aws\", certificates_from = \"sns.eu-west-1.amazonaws.com\" } ]\n";
    fs::write(directory.path().join("hookward.toml"), text).unwrap();
    let verdict = hookward_output(directory.path(), &["verify", "--integration", "sns", "--request", "request.http"]);
    exits(&verdict, 1);
    assert!(out(&verdict).contains("secret_unavailable"), "{}", out(&verdict));
    let note = "note: secret \"aws\" comes while the gateway runs, and nothing is fetched here";
    assert!(err(&verdict).contains(note), "{}", err(&verdict));
}

/// A child that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn status_and_health_ask_the_running_gateway() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(Provider::Stripe, &upstream.url())));
    let directory = gateway.directory().to_owned();
    for arguments in [vec!["health"], vec!["health", "--ready"], vec!["status"]] {
        exits(&hookward_output(&directory, &arguments), 0);
    }
    let status = hookward_output(&directory, &["status"]);
    assert!(out(&status).contains("stripe"), "{}", out(&status));
    let json = hookward_output(&directory, &["status", "--format", "json"]);
    let _: serde_json::Value = serde_json::from_str(&out(&json)).expect("JSON");
    let admin = gateway.ports().admin;
    assert_eq!(get(admin, "/healthz").unwrap().status, 200);
    // The directory of a gateway that ended goes with it, so the configuration is kept elsewhere.
    let kept = tempfile::tempdir().unwrap();
    for name in ["hookward.toml", "tls.crt", "tls.key", "secret-stripe-current"] {
        fs::copy(directory.join(name), kept.path().join(name)).unwrap();
    }
    gateway.finish();
    for arguments in [vec!["health"], vec!["health", "--ready"], vec!["status"]] {
        assert_ne!(hookward_output(kept.path(), &arguments).status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn completions_and_the_manual_are_written() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = hookward_output(directory.path(), &["completions", shell]);
        exits(&output, 0);
        assert!(out(&output).contains("hookward"));
    }
    let manual = hookward_output(directory.path(), &["man"]);
    exits(&manual, 0);
    assert!(out(&manual).contains(".TH"));
}

#[test]
fn the_demo_shows_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let output = hookward_output(directory.path(), &["demo"]);
    exits(&output, 0);
    let told = out(&output);
    for word in ["stripe", "github", "shopify", "slack", "standard-webhooks", "discord", "signature_mismatch", "delivered"] {
        assert!(told.to_ascii_lowercase().contains(word), "{word}: {told}");
    }
    let left = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 0, "it leaves nothing behind");
}

#[test]
fn a_gateway_is_asked_where_it_listens_by_default_where_nothing_says_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    for verb in ["health", "status"] {
        // Whether one runs there is not this test's affair; where it asks is.
        let output = hookward_output(directory.path(), &[verb]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || said.contains("127.0.0.1:9901"), "{verb}: {output:?}");
        assert!(!said.contains("configuration"), "{verb}: {said}");
        let named = hookward_output(directory.path(), &[verb, "--config", "missing.toml"]);
        assert_eq!(named.status.code(), Some(2), "{verb}");
        assert!(String::from_utf8_lossy(&named.stderr).contains("missing.toml"), "{verb}: {named:?}");
    }
    fs::write(directory.path().join("hookward.toml"), "[admin\n").unwrap();
    assert_eq!(hookward_output(directory.path(), &["health"]).status.code(), Some(2), "one that is there is read");
}
