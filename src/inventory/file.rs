//! The files of what was seen: `inventory/NAME.json` in the state directory.
//!
//! 1. Replaced whole: written beside itself, synced, renamed; a crash leaves the old or the new one.
//! 2. Read strictly and bounded. What is wrong is set aside as `NAME.json.unreadable`, so that it can be looked at, and the
//!    integration begins anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::hours::{HOURS, Hours, Odd, UNKNOWN};
use super::known::{Known, Seen};
use super::life::{ANOMALIES_MAX, Anomaly, EVENTS_MAX, Life, NETWORKS_MAX, SECRETS_MAX, SecretUse, UpstreamHealth};
use crate::domain::finding::FindingKind;
use crate::domain::reason::Reason;

/// Full lists are a tenth of this.
const FILE_BYTES_MAX: u64 = 1 << 20;
const VERSION: u64 = 1;

/// What was found wrong first.
type Wrong = &'static str;

/// The life that a file holds; `None` where there is no file, or it had to be set aside.
pub(super) fn read(path: &Path) -> Option<Life> {
    let wrong = match bounded(path) {
        Ok(text) => match parse(&text) {
            Ok(life) => return Some(life),
            Err(wrong) => wrong.to_owned(),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => error.to_string(),
    };
    let aside = path.with_extension("json.unreadable");
    let set_aside = fs::rename(path, &aside).is_ok();
    tracing::error!(file = %path.display(), wrong, set_aside, "what was seen of an integration cannot be read; it begins anew");
    None
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// Replaces the file.
pub(super) fn write(path: &Path, life: &Life) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(render(life).to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn render(life: &Life) -> Value {
    let secrets = life.secrets.iter().map(|secret| json!([secret.id.as_str(), secret.since, secret.last]));
    let reason = |(at, reason): (i64, Reason)| json!([at, reason.code()]);
    let anomalies = life.anomalies.iter().map(|anomaly| {
        let odd = anomaly.odd.map(|odd| json!([odd.observed, odd.expected]));
        json!([anomaly.kind.code(), anomaly.at, anomaly.about, odd])
    });
    let hours = &life.hours;
    let counts = hours.counts.iter().map(|count| if *count == UNKNOWN { Value::Null } else { json!(count) });
    json!({
        "version": VERSION,
        "since": life.since,
        "deliveries": life.deliveries,
        "last_delivery": life.last_delivery,
        "last_accepted": life.last_accepted,
        "last_refused": life.last_refused.map(reason),
        "secrets": secrets.collect::<Vec<_>>(),
        "events": render_known(&life.events, ToString::to_string),
        "networks": render_known(&life.networks, ToString::to_string),
        "upstream": [life.upstream.last_success, life.upstream.last_failure.map(reason), life.upstream.failures_in_a_row],
        "anomalies": anomalies.collect::<Vec<_>>(),
        "hours": {
            "hour": hours.hour, "count": hours.count, "whole": hours.is_whole, "last": hours.last,
            "counts": counts.collect::<Vec<_>>(),
        },
    })
}

fn render_known<K>(known: &Known<K>, text: impl Fn(&K) -> String) -> Value {
    let seen = known.entries().iter().map(|seen| json!([text(&seen.key), seen.first, seen.last, seen.count]));
    json!({ "forgotten": known.forgotten(), "seen": seen.collect::<Vec<_>>() })
}

fn parse(text: &[u8]) -> Result<Life, Wrong> {
    let value: Value = serde_json::from_slice(text).map_err(|_| "no JSON")?;
    if value.get("version") != Some(&json!(VERSION)) {
        return Err("another version");
    }
    Ok(Life {
        since: whole(&value, "since")?,
        deliveries: value.get("deliveries").and_then(Value::as_u64).ok_or("deliveries")?,
        last_delivery: optional(&value, "last_delivery")?,
        last_accepted: optional(&value, "last_accepted")?,
        last_refused: value.get("last_refused").map(parse_refusal).ok_or("last_refused")??,
        secrets: list(&value, "secrets", SECRETS_MAX)?.iter().map(parse_secret).collect::<Result<_, _>>()?,
        events: parse_known(value.get("events"), EVENTS_MAX, |text| Some(Box::from(text)))?,
        networks: parse_known(value.get("networks"), NETWORKS_MAX, |text| text.parse().ok())?,
        upstream: parse_upstream(value.get("upstream").ok_or("upstream")?)?,
        anomalies: list(&value, "anomalies", ANOMALIES_MAX)?.iter().map(parse_anomaly).collect::<Result<_, _>>()?,
        hours: parse_hours(value.get("hours").ok_or("hours")?)?,
        untold: Vec::new(),
    })
}

fn whole(value: &Value, key: Wrong) -> Result<i64, Wrong> {
    value.get(key).and_then(Value::as_i64).ok_or(key)
}

fn optional(value: &Value, key: Wrong) -> Result<Option<i64>, Wrong> {
    maybe(value.get(key).ok_or(key)?, key)
}

/// A whole number or `null`; anything else is wrong.
fn maybe(value: &Value, wrong: Wrong) -> Result<Option<i64>, Wrong> {
    if value.is_null() { Ok(None) } else { value.as_i64().map(Some).ok_or(wrong) }
}

fn list(value: &Value, key: Wrong, most: usize) -> Result<&[Value], Wrong> {
    let list = value.get(key).and_then(Value::as_array).filter(|list| list.len() <= most);
    list.map(Vec::as_slice).ok_or(key)
}

fn parse_refusal(value: &Value) -> Result<Option<(i64, Reason)>, Wrong> {
    let [at, code] = match value.as_array().map(Vec::as_slice) {
        None if value.is_null() => return Ok(None),
        Some([at, code]) => [at, code],
        _ => return Err("a refusal"),
    };
    let reason = Reason::ALL.into_iter().find(|reason| Some(reason.code()) == code.as_str());
    Ok(Some((at.as_i64().ok_or("a refusal")?, reason.ok_or("a reason")?)))
}

fn parse_secret(value: &Value) -> Result<SecretUse, Wrong> {
    let Some([id, since, last]) = value.as_array().map(Vec::as_slice) else { return Err("a secret") };
    let id = id.as_str().and_then(|id| id.parse().ok()).ok_or("a secret's id")?;
    Ok(SecretUse { id, since: since.as_i64().ok_or("a secret")?, last: maybe(last, "a secret")? })
}

fn parse_known<K>(value: Option<&Value>, most: usize, key: impl Fn(&str) -> Option<K>) -> Result<Known<K>, Wrong> {
    let value = value.ok_or("a list of what was seen")?;
    let one = |value: &Value| {
        let [text, first, last, count] = value.as_array()?.as_slice() else { return None };
        Some(Seen { key: key(text.as_str()?)?, first: first.as_i64()?, last: last.as_i64()?, count: count.as_u64()? })
    };
    let seen = list(value, "seen", most)?.iter().map(one).collect::<Option<_>>().ok_or("something seen")?;
    Ok(Known::restored(most, seen, value.get("forgotten").and_then(Value::as_u64).ok_or("forgotten")?))
}

fn parse_upstream(value: &Value) -> Result<UpstreamHealth, Wrong> {
    let Some([success, failure, failures]) = value.as_array().map(Vec::as_slice) else { return Err("upstream") };
    Ok(UpstreamHealth {
        last_success: maybe(success, "upstream")?,
        last_failure: parse_refusal(failure)?,
        failures_in_a_row: failures.as_u64().ok_or("upstream")?,
    })
}

fn parse_anomaly(value: &Value) -> Result<Anomaly, Wrong> {
    let Some([code, at, about, odd]) = value.as_array().map(Vec::as_slice) else { return Err("an anomaly") };
    let kind = FindingKind::ALL.into_iter().find(|kind| kind.is_anomaly() && Some(kind.code()) == code.as_str());
    let odd = match odd.as_array().map(Vec::as_slice) {
        Some([observed, expected]) => {
            observed.as_u64().zip(expected.as_u64()).map(|(observed, expected)| Odd { observed, expected })
        }
        _ => None,
    };
    let about = about.as_str().map(str::to_owned);
    Ok(Anomaly { kind: kind.ok_or("an anomaly")?, at: at.as_i64().ok_or("an anomaly")?, about, odd })
}

fn parse_hours(value: &Value) -> Result<Hours, Wrong> {
    let counts = list(value, "counts", HOURS)?.iter().map(|count| match count {
        Value::Null => Some(UNKNOWN),
        other => other.as_u64().and_then(|count| u32::try_from(count).ok()),
    });
    let counts: Vec<u32> = counts.collect::<Option<_>>().ok_or("counts")?;
    if counts.len() != HOURS {
        return Err("counts");
    }
    let count = value.get("count").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).ok_or("count")?;
    let is_whole = value.get("whole").and_then(Value::as_bool).ok_or("whole")?;
    Ok(Hours::restored(counts, whole(value, "hour")?, count, is_whole, whole(value, "last")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Source;
    use crate::domain::time::UnixTime;
    use crate::inventory::life::Sight;

    fn lived() -> Life {
        let mut life = Life::new(UnixTime::from_seconds(1_780_000_000));
        let secret = "2026-q4".parse().unwrap();
        life.expect_secrets([&secret].into_iter(), UnixTime::from_seconds(1_780_000_000));
        for (step, reason) in [Reason::Delivered, Reason::SignatureMismatch, Reason::UpstreamTimeout].into_iter().enumerate() {
            let at = UnixTime::from_seconds(1_780_000_000 + 3000 * i64::try_from(step).unwrap());
            let source = Source::new("2001:db8::1".parse().unwrap());
            let verified = (reason != Reason::SignatureMismatch).then_some(&secret);
            life.see(&Sight { at, reason, source, secret: verified, event: Some("a \"b\" é"), upstream_status: Some(200) });
        }
        life.anomalies.push(Anomaly {
            kind: FindingKind::RateHigh,
            at: 5,
            about: None,
            odd: Some(Odd { observed: 7, expected: 3 }),
        });
        life
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert_eq!(read(&path), None);
        write(&path, &lived()).unwrap();
        assert_eq!(read(&path), Some(lived()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_cut_and_every_lie_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let text = render(&lived()).to_string();
        for length in (0..text.len()).step_by(97) {
            fs::write(&path, &text[..length]).unwrap();
            assert_eq!(read(&path), None, "{length}");
            assert!(!path.exists() && folder.path().join("a.json.unreadable").exists());
        }
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("2001:db8::/48", "2001:db8::/47"),
            ("upstream_timeout", "no-reason"),
            ("2026-q4", "2026 q4"),
            ("\"whole\":false", "\"whole\":null"),
            ("rate-high", "silent"),
            ("\"since\":1780000000", "\"since\":null"),
        ] {
            let lie = text.replace(from, to);
            assert!(lie != text, "{from}");
            assert!(parse(lie.as_bytes()).is_err(), "{to}");
        }
        fs::create_dir(&path).unwrap();
        assert_eq!(read(&path), None, "a folder in the way is set aside, too");
    }
}
