//! What the changing verbs have in common: an order, and what the gateway said to it.
//!
//! 1. Done is data on stdout; exit 0.
//! 2. No such name, or a configuration that was refused, is a no: exit 1, with the gateway's words on stderr.
//! 3. Anything else could not be done: exit 2.

use anyhow::{Result, bail};
use clap::Args;
use http::StatusCode;
use serde_json::Value;

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exchange::Answer;
use crate::cli::exit::Verdict;
use crate::cli::output::{self, Format, FormatArgument};

/// What is switched.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct TargetArgument {
    /// The integration.
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// All integrations, also those that a reload adds later.
    #[arg(long)]
    all: bool,
    /// One secret of the integration instead of the whole of it.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    secret: Option<String>,
}

impl TargetArgument {
    /// The path of an action on it.
    pub(super) fn path(&self, action: &str) -> Result<String> {
        let name = self.name.as_deref().unwrap_or("-");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !name.bytes().all(is_plain) || (name.starts_with('-') && !self.all) || name.is_empty() {
            bail!("no integration can have this name");
        }
        Ok(format!("/api/v1/integrations/{name}/{action}"))
    }

    /// The secret, if it is one.
    pub(super) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }
}

/// Sends an order and prints what became of it.
pub(super) fn order(configuration: &ConfigurationArgument, path: &str, order: &Value, output: FormatArgument) -> Result<Verdict> {
    let answer = configuration.admin_client()?.tell(path, order)?;
    let said = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    match answer.status {
        StatusCode::OK => {
            print(&said, output.format)?;
            Ok(Verdict::Yes)
        }
        StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
            for line in complaints(&said, &answer) {
                output::talk(format_args!("hookward: {}", output::printable(&line)));
            }
            Ok(Verdict::No)
        }
        StatusCode::UNAUTHORIZED => {
            bail!("the gateway refused the admin token: is it the one of this configuration, and readable?")
        }
        status => bail!("the gateway answered {status}: {}", output::printable(&complaints(&said, &answer).join("; "))),
    }
}

fn complaints(said: &Value, answer: &Answer) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(faults) = said.get("faults").and_then(Value::as_array) {
        return faults.iter().filter_map(text).collect();
    }
    let error = said.get("error").and_then(text);
    vec![error.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).trim().to_owned())]
}

fn print(said: &Value, format: Format) -> Result<()> {
    match format {
        Format::Json => output::json(said)?,
        Format::Text => output::line(&sentence(said))?,
    };
    Ok(())
}

/// The members as `key value` pairs on one line.
fn sentence(said: &Value) -> String {
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}: {}", output::printable(text)),
        other => format!("{key}: {other}"),
    };
    said.as_object().map(|members| members.iter().map(pair).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn target(name: Option<&str>, all: bool) -> TargetArgument {
        TargetArgument { name: name.map(str::to_owned), all, secret: None }
    }

    #[test]
    fn names_become_paths_and_nothing_else_does() {
        assert_eq!(target(Some("a-b"), false).path("disable").unwrap(), "/api/v1/integrations/a-b/disable");
        assert_eq!(target(None, true).path("enable").unwrap(), "/api/v1/integrations/-/enable");
        for bad in ["", "-", "a/b", "a b", "../x", "a?b", "a%2f"] {
            assert!(target(Some(bad), false).path("disable").is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_gateway_says_is_told() {
        let answer = |body: &'static str| Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) };
        assert_eq!(complaints(&json!({ "faults": ["a", "b"] }), &answer("")), ["a", "b"]);
        assert_eq!(complaints(&json!({ "error": "no" }), &answer("")), ["no"]);
        assert_eq!(complaints(&Value::Null, &answer("not found\n")), ["not found"]);
        assert_eq!(sentence(&json!({ "integration": "a", "answer": 403 })), "answer: 403, integration: a");
    }
}
