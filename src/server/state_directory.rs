//! The directory of what must outlive the process: made private, held by one gateway at a time.
//!
//! Invariant: while a [`StateDirectory`] exists no other gateway has the same one; two would write two histories.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why the directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StateDirectoryError {
    /// It cannot be made.
    #[error("state_dir {path}: cannot be created")]
    Create {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its lock file cannot be opened or locked.
    #[error("state_dir {path}: cannot be locked")]
    Lock {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another gateway holds it.
    #[error("state_dir {path}: another gateway is using it; give each gateway its own state_dir")]
    Held {
        /// The directory.
        path: PathBuf,
    },
}

/// The directory, locked for as long as this exists.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

impl StateDirectory {
    /// Makes the directory (0700) if it is missing, and takes its lock.
    pub fn open(path: &Path) -> Result<Self, StateDirectoryError> {
        let owned = path.to_path_buf();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| StateDirectoryError::Create { path: owned.clone(), source })?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"));
        let lock = lock.map_err(|source| StateDirectoryError::Lock { path: owned.clone(), source })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: owned, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateDirectoryError::Held { path: owned }),
            Err(TryLockError::Error(source)) => Err(StateDirectoryError::Lock { path: owned, source }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_private_and_held_by_one() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = StateDirectory::open(&path).unwrap();
        assert_eq!(std::fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(StateDirectory::open(&path), Err(StateDirectoryError::Held { .. })));
        drop(first);
        assert!(StateDirectory::open(&path).is_ok());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        std::fs::write(&path, "").unwrap();
        assert!(matches!(
            StateDirectory::open(&path),
            Err(StateDirectoryError::Create { .. } | StateDirectoryError::Lock { .. })
        ));
    }
}
