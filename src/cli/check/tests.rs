//! What `check` finds, and what it says.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::domain::time::UnixTime;

/// Long before any certificate of these tests ends.
const NOW: UnixTime = UnixTime::from_seconds(1_780_000_000);

/// A folder with everything that the configuration refers to.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = [
        ("tls.crt", certificate.cert.pem()),
        ("tls.key", certificate.signing_key.serialize_pem()),
        ("secret", "a secret of some length".to_owned()),
        ("token", "a token of some length".to_owned()),
        ("whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        ("hookward.toml", CONFIGURATION.to_owned()),
    ];
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

const CONFIGURATION: &str = r#"state_dir = "state"
[[listener]]
bind = "127.0.0.1:8443"
tls = { cert = "tls.crt", key = "tls.key" }
[admin]
token = { file = "token" }
[integration.code]
provider = "github"
owner = "us"
review_by = 2099-01-01
events.allow = ["push"]
path = "/code"
upstream = "https://example.com/"
upstream_tls = { ca = "tls.crt" }
upstream_headers = { Authorization = { file = "token" } }
secrets = [ { id = "new", file = "secret" }, { id = "old", file = "secret", not_after = 2099-01-01T00:00:00Z } ]
[integration.pay]
provider = "standard-webhooks"
owner = "us"
review_by = 2099-01-01
events.allow = ["paid"]
path = "/pay"
upstream = "http://127.0.0.1:3000/"
secrets = [ { id = "one", file = "whsec" } ]
"#;

fn checked(folder: &tempfile::TempDir) -> Report {
    Report::of(&folder.path().join("hookward.toml"), NOW)
}

fn verdict(folder: &tempfile::TempDir, deny: Option<Denied>, format: Format) -> Result<Verdict> {
    let configuration = ConfigurationArgument { file: Some(folder.path().join("hookward.toml")) };
    run(&Arguments { configuration, deny, format })
}

#[test]
fn what_is_right_is_counted() {
    let folder = folder();
    let report = checked(&folder);
    assert_eq!(report.text(), "ok: 2 integrations, 1 listener, 3 secrets\n");
    assert_eq!(report.json()["ok"], true);
    assert_eq!(verdict(&folder, Some(Denied::Warnings), Format::Text).unwrap(), Verdict::Yes);
}

#[test]
fn everything_that_is_missing_is_found_at_once_at_its_place() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["token", "secret", "tls.crt"] {
        std::fs::remove_file(path(name)).unwrap();
    }
    std::fs::write(path("whsec"), "not base64!").unwrap();
    let report = checked(&folder);
    let found: Vec<_> = report.faults.iter().map(|fault| (fault.place.line, fault.key.as_str())).collect();
    let expected = [
        (4, "listener[0].tls"),
        (6, "admin.token"),
        (14, "integration.code.upstream_tls"),
        (15, "integration.code.upstream_headers"),
        (16, "integration.code.secrets[0]"),
        (16, "integration.code.secrets[1]"),
        (24, "integration.pay.secrets[0]"),
    ];
    assert_eq!(found, expected, "{}", report.text());
    assert!(!report.text().contains("not base64!") && !report.text().contains("ok:"), "{}", report.text());
    assert_eq!(report.json()["faults"][1]["line"], 6);
    assert!(verdict(&folder, None, Format::Json).unwrap_err().to_string().contains("7 faults"));
}

#[test]
fn a_key_of_another_certificate_is_found() {
    let folder = folder();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls.key"), other.signing_key.serialize_pem()).unwrap();
    let report = checked(&folder);
    assert_eq!(report.faults.len(), 1);
    assert!(report.faults[0].reason.contains("cannot be used together"), "{}", report.text());
}

#[test]
fn a_configuration_that_is_not_valid_says_where() {
    let folder = folder();
    std::fs::write(folder.path().join("hookward.toml"), CONFIGURATION.replace("path = ", "pth = ")).unwrap();
    let report = checked(&folder);
    assert!(report.faults.iter().any(|fault| fault.place.line == 12), "{}", report.text());
    assert!(verdict(&folder, None, Format::Text).is_err());
    let absent = Report::of(&PathBuf::from("/does/not/exist.toml"), NOW);
    assert_eq!(absent.faults.len(), 1);
}

#[test]
fn a_setting_without_effect_is_a_warning_that_may_be_denied() {
    let folder = folder();
    let text = format!("{CONFIGURATION}query = \"drop\"\n[audit]\noutput = \"stdout\"\nkeep = 3\n");
    std::fs::write(folder.path().join("hookward.toml"), text).unwrap();
    let report = checked(&folder);
    assert!(report.text().contains("warning: ") && report.text().contains("ok: "), "{}", report.text());
    assert_eq!(verdict(&folder, None, Format::Text).unwrap(), Verdict::Yes);
    assert_eq!(verdict(&folder, Some(Denied::Warnings), Format::Text).unwrap(), Verdict::No);
}

#[test]
fn what_the_text_says_wrong_hides_nothing_that_the_machine_does_not_have() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("secret")).unwrap();
    std::fs::remove_file(folder.path().join("whsec")).unwrap();
    std::fs::write(folder.path().join("state"), "a file in the way").unwrap();
    // One integration is no plan any more, another key is unknown, and a value of which there is a stand-in is wrong.
    let text = CONFIGURATION.replace("path = \"/code\"", "pth = \"/code\"").replace("[admin]", "[admin]\nbind = 5");
    std::fs::write(folder.path().join("hookward.toml"), text).unwrap();
    let report = checked(&folder);
    let keys: Vec<_> = report.faults.iter().map(|fault| fault.key.as_str()).collect();
    for key in [
        "state_dir",
        "admin.bind",
        "integration.code.path",
        "integration.code.pth",
        "integration.code.secrets[0]",
        "integration.code.secrets[1]",
        "integration.pay.secrets[0]",
    ] {
        assert!(keys.contains(&key), "{key}: {}", report.text());
    }
    assert!(report.findings.is_empty(), "of stand-ins nothing is said");
}

#[test]
fn a_finding_has_its_place_and_may_be_allowed() {
    let folder = folder();
    let write = |text: &str| std::fs::write(folder.path().join("hookward.toml"), text).unwrap();
    write(&CONFIGURATION.replacen("owner = \"us\"\n", "", 1));
    let report = checked(&folder);
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.lint.id, finding.place.line, &*finding.key)).collect();
    assert_eq!(found, [("no-owner", 7, "integration.code.owner")], "{}", report.text());
    assert!(report.text().contains("fix: ") && report.text().ends_with("3 secrets; 1 warning\n"), "{}", report.text());
    assert_eq!(report.json()["findings"][0]["level"], "warning");
    assert_eq!(verdict(&folder, None, Format::Text).unwrap(), Verdict::Yes);
    assert_eq!(verdict(&folder, Some(Denied::Warnings), Format::Sarif).unwrap(), Verdict::No);
    for place in ["[integration.code]\n", "state_dir = \"state\"\n"] {
        let allow = format!("{place}allow = [ {{ lint = \"no-owner\", reason = \"a drill\" }} ]\n");
        write(&CONFIGURATION.replacen("owner = \"us\"\n", "", 1).replacen(place, &allow, 1));
        let report = checked(&folder);
        assert!(report.findings.is_empty() && report.text().contains("allowed[no-owner]") && report.text().contains("a drill"));
        assert_eq!(report.json()["allowed"][0]["reason"], "a drill");
        assert_eq!(verdict(&folder, Some(Denied::Warnings), Format::Json).unwrap(), Verdict::Yes);
    }
}
