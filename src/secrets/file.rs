//! Secrets in files.
//!
//! 1. The path may be a symlink: mounted secrets are.
//! 2. What it leads to is looked at before it is opened, because opening a pipe without a writer never returns, and again
//!    after it, because it may have been exchanged in between.
//! 3. At most one byte more than the bound is read, whatever the size of the file claims.
//! 4. One trailing `\n` or `\r\n` is not part of the secret.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::{SECRET_BYTES_MAX, SecretError};
use crate::secrets::spec::SecretSource;

pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let fault = |error| unreadable(path, error);
    require_regular(path, &fs::metadata(path).map_err(fault)?)?;
    let file = File::open(path).map_err(fault)?;
    require_regular(path, &file.metadata().map_err(fault)?)?;
    let mut text = bounded(file).map_err(fault)?;
    trim_newline(&mut text);
    Ok(text)
}

fn require_regular(path: &Path, metadata: &Metadata) -> Result<(), SecretError> {
    if metadata.is_file() { Ok(()) } else { Err(SecretError::NotAFile { from: source(path) }) }
}

/// The whole file and its newline, or one byte more than may be. The buffer has its final size from the start: growing it
/// would leave copies behind that nobody wipes.
fn bounded(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let enough = SECRET_BYTES_MAX.saturating_add("\r\n".len()).saturating_add(1);
    let mut text = Zeroizing::new(vec![0; enough]);
    let mut reader = file.take(u64::try_from(enough).unwrap_or(u64::MAX));
    let mut filled = 0;
    loop {
        match reader.read(text.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    text.truncate(filled);
    Ok(text)
}

fn trim_newline(text: &mut Vec<u8>) {
    if text.last() == Some(&b'\n') {
        text.pop();
        if text.last() == Some(&b'\r') {
            text.pop();
        }
    }
}

fn unreadable(path: &Path, error: io::Error) -> SecretError {
    match error.kind() {
        io::ErrorKind::NotFound => SecretError::Missing { from: source(path) },
        _ => SecretError::Unreadable { from: source(path), source: error },
    }
}

fn source(path: &Path) -> SecretSource {
    SecretSource::File(path.to_owned())
}
