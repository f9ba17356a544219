//! Throwing, asking, keeping, and files that cannot be believed.

use std::fs;
use std::path::Path;

use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;

use super::board::Switchboard;
use super::error::SwitchError;
use super::order::{Order, SwitchAnswer, Target, Why};
use super::positions::{INTEGRATIONS_MAX, Positions};

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn name(text: &str) -> IntegrationName {
    text.parse().unwrap()
}

fn secret(text: &str) -> SecretId {
    text.parse().unwrap()
}

fn order(until: Option<i64>) -> Order {
    let until = until.map(at);
    Order { why: "leaked".parse().unwrap(), since: at(100), until, answer: SwitchAnswer::default_for(until) }
}

fn leaked() -> Why {
    "leaked".parse().unwrap()
}

fn open(directory: &Path) -> Switchboard {
    Switchboard::open(directory).unwrap()
}

#[test]
fn a_switch_acts_at_once_and_ends_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let board = open(directory.path());
    let (a, b) = (board.switch(&name("a")), board.switch(&name("b")));
    board.disable(&Target::Integration(name("a")), order(Some(200))).unwrap();
    assert_eq!(a.off(at(199)).unwrap().order.answer, SwitchAnswer::Unavailable);
    assert!(a.off(at(200)).is_none() && b.off(at(150)).is_none());
    board.disable(&Target::Integration(name("a")), order(None)).unwrap();
    assert_eq!(a.off(at(9999)).unwrap().order.answer, SwitchAnswer::Forbidden);
    assert!(board.enable(&Target::Integration(name("a")), &leaked(), at(300)).unwrap());
    assert!(!board.enable(&Target::Integration(name("a")), &leaked(), at(300)).unwrap());
    assert!(a.off(at(300)).is_none());
}

#[test]
fn all_is_a_switch_of_its_own_and_holds_for_what_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let board = open(directory.path());
    let a = board.switch(&name("a"));
    board.disable(&Target::Integration(name("a")), order(None)).unwrap();
    board.disable(&Target::All, order(None)).unwrap();
    let later = board.switch(&name("later"));
    assert!(later.off(at(1)).unwrap().is_for_all && a.off(at(1)).unwrap().is_for_all);
    board.enable(&Target::Integration(name("later")), &leaked(), at(1)).unwrap();
    assert!(later.off(at(1)).is_some(), "all is all");
    board.enable(&Target::All, &leaked(), at(1)).unwrap();
    assert!(later.off(at(1)).is_none());
    assert!(!a.off(at(1)).unwrap().is_for_all, "its own switch is as it was");
}

#[test]
fn one_secret_is_barred_alone() {
    let directory = tempfile::tempdir().unwrap();
    let board = open(directory.path());
    let a = board.switch(&name("a"));
    board.disable(&Target::Secret(name("a"), secret("old")), order(Some(200))).unwrap();
    assert!(a.barred().has(&secret("old"), at(150)) && !a.barred().has(&secret("new"), at(150)));
    assert!(a.off(at(150)).is_none() && !a.barred().has(&secret("old"), at(200)));
    assert!(board.enable(&Target::Secret(name("a"), secret("old")), &leaked(), at(150)).unwrap());
    assert!(!a.barred().has(&secret("old"), at(150)));
}

#[test]
fn positions_outlive_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let board = open(directory.path());
    board.disable(&Target::Integration(name("a")), order(Some(5_000))).unwrap();
    board.disable(&Target::Secret(name("b"), secret("old")), order(None)).unwrap();
    board.disable(&Target::All, order(Some(150))).unwrap();
    drop(board);
    let board = open(directory.path());
    assert_eq!(board.all_off(at(120)).unwrap().why.as_str(), "leaked");
    assert!(board.all_off(at(150)).is_none());
    assert_eq!(*board.switch(&name("a")).off(at(160)).unwrap().order, order(Some(5_000)));
    assert!(board.switch(&name("b")).barred().has(&secret("old"), at(160)));
    assert!(!directory.path().join("switches.json.new").exists());
}

#[test]
fn what_cannot_be_written_is_off_and_stays_off_and_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    fs::create_dir(&state).unwrap();
    let board = open(&state);
    let a = board.switch(&name("a"));
    fs::rename(&state, directory.path().join("gone")).unwrap();
    assert!(matches!(board.disable(&Target::All, order(None)), Err(SwitchError::Unwritable { .. })));
    assert!(a.off(at(1)).is_some() && !board.is_kept());
    assert!(matches!(board.enable(&Target::All, &leaked(), at(1)), Err(SwitchError::Unwritable { .. })));
    assert!(a.off(at(1)).is_some() && !board.keep());
    fs::rename(directory.path().join("gone"), &state).unwrap();
    assert!(board.keep() && board.is_kept());
    assert!(open(&state).all_off(at(1)).is_some());
}

#[test]
fn a_file_that_cannot_be_believed_is_refused() {
    let good = r#"{"version":1,"all":null,"integrations":{"a":{"whole":{"reason":"x","since":"2026-01-01T00:00:00Z","until":null,"answer":403},"secrets":{}}}}"#;
    let bad = [
        "",
        "{",
        "[]",
        &good.replace("\"version\":1", "\"version\":2"),
        &good.replace("\"all\":null,", ""),
        &good.replace("\"all\":null", "\"all\":null,\"more\":1"),
        &good.replace("\"a\":", "\"A\":"),
        &good.replace("403", "200"),
        &good.replace("\"x\"", "\"\""),
        &good.replace("2026-01-01T00:00:00Z", "soon"),
        &good.replace(",\"secrets\":{}", ""),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("switches.json");
    for text in bad {
        fs::write(&path, text).unwrap();
        assert!(matches!(Switchboard::open(directory.path()), Err(SwitchError::Corrupt { .. })), "{text}");
    }
    fs::write(&path, good).unwrap();
    assert!(open(directory.path()).switch(&name("a")).off(at(1)).is_some());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(Switchboard::open(directory.path()), Err(SwitchError::Unreadable { .. })));
}

#[test]
fn positions_are_bounded_and_over_ones_forgotten() {
    let mut positions = Positions::default();
    for index in 0..INTEGRATIONS_MAX {
        positions.disable(&Target::Integration(name(&format!("i{index}"))), order(Some(200))).unwrap();
    }
    let one_more = positions.disable(&Target::Integration(name("more")), order(None));
    assert!(matches!(one_more, Err(SwitchError::Full { max: INTEGRATIONS_MAX })));
    positions.disable(&Target::Integration(name("i1")), order(None)).unwrap();
    positions.forget_over(at(200));
    assert_eq!(positions.integrations.len(), 1);
}

#[test]
fn handles_nobody_has_are_let_go() {
    let directory = tempfile::tempdir().unwrap();
    let board = open(directory.path());
    let kept = board.switch(&name("kept"));
    drop(board.switch(&name("gone")));
    board.disable(&Target::Integration(name("gone")), order(None)).unwrap();
    board.forget_unused();
    assert!(board.switch(&name("gone")).off(at(1)).is_some(), "its position stays");
    assert!(kept.off(at(1)).is_none());
}

#[test]
fn reasons_are_one_line() {
    assert_eq!(" leaked in chat ".parse::<Why>().unwrap().as_str(), "leaked in chat");
    assert!("é".repeat(256).parse::<Why>().is_ok());
    for bad in [String::new(), " ".to_owned(), "a\nb".to_owned(), "é".repeat(257)] {
        assert!(bad.parse::<Why>().is_err(), "{bad}");
    }
}
