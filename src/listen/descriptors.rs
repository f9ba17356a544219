//! How many descriptors the process may have, and how many of them connections may take.
//!
//! A gateway whose connections took every descriptor could reach no upstream: some are kept back for what is behind it.

use std::fs;

use super::spec::ConnectionLimits;

/// The same limits, with no more connections than the system has descriptors for.
pub(super) fn leave_room(limits: &ConnectionLimits) -> ConnectionLimits {
    let Some(affordable) = soft_limit().map(affordable) else { return limits.clone() };
    if affordable < limits.max_connections {
        tracing::warn!(
            max_connections = limits.max_connections,
            affordable,
            "the limit of open files allows fewer connections than max_connections; raise it (LimitNOFILE, ulimit -n)"
        );
    }
    ConnectionLimits { max_connections: limits.max_connections.min(affordable), ..limits.clone() }
}

/// Connections that leave enough descriptors to upstreams, files and listeners.
fn affordable(descriptors: usize) -> usize {
    let kept = (descriptors / 8).clamp(KEPT_MIN, KEPT_MAX);
    descriptors.saturating_sub(kept).max(1)
}

/// What the system says; nothing where it does not say it in this way.
fn soft_limit() -> Option<usize> {
    parse(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn parse(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

const KEPT_MIN: usize = 32;
const KEPT_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_kept_back() {
        assert_eq!([64, 256, 1024, 20_000, 1_048_576].map(affordable), [32, 224, 896, 17_952, 1_046_528]);
        assert_eq!(affordable(8), 1);
    }

    #[test]
    fn the_systems_table_is_read() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max processes             96103                96103                processes \n\
                     Max open files            1024                 524288               files     \n";
        assert_eq!(parse(table), Some(1024));
        assert_eq!(parse(&table.replace("1024 ", "unlimited ")), None);
        assert_eq!(parse(""), None);
        assert!(soft_limit().is_some_and(|limit| limit > 0));
    }
}
