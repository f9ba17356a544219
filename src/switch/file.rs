//! The file of positions: `switches.json` in the state directory.
//!
//! 1. Replaced whole: written beside itself, synced, renamed, and the directory synced; a crash leaves the old or the new one.
//! 2. Read strictly and bounded: a member that this version does not know is as wrong as a missing one.
//! 3. Version 2 is version 1 and what is known of other replicas; it is written only where there is something to say of them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::agreement::Agreement;
use super::error::SwitchError;
use super::order::{Order, SwitchAnswer, Target};
use super::positions::{INTEGRATIONS_MAX, Position, Positions};
use crate::domain::time::UnixTime;

/// Ten thousand integrations with a long reason each.
const FILE_BYTES_MAX: u64 = 16 << 20;
const VERSION: u64 = 1;
const VERSION_SHARED: u64 = 2;

/// What was found wrong first.
pub(crate) type Wrong = &'static str;

/// The positions of a file; none where there is no file.
pub(super) fn read(path: &Path) -> Result<(Positions, Agreement), SwitchError> {
    let unreadable = |source| SwitchError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        other => other.map_err(unreadable)?,
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(unreadable)?;
    parse(&text).map_err(|what| SwitchError::Corrupt { path: path.to_owned(), what })
}

/// Replaces the file.
pub(super) fn write(path: &Path, positions: &Positions, agreement: &Agreement) -> Result<(), SwitchError> {
    replace(path, &render(positions, agreement)).map_err(|source| SwitchError::Unwritable { path: path.to_owned(), source })
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn render(positions: &Positions, agreement: &Agreement) -> Vec<u8> {
    let integrations = positions.integrations.iter().map(|(name, position)| (name.to_string(), render_position(position)));
    let is_shared = *agreement != Agreement::default();
    let mut value = json!({
        "version": if is_shared { VERSION_SHARED } else { VERSION },
        "all": positions.all.as_ref().map(render_order),
        "integrations": integrations.collect::<Map<_, _>>(),
    });
    if let Some(members) = value.as_object_mut().filter(|_| is_shared) {
        members.insert("shared".to_owned(), render_agreement(agreement));
    }
    format!("{value:#}\n").into_bytes()
}

fn render_agreement(agreement: &Agreement) -> Value {
    let revisions = agreement.revisions.iter().map(|(target, revision)| (target.word(), json!(revision)));
    let untold = agreement.untold.iter().map(|(target, why)| (target.word(), json!(why.as_str())));
    json!({ "epoch": agreement.epoch, "revisions": revisions.collect::<Map<_, _>>(), "untold": untold.collect::<Map<_, _>>() })
}

fn render_position(position: &Position) -> Value {
    let secrets = position.secrets.iter().map(|(id, order)| (id.to_string(), render_order(order)));
    json!({ "whole": position.whole.as_ref().map(render_order), "secrets": secrets.collect::<Map<_, _>>() })
}

pub(crate) fn render_order(order: &Order) -> Value {
    json!({
        "reason": order.why.as_str(),
        "since": order.since.rfc3339_micros(),
        "until": order.until.map(UnixTime::rfc3339_micros),
        "answer": order.answer.status(),
    })
}

fn parse(text: &[u8]) -> Result<(Positions, Agreement), Wrong> {
    let value = serde_json::from_slice(text).map_err(|_| "no JSON")?;
    let mut table = table(value, "no object")?;
    let agreement = match table.remove("version").and_then(|version| version.as_u64()) {
        Some(VERSION) => Agreement::default(),
        Some(VERSION_SHARED) => parse_agreement(take(&mut table, "shared")?)?,
        _ => return Err("another version"),
    };
    let all = parse_optional(take(&mut table, "all")?)?;
    let integrations = named(take(&mut table, "integrations")?, parse_position)?;
    if integrations.len() > INTEGRATIONS_MAX {
        return Err("too many integrations");
    }
    nothing_left(&table)?;
    Ok((Positions { all, integrations }, agreement))
}

fn parse_agreement(value: Value) -> Result<Agreement, Wrong> {
    let mut agreed = table(value, "what is shared is no object")?;
    let epoch = take(&mut agreed, "epoch")?.as_str().ok_or("no epoch")?.to_owned();
    let revisions = targets(take(&mut agreed, "revisions")?, |value| value.as_u64().ok_or("no revision"))?;
    let why = |value: Value| value.as_str().and_then(|text| text.parse().ok()).ok_or("no reason");
    let untold = targets(take(&mut agreed, "untold")?, why)?;
    nothing_left(&agreed)?;
    Ok(Agreement { epoch, revisions, untold })
}

fn targets<V>(value: Value, parse: impl Fn(Value) -> Result<V, Wrong>) -> Result<BTreeMap<Target, V>, Wrong> {
    let one = |(word, value): (String, Value)| Ok((Target::of_word(&word).ok_or("no target")?, parse(value)?));
    table(value, "no object of targets")?.into_iter().map(one).collect()
}

fn parse_position(value: Value) -> Result<Position, Wrong> {
    let mut table = table(value, "an integration is no object")?;
    let whole = parse_optional(take(&mut table, "whole")?)?;
    let secrets = named(take(&mut table, "secrets")?, parse_order)?;
    nothing_left(&table)?;
    Ok(Position { whole, secrets })
}

fn parse_optional(value: Value) -> Result<Option<Order>, Wrong> {
    if value.is_null() { Ok(None) } else { parse_order(value).map(Some) }
}

pub(crate) fn parse_order(value: Value) -> Result<Order, Wrong> {
    let mut table = table(value, "an order is no object")?;
    let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).ok_or("no time");
    let why = take(&mut table, "reason")?.as_str().and_then(|text| text.parse().ok()).ok_or("no reason")?;
    let since = time(&take(&mut table, "since")?)?;
    let until = Some(take(&mut table, "until")?).filter(|until| !until.is_null());
    let until = until.as_ref().map(time).transpose()?;
    let answer = take(&mut table, "answer")?.as_u64().and_then(SwitchAnswer::from_status).ok_or("no answer")?;
    nothing_left(&table)?;
    Ok(Order { why, since, until, answer })
}

fn named<K, V>(value: Value, parse: impl Fn(Value) -> Result<V, Wrong>) -> Result<BTreeMap<K, V>, Wrong>
where
    K: std::str::FromStr + Ord,
{
    let one = |(name, value): (String, Value)| Ok((name.parse().map_err(|_| "no name")?, parse(value)?));
    table(value, "no object of names")?.into_iter().map(one).collect()
}

fn table(value: Value, wrong: Wrong) -> Result<Map<String, Value>, Wrong> {
    if let Value::Object(table) = value { Ok(table) } else { Err(wrong) }
}

fn take(table: &mut Map<String, Value>, key: &str) -> Result<Value, Wrong> {
    table.remove(key).ok_or("a member is missing")
}

fn nothing_left(table: &Map<String, Value>) -> Result<(), Wrong> {
    if table.is_empty() { Ok(()) } else { Err("an unknown member") }
}
