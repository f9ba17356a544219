//! The account of the attack catalogue: every row of the areas listed here has a test of its name, and what each of them asserts.
//!
//! The name of a test begins with its row, in small letters: `h1_07_lines_that_are_no_fields`. A row that loses its last test,
//! because somebody renamed or deleted it, fails here. Rows of severity C (a forgery passes) and H (deliveries are lost, or the
//! whole service) must all be there; of the others those that have a test keep it.
//!
//! A row of severity C or H is shown by the one assertion of `tests/it/support/siege.rs`: status, reason, nothing at the upstream,
//! one record. Where that is not what the row is about, [`SHOWN_OTHERWISE`] says what is asserted instead.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// HTTP/1 framing, HTTP/2, TLS and listeners, identity and limits, memory and lifecycle, upstreams: severity C and H.
const GRAVE: &[&str] = &[
    "h1_01", "h1_02", "h1_03", "h1_04", "h1_05", "h1_06", "h1_07", "h1_09", "h1_10", "h1_12", "h1_13", "h1_14", "h1_15", "h1_16",
    "h1_18", "h1_19", "h1_20", "h1_21", "h1_23", "h1_29", "h2_01", "h2_02", "h2_03", "h2_04", "h2_06", "h2_08", "h2_09", "h2_10",
    "h2_11", "h2_12", "tls_01", "tls_02", "tls_03", "tls_05", "tls_10", "tls_13", "tls_14", "tls_15", "lst_01", "lst_02",
    "lst_03", "lst_04", "lst_05", "rl_01", "rl_02", "rl_04", "rl_05", "rl_06", "mem_01", "mem_02", "mem_03", "ovl_01", "shd_01",
    "shd_02", "shd_03", "cfg_01", "cfg_02", "cfg_05", "log_02", "log_03", "adm_01", "adm_02", "ups_01", "ups_02", "ups_03",
    "ups_04", "ups_05", "ups_07", "ups_14",
];

/// Severity M of the same areas.
const OTHERS: &[&str] = &[
    "h1_08", "h1_11", "h1_17", "h1_22", "h1_24", "h1_25", "h1_26", "h1_27", "h1_28", "h2_05", "h2_07", "h2_13", "h2_14", "h2_15",
    "tls_04", "tls_06", "tls_07", "tls_08", "tls_11", "tls_12", "tls_16", "tls_17", "lst_06", "lst_07", "lst_08", "rl_03",
    "rl_07", "rl_08", "rl_09", "rl_10", "cfg_03", "cfg_04", "adm_03", "ups_06", "ups_08", "ups_09", "ups_10", "ups_11", "ups_12",
    "ups_13",
];

/// Grave rows whose fault is not a request to be refused, and what is asserted instead.
const SHOWN_OTHERWISE: &[(&str, &str)] = &[
    ("tls_10", "no ticket allows early data: honest clients that ask for it get none, and are served"),
    ("tls_13", "certificates that cannot serve are not taken, and no handshake fails while one is exchanged"),
    ("tls_14", "who checks the certificate does not come, who does not is served, and metrics and readiness say so"),
    ("mem_01", "bytes counted and resident memory while bodies come, the reasons of all refusals and their number"),
    ("mem_02", "the same for bodies that are announced and not sent"),
    ("mem_03", "the same for heads that are far too large"),
    ("shd_01", "every request is answered or its connection was never taken; each answer has its record"),
    ("shd_02", "the process ends in time whoever holds a connection"),
    ("shd_03", "the chain of records after kill -9, and that what was answered 2xx is a replay"),
    ("cfg_01", "the old configuration serves on: metric, readiness and the record of the reload"),
    ("cfg_02", "the old secret verifies on, and the empty one is never used"),
    ("cfg_05", "no key of the configuration and no argument switches verification off"),
    ("log_02", "no output holds a secret, a signature or a body, whatever was sent"),
    ("log_03", "the number of series and their text, whatever was sent"),
    ("adm_02", "the admin listener's own statuses, and that nothing was changed"),
    ("ups_03", "what the upstream received against what was accepted: none twice, none lost"),
];

/// What an assertion of the siege is called.
const ASSERTIONS: &[&str] =
    &[".expecting(", ".expecting_no_answer", ".expecting_only_a_record(", ".expecting_of_each(", ".decides_only("];

/// The functions of one file, by name, and which of them are tests.
#[derive(Default)]
struct Functions {
    bodies: BTreeMap<String, String>,
    tests: BTreeSet<String>,
    /// The tests that a macro makes of a row, and what each of them calls.
    made: Vec<(String, String)>,
}

/// Every source file under a folder.
fn files_under(folder: &Path, files: &mut Vec<Functions>) {
    let mut entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_under(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(Functions::of(&fs::read_to_string(&path).unwrap()));
        }
    }
}

impl Functions {
    /// A function begins with its name and lasts until the next one does: enough to see what it calls.
    fn of(text: &str) -> Self {
        let mut functions = Self::default();
        let (mut marked, mut inside) = (false, None::<String>);
        for line in text.lines().map(str::trim) {
            let declared = ["pub(crate) ", "async "].iter().fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
            if let Some(name) = declared.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next()) {
                if marked {
                    functions.tests.insert(name.to_owned());
                }
                inside = Some(name.to_owned());
            }
            if let Some((name, row)) = line.strip_suffix(',').and_then(|line| line.split_once(": "))
                && name.starts_with(row)
                && row.starts_with("h1_")
            {
                functions.made.push((name.to_owned(), row.to_owned()));
            }
            marked = matches!(line, "#[test]" | "#[tokio::test]");
            if let Some(name) = &inside {
                let body = functions.bodies.entry(name.clone()).or_default();
                body.push_str(line);
                body.push('\n');
            }
        }
        functions
    }

    /// Whether a test asserts by the siege, itself or by a function of its file that it calls.
    fn asserts(&self, test: &str) -> bool {
        let (mut todo, mut seen) = (vec![test], BTreeSet::new());
        while let Some(name) = todo.pop() {
            let Some(body) = self.bodies.get(name).filter(|_| seen.insert(name)) else { continue };
            if ASSERTIONS.iter().any(|assertion| body.contains(assertion)) {
                return true;
            }
            let called = |known: &&String| body.contains(&format!("{known}(")) || body.contains(&format!("{known})"));
            todo.extend(self.bodies.keys().filter(called).map(String::as_str));
        }
        false
    }

    /// The tests, and whether each of them asserts by the siege.
    fn tests(&self) -> impl Iterator<Item = (&str, bool)> {
        // A test that a macro makes runs its row through the one function that all of them share.
        let made = self.made.iter().map(|(name, _)| (name.as_str(), self.asserts("run")));
        self.tests.iter().map(|name| (name.as_str(), self.asserts(name))).chain(made)
    }
}

fn all_files() -> Vec<Functions> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        files_under(&root.join(folder), &mut files);
    }
    files
}

#[test]
fn every_row_has_a_test_of_its_name() {
    let files = all_files();
    let names = files.iter().flat_map(Functions::tests).map(|(name, _)| name).collect::<BTreeSet<_>>();
    assert!(names.len() > 300, "only {} tests were found: is this reading them?", names.len());
    let missing = GRAVE.iter().chain(OTHERS).filter(|row| {
        let prefix = format!("{row}_");
        !names.iter().any(|name| name.starts_with(&prefix))
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new(), "rows without a test of their name");
}

#[test]
fn every_grave_row_is_shown_by_the_same_assertion_or_says_why_not() {
    let files = all_files();
    let tests = files.iter().flat_map(Functions::tests).collect::<Vec<_>>();
    let of_row = |row: &str| {
        let prefix = format!("{row}_");
        tests.iter().filter(move |(name, _)| name.starts_with(&prefix)).copied().collect::<Vec<_>>()
    };
    let otherwise = SHOWN_OTHERWISE.iter().map(|(row, _)| *row).collect::<BTreeSet<_>>();
    let unshown = GRAVE.iter().filter(|row| !otherwise.contains(**row) && !of_row(row).iter().any(|(_, asserts)| *asserts));
    assert_eq!(unshown.collect::<Vec<_>>(), Vec::<&&str>::new(), "rows whose tests do not assert what became of the attack");
    let needless = otherwise.iter().filter(|row| of_row(row).iter().any(|(_, asserts)| *asserts));
    assert_eq!(needless.collect::<Vec<_>>(), Vec::<&&str>::new(), "rows that are excused and need no excuse");
    assert!(SHOWN_OTHERWISE.iter().all(|(row, why)| GRAVE.contains(row) && why.len() > 30));
}

#[test]
fn a_test_that_asserts_nothing_is_noticed() {
    let functions = Functions::of(
        "#[test]\nfn h1_01_a() {\nsend();\n}\n\n#[test]\nfn h1_02_b() {\nrun(vec![row()]);\n}\n\nfn run(x: u8) {\nsiege.send(x).expecting(400, \"x\");\n}\n",
    );
    assert_eq!(functions.tests().collect::<Vec<_>>(), [("h1_01_a", false), ("h1_02_b", true)]);
}

#[test]
fn no_row_is_listed_twice() {
    let all = GRAVE.iter().chain(OTHERS).collect::<BTreeSet<_>>();
    assert_eq!(all.len(), GRAVE.len() + OTHERS.len());
}
