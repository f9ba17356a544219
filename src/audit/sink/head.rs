//! The remembered head of the chain, in the state directory.
//!
//! Why: a chain alone cannot tell that its last lines were cut off. Who knows the head can.
//! Invariants: the file is replaced as a whole; one process at a time remembers.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::audit::chain::Head;
use crate::audit::error::AuditError;

const HEAD: &str = "audit.head";
const LOCK: &str = "audit.lock";

/// The remembered head, held by this process until it is dropped.
#[derive(Debug)]
pub(in crate::audit) struct HeadFile {
    path: PathBuf,
    replacement: PathBuf,
    _lock: File,
}

impl HeadFile {
    pub(in crate::audit) fn open(state_dir: &Path) -> Result<(Self, Option<Head>), AuditError> {
        let lock_path = state_dir.join(LOCK);
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(|source| AuditError::Open { path: lock_path.clone(), source })?;
        claim(&lock, &lock_path)?;
        let file = Self { path: state_dir.join(HEAD), replacement: state_dir.join(format!("{HEAD}.new")), _lock: lock };
        Ok((file, load(state_dir)?))
    }

    /// Replaces the remembered head; `durable` waits for the disk first.
    pub(in crate::audit) fn save(&self, head: Head, durable: bool) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&self.replacement)?;
        file.write_all(head.to_text().as_bytes())?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(&self.replacement, &self.path)
    }
}

/// Reads the remembered head of a state directory.
pub(in crate::audit) fn load(state_dir: &Path) -> Result<Option<Head>, AuditError> {
    let path = state_dir.join(HEAD);
    match fs::read(&path) {
        Ok(text) => Head::from_text(&text).map(Some).ok_or(AuditError::Head { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AuditError::Read { path, source }),
    }
}

/// Takes the exclusive lock of a file, or says who is in the way.
pub(super) fn claim(file: &File, path: &Path) -> Result<(), AuditError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => AuditError::Locked { path: path.to_owned() },
        TryLockError::Error(source) => AuditError::Open { path: path.to_owned(), source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_replaced_whole_and_a_ruined_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (file, none) = HeadFile::open(dir.path()).unwrap();
        assert_eq!(none, None);
        let head = Head { seq: 9, hash: [3; 32] };
        file.save(Head::GENESIS, false).unwrap();
        file.save(head, true).unwrap();
        assert!(matches!(HeadFile::open(dir.path()), Err(AuditError::Locked { .. })));
        drop(file);
        assert_eq!(HeadFile::open(dir.path()).unwrap().1, Some(head));
        fs::write(dir.path().join(HEAD), "ruined").unwrap();
        assert!(matches!(load(dir.path()), Err(AuditError::Head { .. })));
        assert!(matches!(HeadFile::open(&dir.path().join("absent")), Err(AuditError::Open { .. })));
    }
}
