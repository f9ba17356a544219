//! Reads certificate and key files, bounded, and without a word of their content in an error.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::listen::error::TlsError;

/// The chain, leaf first.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path, CHAIN_BYTES_MAX)?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    // What the PEM reader complains about may be a line of the file: it goes no further.
    let chain = chain.map_err(|_| TlsError::NoCertificate { path: path.to_owned() })?;
    if chain.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

/// The first private key.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(path, KEY_BYTES_MAX)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TlsError::NoKey { path: path.to_owned() })
}

fn read(path: &Path, max_bytes: u64) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source: io::Error| TlsError::Unreadable { path: path.to_owned(), source };
    // Asked before opening: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(TlsError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    // Allocated whole, so that growing leaves no copy of a key behind; the one byte more shows a file that goes on.
    let length = metadata.len().min(max_bytes);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length.saturating_add(1)).unwrap_or_default()));
    file.take(length.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read <= length) {
        return Ok(bytes);
    }
    if length == max_bytes {
        return Err(TlsError::TooLarge { path: path.to_owned(), max_bytes });
    }
    Err(unreadable(io::Error::other("it grew while it was read")))
}

const CHAIN_BYTES_MAX: u64 = 1 << 20;
const KEY_BYTES_MAX: u64 = 64 << 10;
