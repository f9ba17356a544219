//! Every row of the attack catalogue about clocks and replays has a test of its name: `fn clk_02_…`, or `fn a_and_rpl_17_…` where one
//! test is about two. A row that is struck here needs another test first.

#![expect(clippy::unwrap_used, reason = "a missing row fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Areas B and C of the catalogue, all of every severity.
const ROWS: &[(&str, u32)] = &[("clk", 7), ("rpl", 26)];

#[test]
fn every_row_about_clocks_and_replays_has_a_test_of_its_name() {
    let names = test_names();
    assert!(names.len() > 500, "the tests are found: {}", names.len());
    let missing: Vec<String> = ROWS
        .iter()
        .flat_map(|(area, last)| (1..=*last).map(move |row| format!("{area}_{row:02}_")))
        .filter(|row| !names.iter().any(|name| name.starts_with(row) || name.contains(&format!("_{row}"))))
        .collect();
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
}

/// The names of all functions that are marked as tests.
fn test_names() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for file in ["src", "tests"].iter().flat_map(|folder| files_under(&root.join(folder))) {
        let text = fs::read_to_string(&file).unwrap();
        let marked = text.split("#[test]").skip(1);
        names.extend(marked.filter_map(|after| {
            let (_, declared) = after.split_once("fn ")?;
            Some(declared.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?.to_owned())
        }));
    }
    names
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.chain(folders.iter().flat_map(|folder| files_under(folder))).collect()
}
