//! What is fetched when somebody first names it: held for a while, asked for once, and never at a stranger's pace.
//!
//! 1. Whoever names what is held gets it. Whoever names what is being fetched waits for that one answer.
//! 2. What is not known is fetched within bounds: [`UNDER_WAY_MAX`] at once, [`PER_MINUTE`] a minute, and of one source no more
//!    than [`PER_SOURCE`] that proved nothing. Over a bound the answer is no, at once.
//! 3. What did not come is remembered as absent for [`ABSENT_FOR`]: whoever names it again gets no, and nobody is asked.
//! 4. What came is unproven until whoever uses it says that it was good for something. [`UNPROVEN_MAX`] are held, for
//!    [`UNPROVEN_FOR`], and make room for each other; what is proven makes room for what is proven only.
//! 5. What is proven is due for another fetch after [`REFRESH_AFTER`], and given up [`AGE_MAX`] after it last came, or at its end.
//!
//! Pure but for the channel on which waiters wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::minute::Minute;
use crate::domain::address::SourceKey;
use crate::domain::https_url::HttpsUrl;
use crate::domain::time::{Monotonic, Now, UnixTime};

/// How many are fetched at once.
pub const UNDER_WAY_MAX: usize = 4;
/// How many fetches may begin in a minute.
pub const PER_MINUTE: u32 = 20;
/// How many may be held, under way or absent at the word of one source without having proved anything.
pub const PER_SOURCE: usize = 3;
/// How long what did not come is not asked for again.
pub const ABSENT_FOR: Duration = Duration::from_secs(30);
/// How many that proved nothing are held.
pub const UNPROVEN_MAX: usize = 4;
/// For how long.
pub const UNPROVEN_FOR: Duration = Duration::from_secs(600);
/// How many that are proven are held: one is in use, one comes, one goes.
pub const PROVEN_MAX: usize = 8;
/// How old what is proven becomes before it is fetched again.
pub const REFRESH_AFTER: Duration = Duration::from_secs(6 * 3600);
/// How old it becomes at most.
pub const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How soon a refresh that failed is tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(60);

/// As many as can be absent by rules 2 and 3, and some.
const ABSENT_MAX: usize = 32;

/// What becomes of somebody who names a URL.
#[derive(Debug)]
pub enum Looked<T> {
    /// It is there.
    Held(Arc<T>),
    /// It is being fetched: wait for it.
    Wait(Coming<T>),
    /// Nobody fetches it yet: fetch it, and wait like the others.
    Fetch(Ticket<T>, Coming<T>),
    /// It did not come a moment ago.
    Absent,
    /// Too much is asked for.
    Busy,
}

/// What comes, or does not.
#[derive(Clone, Debug)]
pub struct Coming<T>(watch::Receiver<Option<Arc<T>>>);

impl<T> Coming<T> {
    /// Waits until it has come; `None` when it will not.
    pub async fn wait(mut self) -> Option<Arc<T>> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|came| came.clone())
    }
}

/// The right to fetch one URL, and the duty to say what came. Dropped without a word, it did not come.
#[derive(Debug)]
#[must_use = "others wait for it"]
pub struct Ticket<T> {
    shelf: Arc<Shelf<T>>,
    url: HttpsUrl,
    began: Monotonic,
    tell: watch::Sender<Option<Arc<T>>>,
}

impl<T> Ticket<T> {
    /// The URL.
    #[must_use]
    pub const fn url(&self) -> &HttpsUrl {
        &self.url
    }

    /// It came, and is good until `ends`.
    pub fn came(self, value: T, ends: UnixTime, now: Now) {
        let value = Arc::new(value);
        self.shelf.put(&self.url, Arc::clone(&value), ends, now);
        self.tell.send_replace(Some(value));
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.shelf.give_up(&self.url, self.began);
    }
}

/// Everything that is known of the URLs of one kind.
#[derive(Debug)]
pub struct Shelf<T>(Mutex<Books<T>>);

#[derive(Debug)]
struct Books<T> {
    known: BTreeMap<HttpsUrl, Book<T>>,
    minute: Minute,
}

#[derive(Debug)]
struct Book<T> {
    asked_by: SourceKey,
    /// When it came, or was given up, or began.
    since: Monotonic,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    UnderWay(watch::Receiver<Option<Arc<T>>>),
    Absent,
    Unproven(Arc<T>, UnixTime),
    Proven { value: Arc<T>, ends: UnixTime, due: Monotonic, failing: bool },
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::new(Books { known: BTreeMap::new(), minute: Minute::default() }))
    }
}

impl<T> Shelf<T> {
    /// Looks for what a URL names, at the word of a source.
    pub fn look(self: &Arc<Self>, url: &HttpsUrl, asked_by: SourceKey, now: Now) -> Looked<T> {
        let mut books = self.0.lock();
        books.forget(now);
        match books.known.get(url).map(|book| &book.state) {
            Some(State::Unproven(value, _) | State::Proven { value, .. }) => return Looked::Held(Arc::clone(value)),
            Some(State::UnderWay(coming)) => return Looked::Wait(Coming(coming.clone())),
            Some(State::Absent) => return Looked::Absent,
            None => {}
        }
        if !books.may_begin(asked_by, now.monotonic) {
            return Looked::Busy;
        }
        let (tell, coming) = watch::channel(None);
        let state = State::UnderWay(coming.clone());
        books.known.insert(url.clone(), Book { asked_by, since: now.monotonic, state });
        let ticket = Ticket { shelf: Arc::clone(self), url: url.clone(), began: now.monotonic, tell };
        Looked::Fetch(ticket, Coming(coming))
    }

    /// What a URL named was good for something.
    pub fn proved(&self, url: &HttpsUrl) {
        let mut books = self.0.lock();
        let Some(book) = books.known.get_mut(url) else { return };
        if let State::Unproven(value, ends) = &book.state {
            let (value, ends, due) = (Arc::clone(value), *ends, book.since.plus(REFRESH_AFTER));
            book.state = State::Proven { value, ends, due, failing: false };
            books.keep_newest(PROVEN_MAX, |state| matches!(state, State::Proven { .. }));
        }
    }

    /// What is proven and due for another fetch.
    #[must_use]
    pub fn due(&self, now: Now) -> Vec<HttpsUrl> {
        let mut books = self.0.lock();
        books.forget(now);
        let is_due = |state: &State<T>| matches!(state, State::Proven { due, .. } if *due <= now.monotonic);
        books.known.iter().filter(|(_, book)| is_due(&book.state)).map(|(url, _)| url.clone()).collect()
    }

    /// What was due came again.
    pub fn renewed(&self, url: &HttpsUrl, value: T, ends: UnixTime, now: Now) {
        let due = now.monotonic.plus(REFRESH_AFTER);
        if let Some(book) = self.0.lock().known.get_mut(url) {
            book.since = now.monotonic;
            book.state = State::Proven { value: Arc::new(value), ends, due, failing: false };
        }
    }

    /// What was due did not come again.
    pub fn not_renewed(&self, url: &HttpsUrl, now: Now) {
        if let Some(Book { state: State::Proven { due, failing, .. }, .. }) = self.0.lock().known.get_mut(url) {
            (*due, *failing) = (now.monotonic.plus(RETRY_AFTER), true);
        }
    }

    /// What is proven and did not come again when it was due.
    #[must_use]
    pub fn failing(&self) -> Vec<HttpsUrl> {
        let books = self.0.lock();
        let is_failing = |state: &State<T>| matches!(state, State::Proven { failing: true, .. });
        books.known.iter().filter(|(_, book)| is_failing(&book.state)).map(|(url, _)| url.clone()).collect()
    }

    fn put(&self, url: &HttpsUrl, value: Arc<T>, ends: UnixTime, now: Now) {
        let mut books = self.0.lock();
        if let Some(book) = books.known.get_mut(url) {
            book.since = now.monotonic;
            book.state = State::Unproven(value, ends);
            books.keep_newest(UNPROVEN_MAX, |state| matches!(state, State::Unproven(..)));
        }
    }

    /// Only what is still under way is absent from now on.
    fn give_up(&self, url: &HttpsUrl, began: Monotonic) {
        let mut books = self.0.lock();
        if let Some(book @ Book { state: State::UnderWay(_), .. }) = books.known.get_mut(url) {
            book.since = began;
            book.state = State::Absent;
            books.keep_newest(ABSENT_MAX, |state| matches!(state, State::Absent));
        }
    }
}

impl<T> Books<T> {
    fn forget(&mut self, now: Now) {
        self.known.retain(|_, book| {
            let age = now.monotonic.since(book.since);
            match &book.state {
                State::UnderWay(_) => true,
                State::Absent => age < ABSENT_FOR,
                State::Unproven(_, ends) => age < UNPROVEN_FOR && now.wall < *ends,
                State::Proven { ends, .. } => age < AGE_MAX && now.wall < *ends,
            }
        });
    }

    /// Rule 2.
    fn may_begin(&mut self, asked_by: SourceKey, now: Monotonic) -> bool {
        let under_way = self.known.values().filter(|book| matches!(book.state, State::UnderWay(_))).count();
        let of_source = |book: &&Book<T>| book.asked_by == asked_by && !matches!(book.state, State::Proven { .. });
        if under_way >= UNDER_WAY_MAX || self.known.values().filter(of_source).count() >= PER_SOURCE {
            return false;
        }
        self.minute.take(PER_MINUTE, now)
    }

    /// Of those of a state, forgets the oldest beyond a number.
    fn keep_newest(&mut self, most: usize, of_state: impl Fn(&State<T>) -> bool) {
        while self.known.values().filter(|book| of_state(&book.state)).count() > most {
            let those = self.known.iter().filter(|(_, book)| of_state(&book.state));
            let Some(oldest) = those.min_by_key(|(_, book)| book.since).map(|(url, _)| url.clone()) else { return };
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Source;

    fn at(seconds: u64) -> Now {
        let monotonic = Monotonic::from_duration(Duration::from_secs(seconds));
        Now { wall: UnixTime::from_seconds(i64::try_from(seconds).unwrap()), monotonic }
    }

    fn url(name: u32) -> HttpsUrl {
        format!("https://keys.example.com/{name}").parse().unwrap()
    }

    fn source(number: u32) -> SourceKey {
        Source::new(std::net::Ipv4Addr::from(number).into()).limit_key()
    }

    const FAR: UnixTime = UnixTime::from_seconds(1 << 40);

    fn begin(shelf: &Arc<Shelf<u32>>, name: u32, by: u32, now: u64) -> Option<Ticket<u32>> {
        match shelf.look(&url(name), source(by), at(now)) {
            Looked::Fetch(ticket, _) => Some(ticket),
            _ => None,
        }
    }

    fn held(shelf: &Arc<Shelf<u32>>, name: u32, now: u64) -> Option<u32> {
        match shelf.look(&url(name), source(999), at(now)) {
            Looked::Held(value) => Some(*value),
            _ => None,
        }
    }

    fn put(shelf: &Arc<Shelf<u32>>, name: u32, by: u32, now: u64) {
        begin(shelf, name, by, now).unwrap().came(name, FAR, at(now));
    }

    #[tokio::test]
    async fn one_fetches_and_all_get_what_came() {
        let shelf: Arc<Shelf<u32>> = Arc::default();
        let Looked::Fetch(ticket, first) = shelf.look(&url(1), source(1), at(0)) else { panic!() };
        let Looked::Wait(second) = shelf.look(&url(1), source(2), at(1)) else { panic!() };
        ticket.came(7, FAR, at(2));
        assert_eq!(
            (first.wait().await.as_deref(), second.wait().await.as_deref(), held(&shelf, 1, 3)),
            (Some(&7), Some(&7), Some(7))
        );
        let Looked::Fetch(ticket, first) = shelf.look(&url(2), source(1), at(3)) else { panic!() };
        drop(ticket);
        assert!(first.wait().await.is_none());
        assert!(matches!(shelf.look(&url(2), source(2), at(3 + 29)), Looked::Absent));
        assert!(begin(&shelf, 2, 2, 3 + 30).is_some());
    }

    #[test]
    fn what_is_not_known_is_fetched_within_bounds() {
        let shelf: Arc<Shelf<u32>> = Arc::default();
        let under_way: Vec<_> = (0..4).map(|name| begin(&shelf, name, name, 0).unwrap()).collect();
        assert!(matches!(shelf.look(&url(9), source(9), at(0)), Looked::Busy), "four are under way");
        drop(under_way);
        for name in 10..13 {
            assert!(begin(&shelf, name, 50, 1).is_some());
        }
        assert!(matches!(shelf.look(&url(13), source(50), at(1)), Looked::Busy), "the source asked for three");
        assert!(begin(&shelf, 13, 51, 1).is_some(), "another did not");
        for name in 20..32 {
            assert!(begin(&shelf, name, name, 2).is_some(), "{name}");
        }
        assert!(matches!(shelf.look(&url(32), source(32), at(2)), Looked::Busy), "the minute is spent");
        assert!(begin(&shelf, 33, 33, 60).is_some());
    }

    #[test]
    fn what_is_proven_stays_whatever_else_comes() {
        let shelf: Arc<Shelf<u32>> = Arc::default();
        put(&shelf, 1, 1, 0);
        shelf.proved(&url(1));
        shelf.proved(&url(2));
        for name in 100..400 {
            if let Some(ticket) = begin(&shelf, name, name, u64::from(name)) {
                ticket.came(name, FAR, at(u64::from(name)));
            }
        }
        assert_eq!(held(&shelf, 1, 400), Some(1));
        let unproven = (100..400).filter(|name| held(&shelf, *name, 400).is_some()).count();
        assert_eq!(unproven, UNPROVEN_MAX);
        assert!(shelf.0.lock().known.len() <= 1 + UNPROVEN_MAX + ABSENT_MAX + UNDER_WAY_MAX);
        for name in 1000..1100_u32 {
            let _ = begin(&shelf, name, name, u64::from(name) * 60);
            assert!(shelf.0.lock().known.len() <= 1 + UNPROVEN_MAX + ABSENT_MAX + UNDER_WAY_MAX);
        }
        // Only what is proven, too, takes its place: the oldest goes.
        let shelf: Arc<Shelf<u32>> = Arc::default();
        for name in 0..=8 {
            put(&shelf, name, name, u64::from(name) * 10);
            shelf.proved(&url(name));
        }
        assert_eq!((held(&shelf, 0, 90), held(&shelf, 1, 90), held(&shelf, 8, 90)), (None, Some(1), Some(8)));
    }

    #[test]
    fn what_is_old_is_fetched_again_and_given_up_in_the_end() {
        let shelf: Arc<Shelf<u32>> = Arc::default();
        let hour = 3600;
        put(&shelf, 1, 1, 0);
        put(&shelf, 2, 2, 0);
        shelf.proved(&url(1));
        assert_eq!(held(&shelf, 2, 599), Some(2));
        assert_eq!(held(&shelf, 2, 600), None, "unproven");
        assert!(shelf.due(at(6 * hour - 1)).is_empty());
        assert_eq!(shelf.due(at(6 * hour)), [url(1)]);
        shelf.not_renewed(&url(1), at(6 * hour));
        assert!(shelf.due(at(6 * hour + 59)).is_empty() && shelf.failing() == [url(1)]);
        assert_eq!(shelf.due(at(6 * hour + 60)), [url(1)]);
        shelf.renewed(&url(1), 5, UnixTime::from_seconds(40 * 3600), at(7 * hour));
        assert!(shelf.failing().is_empty());
        assert_eq!(held(&shelf, 1, 31 * hour - 1), Some(5));
        assert_eq!(held(&shelf, 1, 31 * hour), None, "too old");
        let shelf: Arc<Shelf<u32>> = Arc::default();
        begin(&shelf, 1, 1, 0).unwrap().came(1, UnixTime::from_seconds(50), at(0));
        shelf.proved(&url(1));
        assert_eq!((held(&shelf, 1, 49), held(&shelf, 1, 50)), (Some(1), None), "it ends");
    }
}
