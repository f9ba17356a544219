//! What replicas tell each other besides claims: positions that must agree, and that they are there.
//!
//! Two hashes under the prefix: `switches`, one field a position with its revision, and `replicas`, one field a replica with
//! when it was heard. What the texts in them mean is the caller's business.
//!
//! 1. *One order.* Every write takes the next revision of the hash `switches`; its `#epoch` names one unbroken history of it.
//! 2. *The last writer wins who knew what was there; of two who did not know of each other the stricter one.* A write names the
//!    revision that it was made in view of. Where the field has a later one, or the epoch is another, it is only carried out if
//!    it is stricter: if it holds for longer. Where it is not, and turns something off, what stands takes a new revision:
//!    nobody who did not know of either takes it back.
//! 3. *Bounded.* Of the fields that hold nothing any more all are let go when there are too many; a replica is forgotten when
//!    it was not heard for long, and the whole hash expires when none is.
//! 4. *Apart from claims.* Calls have a deadline of their own, and none of them takes the connection away: a fault here, a
//!    missing right for one, costs no delivery.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::RedisStore;
use super::error::RedisFault;
use super::link::{self, Call};
use super::random;
use super::script::{CLOCK, Script};

/// A position that never ends by itself, as its end in milliseconds: the largest number that scripts keep exactly.
pub const FOREVER_MS: u64 = (1 << 53) - 1;
/// How many positions are kept.
pub const POSITIONS_MAX: usize = 20_000;
/// How many replicas are told of.
pub const REPLICAS_MAX: usize = 64;

/// A position as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What it is of.
    pub field: String,
    /// Which write it is.
    pub revision: u64,
    /// Until when it holds; nought where nothing holds.
    pub until_ms: u64,
    /// What it says.
    pub text: String,
}

/// All positions at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// Which history they are of.
    pub epoch: String,
    /// The last write of it.
    pub revision: u64,
    /// The positions; `None` if nothing was written since the revision that was known.
    pub positions: Option<Vec<Position>>,
}

/// A write, in view of a revision of an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The epoch known.
    pub epoch: &'a str,
    /// The field's revision known; nought if none.
    pub base: u64,
    /// What to write.
    pub field: &'a str,
    /// Until when it holds.
    pub until_ms: u64,
    /// What it says.
    pub text: &'a str,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands, as this revision.
    Stands {
        /// The epoch it was written to.
        epoch: String,
        /// Its revision.
        revision: u64,
    },
    /// Another one that it was not made in view of is as strict, and stands.
    Kept(Position),
    /// There are too many positions.
    Full,
}

/// A replica that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its id.
    pub id: String,
    /// How long ago.
    pub ago: Duration,
    /// What it said.
    pub text: String,
}

/// Why there was no exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// There is no connection that may be used.
    #[error("Redis cannot be used")]
    Unlinked,
    /// It did not go well.
    #[error("Redis {0}")]
    Fault(RedisFault),
}

impl ExchangeError {
    /// Whether the server will refuse it again.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Fault(RedisFault::Refused { .. }))
    }
}

/// One of the two hashes: its name behind the prefix, and its bit among the keys that are no deliveries.
struct Hash {
    name: &'static str,
    bit: u64,
}

const SWITCHES: Hash = Hash { name: "switches", bit: 1 };
const REPLICAS: Hash = Hash { name: "replicas", bit: 2 };

/// The scripts of both hashes.
pub(super) struct ReplicaScripts {
    write: Script,
    read: Script,
    beat: Script,
    leave: Script,
}

impl ReplicaScripts {
    pub(super) fn new() -> Self {
        Self {
            write: Script::new(CLOCK, &WRITE.replace("EPOCH", EPOCH)),
            read: Script::new("", &READ.replace("EPOCH", EPOCH)),
            beat: Script::new(CLOCK, BEAT),
            leave: Script::new("", "redis.call('HDEL', KEYS[1], ARGV[1])\nreturn {}\n"),
        }
    }
}

/// Begins a history where there is none; `candidate` is its name.
const EPOCH: &str = "
local epoch = redis.call('HGET', KEYS[1], '#epoch')
if not epoch then
  epoch = candidate
  redis.call('HSET', KEYS[1], '#epoch', epoch, '#revision', '0')
end
local revision = tonumber(redis.call('HGET', KEYS[1], '#revision') or '0')
";

const WRITE: &str = "
local candidate = ARGV[6]
EPOCH
local function strictness(value)
  local ends = tonumber(string.match(value, '^%d+ (%d+) ') or '0')
  if ends <= now then return 0 end
  return ends
end
local ends = tonumber(ARGV[4])
local found = redis.call('HGET', KEYS[1], ARGV[3])
if found then
  local known = epoch == ARGV[1] and tonumber(string.match(found, '^(%d+) ') or '0') <= tonumber(ARGV[2])
  if not known and strictness(found) >= ends then
    if ends > 0 then
      local next = string.format('%d', revision + 1)
      found = next .. string.match(found, '^%d+( .*)$')
      redis.call('HSET', KEYS[1], '#revision', next, ARGV[3], found)
    end
    return {'kept', found}
  end
elseif redis.call('HLEN', KEYS[1]) - 2 >= tonumber(ARGV[7]) then
  local all = redis.call('HGETALL', KEYS[1])
  for at = 1, #all, 2 do
    if string.sub(all[at], 1, 1) ~= '#' and strictness(all[at + 1]) == 0 then redis.call('HDEL', KEYS[1], all[at]) end
  end
  if redis.call('HLEN', KEYS[1]) - 2 >= tonumber(ARGV[7]) then return {'full'} end
end
local next = string.format('%d', revision + 1)
redis.call('HSET', KEYS[1], '#revision', next, ARGV[3], next .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
return {'stands', epoch, next}
";

const READ: &str = "
local candidate = ARGV[3]
EPOCH
local number = string.format('%d', revision)
if epoch == ARGV[1] and number == ARGV[2] then return {epoch, number} end
local found = {epoch, number, 'all'}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if string.sub(all[at], 1, 1) ~= '#' then
    table.insert(found, all[at])
    table.insert(found, all[at + 1])
  end
end
return found
";

const BEAT: &str = "
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  local heard, text = string.match(all[at + 1], '^(%d+) (.*)$')
  local ago = now - tonumber(heard or '0')
  if ago > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[at])
  elseif #found < 3 * tonumber(ARGV[4]) then
    table.insert(found, all[at])
    table.insert(found, string.format('%d', math.max(ago, 0)))
    table.insert(found, text)
  end
end
return found
";

impl RedisStore {
    /// Writes a position, unless a stricter one stands that the writer did not know of.
    pub async fn write_position(&self, write: &Write<'_>, deadline: Duration) -> Result<Written, ExchangeError> {
        let (base, until, candidate, most) =
            (write.base.to_string(), write.until_ms.to_string(), name()?, POSITIONS_MAX.to_string());
        let arguments = [write.epoch, &base, write.field, &until, write.text, &candidate, &most];
        let answer = self.exchange(&self.shared.replica_scripts.write, &SWITCHES, &arguments, deadline).await?;
        let texts: Vec<&str> = answer.iter().map(String::as_str).collect();
        match *texts.as_slice() {
            ["stands", epoch, revision] => Ok(Written::Stands { epoch: epoch.to_owned(), revision: number(revision)? }),
            ["kept", found] => position(write.field, found).map(Written::Kept),
            ["full"] => Ok(Written::Full),
            _ => Err(ExchangeError::Fault(RedisFault::Garbled)),
        }
    }

    /// Reads all positions, if something was written since a revision of an epoch.
    pub async fn read_positions(&self, epoch: &str, revision: u64, deadline: Duration) -> Result<Board, ExchangeError> {
        let (known, candidate) = (revision.to_string(), name()?);
        let arguments = [epoch, &known, &candidate];
        let answer = self.exchange(&self.shared.replica_scripts.read, &SWITCHES, &arguments, deadline).await?;
        let [epoch, revision, rest @ ..] = answer.as_slice() else { return Err(ExchangeError::Fault(RedisFault::Garbled)) };
        let positions = match rest {
            [] => None,
            [_, fields @ ..] => Some(fields.chunks_exact(2).map(pair).collect::<Result<_, _>>()?),
        };
        Ok(Board { epoch: epoch.clone(), revision: number(revision)?, positions })
    }

    /// Says that a replica is there, and hears who else is. Whoever was not heard for `kept` is forgotten.
    pub async fn beat(&self, id: &str, text: &str, kept: Duration, deadline: Duration) -> Result<Vec<Heard>, ExchangeError> {
        let (kept, most) = (super::millis(kept).to_string(), REPLICAS_MAX.to_string());
        let answer = self.exchange(&self.shared.replica_scripts.beat, &REPLICAS, &[id, text, &kept, &most], deadline).await?;
        answer.chunks_exact(3).map(heard).collect()
    }

    /// Says that a replica ends.
    pub async fn leave(&self, id: &str, deadline: Duration) -> Result<(), ExchangeError> {
        self.exchange(&self.shared.replica_scripts.leave, &REPLICAS, &[id], deadline).await.map(drop)
    }

    async fn exchange(
        &self,
        script: &Script,
        hash: &Hash,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<Vec<String>, ExchangeError> {
        let link = self.shared.board.link().ok_or(ExchangeError::Unlinked)?;
        let key = format!("{}{}", self.shared.prefix, hash.name).into_bytes();
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
        let call = Call { script, keys: &[&key], arguments: &arguments };
        let answer = tokio::time::timeout(deadline, link::run(&link.connection, &call)).await;
        let answer = answer.unwrap_or(Err(RedisFault::TimedOut)).map_err(ExchangeError::Fault)?;
        self.shared.beside.fetch_or(hash.bit, Ordering::Relaxed);
        Ok(answer)
    }
}

fn name() -> Result<String, ExchangeError> {
    random().map(|number| format!("{number:032x}")).ok_or(ExchangeError::Unlinked)
}

fn number(text: &str) -> Result<u64, ExchangeError> {
    text.parse().map_err(|_| ExchangeError::Fault(RedisFault::Garbled))
}

fn pair(pair: &[String]) -> Result<Position, ExchangeError> {
    match pair {
        [field, value] => position(field, value),
        _ => Err(ExchangeError::Fault(RedisFault::Garbled)),
    }
}

/// `<revision> <end> <text>`.
fn position(field: &str, value: &str) -> Result<Position, ExchangeError> {
    let mut parts = value.splitn(3, ' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(revision), Some(until), Some(text)) => {
            let (revision, until_ms) = (number(revision)?, number(until)?);
            Ok(Position { field: field.to_owned(), revision, until_ms, text: text.to_owned() })
        }
        _ => Err(ExchangeError::Fault(RedisFault::Garbled)),
    }
}

fn heard(triple: &[String]) -> Result<Heard, ExchangeError> {
    match triple {
        [id, ago, text] => Ok(Heard { id: id.clone(), ago: Duration::from_millis(number(ago)?), text: text.clone() }),
        _ => Err(ExchangeError::Fault(RedisFault::Garbled)),
    }
}
