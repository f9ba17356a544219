//! Whom we trust where nobody else is named: the roots of the system.
//!
//! Owns: how they are read. Must not know: who connects where, and what it is called when there are none.

use rustls::RootCertStore;

/// What can be read of the system's roots. One unreadable certificate among its hundred is no reason to trust none; an empty
/// store verifies nothing, and is the caller's fault to tell.
#[must_use]
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
