//! A delivery in scope that nobody claimed cannot be forwarded.

use hookward::gate::forward::gate::{Arrival, forward};
use hookward::gate::forward::pool::UpstreamPool;
use hookward::gate::scope::gate::Scoped;

pub async fn shortcut(pool: &UpstreamPool, scoped: &Scoped, arrival: &Arrival<'_>) {
    let _ = forward(pool, scoped, arrival).await;
}

fn main() {}
