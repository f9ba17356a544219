//! Nobody but its gate says that an upstream answered.

use std::time::Duration;

use hookward::gate::forward::gate::Forwarded;
use http::{HeaderMap, StatusCode};

pub fn forge() -> Forwarded {
    Forwarded { status: StatusCode::OK, headers: HeaderMap::new(), body: Default::default(), upstream_time: Duration::ZERO }
}

fn main() {}
