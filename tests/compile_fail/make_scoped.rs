//! Nobody but its gate says that an event is in scope.

use hookward::gate::scope::gate::Scoped;
use hookward::gate::verify::gate::Verified;

pub fn forge(verified: Verified) -> Scoped {
    Scoped { verified }
}

fn main() {}
