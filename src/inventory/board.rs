//! All lives of a gateway: fed by requests, kept in files by a thread in the background.
//!
//! Invariants: the same name has the same [`Track`] for as long as anybody holds it; a request takes one short lock that is
//! its integration's own; files are read when an integration is built and written by [`Inventory::keep`] only.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;

use super::file;
use super::finding::{Finding, Terms, findings};
use super::life::{Anomaly, Life, Sight};
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;

const FOLDER: &str = "inventory";
/// How long the file of an integration that is gone stays.
const GONE_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// One integration's life. Held by its integration in every site, and by the inventory.
#[derive(Debug)]
pub struct Track {
    name: IntegrationName,
    life: Mutex<Life>,
    /// Whether the file lags behind.
    changed: AtomicBool,
}

impl Track {
    /// A request ended.
    pub fn see(&self, sight: &Sight<'_>) {
        self.life.lock().see(sight);
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Time passed; answers with at most so many anomalies that were not told yet.
    pub fn tick(&self, now: UnixTime, is_taking: bool, most: usize) -> Vec<Anomaly> {
        self.life.lock().tick(now, is_taking, most)
    }

    /// These are its secrets now.
    pub fn expect_secrets<'s>(&self, ids: impl Iterator<Item = &'s SecretId>, now: UnixTime) {
        self.life.lock().expect_secrets(ids, now);
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Since when a secret is configured, as far as is known.
    #[must_use]
    pub fn secret_since(&self, id: &SecretId) -> Option<UnixTime> {
        let life = self.life.lock();
        life.secrets.iter().find(|secret| secret.id == *id).map(|secret| UnixTime::from_seconds(secret.since))
    }

    /// A secret has another text under the same id.
    pub fn renew_secret(&self, id: &SecretId, now: UnixTime) {
        self.life.lock().renew_secret(id, now);
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Everything that is remembered, as it is now.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life.lock().clone()
    }

    /// What follows from it: reckoned from a copy, for long lists of the configuration take their time and a request must not
    /// wait for it.
    #[must_use]
    pub fn findings(&self, terms: &Terms, now: UnixTime, is_taking: bool) -> Vec<Finding> {
        findings(&self.life(), terms, now, is_taking)
    }
}

/// All lives.
#[derive(Debug)]
pub struct Inventory {
    folder: PathBuf,
    tracks: Mutex<BTreeMap<IntegrationName, Arc<Track>>>,
    /// Whether the last write of any file failed, so that it is said once.
    is_failing: AtomicBool,
}

impl Inventory {
    /// The inventory of a state directory. Files are read as integrations are asked for.
    #[must_use]
    pub fn open(state_dir: &Path) -> Self {
        let folder = state_dir.join(FOLDER);
        if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
            tracing::error!(folder = %folder.display(), %error, "what is seen of integrations cannot be kept over a restart");
        }
        Self { folder, tracks: Mutex::default(), is_failing: AtomicBool::new(false) }
    }

    /// The life of an integration: always the same one for the same name.
    #[must_use]
    pub fn track(&self, name: &IntegrationName, now: UnixTime) -> Arc<Track> {
        let mut tracks = self.tracks.lock();
        if let Some(track) = tracks.get(name) {
            return Arc::clone(track);
        }
        let life = file::read(&self.path(name)).unwrap_or_else(|| Life::new(now));
        let track = Arc::new(Track { name: name.clone(), life: Mutex::new(life), changed: AtomicBool::new(true) });
        tracks.insert(name.clone(), Arc::clone(&track));
        track
    }

    /// Writes what changed, and lets go of integrations that nobody has any more. May take as long as the disk does.
    pub fn keep(&self) {
        let tracks: Vec<Arc<Track>> = self.tracks.lock().values().cloned().collect();
        let mut failed = None;
        for track in tracks.iter().filter(|track| track.changed.swap(false, Ordering::Relaxed)) {
            let life = track.life();
            if let Err(error) = file::write(&self.path(&track.name), &life) {
                track.changed.store(true, Ordering::Relaxed);
                failed = Some(error);
            }
        }
        self.tell(failed.as_ref());
        drop(tracks);
        self.tracks.lock().retain(|_, track| Arc::strong_count(track) > 1 || track.changed.load(Ordering::Relaxed));
    }

    /// Removes the files of integrations that are gone for 90 days.
    pub fn forget_gone(&self, now: UnixTime) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let known = self.tracks.lock();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().and_then(|name| name.to_str()?.split('.').next()?.parse::<IntegrationName>().ok());
            let is_gone = name.is_none_or(|name| !known.contains_key(&name));
            if is_gone && age(&path, now).is_some_and(|age| age > GONE_KEPT) {
                let _ = fs::remove_file(&path);
            }
        }
    }

    fn tell(&self, failed: Option<&io::Error>) {
        let was_failing = self.is_failing.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(error) if !was_failing => {
                tracing::error!(folder = %self.folder.display(), %error, "what is seen of integrations cannot be written down");
            }
            None if was_failing => tracing::info!("what is seen of integrations is written down again"),
            _ => {}
        }
    }

    fn path(&self, name: &IntegrationName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

fn age(path: &Path, now: UnixTime) -> Option<Duration> {
    let modified = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let modified = UnixTime::from_seconds(i64::try_from(modified.as_secs()).ok()?);
    Some(now.since(modified))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Source;
    use crate::domain::reason::Reason;

    const NOW: UnixTime = UnixTime::from_seconds(1_780_000_000);

    fn see(track: &Track) {
        let source = Source::Unix;
        track.see(&Sight { at: NOW, reason: Reason::Delivered, source, secret: None, event: None, upstream_status: Some(200) });
    }

    #[test]
    fn a_life_goes_on_after_a_restart_and_one_that_nobody_has_is_let_go() {
        let state = tempfile::tempdir().unwrap();
        let name: IntegrationName = "a".parse().unwrap();
        let inventory = Inventory::open(state.path());
        let track = inventory.track(&name, NOW);
        see(&track);
        assert!(Arc::ptr_eq(&track, &inventory.track(&name, NOW)));
        drop(track);
        inventory.keep();
        assert!(inventory.tracks.lock().is_empty());
        let later = NOW.plus(Duration::from_secs(60));
        let again = Inventory::open(state.path()).track(&name, later);
        assert_eq!((again.life().deliveries, again.life().since), (1, NOW.seconds()));
    }

    #[test]
    fn without_a_folder_everything_is_remembered_until_the_end() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join(FOLDER), "in the way").unwrap();
        let inventory = Inventory::open(state.path());
        let track = inventory.track(&"a".parse().unwrap(), NOW);
        see(&track);
        inventory.keep();
        assert!(inventory.is_failing.load(Ordering::Relaxed) && track.life().deliveries == 1);
        fs::remove_file(state.path().join(FOLDER)).unwrap();
        fs::create_dir(state.path().join(FOLDER)).unwrap();
        inventory.keep();
        assert!(!inventory.is_failing.load(Ordering::Relaxed) && state.path().join(FOLDER).join("a.json").exists());
    }

    #[test]
    fn files_of_integrations_that_are_gone_go_after_a_while() {
        let state = tempfile::tempdir().unwrap();
        let inventory = Inventory::open(state.path());
        let track = inventory.track(&"here".parse().unwrap(), NOW);
        inventory.keep();
        let file = |name: &str| state.path().join(FOLDER).join(name);
        fs::write(file("gone.json"), "{}").unwrap();
        inventory.forget_gone(NOW);
        assert!(file("gone.json").exists(), "not yet");
        inventory.forget_gone(UnixTime::from_seconds(i64::MAX / 2_000_000));
        assert!(!file("gone.json").exists() && file("here.json").exists());
        drop(track);
    }
}
