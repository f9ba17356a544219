//! A secret cannot be serialised, nor can what it was made into.

use hookward::domain::secret::SecretBytes;
use hookward::gate::verify::keys::KeyRing;
use hookward::gate::verify::sign::SigningKey;

pub fn written<T: serde::Serialize>() {}

fn main() {
    written::<SecretBytes>();
    written::<KeyRing>();
    written::<SigningKey>();
}
