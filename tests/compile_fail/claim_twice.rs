//! One proof makes one claim.

use hookward::domain::time::Now;
use hookward::gate::replay::gate::claim;
use hookward::gate::replay::terms::ReplayTerms;
use hookward::gate::scope::gate::Scoped;

pub async fn twice(terms: &ReplayTerms, scoped: Scoped, now: Now) {
    let _ = claim(terms, scoped, now).await;
    let _ = claim(terms, scoped, now).await;
}

fn main() {}
