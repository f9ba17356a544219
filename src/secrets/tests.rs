//! What is read, what is refused, and that no error says a value.

use std::fs;
use std::path::Path;

use super::*;

fn file(path: &Path) -> SecretSource {
    SecretSource::File(path.to_owned())
}

fn spec(id: &str, source: SecretSource) -> SecretSpec {
    SecretSpec { id: id.parse().unwrap(), source, key_id: None, encoding: None, not_before: None, not_after: None }
}

#[test]
fn one_trailing_newline_is_not_part_of_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let cases: [(&[u8], &[u8]); 6] = [
        (b"abc", b"abc"),
        (b"abc\n", b"abc"),
        (b"abc\r\n", b"abc"),
        (b"abc\n\n", b"abc\n"),
        (b"abc\r", b"abc\r"),
        (b" \xffabc ", b" \xffabc "),
    ];
    for (content, expected) in cases {
        fs::write(&path, content).unwrap();
        assert_eq!(read(&file(&path)).unwrap().expose(), expected, "{content:?}");
    }
}

#[test]
fn blank_secrets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    for content in ["", "\n", "\r\n", " \t\r\n\n"] {
        fs::write(&path, content).unwrap();
        assert!(matches!(read(&file(&path)), Err(SecretError::Empty { .. })), "{content:?}");
    }
}

#[test]
fn the_bound_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let most = "k".repeat(SECRET_BYTES_MAX);
    for (content, fits) in [(most.clone(), true), (format!("{most}\r\n"), true), (format!("{most}kk"), false)] {
        fs::write(&path, content).unwrap();
        match read(&file(&path)) {
            Ok(text) => assert!(fits && text.expose().len() == SECRET_BYTES_MAX),
            Err(error) => assert!(!fits && matches!(error, SecretError::TooLarge { .. }), "{error}"),
        }
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_nothing_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for path in [folder.path(), Path::new("/dev/zero"), &pipe] {
        assert!(matches!(read(&file(path)), Err(SecretError::NotAFile { .. })), "{}", path.display());
    }
}

#[test]
fn symlinks_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), "abc\n").unwrap();
    std::os::unix::fs::symlink("data", folder.path().join("link")).unwrap();
    assert_eq!(read(&file(&folder.path().join("link"))).unwrap().expose(), b"abc");
}

#[test]
fn a_missing_or_unreadable_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none");
    assert_eq!(read(&file(&missing)).unwrap_err().to_string(), format!("file {} does not exist", missing.display()));
    fs::write(folder.path().join("plain"), "abc").unwrap();
    let below = folder.path().join("plain").join("below");
    assert!(matches!(read(&file(&below)), Err(SecretError::Unreadable { .. })));
    for name in ["HOOKWARD_TEST_NOT_SET", "", "A=B", "A\0B"] {
        let error = read(&SecretSource::Environment(name.to_owned())).unwrap_err();
        assert!(matches!(error, SecretError::Missing { .. }), "{error}");
    }
}

#[test]
fn the_environment_is_read() {
    assert!(!read(&SecretSource::Environment("PATH".to_owned())).unwrap().expose().is_empty());
}

#[test]
fn all_secrets_are_tried_before_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "hunter2").unwrap();
    let good = spec("now", file(&path));
    let loaded = load_all(std::slice::from_ref(&good)).unwrap();
    assert_eq!((&loaded[0].spec, loaded[0].text.expose()), (&good, b"hunter2".as_slice()));
    assert!(!format!("{loaded:?}").contains("hunter2"));

    let lost = |id| spec(id, SecretSource::Environment(format!("HOOKWARD_TEST_{id}")));
    let faults = load_all(&[lost("a"), good, lost("b")]).unwrap_err();
    let said = faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        "secret \"a\": environment variable HOOKWARD_TEST_a does not exist",
        "secret \"b\": environment variable HOOKWARD_TEST_b does not exist",
    ];
    assert_eq!(said, expected);
}
