//! A verified delivery whose event nobody judged cannot be claimed.

use hookward::domain::time::Now;
use hookward::gate::replay::gate::claim;
use hookward::gate::replay::terms::ReplayTerms;
use hookward::gate::verify::gate::Verified;

pub async fn shortcut(terms: &ReplayTerms, verified: Verified, now: Now) {
    let _ = claim(terms, verified, now).await;
}

fn main() {}
