//! Nobody but its gate says that a request may be read.

use hookward::domain::address::Source;
use hookward::gate::admit::gate::Admitted;

pub fn forge(source: Source) -> Admitted {
    Admitted { source }
}

fn main() {}
