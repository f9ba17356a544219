//! The audit file: appended, locked, rotated by size.
//!
//! Rules:
//! 1. After a failed write the file is cut back to its last whole line before anything is written again.
//! 2. A batch that would make the file larger than its bound goes into a new file; the chain does not notice. `file` becomes
//!    `file.1`, that `file.2`, and so on up to `keep`; what is older is removed.
//! 3. A file somebody else renamed or removed is noticed at the next sync, and its name is opened anew. One that somebody cut
//!    is appended to from where it now ends; the chain shows the gap.
//! 4. One process at a time: the open file is locked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::audit::chain::{Head, Tail};
use crate::audit::error::AuditError;

use super::head::claim;
use super::tail::read_tail;

#[derive(Debug)]
pub(in crate::audit) struct FileSink {
    path: PathBuf,
    file: File,
    /// How long the file is up to its last whole line.
    whole_bytes: u64,
    max_size_bytes: u64,
    keep: u32,
    /// Whether a newline must close what a crash left, before anything else.
    unterminated: bool,
    /// Whether a new file was begun since somebody asked.
    pub(super) rotated: bool,
    /// How much space a test leaves.
    #[cfg(test)]
    pub(in crate::audit) space: Option<std::sync::Arc<std::sync::atomic::AtomicUsize>>,
}

impl FileSink {
    pub(super) fn open(path: &Path, max_size_bytes: u64, keep: u32) -> Result<(Self, Tail), AuditError> {
        let unreadable = |source| AuditError::Read { path: path.to_owned(), source };
        let file = open_append(path).map_err(|source| AuditError::Open { path: path.to_owned(), source })?;
        claim(&file, path)?;
        let whole_bytes = file.metadata().map_err(unreadable)?.len();
        let tail = read_tail(&file, whole_bytes).map_err(unreadable)?;
        let mut tail = tail.ok_or_else(|| AuditError::NotAnAuditLog { path: path.to_owned() })?;
        if whole_bytes == 0 {
            // A crash between a rotation and its first line: the chain ends in the file before.
            tail.last = last_of(&rotated(path, 1)).map_err(unreadable)?;
        }
        let sink = Self {
            path: path.to_owned(),
            file,
            whole_bytes,
            max_size_bytes,
            keep,
            unterminated: tail.unterminated,
            rotated: false,
            #[cfg(test)]
            space: None,
        };
        Ok((sink, tail))
    }

    pub(super) fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        self.cut_back()?;
        if self.is_due(batch) {
            self.rotate()?;
        }
        let closed = self.unterminated.then(|| [b"\n", batch].concat());
        let bytes = closed.as_deref().unwrap_or(batch);
        if let Err(error) = self.put(bytes) {
            // If this fails, too, the next attempt begins with it.
            let _ = self.cut_back();
            return Err(error);
        }
        self.whole_bytes = self.whole_bytes.saturating_add(bytes.len() as u64);
        self.unterminated = false;
        Ok(())
    }

    /// Makes the file end where its last whole line does.
    fn cut_back(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length > self.whole_bytes {
            self.file.set_len(self.whole_bytes)?;
        }
        self.whole_bytes = self.whole_bytes.min(length);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(space) = &self.space {
            use std::sync::atomic::Ordering::SeqCst;
            let taken = bytes.len().min(space.load(SeqCst));
            space.fetch_sub(taken, SeqCst);
            self.file.write_all(&bytes[..taken])?;
            return if taken < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) };
        }
        self.file.write_all(bytes)
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.follow_name()
    }

    /// A second handle on what is written now, for whoever syncs it. It shares the lock.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub(super) fn follow_name(&mut self) -> io::Result<()> {
        if self.was_moved()? {
            self.reopen()?;
        }
        Ok(())
    }

    fn was_moved(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match self.path.metadata() {
            Ok(named) => Ok((named.dev(), named.ino()) != (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn is_due(&self, batch: &[u8]) -> bool {
        let length = self.whole_bytes.saturating_add(batch.len() as u64);
        self.whole_bytes > 0 && !self.unterminated && length > self.max_size_bytes
    }

    /// Every step may fail and be taken again: a name that is gone was moved by the attempt before.
    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.path.try_exists()? {
            for age in (1..self.keep).rev() {
                rename_if_there(&rotated(&self.path, age), &rotated(&self.path, age.saturating_add(1)))?;
            }
            if self.keep == 0 {
                fs::remove_file(&self.path)?;
            } else {
                fs::rename(&self.path, rotated(&self.path, 1))?;
            }
        }
        self.rotated = true;
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = open_append(&self.path)?;
        file.try_lock()?;
        let metadata = file.metadata()?;
        self.whole_bytes = metadata.len();
        self.file = file;
        Ok(())
    }
}

fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

fn rotated(path: &Path, age: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    name.into()
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn last_of(path: &Path) -> io::Result<Option<Head>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    Ok(read_tail(&file, length)?.and_then(|tail| tail.last))
}

#[cfg(test)]
mod tests;
