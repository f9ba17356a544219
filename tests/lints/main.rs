//! Every lint of `check`, by the real binary: one configuration that triggers it, one next to it that does not.
//!
//! Each case changes the same quiet configuration in two ways. The pages and files that we ship are checked, too, and the
//! SARIF output is held against the schema of SARIF 2.1.0.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the outside of the program has a clock and an environment of its own")]

mod cases;
mod schema;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cases::{CASES, Change};
use hookward::domain::time::UnixTime;
use serde_json::Value;
use tempfile::TempDir;

const DAY: u64 = 86_400;

/// Nothing to be said about it.
const QUIET: &str = r#"state_dir = "state"
[[listener]]
bind = "127.0.0.1:8443"
tls = { cert = "tls.crt", key = "tls.key" }
[admin]
bind = "127.0.0.1:9901"
token = { file = "token" }
[replay]
store = "disk"
capacity = 1000000
[integration.pay]
provider = "stripe"
owner = "payments@example.com"
review_by = 2099-01-01
host = "hooks.example.com"
path = "/pay"
upstream = "http://127.0.0.1:3000/"
events.allow = ["invoice.paid"]
secrets = [ { id = "new", file = "secret" } ]
"#;

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

fn in_days(days: i64) -> UnixTime {
    let by = Duration::from_secs(days.unsigned_abs() * DAY);
    if days < 0 { now().minus(by) } else { now().plus(by) }
}

/// `{+13d}` and `{-1d}` become times, `{day-1d}` a day.
fn with_times(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((before, rest)) = text.split_once("{d") {
        let (inside, after) = rest.split_once('}').unwrap();
        let at = in_days(inside.trim_start_matches("ay").parse().unwrap()).to_string();
        let at = if inside.starts_with("ay") { &at[..10] } else { &at };
        text = format!("{before}{at}{after}");
    }
    text
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn certificate(folder: &Path, days: i64) {
    let mut parameters = rcgen::CertificateParams::new(vec!["hooks.example.com".to_owned()]).unwrap();
    let end = in_days(days).to_string();
    let part = |range: std::ops::Range<usize>| end[range].parse::<i32>().unwrap();
    let part8 = |range| u8::try_from(part(range)).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(part(0..4), part8(5..7), part8(8..10));
    let key = rcgen::KeyPair::generate().unwrap();
    write(&folder.join("tls.crt"), &parameters.self_signed(&key).unwrap().pem(), 0o644);
    write(&folder.join("tls.key"), &key.serialize_pem(), 0o600);
}

/// A folder with the configuration and everything it names, open to everybody and on a disk.
fn folder(change: &Change<'_>) -> TempDir {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    certificate(folder.path(), change.certificate_days);
    let files = [("secret", change.secret), ("other", "another secret of some length"), ("token", "a token of some length")];
    for (name, text) in files {
        write(&folder.path().join(name), text, if name == "secret" { change.mode } else { 0o600 });
    }
    let mut text = QUIET.to_owned();
    for (from, to) in change.replaced {
        assert!(text.contains(from), "{from} is not in the configuration");
        text = text.replacen(from, to, 1);
    }
    write(&folder.path().join("hookward.toml"), &with_times(&text), 0o644);
    folder
}

/// The answer of `check`: its exit code, and what it says.
fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookward"));
    let output = command.current_dir(folder).env_remove("HOOKWARD_CONFIG").arg("check").args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

fn json(folder: &Path) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookward"));
    let output = command.current_dir(folder).args(["check", "--format", "json", "--config", "hookward.toml"]).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

fn lints(value: &Value) -> Vec<String> {
    value["findings"].as_array().unwrap().iter().map(|finding| finding["lint"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_lint_has_a_case() {
    let cases: Vec<&str> = CASES.iter().map(|case| case.lint).collect();
    assert_eq!(cases, hookward::config::LINTS, "one case for each lint of the interface, in its order");
}

#[test]
fn the_configuration_that_the_cases_change_is_quiet() {
    let folder = folder(&Change::NONE);
    assert_eq!(check(folder.path(), &["--deny", "warnings"]), (Some(0), "ok: 1 integration, 1 listener, 1 secret\n".to_owned()));
}

#[test]
fn every_lint_is_triggered_by_one_configuration_and_not_by_the_one_next_to_it() {
    for case in CASES {
        let lint = hookward::lint::table::LINTS.iter().find(|lint| lint.id == case.lint).unwrap();
        let loud = folder(&case.triggers);
        let (code, found) = json(loud.path());
        let told = lints(&found);
        assert!(told.iter().any(|told| told == case.lint), "{}: {found:#}", case.lint);
        assert!(told.iter().all(|told| told == case.lint || case.beside.contains(&told.as_str())), "{}: {told:?}", case.lint);
        let finding = found["findings"].as_array().unwrap().iter().find(|finding| finding["lint"] == case.lint).unwrap();
        let is_error = lint.level.code() == "error";
        assert_eq!((code, &finding["level"]), (Some(i32::from(is_error)), &Value::from(lint.level.code())), "{}", case.lint);
        assert_eq!(finding["key"], case.key, "{}", case.lint);
        assert!(finding["line"].as_u64().unwrap() > 1 && finding["file"] == "hookward.toml", "{finding}");
        for member in ["saw", "why", "fix"] {
            assert!(!finding[member].as_str().unwrap().is_empty(), "{finding}");
        }
        let denied = i32::from(lint.level.code() != "note" || !case.beside.is_empty());
        assert_eq!(check(loud.path(), &["--deny", "warnings"]).0, Some(denied), "{}", case.lint);
        let quiet = folder(&case.silent);
        let (_, found) = json(quiet.path());
        assert!(
            !lints(&found).contains(&case.lint.to_owned()) && found["faults"] == serde_json::json!([]),
            "{}: {found:#}",
            case.lint
        );
    }
}

#[test]
fn a_finding_says_nothing_of_a_secret() {
    let weak = CASES.iter().find(|case| case.lint == "weak-secret").unwrap();
    let folder = folder(&weak.triggers);
    for format in ["text", "json", "sarif"] {
        let (_, said) = check(folder.path(), &["--format", format]);
        assert!(said.contains("weak-secret") && !said.contains(weak.triggers.secret), "{said}");
    }
}

#[test]
fn sarif_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap();
    let log = |folder: &Path| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookward"));
        let output = command.current_dir(folder).args(["check", "--format", "sarif"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let mut rules = BTreeSet::new();
    for case in CASES {
        let loud = log(folder(&case.triggers).path());
        assert_eq!(schema::faults(&schema, &loud), Vec::<String>::new(), "{}", case.lint);
        let results = loud["runs"][0]["results"].as_array().unwrap();
        rules.extend(results.iter().map(|result| result["ruleId"].as_str().unwrap().to_owned()));
    }
    assert!(hookward::config::LINTS.iter().all(|lint| rules.contains(*lint)), "{rules:?}");
    let allow = "[integration.pay]\nallow = [ { lint = \"no-owner\", reason = \"a drill\" } ]\n";
    let owner = ("owner = \"payments@example.com\"\n", "");
    let allowed = folder(&Change { replaced: &[owner, ("[integration.pay]\n", allow)], ..Change::NONE });
    let allowed = log(allowed.path());
    assert_eq!(schema::faults(&schema, &allowed), Vec::<String>::new());
    assert_eq!(allowed["runs"][0]["results"][0]["suppressions"][0]["justification"], "a drill");
    let invalid = folder(&Change {
        replaced: &[("path = \"/pay\"", "pth = 1"), ("bind = \"127.0.0.1:9901\"", "bind = 1")],
        ..Change::NONE
    });
    let invalid = log(invalid.path());
    assert_eq!(schema::faults(&schema, &invalid), Vec::<String>::new());
    assert!(invalid["runs"][0]["results"].as_array().unwrap().iter().all(|result| result["ruleId"] == "invalid-configuration"));
}

#[test]
fn the_page_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lints.md");
    let now = hookward::lint::table::page();
    if std::env::var_os("HOOKWARD_BLESS").is_some_and(|value| value == "1") {
        fs::write(&page, &now).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(written, now, "docs/lints.md is not current: run HOOKWARD_BLESS=1 cargo test --test lints");
}

/// Puts a stand-in where a configuration that we ship expects a file; the paths of a machine become paths of the test.
fn stand_in(directory: &Path, text: &str) -> String {
    let mut text = text.to_owned();
    for folder in ["/etc/hookward", "/run/credentials/hookward.service", "/var/log/hookward", "/var/lib/hookward"] {
        text = text.replace(folder, &folder[1..].replace('/', "-"));
    }
    certificate(directory, 90);
    let [cert, key] = ["tls.crt", "tls.key"].map(|name| fs::read_to_string(directory.join(name)).unwrap());
    let uncommented = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    for (marker, content) in
        [("cert ", &cert), ("ca ", &cert), ("client_ca ", &cert), ("key ", &key), ("key  ", &key), ("file ", &String::new())]
    {
        for (index, value) in uncommented.split(&format!("{marker}= \"")).skip(1).enumerate() {
            let path = directory.join(value.split('"').next().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let own = format!("a secret of some length {marker}{index}");
            write(&path, if content.is_empty() { &own } else { content }, 0o600);
        }
    }
    text
}

/// What we ship has no errors, and no warnings but those that stand here with their reason.
#[test]
fn what_is_shipped_is_sound() {
    let example = &[
        "review-overdue", // its dates are those of an example
        "secret-expired",
        "secret-expiring",
        "no-owner",           // `code` and `orders` show the shortest integration
        "plaintext-upstream", // `code` shows the word that it needs
        "unreachable-route",  // a stand-in certificate for every listener
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped: [(&str, &[&str]); 4] = [
        ("config.example.toml", example),
        ("deploy/systemd/hookward.toml", &[]),
        ("deploy/kubernetes/gateway.toml", &[]),
        ("deploy/kubernetes/sidecar.toml", &[]),
    ];
    let found = walk(&root.join("deploy"));
    assert_eq!(found.len() + 1, shipped.len(), "a configuration is missing here: {found:?}");
    for (file, expected) in shipped {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let text = stand_in(directory.path(), &fs::read_to_string(root.join(file)).unwrap());
        fs::create_dir_all(directory.path().join("audit")).unwrap();
        fs::create_dir_all(directory.path().join("var-log-hookward")).unwrap();
        fs::write(directory.path().join("hookward.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookward"));
        let command = command.current_dir(directory.path()).args(["check", "--format", "json", "--config", "hookward.toml"]);
        let secrets =
            ["STRIPE_SECRET", "GITHUB_SECRET", "APP_AUTHORIZATION"].map(|name| (name, format!("{name} of the example")));
        let output = command.envs(secrets).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["faults"], serde_json::json!([]), "{file}");
        for finding in found["findings"].as_array().unwrap() {
            let lint = finding["lint"].as_str().unwrap();
            let known = expected.contains(&lint) || finding["level"] == "note";
            assert!(known, "{file}: {finding:#}");
        }
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(walk(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found
}
