//! Nobody but its gate says that an upstream answered.

use hookward::domain::time::Now;
use hookward::gate::forward::gate::Forwarded;
use http::{HeaderMap, StatusCode};

pub fn forge(now: Now) -> Forwarded {
    Forwarded { status: StatusCode::OK, headers: HeaderMap::new(), body: Default::default(), answered_at: now }
}

fn main() {}
