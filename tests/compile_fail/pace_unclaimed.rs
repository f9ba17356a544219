//! A delivery that nobody claimed spends nothing of its integration's budget.

use hookward::domain::time::Now;
use hookward::gate::pace::gate::{Pace, pace};
use hookward::gate::scope::gate::Scoped;

pub async fn shortcut(budget: &Pace, scoped: Scoped, now: Now) {
    let _ = pace(budget, scoped, now).await;
}

fn main() {}
