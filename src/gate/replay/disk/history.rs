//! The store's history in two numbers: since when it knows everything, and what it has forgotten since.
//!
//! Text, so that a person can read it:
//!
//! ```text
//! hookward-replay-history 1
//! since 1700000002000000
//! forgotten 1700000300
//! check 3f2a…
//! ```
//!
//! 1. `since` is the instant, in microseconds, up to which deliveries may have been taken that the store never knew.
//! 2. `forgotten` is the second up to which timed deliveries were forgotten as over. It is on disk before a segment is unlinked:
//!    a wall that is set back while the gateway is down makes nothing acceptable that is gone.
//! 3. A file that is ruined is not guessed at.

use std::fs;
use std::io;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::error::DiskError;
use super::folder::Folder;
use crate::domain::time::UnixTime;

const FILE: &str = "history";
const HEAD: &str = "hookward-replay-history ";
const VERSION: &str = "1";

/// Since when everything is known, and what was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) since: UnixTime,
    pub(super) forgotten: u32,
}

/// What was found of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A history.
    Whole(History),
    /// A file, and nothing that can be believed in it.
    Ruined,
    /// No file.
    Nothing,
}

impl History {
    pub(super) fn load(folder: &Folder) -> Result<Found, DiskError> {
        let path = folder.path_of(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(source) => return Err(DiskError::Read { path, source }),
        };
        let Some(body) = checked(&bytes) else { return Ok(Found::Ruined) };
        let Some(body) = body.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix(VERSION)) else {
            return Err(DiskError::Version { path });
        };
        Ok(parse(body).map_or(Found::Ruined, Found::Whole))
    }

    pub(super) fn save(self, folder: &Folder) -> io::Result<()> {
        folder.replace(FILE, self.text().as_bytes())
    }

    pub(super) fn save_first(self, folder: &Folder) -> Result<(), DiskError> {
        self.save(folder).map_err(|source| DiskError::Write { path: folder.path_of(FILE), source })
    }

    fn text(self) -> String {
        let body = format!("{HEAD}{VERSION}\nsince {}\nforgotten {}\n", self.since.micros(), self.forgotten);
        let check = check(&body);
        format!("{body}{CHECK}{check}\n")
    }
}

/// What stands before the check, if it is what was checked.
fn checked(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (body, found) = text.strip_suffix('\n')?.rsplit_once(CHECK)?;
    (found == check(body)).then_some(body)
}

fn parse(body: &str) -> Option<History> {
    let mut lines = body.strip_prefix('\n')?.lines();
    let since = lines.next()?.strip_prefix("since ")?.parse().ok()?;
    let forgotten = lines.next()?.strip_prefix("forgotten ")?.parse().ok()?;
    lines.next().is_none().then_some(History { since: UnixTime::from_micros(since), forgotten })
}

fn check(body: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(body).into();
    HEXLOWER.encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]))
}

const CHECK: &str = "check ";

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(&parent.path().join("a/replay")).unwrap();
        (parent, folder)
    }

    #[test]
    fn what_is_saved_is_found_and_nothing_else_is_believed() {
        let (_parent, folder) = folder();
        assert_eq!(History::load(&folder).unwrap(), Found::Nothing);
        let history = History { since: UnixTime::from_millis(1_700_000_000_700), forgotten: 1_700_000_300 };
        history.save(&folder).unwrap();
        assert_eq!(History::load(&folder).unwrap(), Found::Whole(history));
        let path = folder.path_of(FILE);
        let good = fs::read(&path).unwrap();
        for (at, length) in (0..good.len()).flat_map(|at| [(at, good.len()), (at, at)]) {
            let mut ruined = good[..length].to_vec();
            if let Some(byte) = ruined.get_mut(at) {
                *byte ^= 1;
            }
            fs::write(&path, ruined).unwrap();
            assert_eq!(History::load(&folder).unwrap(), Found::Ruined, "{at} of {length}");
        }
        let later = format!("{HEAD}2\nanything\n");
        fs::write(&path, format!("{later}{CHECK}{}\n", check(&later))).unwrap();
        assert!(matches!(History::load(&folder), Err(DiskError::Version { .. })));
    }
}
