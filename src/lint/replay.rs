//! Lints of the memory of deliveries. pure

use std::time::Duration;

use super::Scene;
use super::finding::Finding;
use super::table::{COLD_START_ACCEPT, MEMORY_REPLAY, REPLAY_CAPACITY, REPLAY_OFF};
use crate::config::plan::IntegrationPlan;
use crate::domain::size::{Rate, format_duration};
use crate::gate::replay::spec::{ColdStart, StoreSpec};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let replay = &scene.plan.replay;
    let off = scene.plan.integrations.iter().filter(|integration| !integration.replay);
    let mut found: Vec<_> = off.map(|own| Finding::of(&REPLAY_OFF, own, &["replay"], "replays are forwarded")).collect();
    if replay.store == StoreSpec::Memory {
        found.push(Finding::main(&MEMORY_REPLAY, &["replay", "store"], "the store is memory"));
    }
    if replay.cold_start == ColdStart::Accept {
        found.push(Finding::main(&COLD_START_ACCEPT, &["replay", "cold_start"], "deliveries from before the start pass"));
    }
    found.extend(capacity(scene));
    found
}

/// Only rates that are configured count: an integration without a limit could fill any store.
fn capacity(scene: &Scene<'_>) -> Option<Finding> {
    let replay = &scene.plan.replay;
    if matches!(replay.store, StoreSpec::Redis(_)) {
        return None;
    }
    let limited = scene.plan.integrations.iter().filter(|integration| integration.replay && integration.enabled);
    let limited: Vec<_> =
        limited.filter_map(|integration| Some((per_day(integration.rate_limit?), window(integration)))).collect();
    let a_day: u128 = limited.iter().map(|(rate, _)| rate).sum();
    let needed: u128 = limited.iter().map(|(rate, window)| rate.saturating_mul(window.as_secs().into()) / 86_400).sum();
    let capacity = u128::from(replay.capacity);
    if needed <= capacity {
        return None;
    }
    let lasts = capacity.saturating_mul(86_400).checked_div(a_day).unwrap_or_default();
    let lasts = rounded(u64::try_from(lasts).unwrap_or(u64::MAX));
    let longest = limited.iter().map(|(_, window)| *window).max().unwrap_or_default();
    let saw = format!(
        "{capacity} claims last {lasts} at the configured rates; {needed} would be held, the longest for {}",
        format_duration(longest)
    );
    Some(Finding::main(&REPLAY_CAPACITY, &["replay", "capacity"], saw))
}

fn per_day(rate: Rate) -> u128 {
    u128::from(rate.count).saturating_mul(86_400_000) / rate.period.as_millis().max(1)
}

/// How long a delivery is remembered at most: a signed time may lie ahead by the tolerance, and counts that long after it.
fn window(integration: &IntegrationPlan) -> Duration {
    if integration.scheme.is_timed() { integration.tolerance.saturating_mul(2) } else { integration.untimed_window }
}

/// In the largest unit of which there are at least two.
fn rounded(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit = units.iter().find(|(length, _)| seconds >= length * 2);
    unit.map_or_else(|| format!("{seconds}s"), |(length, word)| format!("{}{word}", seconds / length))
}
