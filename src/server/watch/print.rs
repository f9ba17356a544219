//! What can be told of a file without reading it, and of many at one moment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::targets::Targets;

/// The most names that are looked at in a directory.
const NAMES_MAX: usize = 10_000;

/// A file as the system describes it; a link is what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Print {
    /// There is none, or it cannot be looked at.
    Missing,
    /// A regular file: device, inode, length, and when content and description changed, in nanoseconds.
    File(u64, u64, u64, (i64, i64), (i64, i64)),
    /// A directory and the names of configuration files in it.
    Directory(Vec<OsString>),
    /// A pipe, a socket or a device.
    Other,
}

impl Print {
    /// The print of what is at a path.
    pub(crate) fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Err(_) => Self::Missing,
            Ok(metadata) if metadata.is_file() => Self::of_file(&metadata),
            Ok(metadata) if metadata.is_dir() => Self::Directory(names(path)),
            Ok(_) => Self::Other,
        }
    }

    fn of_file(metadata: &Metadata) -> Self {
        let content = (metadata.mtime(), metadata.mtime_nsec());
        let description = (metadata.ctime(), metadata.ctime_nsec());
        Self::File(metadata.dev(), metadata.ino(), metadata.len(), content, description)
    }
}

/// The names of configuration files: a log that is rotated in the same directory is no change.
fn names(directory: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name()).take(NAMES_MAX);
    let is_shown = |name: &OsString| !name.as_encoded_bytes().starts_with(b".");
    let mut names: Vec<_> =
        names.filter(|name| is_shown(name) && Path::new(name).extension().is_some_and(|end| end == "toml")).collect();
    names.sort();
    names
}

/// All watched files at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<PathBuf, Print>);

impl Snapshot {
    /// Looks at every file.
    pub(crate) fn take(targets: &Targets) -> Self {
        Self(targets.files().iter().map(|path| (path.clone(), Print::of(path))).collect())
    }

    /// The same moment, of these files only.
    pub(crate) fn only(mut self, targets: &Targets) -> Self {
        self.0.retain(|path, _| targets.files().contains(path));
        self
    }
}
