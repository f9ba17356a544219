//! What an operator asks for, parsed: a path and a JSON object to a [`Command`]. Pure.
//!
//! Invariants: a member that a command does not have is refused: a misspelt `"for"` would otherwise disable for good.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::request_id::RequestId;
use crate::domain::size::parse_duration;
use crate::switch::order::{SwitchAnswer, Target, Why};

/// What stands in a path for all integrations: no name begins with it.
const ALL: &str = "-";
/// The longest time that a switch can have an end: a slip of the unit, beyond that.
const FOR_MAX: Duration = Duration::from_secs(366 * 86_400);

/// How long a provider is waited for, unless the operator says otherwise.
const ARMED_DEFAULT: Duration = Duration::from_secs(600);
/// And at most.
const ARMED_MAX: Duration = Duration::from_secs(86_400);

/// Which command a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Reload,
    AllowAgain,
    /// Of one integration, or of all.
    Disable(Option<IntegrationName>),
    Enable(Option<IntegrationName>),
    Arm(IntegrationName),
    /// A path of this kind with a name that none can have.
    Unknown,
}

/// A command, ready to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Reload,
    AllowAgain { request_id: RequestId, why: Why },
    Disable { target: Target, why: Why, lasts: Option<Duration>, answer: Option<SwitchAnswer> },
    Enable { target: Target, why: Why },
    Arm { integration: IntegrationName, secret: Option<SecretId>, why: Why, lasts: Duration },
}

/// What is wrong with the body of a command, for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("the body must be one JSON object")]
    NoObject,
    #[error("\"{0}\" is missing")]
    Missing(&'static str),
    #[error("\"{0}\" {1}")]
    Wrong(&'static str, &'static str),
    #[error("a member that this call does not have")]
    Unknown,
}

impl Verb {
    /// The verb of a path, if it is one of a command.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/api/v1/reload" => return Some(Self::Reload),
            "/api/v1/allow-again" => return Some(Self::AllowAgain),
            _ => {}
        }
        let (name, action) = path.strip_prefix("/api/v1/integrations/")?.split_once('/')?;
        let name = match name {
            ALL => Some(None),
            name => name.parse().ok().map(Some),
        };
        match (action, name) {
            ("disable", Some(name)) => Some(Self::Disable(name)),
            ("enable", Some(name)) => Some(Self::Enable(name)),
            ("arm", Some(Some(name))) => Some(Self::Arm(name)),
            ("disable" | "enable" | "arm", None) | ("arm", Some(None)) => Some(Self::Unknown),
            _ => None,
        }
    }

    /// The whole command, from its body. An empty body is one without members.
    pub(super) fn read(self, body: &[u8]) -> Result<Command, CommandError> {
        let mut members = Members::of(body)?;
        let command = match self {
            Self::Reload => Command::Reload,
            Self::AllowAgain => {
                let request_id = members.required("request_id")?;
                let request_id = request_id.parse().map_err(|_| CommandError::Wrong("request_id", "is no request id"))?;
                Command::AllowAgain { request_id, why: members.why()? }
            }
            Self::Disable(name) => {
                let target = members.target(name)?;
                let (why, lasts, answer) = (members.why()?, members.lasts()?, members.answer()?);
                if answer.is_some() && matches!(target, Target::Secret(..)) {
                    return Err(CommandError::Wrong("answer", "means nothing for one secret: others may verify"));
                }
                Command::Disable { target, why, lasts, answer }
            }
            Self::Enable(name) => Command::Enable { target: members.target(name)?, why: members.why()? },
            Self::Arm(integration) => {
                let secret = members.secret()?;
                Command::Arm { integration, secret, why: members.why()?, lasts: members.armed_for()? }
            }
            Self::Unknown => return Err(CommandError::Unknown),
        };
        members.nothing_left().map(|()| command)
    }
}

/// The members that nobody has asked for yet.
struct Members(Map<String, Value>);

impl Members {
    fn of(body: &[u8]) -> Result<Self, CommandError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(CommandError::NoObject),
        }
    }

    fn optional(&mut self, key: &'static str) -> Result<Option<String>, CommandError> {
        match self.0.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(CommandError::Wrong(key, "must be text")),
        }
    }

    fn required(&mut self, key: &'static str) -> Result<String, CommandError> {
        self.optional(key)?.ok_or(CommandError::Missing(key))
    }

    fn why(&mut self) -> Result<Why, CommandError> {
        let text = self.required("reason")?;
        text.parse().map_err(|_| CommandError::Wrong("reason", "must be one line of 1 to 256 characters"))
    }

    fn target(&mut self, name: Option<IntegrationName>) -> Result<Target, CommandError> {
        match (name, self.secret()?) {
            (None, None) => Ok(Target::All),
            (Some(name), None) => Ok(Target::Integration(name)),
            (Some(name), Some(id)) => Ok(Target::Secret(name, id)),
            (None, Some(_)) => Err(CommandError::Wrong("secret", "belongs to one integration, not to all")),
        }
    }

    fn secret(&mut self) -> Result<Option<SecretId>, CommandError> {
        let secret = self.optional("secret")?.map(|id| id.parse::<SecretId>()).transpose();
        secret.map_err(|_| CommandError::Wrong("secret", "is no secret's id"))
    }

    /// How long a provider is waited for: a window that nobody remembers is one for strangers.
    fn armed_for(&mut self) -> Result<Duration, CommandError> {
        match self.lasts()? {
            None => Ok(ARMED_DEFAULT),
            Some(lasts) if lasts <= ARMED_MAX => Ok(lasts),
            Some(_) => Err(CommandError::Wrong("for", "must be at most 24h")),
        }
    }

    fn lasts(&mut self) -> Result<Option<Duration>, CommandError> {
        let wrong = CommandError::Wrong("for", "must be a duration such as 90s, 2h or 7d, of at most 366d");
        let Some(text) = self.optional("for")? else { return Ok(None) };
        let lasts = parse_duration(&text).map_err(|_| wrong.clone())?;
        if lasts.is_zero() || lasts > FOR_MAX { Err(wrong) } else { Ok(Some(lasts)) }
    }

    fn answer(&mut self) -> Result<Option<SwitchAnswer>, CommandError> {
        let wrong = CommandError::Wrong("answer", "must be 503 or 403");
        let status = match self.0.remove("answer") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(other) => other.as_u64(),
        };
        status.and_then(SwitchAnswer::from_status).map(Some).ok_or(wrong)
    }

    fn nothing_left(&self) -> Result<(), CommandError> {
        if self.0.is_empty() { Ok(()) } else { Err(CommandError::Unknown) }
    }
}
