//! A certificate for a first run: self-signed, for this machine's own names, made anew each time.
//!
//! Invariant: it is never used by `serve`; a certificate nobody checks belongs to demonstrations only.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Where the pair was written.
#[derive(Debug)]
pub(super) struct DevelopmentCertificate {
    /// The certificate, which is also the root to trust.
    pub(super) cert: PathBuf,
    /// The key, readable by its owner only.
    pub(super) key: PathBuf,
}

impl DevelopmentCertificate {
    /// Makes a pair for `localhost` and the loopback addresses in a directory.
    pub(super) fn write(directory: &Path) -> anyhow::Result<Self> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).context("making the development certificate")?;
        let pair = Self { cert: directory.join("development.crt"), key: directory.join("development.key") };
        write_private(&pair.cert, &made.cert.pem())?;
        write_private(&pair.key, &made.signing_key.serialize_pem())?;
        Ok(pair)
    }
}

/// Writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).with_context(|| format!("writing {}", path.display()))
}
