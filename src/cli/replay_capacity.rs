//! The note `replay-capacity`: how long the memory of replays lasts if everybody sends as fast as the configuration lets them.
//!
//! 1. An integration sends at its `rate_limit`; without one, at what a single source may send.
//! 2. What lasts for good is no finding. Redis has a bound of its own, which no configuration of ours knows.

use std::time::Duration;

use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::size::format_duration;
use crate::gate::replay::capacity::{Demand, Lasting, lasting};
use crate::gate::replay::spec::StoreSpec;

/// What is to be said, if there is something.
pub(super) fn note(plan: &Plan) -> Option<String> {
    if matches!(plan.replay.store, StoreSpec::Redis(_)) {
        return None;
    }
    let remembers = |integration: &&IntegrationPlan| integration.enabled && integration.replay;
    let demands: Vec<Demand> = plan.integrations.iter().filter(remembers).map(|integration| demand(plan, integration)).collect();
    let Lasting::For(time) = lasting(plan.replay.capacity, &demands) else { return None };
    let (capacity, time) = (plan.replay.capacity, format_duration(legible(time)));
    Some(format!(
        "replay-capacity: replay.capacity = {capacity} lasts {time} at the configured rates (rate_limit of each integration, else \
         rate_limit.per_source once); then new deliveries are answered 503 until old ones are over"
    ))
}

fn demand(plan: &Plan, integration: &IntegrationPlan) -> Demand {
    let rate = integration.rate_limit.unwrap_or(plan.source_limits.per_source);
    let is_timed = integration.scheme.is_timed();
    Demand { rate, remembered: if is_timed { integration.tolerance } else { integration.untimed_window } }
}

/// Rounded down to what a person takes in: whole hours, else minutes, else seconds.
fn legible(time: Duration) -> Duration {
    let seconds = time.as_secs();
    let unit = [3600, 60].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    Duration::from_secs(seconds - seconds % unit)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    fn note_of(replay: &str, integration: &str) -> Option<String> {
        let text = format!(
            "state_dir = \"state\"\n[[listener]]\nbind = \"127.0.0.1:0\"\n[replay]\n{replay}\n[integration.a]\n{integration}\n\
             path = \"/\"\nupstream = \"http://127.0.0.1:1/\"\nsecrets = [ {{ id = \"a\", file = \"secret\" }} ]\n"
        );
        let plan = config::parse("test.toml", &text, Path::new("/"));
        note(&plan.map_err(|faults| config::render_faults(&faults)).unwrap())
    }

    #[test]
    fn only_what_does_not_last_is_said() {
        let (stripe, github) = ("provider = \"stripe\"", "provider = \"github\"");
        let limited = "provider = \"github\"\nrate_limit = { rate = \"10/s\", burst = 20 }";
        let redis = "store = \"redis\"\nredis = { url = { env = \"URL\" } }";
        let off = "provider = \"github\"\nreplay = \"off\"";
        let table = [
            ("", stripe, None),
            ("", limited, None),
            ("capacity = 36020", limited, Some("lasts 1h ")),
            ("capacity = 100000\nuntimed_window = \"2h\"", limited, None),
            ("", github, Some("lasts 5h ")),
            ("capacity = 1000", stripe, Some("lasts 0ms ")),
            (redis, github, None),
            ("capacity = 1000", off, None),
        ];
        for (replay, integration, expected) in table {
            let note = note_of(replay, integration);
            assert_eq!(note.is_some(), expected.is_some(), "{replay} {integration}: {note:?}");
            assert!(note.unwrap_or_default().contains(expected.unwrap_or_default()), "{replay} {integration}");
        }
    }
}
