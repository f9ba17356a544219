//! Secrets that a provider hands over itself, in a request that nothing signs: who is waited for, and where they are kept.
//!
//! 1. Nobody hands anything over unless an operator opened a window for it: one secret of one integration, one taking, an end.
//! 2. A window is in memory only: a restart closes it. What was taken is in a file of its own under the state directory.
//! 3. The file is replaced whole: written beside itself with mode 0600, synced, renamed, and the directory synced. Only then
//!    is the text published, so that whoever is told "taken" finds it after a crash, too.
//! 4. The secret before it is valid until that moment; a window that ends unused changes nothing.
//! 5. One taker at a time: who enters while another is inside finds no window. One that breaks off leaves it open; one that
//!    was overtaken by another arming takes nothing.
//! 6. An offer without a window is counted and told, at most once in [`TOLD_EVERY`] for an integration.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::secrets::live::LiveTexts;
use crate::secrets::spec::SecretSource;

/// How often the log tells of offers that nobody waits for.
pub const TOLD_EVERY: Duration = Duration::from_secs(10);
/// The directory under the state directory.
const DIRECTORY: &str = "handshakes";

/// Where a secret that was handed over is kept. No two secrets share a file: a name of an integration holds no dot.
#[must_use]
pub fn source(state_dir: &Path, integration: &str, id: &SecretId) -> SecretSource {
    SecretSource::Handshake(state_dir.join(DIRECTORY).join(format!("{integration}.{id}")))
}

/// Why a secret was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Another arming came in between.
    #[error("the window was opened anew meanwhile")]
    Overtaken,
    /// It could not be written down.
    #[error("{path} cannot be written: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// What there is to say of an integration's handovers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandoverState {
    /// The secret that is waited for, and until when.
    pub armed: Option<(SecretId, UnixTime)>,
    /// How many offers nobody waited for.
    pub refused: u64,
    /// When the last one came.
    pub last_refused: Option<UnixTime>,
}

/// All windows of a gateway.
#[derive(Debug, Default)]
pub struct Handovers {
    /// One for each integration that was armed or offered something: as many as there are integrations that may be.
    books: Mutex<BTreeMap<IntegrationName, Book>>,
    texts: Arc<LiveTexts>,
}

#[derive(Debug, Default)]
struct Book {
    window: Option<Window>,
    armings: u64,
    refused: u64,
    last_refused: Option<UnixTime>,
    last_told: Option<UnixTime>,
}

#[derive(Debug)]
struct Window {
    secret: SecretId,
    source: SecretSource,
    until: UnixTime,
    is_taken: bool,
}

impl Handovers {
    /// Publishes what is taken among these texts.
    #[must_use]
    pub fn new(texts: Arc<LiveTexts>) -> Self {
        Self { books: Mutex::default(), texts }
    }

    /// Opens the window of a secret; the one that was open is gone.
    pub fn arm(&self, integration: &IntegrationName, secret: &SecretId, source: &SecretSource, until: UnixTime) {
        let mut books = self.books.lock();
        let book = books.entry(integration.clone()).or_default();
        book.armings = book.armings.saturating_add(1);
        book.window = Some(Window { secret: secret.clone(), source: source.clone(), until, is_taken: false });
    }

    /// Enters the open window of an integration, alone.
    #[must_use]
    pub fn enter(self: &Arc<Self>, integration: &IntegrationName, now: UnixTime) -> Option<Taking> {
        let mut books = self.books.lock();
        let book = books.get_mut(integration)?;
        let window = book.window.as_mut().filter(|window| now < window.until && !window.is_taken)?;
        window.is_taken = true;
        Some(Taking {
            handovers: Arc::clone(self),
            integration: integration.clone(),
            secret: window.secret.clone(),
            source: window.source.clone(),
            arming: book.armings,
        })
    }

    /// Counts an offer that nobody waits for; whether the log should tell of it.
    pub fn refuse(&self, integration: &IntegrationName, now: UnixTime) -> bool {
        let mut books = self.books.lock();
        let book = books.entry(integration.clone()).or_default();
        book.refused = book.refused.saturating_add(1);
        book.last_refused = Some(now);
        let is_told = book.last_told.is_none_or(|last| now.since(last) >= TOLD_EVERY);
        if is_told {
            book.last_told = Some(now);
        }
        is_told
    }

    /// What there is to say of an integration.
    #[must_use]
    pub fn state(&self, integration: &IntegrationName, now: UnixTime) -> HandoverState {
        let books = self.books.lock();
        let Some(book) = books.get(integration) else { return HandoverState::default() };
        let open = book.window.as_ref().filter(|window| now < window.until);
        HandoverState {
            armed: open.map(|window| (window.secret.clone(), window.until)),
            refused: book.refused,
            last_refused: book.last_refused,
        }
    }
}

/// The only taker of a window. Dropped without a secret, it leaves the window open.
#[derive(Debug)]
#[must_use]
pub struct Taking {
    handovers: Arc<Handovers>,
    integration: IntegrationName,
    secret: SecretId,
    source: SecretSource,
    arming: u64,
}

impl Taking {
    /// Which secret is waited for.
    #[must_use]
    pub const fn secret(&self) -> &SecretId {
        &self.secret
    }

    /// Writes the secret down, publishes it and closes the window. Waits for the disk.
    ///
    /// # Errors
    /// [`HandoverError`]: nothing changed, and the window is still open unless another arming opened its own.
    pub fn keep(self, text: SecretBytes) -> Result<(), HandoverError> {
        if !self.is_current() {
            return Err(HandoverError::Overtaken);
        }
        let SecretSource::Handshake(path) = &self.source else { return Err(HandoverError::Overtaken) };
        replace(path, text.expose()).map_err(|source| HandoverError::Unwritable { path: path.clone(), source })?;
        self.handovers.texts.publish(self.source.clone(), text);
        let mut books = self.handovers.books.lock();
        if let Some(book) = books.get_mut(&self.integration).filter(|book| book.armings == self.arming) {
            book.window = None;
        }
        Ok(())
    }

    fn is_current(&self) -> bool {
        self.handovers.books.lock().get(&self.integration).is_some_and(|book| book.armings == self.arming)
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let mut books = self.handovers.books.lock();
        let book = books.get_mut(&self.integration).filter(|book| book.armings == self.arming);
        if let Some(window) = book.and_then(|book| book.window.as_mut()) {
            window.is_taken = false;
        }
    }
}

/// The file beside begins with a dot, as the name of no integration does.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Err(io::ErrorKind::InvalidInput.into()) };
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let beside = directory.join(hidden);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(directory)?.sync_all()?;
    // The directory itself may be new.
    directory.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn name() -> IntegrationName {
        "tasks".parse().unwrap()
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn armed(folder: &Path) -> (Arc<Handovers>, Arc<LiveTexts>, SecretSource) {
        let texts = Arc::new(LiveTexts::default());
        let id = "current".parse().unwrap();
        let source = source(folder, "tasks", &id);
        let handovers = Arc::new(Handovers::new(Arc::clone(&texts)));
        handovers.arm(&name(), &id, &source, at(100));
        (handovers, texts, source)
    }

    #[test]
    fn one_taker_in_an_open_window() {
        let folder = tempfile::tempdir().unwrap();
        let (handovers, texts, source) = armed(folder.path());
        assert!(handovers.enter(&"other".parse().unwrap(), at(0)).is_none());
        assert!(handovers.enter(&name(), at(100)).is_none(), "it has ended");
        let taking = handovers.enter(&name(), at(99)).unwrap();
        assert!(handovers.enter(&name(), at(99)).is_none(), "another is inside");
        drop(taking);
        let taking = handovers.enter(&name(), at(99)).unwrap();
        assert_eq!((texts.revision(), texts.text(&source).is_none()), (0, true));
        taking.keep(SecretBytes::new(b"the secret of some length".to_vec())).unwrap();
        assert_eq!((texts.revision(), texts.text(&source).unwrap().expose()), (1, &b"the secret of some length"[..]));
        assert!(handovers.enter(&name(), at(99)).is_none(), "one handshake");
        let SecretSource::Handshake(path) = &source else { panic!() };
        assert_eq!(fs::read(path).unwrap(), b"the secret of some length");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn who_was_overtaken_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (handovers, texts, source) = armed(folder.path());
        let late = handovers.enter(&name(), at(1)).unwrap();
        handovers.arm(&name(), &"current".parse().unwrap(), &source, at(200));
        let next = handovers.enter(&name(), at(150)).unwrap();
        assert!(matches!(late.keep(SecretBytes::new(b"late".to_vec())), Err(HandoverError::Overtaken)));
        assert!(handovers.enter(&name(), at(150)).is_none(), "the other is still inside");
        next.keep(SecretBytes::new(b"next".to_vec())).unwrap();
        assert_eq!(texts.text(&source).unwrap().expose(), b"next");
    }

    #[test]
    fn what_cannot_be_written_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (handovers, texts, _) = armed(folder.path());
        fs::write(folder.path().join(DIRECTORY), "in the way").unwrap();
        let taking = handovers.enter(&name(), at(1)).unwrap();
        let error = taking.keep(SecretBytes::new(b"the secret".to_vec())).unwrap_err();
        assert!(matches!(error, HandoverError::Unwritable { .. }) && !error.to_string().contains("the secret"));
        assert_eq!(texts.revision(), 0);
        assert!(handovers.enter(&name(), at(1)).is_some(), "it is still open");
    }

    #[test]
    fn offers_are_counted_and_told_now_and_then() {
        let handovers = Handovers::default();
        let told: Vec<bool> = [0, 1, 9, 10, 11].map(|second| handovers.refuse(&name(), at(second))).into();
        assert_eq!(told, [true, false, false, true, false]);
        let state = handovers.state(&name(), at(20));
        assert_eq!(state, HandoverState { armed: None, refused: 5, last_refused: Some(at(11)) });
    }
}
