//! How logs look, and how much of them there is.
//!
//! Invariants:
//! 1. Logs go to standard error; standard output is data.
//! 2. Levels are static. Other crates are capped at `warn` whatever the level, for at `trace` an HTTP library prints the headers
//!    it reads, and secrets stand in headers.
//! 3. The HTTP/2 library warns of single frames that a peer sends: it is heard from `error` on, or a flood of frames would be
//!    one of lines. What ends a connection is counted.
//! 4. Control characters are escaped by the formatter, so one event is one line.

use std::io::{IsTerminal, stderr};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, registry};

use super::spec::{LogFormat, LogLevel, LogSpec};

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The process has one already.
    #[error("the log is set up already")]
    AlreadySet(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// Sets the log of the process up, once.
pub fn init(spec: &LogSpec) -> Result<(), LogError> {
    let subscriber = subscriber(spec, stderr().is_terminal(), stderr);
    tracing::subscriber::set_global_default(subscriber).map_err(LogError::AlreadySet)
}

fn subscriber<W>(spec: &LogSpec, terminal: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let text = match spec.format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = layer().with_writer(writer).with_ansi(text && terminal);
    let lines = if text { lines.boxed() } else { lines.json().flatten_event(true).with_span_list(false).boxed() };
    registry().with(lines.with_filter(targets(spec.level)))
}

fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let others = level.min(LevelFilter::WARN);
    Targets::new().with_default(others).with_target("h2", LevelFilter::ERROR).with_target(env!("CARGO_PKG_NAME"), level)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LogLevel, format: LogFormat, terminal: bool, talk: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = subscriber(&LogSpec { level, format }, terminal, move || writer.clone());
        tracing::subscriber::with_default(subscriber, talk);
        let bytes = captured.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn other_crates_never_speak_below_warn() {
        let talk = || {
            tracing::trace!(target: "hyper::proto::h1", "stripe-signature: canary");
            tracing::debug!(target: "rustls::conn", "canary");
            tracing::warn!(target: "h2::proto::ping_pong", "canary");
            tracing::warn!(target: "hyper", "loud");
            tracing::trace!("ours");
        };
        let text = logged(LogLevel::Trace, LogFormat::Json, false, talk);
        assert!(!text.contains("canary") && text.contains("loud") && text.contains("ours"), "{text}");
        assert_eq!(logged(LogLevel::Error, LogFormat::Json, false, talk), "");
    }

    #[test]
    fn the_level_is_the_least_that_is_logged() {
        let talk = || {
            tracing::info!("one");
            tracing::debug!("two");
        };
        let text = logged(LogLevel::Info, LogFormat::Text, false, talk);
        assert!(text.contains("one") && !text.contains("two"), "{text}");
    }

    #[test]
    fn auto_is_text_on_a_terminal_and_json_elsewhere() {
        let talk = || tracing::info!(integration = "payments", "line\nbreak \u{1b}[31mred");
        let json = logged(LogLevel::Info, LogFormat::Auto, false, talk);
        let event: serde_json::Value = serde_json::from_str(json.trim_end()).unwrap();
        assert_eq!((json.lines().count(), &event["integration"]), (1, &"payments".into()));
        assert!(!json.contains('\u{1b}'));
        let text = logged(LogLevel::Info, LogFormat::Auto, true, talk);
        assert!(!text.starts_with('{') && !text.contains("\u{1b}[31mred"), "{text}");
    }

    #[test]
    fn the_log_is_set_up_once() {
        let spec = LogSpec { level: LogLevel::Error, format: LogFormat::Json };
        let _ = init(&spec);
        assert!(matches!(init(&spec), Err(LogError::AlreadySet(_))));
    }
}
