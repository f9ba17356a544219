//! A delivery whose claim has ended cannot be forwarded any more.

use hookward::domain::time::Now;
use hookward::gate::forward::gate::{Arrival, forward};
use hookward::gate::forward::pool::UpstreamPool;
use hookward::gate::pace::gate::Paced;
use hookward::gate::replay::settlement::Settlement;

pub async fn late(pool: &UpstreamPool, paced: Paced, arrival: &Arrival<'_>, now: Now) {
    let _ = paced.into_claimed().settle(Settlement::Release, now).await;
    let _ = forward(pool, &paced, arrival).await;
}

fn main() {}
