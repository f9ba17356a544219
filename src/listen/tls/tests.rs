//! Files that cannot be used, names, settings.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Writes a self-signed certificate for a name and its key.
pub(in crate::listen) fn certificate_files(directory: &Path, name: &str) -> CertificateSpec {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let file = |ending: &str, text: String| {
        let path = directory.join(format!("{}.{ending}", name.replace('*', "any")));
        fs::write(&path, text).unwrap();
        path
    };
    CertificateSpec { cert: file("crt", made.cert.pem()), key: file("key", made.signing_key.serialize_pem()) }
}

fn settings(certificates: Vec<CertificateSpec>) -> TlsSpec {
    TlsSpec { certificates, min_version: TlsVersion::V12, client_ca: None }
}

#[test]
fn early_data_is_never_taken_and_sessions_resume_by_tickets() {
    let directory = tempfile::tempdir().unwrap();
    let entry = TlsEntry::load(&settings(vec![certificate_files(directory.path(), "a.example")])).unwrap();
    let config = entry.config();
    assert_eq!(config.max_early_data_size, 0);
    assert!(!config.send_half_rtt_data);
    assert!(config.ticketer.enabled());
    assert_eq!(config.alpn_protocols, [&b"h2"[..], b"http/1.1"]);
}

#[test]
fn names_choose() {
    let directory = tempfile::tempdir().unwrap();
    let one = certificate_files(directory.path(), "One.example");
    let two = certificate_files(directory.path(), "*.two.example");
    let several = Certificates::load(&[one.clone(), two]).unwrap();
    let not_after = several.not_after();
    assert_eq!(not_after.len(), 2);
    assert!(not_after[0] > UnixTime::from_seconds(2_000_000_000));
    let is_first = |chosen: Option<&certificate::Certificate>| chosen.map(|chosen| chosen.bears("one.example"));
    let cases = [
        (None, Some(true)),
        (Some("one.example"), Some(true)),
        (Some("ONE.example."), Some(true)),
        (Some("a.two.example"), Some(false)),
        (Some("two.example"), None),
        (Some("a.b.two.example"), None),
        (Some("*.two.example.evil"), None),
        (Some("evil-one.example"), None),
        (Some(""), None),
    ];
    for (name, first) in cases {
        assert_eq!(is_first(several.choose(name)), first, "{name:?}");
    }
    let single = Certificates::load(&[one]).unwrap();
    assert!(single.choose(Some("anything.at.all")).is_some());
}

#[test]
fn files_that_cannot_be_used_are_named_and_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let good = certificate_files(directory.path(), "a.example");
    let other = certificate_files(directory.path(), "b.example");
    let secret = "hunter2-in-the-file";
    let text = write("text.pem", format!("-----BEGIN {secret}\n{secret}\n").as_bytes());
    let torn = write("torn.crt", b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    let strange = write("strange.key", b"-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n");
    let huge = write("huge.pem", &vec![b'\n'; (1 << 20) + 1]);
    let missing = directory.path().join("missing.pem");
    let folder = directory.path().to_owned();
    let with_cert = |cert: &PathBuf| CertificateSpec { cert: cert.clone(), key: good.key.clone() };
    let with_key = |key: &PathBuf| CertificateSpec { cert: good.cert.clone(), key: key.clone() };
    let cases = [
        (with_cert(&missing), "missing.pem cannot be read"),
        (with_key(&missing), "missing.pem cannot be read"),
        (with_cert(&folder), "is no regular file"),
        (with_cert(&huge), "is larger than 1048576 bytes"),
        (with_key(&huge), "is larger than 65536 bytes"),
        (with_cert(&text), "text.pem holds no PEM certificate"),
        (with_cert(&good.key), "holds no PEM certificate"),
        (with_cert(&torn), "torn.crt holds a certificate that cannot be parsed"),
        (with_key(&text), "text.pem holds no PEM private key"),
        (with_key(&strange), "strange.key holds a private key that cannot be used"),
        (with_key(&other.key), "does not belong to the certificate in"),
    ];
    for (spec, expected) in cases {
        let error = TlsEntry::load(&settings(vec![spec])).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} is not {expected}");
        assert!(!format!("{error} {error:?}").contains(secret));
    }
    assert!(matches!(TlsEntry::load(&settings(vec![])), Err(TlsError::NoneNamed)));
}

#[test]
fn a_reload_that_fails_keeps_what_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (certificate_files(directory.path(), "one.example"), certificate_files(directory.path(), "two.example"));
    let entry = TlsEntry::load(&settings(vec![one.clone()])).unwrap();
    let in_use = || entry.choice.0.load().choose(None).map(|chosen| chosen.bears("two.example"));
    let crossed = CertificateSpec { cert: one.cert, key: two.key.clone() };
    assert!(matches!(entry.read(&[crossed]), Err(TlsError::KeyMismatch { .. })));
    assert_eq!(in_use(), Some(false));
    entry.replace(entry.read(&[two]).unwrap());
    assert_eq!(in_use(), Some(true));
}
