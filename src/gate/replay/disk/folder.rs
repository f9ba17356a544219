//! The folder of the store: made private, held by one process, and the only place that touches its files.
//!
//! 1. A file that is not in its folder after a power loss was never written: the folder is synced when a file is made or
//!    renamed, before anybody relies on it.
//! 2. Nothing is retried here. After a failed sync the kernel may have thrown away what it could not write and say so only once.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::DiskError;
use super::name::SegmentName;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
    #[cfg(test)]
    pub(super) fault: parking_lot::Mutex<Option<Fault>>,
    /// How much of each file, by its inode, a power loss would leave.
    #[cfg(test)]
    pub(super) durable: parking_lot::Mutex<std::collections::HashMap<u64, u64>>,
}

/// What a disk does wrong, in tests.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No file can be made.
    ReadOnly,
    /// Half of what is written finds room.
    Full,
    /// What was written cannot be made durable.
    SyncFails,
    /// Making it durable takes so long.
    Slow(std::time::Duration),
}

impl Folder {
    /// Makes the folder (0700) if it is missing, and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, DiskError> {
        let create = |source| DiskError::Create { path: path.to_owned(), source };
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(create)?;
            // The folder and the one that holds it, if that is new, too.
            path.ancestors()
                .skip(1)
                .take(2)
                .filter(|above| !above.as_os_str().is_empty())
                .try_for_each(sync_folder)
                .map_err(create)?;
        }
        let failed = |source| DiskError::Lock { path: path.to_owned(), source };
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(path.join(LOCK)).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => DiskError::Held { path: path.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
            #[cfg(test)]
            fault: parking_lot::Mutex::default(),
            #[cfg(test)]
            durable: parking_lot::Mutex::default(),
        })
    }

    pub(super) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// The segments there are, in the order of their names' parts.
    pub(super) fn segments(&self) -> Result<Vec<SegmentName>, DiskError> {
        let unread = |source| DiskError::Read { path: self.path.clone(), source };
        let mut names = Vec::new();
        for file in fs::read_dir(&self.path).map_err(unread)? {
            let file = file.map_err(unread)?.file_name();
            names.extend(file.to_str().and_then(SegmentName::parse));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a segment that must not be there yet; it is in the folder for good.
    pub(super) fn create(&self, name: &SegmentName) -> io::Result<File> {
        #[cfg(test)]
        if *self.fault.lock() == Some(Fault::ReadOnly) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(self.path_of(&name.to_string()))?;
        if let Err(error) = sync_folder(&self.path) {
            // Nobody will know of it; whether it goes does not matter.
            self.remove(name).unwrap_or_default();
            return Err(error);
        }
        Ok(file)
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "what a disk does wrong is the folder's, in tests"))]
    pub(super) fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if *self.fault.lock() == Some(Fault::Full) {
            file.write_all(bytes.split_at(bytes.len() / 2).0)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "what a disk does wrong is the folder's, in tests"))]
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        match *self.fault.lock() {
            Some(Fault::SyncFails) => return Err(io::Error::other("the disk is gone")),
            Some(Fault::Slow(delay)) => std::thread::sleep(delay),
            Some(Fault::ReadOnly | Fault::Full) | None => {}
        }
        #[cfg(test)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let metadata = file.metadata()?;
            self.durable.lock().insert(metadata.ino(), metadata.len());
        }
        file.sync_data()
    }

    pub(super) fn read(&self, name: &SegmentName) -> io::Result<File> {
        File::open(self.path_of(&name.to_string()))
    }

    pub(super) fn remove(&self, name: &SegmentName) -> io::Result<()> {
        fs::remove_file(self.path_of(&name.to_string()))
    }

    /// Replaces a small file as a whole: after a crash there is the old one or the new one.
    pub(super) fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let replacement = self.path_of(&format!("{file}.new"));
        let new = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&replacement)?;
        self.write(&new, bytes)?;
        self.sync(&new)?;
        fs::rename(&replacement, self.path_of(file))?;
        sync_folder(&self.path)
    }

    /// Whether there is room and the disk works: writes a file of some size, makes it durable, removes it.
    pub(super) fn probe(&self) -> io::Result<()> {
        self.replace(PROBE, &vec![0; PROBE_BYTES])?;
        fs::remove_file(self.path_of(PROBE))
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

const LOCK: &str = "lock";
const PROBE: &str = "probe";
/// Two thousand settlements: a disk that has no room for them is full.
const PROBE_BYTES: usize = 64 * 1024;
