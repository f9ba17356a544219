//! A claim cannot be moved to another delivery.

use hookward::gate::replay::gate::Claimed;
use hookward::gate::scope::gate::Scoped;

pub fn forge(scoped: Scoped, held: Claimed) -> Claimed {
    Claimed { scoped, ..held }
}

fn main() {}
