//! Lints of the memory of deliveries. pure

use std::time::Duration;

use super::Scene;
use super::finding::Finding;
use super::table::{COLD_START_ACCEPT, MEMORY_REPLAY, REPLAY_CAPACITY, REPLAY_OFF};
use crate::config::plan::IntegrationPlan;
use crate::domain::size::format_duration;
use crate::gate::replay::capacity::{Demand, Lasting, lasting};
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

/// Only rates that are configured count: an integration without a limit could fill any store. Redis has a bound of its own,
/// which no configuration of ours knows.
fn capacity(scene: &Scene<'_>) -> Option<Finding> {
    let replay = &scene.plan.replay;
    if matches!(replay.store, StoreSpec::Redis(_)) {
        return None;
    }
    let remembers = |integration: &&IntegrationPlan| integration.enabled && integration.replay;
    let demands: Vec<_> = scene.plan.integrations.iter().filter(remembers).filter_map(demand).collect();
    let Lasting::For(time) = lasting(replay.capacity, &demands) else { return None };
    let saw = format!("{} claims last {} at the configured rates", replay.capacity, format_duration(legible(time)));
    Some(Finding::main(&REPLAY_CAPACITY, &["replay", "capacity"], saw))
}

/// A signed time may lie ahead by the tolerance, and is remembered for that long after it.
fn demand(integration: &IntegrationPlan) -> Option<Demand> {
    let is_timed = integration.scheme.is_timed();
    let remembered = if is_timed { integration.tolerance.saturating_mul(2) } else { integration.untimed_window };
    Some(Demand { rate: integration.rate_limit?, remembered })
}

/// Rounded down to what a person takes in: whole hours, else minutes, else seconds.
fn legible(time: Duration) -> Duration {
    let seconds = time.as_secs();
    let unit = [3600, 60].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    Duration::from_secs(seconds - seconds % unit)
}
