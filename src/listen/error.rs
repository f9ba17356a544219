//! Why a listener cannot start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::spec::BindAddress;
use crate::domain::name::ListenerName;

/// Why the listeners cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("listener {name}: cannot bind {address}")]
    Bind {
        /// The listener.
        name: ListenerName,
        /// Its address.
        address: BindAddress,
        /// What the operating system says.
        source: io::Error,
    },
    /// A socket was handed over that no listener asks for.
    #[error("a socket was handed over that listens on {address}, and no listener binds that")]
    Unwanted {
        /// Where it listens.
        address: SocketAddr,
    },
    /// TLS cannot be set up.
    #[error("listener {name}: TLS cannot be set up")]
    Tls {
        /// The listener.
        name: ListenerName,
        /// Why not.
        source: TlsError,
    },
    /// A thread or its runtime cannot be started.
    #[error("cannot start the {thread} thread")]
    Thread {
        /// Which thread.
        thread: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Why certificates cannot be used. Names files, never says what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is no regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// It is larger than any such file is.
    #[error("{} is larger than {max_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        max_bytes: u64,
    },
    /// It holds no certificate in PEM.
    #[error("{} holds no PEM certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in it cannot be parsed.
    #[error("{} holds a certificate that cannot be parsed", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
    },
    /// It holds no private key in PEM.
    #[error("{} holds no PEM private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is of no kind that can be used.
    #[error("{} holds a private key that cannot be used", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate belong to different pairs.
    #[error("the key in {} does not belong to the certificate in {}", key.display(), cert.display())]
    KeyMismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// It holds no certificate that could issue those of clients.
    #[error("{} holds no certificate that could issue those of clients", path.display())]
    BadClientCa {
        /// The file.
        path: PathBuf,
    },
    /// There is no certificate to serve.
    #[error("no certificate is named")]
    NoneNamed,
    /// The TLS library refuses the settings.
    #[error("the TLS library refuses the settings")]
    Settings(#[source] rustls::Error),
}
