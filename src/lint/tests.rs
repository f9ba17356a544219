//! The table and the ids that `allow` knows are the same; what each lint sees is tested with whole configurations in
//! `tests/lints.rs`.

use std::collections::BTreeSet;

use super::table::{LINTS, Level, page};
use crate::config;

#[test]
fn the_table_has_exactly_the_ids_that_allow_knows() {
    let ids: Vec<&str> = LINTS.iter().map(|lint| lint.id).collect();
    assert_eq!(ids, config::LINTS);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let number = |level| LINTS.iter().filter(|lint| lint.level == level).count();
    assert_eq!([Level::Error, Level::Warning, Level::Note].map(number), [3, 19, 3]);
    assert!(ids.iter().all(|id| page().contains(&format!("### `{id}`"))));
}
