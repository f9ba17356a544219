//! Which events matter, and that every way in which operators replace files is noticed.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::print::{Print, Snapshot};
use super::targets::Targets;
use super::{LOOK_EVERY, Watch};

/// Kubernetes' layout: `name` leads to `..data/name`, and `..data` to a directory of the moment.
fn mounted(root: &Path, moment: &str, text: &str) {
    let folder = root.join(moment);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("secret"), text).unwrap();
    symlink(moment, root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    if !root.join("secret").is_symlink() {
        symlink("..data/secret", root.join("secret")).unwrap();
    }
}

fn noticed(watch: &Watch, within: Duration) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(within, watch.changed()).await.is_ok() })
}

fn watched(file: &Path) -> Watch {
    Watch::begin(Targets::from_paths(&[file]))
}

/// Sooner than looking without a hint would find it.
const SOON: Duration = Duration::from_secs(5);

/// How an operator replaces a file, and what that is called.
type Way = (&'static str, fn(&Path));

#[test]
fn every_way_of_replacing_a_file_is_noticed() {
    assert!(SOON < LOOK_EVERY);
    let ways: [Way; 5] = [
        ("written in place", |file| fs::write(file, "new").unwrap()),
        ("renamed over", |file| {
            fs::write(file.with_extension("new"), "new").unwrap();
            fs::rename(file.with_extension("new"), file).unwrap();
        }),
        ("removed", |file| fs::remove_file(file).unwrap()),
        ("moved away and written anew", |file| {
            fs::rename(file, file.with_extension("old")).unwrap();
            fs::write(file, "new").unwrap();
        }),
        ("made unreadable", |file| {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap();
        }),
    ];
    for (name, change) in ways {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        fs::write(&file, "old").unwrap();
        let watch = watched(&file);
        change(&file);
        assert!(noticed(&watch, SOON), "{name}");
    }
}

#[test]
fn exchanged_links_are_noticed_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    mounted(root, "..1", "one");
    let mut watch = watched(&root.join("secret"));
    for moment in 2..5_u8 {
        let before = format!("..{}", moment - 1);
        mounted(root, &format!("..{moment}"), &format!("text {moment}"));
        fs::remove_dir_all(root.join(before)).unwrap();
        assert!(noticed(&watch, SOON), "{moment}");
        let targets = Targets::clone(&watch.targets);
        let seen = Snapshot::take(&targets);
        watch.follow(targets, seen);
    }
    // A directory on the way that is a link itself.
    let stage = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(stage.path().join(name)).unwrap();
        fs::write(stage.path().join(name).join("secret"), name).unwrap();
    }
    symlink("a", stage.path().join("current")).unwrap();
    let watch = watched(&stage.path().join("current/secret"));
    symlink("b", stage.path().join("next")).unwrap();
    fs::rename(stage.path().join("next"), stage.path().join("current")).unwrap();
    assert!(noticed(&watch, SOON));
}

#[test]
fn reading_and_neighbours_are_no_change() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "old").unwrap();
    let watch = watched(&file);
    for _ in 0..10 {
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        fs::write(directory.path().join("neighbour"), "x").unwrap();
    }
    assert!(!noticed(&watch, Duration::from_millis(1200)));
}

#[test]
fn a_file_that_is_being_written_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "old").unwrap();
    let watch = watched(&file);
    let mut writer = fs::File::create(&file).unwrap();
    writer.write_all(b"half").unwrap();
    assert!(!noticed(&watch, Duration::from_millis(1500)), "half of it is no secret");
    writer.write_all(b" and half").unwrap();
    drop(writer);
    assert!(noticed(&watch, SOON));
}

#[test]
fn prints_tell_files_from_what_only_looks_like_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    fs::write(&file, "x").unwrap();
    fs::write(directory.path().join("audit.jsonl"), "x").unwrap();
    assert!(matches!(Print::of(&file), Print::File(..)));
    assert_eq!(Print::of(directory.path()), Print::Directory(vec!["a.toml".into()]));
    assert_eq!(Print::of(&directory.path().join("none")), Print::Missing);
    assert_eq!(Print::of(Path::new("/dev/zero")), Print::Other);
}

#[test]
fn relative_paths_are_watched_where_they_are() {
    let targets = Targets::from_paths(&[Path::new("hookward.toml")]);
    let here: PathBuf = std::env::current_dir().unwrap();
    assert!(targets.files().contains(&here.join("hookward.toml")));
    assert!(targets.directories().contains(&here));
}
