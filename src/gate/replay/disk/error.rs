//! Why the store on disk cannot be opened.

use std::io;
use std::path::PathBuf;

/// Why the store on disk cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Its folder cannot be made.
    #[error("replay store {path}: cannot be created")]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its lock file cannot be opened or locked.
    #[error("replay store {path}: cannot be locked")]
    Lock {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("replay store {path}: another process is using it; one gateway a state_dir, or store = \"redis\" for several")]
    Held {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read: starting without it would be forgetting it.
    #[error("replay store: {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("replay store: {path} cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is of another version of this program.
    #[error("replay store: {path} is of another version; run that one, or move the folder away and start without history")]
    Version {
        /// The file.
        path: PathBuf,
    },
    /// The writer's thread did not start.
    #[error("the replay store's writer cannot start")]
    Thread(#[source] io::Error),
}
