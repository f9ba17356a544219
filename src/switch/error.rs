//! Why a switch cannot be thrown, or its position not be kept.

use std::io;
use std::path::PathBuf;

/// Why a switch's position cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The file of positions cannot be read.
    #[error("{}: the positions of kill switches cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of positions holds something else.
    #[error("{}: holds no positions of kill switches ({what}); mend it, or remove it if everything may be on", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found wrong first.
        what: &'static str,
    },
    /// The file of positions cannot be written.
    #[error("{}: the positions of kill switches cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There are more positions than are kept.
    #[error("more than {max} integrations are switched off; use --all")]
    Full {
        /// The bound.
        max: usize,
    },
}
