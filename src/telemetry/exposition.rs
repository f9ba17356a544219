//! From the encoder's `OpenMetrics` text to the Prometheus text format 0.0.4. pure
//!
//! Why: `OpenMetrics` names a counter's family without `_total`. Readers of the older format, and tools that lint it, then find
//! the series without help and type. The samples themselves are written the same way in both.

/// Puts the suffix of counters back into their `HELP` and `TYPE` lines; `is_counter` knows a family by its bare name.
pub(super) fn prometheus_text(open_metrics: &str, is_counter: impl Fn(&str) -> bool) -> String {
    let mut text = String::with_capacity(open_metrics.len().saturating_add(256));
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        match described_family(line) {
            Some((keyword, name, rest)) if is_counter(name) => text.extend([keyword, name, "_total ", rest]),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn described_family(line: &str) -> Option<(&str, &str, &str)> {
    let keyword = ["# HELP ", "# TYPE "].into_iter().find(|keyword| line.starts_with(keyword))?;
    let (name, rest) = line.get(keyword.len()..)?.split_once(' ')?;
    Some((keyword, name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counters_get_their_suffix_and_the_end_mark_goes() {
        let open = "# HELP a Count.\n# TYPE a counter\na_total 1\n# HELP b Level.\n# TYPE b gauge\nb 2\n# EOF\n";
        let expected = "# HELP a_total Count.\n# TYPE a_total counter\na_total 1\n# HELP b Level.\n# TYPE b gauge\nb 2\n";
        assert_eq!(prometheus_text(open, |name| name == "a"), expected);
    }
}
