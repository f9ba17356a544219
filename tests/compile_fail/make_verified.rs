//! A proof is made by the gate alone.

use hookward::gate::verify::gate::Verified;

pub fn forge() -> Verified {
    Verified { facts: loop {} }
}

fn main() {}
