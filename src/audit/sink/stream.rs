//! Standard output, pipes and devices.
//!
//! Invariant: what a stream took cannot be taken back, so after a partial write the next attempt goes on where that one ended.
//! Nothing is buffered here: the standard library's own buffer would hide which bytes the kernel has.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use crate::audit::error::AuditError;

#[derive(Debug)]
pub(in crate::audit) struct StreamSink {
    file: File,
    /// How much of the present batch the stream has already.
    taken: usize,
}

impl StreamSink {
    pub(super) fn stdout() -> Result<Self, AuditError> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned().map_err(AuditError::Stdout)?;
        Ok(Self { file: File::from(descriptor), taken: 0 })
    }

    pub(super) fn special(path: &Path) -> Result<Self, AuditError> {
        // Read and write, for a pipe nobody reads yet must not stop the start.
        let file = OpenOptions::new().read(true).append(true).open(path);
        let file = file.map_err(|source| AuditError::Open { path: path.to_owned(), source })?;
        Ok(Self { file, taken: 0 })
    }

    pub(super) fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        while let Some(rest) = batch.get(self.taken..).filter(|rest| !rest.is_empty()) {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => self.taken = self.taken.saturating_add(taken),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.taken = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_output_is_written_to_without_a_buffer_between() {
        StreamSink::stdout().unwrap().write(b"").unwrap();
    }

    #[test]
    fn a_full_device_fails_and_the_batch_begins_where_it_stopped() {
        let mut full = StreamSink::special(Path::new("/dev/full")).unwrap();
        assert_eq!(full.write(b"line\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut stream = StreamSink { file: file.reopen().unwrap(), taken: 3 };
        stream.write(b"one\ntwo\n").unwrap();
        stream.write(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "\ntwo\nthree\n");
    }
}
