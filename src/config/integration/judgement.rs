//! What an integration's deliveries are judged by: window, size, scope, budget, replay.

use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::context::Context;
use crate::config::section::{BODY_BYTES_MAX, UNTIMED_WINDOW};
use crate::config::value;
use crate::document::{Entry, Fault, Table};
use crate::domain::pattern::Pattern;
use crate::domain::size::{ByteSize, Rate};
use crate::provider::scheme::{OnRefusal, Scheme};

pub(in crate::config) const TOLERANCE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 86_400);
const TOLERANCE_DEFAULT: Duration = Duration::from_secs(300);
const REFUSAL_WORDS: [(&str, OnRefusal); 2] = [("reject", OnRefusal::Reject), ("acknowledge", OnRefusal::Acknowledge)];
const ALL_HINT: &str = "nothing could pass; without the key everything may";

/// The settings of the gates.
pub(super) struct Judgement {
    pub(super) tolerance: Duration,
    pub(super) max_body: ByteSize,
    pub(super) events_allow: Option<Vec<Pattern>>,
    pub(super) sources_allow: Option<Vec<IpNet>>,
    pub(super) rate_limit: Option<Rate>,
    pub(super) replay: bool,
    pub(super) untimed_window: Duration,
    pub(super) on_replay: OnRefusal,
    pub(super) on_event_denied: OnRefusal,
}

/// Reads them. `scheme` is absent when the provider is not known, which is a fault already.
pub(super) fn read(table: &Table<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> Judgement {
    let refusal = |key, preset: Option<OnRefusal>| {
        let said = value::optional(table, key, |entry| entry.word(&REFUSAL_WORDS));
        said.or(preset).unwrap_or(OnRefusal::Reject)
    };
    Judgement {
        tolerance: tolerance(table, scheme, context),
        max_body: max_body(table, scheme, context),
        events_allow: allow_of(table, "events", |entry| events(entry, scheme)),
        sources_allow: allow_of(table, "sources", sources),
        rate_limit: value::optional(table, "rate_limit", value::rate),
        replay: value::optional(table, "replay", |entry| entry.word(&[("on", true), ("off", false)])).unwrap_or(true),
        untimed_window: untimed_window(table, scheme, context),
        on_replay: refusal("on_replay", scheme.map(|scheme| scheme.on_replay)),
        on_event_denied: refusal("on_event_denied", scheme.map(|scheme| scheme.on_event_denied)),
    }
}

fn tolerance(table: &Table<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> Duration {
    let documented = scheme.and_then(Scheme::documented_tolerance).unwrap_or(TOLERANCE_DEFAULT);
    let Some(entry) = table.entry("tolerance") else { return documented };
    if let Some(scheme) = scheme.filter(|scheme| !scheme.is_timed()) {
        let why = format!("provider {} signs no timestamp", scheme.name);
        context.without_effect(&entry, &why, "`untimed_window` says how long its deliveries are remembered");
    }
    value::duration(&entry, TOLERANCE).unwrap_or(documented)
}

fn untimed_window(table: &Table<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> Duration {
    let common = context.settings.replay.untimed_window;
    let Some(entry) = table.entry("untimed_window") else { return common };
    if let Some(scheme) = scheme.filter(|scheme| scheme.is_timed()) {
        let why = format!("provider {} signs a timestamp", scheme.name);
        context.without_effect(&entry, &why, "`tolerance` bounds how long its deliveries are remembered");
    }
    value::duration(&entry, UNTIMED_WINDOW).unwrap_or(common)
}

fn max_body(table: &Table<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> ByteSize {
    let size = max_body_allowed(table, scheme, context);
    let eighth = ByteSize(context.settings.limits.max_inflight().0 / 8);
    if size > eighth {
        let reason = format!("one source may hold only {eighth} of unverified bodies at once: a larger body is refused with 503");
        let hint = "raise limits.max_inflight_bytes to eight times the largest body at least";
        context.notes.push(Fault::new(table.place(), format!("{}.max_body", table.path()), reason).hint(hint));
    }
    size
}

fn max_body_allowed(table: &Table<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> ByteSize {
    let hint = "a body that does not fit into limits.max_inflight_bytes could never be received";
    let inflight = context.settings.limits.max_inflight();
    let preset = scheme.and_then(|scheme| scheme.max_body).unwrap_or(ByteSize(0));
    let common = context.settings.limits.max_body.max(preset);
    let Some(entry) = table.entry("max_body") else {
        if preset > inflight {
            table.fault(format!("the provider sends up to {preset}, more than limits.max_inflight_bytes"), "set max_body");
        }
        return common;
    };
    let size = value::size(&entry, 1..=BODY_BYTES_MAX);
    if size.is_some_and(|size| size > inflight) {
        entry.fault("must not be more than limits.max_inflight_bytes", hint);
    }
    size.unwrap_or(common)
}

/// `KEY.allow`.
fn allow_of<'d, T>(table: &Table<'d>, key: &str, read: impl FnOnce(&Entry<'d>) -> Option<T>) -> Option<T> {
    table.entry(key)?.table(|table| table.required("allow", "").and_then(|entry| read(&entry))).flatten()
}

fn events(entry: &Entry<'_>, scheme: Option<&Scheme>) -> Option<Vec<Pattern>> {
    if let Some(scheme) = scheme.filter(|scheme| scheme.event.is_empty()) {
        entry.fault(format!("provider {} names no event in its requests, so none could match", scheme.name), "remove it");
    }
    let elements = value::list(entry, 1..=1000, ALL_HINT)?;
    Some(elements.iter().filter_map(|element| value::line(element).map(|text| Pattern::new(&text))).collect())
}

fn sources(entry: &Entry<'_>) -> Option<Vec<IpNet>> {
    let elements = value::list(entry, 1..=10_000, ALL_HINT)?;
    Some(elements.iter().filter_map(value::network).collect())
}
