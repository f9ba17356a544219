//! A request that nobody verified cannot be forwarded.

use hookward::domain::head::Received;
use hookward::gate::forward::gate::{Arrival, forward};
use hookward::gate::forward::pool::UpstreamPool;

pub async fn shortcut(pool: &UpstreamPool, received: &Received, arrival: &Arrival<'_>) {
    let _ = forward(pool, received, arrival).await;
}

fn main() {}
