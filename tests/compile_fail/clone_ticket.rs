//! A ticket is one proof, not two: none can be cloned.

use hookward::gate::admit::gate::Admitted;
use hookward::gate::forward::gate::Forwarded;
use hookward::gate::pace::gate::Paced;
use hookward::gate::replay::gate::Claimed;
use hookward::gate::scope::gate::Scoped;
use hookward::gate::verify::gate::Verified;
use hookward::gate::verify::presented::Presented;

pub fn two<T: Clone>() {}

fn main() {
    two::<Admitted>();
    two::<Presented>();
    two::<Verified>();
    two::<Scoped>();
    two::<Claimed>();
    two::<Paced>();
    two::<Forwarded>();
}
