//! The event of a request that nobody verified cannot be judged.

use hookward::domain::head::Received;
use hookward::gate::scope::gate::scope;
use hookward::gate::scope::rules::EventRules;

pub fn shortcut(rules: &EventRules, received: Received) {
    let _ = scope(rules, received);
}

fn main() {}
