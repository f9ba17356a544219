//! Checked settings of the log, and of what is sent by OTLP.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use crate::secrets::spec::SecretSource;

/// How much is logged and in which form. Logs go to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSpec {
    /// The least level that is logged.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
}

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is sent by OTLP over HTTP, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSpec {
    /// Where to.
    pub endpoint: Endpoint,
    /// Whether spans are.
    pub traces: bool,
    /// Whether metrics are.
    pub metrics: bool,
    /// Whether audit records are.
    pub logs: bool,
    /// Headers of every request, such as an authorization.
    pub headers: Vec<(HeaderName, SecretSource)>,
    /// How often.
    pub interval: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// How many of a hundred traces that begin here are recorded.
    pub sample_percent: u8,
    /// `service.name`.
    pub service_name: String,
}

/// A receiver of OTLP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The value of `Host`.
    pub authority: String,
    /// What stands before `/v1/traces`.
    pub path: String,
    /// The roots its certificate is verified against; the system's when absent.
    pub ca: Option<PathBuf>,
}
