//! What `check` finds, and what it says.

use std::path::PathBuf;

use super::*;

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
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const CONFIGURATION: &str = r#"[[listener]]
bind = "127.0.0.1:8443"
tls = { cert = "tls.crt", key = "tls.key" }
[admin]
token = { file = "token" }
[integration.code]
provider = "github"
path = "/code"
upstream = "https://example.com/"
upstream_tls = { ca = "tls.crt" }
upstream_headers = { Authorization = { file = "token" } }
secrets = [ { id = "old", file = "secret" }, { id = "new", file = "secret" } ]
[integration.pay]
provider = "standard-webhooks"
path = "/pay"
upstream = "http://127.0.0.1:3000/"
secrets = [ { id = "one", file = "whsec" } ]
"#;

fn checked(folder: &tempfile::TempDir) -> Report {
    examine(&ConfigurationArgument { file: folder.path().join("hookward.toml") })
}

fn verdict(folder: &tempfile::TempDir, deny: Option<Denied>, format: Format) -> Result<Verdict> {
    let configuration = ConfigurationArgument { file: folder.path().join("hookward.toml") };
    run(&Arguments { configuration, deny, output: FormatArgument { format } })
}

#[test]
fn what_is_right_is_counted() {
    let folder = folder();
    let report = checked(&folder);
    let (note, counted) = ("note: replay-capacity: ", "\nok: 2 integrations, 1 listener, 3 secrets\n");
    assert!(report.text().starts_with(note) && report.text().ends_with(counted), "{}", report.text());
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
        (3, "listener[0].tls"),
        (5, "admin.token"),
        (10, "integration.code.upstream_tls"),
        (11, "integration.code.upstream_headers"),
        (12, "integration.code.secrets[0]"),
        (12, "integration.code.secrets[1]"),
        (17, "integration.pay.secrets[0]"),
    ];
    assert_eq!(found, expected, "{}", report.text());
    assert!(!report.text().contains("not base64!") && !report.text().contains("ok:"), "{}", report.text());
    assert_eq!(report.json()["faults"][1]["line"], 5);
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
    assert!(report.faults.iter().any(|fault| fault.place.line == 8), "{}", report.text());
    assert!(verdict(&folder, None, Format::Text).is_err());
    let absent = examine(&ConfigurationArgument { file: PathBuf::from("/does/not/exist.toml") });
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
