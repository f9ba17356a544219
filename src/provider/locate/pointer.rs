//! A JSON pointer (RFC 6901), cut into its steps once, when a scheme is read: no delivery pays for that again.
//!
//! Invariants: it points inside the document, and is as deep as a reader of a body may recurse at most.

use std::fmt;
use std::str::FromStr;

use super::LocatorError;

/// The most steps of a JSON pointer, which bounds how deep the reader of a body recurses.
pub(super) const MAX_POINTER_STEPS: usize = 16;

/// Where a member stands in a JSON text.
#[derive(Clone, Debug)]
pub struct Pointer {
    text: Box<str>,
    steps: Box<[Step]>,
}

/// One step on the way of a pointer.
#[derive(Clone, Debug)]
pub(super) struct Step {
    name: Box<str>,
    index: Option<u64>,
}

impl Pointer {
    /// To a member of the outermost object.
    #[must_use]
    pub fn to_member(key: &str) -> Self {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        Self { text: format!("/{escaped}").into(), steps: [Step::new(&escaped)].into() }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it leads to the same place as another, or inside of that.
    #[must_use]
    pub fn is_in(&self, other: &Self) -> bool {
        self.text.strip_prefix(&*other.text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl Step {
    fn new(escaped: &str) -> Self {
        let is_digits = escaped.len() <= 20 && escaped.bytes().all(|byte| byte.is_ascii_digit());
        let is_one_spelling = is_digits && (escaped.len() == 1 || !escaped.starts_with('0'));
        let index = if is_one_spelling { escaped.parse().ok() } else { None };
        Self { name: escaped.replace("~1", "/").replace("~0", "~").into(), index }
    }

    /// Whether it leads to the member of a key.
    pub(super) fn names(&self, key: &[u8]) -> bool {
        self.name.as_bytes() == key
    }

    /// Whether it leads to the element of an index, in decimal as that is written.
    pub(super) fn is_index(&self, index: u64) -> bool {
        self.index == Some(index)
    }
}

impl FromStr for Pointer {
    type Err = LocatorError;

    fn from_str(text: &str) -> Result<Self, LocatorError> {
        let escapes_hold = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let steps = text.strip_prefix('/').ok_or(LocatorError::Pointer)?;
        if !escapes_hold || text.matches('/').count() > MAX_POINTER_STEPS {
            return Err(LocatorError::Pointer);
        }
        Ok(Self { text: text.into(), steps: steps.split('/').map(Step::new).collect() })
    }
}

/// The steps follow from the text.
impl PartialEq for Pointer {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pointer {}

impl fmt::Display for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
