//! A private directory that goes when its owner does.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::domain::request_id::RequestId;
use crate::domain::time::Clock;

/// The directory. Removed with everything in it when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a directory that only its owner can enter, under a name that nobody can guess before it exists.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        let name = format!("hookward-{purpose}-{}", RequestId::new(Clock::system().now().wall));
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own tidying of its temporary directory.
        let _left_behind = std::fs::remove_dir_all(&self.path);
    }
}
