//! The scripts: one for each step of a claim, atomic where they run.
//!
//! Keys: `KEYS[1]` is the claim's own, `KEYS[2]` the generation's where both are needed. Values: `h` and the owner's token for
//! a claim in flight, `s` for a settled one. Every time to live is relative and at least a second.
//!
//! 1. *claim* writes only into the generation that the claim was judged by, only until the caller's deadline by the server's
//!    clock, and only while no clock has passed `keep_until`: a command that waited in a stopped server is not carried out
//!    late, and a server whose clock jumped ahead does not take a forgotten delivery for a new one.
//! 2. *settle* holds whoever owns the claim, in whatever generation, and never shortens what is settled.
//! 3. *release*, *lapse* and *forget* look before they touch.
//! 4. *open* joins the generation whose mark is this server's, or begins one. It rehearses every command of a claim on a key
//!    of its own (`KEYS[2]`), so that a server that takes no writes, or a user without the rights, is noticed.

use redis::{Cmd, cmd};
use sha1::{Digest, Sha1};

/// Milliseconds by the server's clock.
pub(super) const CLOCK: &str = "local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
";

const CLAIM: &str = "
if redis.call('HGET', KEYS[2], 'id') ~= ARGV[1] then return {3} end
local held = redis.call('GET', KEYS[1])
if held == 's' then return {1} end
if held then return {2, redis.call('PTTL', KEYS[1])} end
if now > tonumber(ARGV[2]) then return {4} end
if now >= tonumber(ARGV[3]) then return {5} end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
return {0}
";

const SETTLE: &str = "
local keep = math.max(tonumber(ARGV[1]) - now, tonumber(ARGV[2]), 0) + 1000
if redis.call('GET', KEYS[1]) == 's' then keep = math.max(keep, redis.call('PTTL', KEYS[1])) end
redis.call('SET', KEYS[1], 's', 'PX', keep)
return {1}
";

const RELEASE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return {1}
";

const LAPSE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1}
";

const FORGET: &str = "
if redis.call('GET', KEYS[1]) ~= 's' then return {0} end
redis.call('DEL', KEYS[1])
return {1}
";

const OPEN: &str = "
local found = redis.call('HMGET', KEYS[1], 'id', 'mark', 'born')
redis.call('HGET', KEYS[1], 'id')
if not found[1] or found[2] ~= ARGV[1] or found[1] == ARGV[3] then
  found = {ARGV[2], ARGV[1], now}
  redis.call('HSET', KEYS[1], 'id', ARGV[2], 'mark', ARGV[1], 'born', string.format('%d', now))
end
redis.call('SET', KEYS[2], 'h', 'PX', 1000)
redis.call('GET', KEYS[2])
redis.call('PTTL', KEYS[2])
redis.call('PEXPIRE', KEYS[2], 1000)
redis.call('DEL', KEYS[2])
return {found[1], string.format('%d', found[3]), string.format('%d', now), tostring(redis.call('DBSIZE'))}
";

/// A script and the name it is known by to a server that ran it before.
pub(super) struct Script {
    text: String,
    sha1: String,
}

impl Script {
    pub(super) fn new(head: &str, body: &str) -> Self {
        let text = format!("{head}{body}");
        let sha1 = data_encoding::HEXLOWER.encode(&Sha1::digest(&text));
        Self { text, sha1 }
    }

    /// The command that runs it: by its name, or by its text where the server does not know it.
    pub(super) fn command(&self, by_text: bool, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        let (verb, script) = if by_text { ("EVAL", &self.text) } else { ("EVALSHA", &self.sha1) };
        let mut command = cmd(verb);
        command.arg(script).arg(keys.len());
        for argument in keys.iter().chain(arguments) {
            command.arg(*argument);
        }
        command
    }
}

/// All of them.
pub(super) struct Scripts {
    pub(super) claim: Script,
    settle: Script,
    /// The same for a full server: what is settled is smaller than the claim it replaces.
    settle_when_full: Script,
    pub(super) release: Script,
    pub(super) lapse: Script,
    pub(super) forget: Script,
    pub(super) open: Script,
}

impl Scripts {
    /// `clock` is [`CLOCK`], unless a test has one of its own.
    pub(super) fn new(clock: &str) -> Self {
        Self {
            claim: Script::new(clock, CLAIM),
            settle: Script::new(clock, SETTLE),
            settle_when_full: Script::new("#!lua flags=allow-oom\n", &format!("{clock}{SETTLE}")),
            release: Script::new("", RELEASE),
            lapse: Script::new("", LAPSE),
            forget: Script::new("", FORGET),
            open: Script::new(clock, OPEN),
        }
    }

    pub(super) const fn settle(&self, knows_script_flags: bool) -> &Script {
        if knows_script_flags { &self.settle_when_full } else { &self.settle }
    }
}
