//! Data on stdout, talk on stderr, as text or JSON.
//!
//! Owns: both streams. Invariants: a reader that closes the pipe is no failure and never a panic; text that came from
//! elsewhere is escaped before it reaches a terminal.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write};

use clap::{Args, ValueEnum};
use serde_json::Value;

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `--format` of the verbs that print data.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FormatArgument {
    /// How the data on stdout is written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Whether anybody reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The stream took the bytes.
    Listening,
    /// The other end of the pipe is closed.
    Gone,
}

/// Writes data to stdout, whole.
///
/// # Errors
/// When stdout fails in another way than a closed pipe, such as a full disk.
pub(crate) fn data(bytes: &[u8]) -> io::Result<Audience> {
    deliver(&mut io::stdout().lock(), bytes)
}

/// Writes text and its line's end to stdout.
///
/// # Errors
/// As [`data`].
pub(crate) fn line(text: &str) -> io::Result<Audience> {
    data(format!("{text}\n").as_bytes())
}

/// Writes a JSON value, indented, to stdout.
///
/// # Errors
/// As [`data`].
pub(crate) fn json(value: &Value) -> io::Result<Audience> {
    line(&format!("{value:#}"))
}

/// Writes one message to stderr. Nobody can be told if that fails.
pub(crate) fn talk(message: impl Display) {
    let _ = deliver(&mut io::stderr().lock(), format!("{message}\n").as_bytes());
}

fn deliver(stream: &mut impl Write, bytes: &[u8]) -> io::Result<Audience> {
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Ok(()) => Ok(Audience::Listening),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Audience::Gone),
        Err(error) => Err(error),
    }
}

/// Columns under their titles, two spaces apart, without trailing blanks. Cells are made [`printable`].
pub(crate) fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    let mut lines = vec![titles.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))));
    let mut widths = [0; N];
    for row in &lines {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    lines.iter().map(|row| aligned(row, &widths)).collect()
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, &width) in row.iter().zip(widths) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{cell:<width$}  ");
    }
    format!("{}\n", line.trim_end())
}

/// The text with control characters escaped, so that it cannot steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() { safe.extend(character.escape_default()) } else { safe.push(character) }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(self.0))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is() {
        assert_eq!(deliver(&mut Vec::new(), b"x").unwrap(), Audience::Listening);
        assert_eq!(deliver(&mut Failing(ErrorKind::BrokenPipe), b"x").unwrap(), Audience::Gone);
        assert!(deliver(&mut Failing(ErrorKind::StorageFull), b"x").is_err());
    }

    #[test]
    fn tables_align_and_escape() {
        let rows = [["a".to_owned(), "\u{1b}[31m".to_owned()], ["long".to_owned(), String::new()]];
        assert_eq!(table(["name", "state"], &rows), "name  state\na     \\u{1b}[31m\nlong\n");
    }
}
