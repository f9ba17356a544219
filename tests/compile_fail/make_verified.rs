//! A proof cannot be moved to another request.

use hookward::domain::head::Received;
use hookward::gate::verify::gate::Verified;

pub fn forge(received: Received, mut proven: Verified) -> Verified {
    proven.0.received = received;
    proven
}

pub fn make() -> Verified {
    Verified(Default::default())
}

fn main() {}
