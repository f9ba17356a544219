//! Why Redis cannot be used: what an operator reads in the log and when a start is refused.
//!
//! Invariants: a fault has the server's error code at most, never its text, which repeats what was sent.

use std::io;
use std::path::PathBuf;

use redis::RedisError;
use rustls_pki_types::pem;

use super::address::AddressError;

/// Why the store cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum RedisOpenError {
    /// The URL is none.
    #[error("the URL {0}")]
    Address(#[from] AddressError),
    /// The file of roots cannot be read.
    #[error("{path}: cannot be read as PEM certificates: {source}")]
    Roots {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// There is nothing to trust.
    #[error("there is no root certificate to trust the server's by")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The thread cannot be started.
    #[error("the thread of the store cannot be started: {0}")]
    Thread(io::Error),
    /// Waiting will not mend it.
    #[error("{0}")]
    Unfit(RedisFault),
}

/// Why Redis cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisFault {
    /// There is no connection, or no longer.
    #[error("cannot be reached ({0})")]
    Unreachable(io::ErrorKind),
    /// It did not answer in time.
    #[error("does not answer in time")]
    TimedOut,
    /// It refused a command.
    #[error("refuses commands ({code})")]
    Refused {
        /// The code its error begins with.
        code: String,
    },
    /// It is a replica.
    #[error("is a replica: the URL must lead to the primary")]
    Replica,
    /// It may drop what must be remembered.
    #[error("has maxmemory-policy {policy}: it must be noeviction, or claims are forgotten early")]
    Evicts {
        /// What it has.
        policy: String,
    },
    /// Its parts could lose their memory one by one.
    #[error("is a cluster, which is not supported: use a primary, alone or with sentinels")]
    Cluster,
    /// Nothing would say that it was restarted.
    #[error("says no run_id in INFO: a restart could not be noticed")]
    NoRunId,
    /// No sentinel knows the primary.
    #[error("has no sentinel that knows the primary")]
    NoPrimary,
    /// The sentinels name another server by now.
    #[error("is no longer the primary, say the sentinels")]
    Superseded,
    /// It answered what was not asked.
    #[error("answers what was not asked")]
    Garbled,
}

impl RedisFault {
    /// Whether waiting will not mend it: a start is refused.
    pub(super) fn is_for_good(&self) -> bool {
        match self {
            Self::Refused { code } => ["WRONGPASS", "NOAUTH", "NOPERM", "AUTH"].contains(&code.as_str()),
            Self::Evicts { .. } | Self::Cluster | Self::NoRunId => true,
            _ => false,
        }
    }

    /// Whether another connection may be better.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Refused { code } => ["READONLY", "NOAUTH", "WRONGPASS", "AUTH"].contains(&code.as_str()),
            Self::Evicts { .. } => false,
            _ => true,
        }
    }
}

impl From<RedisError> for RedisFault {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            redis::ErrorKind::Io => Self::Unreachable(io_kind(&error)),
            redis::ErrorKind::AuthenticationFailed => Self::Refused { code: "AUTH".to_owned() },
            redis::ErrorKind::Server(_) | redis::ErrorKind::Extension => {
                Self::Refused { code: error.code().unwrap_or("ERR").chars().take(CODE_CHARS_MAX).collect() }
            }
            _ => Self::Garbled,
        }
    }
}

impl From<io::Error> for RedisFault {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.kind())
    }
}

fn io_kind(error: &RedisError) -> io::ErrorKind {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.map_or(io::ErrorKind::BrokenPipe, io::Error::kind)
}

const CODE_CHARS_MAX: usize = 32;
