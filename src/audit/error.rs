//! Why the audit log cannot be opened, read, or promised.

use std::io;
use std::path::PathBuf;

use crate::domain::reason::Reason;

/// Why the audit log cannot be opened or checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process writes it.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It has lines, and none of them is a record.
    #[error("{} is not an audit log", path.display())]
    NotAnAuditLog {
        /// The file.
        path: PathBuf,
    },
    /// The remembered head of the chain is unreadable.
    #[error("{} does not hold the head of a chain", path.display())]
    Head {
        /// The file.
        path: PathBuf,
    },
    /// Standard output is closed.
    #[error("standard output cannot be written to")]
    Stdout(#[source] io::Error),
    /// The writer's thread did not start.
    #[error("the audit writer cannot start")]
    Thread(#[source] io::Error),
    /// The last records could not be written in time.
    #[error("the audit log ended with records unwritten")]
    Unflushed,
}

/// Why no place can be promised for a delivery's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditUnavailable {
    /// As many deliveries as there are places wait for their record to be written.
    #[error("the queue of the audit writer is full")]
    QueueFull,
    /// The last write failed and has not succeeded since.
    #[error("the audit log cannot be written")]
    WriteFailing,
}

impl AuditUnavailable {
    /// What the request is refused with.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::QueueFull | Self::WriteFailing => Reason::AuditUnavailable,
        }
    }
}
