//! A request whose signature header nobody read cannot be verified.

use hookward::domain::head::Received;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::gate::{Judging, verify};

pub fn shortcut(judging: &Judging<'_>, received: Received, now: UnixTime) {
    let head = received.head.clone();
    let _ = verify(judging, head, received, now);
}

fn main() {}
