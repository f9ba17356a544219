//! What one replica says of itself, and what is shown of the others.
//!
//! Invariants: what another replica wrote is cut and taken for text; this one is always in the list.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::time::UnixTime;
use crate::gate::replay::redis::replicas::Heard;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::switch::order::Target;

/// How many of its switches a replica names.
const OFF_MAX: usize = 32;
const TEXT_CHARS_MAX: usize = 128;
/// Silent for longer than some beats, and for longer than a restart takes.
const LATE: Duration = Duration::from_secs(3);
const LOST: Duration = Duration::from_secs(15);

/// What does not change about this replica.
pub(super) struct Own {
    pub(super) id: String,
    pub(super) name: String,
    /// Name and id: what is written where it did something.
    pub(super) label: String,
    started: String,
}

/// A replica as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Peer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// What its configuration comes to: the same letters, the same integrations.
    pub(crate) configuration: String,
    pub(crate) started: String,
    /// How long ago it was heard.
    pub(crate) heard_ms: u64,
    /// `heard`, `late` or `lost`.
    pub(crate) state: &'static str,
    pub(crate) is_self: bool,
    /// What is off there: `all`, `i:NAME` or `s:NAME:ID`.
    pub(crate) off: Vec<String>,
    /// How many findings its inventory has.
    pub(crate) findings: u64,
}

impl Own {
    /// A name from the host, and an id that no other process has.
    pub(super) fn new(now: UnixTime) -> Self {
        let name = host_name().unwrap_or_else(|| "hookward".to_owned());
        let mut random = [0; 4];
        // Without randomness the time tells processes of one host apart.
        let id = match getrandom::fill(&mut random) {
            Ok(()) => data_encoding::HEXLOWER.encode(&random),
            Err(_) => format!("{:x}", now.micros()),
        };
        Self { label: format!("{name}/{id}"), id, name, started: now.to_string() }
    }

    /// What it says of itself.
    pub(super) fn text(&self, site: &Site, findings: u64) -> String {
        let off: Vec<_> = site.shared.switches.targets().iter().take(OFF_MAX).map(Target::word).collect();
        let configuration = fingerprint(site.integrations.iter().map(AsRef::as_ref));
        json!({
            "name": self.name, "version": env!("CARGO_PKG_VERSION"), "started": self.started,
            "configuration": configuration, "off": off, "findings": findings,
        })
        .to_string()
    }
}

impl Peer {
    /// What was heard of a replica.
    pub(super) fn of(heard: &Heard, own_id: &str) -> Self {
        let value: Value = serde_json::from_str(&heard.text).unwrap_or_default();
        let text = |member: &str| cut(value.get(member).and_then(Value::as_str).unwrap_or("-"));
        let off = value.get("off").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            id: cut(&heard.id),
            name: text("name"),
            version: text("version"),
            configuration: text("configuration"),
            started: text("started"),
            heard_ms: u64::try_from(heard.ago.as_millis()).unwrap_or(u64::MAX),
            state: state(heard.ago),
            is_self: heard.id == own_id,
            off: off.iter().take(OFF_MAX).filter_map(Value::as_str).map(cut).collect(),
            findings: value.get("findings").and_then(Value::as_u64).unwrap_or(0),
        }
    }

    /// The same a while later, in which nobody was heard.
    pub(super) fn after(&self, silence: Duration) -> Self {
        let ago = Duration::from_millis(self.heard_ms).saturating_add(silence);
        Self { heard_ms: u64::try_from(ago.as_millis()).unwrap_or(u64::MAX), state: state(ago), ..self.clone() }
    }
}

fn state(ago: Duration) -> &'static str {
    if ago > LOST {
        return "lost";
    }
    if ago > LATE { "late" } else { "heard" }
}

fn cut(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_CHARS_MAX).collect()
}

/// What can be compared of a configuration: the integrations, their routes, limits and the ids of their secrets.
fn fingerprint<'a>(integrations: impl Iterator<Item = &'a Integration>) -> String {
    let mut hash = Sha256::new();
    for one in integrations {
        let secrets: Vec<_> =
            one.secrets.iter().map(|secret| (secret.id.as_str(), secret.not_before, secret.not_after)).collect();
        let about = (&one.about.host, &one.about.path, &one.about.owner, &one.about.review_by);
        let terms = (one.enabled, one.max_body_bytes, one.tolerance);
        hash.update(format!("{} {} {about:?} {terms:?} {secrets:?}\n", one.name, one.scheme.name));
    }
    hash.finalize().first_chunk::<6>().map(|start| data_encoding::HEXLOWER.encode(start)).unwrap_or_default()
}

/// How many findings its inventory has.
pub(super) fn findings(site: &Site, now: UnixTime) -> u64 {
    let found = site.integrations.iter().map(|integration| integration.findings(now).len());
    u64::try_from(found.sum::<usize>()).unwrap_or(u64::MAX)
}

fn host_name() -> Option<String> {
    let places = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let name = places.iter().find_map(|place| std::fs::read_to_string(place).ok())?;
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(64).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_cut_and_silence_counts() {
        let long = "x".repeat(1000);
        let text = json!({ "name": long, "off": [long, "i:a\n"], "findings": 3 }).to_string();
        let peer = Peer::of(&Heard { id: "1".into(), ago: Duration::from_millis(500), text }, "1");
        assert!(peer.is_self && peer.name.len() == TEXT_CHARS_MAX && peer.off[0].len() == TEXT_CHARS_MAX);
        assert_eq!((peer.off[1].as_str(), peer.version.as_str(), peer.findings), ("i:a", "-", 3));
        assert_eq!(
            (peer.state, peer.after(Duration::from_secs(3)).state, peer.after(Duration::MAX).state),
            ("heard", "late", "lost")
        );
        let garbled = Peer::of(&Heard { id: "2".into(), ago: Duration::ZERO, text: "{".into() }, "1");
        assert_eq!((garbled.name.as_str(), garbled.is_self), ("-", false));
    }
}
