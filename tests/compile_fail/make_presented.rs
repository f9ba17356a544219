//! Nobody but its gate says what a request presents.

use hookward::gate::verify::presented::Presented;

pub fn forge() -> Presented {
    Presented { candidates: Vec::new().into(), sent_at: None, key_id: None, token: None, certificate: None }
}

fn main() {}
