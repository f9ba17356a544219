//! A TOML document with places: read by hand, so that every fault is found in one pass and says where it stands.
//!
//! Owns: files, spans turned into lines and columns, the collecting of faults, the reading of tables key by key.
//! Must not know: what any key means.
//! Invariants: a key that nobody asked for is a fault; a fault names the key and never quotes the value, which may be a
//! secret pasted into the wrong line. Behind a broken quote values read as keys, and nothing is where it seems: of a file
//! with an error of grammar only such errors are told.
//!
//! Start at [`Document`], then [`Table`].

mod fault;
mod table;

pub use fault::{Fault, Faults, Place};
pub use table::{Entry, Table};

use toml::de::DeTable;

/// The text of one file and the name it is shown by.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: String,
}

impl Document {
    /// A document from its text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name it is shown by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is no TOML, so that nothing it seems to say can be relied on.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !DeTable::parse_recoverable(&self.text).1.is_empty()
    }

    /// Reads the document, giving its root table to `read`, then reports what the grammar found, or else the reader.
    pub fn read<T>(&self, faults: &Faults, read: impl FnOnce(&Table<'_>) -> T) -> T {
        let (root, errors) = DeTable::parse_recoverable(&self.text);
        let guesses = Faults::default();
        let heard = if errors.is_empty() { faults } else { &guesses };
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            faults.push(Fault::new(self.place(offset), "", error.message()).hint("the file is not valid TOML"));
        }
        let table = Table::root(self, root.get_ref(), heard);
        let result = read(&table);
        table.finish();
        result
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.get(line_start..).unwrap_or_default().chars().count().saturating_add(1);
        Place { file: self.name.clone(), line, column }
    }
}

#[cfg(test)]
mod tests;
