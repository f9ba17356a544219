//! What a reload cannot change: what is bound, opened or sized once, for the life of the process.
//!
//! A configuration that differs in any of it is refused whole, with every such key named: half of a change is no change that
//! anybody asked for.

use crate::config::plan::Plan;
use crate::listen::spec::ConnectionLimits;

/// The keys that differ and need a restart, as faults.
pub(crate) fn differences(old: &Plan, new: &Plan) -> Vec<String> {
    let comparisons = [
        (old.state_dir == new.state_dir, "state_dir"),
        ((&old.admin.bind, old.admin.probe_bind) == (&new.admin.bind, new.admin.probe_bind), "admin.bind, admin.probe_bind"),
        (bounds(&old.connections) == bounds(&new.connections), CONNECTIONS),
        ((&old.replay.store, old.replay.capacity) == (&new.replay.store, new.replay.capacity), "replay.store, replay.capacity"),
        (old.audit == new.audit, "audit"),
        (old.log == new.log, "log"),
        (old.otlp == new.otlp, "telemetry"),
    ];
    let differing = comparisons.into_iter().filter(|(same, _)| !same);
    differing.map(|(_, keys)| format!("{keys}: differs from what runs and needs a restart; nothing was changed")).collect()
}

const CONNECTIONS: &str = "limits.max_connections, max_connections_per_source, max_header_bytes, header_timeout, idle_timeout";

/// What is discarded after an early refusal follows the largest body, which a reload may change: the old bound stays.
fn bounds(limits: &ConnectionLimits) -> ConnectionLimits {
    ConnectionLimits { linger_bytes: 0, ..limits.clone() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    const PLAN: &str = r#"
        state_dir = "state"
        [[listener]]
        bind = "127.0.0.1:8443"
        tls  = { cert = "a.crt", key = "a.key" }
        [admin]
        bind = "127.0.0.1:9901"
        [limits]
        drain_timeout = "20s"
        max_connections = 100
        [replay]
        capacity = 1000
        cold_start = "refuse"
        [log]
        level = "info"
        [audit]
        keep = 8
        [integration.a]
        provider = "github"
        path     = "/a"
        upstream = "http://127.0.0.1:1/"
        secrets  = [ { id = "one", env = "A" } ]
    "#;

    fn plan(from: &str, to: &str) -> Plan {
        assert!(PLAN.contains(from));
        config::parse("test.toml", &PLAN.replace(from, to), Path::new("/x")).unwrap()
    }

    #[test]
    fn what_is_bound_opened_or_sized_once_needs_a_restart() {
        let old = plan("", "");
        let cases = [
            ("\"state\"", "\"other\"", "state_dir"),
            ("9901", "9902", "admin.bind"),
            ("max_connections = 100", "max_connections = 101", "limits.max_connections"),
            ("max_connections = 100", "header_timeout = \"9s\"", "header_timeout"),
            ("capacity = 1000", "capacity = 1001", "replay.capacity"),
            ("\"info\"", "\"debug\"", "log"),
            ("keep = 8", "keep = 9", "audit"),
            ("keep = 8", "keep = 8\n[telemetry]\notlp = { endpoint = \"http://127.0.0.1:1\" }", "telemetry"),
        ];
        for (from, to, key) in cases {
            let found = differences(&old, &plan(from, to));
            assert!(found.len() == 1 && found[0].contains(key) && found[0].contains("restart"), "{to}: {found:?}");
        }
        assert_eq!(differences(&old, &plan("", "")), Vec::<String>::new());
    }

    #[test]
    fn everything_else_may_change() {
        let old = plan("", "");
        for (from, to) in [
            ("a.crt", "b.crt"),
            ("8443", "8444"),
            ("tls  = {", "tls  = { min_version = \"1.3\","),
            ("\"20s\"", "\"30s\""),
            ("\"refuse\"", "\"accept\""),
            ("path     = \"/a\"", "path = \"/b\"\nmax_body = \"20MiB\""),
            ("bind = \"127.0.0.1:9901\"", "bind = \"127.0.0.1:9901\"\ntoken = { file = \"t\" }"),
        ] {
            assert_eq!(differences(&old, &plan(from, to)), Vec::<String>::new(), "{to}");
        }
    }
}
