//! What a reader is told about a document.

use super::*;

fn faults_of(text: &str, read: impl FnOnce(&Table<'_>)) -> Vec<String> {
    let document = Document::new("f.toml", text);
    let faults = Faults::default();
    document.read(&faults, read);
    faults.into_sorted().iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_found_in_one_pass_with_its_place() {
    let found = faults_of("a = 1\n[t]\nb = \"x\"\ntolerence = 3\n", |root| {
        assert_eq!(root.entry("a").and_then(|entry| entry.integer(5..=9)), None);
        root.entry("t").unwrap().table(|table| {
            assert_eq!(table.entry("b").and_then(|entry| entry.boolean()), None);
            assert!(table.entry("tolerance").is_none());
            assert!(table.required("c", "add it").is_none());
        });
    });
    let expected = [
        "f.toml:1:5: a: must be from 5 to 9",
        "f.toml:2:1: t.c: is missing (hint: add it)",
        "f.toml:3:5: t.b: must be true or false, not string",
        "f.toml:4:1: t.tolerence: is no key of this table (hint: did you mean `tolerance`?)",
    ];
    assert_eq!(found, expected);
}

#[test]
fn broken_toml_is_reported_and_the_rest_still_read() {
    let found = faults_of("a = \nb = 2\n", |root| {
        assert!(root.entry("b").is_some());
    });
    assert!(found.iter().any(|fault| fault.starts_with("f.toml:1:")), "{found:?}");
}

#[test]
fn no_fault_quotes_a_value() {
    let found = faults_of("secret = \"hunter2\"\n", |root| {
        let _ = root.entry("secret").unwrap().word(&[("on", true), ("off", false)]);
        let _ = root.entry("secret").unwrap().integer(0..=1);
    });
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|fault| !fault.contains("hunter2")), "{found:?}");
}

#[test]
fn of_broken_toml_only_the_grammar_is_told() {
    // Behind the quote that is not closed a value stands where keys do.
    let found = faults_of("a = { b = \"x\ny\", c = \"hunter2\" }\n", |root| {
        root.entry("a").unwrap().table(|table| drop((table.entry("b"), table.required("d", "add it"))));
    });
    assert!(!found.is_empty() && found.iter().all(|fault| fault.ends_with("(hint: the file is not valid TOML)")), "{found:?}");
    assert!(found.iter().all(|fault| !fault.contains("hunter2")), "{found:?}");
}
