//! A secret cannot be printed.

use hookward::domain::secret::SecretBytes;

pub fn print(secret: &SecretBytes) -> String {
    format!("{secret}")
}

fn main() {}
