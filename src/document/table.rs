//! Reading a table key by key.
//!
//! Invariants: each `Option` that comes back as `None` for a key that stands in the file has a fault beside it, so a reader
//! may go on with a stand-in and the load still fails.

use std::cell::RefCell;
use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, Fault, Faults, Place};

/// A table of the document, remembering which keys were asked for.
pub struct Table<'d> {
    document: &'d Document,
    entries: &'d DeTable<'d>,
    faults: &'d Faults,
    path: String,
    offset: usize,
    asked: RefCell<Vec<String>>,
}

/// A value of the document and its dotted key.
pub struct Entry<'d> {
    document: &'d Document,
    value: &'d Spanned<DeValue<'d>>,
    faults: &'d Faults,
    path: String,
}

impl<'d> Table<'d> {
    pub(super) fn root(document: &'d Document, entries: &'d DeTable<'d>, faults: &'d Faults) -> Self {
        Self { document, entries, faults, path: String::new(), offset: 0, asked: RefCell::default() }
    }

    /// The dotted path of this table; empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the table begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.document.place(self.offset)
    }

    /// The value of a key, if the key is there.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<Entry<'d>> {
        self.asked.borrow_mut().push(key.to_owned());
        let value = self.entries.get(key)?;
        Some(Entry { document: self.document, value, faults: self.faults, path: join(&self.path, key) })
    }

    /// The value of a key that must be there.
    #[must_use]
    pub fn required(&self, key: &str, hint: &str) -> Option<Entry<'d>> {
        let entry = self.entry(key);
        if entry.is_none() {
            let fault = Fault::new(self.place(), join(&self.path, key), "is missing");
            self.faults.push(fault.hint(hint));
        }
        entry
    }

    /// Reports each of these keys that is there, and says whether one was. Those that are not there never stand among the
    /// known keys of a suggestion.
    pub fn refuse(&self, keys: &[&str], reason: &str, hint: &str) -> bool {
        let there = keys.iter().filter(|key| self.entries.contains_key(**key));
        let refused = there.filter_map(|key| self.entry(key)).map(|entry| entry.fault(reason, hint));
        refused.count() > 0
    }

    /// Every key with its value, in alphabetical order; all count as asked for. The key's own place comes with it.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'d str, Place, Entry<'d>)> {
        let all = self.entries.iter().map(|(key, value)| {
            self.asked.borrow_mut().push(key.get_ref().to_string());
            let path = join(&self.path, key.get_ref());
            let entry = Entry { document: self.document, value, faults: self.faults, path };
            (key.get_ref().as_ref(), self.document.place(key.span().start), entry)
        });
        all.collect()
    }

    /// Reports a fault of the table as a whole.
    pub fn fault(&self, reason: impl Into<String>, hint: &str) {
        self.faults.push(Fault::new(self.place(), &*self.path, reason).hint(hint));
    }

    /// Reports every key that nobody asked for.
    pub fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries {
            if !asked.iter().any(|known| known == key.get_ref()) {
                let place = self.document.place(key.span().start);
                let fault = Fault::new(place, join(&self.path, key.get_ref()), "is no key of this table");
                self.faults.push(fault.hint(suggestion(key.get_ref(), &asked)));
            }
        }
    }
}

impl<'d> Entry<'d> {
    /// The dotted key.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the value stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.document.place(self.value.span().start)
    }

    /// Reports a fault of this value.
    pub fn fault(&self, reason: impl Into<String>, hint: &str) {
        self.faults.push(Fault::new(self.place(), &*self.path, reason).hint(hint));
    }

    fn expect<T>(&self, found: Option<T>, kind: &str) -> Option<T> {
        if found.is_none() {
            self.fault(format!("must be {kind}, not {}", self.value.get_ref().type_str()), "");
        }
        found
    }

    /// Whether the value is a table (inline or not).
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether the value is an array.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// A string.
    #[must_use]
    pub fn text(&self) -> Option<&'d str> {
        self.expect(self.value.get_ref().as_str(), "a string")
    }

    /// A boolean.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        self.expect(self.value.get_ref().as_bool(), "true or false")
    }

    /// A whole number inside a range.
    #[must_use]
    pub fn integer(&self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let integer = self.value.get_ref().as_integer();
        let number = integer.and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
        let number = self.expect(number, "a whole number")?;
        if range.contains(&number) {
            return Some(number);
        }
        self.fault(format!("must be from {} to {}", range.start(), range.end()), "");
        None
    }

    /// A TOML date or date-time.
    #[must_use]
    pub fn datetime(&self) -> Option<&'d toml::value::Datetime> {
        self.expect(self.value.get_ref().as_datetime(), "a TOML date or date-time")
    }

    /// A string that a grammar accepts; the grammar's error is the reason.
    pub fn parsed<T, E: Display>(&self, hint: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(error.to_string(), hint);
                None
            }
        }
    }

    /// One of a few words.
    #[must_use]
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>();
            self.fault(format!("must be {}", known.join(" or ")), "");
        }
        found
    }

    /// The elements of an array.
    #[must_use]
    pub fn list(&self) -> Option<Vec<Self>> {
        let array = self.expect(self.value.get_ref().as_array(), "a list")?;
        let elements = array.iter().enumerate().map(|(index, value)| Self {
            document: self.document,
            value,
            faults: self.faults,
            path: format!("{}[{index}]", self.path),
        });
        Some(elements.collect())
    }

    /// Reads a table, then reports its unknown keys.
    pub fn table<T>(&self, read: impl FnOnce(&Table<'d>) -> T) -> Option<T> {
        let entries = self.expect(self.value.get_ref().as_table(), "a table")?;
        let table = Table {
            document: self.document,
            entries,
            faults: self.faults,
            path: self.path.clone(),
            offset: self.value.span().start,
            asked: RefCell::default(),
        };
        let result = read(&table);
        table.finish();
        Some(result)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The known key that is nearest to an unknown one, or all of them.
fn suggestion(key: &str, known: &[String]) -> String {
    let nearest = known.iter().min_by_key(|candidate| distance(key, candidate));
    match nearest {
        Some(candidate) if distance(key, candidate) <= 2 => format!("did you mean `{candidate}`?"),
        _ => {
            let mut each: Vec<&str> = Vec::with_capacity(known.len());
            for key in known.iter().map(String::as_str) {
                if !each.contains(&key) {
                    each.push(key);
                }
            }
            format!("known keys: {}", each.join(", "))
        }
    }
}

/// The Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, a) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut previous = index.saturating_add(1);
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal.saturating_add(usize::from(a != b));
            diagonal = *cell;
            previous = replaced.min(previous.saturating_add(1)).min(cell.saturating_add(1));
            *cell = previous;
        }
        if let Some(first) = row.first_mut() {
            *first = index.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}
