//! Where lines go: a file that is rotated, or a stream.
//!
//! Owns: all writing of the audit log to the system. Must not know: what a record is.
//! Invariant of [`Sink::write`]: on an error nothing of the batch counts as written, and the caller comes back with exactly the
//! same bytes until it succeeds.

use std::fs::File;
use std::io;
use std::path::Path;

use super::chain::Tail;
use super::error::AuditError;
use super::spec::{AuditOutput, AuditSpec};

pub(super) mod file;
pub(super) mod head;
pub(super) mod stream;
mod tail;

use file::FileSink;
use stream::StreamSink;

/// An open output.
#[derive(Debug)]
pub(super) enum Sink {
    File(FileSink),
    Stream(StreamSink),
}

impl Sink {
    /// Opens the output and reads how it ended.
    pub(super) fn open(spec: &AuditSpec) -> Result<(Self, Tail), AuditError> {
        match &spec.output {
            AuditOutput::Stdout => Ok((Self::Stream(StreamSink::stdout()?), Tail::default())),
            AuditOutput::File(path) if is_special(path) => Ok((Self::Stream(StreamSink::special(path)?), Tail::default())),
            AuditOutput::File(path) => {
                let (file, tail) = FileSink::open(path, spec.max_size_bytes, spec.keep)?;
                Ok((Self::File(file), tail))
            }
        }
    }

    /// Hands whole lines to the kernel.
    pub(super) fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write(batch),
            Self::Stream(stream) => stream.write(batch),
        }
    }

    /// Waits until the kernel has them on disk, where there is a disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync(),
            Self::Stream(_) => Ok(()),
        }
    }

    /// A handle by which another thread waits for the disk, where there is one; the name is followed here.
    pub(super) fn handle(&mut self) -> io::Result<Option<File>> {
        let Self::File(file) = self else { return Ok(None) };
        let handle = file.handle()?;
        file.follow_name()?;
        Ok(Some(handle))
    }

    /// Whether a new file was begun since this was last asked.
    pub(super) const fn take_rotated(&mut self) -> bool {
        match self {
            Self::File(file) => std::mem::replace(&mut file.rotated, false),
            Self::Stream(_) => false,
        }
    }

    /// Whether what was written can be read again at the next start.
    pub(super) const fn remembers(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// A pipe or a device: it has no size, no end and no older files.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}
