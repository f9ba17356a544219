//! `[admin]`: where the gateway is asked and told.

use std::path::Path;

use super::listener::Sockets;
use crate::config::integration::secret;
use crate::config::plan::AdminSpec;
use crate::config::value;
use crate::document::Table;

/// Whoever may open a unix socket may do what the admin listener does: the owner alone.
const MODE: u32 = 0o600;

/// Reads `[admin]`.
pub(super) fn read(table: &Table<'_>, base: &Path, sockets: &Sockets) -> AdminSpec {
    AdminSpec {
        bind: value::optional(table, "bind", |entry| sockets.bind_any(entry, base, MODE)).unwrap_or(AdminSpec::default().bind),
        probe_bind: value::optional(table, "probe_bind", |entry| sockets.bind(entry)),
        token: value::optional(table, "token", |entry| secret::reference(entry, base)),
    }
}
