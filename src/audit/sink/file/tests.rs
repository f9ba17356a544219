//! The file under rotation, shortage of space, other processes and other hands.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn open(path: &Path, max_size_bytes: u64, keep: u32) -> FileSink {
    FileSink::open(path, max_size_bytes, keep).unwrap().0
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_file_is_private_and_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let sink = open(&path, 100, 2);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(FileSink::open(&path, 100, 2), Err(AuditError::Locked { .. })));
    drop(sink);
    assert!(FileSink::open(&path, 100, 2).is_ok());
    fs::write(&path, "notes\n").unwrap();
    assert!(matches!(FileSink::open(&path, 100, 2), Err(AuditError::NotAnAuditLog { .. })));
    assert!(matches!(FileSink::open(&dir.path().join("a/b"), 100, 2), Err(AuditError::Open { .. })));
}

#[test]
fn files_rotate_by_size_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut sink = open(&path, 10, 2);
    for line in ["1234\n", "56789\n", "a\n", "bcdefghij\n", "longer than the bound\n", "z\n"] {
        sink.write(line.as_bytes()).unwrap();
    }
    assert_eq!(
        [read(&path), read(&rotated(&path, 1)), read(&rotated(&path, 2))],
        ["z\n", "longer than the bound\n", "bcdefghij\n"]
    );
    assert!(!rotated(&path, 3).exists());
    let mut none_kept = open(&dir.path().join("other"), 4, 0);
    none_kept.write(b"abc\n").unwrap();
    none_kept.write(b"def\n").unwrap();
    assert_eq!((read(&none_kept.path).as_str(), rotated(&none_kept.path, 1).exists()), ("def\n", false));
}

#[test]
fn a_rotation_that_stopped_half_way_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut sink = open(&path, 4, 3);
    sink.write(b"abc\n").unwrap();
    fs::rename(&path, rotated(&path, 1)).unwrap();
    sink.write(b"def\n").unwrap();
    assert_eq!([read(&path), read(&rotated(&path, 1))], ["def\n", "abc\n"]);
    assert!(!rotated(&path, 2).exists());
}

#[test]
fn no_space_leaves_no_torn_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut sink = open(&path, 1000, 2);
    let space = Arc::new(AtomicUsize::new(8));
    sink.space = Some(Arc::clone(&space));
    sink.write(b"one\n").unwrap();
    for _ in 0..2 {
        assert_eq!(sink.write(b"two\nthree\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(read(&path), "one\n");
    }
    space.store(100, Ordering::SeqCst);
    sink.write(b"two\nthree\n").unwrap();
    assert_eq!(read(&path), "one\ntwo\nthree\n");
}

#[test]
fn what_other_hands_do_to_the_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut sink = open(&path, 1000, 2);
    sink.write(b"one\n").unwrap();
    fs::rename(&path, dir.path().join("shipped")).unwrap();
    sink.sync().unwrap();
    sink.write(b"two\n").unwrap();
    assert_eq!([read(&dir.path().join("shipped")), read(&path)], ["one\n", "two\n"]);
    OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    sink.write(b"three\n").unwrap();
    assert_eq!(read(&path), "three\n");
}
