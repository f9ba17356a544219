//! What was verified cannot be changed afterwards.

use hookward::gate::verify::gate::Verified;

pub fn forge(mut proven: Verified) -> Verified {
    proven.facts.received.body = hookward::domain::body::RawBody::default();
    proven
}

fn main() {}
