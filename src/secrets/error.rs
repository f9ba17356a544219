//! Why a secret cannot be had.
//!
//! Invariants: the variable or the path is named, the value never is.

use std::fmt;
use std::io;

use crate::domain::name::SecretId;
use crate::secrets::spec::SecretSource;

/// Why one text cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, there is no such file, or nothing came yet.
    #[error("{from} does not exist")]
    Missing {
        /// The variable or the file.
        from: SecretSource,
    },
    /// Nothing stands there but white space.
    #[error("{from} is empty")]
    Empty {
        /// The variable or the file.
        from: SecretSource,
    },
    /// There is more than a secret could be.
    #[error("{from} is larger than {bytes_max} bytes")]
    TooLarge {
        /// The variable or the file.
        from: SecretSource,
        /// The bound.
        bytes_max: usize,
    },
    /// The path leads to a directory, a pipe, a socket or a device.
    #[error("{from} is no regular file")]
    NotAFile {
        /// The file.
        from: SecretSource,
    },
    /// The file is there and cannot be read.
    #[error("{from} cannot be read: {source}")]
    Unreadable {
        /// The file.
        from: SecretSource,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// A secret of an integration that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("secret \"{id}\": {error}")]
pub struct SecretFault {
    /// Its id.
    pub id: SecretId,
    /// Why; the whole of it is in the display of the fault.
    pub error: SecretError,
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Url(url) => write!(formatter, "{url}"),
            Self::Certificates(urls) => write!(formatter, "certificates of {}", urls.host()),
            Self::Handshake(path) => write!(formatter, "handed-over secret {}", path.display()),
        }
    }
}
