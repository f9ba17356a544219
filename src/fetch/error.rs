//! Why nothing was fetched.

/// Why nothing was fetched. Never holds what was answered.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Too much is asked at once, or too often.
    #[error("too much is fetched already")]
    Busy,
    /// There are no roots to verify anybody's certificate against.
    #[error("the system has no roots to verify certificates against")]
    Roots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The host cannot be reached, or is not who it should be.
    #[error("{host} cannot be reached: {source}")]
    Unreachable {
        /// The host.
        host: String,
        /// What the system or TLS says.
        #[source]
        source: std::io::Error,
    },
    /// It does not speak HTTP.
    #[error("{host} does not answer as it should")]
    Http {
        /// The host.
        host: String,
        /// What is wrong.
        #[source]
        source: hyper::Error,
    },
    /// The request cannot be made.
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    /// It answers something else than 200.
    #[error("{host} answers {status}")]
    Status {
        /// The host.
        host: String,
        /// What it answers.
        status: http::StatusCode,
    },
    /// It answers more than is wanted.
    #[error("{host} answers more than {max_bytes} bytes, or breaks off")]
    Body {
        /// The host.
        host: String,
        /// The bound.
        max_bytes: usize,
    },
    /// It is too slow.
    #[error("{host} does not answer in time")]
    TimedOut {
        /// The host.
        host: String,
    },
}
