//! Whether `serve` could keep what it must: the state directory and the audit log, made or written to.
//!
//! What is there is tried with a file or directory of our own that is removed at once; nothing is left behind, and nothing is
//! made that `serve` would make.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::audit::spec::AuditOutput;
use crate::cli::places::fault;
use crate::config::plan::Plan;
use crate::document::Fault;

const STATE_HINT: &str = "a directory that the gateway's user may make or write to; systemd's StateDirectory= makes it";
const AUDIT_HINT: &str = "a file in a directory that is there and that the gateway's user may write to, or \"stdout\"";

/// What cannot be kept.
pub(super) fn faults(plan: &Plan, file: &Path) -> Vec<Fault> {
    let file = file.display().to_string();
    let state = try_directory(&plan.state_dir).err();
    let state = state.map(|error| fault(&file, &["state_dir"], format_args!("cannot be used: {error}")).hint(STATE_HINT));
    let audit = match &plan.audit.output {
        AuditOutput::Stdout => None,
        AuditOutput::File(path) => try_file(path).err(),
    };
    let audit =
        audit.map(|error| fault(&file, &["audit", "output"], format_args!("cannot be written: {error}")).hint(AUDIT_HINT));
    state.into_iter().chain(audit).collect()
}

/// Whether a directory can be written to, or made with all that leads to it.
fn try_directory(path: &Path) -> io::Result<()> {
    if path.exists() {
        return try_inside(path);
    }
    let there = path.ancestors().skip(1).find(|parent| parent.as_os_str().is_empty() || parent.exists());
    let there = there.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = there.join(probe_name());
    fs::create_dir(&probe)?;
    fs::remove_dir(&probe)
}

fn try_inside(directory: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let probe = directory.join(probe_name());
    File::create_new(&probe)?;
    fs::remove_file(&probe)
}

fn try_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
        // Opening a pipe would wait for its reader.
        Ok(found) if !found.is_file() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(_) => try_inside(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))),
    }
}

fn probe_name() -> String {
    format!(".hookward-check-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_made_or_written_is_told_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        assert!(try_directory(&path("a/b/c")).is_ok() && try_directory(folder.path()).is_ok());
        assert!(try_directory(&path("file")).is_err() && try_directory(&path("file/under")).is_err());
        assert!(try_file(&path("new")).is_ok() && try_file(&path("file")).is_ok());
        assert!(try_file(&path("absent/new")).is_err() && try_file(folder.path()).is_err());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["file"]);
    }
}
