//! Secrets cannot be compared: equality takes longer the more of a guess is right.

use hookward::domain::secret::SecretBytes;

pub fn compare(secret: &SecretBytes, guess: &SecretBytes) -> bool {
    secret == guess
}

fn main() {}
