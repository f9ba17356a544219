//! A ticket does not come from nothing: none has a default.

use hookward::gate::admit::gate::Admitted;
use hookward::gate::forward::gate::Forwarded;
use hookward::gate::pace::gate::Paced;
use hookward::gate::replay::gate::Claimed;
use hookward::gate::scope::gate::Scoped;
use hookward::gate::verify::gate::Verified;
use hookward::gate::verify::presented::Presented;

pub fn nothing<T: Default>() {}

fn main() {
    nothing::<Admitted>();
    nothing::<Presented>();
    nothing::<Verified>();
    nothing::<Scoped>();
    nothing::<Claimed>();
    nothing::<Paced>();
    nothing::<Forwarded>();
}
