//! A proof cannot be moved to another request.

use hookward::domain::head::Received;
use hookward::gate::verify::gate::Verified;

pub fn forge(received: Received, proven: Verified) -> Verified {
    Verified { received, ..proven }
}

fn main() {}
