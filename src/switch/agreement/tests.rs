//! What is news, what must be told, and that a random exchange of three replicas ends in one position that nobody undid.

use proptest::prelude::*;

use super::*;
use crate::switch::order::SwitchAnswer;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn why(text: &str) -> Why {
    text.parse().unwrap()
}

fn order(until: Option<i64>) -> Order {
    Order { why: why("leaked"), since: at(1), until: until.map(at), answer: SwitchAnswer::Forbidden }
}

fn target() -> Target {
    Target::of_word("i:a").unwrap()
}

fn foreign(revision: u64, order: Option<Order>) -> Foreign {
    Foreign { target: target(), revision, order, why: why("x"), origin: "b".to_owned() }
}

fn off(until: Option<i64>) -> Positions {
    let mut positions = Positions::default();
    positions.disable(&target(), order(until)).unwrap();
    positions
}

#[test]
fn later_ones_are_news_and_known_ones_are_not() {
    let mut agreement = Agreement::default();
    let none = Positions::default();
    assert_eq!(agreement.hear("e", vec![foreign(3, Some(order(None)))], &none, at(5)).len(), 1);
    let off = off(None);
    agreement.agree(&target(), 3);
    assert!(agreement.hear("e", vec![foreign(3, None)], &off, at(5)).is_empty(), "not later");
    assert_eq!(agreement.hear("e", vec![foreign(4, None)], &off, at(5)).len(), 1);
    assert!(agreement.untold.is_empty());
}

#[test]
fn in_a_history_that_is_not_known_nothing_stricter_is_taken_back() {
    let cases = [
        ("on there, off here", off(None), vec![foreign(9, None)], 0, 1),
        ("longer there", off(Some(100)), vec![foreign(9, Some(order(None)))], 1, 0),
        ("longer here", off(None), vec![foreign(9, Some(order(Some(100))))], 0, 1),
        ("nothing there", off(None), vec![], 0, 1),
        ("nothing there, over here", off(Some(4)), vec![], 0, 0),
        ("on there, over here", off(Some(4)), vec![foreign(9, None)], 1, 0),
        ("the same", off(None), vec![foreign(9, Some(order(None)))], 0, 0),
    ];
    for (what, positions, all, news, untold) in cases {
        let mut agreement = Agreement { epoch: "before".to_owned(), ..Agreement::default() };
        agreement.agree(&target(), 50);
        let heard = agreement.hear("after", all, &positions, at(5));
        assert_eq!((heard.len(), agreement.untold.len()), (news, untold), "{what}");
        assert_eq!(agreement.epoch, "after");
    }
}

#[test]
fn what_is_not_told_is_not_overwritten() {
    let mut agreement = Agreement { epoch: "e".to_owned(), ..Agreement::default() };
    agreement.throw(&target(), &why("leaked"));
    let off = off(None);
    assert!(agreement.hear("e", vec![foreign(9, None)], &off, at(5)).is_empty());
    let untold = agreement.untold(&off);
    assert_eq!((untold.len(), untold[0].base, untold[0].order.clone()), (1, 0, Some(order(None))));
}

#[test]
fn words_name_targets() {
    for word in ["all", "i:a-b", "s:a:2026-q4", "s:a:x.y_z"] {
        assert_eq!(Target::of_word(word).unwrap().word(), word);
    }
    for bad in ["", "ALL", "i:", "i:A", "s:a", "s:a:", "x:a", "i:a:b"] {
        assert!(Target::of_word(bad).is_none(), "{bad}");
    }
    assert!(order(Some(100)).until_ms() < order(None).until_ms());
}

/// The store's rule, as its script has it.
#[derive(Default)]
struct Store {
    revision: u64,
    present: Option<Foreign>,
}

impl Store {
    fn write(&mut self, untold: &Untold, now: UnixTime) -> Option<Foreign> {
        let is_known = self.present.as_ref().is_none_or(|present| untold.epoch == "e" && present.revision <= untold.base);
        let there = self.present.as_ref().and_then(|present| present.order.as_ref());
        if !is_known && strictness(there, now) >= untold.order.as_ref().map_or(0, Order::until_ms) {
            if let Some(present) = self.present.as_mut().filter(|_| untold.order.is_some()) {
                self.revision += 1;
                present.revision = self.revision;
            }
            return self.present.clone();
        }
        self.revision += 1;
        let (revision, order, why) = (self.revision, untold.order.clone(), untold.why.clone());
        self.present = Some(Foreign { target: target(), revision, order, why, origin: "x".to_owned() });
        None
    }
}

/// A replica, by the rules that the board follows.
#[derive(Default)]
struct Replica {
    agreement: Agreement,
    positions: Positions,
}

impl Replica {
    fn throw(&mut self, order: Option<Order>) {
        match order {
            Some(order) => self.positions.disable(&target(), order).unwrap(),
            None => drop(self.positions.enable(&target())),
        }
        self.agreement.throw(&target(), &why("thrown"));
    }

    fn adopt(&mut self, foreign: &Foreign) {
        match foreign.order.clone() {
            Some(order) => self.positions.disable(&target(), order).unwrap(),
            None => drop(self.positions.enable(&target())),
        }
        self.agreement.agree(&target(), foreign.revision);
    }

    fn exchange(&mut self, store: &mut Store, now: UnixTime) {
        for untold in self.agreement.untold(&self.positions) {
            match store.write(&untold, now) {
                None if self.agreement.epoch == "e" => {
                    self.agreement.untold.remove(&target());
                    self.agreement.agree(&target(), store.revision);
                }
                None => {}
                Some(kept) => {
                    self.agreement.untold.remove(&target());
                    self.adopt(&kept);
                }
            }
        }
        let all = store.present.iter().cloned().collect();
        for foreign in self.agreement.hear("e", all, &self.positions, now) {
            self.adopt(&foreign);
        }
    }
}

proptest! {
    /// Whoever throws what in whatever order: once all have talked twice they agree, and if the last word of somebody who had
    /// heard everything was off, it is off.
    #[test]
    fn they_agree_in_the_end(steps in prop::collection::vec((0..3_usize, 0..4_u8), 1..40)) {
        let (mut store, now) = (Store::default(), at(5));
        let mut replicas = [Replica::default(), Replica::default(), Replica::default()];
        let mut is_off_for_sure = false;
        for (who, what) in steps {
            match what {
                0 => {
                    replicas[who].throw(Some(order(None)));
                    is_off_for_sure = true;
                }
                1 => {
                    replicas[who].throw(None);
                    is_off_for_sure = false;
                }
                2 => {
                    replicas[who].throw(Some(order(Some(100))));
                    is_off_for_sure = true;
                }
                _ => replicas[who].exchange(&mut store, now),
            }
        }
        for _ in 0..3 {
            for replica in &mut replicas {
                replica.exchange(&mut store, now);
            }
        }
        let positions: Vec<_> = replicas.iter().map(|replica| replica.positions.order(&target()).cloned()).collect();
        prop_assert!(positions.iter().all(|position| *position == positions[0]), "{:?}", positions);
        prop_assert!(replicas.iter().all(|replica| replica.agreement.untold.is_empty()));
        // The last thing thrown anywhere was off: no earlier on of anybody may have undone it.
        prop_assert!(!is_off_for_sure || positions[0].is_some());
    }
}
