//! What a server says about itself, and whether it may be trusted with claims. Pure.
//!
//! 1. Only a primary that evicts nothing and is no part of a cluster may hold claims.
//! 2. The mark names one unbroken memory: the process (`run_id`), the history it continues (`master_replid`) and that nothing
//!    was evicted since (`evicted_keys`). A server that was restarted, failed over, resynchronised from another, or that
//!    evicted something for however short a time has another mark; what it holds may lack claims.

use super::error::RedisFault;

/// One reading of `INFO`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    run_id: String,
    replication_id: String,
    role: String,
    policy: String,
    evicted: String,
    mode: String,
    major_version: u32,
    used_memory: u64,
    max_memory: u64,
}

impl Report {
    /// Reads the text of `INFO`; what it does not say is empty.
    pub(super) fn parse(info: &str) -> Self {
        let mut report = Self::default();
        for (key, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            let place = match key {
                "run_id" => &mut report.run_id,
                "master_replid" => &mut report.replication_id,
                "role" => &mut report.role,
                "maxmemory_policy" => &mut report.policy,
                "evicted_keys" => &mut report.evicted,
                "redis_mode" | "server_mode" => &mut report.mode,
                "redis_version" => {
                    report.major_version = value.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
                    continue;
                }
                "used_memory" => {
                    report.used_memory = value.parse().unwrap_or(0);
                    continue;
                }
                "maxmemory" => {
                    report.max_memory = value.parse().unwrap_or(0);
                    continue;
                }
                _ => continue,
            };
            // Bounded, because the mark is kept and compared by the server.
            *place = value.chars().take(VALUE_CHARS_MAX).collect();
        }
        report
    }

    /// Whether it may hold claims.
    pub(super) fn judge(&self) -> Result<(), RedisFault> {
        if self.mode == "cluster" {
            return Err(RedisFault::Cluster);
        }
        if self.role != "master" {
            return Err(RedisFault::Replica);
        }
        if self.policy != "noeviction" {
            return Err(RedisFault::Evicts { policy: self.policy.clone() });
        }
        if self.run_id.is_empty() {
            return Err(RedisFault::NoRunId);
        }
        Ok(())
    }

    /// The memory it has; the first field is the version of what is kept under the keys.
    pub(super) fn mark(&self) -> String {
        format!("1:{}:{}:{}", self.run_id, self.replication_id, self.evicted)
    }

    /// Bytes that are taken, and that may be; nought where there is no bound.
    pub(super) const fn memory(&self) -> (u64, u64) {
        (self.used_memory, self.max_memory)
    }

    /// Whether scripts may say that they need no memory.
    pub(super) const fn knows_script_flags(&self) -> bool {
        self.major_version >= 7
    }
}

const VALUE_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\n# Memory\r\n\
                        used_memory:900\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n# Stats\r\nevicted_keys:0\r\n# Replication\r\nrole:master\r\n\
                        master_replid:def\r\nmaster_replid2:000\r\n";

    #[test]
    fn a_primary_that_evicts_nothing_is_fit() {
        let report = Report::parse(INFO);
        assert_eq!((report.judge(), report.mark().as_str()), (Ok(()), "1:abc:def:0"));
        assert!(report.knows_script_flags());
        assert_eq!(report.memory(), (900, 1000));
    }

    #[test]
    fn everything_else_is_not() {
        let table = [
            ("standalone", "cluster", RedisFault::Cluster),
            ("role:master", "role:slave", RedisFault::Replica),
            ("noeviction", "allkeys-lru", RedisFault::Evicts { policy: "allkeys-lru".to_owned() }),
            ("maxmemory_policy:noeviction\r\n", "", RedisFault::Evicts { policy: String::new() }),
            ("run_id:abc\r\n", "", RedisFault::NoRunId),
            (INFO, "", RedisFault::Replica),
        ];
        for (from, to, fault) in table {
            assert_eq!(Report::parse(&INFO.replace(from, to)).judge(), Err(fault), "{from} {to}");
        }
    }

    #[test]
    fn every_way_to_lose_claims_changes_the_mark() {
        let mark = Report::parse(INFO).mark();
        for (from, to) in [("run_id:abc", "run_id:abd"), ("replid:def", "replid:dee"), ("keys:0", "keys:1")] {
            assert_ne!(Report::parse(&INFO.replace(from, to)).mark(), mark, "{to}");
        }
        let long = INFO.replace("run_id:abc", &format!("run_id:{}", "x".repeat(1 << 20)));
        assert!(Report::parse(&long).mark().len() < 256);
    }
}
