//! Hints that something may have changed, from the system.
//!
//! Invariants: what is remembered of events is one flag and the watched files that are open for writing; nothing here reads a
//! file. Reading and listing are no change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::targets::Targets;

/// Hints, gathered from the system's own thread.
pub(crate) struct Hints {
    ear: Arc<Ear>,
    following: Mutex<Following>,
}

/// What is listened to.
struct Following {
    /// None where the system gives no hints.
    watcher: Option<RecommendedWatcher>,
    directories: BTreeSet<PathBuf>,
}

/// What the system's thread leaves behind.
#[derive(Default)]
pub(super) struct Ear {
    heard: Notify,
    state: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    files: BTreeSet<PathBuf>,
    writing: BTreeSet<PathBuf>,
}

impl Hints {
    /// Begins to listen, to nothing yet.
    pub(crate) fn listen() -> Arc<Self> {
        let ear = Arc::new(Ear::default());
        let hearing = Arc::clone(&ear);
        let watcher = notify::recommended_watcher(move |event| hearing.hear(event));
        let watcher =
            watcher.inspect_err(|error| tracing::warn!(%error, "no hints about changed files: looking every 2 s instead"));
        Arc::new(Self { ear, following: Mutex::new(Following { watcher: watcher.ok(), directories: BTreeSet::new() }) })
    }

    /// Listens to the directories of these files, and to no others.
    pub(crate) fn follow(&self, targets: &Targets) {
        self.ear.attend(targets);
        let mut following = self.following.lock();
        let Following { watcher: Some(watcher), directories } = &mut *following else { return };
        let wanted = targets.directories();
        for gone in directories.difference(&wanted) {
            // Gone with its directory, as likely as not.
            let _ = watcher.unwatch(gone);
        }
        // Watching what is watched is nothing, and what was exchanged under its name is watched anew.
        *directories = wanted.into_iter().filter(|path| watcher.watch(path, RecursiveMode::NonRecursive).is_ok()).collect();
    }

    /// Whether the system gives hints.
    pub(crate) fn are_heard(&self) -> bool {
        self.following.lock().watcher.is_some()
    }

    /// Ready when there was a hint since the last time.
    pub(crate) async fn heard(&self) {
        self.ear.heard.notified().await;
    }

    /// A hint of our own.
    pub(crate) fn wake(&self) {
        self.ear.heard.notify_one();
    }

    /// Whether somebody has a watched file open and has written to it.
    pub(crate) fn is_writing(&self) -> bool {
        !self.ear.state.lock().writing.is_empty()
    }
}

impl Ear {
    fn attend(&self, targets: &Targets) {
        let real = targets.files().iter().filter_map(|file| std::fs::canonicalize(file).ok());
        let files = targets.files().iter().cloned().chain(real).collect();
        let mut state = self.state.lock();
        state.files = files;
        let Heard { files, writing } = &mut *state;
        writing.retain(|file| files.contains(file));
    }

    pub(super) fn hear(&self, event: notify::Result<Event>) {
        // An error, or events that were lost: nobody knows what changed, so look.
        let Ok(event) = event else { return self.heard.notify_one() };
        if event.need_rescan() {
            self.state.lock().writing.clear();
            return self.heard.notify_one();
        }
        if self.matters(&event) {
            self.heard.notify_one();
        }
    }

    fn matters(&self, event: &Event) -> bool {
        let mut state = self.state.lock();
        let ours: Vec<&Path> = event.paths.iter().map(PathBuf::as_path).filter(|path| state.files.contains(*path)).collect();
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                state.writing.retain(|file| !ours.contains(&file.as_path()));
                !ours.is_empty()
            }
            EventKind::Access(_) => false,
            EventKind::Modify(ModifyKind::Data(_)) => {
                state.writing.extend(ours.iter().map(|path| (*path).to_owned()));
                !ours.is_empty()
            }
            EventKind::Modify(ModifyKind::Metadata(_)) => !ours.is_empty(),
            // A name came, went or was given to something else: whichever it is, it may be a link on the way to ours.
            _ => {
                state.writing.retain(|file| !event.paths.contains(file));
                true
            }
        }
    }
}
