//! The account of the attack catalogue: every row of the areas listed here has a test of its name.
//!
//! The name of a test begins with its row, in small letters: `h1_07_lines_that_are_no_fields`. A row that loses its last test,
//! because somebody renamed or deleted it, fails here. Rows of severity C (a forgery passes) and H (deliveries are lost, or the
//! whole service) must all be there; of the others those that have a test keep it.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// HTTP/1 framing, HTTP/2, TLS and listeners, identity and limits, memory and lifecycle, upstreams: severity C and H.
const GRAVE: &[&str] = &[
    "h1_01", "h1_02", "h1_03", "h1_04", "h1_05", "h1_06", "h1_07", "h1_09", "h1_10", "h1_12", "h1_13", "h1_14", "h1_15", "h1_16",
    "h1_18", "h1_19", "h1_20", "h1_21", "h1_23", "h1_29", "h2_01", "h2_02", "h2_03", "h2_04", "h2_06", "h2_07", "h2_08", "h2_09",
    "h2_10", "h2_11", "h2_12", "tls_01", "tls_02", "tls_03", "tls_05", "tls_10", "tls_13", "tls_14", "tls_15", "lst_01",
    "lst_02", "lst_03", "lst_04", "lst_05", "rl_01", "rl_02", "rl_04", "rl_05", "rl_06", "mem_01", "mem_02", "mem_03", "ovl_01",
    "shd_01", "shd_02", "shd_03", "cfg_01", "cfg_02", "cfg_05", "ups_01", "ups_02", "ups_03", "ups_04", "ups_05", "ups_07",
    "ups_14",
];

/// Severity M of the same areas.
const OTHERS: &[&str] = &[
    "h1_08", "h1_11", "h1_17", "h1_22", "h1_24", "h1_25", "h1_26", "h1_27", "h1_28", "h2_05", "h2_13", "h2_14", "h2_15",
    "tls_04", "tls_07", "tls_08", "tls_11", "tls_12", "tls_16", "tls_17", "lst_06", "lst_07", "lst_08", "rl_03", "rl_07",
    "rl_08", "rl_09", "rl_10", "cfg_03", "cfg_04", "ups_08", "ups_09", "ups_10", "ups_11", "ups_12", "ups_13",
];

/// The lines of every source file under a folder.
fn lines_under(folder: &Path, lines: &mut Vec<String>) {
    let mut entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            lines_under(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            lines.extend(fs::read_to_string(&path).unwrap().lines().map(|line| line.trim().to_owned()));
        }
    }
}

/// The names of tests: functions right behind a `#[test]`, and the lines `name: row,` of the macro that makes one for each.
fn names_of_tests(lines: &[String]) -> BTreeSet<String> {
    let is_test = |line: &str| matches!(line, "#[test]" | "#[tokio::test]");
    let functions = lines.windows(2).filter_map(|pair| match pair {
        [attribute, function] if is_test(attribute) => {
            let function = function.strip_prefix("async ").unwrap_or(function).strip_prefix("fn ")?;
            function.split_once('(').map(|(name, _)| name.to_owned())
        }
        _ => None,
    });
    let rows = lines.iter().filter_map(|line| {
        let (name, row) = line.strip_suffix(',')?.split_once(": ")?;
        (name.starts_with(row) && row.starts_with("h1_")).then(|| name.to_owned())
    });
    functions.chain(rows).collect()
}

#[test]
fn every_row_has_a_test_of_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut lines = Vec::new();
    for folder in ["src", "tests"] {
        lines_under(&root.join(folder), &mut lines);
    }
    let names = names_of_tests(&lines);
    assert!(names.len() > 300, "only {} tests were found: is this reading them?", names.len());
    let missing = GRAVE.iter().chain(OTHERS).filter(|row| {
        let prefix = format!("{row}_");
        !names.iter().any(|name| name.starts_with(&prefix))
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new(), "rows without a test of their name");
}

#[test]
fn no_row_is_listed_twice() {
    let all = GRAVE.iter().chain(OTHERS).collect::<BTreeSet<_>>();
    assert_eq!(all.len(), GRAVE.len() + OTHERS.len());
}
