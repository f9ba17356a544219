//! Files of the configuration: bounded reading, and the expansion of `include`.
//!
//! 1. A pattern is relative to the main file. At most one `*`, in the file name only; a leading dot is never matched by it.
//! 2. A pattern without `*` names a file that must be there; a pattern with one may match nothing, but its directory must
//!    be there.
//! 3. Matches are regular files (or lead to one), in alphabetical order, each read once; the main file never includes itself.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::value;
use crate::document::{Document, Entry, Fault, Place, Table};

/// The largest file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most files that one configuration includes.
const FILES_MAX: usize = 1000;
const INCLUDE_HINT: &str = "at most one `*`, in the file name only: include = [\"conf.d/*.toml\"]";

/// One file and where its relative paths start.
pub(super) struct Source {
    pub(super) document: Document,
    pub(super) base: PathBuf,
}

/// What `include` stands for.
#[derive(Default)]
pub(super) struct Included {
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) directories: BTreeSet<PathBuf>,
}

/// Reads one file whole.
pub(super) fn open(path: &Path) -> Result<Source, Fault> {
    let name = path.display().to_string();
    let text = read(path).map_err(|(reason, hint)| Fault::new(start_of(&name), "", reason).hint(hint))?;
    Ok(Source { document: Document::new(name, text), base: directory_of(path) })
}

/// Reads an included file whole. It must be a regular one: a pipe in its place would be waited for.
pub(super) fn open_included(path: &Path) -> Result<Source, Fault> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Fault::new(start_of(&path.display().to_string()), "", "is no regular file"));
    }
    open(path)
}

/// The first place of a file.
pub(super) fn start_of(name: &str) -> Place {
    Place { file: name.to_owned(), line: 1, column: 1 }
}

fn read(path: &Path) -> Result<String, (String, &'static str)> {
    let unreadable = |error: io::Error| (format!("cannot be read: {error}"), "");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
        return Err(("is larger than 4MiB".to_owned(), "divide it with `include`"));
    }
    String::from_utf8(bytes).map_err(|_| ("is not valid UTF-8".to_owned(), "TOML is UTF-8"))
}

/// The directory that a file's relative paths start at.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// The files that the root table includes.
pub(super) fn included(root: &Table<'_>, base: &Path, main: &Path) -> Included {
    let mut included = Included::default();
    let patterns = value::optional(root, "include", |entry| value::list(entry, 0..=FILES_MAX, ""));
    for entry in patterns.unwrap_or_default() {
        let Some(pattern) = value::path(&entry, base) else { continue };
        expand(&entry, &pattern, &mut included);
    }
    included.files.remove(main);
    if included.files.len() > FILES_MAX {
        root.fault(format!("more than {FILES_MAX} files are included"), "");
        included.files.clear();
    }
    included
}

fn expand(entry: &Entry<'_>, pattern: &Path, included: &mut Included) {
    let directory = directory_of(pattern);
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.is_empty() || name.matches('*').count() > 1 || directory.to_string_lossy().contains('*') {
        entry.fault("is no pattern of files", INCLUDE_HINT);
        return;
    }
    let Some((before, after)) = name.split_once('*') else {
        included.files.insert(pattern.to_owned());
        return;
    };
    match matches(&directory, before, after) {
        Ok(files) => included.files.extend(files),
        Err(error) => entry.fault(format!("its directory cannot be read: {error}"), ""),
    }
    included.directories.insert(directory);
}

fn matches(directory: &Path, before: &str, after: &str) -> io::Result<Vec<PathBuf>> {
    let place = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut files = Vec::new();
    for found in fs::read_dir(place)? {
        let name = found?.file_name();
        let Some(text) = name.to_str() else { continue };
        let fits = text.strip_prefix(before).is_some_and(|rest| rest.ends_with(after));
        let hidden = before.is_empty() && text.starts_with('.');
        let path = directory.join(&name);
        if fits && !hidden && path.is_file() && files.len() <= FILES_MAX {
            files.push(path);
        }
    }
    Ok(files)
}
