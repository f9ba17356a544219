//! Secrets in environment variables.
//!
//! Invariants: the value is taken as bytes, as it stands; a variable that is not valid Unicode is still a secret.

use std::ffi::OsString;

use zeroize::Zeroizing;

use super::SecretError;
use crate::secrets::spec::SecretSource;

#[expect(clippy::disallowed_methods, reason = "one of the two places where secrets enter")]
pub(super) fn read(name: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    // The standard library panics on names that no environment can hold.
    let possible = !name.is_empty() && !name.contains(['=', '\0']);
    let value = possible.then(|| std::env::var_os(name)).flatten();
    let missing = || SecretError::Missing { from: SecretSource::Environment(name.to_owned()) };
    value.map(OsString::into_encoded_bytes).map(Zeroizing::new).ok_or_else(missing)
}
