//! A position as it is written for the other replicas, and read again. Pure.
//!
//! Invariants: what cannot be read is nothing; it is said and skipped, for another version may write what this one does not
//! know, and what is off here stays off.

use serde_json::{Value, json};

use crate::gate::replay::redis::replicas::Position;
use crate::switch::agreement::{Foreign, Untold};
use crate::switch::file::{parse_order, render_order};
use crate::switch::order::{Order, Target};

/// Longer names are cut before they are shown.
const ORIGIN_CHARS_MAX: usize = 128;

/// What is written of a position.
pub(super) fn write(untold: &Untold, origin: &str) -> String {
    let order = untold.order.as_ref().map(render_order);
    json!({ "order": order, "why": untold.why.as_str(), "origin": origin }).to_string()
}

/// How long it holds.
pub(super) fn until_ms(order: Option<&Order>) -> u64 {
    order.map_or(0, Order::until_ms)
}

/// What another replica wrote.
pub(super) fn read(position: &Position) -> Option<Foreign> {
    let target = Target::of_word(&position.field)?;
    let mut value: Value = serde_json::from_str(&position.text).ok()?;
    let order = value.get_mut("order").map(Value::take)?;
    let order = if order.is_null() { None } else { Some(parse_order(order).ok()?) };
    let why = value.get("why")?.as_str()?.parse().ok()?;
    let origin = value.get("origin")?.as_str()?.chars().filter(|letter| !letter.is_control()).take(ORIGIN_CHARS_MAX).collect();
    Some(Foreign { target, revision: position.revision, order, why, origin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::UnixTime;
    use crate::switch::order::SwitchAnswer;

    #[test]
    fn what_is_written_is_read() {
        let until = Some(UnixTime::from_seconds(2_000_000_000));
        let order =
            Order { why: "leaked".parse().unwrap(), since: UnixTime::from_seconds(7), until, answer: SwitchAnswer::Unavailable };
        for order in [Some(order), None] {
            for word in ["all", "i:stripe", "s:stripe:old.key"] {
                let target = Target::of_word(word).unwrap();
                let untold = Untold {
                    target: target.clone(),
                    epoch: "e".into(),
                    base: 1,
                    order: order.clone(),
                    why: "x".parse().unwrap(),
                };
                let text = write(&untold, "a/1");
                let position = Position { field: target.word(), revision: 9, until_ms: until_ms(order.as_ref()), text };
                let read = read(&position).unwrap();
                assert_eq!((read.target, read.order, read.origin.as_str()), (target, order.clone(), "a/1"));
            }
        }
        assert_eq!(until_ms(None), 0);
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let position = |field: &str, text: &str| Position { field: field.into(), revision: 1, until_ms: 0, text: text.into() };
        let good = r#"{"order":null,"why":"x","origin":"a"}"#;
        assert!(read(&position("i:a", good)).is_some());
        for (field, text) in [
            ("i:A", good),
            ("x", good),
            ("s:a", good),
            ("i:a", "{"),
            ("i:a", "{}"),
            ("i:a", r#"{"order":{},"why":"x","origin":"a"}"#),
        ] {
            assert!(read(&position(field, text)).is_none(), "{field} {text}");
        }
    }
}
