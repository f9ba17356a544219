//! A signed request on its way out, and the three ways to print it. Pure.
//!
//! 1. `headers`: the header lines, one a line, as they go with the body.
//! 2. `http`: the raw HTTP/1.1 message, which `hookward verify --request` reads back.
//! 3. `curl`: a command for a POSIX shell; every argument is quoted, nothing in it is ever run or expanded.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::ValueEnum;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method};

use crate::cli::destination::Destination;

/// How a signed request is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rendering {
    /// Its header lines.
    Headers,
    /// A curl command.
    Curl,
    /// The raw message.
    Http,
}

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The method.
    pub(crate) method: Method,
    /// Where it goes.
    pub(crate) destination: Destination,
    /// All headers but `Host` and those of framing.
    pub(crate) headers: HeaderMap,
    /// The body, exactly.
    pub(crate) body: Bytes,
    /// The file the body was read from, where there is one.
    pub(crate) body_file: Option<PathBuf>,
    /// Roots that curl is to trust, where they are named.
    pub(crate) cacert: Option<PathBuf>,
}

/// A body that stands in no shell word and in no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is binary and cannot stand in a command line: keep it in a file and give --body FILE")]
pub(crate) struct BinaryBody;

impl Outgoing {
    /// The request in one of the ways.
    pub(crate) fn render(&self, rendering: Rendering) -> Result<Vec<u8>, BinaryBody> {
        match rendering {
            Rendering::Headers => Ok(self.header_lines("\n")),
            Rendering::Http => Ok(self.message()),
            Rendering::Curl => self.curl().map(String::into_bytes),
        }
    }

    fn header_lines(&self, line_end: &str) -> Vec<u8> {
        let mut lines = Vec::new();
        for (name, value) in &self.headers {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value.as_bytes());
            lines.extend_from_slice(line_end.as_bytes());
        }
        lines
    }

    fn message(&self) -> Vec<u8> {
        let Destination { authority, target, .. } = &self.destination;
        let mut message = format!("{} {target} HTTP/1.1\r\n{HOST}: {authority}\r\n", self.method).into_bytes();
        message.extend(self.header_lines("\r\n"));
        message.extend(format!("{CONTENT_LENGTH}: {}\r\n\r\n", self.body.len()).into_bytes());
        message.extend_from_slice(&self.body);
        message
    }

    fn curl(&self) -> Result<String, BinaryBody> {
        let mut command = format!("curl --include --request {} {}", self.method, quoted(&self.destination.to_string()));
        // Writing to a string cannot fail.
        if self.destination.target.contains(['{', '}', '[', ']']) {
            command.push_str(" --globoff");
        }
        if let Some(roots) = &self.cacert {
            let _ = write!(command, " \\\n  --cacert {}", quoted(&text_of(roots)?));
        }
        for (name, value) in &self.headers {
            let value = value.to_str().map_err(|_| BinaryBody)?;
            // Without a value curl would remove the header; `Name;` sends it empty.
            let line = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            let _ = write!(command, " \\\n  --header {}", quoted(&line));
        }
        let _ = write!(command, " \\\n  {}", self.curl_body()?);
        command.push('\n');
        Ok(command)
    }

    /// `--data-raw` reads no leading `@`; `--data-binary @FILE` keeps every byte of the file.
    fn curl_body(&self) -> Result<String, BinaryBody> {
        if let Some(file) = &self.body_file {
            return Ok(format!("--data-binary {}", quoted(&format!("@{}", text_of(file)?))));
        }
        let text = std::str::from_utf8(&self.body).map_err(|_| BinaryBody)?;
        if text.contains('\0') { Err(BinaryBody) } else { Ok(format!("--data-raw {}", quoted(text))) }
    }
}

fn text_of(path: &Path) -> Result<String, BinaryBody> {
    path.to_str().map(str::to_owned).ok_or(BinaryBody)
}

/// One word of a POSIX shell: inside single quotes nothing is special but the quote itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::cli::captured;

    fn outgoing(body: &'static [u8]) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.append("content-type", HeaderValue::from_static("application/json"));
        headers.append("x-signature", HeaderValue::from_static("v1=ab'c$(id)"));
        headers.append("x-empty", HeaderValue::from_static(""));
        let destination = "http://localhost:8080/in?a=1&b={2}".parse().unwrap();
        Outgoing { method: Method::POST, destination, headers, body: Bytes::from_static(body), body_file: None, cacert: None }
    }

    #[test]
    fn headers_stand_one_a_line() {
        let lines = outgoing(b"{}").render(Rendering::Headers).unwrap();
        assert_eq!(lines, b"content-type: application/json\nx-signature: v1=ab'c$(id)\nx-empty: \n");
    }

    #[test]
    fn the_message_reads_back_as_a_captured_request() {
        let request = outgoing(b"a\r\n\r\nb\xff");
        let received = captured::parse(&request.render(Rendering::Http).unwrap().into()).unwrap();
        assert_eq!(received.body.contiguous().as_ref(), b"a\r\n\r\nb\xff");
        assert_eq!(received.head.target, "/in?a=1&b={2}");
        assert_eq!(received.head.headers.get("host").unwrap(), "localhost:8080");
        assert_eq!(received.head.headers.get("content-length").unwrap(), "7");
        assert_eq!(received.head.headers.get("x-signature"), request.headers.get("x-signature"));
    }

    #[test]
    fn a_shell_gives_every_argument_back_unchanged() {
        let body = b"@it's \"a\"\n$HOME `id` \\ !x {*}";
        let command = String::from_utf8(outgoing(body).render(Rendering::Curl).unwrap()).unwrap();
        let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{command}");
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        let expected = [
            "--include",
            "--request",
            "POST",
            "http://localhost:8080/in?a=1&b={2}",
            "--globoff",
            "--header",
            "content-type: application/json",
            "--header",
            "x-signature: v1=ab'c$(id)",
            "--header",
            "x-empty;",
            "--data-raw",
            std::str::from_utf8(body).unwrap(),
        ];
        assert_eq!(words.trim_end_matches('\0').split('\0').collect::<Vec<_>>(), expected);
    }

    #[test]
    fn files_are_named_and_binary_bodies_refused() {
        let mut request = outgoing(b"\xff");
        assert_eq!(request.render(Rendering::Curl), Err(BinaryBody));
        request.body_file = Some(PathBuf::from("it's.bin"));
        request.cacert = Some(PathBuf::from("ca.pem"));
        let command = String::from_utf8(request.render(Rendering::Curl).unwrap()).unwrap();
        assert!(command.contains(r"--data-binary '@it'\''s.bin'"), "{command}");
        assert!(command.contains("--cacert 'ca.pem'"), "{command}");
        assert_eq!(outgoing(b"a\0b").render(Rendering::Curl), Err(BinaryBody));
    }
}
