//! A verified delivery whose event nobody judged cannot be forwarded.

use hookward::gate::forward::gate::{Arrival, forward};
use hookward::gate::forward::pool::UpstreamPool;
use hookward::gate::verify::gate::Verified;

pub async fn shortcut(pool: &UpstreamPool, verified: &Verified, arrival: &Arrival<'_>) {
    let _ = forward(pool, verified, arrival).await;
}

fn main() {}
