//! A claimed delivery that spent nothing of its integration's budget cannot be forwarded.

use hookward::gate::forward::gate::{Arrival, forward};
use hookward::gate::forward::pool::UpstreamPool;
use hookward::gate::replay::gate::Claimed;

pub async fn shortcut(pool: &UpstreamPool, claimed: &Claimed, arrival: &Arrival<'_>) {
    let _ = forward(pool, claimed, arrival).await;
}

fn main() {}
