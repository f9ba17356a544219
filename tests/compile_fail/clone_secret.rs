//! A secret cannot be cloned: the copy would outlive the rotation.

use hookward::domain::secret::SecretBytes;

pub fn two<T: Clone>() {}

fn main() {
    two::<SecretBytes>();
}
