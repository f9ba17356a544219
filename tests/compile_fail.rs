//! What must not compile: one file a claim under `compile_fail/`, each with what the compiler says about it.
//!
//! The honest path, which the files leave at one step each, stands in `compile_fail/honest.rs` and is walked here too: so
//! they are known to fail for the step they leave out.
//!
//! Compilers put the same refusal into other words from version to version. The words are compared under the version that
//! the snapshots were made with; under any other it must be the same errors, by their codes.
//! `TRYBUILD=overwrite cargo test --test compile_fail` writes the snapshots anew.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails; it asks its environment who it is"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "compile_fail/honest/mod.rs"]
mod honest;

/// The compiler that the snapshots were made with.
const SNAPSHOTS_OF: &str = "rustc 1.95.";

/// Told to the copy of this process that tries the files under another compiler: where they are.
const TRIED_IN: &str = "HOOKWARD_COMPILE_FAIL_IN";

#[test]
fn shortcuts_do_not_compile() {
    if let Some(folder) = std::env::var_os(TRIED_IN) {
        return refused(Path::new(&folder));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    if compiler().starts_with(SNAPSHOTS_OF) {
        return refused(&folder);
    }
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    fs::remove_dir_all(&copies).unwrap_or_default();
    fs::create_dir_all(&copies).unwrap();
    for case in cases(&folder) {
        fs::copy(&case, copies.join(case.file_name().unwrap())).unwrap();
    }
    // Overwriting, it fails for a file that compiles, and writes down what was said about the others.
    let mut again = Command::new(std::env::current_exe().unwrap());
    let again = again.args(["--exact", "shortcuts_do_not_compile"]).env(TRIED_IN, &copies).env("TRYBUILD", "overwrite");
    assert!(again.status().unwrap().success());
    for case in cases(&folder) {
        let said = copies.join(case.file_name().unwrap());
        assert_eq!(errors(&said.with_extension("stderr")), errors(&case.with_extension("stderr")), "{}", case.display());
    }
}

fn refused(folder: &Path) {
    trybuild::TestCases::new().compile_fail(folder.join("*.rs"));
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    String::from_utf8(Command::new(rustc).arg("--version").output().unwrap().stdout).unwrap()
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect();
    cases.sort();
    cases
}

/// The code of each error, in order.
fn errors(snapshot: &Path) -> Vec<String> {
    let text = fs::read_to_string(snapshot).unwrap();
    let codes = text.lines().filter_map(|line| line.strip_prefix("error[")?.get(..5));
    let codes: Vec<_> = codes.map(str::to_owned).collect();
    assert!(!codes.is_empty(), "{} names no error", snapshot.display());
    codes
}

#[test]
fn every_file_is_refused_for_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    for case in cases(&folder) {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let errors = errors(&case.with_extension("stderr"));
        let expected = EXPECTED.iter().find(|(prefix, _)| name.starts_with(prefix)).unwrap().1;
        assert!(errors.iter().all(|error| error == expected), "{name}: {errors:?}, not {expected}");
    }
}

/// The only error a file may fail with, by the first words of its name; the first that fits counts.
const EXPECTED: &[(&str, &str)] = &[
    ("forward_after", "E0382"), // use after move
    ("settle_twice", "E0382"),
    ("claim_twice", "E0382"),
    ("make_", "E0451"),     // private fields
    ("change_", "E0616"),   // private field
    ("send_past", "E0624"), // private method
    ("clone_", "E0277"),    // a trait is missing
    ("default_", "E0277"),
    ("print_", "E0277"),
    ("serialise_", "E0277"),
    ("compare_", "E0369"), // no `==`
    ("", "E0308"),         // another ticket
];
