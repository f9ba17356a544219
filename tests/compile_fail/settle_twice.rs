//! A claim ends once.

use hookward::domain::time::Now;
use hookward::gate::replay::gate::Claimed;
use hookward::gate::replay::settlement::Settlement;

pub async fn twice(claimed: Claimed, now: Now) {
    let _ = claimed.settle(Settlement::Release, now).await;
    let _ = claimed.settle(Settlement::Settle, now).await;
}

fn main() {}
