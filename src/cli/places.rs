//! Where a key stands in the configuration, for faults that only the machine can find: a secret that is missing, a
//! certificate that cannot be read. Read again only when there is such a fault.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;

use crate::document::{Document, Entry, Fault, Faults, Place};

/// More than the configuration's own bound: what was loaded is found again.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// A fault of a key of a file.
pub(super) fn fault(file: &str, keys: &[&str], reason: impl Display) -> Fault {
    Fault::new(place_of(file, keys), dotted(keys), reason.to_string())
}

/// A key of a file: where it stands, and how it is written.
pub(super) fn located(file: &str, keys: &[&str]) -> (Place, String) {
    (place_of(file, keys), dotted(keys))
}

/// The key as the configuration's own faults write it: `listener[0].tls`.
fn dotted(keys: &[&str]) -> String {
    let mut dotted = String::new();
    for key in keys {
        let is_index = key.bytes().all(|byte| byte.is_ascii_digit()) && !dotted.is_empty();
        let part = match (is_index, dotted.is_empty()) {
            (true, _) => format!("[{key}]"),
            (false, true) => (*key).to_owned(),
            (false, false) => format!(".{key}"),
        };
        dotted.push_str(&part);
    }
    dotted
}

/// The place of a key of a file, or of the last part of it that is there. A list's elements are numbered from 0.
fn place_of(file: &str, keys: &[&str]) -> Place {
    let start = Place { file: file.to_owned(), line: 1, column: 1 };
    let Some(text) = read(file) else { return start };
    let document = Document::new(file, text);
    // What is wrong with the document was found when it was loaded.
    let unheeded = Faults::default();
    let found = document.read(&unheeded, |root| {
        let (first, rest) = keys.split_first()?;
        root.entry(first).map(|entry| deepest(&entry, rest))
    });
    found.unwrap_or(start)
}

fn read(file: &str) -> Option<String> {
    let mut text = String::new();
    File::open(file).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn deepest(entry: &Entry<'_>, keys: &[&str]) -> Place {
    let Some((key, rest)) = keys.split_first() else { return entry.place() };
    let inner = if entry.is_list() {
        let element = key.parse().ok().and_then(|index| entry.list()?.into_iter().nth(index));
        element.map(|element| deepest(&element, rest))
    } else if entry.is_table() {
        entry.table(|table| table.entry(key).map(|entry| deepest(&entry, rest))).flatten()
    } else {
        None
    };
    inner.unwrap_or_else(|| entry.place())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn keys_are_found_as_deep_as_they_go() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = "[[listener]]\nbind = 1\n[[listener]]\ntls = { cert = \"a\",\n  key = \"b\" }\n[integration.pay]\nsecrets = [ { id = \"x\" }, { id = \"y\" } ]\n";
        file.write_all(text.as_bytes()).unwrap();
        let name = file.path().to_str().unwrap();
        let cases: [(&[&str], (usize, usize)); 6] = [
            (&["listener", "1", "tls", "key"], (5, 9)),
            (&["listener", "0", "bind"], (2, 8)),
            (&["integration", "pay", "secrets", "1"], (7, 27)),
            (&["integration", "pay", "secrets", "9", "id"], (7, 11)),
            (&["absent"], (1, 1)),
            (&[], (1, 1)),
        ];
        for (keys, (line, column)) in cases {
            let place = place_of(name, keys);
            assert_eq!((place.line, place.column), (line, column), "{keys:?}");
        }
        let fault = fault("/does/not/exist", &["listener", "0", "tls"], "is gone");
        assert_eq!(fault.to_string(), "/does/not/exist:1:1: listener[0].tls: is gone");
    }
}
